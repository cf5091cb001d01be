//! Schemas → data: examples where there are any, else values that fit, drawn anew for every request.

use serde_json::{Value, json};

use super::document::{OpenApiDocument, field, flag, items, pairs};
use crate::import::draft::JsonDraft;
use crate::import::note::ImportNotes;
use crate::import::secrets::is_secret_key;
use crate::import::text::{DraftText, TextPiece};
use crate::scenario::{Node, json_of_node};

/// Schemas may contain themselves; deeper than this, only what is required is made, and then nothing.
const DEPTH_OPTIONAL: usize = 3;
const DEPTH_MAX: usize = 12;

/// Makes data.
pub(super) struct ExampleMaker<'a, 'n> {
    document: &'a OpenApiDocument<'n>,
    notes: &'a mut ImportNotes,
}

impl<'a, 'n> ExampleMaker<'a, 'n> {
    pub(super) fn new(document: &'a OpenApiDocument<'n>, notes: &'a mut ImportNotes) -> Self {
        Self { document, notes }
    }

    /// Whether a parameter says what it could be.
    pub(super) fn has_example(parameter: &Node) -> bool {
        let told = |node: &Node| {
            ["example", "examples", "default", "enum", "const", "x-example"]
                .iter()
                .any(|name| node.get(name).is_some_and(|node| !node.is_null()))
        };
        told(parameter) || parameter.get("schema").is_some_and(told)
    }

    /// A parameter's value; Swagger 2 describes it in the parameter itself.
    pub(super) fn parameter(
        &mut self,
        parameter: &'n Node,
        name: &str,
    ) -> Result<JsonDraft, String> {
        if let Some(example) = self.example(parameter)? {
            return Ok(example);
        }
        let schema = parameter.get("schema").unwrap_or(parameter);
        self.schema(schema, name, 0)
    }

    /// The body of a media type.
    pub(super) fn media(&mut self, media: &'n Node) -> Result<JsonDraft, String> {
        if let Some(example) = self.example(media)? {
            return Ok(example);
        }
        match media.get("schema") {
            Some(schema) => self.schema(schema, "body", 0),
            None => Ok(JsonDraft::Map(vec![])),
        }
    }

    /// What the description itself gives.
    fn example(&self, node: &'n Node) -> Result<Option<JsonDraft>, String> {
        let recorded = |node: &Node| Some(JsonDraft::recorded(&json_of_node(node)));
        for name in ["example", "x-example", "default", "const"] {
            if let Some(node) = node.get(name).filter(|node| !node.is_null()) {
                return Ok(recorded(node));
            }
        }
        let examples = node.get("examples");
        if let Some(first) = items(examples).first() {
            return Ok(recorded(first));
        }
        let Some((_, first)) = pairs(examples).next() else { return Ok(None) };
        let first = self.document.resolve(first)?;
        Ok(first.get("value").and_then(recorded))
    }

    /// A value that fits a schema. `name` is the property's.
    pub(super) fn schema(
        &mut self,
        schema: &'n Node,
        name: &str,
        depth: usize,
    ) -> Result<JsonDraft, String> {
        let schema = self.document.resolve(schema)?;
        if depth > DEPTH_MAX {
            return Ok(JsonDraft::Scalar(Value::Null));
        }
        if is_secret_key(name) {
            // Accounts for tests have passwords that nobody keeps secret, and so have examples.
            self.notes.change("a password or token that was made up", format!("`{name}`"));
        }
        if let Some(example) = self.example(schema)? {
            return Ok(example);
        }
        let choices = items(schema.get("enum"));
        if !choices.is_empty() {
            return Ok(pick(choices));
        }
        if schema.get("allOf").is_some() {
            return self.all_of(schema, name, depth);
        }
        for any in ["oneOf", "anyOf"] {
            let first =
                items(schema.get(any)).iter().find(|item| field(item, "type") != Some("null"));
            if let Some(first) = first {
                return self.schema(first, name, depth + 1);
            }
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" | "number" => Ok(number(schema)),
            "boolean" => Ok(JsonDraft::Scalar(json!(true))),
            "null" => Ok(JsonDraft::Scalar(Value::Null)),
            _ => Ok(JsonDraft::Text(self.text(schema, name))),
        }
    }

    /// Objects put together from parts.
    fn all_of(&mut self, schema: &'n Node, name: &str, depth: usize) -> Result<JsonDraft, String> {
        let mut fields: Vec<(String, JsonDraft)> = vec![];
        let mut other = None;
        for part in items(schema.get("allOf")) {
            match self.schema(part, name, depth + 1)? {
                JsonDraft::Map(more) => {
                    for (key, value) in more {
                        fields.retain(|(known, _)| *known != key);
                        fields.push((key, value));
                    }
                }
                value => other = Some(value),
            }
        }
        if let JsonDraft::Map(more) = self.object(schema, depth)? {
            for (key, value) in more {
                fields.retain(|(known, _)| *known != key);
                fields.push((key, value));
            }
        }
        Ok(other.filter(|_| fields.is_empty()).unwrap_or(JsonDraft::Map(fields)))
    }

    fn object(&mut self, schema: &'n Node, depth: usize) -> Result<JsonDraft, String> {
        let required: Vec<&str> =
            items(schema.get("required")).iter().filter_map(super::document::text).collect();
        let mut fields = vec![];
        for (name, node) in pairs(schema.get("properties")) {
            let needed = required.contains(&name);
            if !needed && depth >= DEPTH_OPTIONAL {
                continue;
            }
            if flag(self.document.resolve(node)?, "readOnly") {
                continue;
            }
            fields.push((name.to_owned(), self.schema(node, name, depth + 1)?));
        }
        Ok(JsonDraft::Map(fields))
    }

