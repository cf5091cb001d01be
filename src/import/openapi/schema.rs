//! What a schema asks for, put together from its references and from all parts of `allOf`.

use regex::Regex;
use serde_json::Value;

use super::document::{OpenApiDocument, field, flag, items, pairs, text};
use plimsoll_scenario::{Node, NodeValue, json_of_node};

/// The most parts that one schema is put together from.
const PARTS_MAX: usize = 64;
/// How deep values are looked into.
const DEPTH_MAX: usize = 24;

/// A schema: all its parts hold.
#[derive(Debug, Clone)]
pub(super) struct SchemaView<'n> {
    pub(super) parts: Vec<&'n Node>,
}

impl<'n> SchemaView<'n> {
    /// The schema of a node.
    pub(super) fn of(document: &OpenApiDocument<'n>, node: &'n Node) -> Result<Self, String> {
        let mut view = Self { parts: vec![] };
        view.add(document, node)?;
        Ok(view)
    }

    /// Adds what another schema asks for.
    pub(super) fn add(
        &mut self,
        document: &OpenApiDocument<'n>,
        node: &'n Node,
    ) -> Result<(), String> {
        if self.parts.len() >= PARTS_MAX
            || self.parts.iter().any(|known| std::ptr::eq(*known, node))
        {
            return Ok(());
        }
        self.parts.push(node);
        if node.get("$ref").is_some() {
            // What stands beside a reference holds as well (JSON Schema 2020-12).
            self.add(document, document.resolve(node)?)?;
        }
        for part in items(node.get("allOf")) {
            self.add(document, part)?;
        }
        Ok(())
    }

