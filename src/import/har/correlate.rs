//! Values that one answer gave and a later request used: captured, so that every user gets its own.

mod origin;
mod page;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use serde_json::Value as Json;

use self::origin::{
    AnswerContext, PathPart, ValueOrigin, is_small, is_wrapper, json_path, owner_of,
};
pub(super) use self::origin::{ValueUse, is_number};
use self::page::page_values;
use super::select::{RecordedExchange, RequestClass};
use crate::draft::{CaptureDraft, CaptureOrigin};
use crate::names::{UniqueNames, is_opaque, is_reserved, snake};

/// The most values that are remembered of one answer.
const VALUES_MAX: usize = 20_000;
/// The most places of one value that are remembered.
const PLACES_MAX: usize = 4;
/// Shorter values are looked for as a whole only, never inside of others.
const PART_LENGTH: usize = 16;
/// How deep answers are looked into.
const DEPTH_MAX: usize = 32;

/// Headers of answers that no request sends back.
const OF_THE_ANSWER: [&str; 29] = [
    "date",
    "server",
    "via",
    "age",
    "vary",
    "expires",
    "last-modified",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "cache-control",
    "pragma",
    "allow",
    "link",
    "alt-svc",
    "nel",
    "report-to",
    "cf-ray",
    "x-request-id",
    "x-amz-cf-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-trace-id",
    "x-runtime",
    "x-served-by",
    "x-timer",
    "server-timing",
    "set-cookie",
    "location",
];

/// What is known so far of a recording.
#[derive(Debug, Default)]
pub(super) struct RecordedValues {
    known: HashMap<String, Vec<ValueOrigin>>,
    /// Those among them that may stand inside of others, by their first characters: long and random.
    long: HashMap<[u8; PART_LENGTH], Vec<String>>,
    /// Values that requests sent before any answer had them: what the user typed.
    typed: HashSet<String>,
    names: UniqueNames<(usize, String)>,
    /// Captures by the exchange that they belong to.
    captures: BTreeMap<usize, Vec<CaptureDraft>>,
    /// Numbers that may be ids of an answer, or the same by chance.
    doubtful: Vec<String>,
}

/// A value that can be captured.
#[derive(Debug, Clone)]
pub(super) struct CorrelatedValue {
    /// What gives it: the captured value's name, or a part of it.
    pub(super) expression: String,
    /// Whether it is a text in the answer: JSON's numbers stay numbers.
    pub(super) is_text: bool,
}

impl RecordedValues {
    /// The capture that gives `value` to a request that began at `start`, if an answer before it had it.
    pub(super) fn find(
        &mut self,
        value: &str,
        place: ValueUse<'_>,
        start: i64,
    ) -> Option<CorrelatedValue> {
        if self.typed.contains(value) {
            return None;
        }
        let origins = self.known.get(value)?.iter().rev();
        let mut origins = origins.filter(|origin| origin.known_at <= start).peekable();
        origins.peek()?;
        if is_small(value) {
            if origins.any(|origin| origin.leads_to(value, place)) {
                self.doubtful.push(format!("{value} in {place}"));
            }
            return None;
        }
        let Some(origin) = origins.find(|origin| origin.fits(value, place)).cloned() else {
            if is_number(value) && matches!(place, ValueUse::Path(_)) {
                self.doubtful.push(format!("{value} in {place}"));
            }
            return None;
        };
        Some(self.correlated(&origin))
    }

    /// Long values that stand inside `text`, such as a token behind `Bearer`, each with its capture.
    pub(super) fn find_parts(
        &mut self,
        text: &str,
        start: i64,
    ) -> Vec<(Range<usize>, CorrelatedValue)> {
        let mut found = vec![];
        let bytes = text.as_bytes();
        let mut at = 0;
        while at + PART_LENGTH <= bytes.len() {
            let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
            match self.part_at(text, at, start).filter(|_| begins) {
                Some((length, origin)) => {
                    found.push((at..at + length, self.correlated(&origin)));
                    at += length;
                }
                None => at += 1,
            }
        }
        found
    }

