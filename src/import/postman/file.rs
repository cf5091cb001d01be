//! Postman's collection format 2.1 (and 2.0), as its app exports it: <https://schema.postman.com/>.
//!
//! Much of it may be written in two ways, so it is read as a tree.

use serde_json::Value;

/// The text of a field; numbers and truth values are texts as well.
pub(super) fn text(value: &Value, key: &str) -> String {
    value.get(key).map(plain).unwrap_or_default()
}

/// A scalar as text; a list of texts is one of several lines.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(lines) => lines.iter().map(plain).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// The items of a list; none where there is none.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a field says `true`.
pub(super) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// Keys with values that are not switched off: a list of pairs, or a mapping.
pub(super) fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    match value {
        Some(Value::Array(items)) => {
            let items = items.iter().filter(|item| !flag(item, "disabled"));
            items
                .filter(|item| item.get("enabled") != Some(&Value::Bool(false)))
                .map(|item| {
                    let key = if item.get("key").is_some() { "key" } else { "id" };
                    (text(item, key), text(item, "value"))
                })
                .collect()
        }
        Some(Value::Object(entries)) => {
            entries.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
        }
        // Headers may be one text.
        Some(Value::String(lines)) => {
            let pair = |line: &str| {
                let (key, value) = line.split_once(':')?;
                Some((key.trim().to_owned(), value.trim().to_owned()))
            };
            lines.lines().filter_map(pair).collect()
        }
        _ => vec![],
    }
}
