//! Canned answers, and refusals.

use std::io::Write;
use std::rc::Rc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};

use super::body::{AnswerBody, EventBody};
use super::limit::{LimitLaw, LimitSpec};
use super::play::Serving;
use super::simulation::{AnswerContent, TokenIssue};
use super::template::{AnswerScope, AnswerText};
use super::token::TokenError;
use plimsoll_units::Nanos;

/// Compressing less than this costs more than it saves.
const GZIP_MINIMUM: usize = 256;

/// Why a request is not answered as it hoped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    /// Who refuses: the edge answers in nginx's HTML, the application in JSON.
    edge: bool,
    message: String,
    /// For `Retry-After`.
    retry_after: Option<Nanos>,
}

impl Refusal {
    /// The application refuses.
    pub(super) fn app(status: StatusCode) -> Self {
        let message = status.canonical_reason().unwrap_or_default().to_lowercase();
        Self { status, edge: false, message, retry_after: None }
    }

    /// The edge cannot reach the application.
    pub(super) fn edge(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { edge: true, ..Self::app(status) }
    }

    /// A rate limit; the application's tell when to come back, nginx's do not.
    pub(super) fn limit(spec: &LimitSpec, wait: Nanos) -> Self {
        match spec.law {
            LimitLaw::Bucket(_) => Self { edge: true, ..Self::app(spec.status) },
            LimitLaw::Window { .. } => Self { retry_after: Some(wait), ..Self::app(spec.status) },
        }
    }

    /// The request makes no sense.
    pub(super) fn bad_request(message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::app(StatusCode::BAD_REQUEST) }
    }

    /// The token does not open this.
    pub(super) fn unauthorized(status: StatusCode, message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::app(status) }
    }

    /// The simulation's own template failed.
    pub(super) fn template(message: &str) -> Self {
        let message = format!("template: {message}");
        Self { message, ..Self::app(StatusCode::INTERNAL_SERVER_ERROR) }
    }

    /// The answer that says so.
    pub(super) fn into_response(self) -> Response<AnswerBody> {
        let mut response = if self.edge {
            let reason = self.status.canonical_reason().unwrap_or_default();
            let title = format!("{} {reason}", self.status.as_u16());
            let html = format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
                 <center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
            );
            plain(self.status, "text/html", html)
        } else {
            let json = serde_json::json!({ "error": self.message });
            plain(self.status, "application/json", json.to_string())
        };
        let headers = response.headers_mut();
        if self.edge {
            headers.insert(header::SERVER, HeaderValue::from_static("nginx"));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil() as u64;
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl TokenError {
    /// What the client is answered.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Invalid => "invalid token",
            Self::Expired => "token expired",
        }
    }
}

/// An answer with a body of a fixed type.
pub(super) fn plain(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Plain HTTP where HTTPS is spoken.
pub(super) fn to_https<B>(request: &Request<B>) -> Response<AnswerBody> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = format!("https://{}{path}", host.unwrap_or("localhost"));
    let mut response = Refusal::edge(301).into_response();
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The text of a template.
pub(super) fn render(
    play: &Serving,
    text: &AnswerText,
    scope: &AnswerScope,
) -> Result<Bytes, Refusal> {
    let rendered = play.simulation.templates.render(text, scope);
    rendered.map_err(|error| Refusal::template(&error.to_string()))
}

/// The value of a JSON template.
pub(super) fn json(
    play: &Serving,
    text: &AnswerText,
    scope: &AnswerScope,
) -> Result<serde_json::Value, Refusal> {
    let bytes = render(play, text, scope)?;
    serde_json::from_slice(&bytes).map_err(|error| Refusal::template(&error.to_string()))
}

/// Hands out a token: templates see it, and a cookie may carry it.
pub(super) fn issue(
    play: &Serving,
    issue: &TokenIssue,
    scope: &mut AnswerScope,
    headers: &mut HeaderMap,
) -> Result<(), Refusal> {
    let subject = match &issue.subject {
        Some(text) => String::from_utf8_lossy(&render(play, text, scope)?).into_owned(),
        None => scope.user.clone().unwrap_or_default(),
    };
    let spec = &play.simulation.tokens[issue.token];
    let token = play.signer.issue(&subject, &spec.name, play.clock.now(), spec.ttl);
    let seconds = spec.ttl.as_secs_f64() as u64;
    if let Some(name) = &issue.cookie {
        let cookie = format!("{name}={token}; Path=/; HttpOnly; Max-Age={seconds}");
        let cookie = cookie.parse().map_err(|_| Refusal::template("the cookie of a token"))?;
        headers.append(header::SET_COOKIE, cookie);
    }
    scope.user = Some(subject);
    scope.token = Some((token, seconds));
    Ok(())
}

/// The answer's body, with its type.
pub(super) fn content(
    play: &Rc<Serving>,
    index: usize,
    request: &HeaderMap,
    scope: &AnswerScope,
) -> Result<Response<AnswerBody>, Refusal> {
    let answer = &play.simulation.routes[index].answer;
    let (kind, body, encoding) = match &answer.content {
        AnswerContent::Empty | AnswerContent::WebSocket(_) => {
            (None, AnswerBody::whole(Bytes::new()), None)
        }
        AnswerContent::Text { kind, text } => {
            let (bytes, encoding) = encoded(play, index, request, render(play, text, scope)?, text);
            (Some(kind.clone()), AnswerBody::whole(bytes), encoding)
        }
        AnswerContent::Filler { kind, bytes } => {
            (Some(kind.clone()), AnswerBody::whole(bytes.clone()), None)
        }
        AnswerContent::Events(_) => {
            let events = EventBody::new(play.clone(), index, scope.clone());
            let kind = HeaderValue::from_static("text/event-stream");
            (Some(kind), AnswerBody::Events(Box::new(events)), None)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.extend(kind.map(|kind| (header::CONTENT_TYPE, kind)));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    Ok(response)
}

/// The body compressed, if the stack does that and the client asks for it.
fn encoded(
    play: &Serving,
    index: usize,
    request: &HeaderMap,
    bytes: Bytes,
    text: &AnswerText,
) -> (Bytes, Option<&'static str>) {
    let accepts = || {
        let accepted = request.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
        Some(accepted.split(',').any(|name| name.trim().starts_with("gzip")))
    };
    if !play.simulation.gzip || bytes.len() < GZIP_MINIMUM || accepts() != Some(true) {
        return (bytes, None);
    }
    let constant = matches!(text, AnswerText::Constant(_));
    let mut desk = play.desk.borrow_mut();
    if constant && let Some(known) = desk.compressed.get(&index) {
        return (known.clone(), Some("gzip"));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    let Ok(compressed) = written else { return (bytes, None) };
    let compressed = Bytes::from(compressed);
    if constant {
        desk.compressed.insert(index, compressed.clone());
    }
    (compressed, Some("gzip"))
}
