//! An open WebSocket as a state machine (RFC 6455): fed with bytes as they come, free of I/O.
//!
//! Messages that nobody looks into are counted, not kept. What the server makes us say is bounded: of pings that
//! come faster than the server reads the answers, only the last is answered (§5.5.3).

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::super::memory::BoundedBuffer;
use super::close::{CloseFrame, NORMAL, SocketFailure};
use super::deflate::{DeflateAgreement, Inflater, deflated};
use super::frame::{self, FrameHead, Opcode, PartialHead};
use super::text::Utf8Check;

/// Pings are answered one by one until so many bytes wait to be written.
const ANSWERS_MAX: usize = 4 * 1024;

/// What has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SocketEvent {
    /// A text or binary message; see [`WebSocketMachine::message`].
    Message,
    /// The server closes; nothing follows.
    Close(CloseFrame),
}

/// A WebSocket's state.
#[derive(Debug)]
pub(super) struct WebSocketMachine {
    /// What is to be written.
    pub(super) out: Vec<u8>,
    masks: Pcg64Mcg,
    head: PartialHead,
    /// The frame that has begun, and how much of its payload is to come.
    frame: Option<(FrameHead, u64)>,
    /// The payload of a control frame.
    control: Vec<u8>,
    /// What the message that has begun is: text or binary.
    message: Option<Opcode>,
    content: BoundedBuffer,
    keeps_content: bool,
    /// The size of the message, kept or not.
    size: u64,
    text: Utf8Check,
    /// What both sides have agreed on, if messages may be compressed.
    deflate: Option<DeflateAgreement>,
    /// Whether the message that has begun is compressed.
    is_compressed: bool,
    /// Reads compressed messages; none before the first, and for good once nobody looks into messages any more.
    inflater: Option<Box<Inflater>>,
    /// The answer to the last ping, while there is no room for it.
    pong: Option<Vec<u8>>,
    is_closing: bool,
}

impl WebSocketMachine {
    /// A WebSocket that has just been opened, whose messages are kept in `content`.
    pub(super) fn new(
        content: BoundedBuffer,
        masks: Pcg64Mcg,
        deflate: Option<DeflateAgreement>,
    ) -> Self {
        Self {
            out: vec![],
            masks,
            head: PartialHead::default(),
            frame: None,
            control: vec![],
            message: None,
            content,
            keeps_content: true,
            size: 0,
            text: Utf8Check::default(),
            deflate,
            is_compressed: false,
            inflater: None,
            pong: None,
            is_closing: false,
        }
    }

    /// Only counts messages from now on. What is compressed is not decompressed any more, and counts as it comes.
    pub(super) fn count_only(&mut self) {
        self.keeps_content = false;
        self.inflater = None;
        self.content.clear();
    }

    /// The message that came last, until more is fed: what of it is kept, and its size.
    pub(super) fn message(&self) -> (&[u8], u64) {
        (self.content.bytes(), self.size)
    }

    /// Whether a close frame has been sent, or is about to be.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Sends a text.
    pub(super) fn send_text(&mut self, text: &str) {
        self.send_message(Opcode::Text, text.as_bytes());
    }

    /// Sends bytes that are no text.
    pub(super) fn send_binary(&mut self, bytes: &[u8]) {
        self.send_message(Opcode::Binary, bytes);
    }

    fn send_message(&mut self, opcode: Opcode, message: &[u8]) {
        if self.deflate.is_some() {
            self.put((opcode, true), &deflated(message));
        } else {
            self.put((opcode, false), message);
        }
    }

    /// Begins or answers the closing handshake. Says nothing more afterwards.
    pub(super) fn close(&mut self, payload: &[u8]) {
        if !self.is_closing {
            self.put((Opcode::Close, false), payload);
            self.is_closing = true;
        }
    }

    /// Begins the closing handshake of a WebSocket that has done its work.
    pub(super) fn close_normally(&mut self) {
        self.count_only();
        self.close(&NORMAL.to_be_bytes());
    }

    fn put(&mut self, opcode: (Opcode, bool), payload: &[u8]) {
        if !self.is_closing {
            let mask = self.masks.random::<u32>().to_ne_bytes();
            frame::put(&mut self.out, opcode, payload, mask);
        }
    }

    /// All of `out` is on its way: there is room for an answer that had to wait.
    pub(super) fn flushed(&mut self) {
        self.out.clear();
        self.out.shrink_to(ANSWERS_MAX);
        if let Some(pong) = self.pong.take() {
            self.put((Opcode::Pong, false), &pong);
        }
    }

