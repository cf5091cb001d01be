//! What the engine hears of requests and streams.

use plimsoll_metrics::{Sample, StepId};
use plimsoll_units::RunTime;

/// When a request was meant to begin, and when it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTimes {
    /// When the user was ready for it.
    pub intended: RunTime,
    /// When its work began.
    pub began: RunTime,
}

/// A finished request.
#[derive(Debug)]
pub struct FinishedRequest {
    /// Its times and outcome.
    pub sample: Sample,
    /// What was wrong, without secrets; empty where all is well.
    pub message: String,
}

/// What a stream yields while it lasts.
#[derive(Debug)]
pub enum StreamEvent {
    /// The request is through: at the end of events, or once an expected message has come.
    Request(FinishedRequest),
    /// A time within it: until the first event or message, or as long as it was open, with how many came. Failed
    /// where a WebSocket ends while it is held.
    DerivedTiming(FinishedRequest),
    /// Bytes that came and went since its request was through, or since the last ones were told.
    Traffic {
        /// The row of the whole stream.
        step: StepId,
        /// Bytes received, as on the wire but without TLS.
        received: u64,
        /// Bytes sent.
        sent: u64,
    },
}

impl StreamEvent {
    /// A time within a stream that goes well.
    pub(super) fn derived_timing(sample: Sample) -> Self {
        Self::DerivedTiming(FinishedRequest { sample, message: String::new() })
    }
}
