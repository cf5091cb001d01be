//! `WebSockets` (RFC 6455) over the connections of the load path: the handshake is HTTP/1.1, frames are
//! tungstenite's. Pings are answered while messages are awaited.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::metrics::{ErrorClass, Outcome, Sample};
use crate::plan::{Check, StreamPlan, Template};
use crate::units::{Nanos, RunTime};
use crate::user::{CheckResult, Response, ResponseHeaders, meets};

use super::TransportError;
use super::agent::UserAgent;
use super::connect::reach;
use super::context::RequestContext;
use super::finished::{FinishedRequest, RequestTimes, StreamEvent};
use super::io::{ConnectionGuard, Io};
use super::prepared::RequestParts;
use super::progress::RequestProgress;

/// The closing handshake takes no longer.
const CLOSE_TIMEOUT: Nanos = Nanos::from_secs(1);

/// One WebSocket from its opening to its closing handshake.
pub(super) struct WebSocketSession<'a> {
    pub(super) agent: &'a UserAgent,
    pub(super) context: RequestContext<'a>,
    pub(super) plan: &'a StreamPlan,
    pub(super) send: &'a [Template],
    pub(super) expect: &'a [Check],
    /// How long it stays open, from the handshake on.
    pub(super) hold: Nanos,
    /// When it was meant to begin, and when it did.
    pub(super) times: RequestTimes,
}

/// An open WebSocket.
struct OpenWebSocket {
    socket: WebSocketStream<ByteCounter>,
    _guard: ConnectionGuard,
    opened: RunTime,
    headers: http::HeaderMap,
    /// How many messages have come.
    messages: u64,
}

/// How a handshake ended that did not fail on the way.
enum HandshakeOutcome {
    Open(Box<OpenWebSocket>),
    /// The server answered something else.
    Refused(http::Response<Option<Vec<u8>>>),
}

impl WebSocketSession<'_> {
    /// Plays it to its end.
    pub(super) async fn hold(&self, on_event: &dyn Fn(StreamEvent)) {
        let request = &self.agent.shared.plan.requests[self.plan.request.0 as usize];
        let mut progress = RequestProgress::new(self.times.began, request.timeout);
        let (result, done, open) = match self.open(&mut progress).await {
            Ok(HandshakeOutcome::Open(mut open)) => {
                progress.status = 101;
                let came = self.converse(&mut open, progress.deadline, on_event).await;
                let metered = open.socket.get_ref();
                progress.bytes_received = metered.read;
                progress.bytes_sent = metered.written;
                let result = match came {
                    Ok(message) => self.judge((101, &open.headers), &message, open.opened),
                    Err(error) => self.failed(error),
                };
                (result, open.opened, Some(open))
            }
            Ok(HandshakeOutcome::Refused(response)) => {
                let (head, body) = response.into_parts();
                let now = self.now();
                progress.status = head.status.as_u16();
                let body = body.unwrap_or_default();
                let mut result = self.judge((progress.status, &head.headers), &body, now);
                if result.outcome == Outcome::Ok {
                    let message = format!("status {}, expected 101", progress.status);
                    result = self.failed(TransportError::new(ErrorClass::CheckFailed, message));
                }
                (result, now, None)
            }
            Err(error) => (self.failed(error), self.now(), None),
        };
        let well = result.outcome == Outcome::Ok;
        let sample = progress.into_sample(request, self.times.intended, done, result.outcome);
        let message = self.context.user.borrow().redacted(result.message);
        on_event(StreamEvent::Request(FinishedRequest { sample, message }));
        if let Some(open) = open {
            self.stay(*open, well, on_event).await;
        }
    }

    fn now(&self) -> RunTime {
        self.agent.shared.clock().now()
    }

    fn failed(&self, error: TransportError) -> CheckResult {
        self.context.user.borrow_mut().on_failure(error.class);
        CheckResult { outcome: Outcome::Failed(error.class), message: error.message }
    }

    fn judge(
        &self,
        (status, headers): (u16, &http::HeaderMap),
        body: &[u8],
        at: RunTime,
    ) -> CheckResult {
        let headers: &dyn ResponseHeaders = &HeaderMapView(headers);
        let size = body.len() as u64;
        let service_time = at.since(self.times.began);
        let response = Response { status, headers, body, size, service_time };
        self.context.user.borrow_mut().on_response(self.plan.request, &response)
    }

    /// Connects and shakes hands, all before the request's deadline.
    async fn open(
        &self,
        progress: &mut RequestProgress,
    ) -> Result<HandshakeOutcome, TransportError> {
        let shared = &self.agent.shared;
        let prepared =
            &shared.prepared_target(self.agent.side()).requests[self.plan.request.0 as usize];
        let (origin, parts) = self.agent.first_hop(self.context, prepared)?;
        let parts = match parts {
            Some(parts) => parts,
            None => prepared.parts(&mut self.context.user.borrow_mut())?,
        };
        let cookies = self.agent.cookies_for((&origin, parts.host()), &parts.path, parts.cookie());
        let handshake = handshake(&parts, (&origin.authority, origin.tls), &cookies)?;
        let deadline = (self.context.timer, progress.deadline);
        let place = (&*origin, self.agent.source);
        let tls = &shared.tls.upgradable;
        let reached = reach(shared, place, deadline, tls, &mut progress.phases);
        let (io, guard, _) = Box::pin(reached).await?;
        progress.exchanges += 1;
        self.context.timer.arm(progress.deadline);
        let io = ByteCounter { io, read: 0, written: 0 };
        let shaking = Box::pin(tokio_tungstenite::client_async(handshake, io));
        match self.context.timer.bound(shaking).await {
            None => Err(too_late("the handshake was not answered within `timeout`")),
            Some(Ok((socket, response))) => {
                let headers = response.into_parts().0.headers;
                let opened = self.now();
                Ok(HandshakeOutcome::Open(Box::new(OpenWebSocket {
                    socket,
                    _guard: guard,
                    opened,
                    headers,
                    messages: 0,
                })))
            }
            Some(Err(Error::Http(response))) => Ok(HandshakeOutcome::Refused(*response)),
            Some(Err(error)) => Err(from_socket(&error)),
        }
    }

    /// Sends what is to be sent and awaits the expected message, which it returns.
    async fn converse(
        &self,
        open: &mut OpenWebSocket,
        deadline: RunTime,
        on_event: &dyn Fn(StreamEvent),
    ) -> Result<Bytes, TransportError> {
        let late = || too_late("the expected message did not come within `timeout`");
        self.context.timer.arm(deadline);
        for template in self.send {
            let mut text = Vec::new();
            let rendered = self.context.user.borrow_mut().render(template, &mut text);
            rendered.map_err(|error| TransportError::new(ErrorClass::Script, error.to_string()))?;
            let message = Message::text(String::from_utf8_lossy(&text).into_owned());
            let sent = self.context.timer.bound(open.socket.send(message)).await;
            sent.ok_or_else(late)?.map_err(|error| from_socket(&error))?;
        }
        let mut first = true;
        loop {
            let Some(came) = self.context.timer.bound(next_message(open)).await else {
                return Err(late());
            };
            let message = came?;
            open.messages += 1;
            if first {
                first = false;
                on_event(StreamEvent::DerivedTiming(Sample::of_time(
                    self.plan.first,
                    (self.times.intended, self.times.began),
                    self.now(),
                    Outcome::Ok,
                )));
            }
            if meets(self.expect, &message) {
                return Ok(message);
            }
        }
    }

    /// The time that it was open, with the messages that came.
    fn whole(&self, open: &OpenWebSocket, outcome: Outcome) -> Sample {
        let times = (open.opened, open.opened);
        let whole = Sample::of_time(self.plan.whole, times, self.now(), Outcome::Ok);
        Sample { messages: open.messages, outcome, ..whole }
    }

    /// Stays until its time is over, unless something went wrong before, and closes it.
    async fn stay(&self, open: OpenWebSocket, well: bool, on_event: &dyn Fn(StreamEvent)) {
        let mut open = open;
        let until = open.opened + self.hold;
        let timer = self.context.timer;
        timer.arm(until);
        while well && self.now() < until {
            match timer.bound(next_message(&mut open)).await {
                Some(Ok(_)) => open.messages += 1,
                Some(Err(error)) => {
                    self.context.user.borrow_mut().on_failure(error.class);
                    on_event(StreamEvent::DerivedTiming(
                        self.whole(&open, Outcome::Failed(error.class)),
                    ));
                    return;
                }
                None => {}
            }
        }
        on_event(StreamEvent::DerivedTiming(self.whole(&open, Outcome::Ok)));
        timer.arm(self.now() + CLOSE_TIMEOUT);
        // The server may have left first; there is nothing more to learn from it.
        let _ = timer.bound(open.socket.close(None)).await;
        timer.disarm();
    }
}

