//! Values that one answer gave and a later request used: captured, so that every user gets its own.

use std::collections::{BTreeMap, BTreeSet};

use regex::escape;
use serde_json::Value as Json;

use super::select::{RecordedExchange, RequestClass};
use crate::import::draft::{CaptureDraft, CaptureOrigin};
use crate::import::names::{UniqueNames, is_id, is_opaque, is_reserved, singular, snake};

/// The most values that are remembered of one answer.
const VALUES_MAX: usize = 20_000;
/// Shorter values are looked for as a whole only, never inside of others.
const PART_LENGTH: usize = 16;

/// Where a value was seen first.
#[derive(Debug, Clone)]
struct ValueOrigin {
    exchange: usize,
    /// When the answer was complete, in microseconds since 1970.
    known_at: i64,
    source: CaptureOrigin,
    /// The key nearest to it: `id`, `token`.
    key: String,
    name_hint: Vec<String>,
    is_text: bool,
}

/// What is known so far of a recording.
#[derive(Debug, Default)]
pub(super) struct RecordedValues {
    known: BTreeMap<String, ValueOrigin>,
    /// Those among them that may stand inside of others: long and random.
    long: Vec<String>,
    /// Values that requests sent before any answer had them: what the user typed.
    typed: BTreeSet<String>,
    names: UniqueNames<(usize, String)>,
    /// Captures by the exchange that they belong to.
    captures: BTreeMap<usize, Vec<CaptureDraft>>,
    /// HTML pages, for tokens hidden in forms.
    pages: Vec<(usize, i64, String)>,
}

/// Where a request uses a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueUse<'k> {
    /// A segment of the path.
    Path,
    /// A parameter, field or header with this name.
    Key(&'k str),
}

