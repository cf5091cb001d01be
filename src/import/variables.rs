//! Variables of other tools' plans: `{{name}}`, `${name}` → values, captures and references to the environment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::draft::{BodyDraft, JourneyDraft, JsonDraft, StepDraft};
use super::names::{is_reserved, snake};
use super::note::ImportNotes;
use super::secrets::{FoundSecrets, is_secret, key_within, secret_number, secret_spans};
use super::text::{DraftText, TextPiece};

/// How often a value is looked up in another.
const DEPTH_MAX: usize = 8;

/// How a plan writes a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VariableSigns {
    /// `{{name}}`, of Postman.
    Braces,
    /// `${name}`, of `JMeter`.
    Dollar,
}

impl VariableSigns {
    fn pair(self) -> (&'static str, &'static str) {
        match self {
            Self::Braces => ("{{", "}}"),
            Self::Dollar => ("${", "}"),
        }
    }
}

/// Where a text stands, and how many more values are looked up in values.
#[derive(Debug, Clone, Copy)]
struct VariableContext<'c> {
    place: &'c str,
    depth: usize,
}

/// The variables of a plan.
#[derive(Debug)]
pub(super) struct PlanVariables {
    pub(super) signs: VariableSigns,
    /// What the plan gives.
    pub(super) values: BTreeMap<String, String>,
    /// What a step captures, by its name in the plan.
    pub(super) captured: BTreeSet<String>,
    /// Those of them that are texts, by the names under which they are captured: what expressions find in an answer.
    pub(super) texts: BTreeSet<String>,
    /// Columns of data sets: `set.column`.
    pub(super) columns: BTreeMap<String, String>,
    /// What functions of the tool become.
    pub(super) function: fn(&str) -> Option<DraftText>,
    pub(super) secrets: FoundSecrets,
    /// What variables of the environment begin with.
    pub(super) prefix: String,
}

impl PlanVariables {
    /// A text with everything that is known put in.
    pub(super) fn text(
        &mut self,
        key: &str,
        text: &str,
        place: &str,
        notes: &mut ImportNotes,
    ) -> DraftText {
        let context = VariableContext { place, depth: DEPTH_MAX };
        DraftText(self.pieces(key, text, context, notes)).merged()
    }

    fn pieces(
        &mut self,
        key: &str,
        text: &str,
        context: VariableContext<'_>,
        notes: &mut ImportNotes,
    ) -> Vec<TextPiece> {
        let mut out = vec![];
        let mut rest = text;
        while let Some((before, name, after)) = self.next(rest) {
            out.extend(self.literal(key, before, context, notes));
            out.extend(self.variable(name, context, notes));
            rest = after;
        }
        out.extend(self.literal(key, rest, context, notes));
        out
    }

    fn literal(
        &mut self,
        key: &str,
        text: &str,
        context: VariableContext<'_>,
        notes: &mut ImportNotes,
    ) -> Vec<TextPiece> {
        if text.is_empty() {
            return vec![];
        }
        let what = format!("`{key}` of {}", context.place);
        if is_secret(key, text) {
            return vec![self.secrets.hide(key, text, &what, notes)];
        }
        let spans = secret_spans(text).into_iter().map(|(span, key)| {
            let piece = self.secrets.hide(&key, &text[span.clone()], &what, notes);
            (span, piece)
        });
        let spans = spans.collect();
        DraftText::spliced(text, spans).0
    }

    fn variable(
        &mut self,
        name: &str,
        context: VariableContext<'_>,
        notes: &mut ImportNotes,
    ) -> Vec<TextPiece> {
        if self.captured.contains(name) {
            return vec![TextPiece::Expression(capture_name(name))];
        }
        if let Some(column) = self.columns.get(name) {
            return vec![TextPiece::Expression(column.clone())];
        }
        if let Some(made) = (self.function)(name) {
            return made.0;
        }
        let known = self.values.get(name).filter(|value| context.depth > 0 && !value.is_empty());
        if let Some(value) = known.cloned() {
            let context = VariableContext { depth: context.depth - 1, ..context };
            return self.pieces(name, &value, context, notes);
        }
        // Written by its name alone: what it is, only the environment knows.
        vec![self.secrets.hide(name, &format!("a value of {name}"), context.place, notes)]
    }