    /// Takes bytes up to the next event; returns how many it took.
    ///
    /// # Errors
    /// Where the server violates the protocol or a message does not fit. A close frame that says so is in `out`.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
    ) -> Result<(usize, Option<SocketEvent>), SocketFailure> {
        let fed = self.feed_frames(bytes);
        if let Err(failure) = &fed {
            self.close(&failure.code.to_be_bytes());
        }
        fed
    }

    fn feed_frames(&mut self, bytes: &[u8]) -> Result<(usize, Option<SocketEvent>), SocketFailure> {
        let mut taken = 0;
        while taken < bytes.len() {
            let (head, left) = if let Some(frame) = self.frame {
                frame
            } else {
                let (count, head) = self.head.take(&bytes[taken..], self.deflate.is_some())?;
                taken += count;
                let Some(head) = head else { break };
                self.begin_frame(head)?;
                (head, head.length)
            };
            let rest = &bytes[taken..];
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            self.take_payload(head, &rest[..part])?;
            taken += part;
            let left = left - part as u64;
            if left > 0 {
                self.frame = Some((head, left));
                break;
            }
            self.frame = None;
            let event = self.end_frame(head)?;
            if event.is_some() {
                return Ok((taken, event));
            }
        }
        Ok((taken, None))
    }

    fn begin_frame(&mut self, head: FrameHead) -> Result<(), SocketFailure> {
        match (head.opcode, self.message) {
            (Opcode::Continuation, None) => {
                return Err(SocketFailure::protocol("a fragment continues no message"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(SocketFailure::protocol("a message begins within another"));
            }
            (Opcode::Text | Opcode::Binary, None) => {
                self.message = Some(head.opcode);
                self.is_compressed = head.is_compressed;
                self.text = Utf8Check::default();
                self.content.clear();
                self.size = 0;
            }
            (Opcode::Continuation, Some(_)) => {}
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => self.control.clear(),
        }
        Ok(())
    }

    fn take_payload(&mut self, head: FrameHead, part: &[u8]) -> Result<(), SocketFailure> {
        if head.opcode.is_control() {
            self.control.extend_from_slice(part);
            return Ok(());
        }
        match (self.deflate, self.is_compressed) {
            (Some(agreement), true) if self.keeps_content => {
                let inflater = self.inflater.take();
                let mut inflater = inflater.unwrap_or_else(|| Box::new(Inflater::new(agreement)));
                let taken = inflater.take(part, &mut |part| self.take_content(part));
                self.inflater = Some(inflater);
                taken
            }
            (_, true) => {
                self.size += part.len() as u64;
                Ok(())
            }
            (_, false) => self.take_content(part),
        }
    }

    /// A part of a message as it was before it was compressed.
    fn take_content(&mut self, part: &[u8]) -> Result<(), SocketFailure> {
        if self.message == Some(Opcode::Text) && !self.text.take(part) {
            return Err(SocketFailure::not_text("a text message"));
        }
        self.size += part.len() as u64;
        if self.keeps_content {
            self.content.extend(part, "a message").map_err(SocketFailure::too_large)?;
        }
        Ok(())
    }

    /// The message that has begun is complete.
    fn end_message(&mut self) -> Result<(), SocketFailure> {
        if self.is_compressed && self.keeps_content {
            // Every frame of it has been taken, an empty one as well.
            let mut inflater = self.inflater.take().ok_or_else(SocketFailure::not_compressed)?;
            let ended = inflater.end(&mut |part| self.take_content(part));
            self.inflater = Some(inflater);
            ended?;
        }
        let looked_into = self.keeps_content || !self.is_compressed;
        if self.message == Some(Opcode::Text) && looked_into && !self.text.end() {
            return Err(SocketFailure::not_text("a text message"));
        }
        self.message = None;
        Ok(())
    }

    fn end_frame(&mut self, head: FrameHead) -> Result<Option<SocketEvent>, SocketFailure> {
        match head.opcode {
            Opcode::Continuation | Opcode::Text | Opcode::Binary if head.is_final => {
                self.end_message()?;
                Ok(Some(SocketEvent::Message))
            }
            Opcode::Ping => {
                self.answer_ping();
                Ok(None)
            }
            Opcode::Close => {
                let close = CloseFrame::parse(&self.control)?;
                self.close(&close.answer());
                Ok(Some(SocketEvent::Close(close)))
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary | Opcode::Pong => Ok(None),
        }
    }

    fn answer_ping(&mut self) {
        let payload = std::mem::take(&mut self.control);
        if self.out.len() < ANSWERS_MAX && self.pong.is_none() {
            self.put((Opcode::Pong, false), &payload);
            self.control = payload;
        } else {
            self.pong = Some(payload);
        }
    }
}

#[cfg(test)]
mod autobahn;
#[cfg(test)]
mod tests;