    /// The first value of a keyword.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.parts.iter().find_map(|part| part.get(name))
    }

    fn numbers(&self, name: &str) -> impl Iterator<Item = f64> {
        let found =
            self.parts.iter().filter_map(move |part| field(part, name)?.parse::<f64>().ok());
        found.collect::<Vec<_>>().into_iter()
    }

    /// The tightest lower bound that a keyword gives.
    pub(super) fn at_least(&self, name: &str) -> Option<f64> {
        self.numbers(name).reduce(f64::max)
    }

    /// The tightest upper bound that a keyword gives.
    pub(super) fn at_most(&self, name: &str) -> Option<f64> {
        self.numbers(name).reduce(f64::min)
    }

    /// Whether a keyword is `true` in any part.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.parts.iter().any(|part| flag(part, name))
    }

    /// Names of properties that must be there.
    pub(super) fn required(&self) -> Vec<&'n str> {
        let lists = self.parts.iter().flat_map(|part| items(part.get("required")));
        lists.filter_map(text).collect()
    }

    /// Properties by name, in order, each with everything that is said of it.
    pub(super) fn properties(
        &self,
        document: &OpenApiDocument<'n>,
    ) -> Result<Vec<(&'n str, Self)>, String> {
        let mut found: Vec<(&str, Self)> = vec![];
        for (name, node) in self.parts.iter().flat_map(|part| pairs(part.get("properties"))) {
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, view)) => view.add(document, node)?,
                None => found.push((name, Self::of(document, node)?)),
            }
        }
        Ok(found)
    }

    /// The type; version 3.1 may give several, of which the first that is not null is taken.
    pub(super) fn kind(&self) -> &'n str {
        let told = self.parts.iter().find_map(|part| {
            let kind = part.get("type")?;
            text(kind)
                .or_else(|| items(Some(kind)).iter().filter_map(text).find(|kind| *kind != "null"))
        });
        let has = |names: &[&str]| names.iter().any(|name| self.get(name).is_some());
        match told {
            Some(kind) => kind,
            None if has(&["properties", "additionalProperties", "required", "minProperties"]) => {
                "object"
            }
            None if has(&["items", "minItems", "prefixItems"]) => "array",
            None if has(&["minimum", "maximum", "multipleOf", "exclusiveMinimum"]) => "number",
            None => "string",
        }
    }

    /// Whether null is a value of it.
    fn takes_null(&self) -> bool {
        self.flag("nullable")
            || self.parts.iter().any(|part| {
                part.get("type").is_some_and(|kind| {
                    text(kind) == Some("null")
                        || items(Some(kind)).iter().any(|kind| text(kind) == Some("null"))
                })
            })
    }

    /// Whether `value` is one of it, as far as is looked.
    pub(super) fn accepts(
        &self,
        document: &OpenApiDocument<'n>,
        value: &Value,
        depth: usize,
    ) -> bool {
        if depth > DEPTH_MAX || (value.is_null() && self.takes_null()) {
            return true;
        }
        self.parts.iter().all(|part| Self::part_accepts(part, value))
            && self.shape_accepts(document, value, depth)
            && self.choices_accept(document, value, depth)
    }

    /// What one part says of a value alone.
    fn part_accepts(part: &Node, value: &Value) -> bool {
        let kinds: Vec<&str> = match part.get("type") {
            Some(kind) => {
                text(kind).into_iter().chain(items(Some(kind)).iter().filter_map(text)).collect()
            }
            None => vec![],
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is_kind(value, kind)) {
            return false;
        }
        let choices = items(part.get("enum"));
        if !choices.is_empty() && !choices.iter().any(|choice| json_of_node(choice) == *value) {
            return false;
        }
        if part.get("const").is_some_and(|only| json_of_node(only) != *value) {
            return false;
        }
        let bound = |name: &str| field(part, name).and_then(|bound| bound.parse::<f64>().ok());
        if let Some(number) = value.as_f64() {
            let strict = |name: &str| flag(part, name);
            let low = bound("minimum")
                .is_none_or(|low| number > low || (number >= low && !strict("exclusiveMinimum")));
            let high = bound("maximum").is_none_or(|high| {
                number < high || (number <= high && !strict("exclusiveMaximum"))
            });
            let multiple = bound("multipleOf").is_none_or(|of| {
                let times = number / of;
                (times - times.round()).abs() < 1e-9
            });
            return low
                && high
                && multiple
                && bound("exclusiveMinimum").is_none_or(|low| number > low)
                && bound("exclusiveMaximum").is_none_or(|high| number < high);
        }
        let length = match value {
            Value::String(text) => Some((text.chars().count(), "minLength", "maxLength")),
            Value::Array(items) => Some((items.len(), "minItems", "maxItems")),
            Value::Object(entries) => Some((entries.len(), "minProperties", "maxProperties")),
            _ => None,
        };
        let fits = length.is_none_or(|(length, least, most)| {
            bound(least).is_none_or(|least| length as f64 >= least)
                && bound(most).is_none_or(|most| length as f64 <= most)
        });
        let pattern = field(part, "pattern").and_then(|pattern| Regex::new(pattern).ok());
        let matches = match (value.as_str(), pattern) {
            (Some(text), Some(pattern)) => pattern.is_match(text),
            _ => true,
        };
        fits && matches && format_accepts(part, value)
    }

    /// Items and properties.
    fn shape_accepts(&self, document: &OpenApiDocument<'n>, value: &Value, depth: usize) -> bool {
        let accepts = |node: &'n Node, value: &Value| {
            Self::of(document, node).is_ok_and(|view| view.accepts(document, value, depth + 1))
        };
        match value {
            Value::Array(items) => {
                let distinct = !self.flag("uniqueItems")
                    || items.iter().enumerate().all(|(at, item)| !items[..at].contains(item));
                distinct
                    && self
                        .get("items")
                        .is_none_or(|schema| items.iter().all(|item| accepts(schema, item)))
            }
            Value::Object(entries) => {
                let Ok(properties) = self.properties(document) else { return false };
                let read_only = |name: &&str| {
                    properties.iter().any(|(known, view)| known == name && view.flag("readOnly"))
                };
                let required = self.required();
                required.iter().all(|name| entries.contains_key(*name) || read_only(name))
                    && entries.iter().all(|(name, value)| {
                        let described = properties.iter().find(|(known, _)| known == name);
                        match (described, self.get("additionalProperties")) {
                            (Some((_, view)), _) => view.accepts(document, value, depth + 1),
                            (None, Some(more)) if matches!(more.value, NodeValue::Mapping(_)) => {
                                accepts(more, value)
                            }
                            // A part that allows nothing more knows nothing of the other parts.
                            (None, Some(more)) => {
                                text(more) != Some("false") || self.parts.len() > 1
                            }
                            (None, None) => true,
                        }
                    })
            }
            _ => true,
        }
    }

    /// `oneOf` and `anyOf`.
    fn choices_accept(&self, document: &OpenApiDocument<'n>, value: &Value, depth: usize) -> bool {
        self.parts.iter().all(|part| {
            let fitting = |name: &str| {
                let choices = items(part.get(name));
                let count = choices
                    .iter()
                    .filter(|choice| {
                        Self::of(document, choice)
                            .is_ok_and(|view| view.accepts(document, value, depth + 1))
                    })
                    .count();
                (choices.len(), count)
            };
            let (one, of_one) = fitting("oneOf");
            let (any, of_any) = fitting("anyOf");
            (one == 0 || of_one == 1) && (any == 0 || of_any > 0)
        })
    }
}

fn is_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" | "file" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// The formats of which examples are often wrong.
fn format_accepts(part: &Node, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match field(part, "format") {
        Some("date") => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
        Some("uuid") => {
            text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        }
        Some("email") => text.contains('@'),
        Some("uri") => text.contains(':'),
        Some("ipv4") => text.parse::<std::net::Ipv4Addr>().is_ok(),
        Some("ipv6") => text.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    }
}
