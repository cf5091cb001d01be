//! What a user knows of the attempts at a request.

use std::cell::OnceCell;

use plimsoll_plan::{DrawnNumbers, RequestId};
use plimsoll_units::{Nanos, RunTime};
use rand_pcg::Pcg64Mcg;

/// Attempts at the request that may be sent again.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    pub(super) request: RequestId,
    /// When the user first wanted it.
    pub(super) first: RunTime,
    /// How many were made, that under way included.
    pub(super) made: u16,
    pub(super) next: NextAttempt,
    /// The user's chance before the first of them was made: each draws the same, for what is sent again must be the same
    /// request (a key of idempotency, an identifier).
    pub(super) chance: Pcg64Mcg,
    /// What the first of them drew from `seq()`.
    pub(super) numbers: OnceCell<DrawnNumbers>,
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
