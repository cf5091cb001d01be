//! `${NAME}` and `${NAME:-default}`: values that come from outside the file.
//!
//! Whatever comes from the environment is data, never a part of a template: braces in it stand for themselves. And it
//! is a secret, unless it is a setting of the run; a default stands in the file and is neither.

use std::fmt::Write as _;
use std::ops::Range;

use super::{Node, NodeValue, ProblemKind, Problems, Scalar, SourceFiles, Span};
use plimsoll_units::{Decimal, Quantity};

/// Looks up a variable of the environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a part of a file is, which says what a value of the environment is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnvironmentUse {
    /// Something that every report shows; long values may be secrets all the same.
    Setting,
    /// What requests are made of: templates, in which every value is a secret, however short.
    Request,
    /// What is sent to the stack's own services: every value is a secret.
    Service,
    /// An address: scheme, host and port are shown, everything else of it is secret.
    Address,
    /// An expression without braces.
    Expression,
}

impl EnvironmentUse {
    /// What the value of `key` is, within a mapping that is this.
    pub(super) fn of_key(self, key: &str) -> Self {
        const SETTINGS: [&str; 19] = [
            "think",
            "pace",
            "times",
            "weight",
            "timeout",
            "every",
            "rounds",
            "hold",
            "watch",
            "buffer",
            "lives",
            "renew_ahead",
            "segment_length",
            "renditions",
            "status",
            "time",
            "size",
            "follow_redirects",
            "name",
        ];
        match (self, key) {
            (Self::Request, "when" | "until") => Self::Expression,
            (Self::Request, key) if SETTINGS.contains(&key) => Self::Setting,
            _ => self,
        }
    }
}

/// Replaces references to the environment in a tree.
pub(super) struct EnvironmentExpansion<'a> {
    pub(super) lookup: Lookup<'a>,
    pub(super) sources: &'a mut SourceFiles,
    pub(super) problems: &'a mut Problems,
}

impl EnvironmentExpansion<'_> {
    /// Replaces every reference in all values of the tree. Secrets are added to `sources.secrets`.
    pub(super) fn expand(&mut self, node: &mut Node, used: EnvironmentUse) {
        match &mut node.value {
            NodeValue::Sequence(items) => items.iter_mut().for_each(|item| self.expand(item, used)),
            NodeValue::Mapping(entries) => {
                for (key, value) in entries {
                    self.expand(value, used.of_key(&key.text));
                    // Names of fields and parameters are sent as values are.
                    if used == EnvironmentUse::Request && key.text.contains("${") {
                        key.text = self.expanded(&key.text, key.span, used);
                    }
                }
            }
            NodeValue::Scalar(Scalar { text, .. }) if text.contains("${") => {
                *text = self.expanded(text, node.span, used);
            }
            NodeValue::Scalar(_) => {}
        }
    }

    /// The text at `span` with values in the place of its references.
    fn expanded(&mut self, text: &str, span: Span, used: EnvironmentUse) -> String {
        let mut expanded = ExpandedText { text: String::new(), used, brought: vec![] };
        for part in parts(text) {
            match part {
                TextPart::Literal(literal) => expanded.text.push_str(literal),
                TextPart::Malformed(range) => {
                    let found = text[range.clone()].to_owned();
                    let place = self.sources.locate(span, text, range);
                    self.problems.report(place, ProblemKind::EnvironmentSyntax { found });
                }
                TextPart::Reference { range, name, default } => match (self.lookup)(name) {
                    Some(value) => {
                        self.note_secret(&value, used);
                        expanded.push_value(&value);
                    }
                    None if default.is_some() => {
                        expanded.text.push_str(default.unwrap_or_default());
                    }
                    None => {
                        let place = self.sources.locate(span, text, range);
                        let name = name.to_owned();
                        self.problems.report(place, ProblemKind::EnvironmentMissing { name });
                    }
                },
            }
        }
        if used == EnvironmentUse::Address {
            self.sources.secrets.extend(expanded.secrets_of_address());
        }
        expanded.text
    }

    fn note_secret(&mut self, value: &str, used: EnvironmentUse) {
        let is_secret = match used {
            EnvironmentUse::Address => false,
            EnvironmentUse::Setting => !is_setting(value),
            EnvironmentUse::Request | EnvironmentUse::Service | EnvironmentUse::Expression => true,
        };
        if is_secret {
            self.sources.secrets.push(value.to_owned());
        }
    }
}