    fn array(&mut self, schema: &'n Node, name: &str, depth: usize) -> Result<JsonDraft, String> {
        let Some(item) = schema.get("items") else { return Ok(JsonDraft::List(vec![])) };
        let least: usize = field(schema, "minItems").and_then(|n| n.parse().ok()).unwrap_or(1);
        if depth >= DEPTH_OPTIONAL && least == 0 {
            return Ok(JsonDraft::List(vec![]));
        }
        let name = crate::import::names::singular(name);
        let items = (0..least.clamp(1, 5)).map(|_| self.schema(item, &name, depth + 1));
        Ok(JsonDraft::List(items.collect::<Result<_, _>>()?))
    }

    fn text(&mut self, schema: &'n Node, name: &str) -> DraftText {
        let expression = |text: &str| DraftText::expression(text);
        let around = |before: &str, middle: &str, after: &str| {
            DraftText(vec![
                TextPiece::Literal(before.to_owned()),
                TextPiece::Expression(middle.to_owned()),
                TextPiece::Literal(after.to_owned()),
            ])
        };
        match field(schema, "format").unwrap_or_default() {
            "date" => return expression("date(days=rand(1, 90))"),
            "date-time" => {
                return DraftText(vec![
                    TextPiece::Expression("date(days=rand(1, 90))".to_owned()),
                    TextPiece::Literal("T12:00:00Z".to_owned()),
                ]);
            }
            "time" => return DraftText::literal("12:00:00Z"),
            "uuid" => return expression("uuid()"),
            "email" | "idn-email" => return around("user", "rand(1, 100000)", "@example.com"),
            "uri" | "url" | "iri" => return DraftText::literal("https://example.com/"),
            "hostname" => return DraftText::literal("example.com"),
            "ipv4" => return DraftText::literal("192.0.2.1"),
            "ipv6" => return DraftText::literal("2001:db8::1"),
            "byte" => return expression("base64('plimsoll')"),
            _ => {}
        }
        if let Some(pattern) = field(schema, "pattern") {
            let what = format!("`{name}`: {pattern}");
            self.notes.change("made up without regard to its pattern: give it an example", what);
        }
        let bound = |name: &str| field(schema, name).and_then(|n| n.parse::<usize>().ok());
        let least = bound("minLength").unwrap_or(0);
        let most = bound("maxLength").unwrap_or(usize::MAX).max(least);
        let word = format!("{} ", crate::import::names::snake(name).replace('_', " "));
        // "name 3f9c" where it fits, else digits alone.
        if word.len() + 4 <= most && word.len() + 4 >= least {
            return around(&word, "hex(4)", "");
        }
        let digits = 8.clamp(least.min(1_024), most.min(1_024));
        if digits == 0 {
            DraftText::literal("")
        } else {
            DraftText::expression(format!("hex({digits})"))
        }
    }
}

/// The type of a schema; version 3.1 may give several.
fn kind(schema: &Node) -> &str {
    let told = field(schema, "type").or_else(|| {
        let kinds = items(schema.get("type")).iter().filter_map(super::document::text);
        kinds.into_iter().find(|kind| *kind != "null")
    });
    match told {
        Some(kind) => kind,
        None if schema.get("properties").is_some() => "object",
        None if schema.get("items").is_some() => "array",
        None => "string",
    }
}

/// A whole number within the bounds, which are mostly those of ids and counts.
fn number(schema: &Node) -> JsonDraft {
    let bound = |name: &str| field(schema, name).and_then(|text| text.parse::<f64>().ok());
    // Version 3.0 says with a flag whether the bound itself is excluded, 3.1 gives a bound of its own.
    let excluded = |name: &str| i64::from(flag(schema, name));
    let low = bound("minimum").map(|low| low.ceil() as i64 + excluded("exclusiveMinimum"));
    let low = low.or_else(|| bound("exclusiveMinimum").map(|low| low.floor() as i64 + 1));
    let high = bound("maximum").map(|high| high.floor() as i64 - excluded("exclusiveMaximum"));
    let high = high.or_else(|| bound("exclusiveMaximum").map(|high| high.ceil() as i64 - 1));
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high.max(low)),
        (Some(low), None) => (low, low.saturating_add(100)),
        (None, Some(high)) => (high.saturating_sub(100).max(1).min(high), high),
        (None, None) => (1, 100),
    };
    let multiple = bound("multipleOf").filter(|of| *of >= 1.0);
    match multiple {
        Some(of) => {
            let first = (low as f64 / of).ceil() * of;
            JsonDraft::Scalar(json!(first as i64))
        }
        None if low == high => JsonDraft::Scalar(json!(low)),
        None => JsonDraft::Text(DraftText::expression(format!("rand({low}, {high})"))),
    }
}

/// One of the values of an enumeration.
fn pick(choices: &[Node]) -> JsonDraft {
    let values: Vec<Value> = choices.iter().map(json_of_node).collect();
    let word = |value: &Value| match value {
        Value::String(text) => {
            let plain = text.chars().all(|c| c.is_alphanumeric() || " _-./:".contains(c));
            plain.then(|| format!("'{text}'"))
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let words: Option<Vec<String>> = values.iter().map(word).collect();
    match (words, &values[..]) {
        (_, [only]) => JsonDraft::recorded(only),
        (Some(words), _) => {
            JsonDraft::Text(DraftText::expression(format!("pick([{}])", words.join(", "))))
        }
        (None, _) => JsonDraft::recorded(&values[0]),
    }
}
