//! A tree → YAML as a person would write it: on one line where it fits, in blocks where it does not.

use std::fmt::Write as _;

/// Where a line ends at the latest, if it can be helped.
const WIDTH: usize = 110;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum YamlValue {
    /// Written as it is: a number, a rate, a time.
    Plain(String),
    /// A text, quoted where YAML would take it for something else.
    Text(String),
    /// A list.
    List(Vec<YamlValue>),
    /// A mapping.
    Map(Vec<YamlEntry>),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlEntry {
    pub(super) key: String,
    pub(super) value: YamlValue,
    /// Lines of comment above it.
    pub(super) comment: Vec<String>,
    /// Never on one line with its siblings, and its own children in a block: sections, flows, journeys.
    pub(super) block: bool,
}

impl YamlEntry {
    pub(super) fn new(key: impl Into<String>, value: YamlValue) -> Self {
        Self { key: key.into(), value, comment: vec![], block: false }
    }

    pub(super) fn block(key: impl Into<String>, value: YamlValue) -> Self {
        Self { block: true, ..Self::new(key, value) }
    }

    pub(super) fn with_comment(mut self, comment: impl Into<String>) -> Self {
        self.comment.push(comment.into());
        self
    }
}

impl YamlValue {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A mapping of one key.
    pub(super) fn only(key: &str, value: Self) -> Self {
        Self::Map(vec![YamlEntry::new(key, value)])
    }
}

impl From<&serde_json::Value> for YamlValue {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(entries) => Self::Map(
                entries.iter().map(|(key, value)| YamlEntry::new(key, Self::from(value))).collect(),
            ),
            scalar => Self::Plain(scalar.to_string()),
        }
    }
}

/// A file: top-level sections with a blank line before each that is a block.
pub(super) fn document(head: &[String], entries: &[YamlEntry]) -> String {
    let mut out = String::new();
    for line in head {
        out.push_str(&comment(line, 0));
    }
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 && entry.block {
            out.push('\n');
        }
        write_entry(&mut out, entry, 0, "");
    }
    out
}

/// A line of comment. What it tells may come from the imported file, which must not break out of it.
fn comment(line: &str, indent: usize) -> String {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let space = if line.is_empty() { "" } else { " " };
    format!("{:indent$}#{space}{line}\n", "")
}

/// One entry at `indent`; `lead` is what stands before its key on the line instead of blanks (`- `).
fn write_entry(out: &mut String, entry: &YamlEntry, indent: usize, lead: &str) {
    let at = indent - lead.len().min(indent);
    for line in &entry.comment {
        out.push_str(&comment(line, indent));
    }
    let start = format!("{:at$}{lead}{}:", "", key(&entry.key));
    match &entry.value {
        YamlValue::Map(entries) if !entries.is_empty() => {
            if !entry.block && fits(&start, &entry.value, out) {
                return;
            }
            out.push_str(&start);
            out.push('\n');
            for child in entries {
                write_entry(out, child, indent + 2, "");
            }
        }
        YamlValue::List(items) if !items.is_empty() => {
            if !entry.block && fits(&start, &entry.value, out) {
                return;
            }
            out.push_str(&start);
            out.push('\n');
            for item in items {
                write_item(out, item, indent + 2);
            }
        }
        value => {
            let _ = writeln!(out, "{start} {}", inline(value, false));
        }
    }
}

fn write_item(out: &mut String, item: &YamlValue, indent: usize) {
    let start = format!("{:indent$}-", "");
    match item {
        YamlValue::Map(entries) if !entries.is_empty() => match &entries[..] {
            // A step: `- get: { … }`, or its fields in a block below.
            [only] => {
                for line in &only.comment {
                    out.push_str(&comment(line, indent));
                }
                let bare = YamlEntry { comment: vec![], ..only.clone() };
                write_entry(out, &bare, indent + 2, "- ");
            }
            _ if fits(&start, item, out) => {}
            [first, rest @ ..] => {
                write_entry(out, first, indent + 2, "- ");
                for entry in rest {
                    write_entry(out, entry, indent + 2, "");
                }
            }
            [] => {}
        },
        YamlValue::List(items) if !items.is_empty() && !fits(&start, item, out) => {
            // A list in a list that is too long for a line: JSON's way is YAML's way too.
            let _ = writeln!(out, "{start} {}", inline(item, true));
        }
        YamlValue::List(items) if !items.is_empty() => {}
        value => {
            let _ = writeln!(out, "{start} {}", inline(value, false));
        }
    }
}

