//! What one HTTP exchange needs and came to, whatever the protocol. Headers and body are in the parser.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use plimsoll_units::RunTime;

use super::events::WatchedEvents;
use super::parser::ResponseParser;
use super::{Clock, Timer, TransportError};

/// What an exchange needs besides its connection.
pub(super) struct ExchangeContext<'a> {
    pub(super) parser: &'a mut ResponseParser,
    pub(super) clock: Clock,
    pub(super) timer: &'a Timer,
    /// Room to read into, shared by all users of a worker: nothing stays in it over an await.
    pub(super) scratch: &'a RefCell<Box<[u8]>>,
    /// Who looks at a stream's events as they come.
    pub(super) events: Option<WatchedEvents<'a>>,
    /// How many bytes of the request went out, however the exchange ends.
    pub(super) sent: &'a Cell<u64>,
}

impl ExchangeContext<'_> {
    /// Lets whoever looks at a stream's events see what came until `now`. Returns whether that is enough.
    pub(super) fn look_at_events(&mut self, now: RunTime) -> Result<bool, TransportError> {
        look_at_events(self.events, self.timer, (self.parser, now))
    }

    /// When the stream is left whose time is over, or why it has failed; none where nobody looks at events.
    pub(super) fn leave_events(&self) -> Option<Result<RunTime, TransportError>> {
        let events = self.events?.stream.borrow();
        Some(events.on_deadline().map(|()| self.clock.now()))
    }
}

/// The same where the parser is lent to a stream of HTTP/2.
pub(super) fn look_at_events(
    events: Option<WatchedEvents<'_>>,
    timer: &Timer,
    (parser, now): (&mut ResponseParser, RunTime),
) -> Result<bool, TransportError> {
    let Some(WatchedEvents { stream, on_gap }) = events else { return Ok(false) };
    let mut events = stream.borrow_mut();
    let before = events.deadline();
    let enough = events.look(parser, (now, on_gap))?;
    if events.deadline() != before {
        timer.arm(events.deadline());
    }
    Ok(enough)
}

/// One complete response with the times of its parts.
#[derive(Debug)]
pub(super) struct TimedResponse {
    pub(super) status: u16,
    /// When the first byte of the request was handed to the socket.
    pub(super) began: RunTime,
    /// When the last byte of the request was handed to the socket.
    pub(super) written: RunTime,
    pub(super) first_byte: RunTime,
    pub(super) done: RunTime,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) body_size: u64,
    /// Whether the connection can carry another request.
    pub(super) reusable: bool,
}

impl TimedResponse {
    /// Status, headers and the beginning of the body, for a reader.
    pub(super) fn describe(parser: &ResponseParser) -> String {
        const SHOWN: usize = 2_000;
        let mut text = parser.head_text();
        let body = parser.body();
        match std::str::from_utf8(&body[..body.len().min(SHOWN)]) {
            Ok(shown) => text.push_str(shown),
            Err(_) => {
                let _ = write!(text, "({} bytes, not text)", body.len());
            }
        }
        if body.len() > SHOWN {
            text.push('…');
        }
        text
    }
}
