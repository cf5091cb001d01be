//! Names that other parts of the file refer to, and names of headers.

use http::{HeaderName, HeaderValue};

use plimsoll_scenario::{KeyNode, Node, ProblemKind, Problems, Span, entries, text};

use super::super::model::TierId;

/// What the parts of the file refer to by name.
#[derive(Debug, Default)]
pub(super) struct DeclaredNames {
    pub(super) tiers: Vec<String>,
    pub(super) limits: Vec<String>,
    pub(super) tokens: Vec<String>,
    /// Stores need no declaration: whatever a route creates is one.
    pub(super) stores: Vec<String>,
}

pub(super) fn header_name(key: &KeyNode, problems: &mut Problems) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(key.text.as_bytes()).ok();
    if name.is_none() {
        let kind = ProblemKind::BadHeader { found: key.text.clone(), what: "a header's name" };
        problems.report(key.span, kind);
    }
    name
}

/// A problem that only a simulation can have.
pub(super) fn other(
    span: Span,
    message: impl Into<String>,
    hint: impl Into<String>,
    problems: &mut Problems,
) {
    let kind = ProblemKind::Other { message: message.into(), hint: Some(hint.into()) };
    problems.report(span, kind);
}

pub(super) fn constant_headers(
    node: &Node,
    problems: &mut Problems,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (key, value) in entries(node, "names of headers", problems).unwrap_or_default() {
        let Some(name) = header_name(key, problems) else { continue };
        if let Some(value) = text(value, "a text", problems)
            .and_then(|found| header_value(found, value.span, problems))
        {
            headers.push((name, value));
        }
    }
    headers
}

pub(super) fn header_value(
    found: &str,
    span: Span,
    problems: &mut Problems,
) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(found).ok();
    if value.is_none() {
        let kind = ProblemKind::BadHeader { found: found.to_owned(), what: "a header's value" };
        problems.report(span, kind);
    }
    value
}

/// The position of `name` in `known`.
pub(super) fn position(
    name: &str,
    what: &'static str,
    known: &[String],
    span: Span,
    problems: &mut Problems,
) -> Option<usize> {
    let found = known.iter().position(|other| other == name);
    if found.is_none() {
        let kind = ProblemKind::UnknownName { what, name: name.to_owned(), known: known.to_vec() };
        problems.report(span, kind);
    }
    found
}

/// The tier that `node` names.
pub(super) fn tier_id(
    node: &Node,
    names: &DeclaredNames,
    problems: &mut Problems,
) -> Option<TierId> {
    let name = text(node, "the name of a tier", problems)?;
    position(name, "tier", &names.tiers, node.span, problems).map(|at| TierId(at as u8))
}

/// A status: 200 to 599.
pub(super) fn status(node: &Node, problems: &mut Problems) -> Option<http::StatusCode> {
    let found = text(node, "a status", problems)?;
    let status = found.parse::<http::StatusCode>().ok();
    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
    if status.is_none() {
        let expected = "a status from 200 to 599";
        problems.report(node.span, ProblemKind::BadNumber { expected, found: found.to_owned() });
    }
    status
}
