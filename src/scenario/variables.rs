//! `vars:` and `${vars.NAME}`: values that a file says once, so that environments differ in few lines.
//!
//! What a variable says takes the place of its reference before anything else is read: a template in it is one there, and
//! a reference to the environment in it is a secret there where it would be one if it were written there.

use std::ops::Range;

use super::yaml::{REPEATED_TEXT_LIMIT, REPEATED_VALUE_LIMIT};
use super::{Node, NodeValue, ProblemKind, Problems, Scalar, SourceFiles};
use plimsoll_units::Bytes;

/// What a reference begins with.
const OPEN: &str = "${vars.";

/// The variables of a scenario.
#[derive(Debug, Default)]
pub(super) struct ScenarioVariables {
    /// Names and values, in the order of the file.
    known: Vec<(String, Node)>,
    /// How many values and how many bytes of text have been put somewhere.
    placed: (usize, usize),
    /// Whether it was told that this is too much.
    is_full: bool,
}

/// A reference within a text.
struct VariableReference<'t> {
    range: Range<usize>,
    name: &'t str,
    default: Option<&'t str>,
}

/// Where references are replaced, and which variables are being looked into.
struct Placing<'p> {
    sources: &'p SourceFiles,
    problems: &'p mut Problems,
    inside: Vec<String>,
}

impl ScenarioVariables {
    /// The variables of a tree.
    pub(super) fn of(root: &Node, problems: &mut Problems) -> Self {
        let Some(node) = root.get("vars") else { return Self::default() };
        let NodeValue::Mapping(entries) = &node.value else {
            let expected = "a mapping of variables";
            problems.report(node.span, ProblemKind::WrongShape { expected, found: node.kind() });
            return Self::default();
        };
        for (key, _) in entries.iter().filter(|(key, _)| !is_name(&key.text)) {
            problems.report(key.span, ProblemKind::BadName { found: key.text.clone() });
        }
        let known = entries.iter().map(|(key, node)| (key.text.clone(), node.clone())).collect();
        Self { known, ..Self::default() }
    }

    /// Puts values in the place of all references in `node`.
    pub(super) fn place(
        &mut self,
        node: &mut Node,
        sources: &SourceFiles,
        problems: &mut Problems,
    ) {
        self.place_in(node, &mut Placing { sources, problems, inside: vec![] });
    }

    fn place_in(&mut self, node: &mut Node, placing: &mut Placing<'_>) {
        match &mut node.value {
            NodeValue::Sequence(items) => {
                for item in items {
                    self.place_in(item, placing);
                }
            }
            NodeValue::Mapping(entries) => {
                for (_, value) in entries {
                    self.place_in(value, placing);
                }
            }
            NodeValue::Scalar(scalar) if scalar.text.contains(OPEN) => {
                let text = std::mem::take(&mut scalar.text);
                self.place_text(node, &text, placing);
            }
            NodeValue::Scalar(_) => {}
        }
    }

    /// Replaces the references of a text, which `node` is. One that is all of it becomes the variable's value.
    fn place_text(&mut self, node: &mut Node, text: &str, placing: &mut Placing<'_>) {
        let references = references(text);
        if let [only] = references.as_slice()
            && text.trim().len() == only.range.len()
            && let Some(value) = self.value(only, (node, text), placing)
        {
            *node = value;
            return;
        }
        let (mut whole, mut at) = (String::new(), 0);
        for reference in &references {
            whole.push_str(&text[at..reference.range.start]);
            match self
                .value(reference, (node, text), placing)
                .map(|value| (value.kind(), value.value))
            {
                Some((_, NodeValue::Scalar(scalar))) => whole.push_str(&scalar.text),
                Some((found, _)) => {
                    let name = format!("vars.{}", reference.name);
                    let place = placing.sources.locate(node.span, text, reference.range.clone());
                    placing.problems.report(place, ProblemKind::VariableUnfit { name, found });
                }
                None => {}
            }
            at = reference.range.end;
        }
        whole.push_str(&text[at..]);
        if let NodeValue::Scalar(scalar) = &mut node.value {
            scalar.text = whole;
        }
    }

