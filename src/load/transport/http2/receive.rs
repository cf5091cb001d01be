//! The receiving half of an HTTP/2 connection: bytes as they come, frame by frame (RFC 9113 §6).

use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;

use super::super::TransportError;
use super::frame::{self, ErrorCode, FrameHeader, HEAD, MAX_PAYLOAD, flag, kind, number};
use super::hpack::CompressionError;
use super::machine::{CONNECTION_WINDOW, ConnectionMachine, HeaderBlock, KEPT};
use super::stream::{Http2Stream, StreamError};

/// The largest window there can be (RFC 9113 §6.9.1).
const MAX_WINDOW: i64 = (1 << 31) - 1;
/// A header block in more pieces is refused.
const MAX_PIECES: u32 = 64;
/// A peer that makes us answer this much without reading it is refused.
const MAX_ANSWERS: usize = 1 << 18;

/// The connection has failed (RFC 9113 §5.4.1).
#[derive(Debug)]
pub(super) struct ConnectionError(ErrorCode, String);

impl ConnectionMachine {
    /// Takes bytes as they come.
    pub(super) fn feed(&mut self, bytes: &[u8], now: RunTime) {
        if let Err(ConnectionError(code, message)) = self.feed_frames(bytes, now) {
            let goaway = [[0; 4], (code as u32).to_be_bytes()].concat();
            frame::put(&mut self.out, kind::GOAWAY, 0, 0, &goaway);
            self.fail(&TransportError::new(ErrorClass::Protocol, message));
        }
    }

