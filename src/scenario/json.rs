//! A tree as JSON: what a request's `json:` sends, and what a check compares with.

use serde_json::{Map, Number, Value};

use super::{Node, NodeValue, Problems, Scalar, SourceId, core_schema, yaml};

/// The node as JSON. Unquoted scalars are what the core schema of YAML 1.2 says; all else is text.
pub fn json_of_node(node: &Node) -> Value {
    match &node.value {
        NodeValue::Scalar(scalar) => json_of_scalar(scalar),
        NodeValue::Sequence(items) => items.iter().map(json_of_node).collect(),
        NodeValue::Mapping(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, node)| (key.text.clone(), json_of_node(node)))
                .collect::<Map<_, _>>(),
        ),
    }
}

/// The scalar as JSON.
pub fn json_of_scalar(scalar: &Scalar) -> Value {
    if !scalar.plain {
        return Value::String(scalar.text.clone());
    }
    let text = scalar.text.as_str();
    if core_schema::is_null(text) {
        return Value::Null;
    }
    if let Some(truth) = core_schema::truth(text) {
        return Value::Bool(truth);
    }
    // As written, where JSON writes it so: no digit is lost that a double could not hold.
    let as_written = serde_json::from_str::<Number>(text).ok();
    let whole = || {
        let whole = core_schema::whole(text)?;
        i64::try_from(whole)
            .map(Number::from)
            .or_else(|_| u64::try_from(whole).map(Number::from))
            .ok()
    };
    // JSON has no infinity, so `.inf` stays a text.
    let number = || Number::from_f64(core_schema::number(text)?);
    as_written
        .or_else(whole)
        .or_else(number)
        .map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A value that stands in the program, written as YAML.
pub(super) fn json_of_text(text: &str) -> Value {
    let mut problems = Problems::default();
    yaml::parse(text, SourceId(0), &mut problems).as_ref().map_or(Value::Null, json_of_node)
}
