//! JSON values as YAML that people can read.

use std::fmt::Write as _;

use serde_json::Value;

/// The document as block YAML, with a final line feed.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let _ = write!(out, "{:indent$}{}:", "", scalar_text(key));
                after(out, value, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                let begin = out.len() + indent;
                match item {
                    Value::Object(fields) if !fields.is_empty() => {
                        block(out, item, indent + 2);
                        out.replace_range(begin..=begin, "-");
                    }
                    _ => {
                        let _ = write!(out, "{:indent$}-", "");
                        after(out, item, indent);
                    }
                }
            }
        }
        scalar => {
            let _ = writeln!(out, "{:indent$}{}", "", one_line(scalar));
        }
    }
}

/// What stands behind a key or a dash.
fn after(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            block(out, value, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(out, value, indent + 2);
        }
        Value::String(text) if is_literal(text) => {
            out.push_str(" |\n");
            for line in text.lines() {
                if line.is_empty() {
                    out.push('\n');
                } else {
                    let _ = writeln!(out, "{:width$}{line}", "", width = indent + 2);
                }
            }
        }
        other => {
            let _ = writeln!(out, " {}", one_line(other));
        }
    }
}

fn one_line(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        // Empty collections, numbers, true, false and null are YAML as they are.
        other => other.to_string(),
    }
}

/// A text as it can stand in a line: quoted as JSON unless nobody could take it for anything else.
fn scalar_text(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    // YAML 1.1, which Kubernetes reads, takes these for other things.
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if is_word && !words.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Whether a text can stand as it is, in lines of its own: indentation must tell where it ends.
fn is_literal(text: &str) -> bool {
    let is_plain = |c: char| {
        c == '\n'
            || !(c.is_control() || matches!(c, '\u{FEFF}' | '\u{2028}' | '\u{2029}' | '\u{85}'))
    };
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::yaml::parse;
    use crate::scenario::{Problems, SourceFiles, json_of_node};

    #[test]
    fn values_come_back_from_their_text() {
        let value = json!({
            "apiVersion": "batch/v1",
            "yes": "no",
            "number": 12,
            "text": "12",
            "empty": {},
            "none": [],
            "list": ["a", "- b", { "c": true, "d": ["x"] }, { "e": { "f": [[1, "g"], {}] } }, null],
            "file.yaml": "name: a\n\n  # deep\nlast: \"1\"\n",
            "odd": "  starts with blanks\n",
            "open": "no end\nhere",
            "quotes": "a: 'b' \"c\" #d",
        });
        let text = text(&value);
        let (mut sources, mut problems) = (SourceFiles::default(), Problems::default());
        let id = sources.add("x.yaml", text.as_str());
        let node = parse(&text, id, &mut problems).expect("YAML");
        assert!(problems.into_sorted().is_empty(), "{text}");
        assert_eq!(json_of_node(&node), value, "{text}");
    }
}
