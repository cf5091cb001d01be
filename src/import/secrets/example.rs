//! Secrets inside of a value that a description gives as an example.

use serde_json::Value;

use super::{is_secret, secret_spans};
use crate::import::draft::JsonDraft;
use crate::import::names::snake;
use crate::import::text::{DraftText, TextPiece};

/// The JSON of `key` with what `hide` gives, of a secret's key and value, in the place of each secret.
pub(in crate::import) fn without_secrets(
    key: &str,
    json: &Value,
    hide: &mut dyn FnMut(&str, &str) -> TextPiece,
) -> JsonDraft {
    match json {
        Value::String(text) if is_secret(key, text) => {
            JsonDraft::Text(DraftText(vec![hide(key, text)]))
        }
        Value::String(text) => {
            let spans = secret_spans(text).into_iter();
            let spans = spans.map(|(span, key)| (span.clone(), hide(&key, &text[span]))).collect();
            JsonDraft::Text(DraftText::spliced(text, spans))
        }
        Value::Number(number) if is_secret(key, &number.to_string()) => {
            JsonDraft::Text(DraftText(vec![hide(key, &number.to_string())]))
        }
        Value::Array(items) => {
            JsonDraft::List(items.iter().map(|item| without_secrets(key, item, hide)).collect())
        }
        Value::Object(entries) => {
            let card = snake(key).contains("card");
            let entry = |(inner, value): (&String, &Value)| {
                // Inside of `card`, `number` is the card's.
                let told = if card { format!("{key}_{inner}") } else { inner.clone() };
                (inner.clone(), without_secrets(&told, value, hide))
            };
            JsonDraft::Map(entries.iter().map(entry).collect())
        }
        scalar => JsonDraft::Scalar(scalar.clone()),
    }
}
