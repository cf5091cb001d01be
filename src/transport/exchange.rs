//! What one HTTP exchange needs and came to, whatever the protocol. Headers and body are in the parser.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use crate::units::RunTime;

use super::events::EventStream;
use super::parser::ResponseParser;
use super::{Clock, Timer};

/// What an exchange needs besides its connection.
pub(super) struct ExchangeContext<'a> {
    pub(super) parser: &'a mut ResponseParser,
    pub(super) clock: Clock,
    pub(super) timer: &'a Timer,
    /// Room to read into, shared by all users of a worker: nothing stays in it over an await.
    pub(super) scratch: &'a RefCell<Box<[u8]>>,
    /// Who looks at a stream's events as they come.
    pub(super) events: Option<&'a RefCell<EventStream>>,
    /// How many bytes of the request went out, however the exchange ends.
    pub(super) sent: &'a Cell<u64>,
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
