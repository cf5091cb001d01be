//! A tree as JSON: what a request's `json:` sends, and what a check compares with.

use serde_json::{Map, Number, Value};

use super::{Node, NodeValue, Scalar};

/// The node as JSON. Unquoted `5`, `true` and `null` are what they look like; all else is text.
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
    match scalar.text.as_str() {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => match serde_json::from_str::<Number>(text) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text.to_owned()),
        },
    }
}
