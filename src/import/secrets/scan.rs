//! Secrets inside of a longer text: JSON, XML, a form, a message that is nothing known.

use std::ops::Range;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex::Regex;

use super::{is_secret, secret_shape};

/// A key and its value, as formats write them. Group 1 is the key, the first of the others that matches the value.
static PAIRS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // JSON, GraphQL, YAML: `"key": "value"`, `key: "value"`, `"key": 5`; and JSON in a text of JSON.
        r#""?([\w$.@\-]{1,100})"?\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'([^'\n]*)'|(-?\d[\d.]*))"#,
        r#"\\"([\w$.@\-]{1,100})\\"\s*:\s*\\"((?:[^"\\]|\\[^"])*)\\""#,
        // XML: elements, and elements whose names are in an attribute.
        r"<(?:[\w.\-]+:)?([\w.\-]+)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[(.*?)\]\]>|([^<>]+?))\s*</",
        r#"(?:name|key|id|Name|Key)\s*=\s*["']([^"'<>]+)["'][^<>]*?(?:value\s*=\s*["']([^"']*)["']|>\s*([^<>]+?)\s*<)"#,
        r#"([\w:.\-]+)\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')"#,
        // Forms and queries.
        r#"(?:^|[&?;,\s{(])([\w.\-\[\]%]+)=([^&\s;"'<>,)}]+)"#,
        // A line, such as of a header.
        r"(?m)^[ \t]*([A-Za-z][\w \-]{0,40}?)[ \t]*:[ \t]+(\S[^\r\n]*?)[ \t]*\r?$",
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// What may be a secret without a key: a run of the characters of tokens, or the digits of a card.
static ALONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9_\-+/=.~]{15,}|\b\d(?:[ \-]?\d){12,18}\b").ok());

/// `https://user:password@host`
static USER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"://([^/\s:@?#]+):([^/\s@?#]+)@").ok());

/// Where secrets stand in `text`, each with the key that names its variable; apart, and in order.
pub(crate) fn secret_spans(text: &str) -> Vec<(Range<usize>, String)> {
    if text.len() < 6 {
        return vec![];
    }
    let mut found: Vec<(Range<usize>, String)> = vec![];
    for pattern in PAIRS.iter() {
        let mut from = 0;
        while let Some(parts) = pattern.captures_at(text, from) {
            let (Some(key), Some(value)) = (parts.get(1), parts.iter().skip(2).flatten().next())
            else {
                from = parts.get(0).map_or(text.len(), |whole| whole.end().max(from + 1));
                continue;
            };
            let name = percent_decode_str(key.as_str()).decode_utf8_lossy();
            let decoded = percent_decode_str(value.as_str()).decode_utf8_lossy();
            if !value.is_empty() && is_secret(&name, &decoded) {
                found.push((value.range(), name.into_owned()));
                from = value.end().max(from + 1);
            } else {
                // What was taken for a value may hold pairs of its own.
                from = value.start().max(key.end()).max(from + 1);
            }
            while !text.is_char_boundary(from) {
                from += 1;
            }
            if from >= text.len() {
                break;
            }
        }
    }
    if let Some(pattern) = &*USER {
        for parts in pattern.captures_iter(text) {
            found.extend(parts.get(2).map(|value| (value.range(), "password".to_owned())));
        }
    }
    // What a key says is known better than what looks like a token, key and all.
    let is_known = |span: &Range<usize>, found: &[(Range<usize>, String)]| {
        found.iter().any(|(known, _)| span.start < known.start && known.end == span.end)
    };
    let alone: Vec<_> = alone(text).filter(|(span, _)| !is_known(span, &found)).collect();
    found.extend(alone);
    apart(found)
}

/// The text with `…` in the places of secrets, for people to read.
pub(crate) fn shown_without_secrets(text: &str) -> String {
    let mut shown = text.to_owned();
    for (span, _) in secret_spans(text).into_iter().rev() {
        shown.replace_range(span, "…");
    }
    shown
}

/// Secrets without a key.
fn alone(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let words = ALONE.iter().flat_map(|pattern| pattern.find_iter(text));
    let words = words.filter(|word| secret_shape("", word.as_str()));
    words.map(|word| {
        let digits = word.as_str().bytes().all(|b| b.is_ascii_digit() || b" -".contains(&b));
        (word.range(), if digits { "card_number" } else { "token" }.to_owned())
    })
}

/// Of spans that overlap, the first is kept.
fn apart(mut found: Vec<(Range<usize>, String)>) -> Vec<(Range<usize>, String)> {
    found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    let mut end = 0;
    found.retain(|(span, _)| {
        let free = span.start >= end;
        if free {
            end = span.end;
        }
        free
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> Vec<(&str, String)> {
        secret_spans(text).into_iter().map(|(span, key)| (&text[span], key)).collect()
    }

    #[test]
    fn secrets_are_found_in_texts_of_every_format() {
        for text in [
            r#"{"user": "ada", "password": "hunter2"}"#,
            r#"{"body":"{\"password\":\"hunter2\"}"}"#,
            r#"mutation { login(email: "ada", password: "hunter2") { id } }"#,
            "<login><user>ada</user><password>hunter2</password></login>",
            r#"<soap:Body><wsse:Password Type="x">hunter2</wsse:Password></soap:Body>"#,
            "<password><![CDATA[hunter2]]></password>",
            r#"<login user="ada" password="hunter2"/>"#,
            r#"<param name="password" value="hunter2"/>"#,
            r#"<entry key="password">hunter2</entry>"#,
            "user=ada&password=hunter2&remember=true",
            "https://ada:hunter2@shop.test/",
            "From: ada\nX-Password: hunter2\n",
            "42[\"auth\",{\"password\":\"hunter2\"}]",
        ] {
            let found = hidden(text);
            assert_eq!(
                found.iter().map(|(value, _)| *value).collect::<Vec<_>>(),
                ["hunter2"],
                "{text}"
            );
        }
        assert_eq!(
            hidden("pay 4242-4242-4242-4242 now"),
            [("4242-4242-4242-4242", "card_number".into())]
        );
        let session = "cb;jsessionid=1A2B3C4D5E6F7A8B9C0D";
        assert_eq!(hidden(session), [("1A2B3C4D5E6F7A8B9C0D", "jsessionid".to_owned())]);
        let token = "q7Zp2LmX9vB4tR8sK1wY";
        assert_eq!(hidden(&format!("subscribe {token} now")), [(token, "token".to_owned())]);
    }

    #[test]
    fn harmless_texts_have_none() {
        for text in [
            "hello world, this is a text about nothing",
            r#"{"query":"query Products($first: Int!) { products(first: $first) { id } }","variables":{"first":10}}"#,
            "<order><item id=\"5\">tea</item></order>",
            "from=LIS&to=GRU&date=2026-01-31",
        ] {
            assert_eq!(hidden(text), [], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn spans_of_any_text_are_apart_and_in_it(text in "(?s).{0,120}|[\"':=<>&a-z ]{0,80}") {
            let mut end = 0;
            for (span, _) in secret_spans(&text) {
                proptest::prop_assert!(span.start >= end && text.get(span.clone()).is_some());
                end = span.end;
            }
        }
    }
}