/// Writes `value` on the line that begins with `start`, if it fits.
fn fits(start: &str, value: &YamlValue, out: &mut String) -> bool {
    if has_comment(value) {
        return false;
    }
    let line = format!("{start} {}", inline(value, true));
    let fits = line.chars().count() <= WIDTH;
    if fits {
        out.push_str(&line);
        out.push('\n');
    }
    fits
}

fn has_comment(value: &YamlValue) -> bool {
    match value {
        YamlValue::Map(entries) => entries
            .iter()
            .any(|entry| entry.block || !entry.comment.is_empty() || has_comment(&entry.value)),
        YamlValue::List(items) => items.iter().any(has_comment),
        YamlValue::Plain(_) | YamlValue::Text(_) => false,
    }
}

/// A value on one line; `inside` a mapping or list in braces, more texts need quotes.
fn inline(value: &YamlValue, inside: bool) -> String {
    match value {
        YamlValue::Plain(text) => text.clone(),
        YamlValue::Text(text) => scalar(text, inside),
        YamlValue::List(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        YamlValue::Map(entries) if entries.is_empty() => "{}".to_owned(),
        YamlValue::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| format!("{}: {}", key(&entry.key), inline(&entry.value, true)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A key; it is quoted by the same rules as a text.
fn key(text: &str) -> String {
    scalar(text, true)
}

/// A text as YAML: plain where it cannot be taken for anything else.
fn scalar(text: &str, inside: bool) -> String {
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "exists"];
    let lower = text.to_ascii_lowercase();
    let words = text.split(' ').all(|word| !word.is_empty() && is_plain_word(word));
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_'));
    let environment = !inside && text.starts_with("${") && text.ends_with('}') && {
        let inner = &text[2..text.len() - 1];
        inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '/' | '.'))
            && !inner.contains(": ")
            && !inner.ends_with(':')
    };
    let path = text.strip_prefix("$.").is_some_and(is_plain_word);
    if environment || path || (begins && words && !reserved.contains(&lower.as_str())) {
        return text.to_owned();
    }
    quoted(text)
}

fn is_plain_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || matches!(
                    c,
                    '_' | '/' | '.' | '?' | '=' | '&' | '+' | '%' | '@' | '-' | ';' | '~'
                )
        })
}

/// Double quotes as in JSON, and everything that cannot be printed as an escape.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        let hidden = c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            );
        if hidden {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use plimsoll_scenario::{NodeValue, Problems, SourceId, json_of_node, yaml};

    fn read_back(text: &str) -> serde_json::Value {
        let mut problems = Problems::default();
        let node = yaml::parse(text, SourceId(0), &mut problems);
        assert!(problems.is_empty(), "{text}\n{:?}", problems.into_sorted());
        json_of_node(&node.expect("a tree"))
    }

    #[test]
    fn short_values_stand_on_one_line_and_long_ones_in_blocks() {
        let url = "/a".repeat(60);
        let get = |url: &str| {
            let fields = vec![
                YamlEntry::new("name", YamlValue::text("a")),
                YamlEntry::new("url", YamlValue::text(url)),
            ];
            YamlValue::only("get", YamlValue::Map(fields))
        };
        let flow = YamlValue::List(vec![get("/"), get(&url)]);
        let text = document(&[], &[YamlEntry::block("flow", flow)]);
        let expected = format!(
            "flow:\n  - get: {{ name: a, url: / }}\n  - get:\n      name: a\n      url: {url}\n"
        );
        assert_eq!(text, expected);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(serde_json::Value::from),
            "[a-z:{}#&*!|>'\"%@`, -]{0,12}".prop_map(serde_json::Value::from),
            any::<i32>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::vec((any::<String>(), inner), 1..5)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in json()) {
            let text = document(&["# x\n: y".to_owned()], &[YamlEntry::new("v", YamlValue::from(&value))]);
            prop_assert_eq!(&read_back(&text)["v"], &value, "{}", text);
        }
    }

    #[test]
    fn empty_mapping_and_list_keep_their_shape() {
        let text = document(&[], &[YamlEntry::new("a", YamlValue::List(vec![]))]);
        let mut problems = Problems::default();
        let node = yaml::parse(&text, SourceId(0), &mut problems).expect("a tree");
        let list = node.get("a").expect("its key");
        assert!(matches!(&list.value, NodeValue::Sequence(items) if items.is_empty()));
    }
}
