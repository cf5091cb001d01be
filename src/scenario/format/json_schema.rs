//! A file format as JSON Schema (draft 2020-12), so that editors complete, explain and check while one writes.
//!
//! Wherever a value has a form of its own, a text with `${…}` fits as well: what it becomes is known only when
//! the environment is.

use serde_json::{Map, Value, json};

use super::{Declaration, FileFormat, Grammar, Presence, Property, Rule, WordList};
use crate::json::json_of_text;

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a reference to the environment looks like, anywhere in a text.
const ENVIRONMENT: &str = r"\$\{";

/// A time: one or more numbers with units.
pub(super) const DURATION: &str = r"([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+";

/// The values that all formats share, by name: the form of the text, an example, and what it is.
pub(super) const UNITS: [(&str, &str, &str, &str); 5] = [
    (
        "duration",
        DURATION,
        "1m30s",
        "A time: a number with `ns`, `us` (or `µs`), `ms`, `s`, `m` (or `min`), `h` or `d`; several add up.",
    ),
    ("share", "[0-9._]+ *%", "0.1%", "A share in percent."),
    (
        "size",
        "[0-9._]+ *([kKMGT]?B|[KMGT]iB)",
        "512 MiB",
        "Bytes: `B`, `kB`, `MB`, `GB`, `TB` count in thousands, `KiB`, `MiB`, `GiB`, `TiB` in 1024s.",
    ),
    ("money", r"(\$ *[0-9._]+|[0-9._]+ *USD)", "$60", "US dollars, to the cent."),
    (
        "rate",
        "[0-9._]+ *(req|requests|iter|iterations) */ *(s|sec|m|min|h)",
        "300 req/s",
        "Requests (`req`) or iterations (`iter`) per `s`, `min` or `h`.",
    ),
];

/// The schema of a format.
pub fn json_schema(format: &FileFormat) -> Value {
    let mut root = json!({ "$schema": DIALECT, "title": format!("plimsoll {}", format.file) });
    extend(&mut root, mapping(format.root));
    root["description"] = json!(plain(format.about));
    let mut definitions = shared();
    for declaration in format.mappings().into_iter().skip(1) {
        definitions.insert(declaration.name.to_owned(), mapping(declaration));
    }
    root["$defs"] = Value::Object(definitions);
    root
}

/// The definitions that every format has.
fn shared() -> Map<String, Value> {
    let mut definitions = Map::new();
    for (name, form, example, about) in UNITS {
        let pattern = format!("^ *{form} *$|{ENVIRONMENT}");
        let schema = json!({
            "type": "string", "pattern": pattern, "description": plain(about), "examples": [example],
        });
        definitions.insert(name.to_owned(), schema);
    }
    let about = "A number, with a unit where the metric has one.";
    let examples = json!(["200ms", "70%", 100]);
    definitions.insert(
        "quantity".to_owned(),
        json!({ "type": ["string", "number"], "description": about, "examples": examples }),
    );
    let about = "A letter or `_`, then letters, digits, `_`, `-` and `.`.";
    let pattern = r"^[\p{L}_][\p{L}\p{N}_.-]*$";
    definitions.insert(
        "name".to_owned(),
        json!({ "type": "string", "pattern": pattern, "description": plain(about) }),
    );
    let about = "A value from the environment: ${NAME} or ${NAME:-default}.";
    definitions.insert(
        "environment".to_owned(),
        json!({ "type": "string", "pattern": ENVIRONMENT, "description": about }),
    );
    definitions
}

