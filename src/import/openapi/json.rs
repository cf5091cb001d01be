//! JSON (RFC 8259) → a tree in which every value knows its place.
//!
//! JSON is not quite YAML: a pair of surrogates is one character, tabs stand anywhere, and a description of an API may
//! have millions of values, which nothing repeats. A key that comes twice counts the last time, as readers of JSON do.

use plimsoll_scenario::{KeyNode, Node, NodeValue, Problem, Scalar, SourceId, Span};

use super::super::problem;

/// How deep values may be nested.
const DEPTH_MAX: usize = 200;

/// Reads a text.
pub(super) fn parse(text: &str, source: SourceId) -> Result<Node, Vec<Problem>> {
    let mut reader = JsonReader { text, at: 0, line: 1, line_start: 0, counted: (0, 0), source };
    reader.blanks();
    let node = reader.value(0).and_then(|node| {
        reader.blanks();
        if reader.at == text.len() { Ok(node) } else { Err("more text behind its end") }
    });
    node.map_err(|message| {
        let span = Span { length: 1, ..reader.span(reader.at) };
        vec![problem(span, format!("not JSON: {message}"), None)]
    })
}

struct JsonReader<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    /// Where the line begins, in bytes.
    line_start: usize,
    /// A place in the line, in bytes, and how many characters stand before it: a file may be one line of megabytes.
    counted: (usize, u32),
    source: SourceId,
}

type JsonFault = &'static str;

impl JsonReader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// From `start` to here.
    fn span(&mut self, start: usize) -> Span {
        let (counted, columns) = self.counted;
        let (from, columns) =
            if start < counted { (self.line_start, 0) } else { (counted, columns) };
        let more = self.text.get(from..start).unwrap_or_default();
        let columns = columns + more.chars().count() as u32;
        self.counted = (start, columns);
        Span {
            source: self.source,
            line: self.line,
            column: columns + 1,
            length: self.at.saturating_sub(start) as u32,
        }
    }

    fn blanks(&mut self) {
        while let Some(b) = self.peek().filter(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
            if b == b'\n' {
                self.line += 1;
                self.line_start = self.at;
                self.counted = (self.at, 0);
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, JsonFault> {
        if depth > DEPTH_MAX {
            return Err("nested too deep");
        }
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let text = self.text_value()?;
                Ok(self.scalar(text, false, start))
            }
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                let rest = &self.text[self.at..];
                let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                let text = rest[..length].to_owned();
                let known = matches!(text.as_str(), "true" | "false" | "null");
                if !known && serde_json::from_str::<serde_json::Number>(&text).is_err() {
                    return Err("neither a number nor true, false or null");
                }
                self.at += length;
                Ok(self.scalar(text, true, start))
            }
            Some(_) => Err("expected a value"),
            None => Err("it ends too early"),
        }
    }

    fn scalar(&mut self, text: String, plain: bool, start: usize) -> Node {
        Node { span: self.span(start), value: NodeValue::Scalar(Scalar { text, plain }) }
    }

    fn object(&mut self, depth: usize) -> Result<Node, JsonFault> {
        let start = Span { length: 1, ..self.span(self.at) };
        self.at += 1;
        let mut entries: Vec<(KeyNode, Node)> = vec![];
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node { span: start, value: NodeValue::Mapping(entries) });
        }
        loop {
            self.blanks();
            let key_start = self.at;
            if self.peek() != Some(b'"') {
                return Err("expected a key in quotes");
            }
            let text = self.text_value()?;
            let key = KeyNode { text, span: self.span(key_start) };
            self.blanks();
            self.take(b':', "expected `:` behind a key")?;
            self.blanks();
            let node = self.value(depth + 1)?;
            entries.push((key, node));
            self.blanks();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(Node { span: start, value: NodeValue::Mapping(last_of_each(entries)) });
            }
            self.take(b',', "expected `,` or `}`")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node, JsonFault> {
        let start = Span { length: 1, ..self.span(self.at) };
        self.at += 1;
        let mut items = vec![];
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node { span: start, value: NodeValue::Sequence(items) });
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Node { span: start, value: NodeValue::Sequence(items) });
            }
            self.take(b',', "expected `,` or `]`")?;
        }
    }

    fn take(&mut self, sign: u8, fault: JsonFault) -> Result<(), JsonFault> {
        if self.peek() != Some(sign) {
            return Err(fault);
        }
        self.at += 1;
        Ok(())
    }

    /// A text in quotes.
    fn text_value(&mut self) -> Result<String, JsonFault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let length = rest.find(['"', '\\']).ok_or("a text without its end")?;
            if rest[..length].contains('\n') {
                return Err("a text over several lines");
            }
            out.push_str(&rest[..length]);
            self.at += length + 1;
            if rest.as_bytes()[length] == b'"' {
                return Ok(out);
            }
            out.push(self.escape()?);
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, JsonFault> {
        let letter = self.peek().ok_or("it ends too early")?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let low =
                    (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u");
                if !low {
                    // Half of a pair is no character.
                    return Ok(char::from_u32(first).unwrap_or('\u{fffd}'));
                }
                let before = self.at;
                self.at += 2;
                let second = self.unit()?;
                if !(0xDC00..0xE000).contains(&second) {
                    self.at = before;
                    return Ok('\u{fffd}');
                }
                char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
                    .unwrap_or('\u{fffd}')
            }
            _ => return Err("an escape that JSON does not know"),
        })
    }

    fn unit(&mut self) -> Result<u32, JsonFault> {
        let digits = self.text.get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or("four hexadecimal digits belong behind `\\u`")
    }
}

/// Of keys that come twice, the last.
fn last_of_each(entries: Vec<(KeyNode, Node)>) -> Vec<(KeyNode, Node)> {
    let mut seen = std::collections::HashSet::with_capacity(entries.len());
    if entries.iter().all(|(key, _)| seen.insert(key.text.as_str())) {
        return entries;
    }
    let mut kept: Vec<(KeyNode, Node)> = vec![];
    for (key, node) in entries {
        kept.retain(|(known, _)| known.text != key.text);
        kept.push((key, node));
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use plimsoll_scenario::json_of_node;

    #[test]
    fn surrogates_and_places_are_read() {
        let root = parse("{\n \"a\": [1, \"\\ud83d\\ude00\\ud83d\"],\n \"b\": null }", SourceId(0))
            .expect("JSON");
        assert_eq!(
            json_of_node(&root),
            serde_json::json!({ "a": [1, "\u{1f600}\u{fffd}"], "b": null })
        );
        let b = root.get("b").expect("b").span;
        assert_eq!((b.line, b.column, b.length), (3, 7, 4));
        let root = parse("{\"é\":{\"b\":[1,22]},\"ç\":null}", SourceId(0)).expect("JSON");
        let items = root.get("é").and_then(|e| e.get("b")).expect("a list");
        let NodeValue::Sequence(items) = &items.value else { panic!("a list") };
        assert_eq!((items[1].span.column, items[1].span.length), (14, 2));
        assert_eq!(root.get("ç").expect("null").span.column, 23);
        for wrong in ["{", "[1,]", "{\"a\" 1}", "\"a", "01x", "{} {}", "nul", "\"\\x\"", ""] {
            assert!(parse(wrong, SourceId(0)).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_panic(text in "(?s).{0,60}|[\\[\\]{}:,\"\\\\u0-9a-f \n]{0,60}") {
            let known = serde_json::from_str::<serde_json::Value>(&text);
            let read = parse(&text, SourceId(0));
            if let Ok(value) = known {
                prop_assert!(read.is_ok(), "{} {:?}", value, read);
            }
        }
    }
}
