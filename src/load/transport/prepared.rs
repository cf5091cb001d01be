//! Requests as bytes: whatever does not vary is put together once, before the run.

use std::io::Write as _;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{
    Body, CaptureSlot, Correlation, Filler, HttpPlan, Plan, ProxyPlan, RequestPlan, Template,
    UploadPiece, Variables,
};
use plimsoll_units::Uuid;
use plimsoll_user::User;

use super::TransportError;
use super::body::{OutgoingMessage, RenderedMessage, RequestBody, size_of};
use super::decode::ACCEPT_ENCODING;

/// A request of the plan, prepared for HTTP/1.1.
#[derive(Debug)]
pub(super) struct PreparedRequest {
    pub(super) method: Method,
    pub(super) keep_body: bool,
    /// The whole request, where nothing in it varies (cookies apart).
    constant: Option<RenderedMessage>,
    /// The same in parts.
    constant_parts: Option<Rc<RequestParts>>,
    /// The head up to what varies by itself: `GET /x HTTP/1.1`, host and the scenario's headers. Absent
    /// where the URL may be absolute, so that the host is known only when it is rendered.
    head: Option<Template>,
    /// Headers for the general way, `accept-encoding` included.
    headers: Vec<(HeaderName, Template)>,
    /// The scenario's own cookies, which go into one header with the jar's (RFC 6265 §5.4).
    cookie: Option<Template>,
    /// Whether the scenario names the host.
    names_host: bool,
    /// Whether a proxy is told who asks.
    is_authorized: bool,
    url: Template,
    body: Body,
    correlation: Vec<Correlation>,
    /// Where the value of a `range` header is kept.
    range: Option<CaptureSlot>,
}

/// How a request over HTTP/1.1 names where it goes (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTarget<'a> {
    pub(super) authority: &'a str,
    /// The proxy that it names its whole URL to; where there is none, it names a path.
    pub(super) forwarder: Option<&'a ProxyPlan>,
}

impl<'a> RequestTarget<'a> {
    /// Straight to the origin, or through a tunnel.
    pub(super) const fn direct(authority: &'a str) -> Self {
        Self { authority, forwarder: None }
    }

    /// What stands before the path.
    fn prefix(self) -> String {
        match self.forwarder {
            Some(_) => format!("{SCHEME}{}", self.authority),
            None => String::new(),
        }
    }

    /// What proves to the proxy who asks; empty for nothing.
    fn authorization(self) -> &'a str {
        self.forwarder.map_or("", |proxy| proxy.authorization.as_str())
    }
}

/// Only plain HTTP is forwarded by a proxy.
const SCHEME: &str = "http://";

/// A request with nothing left to render: for HTTP/2, redirects and absolute URLs.
#[derive(Debug, Clone)]
pub(super) struct RequestParts {
    pub(super) method: Method,
    /// Path and query, beginning with `/`.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: RequestBody,
}

impl PreparedRequest {
    pub(super) fn compile(
        request: &RequestPlan,
        (plan, target): (&Plan, RequestTarget<'_>),
        compress: bool,
    ) -> Self {
        let mut headers = request.headers.clone();
        let sends =
            |headers: &[(HeaderName, Template)], name| headers.iter().any(|(n, _)| n == name);
        if compress && plan.http.compression && !sends(&headers, http::header::ACCEPT_ENCODING) {
            headers.push((http::header::ACCEPT_ENCODING, Template::constant(ACCEPT_ENCODING)));
        }
        // A signature is made over the parts, when they go out.
        let relative = request.url.starts_with(b"/") && request.sign.is_none();
        let head = relative.then(|| head_template(request, &headers, target));
        let cookie = headers.iter().find(|(name, _)| name == http::header::COOKIE);
        let cookie = cookie.map(|(_, value)| value.clone());
        let constant =
            head.as_ref().and_then(|head| constant((head, cookie.as_ref()), request, &plan.http));
        let constant_parts = constant.as_ref().and_then(|_| constant_parts(request, &headers));
        Self {
            cookie,
            names_host: sends(&headers, http::header::HOST),
            is_authorized: !target.authorization().is_empty(),
            method: request.method.clone(),
            keep_body: request.needs_body(),
            constant,
            constant_parts,
            head,
            headers,
            url: request.url.clone(),
            body: request.body.clone(),
            correlation: plan.http.correlation.clone(),
            range: request.range,
        }
    }

    /// The whole request, where nothing in it varies.
    pub(super) fn constant(&self) -> Option<OutgoingMessage<'_>> {
        self.constant.as_ref().map(RenderedMessage::message)
    }