    /// A text in which only what the plan gives and what is no secret is put in: for the host of a URL.
    pub(super) fn expanded(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..DEPTH_MAX {
            let mut out = String::new();
            let mut rest = text.as_str();
            let mut changed = false;
            let (open, close) = self.signs.pair();
            while let Some((before, name, after)) = self.next(rest) {
                out.push_str(before);
                match self.values.get(name) {
                    Some(value)
                        if !self.captured.contains(name)
                            && !is_secret(name, value)
                            && !value.is_empty() =>
                    {
                        out.push_str(value);
                        changed = true;
                    }
                    _ => match (self.function)(name).as_ref().and_then(DraftText::as_literal) {
                        Some(made) => out.push_str(made),
                        None => out.extend([open, name, close]),
                    },
                }
                rest = after;
            }
            out.push_str(rest);
            text = out;
            if !changed {
                break;
            }
        }
        text
    }

    /// The first variable of a text: what stands before it, its name, and what stands behind.
    pub(super) fn next<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str, &'t str)> {
        let (open, close) = self.signs.pair();
        let (before, rest) = text.split_once(open)?;
        let mut end = rest.find(close)?;
        // A function may hold variables of its own.
        while self.signs == VariableSigns::Dollar
            && rest[..end].matches("${").count() >= rest[..=end].matches('}').count()
        {
            end += 1 + rest[end + 1..].find(close)?;
        }
        Some((before, rest[..end].trim(), &rest[end + close.len()..]))
    }
}

/// Those of the variables `captured` that a journey asks for before one of its steps has captured them: what gives them
/// could not be written, or comes too late.
pub(super) fn asked_too_early(
    journeys: &mut [JourneyDraft],
    captured: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut early = BTreeSet::new();
    for journey in journeys {
        let mut known: BTreeSet<String> = BTreeSet::new();
        for request in journey.steps.iter_mut().flat_map(StepDraft::requests_mut) {
            for piece in request.texts_mut().into_iter().flat_map(|text| &text.0) {
                if let TextPiece::Expression(name) = piece
                    && !known.contains(name)
                {
                    early.insert(name.clone());
                }
            }
            known.extend(request.captures.iter().map(|capture| capture.name.clone()));
        }
    }
    captured.iter().filter(|name| early.contains(&capture_name(name))).cloned().collect()
}

/// What marks a variable of JSON that stood without quotes: a character that no text has (Unicode, §23.7).
const BARE: char = '\u{FDD0}';

/// A place in a text of JSON, as it is read character by character.
#[derive(Debug, Clone, Copy, Default)]
struct JsonPlace {
    /// Whether it lies within quotes.
    is_quoted: bool,
    is_escaped: bool,
}

impl JsonPlace {
    fn pass(&mut self, c: char) {
        match c {
            _ if self.is_escaped => self.is_escaped = false,
            '\\' if self.is_quoted => self.is_escaped = true,
            '"' => self.is_quoted = !self.is_quoted,
            _ => {}
        }
    }
}

