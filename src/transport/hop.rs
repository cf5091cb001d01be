//! One exchange of a request: a connection for it, its bytes with the cookies that belong to them, and
//! another try where an idle connection was closed.

use std::rc::Rc;

use crate::metrics::ErrorClass;
use crate::units::RunTime;

use super::TransportError;
use super::address::Origin;
use super::agent::UserAgent;
use super::connection::Connection;
use super::context::RequestContext;
use super::error::not_a_url;
use super::exchange::{ExchangeContext, TimedResponse};
use super::http2::StreamRequest;
use super::parser::ResponseParser;
use super::prepared::{PreparedRequest, RequestParts, path_of};
use super::progress::RequestProgress;

/// The buffers of one request.
pub(super) struct RequestBuffers<'a> {
    pub(super) parser: &'a mut ResponseParser,
    pub(super) progress: &'a mut RequestProgress,
    /// The bytes of the present exchange's request, where they were rendered for HTTP/1.1.
    pub(super) sent: &'a mut Vec<u8>,
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

impl HopRequest<'_> {
    /// Whether a request may be sent again after an idle connection failed; the error, where it may not.
    fn may_repeat_after(
        self,
        error: TransportError,
        connection: &Connection,
        parser: &ResponseParser,
    ) -> Result<(), TransportError> {
        let is_lost = match connection {
            Connection::Http1(_) => true,
            // A stream may be reset on a connection that goes on.
            Connection::Http2(http2) => http2.is_stale(),
        };
        if error.class != ErrorClass::Reset || parser.received() > 0 || !is_lost {
            return Err(error);
        }
        let method = self.parts.map_or(&self.prepared.method, |parts| &parts.method);
        if method.is_idempotent() || error.unseen {
            return Ok(());
        }
        let message = format!(
            "the server closed an idle connection before it answered; a {method} is not retried"
        );
        Err(TransportError { message, ..error })
    }
}

impl UserAgent {
    /// One exchange on a connection, new or idle. Where an idle connection turns out to be closed before a
    /// byte of the answer came, the request is sent again, once and on a new one, as browsers do: if it is
    /// idempotent, or if the server cannot have acted on it (RFC 9112 §9.3.1, RFC 9110 §9.2.2).
    pub(super) async fn exchange(
        &self,
        (context, prepared): (RequestContext<'_>, &PreparedRequest),
        origin: &Rc<Origin>,
        parts: &mut Option<Rc<RequestParts>>,
        buffers: &mut RequestBuffers<'_>,
    ) -> Result<TimedResponse, TransportError> {
        let (mut is_repeat, mut lost_http2) = (false, false);
        loop {
            let idle = match context.group {
                // A shared connection is lost by all at once: one of them opens the next for all.
                Some(group) if !is_repeat || lost_http2 => {
                    group.join(self, origin, buffers.progress).await
                }
                None if !is_repeat => self.take_idle(origin, buffers.progress).await,
                _ => None,
            };
            let was_idle = idle.is_some();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.open_for(context, origin, buffers.progress).await?,
            };
            context.timer.arm(buffers.progress.deadline);
            if parts.is_none() && matches!(connection, Connection::Http2(_)) {
                *parts = Some(if buffers.sent.is_empty() {
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
            match self.send_on(&mut connection, context, hop, buffers).await {
                Ok(answer) => {
                    self.keep_cookies(hop, buffers);
                    let once = context.group.is_none_or(|group| group.keeps(origin, &connection));
                    if answer.reusable && once {
                        self.keep(origin, connection);
                    }
                    return Ok(answer);
                }
                Err(error) if was_idle && !is_repeat => {
                    hop.may_repeat_after(error, &connection, buffers.parser)?;
                    buffers.progress.reconnects += 1;
                    is_repeat = true;
                    lost_http2 = matches!(connection, Connection::Http2(_));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a connection, and offers it to the requests that may share it.
    async fn open_for(
        &self,
        context: RequestContext<'_>,
        origin: &Rc<Origin>,
        progress: &mut RequestProgress,
    ) -> Result<Connection, TransportError> {
        let opened = Box::pin(self.open(context.timer, origin, progress)).await;
        if let Some(group) = context.group {
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
        let RequestBuffers { parser, sent, .. } = buffers;
        let keep_body = prepared.keep_body || context.events.is_some() || self.is_traced();
        let max_body = shared.http().max_body.get();
        let method = parts.map_or(&prepared.method, |parts| &parts.method);
        parser.start(*method == http::Method::HEAD, keep_body, max_body);
        let (scratch, events) = (&shared.scratch, context.events);
        if let Some(events) = events {
            events.borrow_mut().restart();
        }
        let exchange_context = ExchangeContext {
            parser,
            clock: shared.clock(),
            timer: context.timer,
            scratch,
            events,
        };
        let http1 = match (connection, parts) {
            (Connection::Http1(http1), _) => http1,
            (Connection::Http2(http2), Some(parts)) => {
                let cookies = self.cookie_header(origin, &parts.path);
                let outgoing = StreamRequest { origin, parts, cookies: &cookies, began };
                let outcome = http2.exchange(outgoing, exchange_context).await;
                self.note(|| parts.describe(&origin.authority, &cookies), &outcome, parser);
                return outcome;
            }
            (Connection::Http2(_), None) => return Err(not_a_url("")),
        };
        let constant = prepared.constant().filter(|_| parts.is_none() && self.has_no_cookies());
        if constant.is_none() && sent.is_empty() {
            self.render(context, hop, sent)?;
        }
        let bytes = constant.unwrap_or(sent);
        let outcome = http1.exchange(bytes, began, exchange_context).await;
        self.note(|| String::from_utf8_lossy(bytes).into_owned(), &outcome, parser);
        outcome
    }

    /// Writes a request for HTTP/1.1, with the cookies that belong to its path.
    fn render(
        &self,
        context: RequestContext<'_>,
        hop: HopRequest<'_>,
        sent: &mut Vec<u8>,
    ) -> Result<(), TransportError> {
        let HopRequest { origin, parts, prepared, .. } = hop;
        if let Some(parts) = parts {
            let cookies = self.cookie_header(origin, &parts.path);
            parts.write_http1(&origin.authority, &cookies, sent);
            return Ok(());
        }
        let mut user = context.user.borrow_mut();
        prepared.render_head(&mut user, sent)?;
        let cookies = self.cookie_header(origin, path_of(sent));
        prepared.render_rest(&mut user, &cookies, sent)
    }

    fn keep_cookies(&self, hop: HopRequest<'_>, buffers: &RequestBuffers<'_>) {
        if !self.shared.http().cookies || !buffers.parser.sets_cookies() {
            return;
        }
        let path = match (hop.parts, buffers.sent.is_empty()) {
            (Some(parts), _) => &parts.path,
            (None, true) => hop.prepared.constant().map_or("/", path_of),
            (None, false) => path_of(buffers.sent),
        };
        if let Some(url) = hop.origin.url(path) {
            self.cookies.borrow_mut().absorb(&buffers.parser.headers(), &url);
        }
    }
}
