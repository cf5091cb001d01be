//! `check:` and `capture:`: what is asserted about a response, and what is taken out of it.

use std::fmt;

use regex::Regex;
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use crate::declared::response::{CAPTURE, CHECK, CONDITION_FIELDS};
use crate::json::json_of_node;
use crate::names::identifier_of_key;
use crate::nesting::{BRACKET_LIMIT, bracket_depth};
use crate::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, Span, Spanned, entries,
    one_or_many, text,
};
use plimsoll_units::{Bytes, Decimal, Nanos, ParseUnitError};

/// An assertion on one response.
#[derive(Debug, Clone)]
pub enum CheckSpec {
    /// The status is in one of these ranges.
    Status(Vec<(u16, u16)>),
    /// The service time is below this.
    Time(Nanos),
    /// The body is smaller than this.
    Size(Bytes),
    /// A header, by lower-case name.
    Header(String, Matcher),
    /// Values in a JSON body, with the path as written.
    Json(JsonPath, String, Matcher),
    /// The body as text.
    Body(Matcher),
    /// The body as hexadecimal digits.
    Hex(Matcher),
}

/// What values must be. Of several values of one place, all must be so, and there must be one.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// There.
    Exists,
    /// Not there.
    Absent,
    /// Equal to this, of the same type; numbers by value, whatever their size.
    Equals(Json),
    /// A text with this in it.
    Contains(String),
    /// A text that this matches.
    Matches(Regex),
    /// Below this.
    Below(Decimal),
    /// Not above this.
    AtMost(Decimal),
    /// Above this.
    Above(Decimal),
    /// Not below this.
    AtLeast(Decimal),
    /// So at least one of them.
    Any(Box<Self>),
    /// So all of them, of which there may be none.
    All(Box<Self>),
    /// So many of them.
    Count(Box<Self>),
}

/// Which of the values that a response has at a place is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaptureTake {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
    /// Any, equally likely.
    Random,
    /// All of them, as a list.
    All,
}

/// A value taken out of a response.
#[derive(Debug, Clone)]
pub struct CaptureSpec {
    /// The name that templates use.
    pub name: Spanned<String>,
    /// Where it comes from; none where that is wrong.
    pub from: Option<CaptureFrom>,
    /// Which of several values.
    pub take: CaptureTake,
    /// Whether entities of HTML in it stand for their characters.
    pub unescape_html: bool,
    /// The value where the response has none.
    pub default: Option<Json>,
    /// Whether it must never reach a log or report, where the author says so.
    pub secret: Option<bool>,
}

/// Where a captured value comes from.
#[derive(Debug, Clone)]
pub enum CaptureFrom {
    /// A JSON path, and as written.
    Json(JsonPath, String),
    /// A regular expression on the body.
    Regex(Regex),
    /// A header, by lower-case name.
    Header(String),
    /// A cookie.
    Cookie(String),
}

impl fmt::Display for CaptureFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(_, path) => write!(f, "`{path}`"),
            Self::Regex(regex) => write!(f, "`{regex}`"),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Cookie(name) => write!(f, "the cookie `{name}`"),
        }
    }
}

pub(super) fn checks(node: &Node, problems: &mut Problems) -> Vec<CheckSpec> {
    let Some(mut fields) = Fields::of(node, &CHECK, problems) else { return vec![] };
    let mut checks = vec![];
    if let Some(node) = fields.node("status", problems) {
        checks.extend(status(node, problems).map(CheckSpec::Status));
    }
    if let Some(node) = fields.node("time", problems) {
        checks.extend(
            below(node, "a time like `< 2s`", problems, |time: Nanos| {
                Nanos::new(time.get().saturating_add(1))
            })
            .map(CheckSpec::Time),
        );
    }
    if let Some(node) = fields.node("size", problems) {
        checks.extend(
            below(node, "a size like `< 1 MiB`", problems, |size: Bytes| {
                Bytes::new(size.get().saturating_add(1))
            })
            .map(CheckSpec::Size),
        );
    }
    if let Some(node) = fields.node("header", problems) {
        for (key, node) in entries(node, "a mapping of headers", problems).unwrap_or_default() {
            let name = header_name(&key.text, key.span, problems);
            let matcher = matcher(node, "a header", problems);
            checks.extend(name.zip(matcher).map(|(name, must)| CheckSpec::Header(name, must)));
        }
    }
    if let Some(node) = fields.node("json", problems) {
        for (key, node) in entries(node, "a mapping of JSON paths", problems).unwrap_or_default() {
            let path = json_path(&key.text, key.span, problems);
            let matcher = matcher(node, "a JSON value", problems);
            checks.extend(
                path.zip(matcher)
                    .map(|(path, matcher)| CheckSpec::Json(path, key.text.clone(), matcher)),
            );
        }
    }
    if let Some(node) = fields.node("body", problems) {
        checks.extend(body_matcher(node, problems).map(CheckSpec::Body));
    }
    if let Some(node) = fields.node("hex", problems) {
        checks.extend(hex_matcher(node, problems).map(CheckSpec::Hex));
    }
    fields.finish(problems);
    checks
}