    /// What a reference of `text` means.
    fn value(
        &mut self,
        reference: &VariableReference<'_>,
        (node, text): (&Node, &str),
        placing: &mut Placing<'_>,
    ) -> Option<Node> {
        let name = reference.name;
        let place = placing.sources.locate(node.span, text, reference.range.clone());
        let Some((_, found)) = self.known.iter().find(|(known, _)| known == name) else {
            if let Some(default) = reference.default {
                let plain = matches!(&node.value, NodeValue::Scalar(scalar) if scalar.plain);
                let value = NodeValue::Scalar(Scalar { text: default.to_owned(), plain });
                return Some(Node { span: node.span, value });
            }
            let known = self.known.iter().map(|(known, _)| known.clone()).collect();
            let kind = ProblemKind::UnknownName { what: "variable", name: name.to_owned(), known };
            placing.problems.report(place, kind);
            return None;
        };
        if let Some(from) = placing.inside.iter().position(|inside| inside == name) {
            let mut cycle = placing.inside[from..].to_vec();
            cycle.push(name.to_owned());
            let kind =
                ProblemKind::VariableCycle { name: name.to_owned(), cycle: cycle.join(" → ") };
            placing.problems.report(place, kind);
            return None;
        }
        let (count, length) = found.weight();
        self.placed = (self.placed.0 + count, self.placed.1 + length);
        if self.placed.0 > REPEATED_VALUE_LIMIT || self.placed.1 > REPEATED_TEXT_LIMIT {
            if !std::mem::replace(&mut self.is_full, true) {
                let limit = Bytes::new(REPEATED_TEXT_LIMIT as u64);
                placing.problems.report(place, ProblemKind::TooMuchRepeated { limit });
            }
            return None;
        }
        let mut value = found.clone();
        placing.inside.push(name.to_owned());
        self.place_in(&mut value, placing);
        placing.inside.pop();
        Some(value)
    }
}

/// All references of a text; `$${` stands for a plain `${`.
fn references(text: &str) -> Vec<VariableReference<'_>> {
    let (mut found, mut from) = (vec![], 0);
    while let Some(open) = text[from..].find(OPEN).map(|at| from + at) {
        let Some(close) = text[open..].find('}').map(|at| open + at) else { break };
        from = close + 1;
        if text[..open].ends_with('$') {
            continue;
        }
        let inside = &text[open + OPEN.len()..close];
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        // What is no name is told with the references to the environment.
        if is_name(name) {
            found.push(VariableReference { range: open..close + 1, name, default });
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::super::{SourceId, json_of_node, yaml};
    use super::*;

    fn placed(text: &str) -> (serde_json::Value, Vec<ProblemKind>) {
        let (mut sources, mut problems) = (SourceFiles::default(), Problems::default());
        sources.add("a.yaml", text);
        let mut node = yaml::parse(text, SourceId(0), &mut problems).expect("a tree");
        let mut variables = ScenarioVariables::of(&node, &mut problems);
        variables.place(&mut node, &sources, &mut problems);
        let problems = problems.into_sorted().into_iter().map(|problem| problem.kind).collect();
        (json_of_node(node.get("a").expect("a")), problems)
    }

    #[test]
    fn variable_takes_the_place_of_any_value() {
        let vars = "vars: { host: shop, port: 81, url: 'http://${vars.host}:${vars.port}', list: [1, '${vars.host}'] }\n";
        for (written, meant) in [
            ("${vars.url}/x", serde_json::json!("http://shop:81/x")),
            ("${vars.port}", serde_json::json!(81)),
            ("${vars.list}", serde_json::json!([1, "shop"])),
            ("'${vars.port}'", serde_json::json!(81)),
            ("${vars.none:-7}", serde_json::json!(7)),
            ("'$${vars.host} ${ENV}'", serde_json::json!("$${vars.host} ${ENV}")),
        ] {
            assert_eq!(placed(&format!("{vars}a: {written}\n")), (meant, vec![]), "{written}");
        }
    }

    #[test]
    fn variables_that_repeat_each_other_without_end_are_bounded() {
        let mut text = format!("vars:\n  v0: {}\n", "x".repeat(10_000));
        for n in 1..6 {
            let ten = format!("${{vars.v{}}}", n - 1).repeat(10);
            text = format!("{text}  v{n}: '{ten}'\n");
        }
        text.push_str("a: ${vars.v5}\n");
        let limit = Bytes::new(REPEATED_TEXT_LIMIT as u64);
        assert_eq!(placed(&text).1, [ProblemKind::TooMuchRepeated { limit }]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_without_panic(text in r"[${}vars.:\-ab é]{0,40}") {
            let mut node = Node { span: super::super::Span::default(), value: NodeValue::Scalar(Scalar { text, plain: false }) };
            ScenarioVariables::default().place(&mut node, &SourceFiles::default(), &mut Problems::default());
        }
    }
}
