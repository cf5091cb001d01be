//! One request on its way over an HTTP/2 connection, and the response to it as it comes.

use std::task::Waker;

use bytes::Bytes;

use crate::metrics::ErrorClass;
use crate::units::RunTime;

use super::super::TransportError;
use super::super::parser::ResponseParser;
use super::frame::{ErrorCode, STREAM_WINDOW};

/// The stream has failed; the connection goes on (RFC 9113 §5.4.2).
#[derive(Debug)]
pub(super) struct StreamError(pub(super) ErrorCode, pub(super) TransportError);

/// A stream.
#[derive(Debug)]
pub(super) struct Http2Stream {
    pub(super) id: u32,
    /// Where the response goes.
    pub(super) parser: ResponseParser,
    /// The rest of the request's body.
    pub(super) unsent: Bytes,
    pub(super) send_window: i64,
    receive_window: i64,
    pub(super) written: Option<RunTime>,
    pub(super) first_byte: Option<RunTime>,
    /// How it ended: when, or why.
    pub(super) outcome: Option<Result<RunTime, TransportError>>,
    /// Whether one side has reset it.
    pub(super) was_reset: bool,
    /// Who waits for it.
    pub(super) waker: Option<Waker>,
    part: MessagePart,
    /// What the block being read says so far.
    status: Option<u16>,
    /// The size of the body as the headers have it.
    declared: Option<u64>,
    stream_error: Option<TransportError>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessagePart {
    Head,
    Body,
    /// The block being read stands behind the body.
    Trailer,
}

impl Http2Stream {
    pub(super) fn new(id: u32, parser: ResponseParser, body: Bytes, send_window: i64) -> Self {
        Self {
            id,
            parser,
            unsent: body,
            send_window,
            receive_window: STREAM_WINDOW,
            written: None,
            first_byte: None,
            outcome: None,
            was_reset: false,
            waker: None,
            part: MessagePart::Head,
            status: None,
            declared: None,
            stream_error: None,
        }
    }

    /// Ends it; only the first end counts.
    pub(super) fn finish(&mut self, outcome: Result<RunTime, TransportError>) {
        self.outcome.get_or_insert(outcome);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Headers begin.
    pub(super) fn begin_block(&mut self) {
        self.status = None;
        if self.part == MessagePart::Body {
            self.part = MessagePart::Trailer;
        }
    }

    /// One field of the headers.
    pub(super) fn on_field(&mut self, name: &[u8], value: &[u8]) {
        if self.outcome.is_some() || self.stream_error.is_some() {
            return;
        }
        self.stream_error = self.take_field(name, value).err();
    }

    fn take_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), TransportError> {
        match (self.part, name) {
            // Nobody looks into trailers.
            (MessagePart::Trailer, _) => Ok(()),
            (_, b":status") if self.status.is_none() => {
                let status =
                    status_of(value).ok_or_else(|| malformed("`:status` is not a number"))?;
                self.status = Some(status);
                self.parser.begin_fields(status);
                Ok(())
            }
            _ if self.status.is_none() => Err(malformed("the headers do not begin with `:status`")),
            _ if name.iter().any(u8::is_ascii_uppercase) => {
                Err(malformed("a header name is not in lower case"))
            }
            _ => {
                if name == b"content-length" {
                    let text = std::str::from_utf8(value).ok();
                    let length = text.and_then(|text| text.parse().ok());
                    let length =
                        length.ok_or_else(|| malformed("`content-length` is not a number"))?;
                    if self.declared.is_some_and(|known| known != length) {
                        return Err(malformed("two different `content-length`s"));
                    }
                    self.declared = Some(length);
                }
                self.parser.take_field(name, value)
            }
        }
    }

    /// The headers are complete.
    pub(super) fn end_block(&mut self, ends: bool, now: RunTime) -> Result<(), StreamError> {
        if self.outcome.is_some() {
            return Ok(());
        }
        self.first_byte.get_or_insert(now);
        if let Some(error) = self.stream_error.take() {
            return Err(StreamError(ErrorCode::Protocol, error));
        }
        match (self.part, self.status) {
            (MessagePart::Trailer, _) if !ends => {
                return Err(stream_error("trailers do not end the stream"));
            }
            (MessagePart::Trailer, _) => {}
            (_, None | Some(101)) => return Err(stream_error("the headers have no valid status")),
            (_, Some(100..200)) if ends => {
                return Err(stream_error("an interim response ends the stream"));
            }
            // An interim response (RFC 9110 §15.2): the real one follows.
            (_, Some(100..200)) => {
                self.declared = None;
                return Ok(());
            }
            (_, Some(_)) => {
                self.parser.end_fields();
                self.part = MessagePart::Body;
            }
        }
        if ends { self.complete(now) } else { Ok(()) }
    }

    /// A part of the body; `size` is what it takes from the window.
    pub(super) fn on_data(
        &mut self,
        data: &[u8],
        size: i64,
        (ends, now): (bool, RunTime),
    ) -> Result<(), StreamError> {
        if self.outcome.is_some() {
            return Ok(());
        }
        self.receive_window -= size;
        if self.part != MessagePart::Body {
            return Err(stream_error("a body before its headers"));
        }
        self.parser.take_data(data).map_err(|error| StreamError(ErrorCode::Cancel, error))?;
        if ends {
            return self.complete(now);
        }
        self.wake();
        Ok(())
    }

    /// How much room to make for what comes: nothing while there is enough.
    pub(super) fn refill(&mut self) -> i64 {
        if self.outcome.is_some() || self.receive_window > STREAM_WINDOW / 2 {
            return 0;
        }
        let more = STREAM_WINDOW - self.receive_window;
        self.receive_window = STREAM_WINDOW;
        more
    }

    fn complete(&mut self, now: RunTime) -> Result<(), StreamError> {
        let size = self.parser.body_size();
        let has_body = !self.parser.is_bodiless();
        if has_body && self.declared.is_some_and(|declared| declared != size) {
            return Err(stream_error("the length of the body is not its `content-length`"));
        }
        self.finish(Ok(now));
        Ok(())
    }
}

fn status_of(value: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() == 3)?;
    text.parse().ok().filter(|status| (100..1000).contains(status))
}

fn malformed(message: &str) -> TransportError {
    TransportError::new(ErrorClass::Protocol, message)
}

fn stream_error(message: &str) -> StreamError {
    StreamError(ErrorCode::Protocol, malformed(message))
}
