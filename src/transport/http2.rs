//! HTTP/2 exchanges, by hyper.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use http::HeaderValue;
use http::uri::{self, Authority, PathAndQuery, Scheme, Uri};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;

use crate::metrics::ErrorClass;
use crate::units::RunTime;

use super::address::Origin;
use super::connect::OpenGuard;
use super::events::Events;
use super::exchange::Answer;
use super::io::Io;
use super::wire::Parts;
use super::{Clock, Timer, TransportError};

/// An HTTP/2 connection; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    /// What every request's URI begins with.
    scheme: Scheme,
    authority: Authority,
}

/// Spawns hyper's connection tasks on this worker.
#[derive(Debug, Clone, Copy)]
struct ThisThread;

impl<F: Future + 'static> Executor<F> for ThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub(super) parts: &'a Parts,
    /// The `cookie` header; empty for none.
    pub(super) cookies: &'a str,
    pub(super) began: RunTime,
}

/// What an exchange needs besides the connection.
pub(super) struct Limits<'a> {
    pub(super) keep_body: bool,
    pub(super) max_body: u64,
    pub(super) clock: Clock,
    pub(super) timer: &'a Timer,
    /// Who looks at a stream's events as they come.
    pub(super) events: Option<&'a RefCell<Events>>,
}

impl Http2 {
    /// Says hello. The connection closes when its last clone is dropped.
    pub(super) async fn start(
        io: Io,
        origin: &Origin,
        open: OpenGuard,
    ) -> Result<Self, TransportError> {
        let scheme = if origin.tls { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = Authority::try_from(origin.authority.as_str())
            .map_err(|error| not_valid(&error.into()))?;
        let (sender, connection) = Builder::new(ThisThread)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(1 << 22)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|error| from_hyper(&error, "starting HTTP/2"))?;
        tokio::task::spawn_local(async move {
            // How a connection ends is told by the requests on it.
            let _ = connection.await;
            drop(open);
        });
        Ok(Self { sender, scheme, authority })
    }

    /// Whether the connection can no longer carry requests.
    pub(super) fn is_stale(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and reads the response. The timer is armed with the deadline.
    pub(super) async fn exchange(
        &mut self,
        outgoing: Outgoing<'_>,
        limits: Limits<'_>,
    ) -> Result<Answer, TransportError> {
        let timer = limits.timer;
        timer.bound(self.run(outgoing, limits)).await.unwrap_or_else(|| {
            let message = "the response was not complete within `timeout`";
            Err(TransportError::new(ErrorClass::ResponseTimeout, message))
        })
    }

    fn build(
        &self,
        parts: &Parts,
        cookies: &str,
    ) -> Result<http::Request<Full<Bytes>>, TransportError> {
        let path = PathAndQuery::try_from(parts.path.as_str())
            .map_err(|error| not_valid(&error.into()))?;
        let mut uri = uri::Parts::default();
        uri.scheme = Some(self.scheme.clone());
        uri.authority = Some(self.authority.clone());
        uri.path_and_query = Some(path);
        let mut request = http::Request::new(Full::new(parts.body.clone()));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = Uri::from_parts(uri).map_err(|error| not_valid(&error.into()))?;
        *request.headers_mut() = parts.headers.clone();
        if !cookies.is_empty() {
            let value = HeaderValue::from_str(cookies).map_err(|error| not_valid(&error.into()))?;
            request.headers_mut().insert(http::header::COOKIE, value);
        }
        Ok(request)
    }

    async fn run(
        &mut self,
        outgoing: Outgoing<'_>,
        limits: Limits<'_>,
    ) -> Result<Answer, TransportError> {
        let Outgoing { parts, cookies, began } = outgoing;
        let request = self.build(parts, cookies)?;
        let bytes_sent = size_of(&request, &parts.path);
        let failed = |error: hyper::Error| from_hyper(&error, "the exchange failed");
        self.sender.ready().await.map_err(failed)?;
        let written = limits.clock.now();
        let response = self.sender.send_request(request).await.map_err(failed)?;
        let first_byte = limits.clock.now();
        let (head, body) = response.into_parts();
        let (kept, body_size) = read_body(body, &limits).await?;
        let header_bytes: u64 = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().len() + value.len()) as u64)
            .sum();
        Ok(Answer {
            status: head.status.as_u16(),
            began,
            written,
            first_byte,
            done: limits.clock.now(),
            bytes_sent,
            bytes_received: header_bytes + body_size,
            body_size,
            reusable: !self.sender.is_closed(),
            http2: Some(Box::new((head.headers, kept))),
        })
    }
}

fn not_valid(error: &http::Error) -> TransportError {
    TransportError::new(ErrorClass::Script, format!("the request is not valid: {error}"))
}

/// Bytes of headers before compression, and of the body.
fn size_of(request: &http::Request<Full<Bytes>>, path: &str) -> u64 {
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (path.len() + headers) as u64 + request.body().size_hint().lower()
}

/// Counts the body and keeps it if asked to.
async fn read_body(body: Incoming, limits: &Limits<'_>) -> Result<(Vec<u8>, u64), TransportError> {
    let mut body = body;
    let mut kept = Vec::new();
    let mut size = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| from_hyper(&error, "reading the response"))?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len() as u64;
        if size > limits.max_body {
            let limit = crate::units::Bytes::new(limits.max_body);
            let message = format!("the body is larger than `max_body: {limit}`");
            return Err(TransportError::new(ErrorClass::BodyTooLarge, message));
        }
        if limits.keep_body {
            kept.extend_from_slice(&data);
        }
        let now = || limits.clock.now();
        if limits.events.is_some_and(|events| events.borrow_mut().hear(&kept, now())) {
            break;
        }
    }
    Ok((kept, size))
}

/// hyper tells the cause in its sources.
fn from_hyper(error: &hyper::Error, doing: &str) -> TransportError {
    let mut source = std::error::Error::source(error);
    let mut text = error.to_string();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return TransportError::from_io(io, doing);
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let class = if error.is_parse() { ErrorClass::Protocol } else { ErrorClass::Reset };
    TransportError::new(class, format!("{doing}: {text}"))
}
