//! One request on its way over an HTTP/2 connection, and the response to it as it comes.

use std::task::Waker;

use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;

use super::super::TransportError;
use super::super::body::{BodyCursor, RequestBody};
use super::super::parser::ResponseParser;
use super::super::parser::framing::parse_length;
use super::frame::{self, ErrorCode, STREAM_WINDOW};

/// The stream has failed; the connection goes on (RFC 9113 §5.4.2).
#[derive(Debug)]
pub(super) struct StreamError(pub(super) ErrorCode, pub(super) TransportError);

/// A stream.
#[derive(Debug)]
pub(super) struct Http2Stream {
    pub(super) id: u32,
    /// Where the response goes.
    pub(super) parser: ResponseParser,
    /// The request's body, how far it has gone out, and how many bytes are left.
    body: RequestBody,
    cursor: BodyCursor,
    pub(super) unsent: u64,
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
    pub(super) fn new(
        id: u32,
        parser: ResponseParser,
        body: RequestBody,
        send_window: i64,
    ) -> Self {
        Self {
            id,
            parser,
            unsent: body.len(),
            body,
            cursor: BodyCursor::default(),
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

    /// Whether there is more of the request's body to send.
    pub(super) fn is_sending(&self) -> bool {
        self.unsent > 0 && self.outcome.is_none()
    }

    /// Bytes of the request's body that have gone out.
    pub(super) fn body_sent(&self) -> u64 {
        self.body.len() - self.unsent
    }

    /// Appends one frame with the next bytes of the body, of at most `window` bytes and as many as the stream's own
    /// window allows; returns how many.
    pub(super) fn put_data(&mut self, window: i64, out: &mut Vec<u8>) -> i64 {
        let window = u64::try_from(window.min(self.send_window)).unwrap_or(0);
        let size = self.unsent.min(window);
        if size == 0 || self.outcome.is_some() {
            return 0;
        }
        let frame = out.len();
        let flags = if size == self.unsent { frame::flag::END_STREAM } else { 0 };
        frame::put_head(out, frame::kind::DATA, flags, (self.id, size as usize));
        if let Err(error) = self.put_body(size as usize, out) {
            out.truncate(frame);
            self.finish(Err(error));
            return 0;
        }
        self.unsent -= size;
        self.send_window -= size.cast_signed();
        size.cast_signed()
    }

    /// Appends the next `size` bytes of the body.
    fn put_body(&mut self, size: usize, out: &mut Vec<u8>) -> Result<(), TransportError> {
        let mut left = size;
        while left > 0 {
            let rest = self.cursor.rest(self.body.text(), self.body.fillers())?;
            let part = rest.len().min(left);
            out.extend_from_slice(&rest[..part]);
            self.cursor.advance(part, self.body.fillers());
            left -= part;
        }
        Ok(())
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

    /// A message with a field against RFC 9113 §8.2 or §8.3 is malformed, in trailers as well.
    fn take_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), TransportError> {
        match (self.part, name) {
            (MessagePart::Head, b":status") if self.status.is_none() => {
                let status =
                    status_of(value).ok_or_else(|| malformed("`:status` is not a number"))?;
                self.status = Some(status);
                self.parser.begin_fields(status);
                return Ok(());
            }
            (_, [b':', ..]) => {
                return Err(malformed("a pseudo-header has no place where it stands"));
            }
            (MessagePart::Head, _) if self.status.is_none() => {
                return Err(malformed("the headers do not begin with `:status`"));
            }
            _ => check_field(name, value)?,
        }
        if self.part == MessagePart::Trailer {
            // Nobody looks into trailers.
            return Ok(());
        }
        if name == b"content-length" {
            let length =
                parse_length(value).ok_or_else(|| malformed("`content-length` is not a number"))?;
            if self.declared.is_some_and(|known| known != length) {
                return Err(malformed("two different `content-length`s"));
            }
            self.declared = Some(length);
        }
        self.parser.take_field(name, value)
    }

    /// The headers are complete.
    pub(super) fn end_block(&mut self, ends: bool, now: RunTime) -> Result<(), StreamError> {
        if self.outcome.is_some() {
            return Ok(());
        }
        self.parser.count_part();
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
                let passed = self.parser.pass_over_interim();
                return passed.map_err(|error| StreamError(ErrorCode::EnhanceYourCalm, error));
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
        if self.receive_window < 0 {
            let error = malformed("the server sent more than the stream's window allowed");
            return Err(StreamError(ErrorCode::FlowControl, error));
        }
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
        let is_bodiless = self.parser.is_bodiless();
        if is_bodiless && size > 0 {
            return Err(stream_error("a body where its status or method allows none"));
        }
        if !is_bodiless && self.declared.is_some_and(|declared| declared != size) {
            return Err(stream_error("the length of the body is not its `content-length`"));
        }
        self.finish(Ok(now));
        Ok(())
    }
}

/// RFC 9113 §8.2.1: names in lower case, no white space around a value; §8.2.2: nothing of HTTP/1.1's connections.
/// Line ends and empty names are refused by the parser.
fn check_field(name: &[u8], value: &[u8]) -> Result<(), TransportError> {
    if name.iter().any(u8::is_ascii_uppercase) {
        return Err(malformed("a header name is not in lower case"));
    }
    if name.iter().any(|byte| !byte.is_ascii_graphic()) {
        return Err(malformed("a header name has a character that HTTP does not allow"));
    }
    let is_blank = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    if is_blank(value.first()) || is_blank(value.last()) {
        return Err(malformed("a header value begins or ends with white space"));
    }
    match name {
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => {
            Err(malformed("a header of HTTP/1.1's connections in a response over HTTP/2"))
        }
        _ => Ok(()),
    }
}

/// Three digits; the first class is 1 (RFC 9110 §15).
fn status_of(value: &[u8]) -> Option<u16> {
    let digits: &[u8; 3] = value.try_into().ok()?;
    let number = digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
    })?;
    (number >= 100).then_some(number)
}

fn malformed(message: &str) -> TransportError {
    TransportError::new(ErrorClass::Protocol, message)
}

fn stream_error(message: &str) -> StreamError {
    StreamError(ErrorCode::Protocol, malformed(message))
}
