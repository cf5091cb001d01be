//! Bodies as templates: JSON keeps its shape, and values in it are escaped for their place.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::template::Templates;
use crate::plan::{Escape, Template};
use crate::scenario::{Node, NodeValue, Problems, Scalar, Spanned, json_of_scalar};

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// JSON. A text that is one whole `{{ … }}` becomes a value of its type; any other text stays a text.
pub(super) fn json(node: &Node, templates: Templates<'_>, problems: &mut Problems) -> Template {
    let mut template = Template::default();
    match &node.value {
        NodeValue::Scalar(scalar) => return json_scalar(node, scalar, templates, problems),
        NodeValue::Sequence(items) => {
            template.push_literal(b"[");
            for (index, item) in items.iter().enumerate() {
                template.push_literal(if index == 0 { b"" } else { b"," });
                template.append(&json(item, templates, problems));
            }
            template.push_literal(b"]");
        }
        NodeValue::Mapping(entries) => {
            template.push_literal(b"{");
            for (index, (key, value)) in entries.iter().enumerate() {
                template.push_literal(if index == 0 { b"" } else { b"," });
                template.push_literal(quoted(&key.text).as_bytes());
                template.push_literal(b":");
                template.append(&json(value, templates, problems));
            }
            template.push_literal(b"}");
        }
    }
    template
}

fn json_scalar(
    node: &Node,
    scalar: &Scalar,
    templates: Templates<'_>,
    problems: &mut Problems,
) -> Template {
    if !scalar.text.contains("{{") && !scalar.text.contains("{%") {
        return Template::constant(json_of_scalar(scalar).to_string());
    }
    let text = Spanned::new(scalar.text.clone(), node.span);
    if is_one_expression(&scalar.text) {
        let trimmed = text.map(|text| text.trim().to_owned());
        return templates.compile(&trimmed, Escape::Json, problems);
    }
    let inner = |literal: &str| {
        let quoted = quoted(literal);
        quoted.as_bytes()[1..quoted.len() - 1].to_vec()
    };
    let mut template = Template::constant("\"");
    template.append(&templates.compile_with(&text, Escape::JsonText, &inner, problems));
    template.push_literal(b"\"");
    template
}

/// Whether the text is a single `{{ … }}` and nothing else.
pub(super) fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `name=value&…`, encoded: a form, or a query.
pub(super) fn pairs(
    pairs: &[(Spanned<String>, Spanned<String>)],
    escape: Escape,
    templates: Templates<'_>,
    problems: &mut Problems,
) -> Template {
    let mut template = Template::default();
    for (index, (name, value)) in pairs.iter().enumerate() {
        template.push_literal(if index == 0 { b"" } else { b"&" });
        template.push_literal(&encoded(&name.value));
        template.push_literal(b"=");
        template.append(&templates.compile_with(value, escape, &encoded, problems));
    }
    template
}

fn encoded(text: &str) -> Vec<u8> {
    utf8_percent_encode(text, ENCODED).to_string().into_bytes()
}