/// A value that can be captured.
#[derive(Debug, Clone)]
pub(super) struct CorrelatedValue {
    pub(super) name: String,
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
        let origin = match self.known.get(value) {
            Some(origin) if origin.known_at <= start && fits(value, origin, place) => {
                origin.clone()
            }
            _ => self.find_in_pages(value, place, start)?,
        };
        Some(CorrelatedValue { name: self.capture(&origin), is_text: origin.is_text })
    }

    /// A long value that stands inside `text`, such as a token behind `Bearer`, with its capture.
    pub(super) fn find_part(
        &mut self,
        text: &str,
        start: i64,
    ) -> Option<(String, CorrelatedValue)> {
        if text.len() < PART_LENGTH {
            return None;
        }
        let inside = self.long.iter().filter(|value| text.contains(value.as_str()));
        let (value, origin) = inside
            .filter_map(|value| Some((value, self.known.get(value)?)))
            .filter(|(_, origin)| origin.known_at <= start)
            .max_by_key(|(value, _)| value.len())?;
        let (value, origin) = (value.clone(), origin.clone());
        Some((value, CorrelatedValue { name: self.capture(&origin), is_text: origin.is_text }))
    }

    /// Notes what a request sent of its own.
    pub(super) fn sent(&mut self, value: &str) {
        if !value.is_empty() && !self.known.contains_key(value) {
            self.typed.insert(value.to_owned());
        }
    }

    /// Notes what the answer to `step` brought.
    pub(super) fn answered(&mut self, number: usize, exchange: &RecordedExchange<'_>, step: &str) {
        for header in &exchange.response.headers {
            if header.name.eq_ignore_ascii_case("set-cookie") {
                self.cookie(number, exchange, &header.value);
            } else if header.name.to_ascii_lowercase().starts_with("x-") {
                let name = header.name.to_ascii_lowercase();
                let hint = vec![snake(name.trim_start_matches("x-"))];
                let source = CaptureOrigin::Header(name.clone());
                self.remember(&header.value, (number, exchange.end), source, (&name, hint));
            }
        }
        let content = &exchange.response.content;
        let Some(text) = super::file::decoded(content) else { return };
        if content.mime_type.contains("json") {
            if let Ok(json) = serde_json::from_str::<Json>(&text) {
                let mut count = 0;
                let place = (number, exchange.end, step);
                self.json(&json, place, &mut vec![], &mut count);
            }
        } else if exchange.class == RequestClass::Document {
            self.pages.push((number, exchange.end, text));
        }
    }

    /// The captures of an exchange.
    pub(super) fn captures_of(&self, number: usize) -> Vec<CaptureDraft> {
        self.captures.get(&number).cloned().unwrap_or_default()
    }

    fn cookie(&mut self, number: usize, exchange: &RecordedExchange<'_>, set: &str) {
        let Some((name, value)) = set.split(';').next().and_then(|pair| pair.split_once('='))
        else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let source = CaptureOrigin::Cookie(name.to_owned());
        self.remember(value, (number, exchange.end), source, (name, vec![snake(name)]));
    }

    fn json(
        &mut self,
        json: &Json,
        at: (usize, i64, &str),
        path: &mut Vec<String>,
        count: &mut usize,
    ) {
        *count += 1;
        if *count > VALUES_MAX || path.len() > 32 {
            return;
        }
        match json {
            Json::Object(entries) => {
                for (key, value) in entries {
                    path.push(key.clone());
                    self.json(value, at, path, count);
                    path.pop();
                }
            }
            Json::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    path.push(format!("[{index}]"));
                    self.json(value, at, path, count);
                    path.pop();
                }
            }
            Json::String(text) => self.leaf(text, true, at, path),
            Json::Number(number) => self.leaf(&number.to_string(), false, at, path),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn leaf(&mut self, value: &str, is_text: bool, at: (usize, i64, &str), path: &[String]) {
        let keys: Vec<&String> = path.iter().filter(|part| !part.starts_with('[')).collect();
        let Some(key) = keys.last() else { return };
        let mut hint = vec![snake(key)];
        // `id` alone says nothing: `$.flights[0].id` is the flight's.
        if matches!(hint[0].as_str(), "id" | "uuid" | "key" | "code" | "slug") {
            let owner = match &keys[..] {
                [.., parent, _] => snake(parent),
                _ => at.2.trim_start_matches("create_").to_owned(),
            };
            hint.insert(0, format!("{}_{}", singular(&owner), snake(key)));
        }
        let source = CaptureOrigin::Json(json_path(path));
        self.remember(value, (at.0, at.1), source, (key, hint));
        if let Some(origin) = self.known.get_mut(value)
            && origin.exchange == at.0
        {
            origin.is_text = is_text;
        }
    }

    fn remember(
        &mut self,
        value: &str,
        (exchange, known_at): (usize, i64),
        source: CaptureOrigin,
        (key, name_hint): (&str, Vec<String>),
    ) {
        if value.is_empty() || value.len() > 8_192 || self.known.contains_key(value) {
            return;
        }
        let key = key.to_owned();
        let origin = ValueOrigin { exchange, known_at, source, key, name_hint, is_text: true };
        if value.len() >= PART_LENGTH && is_opaque(value) {
            self.long.push(value.to_owned());
        }
        self.known.insert(value.to_owned(), origin);
    }

    /// A token in a page, mostly in a hidden field: `name="csrf" value="…"`.
    fn find_in_pages(&self, value: &str, place: ValueUse<'_>, start: i64) -> Option<ValueOrigin> {
        let ValueUse::Key(key) = place else { return None };
        if value.len() < 8 || !is_opaque(value) {
            return None;
        }
        let seen = self.pages.iter().rev().filter(|(_, known_at, _)| *known_at <= start);
        for (exchange, known_at, page) in seen {
            let Some(at) = page.find(value) else { continue };
            let Some(tag) = page[..at].rfind('<') else { continue };
            let before = &page[tag..at];
            let after = page[at + value.len()..].chars().next();
            let (Some(quote @ ('"' | '\'')), true) = (after, before.len() <= 200) else { continue };
            if !before.ends_with(quote) || before.contains('\n') {
                continue;
            }
            let source = CaptureOrigin::Regex(format!("{}([^{quote}]+)", escape(before)));
            return Some(ValueOrigin {
                exchange: *exchange,
                known_at: *known_at,
                source,
                key: key.to_owned(),
                name_hint: vec![snake(key.trim_start_matches("x-").trim_start_matches("X-"))],
                is_text: true,
            });
        }
        None
    }

    /// The name under which a value is captured; the capture is made where it is not there yet.
    fn capture(&mut self, origin: &ValueOrigin) -> String {
        let thing = (origin.exchange, format!("{:?}", origin.source));
        let mut hints: Vec<String> =
            origin.name_hint.iter().filter(|hint| !is_reserved(hint)).cloned().collect();
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

/// Whether it is a value of that answer, and not the same by chance.
fn fits(value: &str, origin: &ValueOrigin, place: ValueUse<'_>) -> bool {
    if is_opaque(value) {
        return true;
    }
    let id_like = |key: &str| {
        let key = snake(key);
        let last = key.rsplit('_').next().unwrap_or_default();
        matches!(
            last,
            "id" | "uuid" | "key" | "slug" | "sku" | "code" | "token" | "number" | "ref" | "csrf"
        )
    };
    match place {
        ValueUse::Path => id_like(&origin.key) && (is_id(value) || value.len() >= 3),
        ValueUse::Key(key) => id_like(&origin.key) && id_like(key),
    }
}

/// `$.flights[0].id`; keys that are no plain words are quoted.
fn json_path(parts: &[String]) -> String {
    let mut path = "$".to_owned();
    for part in parts {
        let plain = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let index = part.starts_with('[')
            && part.ends_with(']')
            && part.len() > 2
            && part[1..part.len() - 1].bytes().all(|b| b.is_ascii_digit());
        if plain {
            path.push('.');
            path.push_str(part);
        } else if index {
            path.push_str(part);
        } else {
            path.push('[');
            path.push_str(&Json::from(part.as_str()).to_string());
            path.push(']');
        }
    }
    path
}