fn mapping(declaration: &Declaration) -> Value {
    let properties: Map<String, Value> = declaration
        .properties()
        .map(|property| (property.name.to_owned(), property_schema(property)))
        .collect();
    let others = declaration
        .others
        .as_ref()
        .map_or(json!(false), |others| described(value(&others.value), others.about));
    let mut schema = json!({
        "type": "object",
        "description": plain(declaration.about),
        "properties": properties,
        "additionalProperties": others,
    });
    let required: Vec<&str> =
        declaration.properties().filter(|key| key.is_required()).map(|key| key.name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let rules: Vec<Value> = declaration.rules.iter().map(rule).collect();
    match rules.as_slice() {
        [] => {}
        [one] => extend(&mut schema, one.clone()),
        several => schema["allOf"] = json!(several),
    }
    schema
}

fn rule(rule: &Rule) -> Value {
    let each = |names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| json!({ "required": [name] })).collect()
    };
    match rule {
        Rule::OneOf(names) => json!({ "oneOf": each(names) }),
        Rule::AtLeastOne(names) => json!({ "anyOf": each(names) }),
        Rule::AtMostOne(names) => {
            let mut choices = each(names);
            choices.push(json!({ "not": { "anyOf": each(names) } }));
            json!({ "oneOf": choices })
        }
        Rule::Together(names) => {
            let others = |name| names.iter().filter(move |other| *other != name);
            let needed: Map<String, Value> = names
                .iter()
                .map(|name| ((*name).to_owned(), json!(others(name).collect::<Vec<_>>())))
                .collect();
            json!({ "dependentRequired": needed })
        }
        Rule::OneKey => json!({ "minProperties": 1, "maxProperties": 1 }),
    }
}

fn property_schema(property: &Property) -> Value {
    let mut schema = described(value(&property.value), property.about);
    if let Presence::Default(default) = property.presence {
        schema["default"] = json_of_text(default);
    }
    if let Some(example) = property.example {
        schema["examples"] = json!([json_of_text(example)]);
    }
    schema
}

fn described(mut schema: Value, about: &str) -> Value {
    schema["description"] = json!(plain(about));
    schema
}

/// The schema of a value.
pub(super) fn value(grammar: &Grammar) -> Value {
    match grammar {
        Grammar::Anything => json!({}),
        Grammar::Text(_) => json!({ "type": ["string", "number", "boolean"] }),
        Grammar::Form(_, form) => {
            let pattern = format!("^ *({form}) *$|{ENVIRONMENT}");
            json!({ "type": ["string", "integer"], "pattern": pattern })
        }
        Grammar::Flag => or_environment(&json!({ "type": "boolean" })),
        Grammar::Number(low, high) => or_environment(&bounded("number", *low, *high)),
        Grammar::Whole(low, high) => or_environment(&bounded("integer", *low, *high)),
        Grammar::Name => reference("name"),
        Grammar::Duration | Grammar::PositiveDuration => reference("duration"),
        Grammar::Share | Grammar::Portion => reference("share"),
        Grammar::Size => reference("size"),
        Grammar::Money => reference("money"),
        Grammar::Rate => reference("rate"),
        Grammar::Quantity => reference("quantity"),
        Grammar::Words(list) => words(list),
        Grammar::List(item) => json!({ "type": "array", "items": value(item) }),
        Grammar::OneOrMany(item) => {
            json!({ "anyOf": [value(item), { "type": "array", "items": value(item) }] })
        }
        Grammar::Names(item) => json!({
            "type": "object", "propertyNames": reference("name"), "additionalProperties": value(item),
        }),
        Grammar::Texts(_, item) => json!({ "type": "object", "additionalProperties": value(item) }),
        Grammar::Mapping(declaration) => reference(declaration.name),
        Grammar::AnyOf(choices) => {
            json!({ "anyOf": choices.iter().map(value).collect::<Vec<_>>() })
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn or_environment(schema: &Value) -> Value {
    json!({ "anyOf": [schema, reference("environment")] })
}

fn bounded(kind: &str, low: f64, high: f64) -> Value {
    let mut schema = json!({ "type": kind, "minimum": number(low) });
    if high.is_finite() {
        schema["maximum"] = number(high);
    }
    schema
}

/// A whole number without `.0`.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

/// Each word with its meaning; `1.1` also as the number that YAML takes it for.
fn words(list: &WordList) -> Value {
    let mut choices = vec![];
    for (word, about) in list.words {
        choices.push(json!({ "const": word, "description": plain(about) }));
        if let number @ Value::Number(_) = json_of_text(word) {
            choices.push(json!({ "const": number, "description": plain(about) }));
        }
    }
    choices.push(reference("environment"));
    json!({ "anyOf": choices })
}

/// A description without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

fn extend(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}