/// `200`, `2xx`, `200..299`, or a list of them.
pub(super) fn status(node: &Node, problems: &mut Problems) -> Option<Vec<(u16, u16)>> {
    let mut ranges = vec![];
    for item in one_or_many(node) {
        let found = text(item, "a status", problems)?;
        match status_range(found) {
            Some(range) => ranges.push(range),
            None => {
                problems.report(item.span, ProblemKind::BadStatus { found: found.to_owned() });
            }
        }
    }
    if ranges.is_empty() && one_or_many(node).is_empty() {
        problems.report(node.span, ProblemKind::Empty { what: "`status`" });
    }
    Some(ranges)
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let valid = |status: &u16| (100..=599).contains(status);
    if let Some(hundreds) = text.strip_suffix("xx") {
        let first: u16 = hundreds.parse::<u16>().ok()?.checked_mul(100)?;
        return Some((first, first + 99)).filter(|(first, _)| valid(first));
    }
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    Some((first, last)).filter(|(first, last)| valid(first) && valid(last) && first <= last)
}

/// A value with a unit behind `<` or `<=`; `next` gives the least value that is more.
fn below<T: std::str::FromStr<Err = ParseUnitError>>(
    node: &Node,
    expected: &'static str,
    problems: &mut Problems,
    next: impl Fn(T) -> T,
) -> Option<T> {
    let found = text(node, expected, problems)?;
    let Some(value) = found.strip_prefix('<') else {
        let kind = ProblemKind::BadMatcher { found: found.to_owned(), what: expected };
        problems.report(node.span, kind);
        return None;
    };
    let (value, included) = value.strip_prefix('=').map_or((value, false), |rest| (rest, true));
    match value.trim().parse() {
        Ok(value) if included => Some(next(value)),
        Ok(value) => Some(value),
        Err(error) => {
            problems.report(node.span, ProblemKind::BadUnit { found: found.to_owned(), error });
            None
        }
    }
}

/// On the body a bare text means that it contains it: whole bodies are rarely written down.
fn body_matcher(node: &Node, problems: &mut Problems) -> Option<Matcher> {
    match &node.value {
        NodeValue::Scalar(scalar) => Some(Matcher::Contains(scalar.text.clone())),
        _ => matcher(node, "the body", problems),
    }
}

/// Of bytes, a bare text is what they begin with: a signature, or the head of a message.
fn hex_matcher(node: &Node, problems: &mut Problems) -> Option<Matcher> {
    let NodeValue::Scalar(scalar) = &node.value else {
        return matcher(node, "the body in hexadecimal digits", problems);
    };
    let digits: String = scalar.text.split_whitespace().collect::<String>().to_ascii_lowercase();
    let is_hex = digits.len().is_multiple_of(2) && digits.chars().all(|c| c.is_ascii_hexdigit());
    let begins = regex::Regex::new(&format!("^{digits}")).ok().filter(|_| is_hex);
    if begins.is_none() {
        let expected = "bytes in pairs of hexadecimal digits";
        let kind = ProblemKind::BadNumber { expected, found: scalar.text.clone() };
        problems.report(node.span, kind);
    }
    begins.map(Matcher::Matches)
}

fn matcher(node: &Node, what: &'static str, problems: &mut Problems) -> Option<Matcher> {
    match &node.value {
        NodeValue::Scalar(scalar) if scalar.plain && scalar.text == "exists" => {
            Some(Matcher::Exists)
        }
        NodeValue::Scalar(scalar) if scalar.text.starts_with(['<', '>']) => {
            match bound(&scalar.text) {
                None if scalar.plain => {
                    let kind = ProblemKind::BadMatcher { found: scalar.text.clone(), what };
                    problems.report(node.span, kind);
                    None
                }
                // A text in quotes may begin so.
                None => Some(Matcher::Equals(json_of_node(node))),
                found => found,
            }
        }
        NodeValue::Scalar(_) => Some(Matcher::Equals(json_of_node(node))),
        NodeValue::Mapping(_) => matcher_of_fields(node, problems),
        NodeValue::Sequence(_) => {
            let found = node.kind().to_owned();
            problems.report(node.span, ProblemKind::BadMatcher { found, what });
            None
        }
    }
}

/// `< 5`, `<= 5`, `> 5` or `>= 5`.
fn bound(text: &str) -> Option<Matcher> {
    let (make, rest): (fn(Decimal) -> Matcher, _) = if let Some(rest) = text.strip_prefix("<=") {
        (Matcher::AtMost, rest)
    } else if let Some(rest) = text.strip_prefix(">=") {
        (Matcher::AtLeast, rest)
    } else if let Some(rest) = text.strip_prefix('<') {
        (Matcher::Below, rest)
    } else {
        (Matcher::Above, text.strip_prefix('>')?)
    };
    rest.trim().parse().ok().map(make)
}

