//! An HTTP/2 connection as a state machine (RFC 9113): its state, its streams, and what goes out of their bodies. What
//! comes in is taken by [`super::receive`], what begins is sent by [`super::send`].

use plimsoll_metrics::ErrorClass;
use plimsoll_units::RunTime;

use super::super::TransportError;
use super::frame::{self, ErrorCode, MAX_PAYLOAD, kind};
use super::hpack::{Decoder, Encoder};
use super::stream::Http2Stream;

/// What it may send on all streams.
pub(super) const CONNECTION_WINDOW: i64 = 1 << 22;
/// Windows before anybody says otherwise (RFC 9113 §6.9).
const DEFAULT_WINDOW: i64 = 65_535;
/// Memory that an idle connection keeps in each of its buffers.
pub(super) const KEPT: usize = 512;
/// Bodies go out in helpings of this many bytes: what the socket does not take waits in its stream, so that a
/// request that comes later need not wait behind a long upload.
const SEND_AHEAD: usize = 64 * 1024;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection's state.
#[derive(Debug)]
pub(super) struct ConnectionMachine {
    /// What is to be written.
    pub(super) out: Vec<u8>,
    /// The beginning of a frame whose end has not come yet.
    pub(super) partial: Vec<u8>,
    pub(super) streams: Vec<Http2Stream>,
    pub(super) next_stream: u32,
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    pub(super) block: Option<HeaderBlock>,
    /// The largest head of a response.
    pub(super) max_head: usize,
    /// What we may send on all streams, and on a new one.
    pub(super) send_window: i64,
    pub(super) initial_window: i64,
    pub(super) max_streams: u32,
    /// What the peer may send. Room is made long before it is used up: a slow reader is no aim here.
    pub(super) receive_window: i64,
    pub(super) settings_received: bool,
    /// Whether a stream may have more of its body to send, and whose turn it was last.
    pub(super) has_bodies: bool,
    pub(super) turn: usize,
    /// How many streams have not yet been written.
    pub(super) unwritten: usize,
    /// Bytes in `out` that the peer asked for: acknowledgements and resets.
    pub(super) answers: usize,
    /// The last stream that the peer takes.
    pub(super) last_taken: u32,
    /// How many frames have come.
    pub(super) frames: u64,
    /// Why the connection takes no more requests.
    closed: Option<TransportError>,
}

/// A header block that comes in pieces.
#[derive(Debug)]
pub(super) struct HeaderBlock {
    pub(super) stream: u32,
    pub(super) end_stream: bool,
    pub(super) pieces: u32,
    pub(super) bytes: Vec<u8>,
}

impl ConnectionMachine {
    /// A connection that has sent its preface.
    pub(super) fn new(max_head: usize) -> Self {
        let mut out = PREFACE.to_vec();
        // No pushes; the window of a stream; the largest head.
        let settings = [0, 2, 0, 0, 0, 0, 0, 4, 0, 0x10, 0, 0, 0, 6];
        let list_size = u32::try_from(max_head).unwrap_or(u32::MAX).to_be_bytes();
        frame::put(&mut out, kind::SETTINGS, 0, 0, &[&settings[..], &list_size].concat());
        let more = (CONNECTION_WINDOW - DEFAULT_WINDOW) as u32;
        frame::put(&mut out, kind::WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        Self {
            out,
            partial: Vec::new(),
            streams: Vec::new(),
            next_stream: 1,
            encoder: Encoder::default(),
            decoder: Decoder::with_strings_of(max_head),
            max_head,
            block: None,
            send_window: DEFAULT_WINDOW,
            initial_window: DEFAULT_WINDOW,
            max_streams: u32::MAX,
            receive_window: CONNECTION_WINDOW,
            settings_received: false,
            has_bodies: false,
            turn: 0,
            unwritten: 0,
            answers: 0,
            last_taken: u32::MAX,
            frames: 0,
            closed: None,
        }
    }

    /// Why the connection takes no more requests, if it does not.
    pub(super) fn closed(&self) -> Option<&TransportError> {
        self.closed.as_ref()
    }

    /// How many frames have come so far.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// All of `out` is on its way: what bodies there are follow.
    pub(super) fn flushed(&mut self, now: RunTime) {
        self.out.clear();
        self.answers = 0;
        // The youngest are last.
        for stream in self.streams.iter_mut().rev() {
            if self.unwritten == 0 {
                break;
            }
            if stream.unsent == 0 && stream.written.is_none() {
                stream.written = Some(now);
                self.unwritten -= 1;
            }
        }
        self.send_bodies();
        if self.out.is_empty() {
            self.out.shrink_to(KEPT);
        }
    }

    /// The peer closed the connection.
    pub(super) fn end(&mut self) {
        let message = if self.settings_received {
            "the server closed the connection before the response was complete"
        } else {
            "the server closed the connection without an answer; does it speak HTTP/2?"
        };
        self.fail(&TransportError::new(ErrorClass::Reset, message));
    }

    /// The connection is lost with all that is on it.
    pub(super) fn fail(&mut self, error: &TransportError) {
        self.closed.get_or_insert_with(|| error.clone());
        for stream in &mut self.streams {
            stream.finish(Err(error.clone()));
        }
    }

    pub(super) fn close(&mut self, message: &str) {
        self.closed.get_or_insert_with(|| TransportError::new(ErrorClass::Reset, message));
    }

    pub(super) fn stream(&mut self, id: u32) -> Option<&mut Http2Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    /// Takes a stream out; one that is not over is reset.
    pub(super) fn take(&mut self, id: u32) -> Option<Http2Stream> {
        let at = self.streams.iter().position(|stream| stream.id == id)?;
        let stream = self.streams.swap_remove(at);
        self.unwritten -= usize::from(stream.written.is_none());
        // Of a response that came early, the rest of the request is of no use any more.
        let half_sent = stream.outcome.is_none() || stream.unsent > 0;
        if half_sent && !stream.was_reset {
            frame::put_reset(&mut self.out, id, ErrorCode::Cancel);
        }
        Some(stream)
    }

    /// Sends as much of the requests' bodies as the windows allow and one helping holds: a frame of each stream in
    /// turn, so that none waits for another's end.
    pub(super) fn send_bodies(&mut self) {
        if !self.has_bodies {
            return;
        }
        let mut passed_over = 0;
        while passed_over < self.streams.len() {
            if self.send_window <= 0 || self.out.len() >= SEND_AHEAD {
                return;
            }
            self.turn = (self.turn + 1) % self.streams.len();
            let window = self.send_window.min(i64::try_from(MAX_PAYLOAD).unwrap_or(i64::MAX));
            let sent = self.streams[self.turn].put_data(window, &mut self.out);
            self.send_window -= sent;
            passed_over = if sent > 0 { 0 } else { passed_over + 1 };
        }
        self.has_bodies = self.streams.iter().any(Http2Stream::is_sending);
    }
}
