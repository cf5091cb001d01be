//! A request step.

use std::path::Path;

use http::Method;

use super::check::{CaptureSpec, CheckSpec, captures, checks};
use super::failure::{OnFailureSpec, read as on_failure};
use crate::declared::request::{ANY_REQUEST, AWS, BASIC, BODY_FILE, REQUEST, SIGN, UPLOAD};
use crate::decode::{repeated_map, text_map, texts};
use crate::names::EntityName;
use crate::{
    Decode, Fields, KeyNode, Node, NodeValue, ProblemKind, Problems, Spanned, entries, one_or_many,
};
use plimsoll_units::{Bytes, Nanos};

/// A request step.
#[derive(Debug, Clone)]
pub struct RequestSpec {
    /// `GET`, `POST`, …
    pub method: Method,
    /// Whether it may carry a body.
    pub may_carry: bool,
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
    /// How it is signed, if it is.
    pub sign: Option<AwsSignSpec>,
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

/// AWS Signature Version 4.
#[derive(Debug, Clone)]
pub struct AwsSignSpec {
    /// The service's name.
    pub service: Spanned<String>,
    /// The region.
    pub region: Spanned<String>,
    /// The access key's ID; a template.
    pub access_key: Spanned<String>,
    /// The secret access key; a template.
    pub secret_key: Spanned<String>,
    /// The token of temporary credentials; a template.
    pub session_token: Option<Spanned<String>>,
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
    /// The content of a file, and its media type.
    File(Spanned<String>, Spanned<String>),
    /// A GraphQL operation.
    Graphql(Box<GraphqlSpec>),
    /// `multipart/form-data`: an upload.
    Multipart(Vec<UploadPartSpec>),
}

/// A GraphQL operation, as a request carries it.
#[derive(Debug, Clone)]
pub struct GraphqlSpec {
    /// The whole document.
    pub document: String,
    /// Which of its operations; none where it has but one without a name.
    pub operation: Option<String>,
    /// A mapping of values; the texts in it are templates.
    pub variables: Option<Node>,
    /// Whether an answer with `errors` is right.
    pub allow_errors: bool,
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub struct UploadPartSpec {
    /// The field's name.
    pub name: Spanned<String>,
    /// The name of the file that it is, a template; none of a field that is none.
    pub filename: Option<Spanned<String>>,
    /// Its media type.
    pub media_type: Option<Spanned<String>>,
    /// What is in it.
    pub content: UploadContent,
}

/// What is in a part of an upload.
#[derive(Debug, Clone)]
pub enum UploadContent {
    /// A text; a template.
    Text(Spanned<String>),
    /// So many bytes that nobody reads.
    Bytes(Bytes),
    /// The content of a file.
    File(Spanned<String>),
}

impl RequestSpec {
    /// Reads the value of a step whose key is a method.
    pub(super) fn read(method: &KeyNode, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &REQUEST, problems)?;
        // Only the seven methods come here, and each is a valid token.
        let verb = method.text.to_ascii_uppercase().parse().unwrap_or_default();
        let request = Self::from_fields(verb, &mut fields, problems).ended(&mut fields, problems);
        fields.finish(problems);
        Some(request)
    }

    /// Reads how a request is signed, and what follows where it fails: of requests that stand alone.
    pub(super) fn ended(mut self, fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        self.sign = sign(fields, problems);
        if let Some(node) = fields.node("on_failure", problems) {
            self.on_failure = on_failure(node, &self.method, problems);
        }
        self
    }

    /// The same, whose failure ends the iteration or does not.
    pub(super) fn going_on(self, goes_on: bool) -> Self {
        let on_failure = if goes_on { OnFailureSpec::Continue } else { OnFailureSpec::Stop };
        Self { on_failure, ..self }
    }

    /// Reads the value of `request`, which names its method. Whoever writes it so knows what the server makes of a
    /// body, also of GET.
    pub(super) fn read_any(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &ANY_REQUEST, problems)?;
        let word: Option<Spanned<String>> = fields.read("method", problems);
        let method = word.and_then(|word| method(word, problems)).unwrap_or_default();
        let may_carry = !matches!(method, Method::HEAD | Method::TRACE);
        let request = Self::from_fields(method, &mut fields, problems).ended(&mut fields, problems);
        let request = Self { may_carry, ..request };
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
        let query = fields
            .node("query", problems)
            .map(|node| repeated_map(node, "a mapping of query parameters", problems))
            .unwrap_or_default();
        let body = body(fields, problems);
        Self { query, body, ..Self::bare(method, fields, problems) }
    }

