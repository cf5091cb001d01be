//! One exchange of a request: a connection for it, its bytes with the cookies that belong to them, and
//! another try where an idle connection was closed.

use std::cell::Cell;
use std::rc::Rc;

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::HttpVersion;
use plimsoll_units::{Nanos, RunTime};

use super::TransportError;
use super::address::Origin;
use super::agent::UserAgent;
use super::body::RenderedMessage;
use super::clock::unix_seconds;
use super::connection::Connection;
use super::context::RequestContext;
use super::cookies::CookieTime;
use super::error::not_a_url;
use super::exchange::{ExchangeContext, TimedResponse};
use super::group::{ConcurrentRequests, ConnectionChoice};
use super::http2::StreamRequest;
use super::parser::ResponseParser;
use super::prepared::{PreparedRequest, RequestParts, path_of};
use super::progress::RequestProgress;

/// The buffers of one request.
pub(super) struct RequestBuffers<'a> {
    pub(super) parser: &'a mut ResponseParser,
    pub(super) progress: &'a mut RequestProgress,
    /// The present exchange's request, where it was rendered for HTTP/1.1.
    pub(super) sent: &'a mut RenderedMessage,
}

/// The request of one hop.
#[derive(Clone, Copy)]
struct HopRequest<'a> {
    origin: &'a Origin,
    /// The request in parts, where the prepared one does not do.
    parts: Option<&'a RequestParts>,
    prepared: &'a PreparedRequest,
    began: RunTime,
}

/// A request on its way to an origin.
pub(super) struct Hop {
    pub(super) origin: Rc<Origin>,
    /// The request in parts, once something needs it so.
    pub(super) parts: Option<Rc<RequestParts>>,
}

/// How a request was sent.
#[derive(Clone, Copy)]
struct Attempt {
    /// How often before.
    attempts: u32,
    /// Whether on a connection that had been idle.
    was_idle: bool,
}

impl HopRequest<'_> {
    /// What may be done after `error`. Gives the error back
    /// where it has to stand.
    fn after(
        self,
        error: TransportError,
        attempt: Attempt,
        connection: &Connection,
        parser: &ResponseParser,
    ) -> Result<Retry, TransportError> {
        let Attempt { attempts, was_idle } = attempt;
        if error.class != ErrorClass::Reset || parser.received() > 0 {
            return Err(error);
        }
        let is_lost = match connection {
            Connection::Http1(_) => true,
            // A stream may be reset on a connection that goes on.
            Connection::Http2(http2) => http2.is_stale(),
        };
        // A stream that the server has not looked at may be sent again, whatever its method (RFC 9113 §8.7).
        if error.unseen && matches!(connection, Connection::Http2(_)) {
            return match attempts {
                0..MAX_REFUSED => Ok(if is_lost { Retry::Elsewhere } else { Retry::Here }),
                _ => Err(error),
            };
        }
        if !is_lost || !was_idle || attempts > 0 {
            return Err(error);
        }
        let method = self.parts.map_or(&self.prepared.method, |parts| &parts.method);
        if method.is_idempotent() || error.unseen {
            return Ok(Retry::Elsewhere);
        }
        let message = format!(
            "the server closed an idle connection before it answered; a {method} is not retried"
        );
        Err(TransportError { message, ..error })
    }
}

/// Somebody else was to connect.
fn not_connected() -> TransportError {
    let message = "no connection was opened within `timeout`";
    TransportError::new(ErrorClass::ConnectTimeout, message)
}

/// How a request is sent again.
enum Retry {
    /// On the same connection.
    Here,
    /// On another.
    Elsewhere,
}

/// How often a stream that the server refuses is sent again.
const MAX_REFUSED: u32 = 6;

/// How long to wait before the next try of a stream that was refused: not at all at first, since its server may have
/// told its limits meanwhile, then twice as long each time.
fn pause(attempts: u32) -> Nanos {
    match attempts {
        0..=1 => Nanos::ZERO,
        _ => Nanos::from_millis(5 << attempts.min(MAX_REFUSED)),
    }
}

