//! Recorded values → texts of a step: captures where answers gave them, references where they are secrets.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value as Json;

use super::correlate::{CorrelatedValue, RecordedValues, ValueUse};
use crate::draft::JsonDraft as Tree;
use crate::note::ImportNotes;
use crate::secrets::{FoundSecrets, is_secret, key_within, secret_spans};
use crate::text::{DraftText, TextPiece};

/// What turns recorded values into steps.
pub(super) struct StepWriter<'a> {
    pub(super) values: &'a mut RecordedValues,
    pub(super) secrets: &'a mut FoundSecrets,
    pub(super) notes: &'a mut ImportNotes,
    /// The day of the recording: dates are told from it.
    pub(super) today: jiff::civil::Date,
    /// Segments of paths that are no secrets.
    pub(super) public: &'a BTreeSet<String>,
}

/// The request in which a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValuePlace<'p> {
    /// The step's name.
    pub(super) step: &'p str,
    /// When the request began, in microseconds since 1970.
    pub(super) start: i64,
}

impl StepWriter<'_> {
    /// What takes the place of the `value` of `key`.
    pub(super) fn value(&mut self, key: &str, value: &str, place: ValuePlace<'_>) -> DraftText {
        if let Some(found) = self.values.find(value, ValueUse::Key(key), place.start) {
            return DraftText::expression(found.expression);
        }
        let parts = self.values.find_parts(value, place.start);
        if parts.is_empty() && is_secret(key, value) {
            let what = format!("`{key}` of {}", place.step);
            return DraftText(vec![self.secrets.hide(key, value, &what, self.notes)]);
        }
        if let Some(days) = self.days_ahead(value) {
            return DraftText::expression(format!("date(days={days})"));
        }
        let text = self.with_parts(value, parts, place);
        if text.as_literal().is_some() {
            self.values.sent(value);
        }
        text
    }

    /// A text with captures and references to secrets in the places of what they stand for.
    pub(super) fn spliced(&mut self, text: &str, place: ValuePlace<'_>) -> DraftText {
        let parts = self.values.find_parts(text, place.start);
        self.with_parts(text, parts, place)
    }

    fn with_parts(
        &mut self,
        text: &str,
        parts: Vec<(Range<usize>, CorrelatedValue)>,
        place: ValuePlace<'_>,
    ) -> DraftText {
        let captured: Vec<Range<usize>> = parts.iter().map(|(span, _)| span.clone()).collect();
        let mut spans: Vec<(Range<usize>, TextPiece)> = parts
            .into_iter()
            .map(|(span, found)| (span, TextPiece::Expression(found.expression)))
            .collect();
        for (span, key) in secret_spans(text) {
            let apart = |known: &Range<usize>| known.end <= span.start || span.end <= known.start;
            if captured.iter().all(apart) {
                let what = format!("`{key}` of {}", place.step);
                let piece = self.secrets.hide(&key, &text[span.clone()], &what, self.notes);
                spans.push((span, piece));
            }
        }
        spans.sort_by_key(|(span, _)| span.start);
        DraftText::spliced(text, spans)
    }

    /// A date on or after the day of the recording, within a year, as days from it.
    fn days_ahead(&mut self, value: &str) -> Option<i64> {
        if value.len() != 10 {
            return None;
        }
        let date: jiff::civil::Date = value.parse().ok()?;
        let days = i64::from((date - self.today).get_days());
        if !(0..=366).contains(&days) {
            return None;
        }
        self.notes.change("a date: counted from the day of the run", value.to_owned());
        Some(days)
    }

    /// A user or password: secret whatever it looks like, unless an answer gave it.
    pub(super) fn credential(
        &mut self,
        key: &str,
        value: &str,
        place: ValuePlace<'_>,
    ) -> DraftText {
        if value.is_empty() {
            return DraftText::literal("");
        }
        if let Some(found) = self.values.find(value, ValueUse::Key(key), place.start) {
            return DraftText::expression(found.expression);
        }
        let what = format!("`{key}` of {}", place.step);
        DraftText(vec![self.secrets.hide(key, value, &what, self.notes)])
    }

    /// JSON with captures and references to secrets; `key` is the nearest one above.
    pub(super) fn json(&mut self, key: &str, json: &Json, place: ValuePlace<'_>) -> Tree {
        match json {
            Json::String(text) => self.json_text(key, text, place),
            Json::Number(number) => {
                let text = number.to_string();
                match self.values.find(&text, ValueUse::Key(key), place.start) {
                    Some(CorrelatedValue { expression, is_text: false }) => {
                        Tree::Text(DraftText::expression(expression))
                    }
                    Some(CorrelatedValue { expression, is_text: true }) => {
                        Tree::Text(DraftText::expression(format!("{expression} | int")))
                    }
                    None if is_secret(key, &text) => {
                        let what = format!("`{key}` of {}", place.step);
                        Tree::Text(DraftText(vec![
                            self.secrets.hide(key, &text, &what, self.notes),
                        ]))
                    }
                    None => {
                        self.values.sent(&text);
                        Tree::Scalar(json.clone())
                    }
                }
            }
            Json::Array(items) => {
                Tree::List(items.iter().map(|item| self.json(key, item, place)).collect())
            }
            Json::Object(entries) => {
                let entry = |writer: &mut Self, (inner, value): (&String, &Json)| {
                    (inner.clone(), writer.json(&key_within(key, inner), value, place))
                };
                Tree::Map(entries.iter().map(|pair| entry(self, pair)).collect())
            }
            scalar => Tree::Scalar(scalar.clone()),
        }
    }

    fn json_text(&mut self, key: &str, text: &str, place: ValuePlace<'_>) -> Tree {
        let written = self.value(key, text, place);
        // A text that an answer gave as a number must stay a text.
        match (&written.0[..], self.values.find(text, ValueUse::Key(key), place.start)) {
            ([TextPiece::Expression(name)], Some(CorrelatedValue { is_text: false, .. })) => {
                Tree::Text(DraftText::expression(format!("{name} | string")))
            }
            _ => Tree::Text(written),
        }
    }
}