/// JSON without comments, which Postman leaves out as it sends.
fn without_comments(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    let mut place = JsonPlace::default();
    while let Some(c) = rest.chars().next() {
        let comment = if place.is_quoted { None } else { comment_length(rest) };
        if let Some(length) = comment {
            rest = &rest[length..];
            continue;
        }
        place.pass(c);
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn comment_length(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let inner = rest.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(rest.len(), |end| end + 4))
}

impl VariableSigns {
    /// A body in which variables that stand bare are put into quotes, so that it is JSON where it was meant to be.
    pub(super) fn quoted(self, body: &str) -> String {
        let (open, close) = self.pair();
        let mut out = String::with_capacity(body.len());
        let (mut place, mut at) = (JsonPlace::default(), 0);
        while at < body.len() {
            let rest = &body[at..];
            let inside = rest.strip_prefix(open).filter(|_| !place.is_quoted);
            let end = inside.and_then(|inside| inside.find(close));
            if let (Some(inside), Some(end)) = (inside, end)
                && !inside[..end].contains(['"', '{', '\n'])
            {
                let length = open.len() + end + close.len();
                out.extend(['"', BARE]);
                out.push_str(&rest[..length]);
                out.push('"');
                at += length;
                continue;
            }
            let Some(c) = rest.chars().next() else { break };
            place.pass(c);
            out.push(c);
            at += c.len_utf8();
        }
        out
    }
}

impl PlanVariables {
    /// A body as JSON where it is JSON but for its variables, else as text.
    pub(super) fn raw_body(
        &mut self,
        body: &str,
        place: &str,
        notes: &mut ImportNotes,
    ) -> BodyDraft {
        if body.trim().is_empty() {
            return BodyDraft::None;
        }
        match self.read_json(body) {
            Some(json) if !self.has_untyped(&json) => {
                BodyDraft::Json(self.json("", &json, place, notes))
            }
            _ => BodyDraft::Text(self.text("body", body, place, notes)),
        }
    }

    /// A body that is JSON but for its variables and comments.
    pub(super) fn read_json(&self, body: &str) -> Option<Value> {
        let read = |body: &str| serde_json::from_str::<Value>(&self.signs.quoted(body));
        let json = read(body).or_else(|_| read(&without_comments(body))).ok();
        json.filter(|json| matches!(json, Value::Object(_) | Value::Array(_)))
    }

    /// Whether a value of JSON is a variable without quotes of which nobody knows whether it is a number: as a text, the
    /// body is sent as the plan's own tool sends it.
    fn has_untyped(&self, json: &Value) -> bool {
        match json {
            Value::String(text) => {
                let name = text.strip_prefix(BARE).and_then(|text| self.next(text));
                name.is_some_and(|(_, name, _)| {
                    self.texts.contains(&capture_name(name)) || self.columns.contains_key(name)
                })
            }
            Value::Array(items) => items.iter().any(|item| self.has_untyped(item)),
            Value::Object(entries) => entries.values().any(|value| self.has_untyped(value)),
            _ => false,
        }
    }

    /// A text of JSON: what stood in quotes stays a text, whatever the variable in it is, and what did not is what it says.
    fn json_text(
        &mut self,
        key: &str,
        text: &str,
        place: &str,
        notes: &mut ImportNotes,
    ) -> JsonDraft {
        if let Some(bare) = text.strip_prefix(BARE) {
            let written = self.text(key, bare, place, notes);
            let value = written.as_literal().and_then(|text| serde_json::from_str(text).ok());
            return value
                .map_or(JsonDraft::Text(written), |value: Value| JsonDraft::recorded(&value));
        }
        let written = self.text(key, text, place, notes);
        JsonDraft::Text(match &written.0[..] {
            [TextPiece::Expression(expression)]
                if may_be_number(expression) && !self.texts.contains(expression) =>
            {
                DraftText::expression(format!("{expression} | string"))
            }
            _ => written,
        })
    }

    fn json(&mut self, key: &str, json: &Value, place: &str, notes: &mut ImportNotes) -> JsonDraft {
        match json {
            Value::String(text) => self.json_text(key, text, place, notes),
            Value::Array(items) => JsonDraft::List(
                items.iter().map(|item| self.json(key, item, place, notes)).collect(),
            ),
            Value::Object(entries) => {
                let mut written = |(inner, value): (&String, &Value)| {
                    (inner.clone(), self.json(&key_within(key, inner), value, place, notes))
                };
                JsonDraft::Map(entries.iter().map(&mut written).collect())
            }
            scalar => match secret_number(key, scalar) {
                Some(number) => JsonDraft::Text(self.text(key, &number, place, notes)),
                None => JsonDraft::Scalar(scalar.clone()),
            },
        }
    }
}

/// Whether an expression may give something else than a text: a captured value, a number, a choice. Cells of a data set and
/// most functions give texts.
fn may_be_number(expression: &str) -> bool {
    match expression.split_once('(') {
        Some((function, arguments)) => {
            let is_number = matches!(function, "rand" | "seq" | "pick");
            is_number || (function == "now" && arguments.starts_with("'unix"))
        }
        None => !expression.contains('.'),
    }
}

/// The name under which a variable of a plan is captured.
pub(super) fn capture_name(name: &str) -> String {
    let name = snake(name);
    if is_reserved(&name) { format!("{name}_value") } else { name }
}
