//! A request step.

use http::Method;

use super::check::{CaptureSpec, CheckSpec, captures, checks};
use super::failure::{OnFailureSpec, read as on_failure};
use crate::scenario::declared::request::{BASIC, REQUEST, UPLOAD};
use crate::scenario::decode::{repeated_map, text_map, texts};
use crate::scenario::names::EntityName;
use crate::scenario::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, Spanned, entries,
};
use crate::units::{Bytes, Nanos};

/// A request step.
#[derive(Debug, Clone)]
pub struct RequestSpec {
    /// `GET`, `POST`, …
    pub method: Method,
    /// The metric's key.
    pub name: Spanned<String>,
    /// A path, or an absolute URL; a template.
    pub url: Spanned<String>,
    /// Query parameters; the values are templates.
    pub query: Vec<(Spanned<String>, Spanned<String>)>,
    /// Headers; the values are templates.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// What it carries.
    pub body: BodySpec,
    /// The token of a bearer authorization; a template.
    pub bearer: Option<Spanned<String>>,
    /// User and password of a basic authorization; templates.
    pub basic: Option<(Spanned<String>, Spanned<String>)>,
    /// The session that it needs.
    pub session: Option<Spanned<String>>,
    /// Assertions.
    pub checks: Vec<CheckSpec>,
    /// Values taken out for later steps.
    pub captures: Vec<CaptureSpec>,
    /// The longest time from send to last byte.
    pub timeout: Option<Nanos>,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// What it is counted with besides its name.
    pub tags: Vec<String>,
    /// What follows where it fails.
    pub on_failure: OnFailureSpec,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub enum BodySpec {
    /// Nothing.
    None,
    /// JSON; the texts in it are templates.
    Json(Node),
    /// A form; the values are templates.
    Form(Vec<(Spanned<String>, Spanned<String>)>),
    /// A text; a template.
    Text(Spanned<String>),
    /// `multipart/form-data`: an upload.
    Multipart(Vec<UploadPartSpec>),
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub struct UploadPartSpec {
    /// The field's name.
    pub name: Spanned<String>,
    /// What is in it.
    pub content: UploadContent,
}

/// What is in a part of an upload.
#[derive(Debug, Clone)]
pub enum UploadContent {
    /// A text; a template.
    Text(Spanned<String>),
    /// So many bytes that nobody reads, under a file's name.
    Bytes {
        /// The file's name, a template.
        filename: Spanned<String>,
        /// The media type.
        media_type: Spanned<String>,
        /// How many.
        size: Bytes,
    },
}

impl RequestSpec {
    /// Reads the value of a step whose key is a method.
    pub(super) fn read(method: &KeyNode, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &REQUEST, problems)?;
        // Only the six methods come here, and each is a valid token.
        let verb = method.text.to_ascii_uppercase().parse().unwrap_or_default();
        let mut request = Self::from_fields(verb, &mut fields, problems);
        if let Some(node) = fields.node("on_failure", problems) {
            request.on_failure = on_failure(node, &request.method, problems);
        }
        fields.finish(problems);
        Some(request)
    }

    /// Reads the fields of a request that is sent to a URL.
    pub(super) fn from_fields(
        method: Method,
        fields: &mut Fields<'_>,
        problems: &mut Problems,
    ) -> Self {
        let url = fields.read("url", problems);
        let mut request = Self::without_url(method, fields, problems);
        request.url = url.unwrap_or(request.url);
        request
    }

    /// Reads the fields of a request whose URL comes from elsewhere.
    pub(super) fn without_url(
        method: Method,
        fields: &mut Fields<'_>,
        problems: &mut Problems,
    ) -> Self {
        let nothing = Spanned::new(String::new(), fields.span());
        let name: Option<EntityName> = fields.read("name", problems);
        let pairs = |node: Option<&Node>, expected, problems: &mut Problems| {
            node.map(|node| text_map(node, expected, problems)).unwrap_or_default()
        };
        Self {
            method,
            name: name.map_or(nothing.clone(), |name| name.0),
            url: nothing,
            query: fields
                .node("query", problems)
                .map(|node| repeated_map(node, "a mapping of query parameters", problems))
                .unwrap_or_default(),
            headers: pairs(fields.node("headers", problems), "a mapping of headers", problems),
            body: body(fields, problems),
            bearer: fields.read("bearer", problems),
            basic: fields.node("basic", problems).and_then(|node| basic(node, problems)),
            session: fields.read("session", problems),
            checks: fields
                .node("check", problems)
                .map(|node| checks(node, problems))
                .unwrap_or_default(),
            captures: fields
                .node("capture", problems)
                .map(|node| captures(node, problems))
                .unwrap_or_default(),
            timeout: fields.read("timeout", problems),
            follow_redirects: fields.or("follow_redirects", true, problems),
            tags: fields
                .node("tags", problems)
                .map(|node| tags(node, problems))
                .unwrap_or_default(),
            on_failure: OnFailureSpec::Stop,
        }
    }
}

fn tags(node: &Node, problems: &mut Problems) -> Vec<String> {
    texts(node, problems).into_iter().map(|tag| tag.value).collect()
}

fn body(fields: &mut Fields<'_>, problems: &mut Problems) -> BodySpec {
    let (json, form) = (fields.node("json", problems), fields.node("form", problems));
    let text = fields.read("body", problems);
    let multipart = fields.node("multipart", problems);
    if let Some(node) = json {
        return BodySpec::Json(node.clone());
    }
    if let Some(node) = form {
        return BodySpec::Form(repeated_map(node, "a mapping of form fields", problems));
    }
    if let Some(node) = multipart {
        return BodySpec::Multipart(parts(node, problems));
    }
    text.map_or(BodySpec::None, BodySpec::Text)
}

fn parts(node: &Node, problems: &mut Problems) -> Vec<UploadPartSpec> {
    let Some(entries) = entries(node, "a mapping of parts", problems) else { return vec![] };
    entries
        .iter()
        .filter_map(|(key, node)| {
            let content = match &node.value {
                NodeValue::Mapping(_) => upload(node, problems)?,
                _ => UploadContent::Text(Decode::decode(node, problems)?),
            };
            Some(UploadPartSpec { name: Spanned::new(key.text.clone(), key.span), content })
        })
        .collect()
}

fn upload(node: &Node, problems: &mut Problems) -> Option<UploadContent> {
    let mut fields = Fields::of(node, &UPLOAD, problems)?;
    let filename = fields.read("filename", problems);
    let size: Option<Spanned<Bytes>> = fields.read("size", problems);
    let media_type = Spanned::new("application/octet-stream".to_owned(), fields.span());
    let media_type = fields.or("type", media_type, problems);
    fields.finish(problems);
    let size = size?;
    // More than this is no upload of a user.
    let limit = Bytes::new(1 << 40);
    if size.value > limit {
        let (low, high) = (0.0, limit.get() as f64);
        let found = size.value.get() as f64;
        problems.report(
            size.span,
            ProblemKind::OutOfRange { what: "`size` in bytes".to_owned(), low, high, found },
        );
        return None;
    }
    Some(UploadContent::Bytes { filename: filename?, media_type, size: size.value })
}

fn basic(node: &Node, problems: &mut Problems) -> Option<(Spanned<String>, Spanned<String>)> {
    let mut fields = Fields::of(node, &BASIC, problems)?;
    let user = fields.read("user", problems);
    let password = fields.read("password", problems);
    fields.finish(problems);
    Some((user?, password?))
}