    /// The host that the scenario names in `request`, which was rendered from this; empty where it names none.
    pub(super) fn host_in<'a>(&self, request: &'a [u8]) -> &'a str {
        if self.names_host { host_of(request) } else { "" }
    }

    /// Whether the request goes to the target, whatever is rendered.
    pub(super) fn is_relative(&self) -> bool {
        self.head.is_some()
    }

    /// Appends request line and headers for HTTP/1.1 to `out`, which is empty.
    pub(super) fn render_head(
        &self,
        user: &mut User,
        out: &mut Vec<u8>,
    ) -> Result<(), TransportError> {
        let Some(head) = &self.head else {
            return Err(script("an absolute URL has no prepared head"));
        };
        user.render(head, out).map_err(|error| script(&error.to_string()))
    }

    /// The scenario's own `cookie` header; empty where it has none.
    pub(super) fn render_cookie(&self, user: &mut User) -> Result<String, TransportError> {
        let Some(cookie) = &self.cookie else { return Ok(String::new()) };
        let mut text = Vec::new();
        user.render(cookie, &mut text).map_err(|error| script(&error.to_string()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Appends what follows the head: cookies, correlation, length and body.
    pub(super) fn render_rest(
        &self,
        user: &mut User,
        cookies: &str,
        message: &mut RenderedMessage,
    ) -> Result<(), TransportError> {
        let out = &mut message.text;
        if !cookies.is_empty() {
            push_header(out, "cookie", cookies.as_bytes());
        }
        for correlation in &self.correlation {
            let (name, value) = correlation_header(correlation, user);
            push_header(out, name, value.as_bytes());
        }
        finish(&self.body, &self.method, user, message)
    }

    /// The parts of a request of this kind that was sent: of `sent`, or of the constant where that is empty.
    pub(super) fn parts_of(&self, sent: &RenderedMessage) -> Result<RequestParts, TransportError> {
        let constant = self.constant.as_ref().filter(|_| sent.text.is_empty());
        let RenderedMessage { text: sent, fillers, cookie } = constant.unwrap_or(sent);
        let not_ours = || script("a request that was rendered cannot be read again");
        let mut headers = vec![httparse::EMPTY_HEADER; self.headers.len() + 16];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = request.parse(sent) else {
            return Err(not_ours());
        };
        let path = path_in(request.path.ok_or_else(not_ours)?).to_owned();
        let mut map = HeaderMap::with_capacity(request.headers.len());
        // What belongs to one exchange is made anew: the host, the length, and the jar's cookies.
        for header in request.headers {
            let name = HeaderName::try_from(header.name).map_err(|_| not_ours())?;
            let is_made_anew = matches!(name, http::header::CONTENT_LENGTH | http::header::COOKIE)
                || (name == http::header::HOST && !self.names_host)
                || (name == http::header::PROXY_AUTHORIZATION && self.is_authorized);
            if !is_made_anew {
                map.append(name, header_value(header.value)?);
            }
        }
        if !cookie.is_empty() {
            map.append(http::header::COOKIE, header_value(cookie.as_bytes())?);
        }
        let fillers: Vec<Filler> = moved(fillers, |at| at - head).collect();
        let body = RequestBody::new(Bytes::copy_from_slice(&sent[head..]), &fillers);
        Ok(RequestParts { method: self.method.clone(), path, headers: map, body })
    }

    /// The request in parts, with its URL, absolute or not, as the path.
    pub(super) fn parts(&self, user: &mut User) -> Result<Rc<RequestParts>, TransportError> {
        match &self.constant_parts {
            Some(parts) => Ok(parts.clone()),
            None => self.render_parts(user).map(Rc::new),
        }
    }

    fn render_parts(&self, user: &mut User) -> Result<RequestParts, TransportError> {
        let mut url = Vec::new();
        user.render(&self.url, &mut url).map_err(|error| script(&error.to_string()))?;
        let path = String::from_utf8_lossy(&url).into_owned();
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 4);
        for (name, template) in &self.headers {
            let mut value = Vec::new();
            user.render(template, &mut value).map_err(|error| script(&error.to_string()))?;
            headers.append(name, header_value(&value)?);
        }
        let range = self.range.and_then(|slot| user.slot(slot)).map(ToString::to_string);
        if let Some(range) = range {
            headers.append(http::header::RANGE, header_value(range.as_bytes())?);
        }
        for correlation in &self.correlation {
            let (name, value) = correlation_header(correlation, user);
            if let Ok(name) = HeaderName::try_from(name) {
                headers.append(name, header_value(value.as_bytes())?);
            }
        }
        let (mut text, mut fillers) = (Vec::new(), Vec::new());
        user.render_body(&self.body, &mut text, &mut fillers)
            .map_err(|error| script(&error.to_string()))?;
        let body = RequestBody::new(text.into(), &fillers);
        Ok(RequestParts { method: self.method.clone(), path, headers, body })
    }
}

impl RequestParts {
    /// The request as text, for a reader.
    pub(super) fn describe(&self, authority: &str, cookies: &str) -> String {
        let mut message = RenderedMessage::default();
        self.write_http1(RequestTarget::direct(authority), cookies, &mut message);
        message.message().describe().replace(" HTTP/1.1\r\n", " HTTP/2\r\n")
    }

    /// The scenario's own `cookie` header; empty where it has none.
    pub(super) fn cookie(&self) -> &str {
        let own = self.headers.get(http::header::COOKIE);
        own.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The host that the scenario names; empty where it names none.
    pub(super) fn host(&self) -> &str {
        let host = self.headers.get(http::header::HOST);
        host.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Writes the request for HTTP/1.1 to `message`, which is empty. `cookies`, where there are any, hold the own ones.
    pub(super) fn write_http1(
        &self,
        target: RequestTarget<'_>,
        cookies: &str,
        message: &mut RenderedMessage,
    ) {
        let out = &mut message.text;
        push_request_line(out, &self.method, &[&target.prefix(), &self.path]);
        let host = self.headers.get(http::header::HOST);
        push_header(out, "host", host.map_or(target.authority.as_bytes(), HeaderValue::as_bytes));
        if !target.authorization().is_empty() {
            push_header(out, "proxy-authorization", target.authorization().as_bytes());
        }
        for (name, value) in &self.headers {
            let is_apart = *name == http::header::HOST
                || (*name == http::header::COOKIE && !cookies.is_empty());
            if !is_apart {
                push_header(out, name.as_str(), value.as_bytes());
            }
        }
        if !cookies.is_empty() {
            push_header(out, "cookie", cookies.as_bytes());
        }
        if expects_length(&self.method) || !self.body.is_empty() {
            push_header(out, "content-length", self.body.len().to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        let head = out.len();
        out.extend_from_slice(self.body.text());
        message.fillers.extend(moved(self.body.fillers(), |at| at + head));
        self.cookie().clone_into(&mut message.cookie);
    }
}

/// Files that stand elsewhere in another text.
fn moved(fillers: &[Filler], to: impl Fn(usize) -> usize) -> impl Iterator<Item = Filler> {
    fillers.iter().map(move |filler| Filler { at: to(filler.at), source: filler.source.clone() })
}

/// The path and query of a rendered request.
pub(super) fn path_of(request: &[u8]) -> &str {
    let target = request.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    path_in(std::str::from_utf8(target).unwrap_or("/"))
}

/// The path and query in what a request names, which is a whole URL where a proxy reads it.
fn path_in(target: &str) -> &str {
    match target.strip_prefix(SCHEME) {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    }
}

/// The value of the `host` header of a rendered request, which is its second line.
fn host_of(request: &[u8]) -> &str {
    let line = request.split(|&byte| byte == b'\n').nth(1).unwrap_or_default();
    let value = line.strip_prefix(b"host: ").unwrap_or_default().trim_ascii();
    std::str::from_utf8(value).unwrap_or_default()
}

/// Request line and headers but the cookies.
fn head_template(
    request: &RequestPlan,
    headers: &[(HeaderName, Template)],
    target: RequestTarget<'_>,
) -> Template {
    let mut head = Template::constant(format!("{} {}", request.method, target.prefix()));
    head.append(&request.url);
    head.push_literal(b" HTTP/1.1\r\nhost: ");
    match headers.iter().find(|(name, _)| name == http::header::HOST) {
        Some((_, host)) => head.append(host),
        None => head.push_literal(target.authority.as_bytes()),
    }
    head.push_literal(b"\r\n");
    if !target.authorization().is_empty() {
        let line = format!("proxy-authorization: {}\r\n", target.authorization());
        head.push_literal(line.as_bytes());
    }
    for (name, value) in headers {
        if !matches!(*name, http::header::HOST | http::header::COOKIE) {
            head.push_literal(format!("{name}: ").as_bytes());
            head.append(value);
            head.push_literal(b"\r\n");
        }
    }
    head
}

fn constant(
    (head, cookie): (&Template, Option<&Template>),
    request: &RequestPlan,
    http: &HttpPlan,
) -> Option<RenderedMessage> {
    if !http.correlation.is_empty() {
        return None;
    }
    let (body, fillers) = constant_body(&request.body)?;
    let mut text = head.as_constant()?.to_vec();
    let cookie = match cookie {
        Some(cookie) => String::from_utf8(cookie.as_constant()?.to_vec()).ok()?,
        None => String::new(),
    };
    if !cookie.is_empty() {
        push_header(&mut text, "cookie", cookie.as_bytes());
    }
    let length = body.len() as u64 + size_of(&fillers);
    if expects_length(&request.method) || length > 0 {
        push_header(&mut text, "content-length", length.to_string().as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    let fillers = moved(&fillers, |at| at + text.len()).collect();
    text.extend_from_slice(&body);
    Some(RenderedMessage { text, fillers, cookie })
}

/// A body in which nothing varies.
fn constant_body(body: &Body) -> Option<(Vec<u8>, Vec<Filler>)> {
    let (mut text, mut fillers) = (vec![], vec![]);
    match body {
        Body::None => {}
        Body::Text(template) => text.extend_from_slice(template.as_constant()?),
        Body::Upload(pieces) => {
            for piece in pieces {
                match piece {
                    UploadPiece::Text(template) | UploadPiece::Part(template, _) => {
                        text.extend_from_slice(template.as_constant()?);
                    }
                    UploadPiece::File(source) => {
                        fillers.push(Filler { at: text.len(), source: source.clone() });
                    }
                }
            }
        }
    }
    Some((text, fillers))
}

fn constant_parts(
    request: &RequestPlan,
    headers: &[(HeaderName, Template)],
) -> Option<Rc<RequestParts>> {
    let mut map = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value) in headers {
        map.append(name, header_value(value.as_constant()?).ok()?);
    }
    let (text, fillers) = constant_body(&request.body)?;
    let body = RequestBody::new(text.into(), &fillers);
    let path = String::from_utf8(request.url.as_constant()?.to_vec()).ok()?;
    Some(Rc::new(RequestParts { method: request.method.clone(), path, headers: map, body }))
}

fn header_value(bytes: &[u8]) -> Result<HeaderValue, TransportError> {
    HeaderValue::from_bytes(bytes)
        .map_err(|_| script("a header has a value that HTTP does not allow"))
}

/// Appends length, blank line and body. The body is rendered in place, behind room for its length.
fn finish(
    body: &Body,
    method: &Method,
    user: &mut User,
    message: &mut RenderedMessage,
) -> Result<(), TransportError> {
    let RenderedMessage { text: out, fillers, .. } = message;
    if matches!(body, Body::None) && !expects_length(method) {
        out.extend_from_slice(b"\r\n");
        return Ok(());
    }
    // Leading zeros are valid in `content-length = 1*DIGIT` (RFC 9110 §8.6), but some servers refuse
    // them, so the digits are right-aligned behind spaces: optional white space may stand before a value.
    out.extend_from_slice(b"content-length:                ");
    let digits_end = out.len();
    out.extend_from_slice(b"\r\n\r\n");
    let body_start = out.len();
    user.render_body(body, out, fillers).map_err(|error| script(&error.to_string()))?;
    let length = (out.len() - body_start) as u64 + size_of(fillers);
    let mut digits = [0_u8; 20];
    let mut cursor = digits.as_mut_slice();
    let _ = write!(cursor, "{length}");
    let used = 20 - cursor.len();
    out[digits_end - used..digits_end].copy_from_slice(&digits[..used]);
    Ok(())
}

/// Methods whose requests carry a length even where the body is empty (RFC 9110 §8.6).
fn expects_length(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn push_request_line(out: &mut Vec<u8>, method: &Method, target: &[&str]) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    for part in target {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

fn push_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn correlation_header<'a>(correlation: &'a Correlation, user: &mut User) -> (&'a str, String) {
    let bits = user.correlation();
    match correlation {
        // W3C Trace Context: version, trace id, parent id, sampled.
        Correlation::TraceParent => {
            let parent = (bits as u64) | 1;
            ("traceparent", format!("00-{:032x}-{parent:016x}-01", bits | 1))
        }
        Correlation::Id(name) => (name, Uuid::of_random(bits).to_string()),
    }
}

fn script(message: &str) -> TransportError {
    TransportError::new(ErrorClass::Script, message)
}
