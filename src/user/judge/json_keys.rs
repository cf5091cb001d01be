//! Finds `$.a.b` in a JSON text without building a tree: everything else is skipped as it is read.

use minijinja::Value;
use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::body::{json_of_body, without_mark};
use plimsoll_plan::value::{value_of, value_of_number};

/// The value under `keys`, if the text is JSON and has it. Scalars stay scalars.
pub(super) fn find(json: &[u8], keys: &[String]) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_slice(without_mark(json));
    let found = ValueSeek(keys).deserialize(&mut reader).ok().flatten()?;
    value(found.get())
}

/// The value of a piece of JSON.
fn value(json: &str) -> Option<Value> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // Mostly a text has no escapes.
        Some(text) if !text.contains('\\') => Some(Value::from(text)),
        _ if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
            Some(value_of_number(json))
        }
        _ => json_of_body(json.as_bytes()).as_ref().map(value_of),
    }
}

struct ValueSeek<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for ValueSeek<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0.split_first() {
            None => <&RawValue>::deserialize(reader).map(Some),
            Some((key, rest)) => reader.deserialize_any(SeekKey { key, rest }),
        }
    }
}

struct SeekKey<'a> {
    key: &'a str,
    rest: &'a [String],
}

impl<'de> Visitor<'de> for SeekKey<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an object with `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsKey(self.key))? {
            if found.is_none() && is_it {
                found = map.next_value_seed(ValueSeek(self.rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a key where it stands: a key is no reason to allocate.
struct IsKey<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str, path: &str) -> Option<String> {
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        find(json.as_bytes(), &keys).map(|value| value.to_string())
    }

    #[test]
    fn keys_are_found_at_any_depth() {
        let json = r#"{"skip":[{"token":1}],"a":{"b":{"c":"deep"},"n":7}}"#;
        assert_eq!(text(json, "a.b.c").as_deref(), Some("deep"));
        assert_eq!(text(json, "a.n").as_deref(), Some("7"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(text(r#"{"a":1}"#, "b"), None);
        assert_eq!(text(r#"{"a":1}"#, "a.b"), None);
        assert_eq!(text("not json", "a"), None);
        assert_eq!(text("[1]", "a"), None);
    }
}
