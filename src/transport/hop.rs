//! One exchange of a request: a connection for it, its bytes with the cookies that belong to them, and
//! another try where a kept connection was closed.

use std::rc::Rc;

use crate::metrics::ErrorClass;
use crate::units::RunTime;

use super::TransportError;
use super::address::Origin;
use super::client::{Client, Lane, not_a_url};
use super::connect::Connection;
use super::exchange::Answer;
use super::http1::Tools;
use super::http2::Outgoing;
use super::parser::ResponseParser;
use super::progress::Progress;
use super::wire::{Parts, Wire, path_of};

/// What one request works in.
pub(super) struct Room<'a> {
    pub(super) parser: &'a mut ResponseParser,
    pub(super) progress: &'a mut Progress,
    /// The bytes of the present exchange's request, where they were rendered for HTTP/1.1.
    pub(super) sent: &'a mut Vec<u8>,
}

/// One exchange on its way.
#[derive(Clone, Copy)]
struct Way<'a> {
    origin: &'a Origin,
    /// The request in parts, where the prepared one does not do.
    parts: Option<&'a Parts>,
    wire: &'a Wire,
    began: RunTime,
}

impl Way<'_> {
    /// Whether a request may be sent again after a kept connection failed; the error, where it may not.
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
        let method = self.parts.map_or(&self.wire.method, |parts| &parts.method);
        if method.is_idempotent() || error.unseen {
            return Ok(());
        }
        let message = format!(
            "the server closed a kept connection without an answer; a {method} is not sent again"
        );
        Err(TransportError { message, ..error })
    }
}

