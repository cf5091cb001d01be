//! Steps that last, compiled: polls, streams and playback.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{CaptureSlot, Check, Condition, Delay, RequestId, SessionId, Template};
use plimsoll_metrics::StepId;
use plimsoll_units::Nanos;

/// Something done again and again until a condition holds.
#[derive(Debug, Clone)]
pub struct PollPlan {
    /// The metric's key of the whole: from the first round's start to the moment the condition holds.
    pub step: StepId,
    /// From the start of one round to the start of the next.
    pub every: Nanos,
    /// The longest time for the whole.
    pub timeout: Nanos,
    /// When it is over.
    pub until: Condition,
    /// Whether its user goes on where that does not come in time.
    pub goes_on: bool,
}

/// A stream of events or messages.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// How it is opened. Its sample lasts to the end of events, or to the open WebSocket. Its captures look
    /// into the last event or message, its checks on `json` and `body` do as well.
    pub request: RequestId,
    /// The metric's key of the time until the first event or message, from the moment the user was ready.
    pub first: StepId,
    /// The metric's key of the time that it was open, with the events or messages that came meanwhile.
    pub whole: StepId,
    /// What it is.
    pub kind: StreamKind,
}

/// A message that is sent over a WebSocket.
#[derive(Debug, Clone)]
pub struct SocketMessage {
    /// What it is made of.
    pub content: Template,
    /// How its bytes are written in that.
    pub form: SocketMessageForm,
}

/// How the bytes of a message are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketMessageForm {
    /// As they stand, in a text message.
    Text,
    /// As they stand, in a binary message.
    Binary,
    /// In hexadecimal digits, blanks between them allowed; in a binary message.
    Hex,
    /// In Base64 (RFC 4648 §4); in a binary message.
    Base64,
}

impl SocketMessageForm {
    /// The bytes that `written` stands for; `None` where it stands for none.
    pub fn read(self, written: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Text | Self::Binary => Some(written),
            Self::Hex => {
                let digits: Vec<u8> =
                    written.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
                let pair = |pair: &[u8]| match pair {
                    [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
                    _ => None,
                };
                digits.chunks(2).map(pair).collect()
            }
            Self::Base64 => STANDARD.decode(written.trim_ascii()).ok(),
        }
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// What a stream is.
#[derive(Debug, Clone)]
pub enum StreamKind {
    /// Server-sent events, until one meets all checks (on `json` or `body`); to the end if there are none.
    Events {
        /// Checks of the last event's data.
        until: Vec<Check>,
        /// The type of the events that are listened to; empty for all.
        event: String,
        /// How long is listened, if not to the end or to the request's timeout.
        hold: Option<Delay>,
        /// The metric's key of the time from each of them to the next.
        gap: StepId,
    },
    /// A WebSocket.
    Messages {
        /// What is sent once it is open.
        send: Vec<SocketMessage>,
        /// Checks that one message must meet before the request's timeout; any message if there are none.
        expect: Vec<Check>,
        /// How long it stays open.
        hold: Delay,
    },
}

/// Which of a playlist's variants a player plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantChoice {
    /// The first at first, then as the bandwidth allows.
    Adaptive,
    /// The first.
    First,
    /// That of the lowest bandwidth.
    Lowest,
    /// That of the highest bandwidth.
    Highest,
}

/// A video that is watched, segment by segment.
#[derive(Debug, Clone)]
pub struct PlaybackPlan {
    /// The playlist's request: relative names of segments are relative to its URL.
    pub manifest: RequestId,
    /// Where the URL of the next segment, or of the chosen variant, is kept.
    pub url: CaptureSlot,
    /// Where its `range` header is kept, if a part of it is asked for.
    pub range: CaptureSlot,
    /// Which of several variants is played.
    pub variant: VariantChoice,
    /// How many segments the player loads ahead.
    pub buffer: u32,
    /// How long is watched.
    pub watch: Delay,
    /// The session that playlist and segments need.
    pub session: Option<SessionId>,
    /// The instruction behind the playback, where a user goes on whose playlist or segment has failed; none where that
    /// ends the iteration.
    pub goes_on_at: Option<u32>,
    /// The metric's key of the time until the first segment is there, from the moment the user was ready.
    pub first_segment: StepId,
    /// The metric's key of the time that was played.
    pub played: StepId,
    /// The metric's key of the time that a player would have stalled. Its sum divided by that of `played` is
    /// the rebuffer ratio.
    pub stalled: StepId,
}
