//! An open WebSocket as a state machine (RFC 6455): fed with bytes as they come, free of I/O.
//!
//! Messages that nobody looks into are counted, not kept. What the server makes us say is bounded: of pings that
//! come faster than the server reads the answers, only the last is answered (§5.5.3).

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::super::memory::BoundedBuffer;
use super::close::{CloseFrame, NORMAL, SocketFailure};
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
    /// The answer to the last ping, while there is no room for it.
    pong: Option<Vec<u8>>,
    is_closing: bool,
}

impl WebSocketMachine {
    /// A WebSocket that has just been opened, whose messages are kept in `content`.
    pub(super) fn new(content: BoundedBuffer, masks: Pcg64Mcg) -> Self {
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
            pong: None,
            is_closing: false,
        }
    }

    /// Whether messages are kept from now on, or only counted.
    pub(super) fn keep_content(&mut self, keep: bool) {
        self.keeps_content = keep;
        if !keep {
            self.content.clear();
        }
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
        self.put(Opcode::Text, text.as_bytes());
    }

    /// Begins or answers the closing handshake. Says nothing more afterwards.
    pub(super) fn close(&mut self, payload: &[u8]) {
        if !self.is_closing {
            self.put(Opcode::Close, payload);
            self.is_closing = true;
        }
    }

    /// Begins the closing handshake of a WebSocket that has done its work.
    pub(super) fn close_normally(&mut self) {
        self.keep_content(false);
        self.close(&NORMAL.to_be_bytes());
    }

    fn put(&mut self, opcode: Opcode, payload: &[u8]) {
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
            self.put(Opcode::Pong, &pong);
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
                let (count, head) = self.head.take(&bytes[taken..])?;
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
        if self.message == Some(Opcode::Text) && !self.text.take(part) {
            return Err(SocketFailure::not_text("a text message"));
        }
        self.size += part.len() as u64;
        if self.keeps_content {
            self.content.extend(part, "a message").map_err(SocketFailure::too_large)?;
        }
        Ok(())
    }

    fn end_frame(&mut self, head: FrameHead) -> Result<Option<SocketEvent>, SocketFailure> {
        match head.opcode {
            Opcode::Continuation | Opcode::Text | Opcode::Binary if head.is_final => {
                let kind = self.message.take();
                if kind == Some(Opcode::Text) && !self.text.end() {
                    return Err(SocketFailure::not_text("a text message"));
                }
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
            self.put(Opcode::Pong, &payload);
            self.control = payload;
        } else {
            self.pong = Some(payload);
        }
    }
}

#[cfg(test)]
mod tests;
