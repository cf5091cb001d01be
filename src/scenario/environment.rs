//! `${NAME}` and `${NAME:-default}`: values that come from outside the file.
//!
//! Whatever comes from the environment is a secret; a default stands in the file and is none.

use super::{Node, NodeValue, ProblemKind, Problems, Scalar, SourceFiles};
use crate::units::Quantity;

/// Looks up a variable of the environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces every reference in all values of the tree. Values found are added to `sources.secrets`.
pub fn expand(
    node: &mut Node,
    lookup: Lookup<'_>,
    sources: &mut SourceFiles,
    problems: &mut Problems,
) {
    match &mut node.value {
        NodeValue::Sequence(items) => {
            for item in items {
                expand(item, lookup, sources, problems);
            }
        }
        NodeValue::Mapping(entries) => {
            for (_, value) in entries {
                expand(value, lookup, sources, problems);
            }
        }
        NodeValue::Scalar(Scalar { text, .. }) if text.contains("${") => {
            let mut expanded = String::new();
            for part in parts(text) {
                match part {
                    TextPart::Literal(literal) => expanded.push_str(literal),
                    TextPart::Reference { range, name, default } => match (lookup(name), default) {
                        (Some(value), _) => {
                            expanded.push_str(&value);
                            sources.secrets.push(value);
                        }
                        (None, Some(default)) => expanded.push_str(default),
                        (None, None) => {
                            let place = sources.locate(node.span, text, range);
                            let kind = ProblemKind::EnvironmentMissing { name: name.to_owned() };
                            problems.report(place, kind);
                        }
                    },
                    TextPart::Malformed(range) => {
                        let found = text[range.clone()].to_owned();
                        let place = sources.locate(node.span, text, range);
                        problems.report(place, ProblemKind::EnvironmentSyntax { found });
                    }
                }
            }
            *text = expanded;
        }
        NodeValue::Scalar(_) => {}
    }
}

/// Sorts the secrets, longest first, so that one that contains another is blanked out whole.
///
/// Short values and quantities (`20 req/s`) are settings: blanking them out would spoil every table.
pub fn tidy_secrets(secrets: &mut Vec<String>) {
    let is_setting =
        |text: &str| text.len() < 4 || (text.len() < 12 && text.parse::<Quantity>().is_ok());
    secrets.retain(|secret| !is_setting(secret) || is_long_number(secret));
    secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    secrets.dedup();
}

/// A number of six digits or more may well be a password.
fn is_long_number(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|b| b.is_ascii_digit())
}

enum TextPart<'t> {
    Literal(&'t str),
    Reference { range: std::ops::Range<usize>, name: &'t str, default: Option<&'t str> },
    Malformed(std::ops::Range<usize>),
}

fn parts(text: &str) -> Vec<TextPart<'_>> {
    let mut parts = vec![];
    let mut at = 0;
    while let Some(open) = text[at..].find("${").map(|offset| at + offset) {
        if text[at..open].ends_with('$') {
            // `$${` stands for a plain `${`.
            parts.push(TextPart::Literal(&text[at..open - 1]));
            parts.push(TextPart::Literal("${"));
            at = open + 2;
            continue;
        }
        parts.push(TextPart::Literal(&text[at..open]));
        let Some(close) = text[open..].find('}').map(|offset| open + offset) else {
            parts.push(TextPart::Malformed(open..text.len()));
            return parts;
        };
        parts.push(reference(text, open, close));
        at = close + 1;
    }
    parts.push(TextPart::Literal(&text[at..]));
    parts
}

fn reference(text: &str, open: usize, close: usize) -> TextPart<'_> {
    let inside = &text[open + 2..close];
    let range = open..close + 1;
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if well_formed {
        TextPart::Reference { range, name, default }
    } else {
        TextPart::Malformed(range)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SourceId, yaml};
    use super::*;

    fn expanded(yaml_text: &str) -> (Option<String>, SourceFiles, Vec<ProblemKind>) {
        let mut sources = SourceFiles::default();
        let mut problems = Problems::default();
        sources.add("a.yaml", yaml_text);
        let mut node = yaml::parse(yaml_text, SourceId(0), &mut problems).expect("a tree");
        let lookup = |name: &str| (name == "TOKEN").then(|| "hush".to_owned());
        expand(&mut node, &lookup, &mut sources, &mut problems);
        let text = match node.get("a").map(|n| &n.value) {
            Some(NodeValue::Scalar(scalar)) => Some(scalar.text.clone()),
            _ => None,
        };
        (text, sources, problems.into_sorted().into_iter().map(|p| p.kind).collect())
    }

    #[test]
    fn value_of_the_environment_is_used_and_secret() {
        let (text, sources, problems) = expanded("a: x-${TOKEN}-${OTHER:-y}\n");
        assert_eq!(text.as_deref(), Some("x-hush-y"));
        assert_eq!(sources.secrets, ["hush"]);
        assert_eq!(problems, vec![]);
    }

    #[test]
    fn missing_and_malformed_references_are_problems() {
        let (_, _, problems) = expanded("a: ${NOPE} ${1x}\n");
        let missing = ProblemKind::EnvironmentMissing { name: "NOPE".into() };
        let malformed = ProblemKind::EnvironmentSyntax { found: "${1x}".into() };
        assert_eq!(problems, vec![missing, malformed]);
    }

    #[test]
    fn doubled_dollar_stands_for_itself() {
        assert_eq!(expanded("a: \"$${TOKEN}\"\n").0.as_deref(), Some("${TOKEN}"));
    }
}
