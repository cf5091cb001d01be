//! Tokens in a page, mostly in a hidden field: `name="csrf" value="…"`.

use regex::escape;

use crate::import::names::is_opaque;

/// How far behind the start of its tag a value may stand, in bytes.
const TAG_MAX: usize = 200;
/// A shorter value is no token.
const VALUE_MIN: usize = 8;

/// Values in the attributes of a page, each with the regular expression that finds it, and its key.
pub(super) fn page_values(page: &str) -> Vec<(&str, (String, String))> {
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
            if value.len() >= VALUE_MIN && is_opaque(value) {
                let pattern = format!("{}([^{quote}]+)", escape(before));
                found.push((value, (pattern, key_of(before))));
            }
            at = start + length + 1;
        }
    }
    found
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
        let (value, (pattern, key)) = &found[0];
        assert_eq!((*value, key.as_str()), ("a1b2c3d4e5f60718", "csrf"));
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        assert_eq!(&pattern.captures(page).expect("found")[1], *value);
    }
}