    fn part_at(&self, text: &str, at: usize, start: i64) -> Option<(usize, ValueOrigin)> {
        let head = text.as_bytes()[at..at + PART_LENGTH].try_into().ok()?;
        let rest = text.get(at..)?;
        let whole = |value: &&String| {
            rest.starts_with(value.as_str())
                && !rest.as_bytes().get(value.len()).is_some_and(u8::is_ascii_alphanumeric)
        };
        let value = self
            .long
            .get::<[u8; PART_LENGTH]>(head)?
            .iter()
            .filter(whole)
            .max_by_key(|v| v.len())?;
        let origins = self.known.get(value)?;
        let origin = origins.iter().rev().find(|origin| origin.known_at <= start)?;
        (!self.typed.contains(value)).then(|| (value.len(), origin.clone()))
    }

    fn correlated(&mut self, origin: &ValueOrigin) -> CorrelatedValue {
        let expression = format!("{}{}", self.capture(origin), origin.part);
        CorrelatedValue { expression, is_text: origin.is_text }
    }

    /// Notes what a request sent of its own.
    pub(super) fn sent(&mut self, value: &str) {
        if !value.is_empty() && !self.known.contains_key(value) {
            self.typed.insert(value.to_owned());
        }
    }

    /// Notes what an answer brought.
    pub(super) fn answered(&mut self, number: usize, exchange: &RecordedExchange<'_>) {
        let owner = owner_of(&exchange.url);
        let mut answer = AnswerContext { number, known_at: exchange.end, owner: &owner, count: 0 };
        for header in &exchange.response.headers {
            let name = header.name.to_ascii_lowercase();
            if name == "set-cookie" {
                self.cookie(&answer, &header.value);
            } else if !OF_THE_ANSWER.contains(&name.as_str())
                && !name.starts_with("content-")
                && !name.starts_with("access-control-")
            {
                let source = CaptureOrigin::Header(name.clone());
                let key = name.trim_start_matches("x-");
                // `Bearer …` is sent back as it came, or without the scheme.
                let value = header.value.trim();
                self.remember(value, ValueOrigin::new(&answer, source, key));
            }
        }
        self.location(&answer, exchange.response.location());
        let content = &exchange.response.content;
        let Some(text) = super::file::decoded(content) else { return };
        if content.mime_type.contains("json") || text.starts_with(['{', '[']) {
            if let Ok(json) = super::file::read::<Json>(&text) {
                self.json(&mut answer, &json, &mut vec![]);
            }
        } else if exchange.class == RequestClass::Document {
            for (value, (source, key)) in page_values(&text) {
                self.remember(&value, ValueOrigin::new(&answer, source, &key));
            }
        }
    }

    /// The captures of an exchange.
    pub(super) fn captures_of(&self, number: usize) -> Vec<CaptureDraft> {
        self.captures.get(&number).cloned().unwrap_or_default()
    }

    /// Numbers that were left as they are, though an answer had them and they may be its ids.
    pub(super) fn doubtful(&self) -> &[String] {
        &self.doubtful
    }

    fn cookie(&mut self, answer: &AnswerContext<'_>, set: &str) {
        let Some((name, value)) = set.split(';').next().and_then(|pair| pair.split_once('='))
        else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let source = CaptureOrigin::Cookie(name.to_owned());
        self.remember(value, ValueOrigin::new(answer, source, name));
    }

