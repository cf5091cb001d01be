//! What a user knows of the attempts at a request.

use plimsoll_plan::RequestId;
use plimsoll_units::{Nanos, RunTime};

/// Attempts at the request that may be sent again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempts {
    pub(super) request: RequestId,
    /// When the user first wanted it.
    pub(super) first: RunTime,
    /// How many were made, that under way included.
    pub(super) made: u16,
    pub(super) next: NextAttempt,
}

/// When a request is sent again.
#[derive(Debug, Clone, Copy)]
pub(super) enum NextAttempt {
    /// Nobody knows yet whether it is.
    Unknown,
    /// So long from the failure.
    Behind(Nanos),
    /// At this moment.
    At(RunTime),
}
