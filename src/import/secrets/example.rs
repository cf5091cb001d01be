//! Secrets inside of a value that a description gives as an example.

use serde_json::Value;

use super::{is_secret, key_within, secret_number, secret_spans};
use crate::draft::JsonDraft;
use crate::text::{DraftText, TextPiece};

/// The JSON of `key` with what `hide` gives, of a secret's key and value, in the place of each secret.
pub(crate) fn without_secrets(
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
        Value::Array(items) => {
            JsonDraft::List(items.iter().map(|item| without_secrets(key, item, hide)).collect())
        }
        Value::Object(entries) => {
            let entry = |(inner, value): (&String, &Value)| {
                (inner.clone(), without_secrets(&key_within(key, inner), value, hide))
            };
            JsonDraft::Map(entries.iter().map(entry).collect())
        }
        scalar => match secret_number(key, scalar) {
            Some(number) => JsonDraft::Text(DraftText(vec![hide(key, &number)])),
            None => JsonDraft::Scalar(scalar.clone()),
        },
    }
}
