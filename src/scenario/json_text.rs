//! JSON as text: numbers keep every character, and depth has a limit.

use serde::Deserialize as _;
use serde::de::Error as _;
use serde_json::{Number, Value};

/// The deepest nesting that is followed: parsing and what looks into its result recurse.
const DEPTH_LIMIT: usize = 512;

/// Reads one value of JSON in which every number is as it came, its power too (`1e3`, where the parser makes it `1e+3`).
///
/// # Errors
/// Where it is no JSON, or nested deeper than 512.
pub fn read_json(text: &[u8]) -> Result<Value, serde_json::Error> {
    let found = JsonSurvey::of(text);
    if found.deepest > DEPTH_LIMIT {
        return Err(serde_json::Error::custom(format!("nested deeper than {DEPTH_LIMIT}")));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    reader.disable_recursion_limit();
    let mut json = Value::deserialize(&mut reader)?;
    reader.end()?;
    // Without a power, the parser changes nothing.
    if found.has_powers {
        keep_numbers(&mut json, &mut numbers(text));
    }
    Ok(json)
}

/// The number that stands in a text of JSON.
pub(super) fn number_of_text(text: &str) -> Option<Number> {
    let _: Number = text.parse().ok()?;
    Some(Number::from_string_unchecked(text.to_owned()))
}

/// Gives numbers the texts that stand for them, in the order of the text, as far as they are the same: of a name that
/// stands twice in a mapping, the tree has the last value only.
fn keep_numbers<'t>(json: &mut Value, texts: &mut impl Iterator<Item = &'t str>) -> Option<()> {
    match json {
        Value::Number(number) => {
            let text = texts.next()?;
            (text.parse::<Number>().ok()? == *number).then_some(())?;
            *number = Number::from_string_unchecked(text.to_owned());
            Some(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| keep_numbers(item, texts)),
        Value::Object(entries) => {
            entries.values_mut().try_for_each(|value| keep_numbers(value, texts))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Some(()),
    }
}

/// The numbers of a text of JSON, in their order.
fn numbers(text: &[u8]) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(byte) = text.get(at) {
            let from = at;
            at += 1;
            match byte {
                b'"' => at += behind_quotes(&text[at..]),
                b'-' | b'0'..=b'9' => {
                    at += number_length(&text[at..]);
                    return str::from_utf8(&text[from..at]).ok();
                }
                _ => {}
            }
        }
        None
    })
}

/// How many bytes of a text go on with a number.
fn number_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| b"+-.eE0123456789".contains(byte)).count()
}

/// How many bytes of a text are left up to behind its closing quotes.
fn behind_quotes(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        if text[at + found] == b'"' {
            return at + found + 1;
        }
        // What is escaped does not end it.
        at = (at + found + 2).min(text.len());
    }
    text.len()
}

/// What is to be known of a text of JSON before it is read.
#[derive(Debug, Default)]
struct JsonSurvey {
    /// How many lists and mappings are open at once, at most.
    deepest: usize,
    /// Whether a number has a power.
    has_powers: bool,
}

impl JsonSurvey {
    fn of(text: &[u8]) -> Self {
        let mut found = Self::default();
        let (mut at, mut open) = (0, 0_usize);
        while let Some(byte) = text.get(at) {
            at += 1;
            match byte {
                b'"' => at += behind_quotes(&text[at..]),
                b'0'..=b'9' => {
                    let number = &text[at..at + number_length(&text[at..])];
                    found.has_powers |= memchr::memchr2(b'e', b'E', number).is_some();
                    at += number.len();
                }
                b'[' | b'{' => {
                    open += 1;
                    found.deepest = found.deepest.max(open);
                }
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_character_wherever_they_stand() {
        for text in [
            "1e3",
            r#"{"a":[1e3,1E+2,1.50,-0,true,null,"1e3\"1e3"],"é":{"b":-0.0e-7,"c":1E400}}"#,
            r#"["\\",1e3,"\\\"",2E5]"#,
        ] {
            assert_eq!(read_json(text.as_bytes()).expect(text).to_string(), text);
        }
    }

    #[test]
    fn name_that_stands_twice_has_its_last_value() {
        let json = read_json(br#"{"a":1,"b":1e3,"a":2}"#).expect("JSON");
        assert_eq!((json["a"].as_u64(), json["b"].as_f64()), (Some(2), Some(1000.0)));
    }

    #[test]
    fn nesting_is_followed_to_its_limit() {
        let nested = |deep: usize| format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        assert!(read_json(nested(512).as_bytes()).is_ok());
        let error = read_json(nested(513).as_bytes()).expect_err("too deep");
        assert!(error.to_string().contains("nested deeper than 512"), "{error}");
        for wrong in ["", "{", "1 2", "01", "[1e]", r#""a"#, r#""a\"#] {
            assert!(read_json(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
