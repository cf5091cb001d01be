//! Tokens in a page, mostly in a hidden field: `name="csrf" value="…"`.

use std::borrow::Cow;

use html_escape::decode_html_entities;
use regex::escape;

use crate::draft::CaptureOrigin;
use crate::names::is_opaque;

/// How far behind the start of its tag a value may stand, in bytes.
const TAG_MAX: usize = 200;
/// A shorter value is no token.
const VALUE_MIN: usize = 8;

/// Values in the attributes of a page, as a browser reads them, each with what captures it, and its key.
pub(super) fn page_values(page: &str) -> Vec<(Cow<'_, str>, (CaptureOrigin, String))> {
    let mut found = vec![];
    for (tag, _) in page.match_indices('<') {
        let mut at = tag;
        while let Some(offset) = page[at..].find(['"', '\'', '\n']) {
            let open = at + offset;
            let quote = char::from(page.as_bytes()[open]);
            let start = open + 1;
            if quote == '\n' || start - tag > TAG_MAX || page[tag + 1..open].contains('<') {
                break;
            }
            let Some(length) = page[start..].find(quote) else { break };
            let (before, value) = (&page[tag..start], &page[start..start + length]);
            let meant = decode_html_entities(value);
            if value.len() >= VALUE_MIN && is_token(&meant) {
                let pattern = format!("{}([^{quote}]+)", escape(before));
                let source = if meant == value {
                    CaptureOrigin::Regex(pattern)
                } else {
                    CaptureOrigin::HtmlRegex(pattern)
                };
                found.push((meant, (source, key_of(before))));
            }
            at = start + length + 1;
        }
    }
    found
}

/// Whether it is random; signs that a page must escape may be in it.
fn is_token(value: &str) -> bool {
    is_opaque(&value.replace(['&', '"', '\'', '<', '>'], ""))
}

/// What the tag calls it: `<input name="csrf" value="` → `csrf`.
fn key_of(before: &str) -> String {
    let named = before.split_once("name=").map(|(_, rest)| rest);
    let name = named.and_then(|rest| rest.get(1..)?.split(['"', '\'']).next());
    name.filter(|name| !name.is_empty()).unwrap_or("token").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_are_found_with_their_names() {
        let page =
            "<p>\n<form><input type=\"hidden\" name=\"csrf\" value=\"a1b2c3d4e5f60718\"></form>";
        let found = page_values(page);
        assert_eq!(found.len(), 1);
        let (value, (CaptureOrigin::Regex(pattern), key)) = &found[0] else { panic!("a pattern") };
        assert_eq!((&**value, key.as_str()), ("a1b2c3d4e5f60718", "csrf"));
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        assert_eq!(pattern.captures(page).expect("found")[1], **value);
        let escaped = page.replace("a1b2", "a&amp;1&#x2b;b2");
        let found = page_values(&escaped);
        assert_eq!(found[0].0, "a&1+b2c3d4e5f60718");
        assert!(matches!(found[0].1.0, CaptureOrigin::HtmlRegex(_)));
    }
}
