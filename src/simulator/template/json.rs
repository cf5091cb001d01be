//! A tree of YAML values → a JSON text with expressions in it.

use plimsoll_scenario::{Node, NodeValue, ProblemKind, Problems, Scalar};

/// The text of a template, or of a constant.
pub(super) enum JsonSource {
    Constant(String),
    Template(String),
}

/// The JSON text that `node` stands for.
pub(super) fn source(node: &Node, problems: &mut Problems) -> Option<JsonSource> {
    let mut writer = JsonWriter { out: String::new(), varies: false };
    let before = problems.len();
    writer.value(node, problems);
    if problems.len() > before {
        return None;
    }
    Some(if writer.varies {
        JsonSource::Template(writer.out)
    } else {
        JsonSource::Constant(writer.out)
    })
}

struct JsonWriter {
    out: String,
    varies: bool,
}

impl JsonWriter {
    fn value(&mut self, node: &Node, problems: &mut Problems) {
        match &node.value {
            NodeValue::Scalar(scalar) => self.scalar(node, scalar, problems),
            NodeValue::Sequence(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.value(item, problems);
                }
                self.out.push(']');
            }
            NodeValue::Mapping(entries) => match (node.get("repeat"), node.get("item")) {
                (Some(times), Some(item)) if entries.len() == 2 => {
                    self.repeat(times, item, problems);
                }
                _ => {
                    self.out.push('{');
                    for (index, (key, value)) in entries.iter().enumerate() {
                        self.comma(index);
                        self.out.push_str(&quoted(&key.text));
                        self.out.push(':');
                        self.value(value, problems);
                    }
                    self.out.push('}');
                }
            },
        }
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
    }

    /// `{ repeat: 3, item: … }`: a list in which `n` counts from 1.
    fn repeat(&mut self, times: &Node, item: &Node, problems: &mut Problems) {
        let Some(times) = plimsoll_scenario::text(times, "a number of items", problems) else {
            return;
        };
        let times = times.trim().trim_start_matches("{{").trim_end_matches("}}");
        self.varies = true;
        self.out.push_str("[{% for n in range(1, 1 + (");
        self.out.push_str(times);
        self.out.push_str(")|int) %}{% if not loop.first %},{% endif %}");
        self.value(item, problems);
        self.out.push_str("{% endfor %}]");
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, problems: &mut Problems) {
        if node.is_null() {
            return self.out.push_str("null");
        }
        let text = scalar.text.as_str();
        if scalar.plain && is_json_literal(text) {
            return self.out.push_str(text);
        }
        if text.contains("{%") || text.contains("{#") {
            return problems.report(node.span, ProblemKind::TemplateStatement);
        }
        match parts(text) {
            None => problems.report(node.span, ProblemKind::TemplateUnclosed),
            Some(parts) => self.parts(&parts),
        }
    }

    fn parts(&mut self, parts: &[JsonPart<'_>]) {
        if let [JsonPart::Expression(expression)] = parts {
            self.varies = true;
            self.out.push_str("{{ (");
            self.out.push_str(expression);
            return self.out.push_str(")|json }}");
        }
        self.out.push('"');
        for part in parts {
            match part {
                JsonPart::Literal(literal) => {
                    let quoted = quoted(literal);
                    self.out.push_str(&quoted[1..quoted.len() - 1]);
                }
                JsonPart::Expression(expression) => {
                    self.varies = true;
                    self.out.push_str("{{ (");
                    self.out.push_str(expression);
                    self.out.push_str(")|jsontext }}");
                }
            }
        }
        self.out.push('"');
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_json_literal(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|value| value.is_number() || value.is_boolean())
}

enum JsonPart<'t> {
    Literal(&'t str),
    Expression(&'t str),
}

/// Splits a text at its expressions; `None` if one is not closed.
fn parts(text: &str) -> Option<Vec<JsonPart<'_>>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find("{{") {
        if open > 0 {
            parts.push(JsonPart::Literal(&rest[..open]));
        }
        let inside = &rest[open + 2..];
        let close = closing(inside)?;
        parts.push(JsonPart::Expression(inside[..close].trim()));
        rest = &inside[close + 2..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(JsonPart::Literal(rest));
    }
    Some(parts)
}

/// The first `}}` outside quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}