/// Short values and quantities (`20 req/s`) are settings: blanking them out would spoil every table.
fn is_setting(text: &str) -> bool {
    let is_short = text.len() < 4 || (text.len() < 12 && text.parse::<Quantity>().is_ok());
    is_short && !is_long_number(text)
}

/// A number of six digits or more may well be a password.
fn is_long_number(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Sorts the secrets, longest first. A value with blanks or line ends around it, or of several lines, is a secret in
/// parts as well: what reads it may strip or split it.
pub fn tidy_secrets(secrets: &mut Vec<String>) {
    const LINE_MIN: usize = 4;
    let parts = |secret: &String| {
        let lines = secret.lines().map(str::trim).filter(|line| line.len() >= LINE_MIN);
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        std::iter::once(secret.trim().to_owned()).chain(lines).collect::<Vec<_>>()
    };
    let further: Vec<String> = secrets.iter().flat_map(parts).collect();
    secrets.extend(further);
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    secrets.dedup();
}

/// A text whose references are being replaced.
struct ExpandedText {
    text: String,
    used: EnvironmentUse,
    /// Where it holds values of the environment.
    brought: Vec<Range<usize>>,
}

impl ExpandedText {
    /// Adds a value of the environment so that it stands for itself.
    fn push_value(&mut self, value: &str) {
        let start = self.text.len();
        match (self.used, open_expression(&self.text)) {
            (EnvironmentUse::Expression, _) => self.push_in_expression(value, 0),
            (EnvironmentUse::Request, Some(from)) => self.push_in_expression(value, from),
            (EnvironmentUse::Request, None) => self.push_outside(value),
            _ => self.text.push_str(value),
        }
        self.brought.push(start..self.text.len());
    }

    /// Within an expression that begins at `from`, a value is a part of a text in quotes, or a number, or a text of
    /// its own.
    fn push_in_expression(&mut self, value: &str, from: usize) {
        let is_bare = value.parse::<Decimal>().is_ok() || matches!(value, "true" | "false");
        match open_quote(&self.text[from..]) {
            Some(_) => self.text.push_str(&as_quoted(value)),
            None if is_bare => self.text.push_str(value),
            None => {
                self.text.push('\'');
                self.text.push_str(&as_quoted(value));
                self.text.push('\'');
            }
        }
    }

    /// Outside of expressions braces are written as an expression that gives them.
    fn push_outside(&mut self, value: &str) {
        let mut value = value.to_owned();
        // A brace before the value must not become half of a sign.
        if value.starts_with(['{', '%', '#']) && self.text.ends_with('{') {
            self.text.pop();
            value.insert(0, '{');
        }
        let mut rest = value.as_str();
        while let Some(open) = rest.find('{') {
            self.text.push_str(&rest[..open]);
            let braces = rest[open..].len() - rest[open..].trim_start_matches('{').len();
            let sign = rest[open + braces..].starts_with(['%', '#']);
            let end = open + braces + usize::from(sign);
            self.text.push_str("{{ '");
            self.text.push_str(&rest[open..end]);
            self.text.push_str("' }}");
            rest = &rest[end..];
        }
        self.text.push_str(rest);
    }

    /// What of an address came from the environment and is neither scheme nor host nor port.
    fn secrets_of_address(&self) -> Vec<String> {
        let begin = self.text.find("://").map_or(0, |at| at + 3);
        let rest = &self.text[begin..];
        let authority_end = begin + rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let at_sign = self.text[begin..authority_end].rfind('@').map(|at| begin + at);
        let credentials = begin..at_sign.unwrap_or(begin);
        let behind = authority_end..self.text.len();
        let within = |range: &Range<usize>, part: &Range<usize>| {
            let (start, end) = (range.start.max(part.start), range.end.min(part.end));
            self.text.get(start..end.max(start)).unwrap_or_default().to_owned()
        };
        let mut secrets = vec![];
        for range in &self.brought {
            let user = within(range, &credentials);
            secrets.extend(user.split_once(':').map(|(_, password)| password.to_owned()));
            secrets.push(user);
            secrets.push(within(range, &behind).trim_end_matches('/').to_owned());
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }
}

/// Where the expression begins that a text ends in, behind its braces.
fn open_expression(text: &str) -> Option<usize> {
    let open = text.rfind("{{")? + 2;
    let mut quote = None;
    let inside = &text[open..];
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(mark), c) if c == mark => quote = None,
            (None, '}') if inside[at..].starts_with("}}") => return None,
            _ => {}
        }
    }
    Some(open)
}

