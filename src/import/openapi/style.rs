//! How values of parameters and forms become text (OpenAPI 3.1, 4.8.12.2; Swagger 2, `collectionFormat`).

use crate::draft::JsonDraft;
use crate::text::{DraftText, TextPiece};

/// How a list or object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueStyle {
    /// `a=1&a=2`; an object's fields are parameters of their own.
    Exploded,
    /// `a=1,2` with this between the items.
    Joined(&'static str),
    /// `a[b]=1`
    DeepObject,
    /// `a={"b":1}`
    Json,
}

/// A name with a value, or several.
pub(super) type NamedTexts = Vec<(String, DraftText)>;

/// The pairs that a value becomes.
pub(super) fn pairs_of(name: &str, value: JsonDraft, style: ValueStyle) -> NamedTexts {
    match (style, value) {
        (ValueStyle::Json, value @ (JsonDraft::List(_) | JsonDraft::Map(_))) => {
            vec![(name.to_owned(), json_text(&value))]
        }
        (ValueStyle::DeepObject, value) => {
            let mut found = vec![];
            deep(name.to_owned(), value, &mut found);
            found
        }
        (ValueStyle::Exploded, JsonDraft::List(items)) => {
            items.into_iter().map(|item| (name.to_owned(), flat(item))).collect()
        }
        (ValueStyle::Exploded, JsonDraft::Map(fields)) => {
            fields.into_iter().map(|(key, value)| (key, flat(value))).collect()
        }
        (ValueStyle::Joined(sign), value) => vec![(name.to_owned(), joined(value, sign))],
        (_, value) => vec![(name.to_owned(), flat(value))],
    }
}

fn deep(name: String, value: JsonDraft, found: &mut NamedTexts) {
    match value {
        JsonDraft::List(items) => {
            for (at, item) in items.into_iter().enumerate() {
                deep(format!("{name}[{at}]"), item, found);
            }
        }
        JsonDraft::Map(fields) => {
            for (key, value) in fields {
                deep(format!("{name}[{key}]"), value, found);
            }
        }
        scalar => found.push((name, flat(scalar))),
    }
}

/// Items, or keys and values, one behind the other.
pub(super) fn joined(value: JsonDraft, sign: &str) -> DraftText {
    let texts: Vec<DraftText> = match value {
        JsonDraft::List(items) => items.into_iter().map(flat).collect(),
        JsonDraft::Map(fields) => fields
            .into_iter()
            .flat_map(|(key, value)| [DraftText::literal(key), flat(value)])
            .collect(),
        scalar => vec![flat(scalar)],
    };
    let mut out = vec![];
    for (at, text) in texts.into_iter().enumerate() {
        if at > 0 {
            out.push(TextPiece::Literal(sign.to_owned()));
        }
        out.extend(text.0);
    }
    DraftText(out).merged()
}

/// A value as a single text: a list or an object as JSON.
pub(super) fn flat(value: JsonDraft) -> DraftText {
    match value {
        JsonDraft::Text(text) => text,
        JsonDraft::Scalar(serde_json::Value::Null) => DraftText::literal(""),
        JsonDraft::Scalar(scalar) => DraftText::literal(scalar.to_string()),
        nested => json_text(&nested),
    }
}

/// A value as JSON text, its expressions inside.
fn json_text(value: &JsonDraft) -> DraftText {
    let mut out = DraftText::default();
    write_json(value, &mut out);
    out.merged()
}

fn write_json(value: &JsonDraft, out: &mut DraftText) {
    let mut literal = |text: &str| out.0.push(TextPiece::Literal(text.to_owned()));
    match value {
        JsonDraft::Scalar(scalar) => literal(&scalar.to_string()),
        JsonDraft::Text(text) => {
            // A draw of a number is one in JSON as well.
            let number =
                matches!(&text.0[..], [TextPiece::Expression(e)] if e.starts_with("rand("));
            let quote = if number { "" } else { "\"" };
            literal(quote);
            for piece in &text.0 {
                out.0.push(match piece {
                    TextPiece::Literal(text) => {
                        let quoted = serde_json::Value::from(text.as_str()).to_string();
                        TextPiece::Literal(quoted[1..quoted.len() - 1].to_owned())
                    }
                    other => other.clone(),
                });
            }
            out.0.push(TextPiece::Literal(quote.to_owned()));
        }
        JsonDraft::List(items) => {
            literal("[");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.0.push(TextPiece::Literal(",".to_owned()));
                }
                write_json(item, out);
            }
            out.0.push(TextPiece::Literal("]".to_owned()));
        }
        JsonDraft::Map(fields) => {
            literal("{");
            for (at, (key, value)) in fields.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let key = serde_json::Value::from(key.as_str());
                out.0.push(TextPiece::Literal(format!("{comma}{key}:")));
                write_json(value, out);
            }
            out.0.push(TextPiece::Literal("}".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &serde_json::Value, style: ValueStyle) -> Vec<String> {
        let pairs = pairs_of("p", JsonDraft::recorded(value), style);
        pairs.into_iter().map(|(name, text)| format!("{name}={}", text.written())).collect()
    }

    #[test]
    fn lists_and_objects_are_written_in_every_style() {
        assert_eq!(written(&json!([1, 2]), ValueStyle::Exploded), ["p=1", "p=2"]);
        assert_eq!(written(&json!({ "a": 1 }), ValueStyle::Exploded), ["a=1"]);
        assert_eq!(written(&json!([1, 2]), ValueStyle::Joined(",")), ["p=1,2"]);
        assert_eq!(written(&json!({ "a": 1 }), ValueStyle::Joined(",")), ["p=a,1"]);
        assert_eq!(
            written(&json!({ "a": { "b": 1 }, "c": ["x"] }), ValueStyle::DeepObject),
            ["p[a][b]=1", "p[c][0]=x"]
        );
        assert_eq!(
            written(&json!({ "a": ["x\"", 1] }), ValueStyle::Json),
            ["p={\"a\":[\"x\\\"\",1]}"]
        );
        assert_eq!(written(&json!("x"), ValueStyle::Json), ["p=x"]);
    }
}
