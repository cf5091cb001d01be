//! Requests as bytes: whatever does not vary is put together once, before the run.

use std::io::Write as _;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::metrics::ErrorClass;
use crate::plan::{Body, Correlation, HttpPlan, Plan, RequestPlan, Template};
use crate::units::Uuid;
use crate::user::User;

use super::TransportError;
use super::decode::ACCEPT_ENCODING;

/// A request of the plan, prepared for HTTP/1.1.
#[derive(Debug)]
pub(super) struct PreparedRequest {
    pub(super) method: Method,
    pub(super) keep_body: bool,
    /// The whole request, where nothing in it varies (cookies apart).
    constant: Option<Box<[u8]>>,
    /// The same in parts.
    constant_parts: Option<Rc<RequestParts>>,
    /// The head up to what varies by itself: `GET /x HTTP/1.1`, host and the scenario's headers. Absent
    /// where the URL may be absolute, so that the host is known only when it is rendered.
    head: Option<Template>,
    /// Headers for the general way, `accept-encoding` included.
    headers: Vec<(HeaderName, Template)>,
    url: Template,
    body: Body,
    correlation: Vec<Correlation>,
}

/// A request with nothing left to render: for HTTP/2, redirects and absolute URLs.
#[derive(Debug, Clone)]
pub(super) struct RequestParts {
    pub(super) method: Method,
    /// Path and query, beginning with `/`.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl PreparedRequest {
    pub(super) fn compile(
        request: &RequestPlan,
        (plan, authority): (&Plan, &str),
        compress: bool,
    ) -> Self {
        let mut headers = request.headers.clone();
        let sends =
            |headers: &[(HeaderName, Template)], name| headers.iter().any(|(n, _)| n == name);
        if compress && plan.http.compression && !sends(&headers, http::header::ACCEPT_ENCODING) {
            headers.push((http::header::ACCEPT_ENCODING, Template::constant(ACCEPT_ENCODING)));
        }
        let relative = request.url.starts_with(b"/");
        let head = relative.then(|| head_template(request, &headers, authority));
        let constant = head.as_ref().and_then(|head| constant(head, request, &plan.http));
        let constant_parts = constant.as_ref().and_then(|_| constant_parts(request, &headers));
        Self {
            method: request.method.clone(),
            keep_body: request.needs_body(),
            constant,
            constant_parts,
            head,
            headers,
            url: request.url.clone(),
            body: request.body.clone(),
            correlation: plan.http.correlation.clone(),
        }
    }

    /// The whole request, where nothing in it varies.
    pub(super) fn constant(&self) -> Option<&[u8]> {
        self.constant.as_deref()
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

    /// Appends what follows the head: cookies, correlation, length and body.
    pub(super) fn render_rest(
        &self,
        user: &mut User,
        cookies: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), TransportError> {
        if !cookies.is_empty() {
            push_header(out, "cookie", cookies.as_bytes());
        }
        for correlation in &self.correlation {
            let (name, value) = correlation_header(correlation, user);
            push_header(out, name, value.as_bytes());
        }
        finish(&self.body, &self.method, user, out)
    }

    /// The parts of a request of this kind that was sent: of `sent`, or of the constant where that is empty.
    pub(super) fn parts_of(&self, sent: &[u8]) -> Result<RequestParts, TransportError> {
        let sent = if sent.is_empty() { self.constant().unwrap_or_default() } else { sent };
        let not_ours = || script("a request that was rendered cannot be read again");
        let mut headers = vec![httparse::EMPTY_HEADER; self.headers.len() + 16];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = request.parse(sent) else {
            return Err(not_ours());
        };
        let path = request.path.ok_or_else(not_ours)?.to_owned();
        let mut map = HeaderMap::with_capacity(request.headers.len());
        // What belongs to one exchange is made anew: the host, the length, and the jar's cookies.
        let own_cookies =
            self.headers.iter().filter(|(name, _)| name == http::header::COOKIE).count();
        let mut cookies = 0;
        for header in request.headers {
            let name = HeaderName::try_from(header.name).map_err(|_| not_ours())?;
            cookies += usize::from(name == http::header::COOKIE);
            let is_made_anew = matches!(name, http::header::HOST | http::header::CONTENT_LENGTH)
                || (name == http::header::COOKIE && cookies > own_cookies);
            if !is_made_anew {
                map.append(name, header_value(header.value)?);
            }
        }
        let body = Bytes::copy_from_slice(&sent[head..]);
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
        for correlation in &self.correlation {
            let (name, value) = correlation_header(correlation, user);
            if let Ok(name) = HeaderName::try_from(name) {
                headers.append(name, header_value(value.as_bytes())?);
            }
        }
        let mut body = Vec::new();
        user.render_body(&self.body, &mut body).map_err(|error| script(&error.to_string()))?;
        Ok(RequestParts { method: self.method.clone(), path, headers, body: body.into() })
    }
}

impl RequestParts {
    /// The request as text, for a reader.
    pub(super) fn describe(&self, authority: &str, cookies: &str) -> String {
        let mut bytes = Vec::new();
        self.write_http1(authority, cookies, &mut bytes);
        String::from_utf8_lossy(&bytes).replace(" HTTP/1.1\r\n", " HTTP/2\r\n")
    }