impl UserAgent {
    /// A connection of `group` that is open already. None where the caller has to open one, and to tell the group.
    async fn join(
        &self,
        group: &ConcurrentRequests,
        origin: &Rc<Origin>,
        progress: &mut RequestProgress,
    ) -> Option<Connection> {
        match group.choice(origin).await {
            ConnectionChoice::Take(connection) => return Some(Connection::Http2(connection)),
            ConnectionChoice::Separate => return self.take_idle(origin, progress).await,
            ConnectionChoice::First => {}
        }
        let idle = self.take_idle(origin, progress).await;
        let may_be_http2 = match self.shared.http().version {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Auto => origin.tls,
        };
        group.found_idle(origin, idle.as_ref(), may_be_http2);
        idle
    }

    /// One exchange on a connection, new or idle. Where an idle connection turns out to be closed before a
    /// byte of the answer came, the request is sent again, once and on a new one, as browsers do: if it is
    /// idempotent, or if the server cannot have acted on it (RFC 9112 §9.3.1, RFC 9110 §9.2.2). A stream that an
    /// HTTP/2 server refused is sent again a few times.
    pub(super) async fn exchange(
        &self,
        (context, prepared): (RequestContext<'_>, &PreparedRequest),
        Hop { origin, parts }: &mut Hop,
        buffers: &mut RequestBuffers<'_>,
    ) -> Result<TimedResponse, TransportError> {
        let (mut attempts, mut lost_http2, mut kept) = (0, false, None);
        let group = self.sharing(context.group);
        loop {
            let idle = match group {
                _ if kept.is_some() => kept.take(),
                // A shared connection is lost by all at once: one of them opens the next for all.
                Some(group) if attempts == 0 || lost_http2 => {
                    context.timer.arm(buffers.progress.deadline);
                    let joined = context.timer.bound(self.join(group, origin, buffers.progress));
                    joined.await.ok_or_else(not_connected)?
                }
                None if attempts == 0 => self.take_idle(origin, buffers.progress).await,
                _ => None,
            };
            let was_idle = idle.is_some();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.open_for(context, origin, buffers.progress).await?,
            };
            context.timer.arm(buffers.progress.deadline);
            if parts.is_none() && matches!(connection, Connection::Http2(_)) {
                *parts = Some(if buffers.sent.text.is_empty() {
                    prepared.parts(&mut context.user.borrow_mut())?
                } else {
                    Rc::new(prepared.parts_of(buffers.sent)?)
                });
            }
            // The clock was read when the request began; a new connection has taken time since.
            let began = if was_idle && buffers.progress.exchanges == 0 {
                buffers.progress.began
            } else {
                self.shared.clock().now()
            };
            buffers.progress.exchanges += 1;
            let hop = HopRequest { origin, parts: parts.as_deref(), prepared, began };
            let error = match self.send_on(&mut connection, context, hop, buffers).await {
                Ok(answer) => {
                    self.keep_cookies(hop, buffers);
                    let once = group.is_none_or(|group| group.keeps(origin, &connection));
                    if answer.reusable && once {
                        self.keep(origin, connection);
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            match hop.after(error, Attempt { attempts, was_idle }, &connection, buffers.parser)? {
                Retry::Here => {
                    let again = self.shared.clock().now() + pause(attempts + 1);
                    context.timer.sleep_until(again.min(buffers.progress.deadline)).await;
                    kept = Some(connection);
                }
                Retry::Elsewhere => {
                    buffers.progress.reconnects += 1;
                    lost_http2 = matches!(connection, Connection::Http2(_));
                }
            }
            attempts += 1;
        }
    }

    /// Who shares a connection with a request: users that share a few, or requests that are sent at once.
    fn sharing<'a>(
        &'a self,
        group: Option<&'a ConcurrentRequests>,
    ) -> Option<&'a ConcurrentRequests> {
        self.shared_connection().or(group)
    }

    /// Opens a connection, and offers it to the requests that may share it.
    async fn open_for(
        &self,
        context: RequestContext<'_>,
        origin: &Rc<Origin>,
        progress: &mut RequestProgress,
    ) -> Result<Connection, TransportError> {
        let opened = Box::pin(self.open(context.timer, origin, progress)).await;
        if let Some(group) = self.sharing(context.group) {
            group.opened(origin, &opened);
        }
        opened
    }

    /// Sends a request on an open connection, in the way that its protocol asks for.
    async fn send_on(
        &self,
        connection: &mut Connection,
        context: RequestContext<'_>,
        hop: HopRequest<'_>,
        buffers: &mut RequestBuffers<'_>,
    ) -> Result<TimedResponse, TransportError> {
        let shared = &self.shared;
        let HopRequest { origin, parts, prepared, began } = hop;
        let RequestBuffers { parser, sent, progress } = buffers;
        let keep_body = prepared.keep_body || context.events.is_some() || self.is_traced();
        // Of a stream, each event is bounded.
        let max_body = context.events.map_or(shared.http().max_body.get(), |_| u64::MAX);
        let method = parts.map_or(&prepared.method, |parts| &parts.method);
        parser.start(*method == http::Method::HEAD, keep_body, max_body);
        if let Some(events) = context.events {
            events.stream.borrow_mut().restart();
        }
        let bytes_sent = Cell::new(0);
        let exchange_context = ExchangeContext {
            parser,
            clock: shared.clock(),
            timer: context.timer,
            scratch: &shared.scratch,
            events: context.events,
            sent: &bytes_sent,
        };
        let outcome = match (connection, parts) {
            (Connection::Http2(http2), Some(parts)) => {
                let cookies = self.cookies_for((origin, parts.host()), &parts.path, parts.cookie());
                let outgoing = StreamRequest { origin, parts, cookies: &cookies, began };
                let outcome = http2.exchange(outgoing, exchange_context).await;
                self.note(|| parts.describe(&origin.authority, &cookies), &outcome, parser);
                outcome
            }
            (Connection::Http2(_), None) => return Err(not_a_url("")),
            (Connection::Http1(http1), _) => {
                let constant = prepared.constant();
                let constant = constant.filter(|_| parts.is_none() && self.has_no_cookies());
                if constant.is_none() && sent.text.is_empty() {
                    self.render(context, hop, sent)?;
                }
                let message = constant.unwrap_or_else(|| sent.message());
                let outcome = http1.exchange(message, began, exchange_context).await;
                self.note(|| message.describe(), &outcome, parser);
                outcome
            }
        };
        if outcome.is_err() {
            progress.add_partial(bytes_sent.get(), parser.received());
        }
        outcome
    }

    /// Writes a request for HTTP/1.1, with the cookies that belong to its path.
    fn render(
        &self,
        context: RequestContext<'_>,
        hop: HopRequest<'_>,
        sent: &mut RenderedMessage,
    ) -> Result<(), TransportError> {
        let HopRequest { origin, parts, prepared, .. } = hop;
        if let Some(parts) = parts {
            let cookies = self.cookies_for((origin, parts.host()), &parts.path, parts.cookie());
            parts.write_http1(self.shared.request_target(origin), &cookies, sent);
            return Ok(());
        }
        let mut user = context.user.borrow_mut();
        prepared.render_head(&mut user, &mut sent.text)?;
        let own = prepared.render_cookie(&mut user)?;
        let place = (origin, prepared.host_in(&sent.text));
        let cookies = self.cookies_for(place, path_of(&sent.text), &own);
        let cookies = if cookies.is_empty() { &own } else { &cookies };
        prepared.render_rest(&mut user, cookies, sent)?;
        sent.cookie = own;
        Ok(())
    }

    fn keep_cookies(&self, hop: HopRequest<'_>, buffers: &RequestBuffers<'_>) {
        if !self.shared.http().cookies || !buffers.parser.sets_cookies() {
            return;
        }
        let (host, path) = if let Some(parts) = hop.parts {
            (parts.host(), parts.path.as_str())
        } else {
            let constant = hop.prepared.constant().filter(|_| buffers.sent.text.is_empty());
            let text = constant.map_or(buffers.sent.text.as_slice(), |message| message.text);
            (hop.prepared.host_in(text), path_of(text))
        };
        if let Some(url) = hop.origin.url_as(host, path) {
            let now = CookieTime { run: self.shared.clock().now(), unix: unix_seconds() };
            self.cookies.borrow_mut().absorb(&buffers.parser.headers(), &url, now);
        }
    }
}
