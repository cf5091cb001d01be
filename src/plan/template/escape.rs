//! Values made safe for the place where they go.

use minijinja::Value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::value::write_json;

/// How a value is made safe for the place where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// Percent-encoded for a path segment or a query value.
    Url,
    /// For a form: like [`Escape::Url`].
    Form,
    /// Inside the quotes of a JSON string.
    JsonText,
    /// A whole JSON value: numbers stay numbers, texts get quotes.
    Json,
    /// In a header value: line breaks and other control characters cannot smuggle in another header.
    Header,
    /// In quotes in the head of an upload's part: neither quotes nor line ends can end it early (HTML, §4.10.22.8).
    PartName,
}

/// Everything but RFC 3986's unreserved characters.
pub const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends a value, made safe.
pub(super) fn write_value(value: &Value, escape: Escape, out: &mut Vec<u8>) {
    match (escape, value.as_str()) {
        (Escape::Json, _) => write_json(value, out),
        (_, Some(text)) => write_text(text, escape, out),
        // A field that a row of data lacks.
        (_, None) if value.is_undefined() => {}
        (_, None) => {
            let mut json = vec![];
            write_json(value, &mut json);
            write_text(&String::from_utf8_lossy(&json), escape, out);
        }
    }
}

fn write_text(text: &str, escape: Escape, out: &mut Vec<u8>) {
    match escape {
        Escape::None | Escape::Json => out.extend_from_slice(text.as_bytes()),
        Escape::Url | Escape::Form => {
            for part in percent_encode(text.as_bytes(), ENCODED) {
                out.extend_from_slice(part.as_bytes());
            }
        }
        Escape::JsonText => {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            // Only the outer quotes: an escaped one at the end is part of the text.
            let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            out.extend_from_slice(inner.unwrap_or_default().as_bytes());
        }
        Escape::PartName => out.extend_from_slice(part_name(text).as_bytes()),
        Escape::Header => {
            let is_unfit = |b: u8| b.is_ascii_control() && b != b'\t';
            out.extend(text.bytes().map(|b| if is_unfit(b) { b' ' } else { b }));
        }
    }
}

/// A name as it stands in quotes in the head of an upload's part.
pub(crate) fn part_name(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
