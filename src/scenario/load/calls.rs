//! Calls of `file('path')` in templates.

use std::sync::LazyLock;

use regex::Regex;

use crate::{Node, NodeValue, Problems, SourceId, Spanned};

/// Notes the files whose content templates ask for (`file('path')`), and gives calls in included files the number of their
/// file, for paths are relative to it.
pub(super) fn note_files(node: &mut Node, problems: &mut Problems) {
    match &mut node.value {
        NodeValue::Sequence(items) => {
            for item in items {
                note_files(item, problems);
            }
        }
        NodeValue::Mapping(entries) => {
            for (_, value) in entries {
                note_files(value, problems);
            }
        }
        NodeValue::Scalar(scalar) if scalar.text.contains("file(") => {
            let (mut text, mut at) = (String::new(), 0);
            for call in FILE_CALL.iter().flat_map(|call| call.captures_iter(&scalar.text)) {
                let (Some(whole), Some(path)) = (call.get(0), call.get(1).or_else(|| call.get(2)))
                else {
                    continue;
                };
                problems.note_content(Spanned::new(path.as_str().to_owned(), node.span));
                text.push_str(&scalar.text[at..whole.end() - 1]);
                if node.span.source != SourceId(0) {
                    text.push_str(", ");
                    text.push_str(&node.span.source.0.to_string());
                }
                at = whole.end() - 1;
            }
            text.push_str(&scalar.text[at..]);
            scalar.text = text;
        }
        NodeValue::Scalar(_) => {}
    }
}

/// `file('path')` in an expression.
static FILE_CALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bfile\(\s*(?:'([^'\\{}]+)'|"([^"\\{}]+)")\s*\)"#).ok());