impl Client {
    /// One exchange on a connection, new or kept. Where a kept connection turns out to be closed before a
    /// byte of the answer came, the request is sent again, once and on a new one, as browsers do: if it is
    /// idempotent, or if the server cannot have acted on it (RFC 9112 §9.3.1, RFC 9110 §9.2.2).
    pub(super) async fn exchange(
        &self,
        (lane, wire): (Lane<'_>, &Wire),
        origin: &Rc<Origin>,
        parts: &mut Option<Rc<Parts>>,
        room: &mut Room<'_>,
    ) -> Result<Answer, TransportError> {
        let (mut is_repeat, mut lost_http2) = (false, false);
        loop {
            let kept = match lane.group {
                // A shared connection is lost by all at once: one of them opens the next for all.
                Some(group) if !is_repeat || lost_http2 => {
                    group.join(self, origin, room.progress).await
                }
                None if !is_repeat => self.take_kept(origin, room.progress).await,
                _ => None,
            };
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.open_for(lane, origin, room.progress).await?,
            };
            lane.timer.arm(room.progress.deadline);
            if parts.is_none() && matches!(connection, Connection::Http2(_)) {
                *parts = Some(if room.sent.is_empty() {
                    wire.parts(&mut lane.user.borrow_mut())?
                } else {
                    Rc::new(wire.parts_of(room.sent)?)
                });
            }
            // The clock was read when the request began; a new connection has taken time since.
            let began = if was_kept && room.progress.exchanges == 0 {
                room.progress.began
            } else {
                self.shared.clock().now()
            };
            room.progress.exchanges += 1;
            let way = Way { origin, parts: parts.as_deref(), wire, began };
            match self.send_on(&mut connection, lane, way, room).await {
                Ok(answer) => {
                    self.keep_cookies(way, room);
                    let once = lane.group.is_none_or(|group| group.keeps(origin, &connection));
                    if answer.reusable && once {
                        self.keep(origin, connection);
                    }
                    return Ok(answer);
                }
                Err(error) if was_kept && !is_repeat => {
                    way.may_repeat_after(error, &connection, room.parser)?;
                    room.progress.reconnects += 1;
                    is_repeat = true;
                    lost_http2 = matches!(connection, Connection::Http2(_));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a connection, and tells the requests that may share it.
    async fn open_for(
        &self,
        lane: Lane<'_>,
        origin: &Rc<Origin>,
        progress: &mut Progress,
    ) -> Result<Connection, TransportError> {
        let opened = Box::pin(self.open(lane, origin, progress)).await;
        if let Some(group) = lane.group {
            group.opened(origin, &opened);
        }
        opened
    }

    /// Sends a request on an open connection, in the way that its protocol asks for.
    async fn send_on(
        &self,
        connection: &mut Connection,
        lane: Lane<'_>,
        way: Way<'_>,
        room: &mut Room<'_>,
    ) -> Result<Answer, TransportError> {
        let shared = &self.shared;
        let Way { origin, parts, wire, began } = way;
        let Room { parser, sent, .. } = room;
        let keep_body = wire.keep_body || lane.events.is_some() || self.is_traced();
        let max_body = shared.http().max_body.get();
        let method = parts.map_or(&wire.method, |parts| &parts.method);
        parser.start(*method == http::Method::HEAD, keep_body, max_body);
        let (scratch, events) = (&shared.scratch, lane.events);
        if let Some(events) = events {
            events.borrow_mut().restart();
        }
        let tools = Tools { parser, clock: shared.clock(), timer: lane.timer, scratch, events };
        let http1 = match (connection, parts) {
            (Connection::Http1(http1), _) => http1,
            (Connection::Http2(http2), Some(parts)) => {
                let cookies = self.cookie_header(origin, &parts.path);
                let outgoing = Outgoing { origin, parts, cookies: &cookies, began };
                let outcome = http2.exchange(outgoing, tools).await;
                self.note(|| parts.describe(&origin.authority, &cookies), &outcome, parser);
                return outcome;
            }
            (Connection::Http2(_), None) => return Err(not_a_url("")),
        };
        let constant = wire.constant().filter(|_| parts.is_none() && self.has_no_cookies());
        if constant.is_none() && sent.is_empty() {
            self.render(lane, way, sent)?;
        }
        let bytes = constant.unwrap_or(sent);
        let outcome = http1.exchange(bytes, began, tools).await;
        self.note(|| String::from_utf8_lossy(bytes).into_owned(), &outcome, parser);
        outcome
    }

    /// Writes a request for HTTP/1.1, with the cookies that belong to its path.
    fn render(
        &self,
        lane: Lane<'_>,
        way: Way<'_>,
        sent: &mut Vec<u8>,
    ) -> Result<(), TransportError> {
        let Way { origin, parts, wire, .. } = way;
        if let Some(parts) = parts {
            let cookies = self.cookie_header(origin, &parts.path);
            parts.write_http1(&origin.authority, &cookies, sent);
            return Ok(());
        }
        let mut user = lane.user.borrow_mut();
        wire.render_head(&mut user, sent)?;
        let cookies = self.cookie_header(origin, path_of(sent));
        wire.render_rest(&mut user, &cookies, sent)
    }

    /// The `cookie` header for a request to `path`; empty for none.
    pub(super) fn cookie_header(&self, origin: &Origin, path: &str) -> String {
        let cookies = self.cookies.borrow();
        if cookies.is_empty() {
            return String::new();
        }
        origin.url(path).map_or_else(String::new, |url| cookies.header(&url))
    }

    fn has_no_cookies(&self) -> bool {
        self.cookies.borrow().is_empty()
    }

    fn keep_cookies(&self, way: Way<'_>, room: &Room<'_>) {
        if !self.shared.http().cookies || !room.parser.sets_cookies() {
            return;
        }
        let path = match (way.parts, room.sent.is_empty()) {
            (Some(parts), _) => &parts.path,
            (None, true) => way.wire.constant().map_or("/", path_of),
            (None, false) => path_of(room.sent),
        };
        if let Some(url) = way.origin.url(path) {
            self.cookies.borrow_mut().absorb(&room.parser.headers(), &url);
        }
    }
}