    /// Ids and codes of the URL that an answer leads to: what it created, or a callback.
    fn location(&mut self, answer: &AnswerContext<'_>, location: &str) {
        let (rest, fragment) = location.split_once('#').unwrap_or((location, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let source = || CaptureOrigin::Header("location".to_owned());
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        // Segments before the last are mostly words.
        if let Some((before, last)) = path.rsplit_once('/') {
            let cut = if rest == location && query.is_empty() {
                ""
            } else {
                " | split('#') | first | split('?') | first"
            };
            let owner = before.rsplit('/').next().unwrap_or_default().to_owned();
            let part = format!("{cut} | split('/') | last");
            let origin = ValueOrigin::new(answer, source(), "id");
            self.remember(last, ValueOrigin { part, owner, ..origin });
        }
        for (sign, pairs) in [('?', query), ('#', fragment)] {
            for (index, pair) in pairs.split('&').enumerate() {
                let Some((name, value)) = pair.split_once('=') else { continue };
                if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) {
                    continue;
                }
                let sign = if index == 0 { sign } else { '&' };
                let part = format!(
                    " | split('{sign}{name}=') | last | split('&') | first | split('#') | first"
                );
                self.remember(
                    value,
                    ValueOrigin { part, ..ValueOrigin::new(answer, source(), name) },
                );
            }
        }
    }

    fn json<'j>(
        &mut self,
        answer: &mut AnswerContext<'_>,
        json: &'j Json,
        path: &mut Vec<PathPart<'j>>,
    ) {
        answer.count += 1;
        if answer.count > VALUES_MAX || path.len() > DEPTH_MAX {
            return;
        }
        match json {
            Json::Object(entries) => {
                for (key, value) in entries {
                    path.push(PathPart::Key(key));
                    self.json(answer, value, path);
                    path.pop();
                }
            }
            Json::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    path.push(PathPart::Index(index));
                    self.json(answer, value, path);
                    path.pop();
                }
            }
            Json::String(text) => self.leaf(answer, (text, true), path),
            Json::Number(number) => self.leaf(answer, (number.as_str(), false), path),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn leaf(
        &mut self,
        answer: &AnswerContext<'_>,
        (value, is_text): (&str, bool),
        path: &[PathPart<'_>],
    ) {
        let mut keys = path.iter().rev().filter_map(|part| match part {
            PathPart::Key(key) => Some(*key),
            PathPart::Index(_) => None,
        });
        let Some(key) = keys.next() else { return };
        // Most values are many: what would not be remembered is not described first.
        if !self.is_remembered(value, key) {
            return;
        }
        let owner = keys.find(|key| !is_wrapper(key));
        let owner = owner.map_or_else(|| answer.owner.to_owned(), snake);
        let (exchange, known_at) = (answer.number, answer.known_at);
        let source = CaptureOrigin::Json(json_path(path));
        let (part, key) = (String::new(), key.to_owned());
        let origin = ValueOrigin { exchange, known_at, source, part, key, owner, is_text };
        self.put(value, origin);
    }

    /// Whether one more place of a value is of use, where it stands under `key`.
    fn is_remembered(&self, value: &str, key: &str) -> bool {
        let date = value.len() == 10 && value.parse::<jiff::civil::Date>().is_ok();
        if value.is_empty() || value.len() > 8_192 || date || value.contains(['\n', '{']) {
            return false;
        }
        let is_new = |places: &Vec<ValueOrigin>| {
            places.len() < PLACES_MAX && places.iter().all(|known| known.key != key)
        };
        self.known.get(value).is_none_or(is_new)
    }

    fn remember(&mut self, value: &str, origin: ValueOrigin) {
        if self.is_remembered(value, &origin.key) {
            self.put(value, origin);
        }
    }

    fn put(&mut self, value: &str, origin: ValueOrigin) {
        let places = match self.known.entry(value.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                if let Some(head) = value.as_bytes().first_chunk::<PART_LENGTH>()
                    && is_opaque(value)
                {
                    self.long.entry(*head).or_default().push(value.to_owned());
                }
                new.insert(Vec::with_capacity(1))
            }
        };
        places.push(origin);
    }

    /// The name under which a value is captured; the capture is made where it is not there yet.
    fn capture(&mut self, origin: &ValueOrigin) -> String {
        let thing = (origin.exchange, format!("{:?}", origin.source));
        let mut hints = origin.name_hints();
        hints.retain(|hint| !is_reserved(hint));
        if hints.is_empty() {
            hints = vec!["captured".to_owned()];
        }
        let name = self.names.give(&thing, &hints);
        let capture = CaptureDraft { name: name.clone(), from: origin.source.clone() };
        let captures = self.captures.entry(origin.exchange).or_default();
        if !captures.contains(&capture) {
            captures.push(capture);
        }
        name
    }
}
