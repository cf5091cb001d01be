//! A tree as JSON: what a request's `json:` sends, and what a check compares with.

use serde_json::{Map, Value};

use super::json_text::number_of_text;
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
    // JSON has no infinity, so `.inf` stays a text.
    let number = core_schema::json_number(text).and_then(|number| number_of_text(&number));
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A value that stands in the program, written as YAML.
pub(super) fn json_of_text(text: &str) -> Value {
    let mut problems = Problems::default();
    yaml::parse(text, SourceId(0), &mut problems).as_ref().map_or(Value::Null, json_of_node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoted_scalars_keep_all_their_digits() {
        for (text, expected) in [
            ("20000000000000000001", "20000000000000000001"),
            ("0.1234567890123456789", "0.1234567890123456789"),
            ("+1", "1"),
            ("007", "7"),
            ("-.50", "-0.50"),
            ("1.", "1"),
            ("0o17", "15"),
            ("0xFFFFFFFFFFFFFFFFFF", "4722366482869645213695"),
            ("6.02E23", "6.02E23"),
            ("1e3", "1e3"),
            ("1e400", "1e400"),
            (".inf", "\".inf\""),
            ("0b1", "\"0b1\""),
            ("yes", "\"yes\""),
            ("~", "null"),
            ("True", "true"),
        ] {
            assert_eq!(json_of_text(text).to_string(), expected, "{text}");
        }
        assert_eq!(json_of_text("'1'").to_string(), "\"1\"");
    }
}