    /// Reads the fields of a request whose URL, query and body come from elsewhere.
    pub(super) fn bare(method: Method, fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        let nothing = Spanned::new(String::new(), fields.span());
        let name: Option<EntityName> = fields.read("name", problems);
        let pairs = |node: Option<&Node>, expected, problems: &mut Problems| {
            node.map(|node| text_map(node, expected, problems)).unwrap_or_default()
        };
        Self {
            may_carry: !matches!(method, Method::GET | Method::HEAD),
            method,
            name: name.map_or(nothing.clone(), |name| name.0),
            url: nothing,
            query: vec![],
            headers: pairs(fields.node("headers", problems), "a mapping of headers", problems),
            body: BodySpec::None,
            bearer: fields.read("bearer", problems),
            basic: fields.node("basic", problems).and_then(|node| basic(node, problems)),
            sign: None,
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
    let content = fields.node("body", problems);
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
    content.and_then(|node| text_or_file(node, problems)).unwrap_or(BodySpec::None)
}

/// A body as it stands: a text, or the content of a file.
fn text_or_file(node: &Node, problems: &mut Problems) -> Option<BodySpec> {
    let NodeValue::Mapping(_) = &node.value else {
        return Decode::decode(node, problems).map(BodySpec::Text);
    };
    let mut fields = Fields::of(node, &BODY_FILE, problems)?;
    let file = file(&mut fields, problems);
    let media_type = Spanned::new(OCTETS.to_owned(), fields.span());
    let media_type = fields.or("type", media_type, problems);
    fields.finish(problems);
    Some(BodySpec::File(file?, media_type))
}

/// The media type of bytes of which nothing more is known.
const OCTETS: &str = "application/octet-stream";

/// The path of a file whose content is sent.
fn file(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Spanned<String>> {
    let file: Option<Spanned<String>> = fields.read("file", problems);
    if let Some(file) = &file {
        problems.note_content(file.clone());
    }
    file
}

/// A method of RFC 9110 or of whatever the server speaks, as it is written.
fn method(word: Spanned<String>, problems: &mut Problems) -> Option<Method> {
    let what = match word.value.parse() {
        Ok(Method::CONNECT) => "sent to a server: it asks a proxy for a tunnel",
        Ok(method) => return Some(method),
        Err(_) => "a method",
    };
    problems.report(word.span, ProblemKind::BadHeader { found: word.value, what });
    None
}

fn parts(node: &Node, problems: &mut Problems) -> Vec<UploadPartSpec> {
    let Some(entries) = entries(node, "a mapping of parts", problems) else { return vec![] };
    let each = |(key, node)| one_or_many(node).iter().map(move |item| (key, item));
    entries
        .iter()
        .flat_map(|(key, node)| each((key, node)))
        .filter_map(|(key, node): (&KeyNode, &Node)| {
            let name = Spanned::new(key.text.clone(), key.span);
            if let NodeValue::Mapping(_) = &node.value {
                return part(name, node, problems);
            }
            let content = UploadContent::Text(Decode::decode(node, problems)?);
            Some(UploadPartSpec { name, filename: None, media_type: None, content })
        })
        .collect()
}

/// A part that says more than a text.
fn part(name: Spanned<String>, node: &Node, problems: &mut Problems) -> Option<UploadPartSpec> {
    let mut fields = Fields::of(node, &UPLOAD, problems)?;
    let text = fields.read("text", problems);
    let file = file(&mut fields, problems);
    let size = fields.read("size", problems);
    let own_name = file.as_ref().map(|file| {
        let name = Path::new(&file.value).file_name().unwrap_or_default();
        Spanned::new(name.to_string_lossy().into_owned(), file.span)
    });
    let filename = fields.read("filename", problems).or(own_name);
    let media_type = fields.read("type", problems);
    let octets = || text.is_none().then(|| Spanned::new(OCTETS.to_owned(), name.span));
    let media_type = media_type.or_else(octets);
    if let (Some(_), None) = (&size, &filename) {
        let kind = ProblemKind::MissingField { field: "filename", place: UPLOAD.place };
        problems.report(fields.span(), kind);
    }
    fields.finish(problems);
    let size = size.and_then(|size| upload_size(&size, problems));
    let text = text.map(UploadContent::Text);
    let content = text.or(file.map(UploadContent::File)).or(size.map(UploadContent::Bytes))?;
    Some(UploadPartSpec { name, filename, media_type, content })
}

fn upload_size(size: &Spanned<Bytes>, problems: &mut Problems) -> Option<Bytes> {
    // More than this is no upload of a user.
    let limit = Bytes::new(1 << 40);
    if size.value <= limit {
        return Some(size.value);
    }
    let (low, high, found) = (0.0, limit.get() as f64, size.value.get() as f64);
    let what = "`size` in bytes".to_owned();
    problems.report(size.span, ProblemKind::OutOfRange { what, low, high, found });
    None
}

/// The `sign` of a request.
fn sign(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<AwsSignSpec> {
    let mut sign = Fields::of(fields.node("sign", problems)?, &SIGN, problems)?;
    let aws = sign.node("aws", problems);
    sign.finish(problems);
    let mut aws = Fields::of(aws?, &AWS, problems)?;
    let service = aws.read("service", problems);
    let region = aws.read("region", problems);
    let access_key = aws.read("access_key", problems);
    let secret_key = aws.read("secret_key", problems);
    let session_token = aws.read("session_token", problems);
    aws.finish(problems);
    Some(AwsSignSpec {
        service: service?,
        region: region?,
        access_key: access_key?,
        secret_key: secret_key?,
        session_token,
    })
}

fn basic(node: &Node, problems: &mut Problems) -> Option<(Spanned<String>, Spanned<String>)> {
    let mut fields = Fields::of(node, &BASIC, problems)?;
    let user = fields.read("user", problems);
    let password = fields.read("password", problems);
    fields.finish(problems);
    Some((user?, password?))
}