fn matcher_of_fields(node: &Node, problems: &mut Problems) -> Option<Matcher> {
    let mut fields = Fields::of(node, &CONDITION_FIELDS, problems)?;
    let contains = fields.read("contains", problems).map(Matcher::Contains);
    let matches = fields.node("matches", problems).and_then(|node| regex(node, problems));
    let equals = fields.node("equals", problems).map(|node| Matcher::Equals(json_of_node(node)));
    let exists: Option<bool> = fields.read("exists", problems);
    let exists = exists.map(|there| if there { Matcher::Exists } else { Matcher::Absent });
    let mut inner = |name, make: fn(Box<Matcher>) -> Matcher, problems: &mut Problems| {
        let node = fields.node(name, problems)?;
        matcher(node, "a value", problems).map(|matcher| make(Box::new(matcher)))
    };
    let any = inner("any", Matcher::Any, problems);
    let all = inner("all", Matcher::All, problems);
    let count = inner("count", Matcher::Count, problems);
    let found = [contains, matches.map(Matcher::Matches), equals, exists, any, all, count];
    fields.finish(problems);
    found.into_iter().flatten().next()
}

fn regex(node: &Node, problems: &mut Problems) -> Option<Regex> {
    let found = text(node, "a regular expression", problems)?;
    match Regex::new(found) {
        Ok(regex) => Some(regex),
        Err(error) => {
            // The last line says what is wrong; the others draw the pattern.
            let message = error.to_string();
            let message = message.lines().last().unwrap_or_default();
            let message = message.trim_start_matches("error: ").to_owned();
            problems.report(node.span, ProblemKind::BadRegex { message });
            None
        }
    }
}

/// The JSON path that stands at `span`.
pub(crate) fn json_path(text: &str, span: Span, problems: &mut Problems) -> Option<JsonPath> {
    if bracket_depth(text) > BRACKET_LIMIT {
        let message = format!("its brackets are nested deeper than {BRACKET_LIMIT} levels");
        problems.report(span, ProblemKind::BadJsonPath { message });
        return None;
    }
    match JsonPath::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            let message = format!("it stops making sense {}", path_place(text, error.position()));
            problems.report(span, ProblemKind::BadJsonPath { message });
            None
        }
    }
}

/// Where in a path an error is, in words.
fn path_place(path: &str, position: usize) -> String {
    match path.get(position..).filter(|rest| !rest.is_empty()) {
        Some(rest) if position > 0 => {
            // A path that someone generated may be very long.
            let shown: String = rest.chars().take(40).collect();
            let more = if shown.len() < rest.len() { "…" } else { "" };
            format!("at `{shown}{more}`")
        }
        Some(_) => "at its beginning".to_owned(),
        None => "at its end".to_owned(),
    }
}

fn header_name(name: &str, span: crate::Span, problems: &mut Problems) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if http::HeaderName::try_from(lower.as_str()).is_ok() {
        return Some(lower);
    }
    let kind = ProblemKind::BadHeader { found: name.to_owned(), what: "a header's name" };
    problems.report(span, kind);
    None
}

pub(super) fn captures(node: &Node, problems: &mut Problems) -> Vec<CaptureSpec> {
    let Some(entries) = entries(node, "a mapping of names", problems) else { return vec![] };
    entries.iter().map(|(key, node)| capture(key, node, problems)).collect()
}

fn capture(key: &KeyNode, node: &Node, problems: &mut Problems) -> CaptureSpec {
    let name = identifier_of_key(key, problems);
    let nothing = CaptureSpec {
        name,
        from: None,
        take: CaptureTake::First,
        unescape_html: false,
        default: None,
        secret: None,
    };
    if !matches!(node.value, NodeValue::Mapping(_)) {
        return CaptureSpec { from: json_source(node, problems), ..nothing };
    }
    let Some(mut fields) = Fields::of(node, &CAPTURE, problems) else { return nothing };
    let json = fields.node("json", problems).and_then(|node| json_source(node, problems));
    let regex = fields.node("regex", problems).and_then(|node| regex(node, problems));
    let header = fields.read::<Spanned<String>>("header", problems);
    let header = header.and_then(|text| header_name(&text.value, text.span, problems));
    let cookie: Option<String> = fields.read("cookie", problems);
    let sources: Vec<CaptureFrom> = [
        json,
        regex.map(CaptureFrom::Regex),
        header.map(CaptureFrom::Header),
        cookie.map(CaptureFrom::Cookie),
    ]
    .into_iter()
    .flatten()
    .collect();
    let spec = CaptureSpec {
        from: sources.into_iter().next(),
        take: fields.word("take", &TAKES, problems).unwrap_or_default(),
        unescape_html: fields.or("unescape_html", false, problems),
        default: fields.node("default", problems).map(json_of_node),
        secret: fields.read("secret", problems),
        ..nothing
    };
    fields.finish(problems);
    spec
}

const TAKES: [(&str, CaptureTake); 4] = [
    ("first", CaptureTake::First),
    ("last", CaptureTake::Last),
    ("random", CaptureTake::Random),
    ("all", CaptureTake::All),
];

fn json_source(node: &Node, problems: &mut Problems) -> Option<CaptureFrom> {
    let found: String = Decode::decode(node, problems)?;
    let key = KeyNode { text: found.clone(), span: node.span };
    json_path(&found, key.span, problems).map(|path| CaptureFrom::Json(path, found))
}