    /// Appends the request for HTTP/1.1 to `out`.
    pub(super) fn write_http1(&self, authority: &str, cookies: &str, out: &mut Vec<u8>) {
        push_request_line(out, &self.method, self.path.as_bytes());
        push_header(out, "host", authority.as_bytes());
        for (name, value) in &self.headers {
            push_header(out, name.as_str(), value.as_bytes());
        }
        if !cookies.is_empty() {
            push_header(out, "cookie", cookies.as_bytes());
        }
        if expects_length(&self.method) || !self.body.is_empty() {
            push_header(out, "content-length", self.body.len().to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// The path and query of a rendered request.
pub(super) fn path_of(request: &[u8]) -> &str {
    let target = request.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    std::str::from_utf8(target).unwrap_or("/")
}

fn head_template(
    request: &RequestPlan,
    headers: &[(HeaderName, Template)],
    authority: &str,
) -> Template {
    let mut head = Template::constant(format!("{} ", request.method));
    head.append(&request.url);
    head.push_literal(format!(" HTTP/1.1\r\nhost: {authority}\r\n").as_bytes());
    for (name, value) in headers {
        head.push_literal(format!("{name}: ").as_bytes());
        head.append(value);
        head.push_literal(b"\r\n");
    }
    head
}

fn constant(head: &Template, request: &RequestPlan, http: &HttpPlan) -> Option<Box<[u8]>> {
    if !http.correlation.is_empty() {
        return None;
    }
    let body = match &request.body {
        Body::None => &[],
        Body::Text(template) => template.as_constant()?,
    };
    let mut whole = head.as_constant()?.to_vec();
    if expects_length(&request.method) || !body.is_empty() {
        push_header(&mut whole, "content-length", body.len().to_string().as_bytes());
    }
    whole.extend_from_slice(b"\r\n");
    whole.extend_from_slice(body);
    Some(whole.into())
}

fn constant_parts(
    request: &RequestPlan,
    headers: &[(HeaderName, Template)],
) -> Option<Rc<RequestParts>> {
    let mut map = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value) in headers {
        map.append(name, header_value(value.as_constant()?).ok()?);
    }
    let body = match &request.body {
        Body::None => Bytes::new(),
        Body::Text(template) => Bytes::copy_from_slice(template.as_constant()?),
    };
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
    out: &mut Vec<u8>,
) -> Result<(), TransportError> {
    if matches!(body, Body::None) && !expects_length(method) {
        out.extend_from_slice(b"\r\n");
        return Ok(());
    }
    // Leading zeros are valid in `content-length = 1*DIGIT` (RFC 9110 §8.6), but some servers refuse
    // them, so the digits are right-aligned behind spaces: optional white space may stand before a value.
    out.extend_from_slice(b"content-length:           ");
    let digits_end = out.len();
    out.extend_from_slice(b"\r\n\r\n");
    let body_start = out.len();
    user.render_body(body, out).map_err(|error| script(&error.to_string()))?;
    let length = out.len() - body_start;
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

fn push_request_line(out: &mut Vec<u8>, method: &Method, path: &[u8]) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(path);
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