    fn feed_frames(&mut self, bytes: &[u8], now: RunTime) -> Result<(), ConnectionError> {
        let mut rest = bytes;
        if !self.partial.is_empty() {
            let mut frame = std::mem::take(&mut self.partial);
            rest = fill(&mut frame, HEAD, rest);
            if let Some(head) = FrameHeader::parse(&frame) {
                check_length(head)?;
                rest = fill(&mut frame, HEAD + head.length, rest);
                if frame.len() == HEAD + head.length {
                    self.on_frame(head, &frame[HEAD..], now)?;
                    frame.clear();
                    frame.shrink_to(KEPT);
                }
            }
            self.partial = frame;
        }
        while let Some(head) = FrameHeader::parse(rest) {
            check_length(head)?;
            let Some((frame, others)) = rest.split_at_checked(HEAD + head.length) else { break };
            self.on_frame(head, &frame[HEAD..], now)?;
            rest = others;
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    fn on_frame(
        &mut self,
        head: FrameHeader,
        payload: &[u8],
        now: RunTime,
    ) -> Result<(), ConnectionError> {
        self.frames += 1;
        let is_preface = head.kind == kind::SETTINGS && !head.has(flag::ACK);
        if !self.settings_received && !is_preface {
            return Err(protocol("the server's preface is not that of HTTP/2"));
        }
        let continues = self.block.as_ref().is_some_and(|block| block.stream == head.stream);
        if self.block.is_some() && !(head.kind == kind::CONTINUATION && continues) {
            return Err(protocol("a header block was interrupted"));
        }
        let of_stream = matches!(
            head.kind,
            kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::CONTINUATION
        );
        let of_connection = matches!(head.kind, kind::SETTINGS | kind::PING | kind::GOAWAY);
        if (of_stream && head.stream == 0) || (of_connection && head.stream != 0) {
            return Err(protocol("a frame is on a stream where its type is not allowed"));
        }
        let is_idle = head.stream >= self.next_stream || head.stream.is_multiple_of(2);
        let may_be_idle = match head.kind {
            kind::WINDOW_UPDATE => head.stream == 0,
            kind => !of_stream || kind == kind::PRIORITY,
        };
        if is_idle && !may_be_idle {
            return Err(protocol("a frame is on an idle stream"));
        }
        match head.kind {
            kind::DATA => self.on_data(head, payload, now)?,
            kind::HEADERS => self.on_headers(head, payload, now)?,
            kind::CONTINUATION => self.on_continuation(head, payload, now)?,
            kind::PRIORITY => self.on_priority(head, payload),
            kind::RST_STREAM => self.on_reset(head, payload)?,
            kind::SETTINGS => self.on_settings(head, payload)?,
            kind::PING => self.on_ping(head, payload)?,
            kind::GOAWAY => self.on_goaway(payload)?,
            kind::WINDOW_UPDATE => self.on_window_update(head, payload)?,
            kind::PUSH_PROMISE => {
                return Err(protocol("the server pushed, though push is disabled"));
            }
            // What is not known changes nothing (RFC 9113 §5.5).
            _ => {}
        }
        if self.answers > MAX_ANSWERS {
            return Err(ConnectionError(
                ErrorCode::EnhanceYourCalm,
                "the server does not read what it asked for".to_owned(),
            ));
        }
        Ok(())
    }

    fn on_data(
        &mut self,
        head: FrameHeader,
        payload: &[u8],
        now: RunTime,
    ) -> Result<(), ConnectionError> {
        // Padding counts (RFC 9113 §6.9.1).
        let size = i64::from(payload.len() as u32);
        self.receive_window -= size;
        if self.receive_window < 0 {
            return Err(ConnectionError(
                ErrorCode::FlowControl,
                "the server sent more than the connection's window allowed".to_owned(),
            ));
        }
        if self.receive_window < CONNECTION_WINDOW / 2 {
            let more = (CONNECTION_WINDOW - self.receive_window) as u32;
            self.receive_window = CONNECTION_WINDOW;
            frame::put(&mut self.out, kind::WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        }
        let data = head
            .unpadded(payload)
            .ok_or_else(|| protocol("the padding is longer than the frame"))?;
        let ends = head.has(flag::END_STREAM);
        let Some(stream) = self.stream(head.stream) else { return Ok(()) };
        check_open(stream)?;
        let taken = stream.on_data(data, size, (ends, now));
        // A stream that has ended or failed gets no more room: a frame behind our reset would be one too many.
        let refilled = if ends || taken.is_err() { 0 } else { stream.refill() };
        self.settle(head.stream, taken);
        if refilled > 0 {
            let more = (refilled as u32).to_be_bytes();
            frame::put(&mut self.out, kind::WINDOW_UPDATE, 0, head.stream, &more);
        }
        Ok(())
    }

    fn on_headers(
        &mut self,
        head: FrameHeader,
        payload: &[u8],
        now: RunTime,
    ) -> Result<(), ConnectionError> {
        let only_padding = || protocol("the padding is longer than the frame");
        let mut block = head.unpadded(payload).ok_or_else(only_padding)?;
        if head.has(flag::PRIORITY) {
            block = block.get(5..).ok_or_else(|| protocol("a priority field is truncated"))?;
        }
        let end_stream = head.has(flag::END_STREAM);
        if head.has(flag::END_HEADERS) {
            return self.on_block(head.stream, block, (end_stream, now));
        }
        let (stream, bytes) = (head.stream, block.to_vec());
        self.block = Some(HeaderBlock { stream, end_stream, pieces: 1, bytes });
        Ok(())
    }

    fn on_continuation(
        &mut self,
        head: FrameHeader,
        payload: &[u8],
        now: RunTime,
    ) -> Result<(), ConnectionError> {
        let Some(mut block) = self.block.take() else {
            return Err(protocol("a CONTINUATION frame continues no headers"));
        };
        block.bytes.extend_from_slice(payload);
        block.pieces += 1;
        if block.bytes.len() > self.max_head || block.pieces > MAX_PIECES {
            return Err(ConnectionError(
                ErrorCode::EnhanceYourCalm,
                "a header block is too long".to_owned(),
            ));
        }
        if head.has(flag::END_HEADERS) {
            return self.on_block(block.stream, &block.bytes, (block.end_stream, now));
        }
        self.block = Some(block);
        Ok(())
    }

    /// A whole header block, which has to be read even if nobody waits for it: the table depends on it.
    fn on_block(
        &mut self,
        id: u32,
        block: &[u8],
        (ends, now): (bool, RunTime),
    ) -> Result<(), ConnectionError> {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) else {
            return self.decoder.decode(block, |_, _| {}).map_err(|error| compression(&error));
        };
        check_open(stream)?;
        stream.begin_block();
        let read = self.decoder.decode(block, |name, value| stream.on_field(name, value));
        read.map_err(|error| compression(&error))?;
        let taken = stream.end_block(ends, now);
        self.settle(id, taken);
        Ok(())
    }

    /// Ends a stream that failed, and sends the peer a `RST_STREAM` frame.
    fn settle(&mut self, id: u32, taken: Result<(), StreamError>) {
        let Err(StreamError(code, error)) = taken else { return };
        frame::put_reset(&mut self.out, id, code);
        self.answers += HEAD + 4;
        if let Some(stream) = self.stream(id) {
            stream.was_reset = true;
            stream.finish(Err(error));
        }
    }

    fn on_reset(&mut self, head: FrameHeader, payload: &[u8]) -> Result<(), ConnectionError> {
        expect_length(payload, 4)?;
        let code = number(payload);
        if let Some(stream) = self.stream(head.stream) {
            stream.was_reset = true;
            let message = format!("the server reset the stream: {}", frame::code_name(code));
            let error = TransportError::new(ErrorClass::Reset, message);
            // It has not looked at it, so it may be sent again (RFC 9113 §8.7).
            let refused = code == frame::REFUSED_STREAM && stream.first_byte.is_none();
            stream.finish(Err(if refused { error.unseen() } else { error }));
        }
        Ok(())
    }

    /// Priorities change nothing, but have their length (RFC 9113 §6.3).
    fn on_priority(&mut self, head: FrameHeader, payload: &[u8]) {
        if payload.len() != 5 && self.stream(head.stream).is_some() {
            let message = "a PRIORITY frame has the wrong size";
            let error = TransportError::new(ErrorClass::Protocol, message);
            self.settle(head.stream, Err(StreamError(ErrorCode::FrameSize, error)));
        }
    }

    fn on_settings(&mut self, head: FrameHeader, payload: &[u8]) -> Result<(), ConnectionError> {
        if head.has(flag::ACK) {
            return expect_length(payload, 0);
        }
        if !payload.len().is_multiple_of(6) {
            return Err(ConnectionError(
                ErrorCode::FrameSize,
                "a SETTINGS frame is truncated".to_owned(),
            ));
        }
        self.settings_received = true;
        for setting in payload.chunks_exact(6) {
            let value = number(&setting[2..]);
            match u16::from_be_bytes([setting[0], setting[1]]) {
                1 => self.encoder.resize(value as usize),
                2 if value != 0 => return Err(protocol("a server must not enable push")),
                3 => self.max_streams = value,
                4 => self.on_initial_window(i64::from(value))?,
                // We never send more than the least that a peer may allow.
                5 if !(16_384..1 << 24).contains(&value) => {
                    return Err(protocol("`SETTINGS_MAX_FRAME_SIZE` is out of range"));
                }
                _ => {}
            }
        }
        frame::put(&mut self.out, kind::SETTINGS, flag::ACK, 0, &[]);
        self.answers += HEAD;
        self.send_bodies();
        Ok(())
    }

    fn on_initial_window(&mut self, window: i64) -> Result<(), ConnectionError> {
        let change = window - self.initial_window;
        self.initial_window = window;
        for stream in &mut self.streams {
            stream.send_window += change;
        }
        let largest = self.streams.iter().map(|stream| stream.send_window).max();
        if largest.unwrap_or(0).max(window) > MAX_WINDOW {
            return Err(ConnectionError(
                ErrorCode::FlowControl,
                "a flow-control window is too large".to_owned(),
            ));
        }
        Ok(())
    }

    fn on_ping(&mut self, head: FrameHeader, payload: &[u8]) -> Result<(), ConnectionError> {
        expect_length(payload, 8)?;
        if !head.has(flag::ACK) {
            frame::put(&mut self.out, kind::PING, flag::ACK, 0, payload);
            self.answers += HEAD + payload.len();
        }
        Ok(())
    }

    fn on_goaway(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() < 8 {
            return Err(ConnectionError(
                ErrorCode::FrameSize,
                "a GOAWAY frame is truncated".to_owned(),
            ));
        }
        let (last, name) = (number(payload) & 0x7fff_ffff, frame::code_name(number(&payload[4..])));
        // Streams that it has given up have been sent again elsewhere (RFC 9113 §6.8).
        if last > self.last_taken {
            return Err(protocol("a GOAWAY frame takes back what an earlier one gave up"));
        }
        self.last_taken = last;
        let message = format!("the server sent GOAWAY: {name}");
        self.close(&message);
        // What it has not looked at may be sent again elsewhere (RFC 9113 §6.8).
        for stream in self.streams.iter_mut().filter(|stream| stream.id > last) {
            stream.was_reset = true;
            stream.finish(Err(TransportError::new(ErrorClass::Reset, message.clone()).unseen()));
        }
        Ok(())
    }

    fn on_window_update(
        &mut self,
        head: FrameHeader,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        expect_length(payload, 4)?;
        let more = i64::from(number(payload) & 0x7fff_ffff);
        let window = match head.stream {
            0 => Some(&mut self.send_window),
            id => self.streams.iter_mut().find(|s| s.id == id).map(|s| &mut s.send_window),
        };
        let Some(window) = window else { return Ok(()) };
        *window += more;
        let too_large = *window > MAX_WINDOW;
        if more == 0 || too_large {
            let code = if more == 0 { ErrorCode::Protocol } else { ErrorCode::FlowControl };
            let message = "a WINDOW_UPDATE is zero, or makes the window too large";
            if head.stream == 0 {
                return Err(ConnectionError(code, message.to_owned()));
            }
            let error = TransportError::new(ErrorClass::Protocol, message);
            self.settle(head.stream, Err(StreamError(code, error)));
        }
        self.send_bodies();
        Ok(())
    }
}

/// Nothing comes behind the end of a response (RFC 9113 §5.1).
fn check_open(stream: &Http2Stream) -> Result<(), ConnectionError> {
    match stream.outcome {
        Some(Ok(_)) => Err(ConnectionError(
            ErrorCode::StreamClosed,
            "a frame came behind the end of its stream".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Appends to `frame` until it has `wanted` bytes; returns what is left.
fn fill<'a>(frame: &mut Vec<u8>, wanted: usize, rest: &'a [u8]) -> &'a [u8] {
    let missing = wanted.saturating_sub(frame.len()).min(rest.len());
    let (part, rest) = rest.split_at(missing);
    frame.extend_from_slice(part);
    rest
}

fn check_length(head: FrameHeader) -> Result<(), ConnectionError> {
    if head.length <= MAX_PAYLOAD {
        return Ok(());
    }
    let message = "a frame exceeds the largest size allowed; does the server speak HTTP/2?";
    Err(ConnectionError(ErrorCode::FrameSize, message.to_owned()))
}

fn expect_length(payload: &[u8], length: usize) -> Result<(), ConnectionError> {
    if payload.len() == length {
        return Ok(());
    }
    Err(ConnectionError(ErrorCode::FrameSize, "a frame has the wrong size for its type".to_owned()))
}

fn protocol(message: &str) -> ConnectionError {
    ConnectionError(ErrorCode::Protocol, message.to_owned())
}

fn compression(error: &CompressionError) -> ConnectionError {
    ConnectionError(ErrorCode::Compression, error.to_string())
}
