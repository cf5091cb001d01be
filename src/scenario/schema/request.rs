//! A request step.

use super::check::{Capture, Check, captures, checks};
use super::{text_map, texts};
use crate::scenario::names::Name;
use crate::scenario::{Fields, Key, Node, ProblemKind, Problems, Spanned};
use crate::units::Nanos;

/// A request step.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: http::Method,
    /// The metric's key.
    pub name: Spanned<String>,
    /// A path, or an absolute URL; a template.
    pub url: Spanned<String>,
    /// Query parameters; the values are templates.
    pub query: Vec<(Spanned<String>, Spanned<String>)>,
    /// Headers; the values are templates.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// What it carries.
    pub body: Body,
    /// The token of a bearer authorization; a template.
    pub bearer: Option<Spanned<String>>,
    /// User and password of a basic authorization; templates.
    pub basic: Option<(Spanned<String>, Spanned<String>)>,
    /// Assertions.
    pub checks: Vec<Check>,
    /// Values taken out for later steps.
    pub captures: Vec<Capture>,
    /// The longest time from send to last byte.
    pub timeout: Option<Nanos>,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// What it is counted with besides its name.
    pub tags: Vec<String>,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON; the texts in it are templates.
    Json(Node),
    /// A form; the values are templates.
    Form(Vec<(Spanned<String>, Spanned<String>)>),
    /// A text; a template.
    Text(Spanned<String>),
}

impl Request {
    /// Reads the value of a step whose key is a method.
    pub(super) fn read(method: &Key, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, "a request", problems)?;
        let nothing = Spanned::new(String::new(), method.span);
        let name: Option<Name> = fields.required("name", problems);
        let pairs = |node: Option<&Node>, expected, problems: &mut Problems| {
            node.map(|node| text_map(node, expected, problems)).unwrap_or_default()
        };
        let request = Self {
            // Only the six methods come here, and each is a valid token.
            method: method.text.to_ascii_uppercase().parse().unwrap_or_default(),
            name: name.map_or(nothing.clone(), |name| name.0),
            url: fields.required("url", problems).unwrap_or(nothing),
            query: pairs(fields.node("query"), "a mapping of query parameters", problems),
            headers: pairs(fields.node("headers"), "a mapping of headers", problems),
            body: body(&mut fields, problems),
            bearer: fields.optional("bearer", problems),
            basic: fields.node("basic").and_then(|node| basic(node, problems)),
            checks: fields.node("check").map(|node| checks(node, problems)).unwrap_or_default(),
            captures: fields
                .node("capture")
                .map(|node| captures(node, problems))
                .unwrap_or_default(),
            timeout: fields.optional("timeout", problems),
            follow_redirects: fields.or("follow_redirects", true, problems),
            tags: fields.node("tags").map(|node| tags(node, problems)).unwrap_or_default(),
        };
        if request.bearer.is_some()
            && let Some((user, _)) = &request.basic
        {
            let kind = ProblemKind::Conflict { place: "a request", fields: "`bearer` and `basic`" };
            problems.report(user.span, kind);
        }
        fields.finish(problems);
        Some(request)
    }
}

fn tags(node: &Node, problems: &mut Problems) -> Vec<String> {
    texts(node, problems).into_iter().map(|tag| tag.value).collect()
}

fn body(fields: &mut Fields<'_>, problems: &mut Problems) -> Body {
    let (json, form, text) = (fields.node("json"), fields.node("form"), fields.node("body"));
    let given: Vec<&Node> = [json, form, text].into_iter().flatten().collect();
    if let [_, second, ..] = given[..] {
        let kind =
            ProblemKind::Conflict { place: "a request", fields: "`json`, `form` and `body`" };
        problems.report(second.span, kind);
    }
    if let Some(node) = json {
        return Body::Json(node.clone());
    }
    if let Some(node) = form {
        return Body::Form(text_map(node, "a mapping of form fields", problems));
    }
    let text = text.and_then(|node| crate::scenario::Decode::decode(node, problems));
    text.map_or(Body::None, Body::Text)
}

fn basic(node: &Node, problems: &mut Problems) -> Option<(Spanned<String>, Spanned<String>)> {
    let mut fields = Fields::of(node, "`basic` with `user` and `password`", problems)?;
    let user = fields.required("user", problems);
    let password = fields.required("password", problems);
    fields.finish(problems);
    Some((user?, password?))
}