/// The next text or binary message.
async fn next_message(open: &mut OpenWebSocket) -> Result<Bytes, TransportError> {
    loop {
        match open.socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.into()),
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
            Some(Ok(Message::Close(_))) | None => {
                let message = "the server closed the WebSocket";
                return Err(TransportError::new(ErrorClass::Reset, message));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return Err(from_socket(&error)),
        }
    }
}

/// The upgrade request: the plan's headers and what RFC 6455 §4.1 asks for.
fn handshake(
    parts: &Rc<RequestParts>,
    (authority, tls): (&str, bool),
    cookies: &str,
) -> Result<http::Request<()>, TransportError> {
    let scheme = if tls { "wss" } else { "ws" };
    let refused = |error: &dyn std::fmt::Display| {
        TransportError::new(ErrorClass::Script, format!("the request is not valid: {error}"))
    };
    let url = format!("{scheme}://{authority}{}", parts.path);
    let mut request = url.into_client_request().map_err(|error| refused(&error))?;
    for (name, value) in &parts.headers {
        if name == header::HOST {
            request.headers_mut().insert(name, value.clone());
        } else {
            request.headers_mut().append(name, value.clone());
        }
    }
    if !cookies.is_empty() {
        let value = HeaderValue::from_str(cookies).map_err(|error| refused(&error))?;
        request.headers_mut().insert(header::COOKIE, value);
    }
    Ok(request)
}

fn too_late(message: &str) -> TransportError {
    TransportError::new(ErrorClass::ResponseTimeout, message)
}

fn from_socket(error: &Error) -> TransportError {
    match error {
        Error::Io(error) => TransportError::from_io(error, "the WebSocket failed"),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            TransportError::new(ErrorClass::Reset, "the server closed the WebSocket")
        }
        error => {
            TransportError::new(ErrorClass::Protocol, format!("the WebSocket failed: {error}"))
        }
    }
}

/// A byte stream that counts.
#[derive(Debug)]
struct ByteCounter {
    io: Io,
    read: u64,
    written: u64,
}

impl AsyncRead for ByteCounter {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(context, buffer);
        this.read += (buffer.filled().len() - before) as u64;
        polled
    }
}

impl AsyncWrite for ByteCounter {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            this.written += *count as u64;
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

/// The headers of a handshake's answer.
struct HeaderMapView<'a>(&'a http::HeaderMap);

impl ResponseHeaders for HeaderMapView<'_> {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.0.get_all(name).iter().for_each(|value| visit(value.as_bytes()));
    }
}