/// The quote that is open at the end of a piece of an expression.
fn open_quote(expression: &str) -> Option<char> {
    expression.chars().fold(None, |quote, c| match (quote, c) {
        (None, '"' | '\'') => Some(c),
        (Some(mark), c) if c == mark => None,
        _ => quote,
    })
}

/// A value as a part of a text in quotes. Everything that could end the text is written by its number.
fn as_quoted(value: &str) -> String {
    let mut quoted = String::new();
    for c in value.chars() {
        if c.is_control() || "\"'\\{}%#".contains(c) {
            // Writing into a text cannot fail.
            let _ = write!(quoted, "\\u{:04x}", u32::from(c));
        } else {
            quoted.push(c);
        }
    }
    quoted
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

    fn expanded_as(used: EnvironmentUse, text: &str, value: &str) -> (String, Vec<String>) {
        let (text, sources, problems) = expansion(used, &format!("a: \"{text}\"\n"), value);
        assert_eq!(problems, vec![]);
        (text.expect("a text"), sources.secrets)
    }

    fn expansion(
        used: EnvironmentUse,
        yaml_text: &str,
        value: &str,
    ) -> (Option<String>, SourceFiles, Vec<ProblemKind>) {
        let mut sources = SourceFiles::default();
        let mut problems = Problems::default();
        sources.add("a.yaml", yaml_text);
        let mut node = yaml::parse(yaml_text, SourceId(0), &mut problems).expect("a tree");
        let lookup = |name: &str| (name == "TOKEN").then(|| value.to_owned());
        let mut expansion = EnvironmentExpansion {
            lookup: &lookup,
            sources: &mut sources,
            problems: &mut problems,
        };
        expansion.expand(&mut node, used);
        let text = match node.get("a").map(|n| &n.value) {
            Some(NodeValue::Scalar(scalar)) => Some(scalar.text.clone()),
            _ => None,
        };
        (text, sources, problems.into_sorted().into_iter().map(|p| p.kind).collect())
    }

    #[test]
    fn value_of_the_environment_is_used_and_secret() {
        let (text, secrets) =
            expanded_as(EnvironmentUse::Request, "x-${TOKEN}-${OTHER:-y}", "hush");
        assert_eq!((text.as_str(), secrets), ("x-hush-y", vec!["hush".to_owned()]));
    }

    #[test]
    fn missing_and_malformed_references_are_problems() {
        let (_, _, problems) = expansion(EnvironmentUse::Request, "a: ${NOPE} ${1x}\n", "");
        let missing = ProblemKind::EnvironmentMissing { name: "NOPE".into() };
        let malformed = ProblemKind::EnvironmentSyntax { found: "${1x}".into() };
        assert_eq!(problems, vec![missing, malformed]);
    }

    #[test]
    fn names_of_fields_may_come_from_the_environment() {
        let yaml_text = "json: { \"x-${TOKEN}\": 1 }\n";
        let (mut sources, mut problems) = (SourceFiles::default(), Problems::default());
        sources.add("a.yaml", yaml_text);
        let mut node = yaml::parse(yaml_text, SourceId(0), &mut problems).expect("a tree");
        let lookup = |_: &str| Some("hush".to_owned());
        EnvironmentExpansion { lookup: &lookup, sources: &mut sources, problems: &mut problems }
            .expand(&mut node, EnvironmentUse::Request);
        assert!(node.get("json").is_some_and(|json| json.get("x-hush").is_some()));
        assert_eq!(sources.secrets, ["hush"]);
    }

    #[test]
    fn doubled_dollar_stands_for_itself() {
        assert_eq!(expanded_as(EnvironmentUse::Request, "$${TOKEN}", "hush").0, "${TOKEN}");
    }

    #[test]
    fn short_value_is_a_secret_in_a_request_and_a_setting_in_a_workload() {
        let secrets = |used, value| expanded_as(used, "${TOKEN}", value).1;
        assert_eq!(secrets(EnvironmentUse::Request, "4711"), ["4711"]);
        assert_eq!(secrets(EnvironmentUse::Service, "42"), ["42"]);
        for setting in ["20 req/s", "4711", "5m"] {
            assert!(secrets(EnvironmentUse::Setting, setting).is_empty(), "{setting}");
            assert!(secrets(EnvironmentUse::Request.of_key("think"), setting).is_empty());
        }
        assert_eq!(secrets(EnvironmentUse::Setting, "s3cr3t-k3y"), ["s3cr3t-k3y"]);
    }

    #[test]
    fn of_an_address_scheme_host_and_port_are_shown() {
        let secrets = |text: &str, value: &str| expanded_as(EnvironmentUse::Address, text, value).1;
        let url = "https://bob:pass-w0rd@shop.example:8443/k3y/?q=1";
        assert_eq!(secrets("${TOKEN}", url), ["pass-w0rd", "bob:pass-w0rd", "/k3y/?q=1"]);
        assert!(secrets("http://${TOKEN}:80/api", "shop.example").is_empty());
        assert!(secrets("${TOKEN}", "http://127.0.0.1:8080/").is_empty());
        assert_eq!(secrets("http://a.example/v1/${TOKEN}/x", "k3y"), ["k3y"]);
    }

    #[test]
    fn secret_of_several_lines_is_one_in_each() {
        let mut secrets = vec!["first-line\r\nsecond\n".to_owned()];
        tidy_secrets(&mut secrets);
        let all = ["first-line\r\nsecond\n", "first-line\r\nsecond", "first-line", "second"];
        assert_eq!(secrets, all);
    }

    #[test]
    fn braces_of_a_value_stand_for_themselves() {
        let text = |text: &str, value: &str| expanded_as(EnvironmentUse::Request, text, value).0;
        assert_eq!(text("${TOKEN}", "a{{ 7*7 }}b"), "a{{ '{{' }} 7*7 }}b");
        assert_eq!(text("${TOKEN}", "{% if %}"), "{{ '{%' }} if %}");
        assert_eq!(text("{${TOKEN}", "{ 7 }}"), "{{ '{{' }} 7 }}");
        assert_eq!(text("{{ x }}${TOKEN}", "}}"), "{{ x }}}}");
    }

    #[test]
    fn value_within_an_expression_is_a_text_or_a_number() {
        let text = |text: &str, value: &str| expanded_as(EnvironmentUse::Request, text, value).0;
        assert_eq!(text("{{ f('u:${TOKEN}') }}", "a'b"), "{{ f('u:a\\u0027b') }}");
        assert_eq!(text("{{ ${TOKEN} * 2 }}", "2.5"), "{{ 2.5 * 2 }}");
        assert_eq!(text("{{ ${TOKEN} }}", "') ~ x"), "{{ '\\u0027) ~ x' }}");
        let condition = expanded_as(EnvironmentUse::Expression, "mode == ${TOKEN}", "a b").0;
        assert_eq!(condition, "mode == 'a b'");
    }
}
