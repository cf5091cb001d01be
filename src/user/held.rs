//! What a user holds of a session.

use plimsoll_plan::{HeldSession, RequestId};
use plimsoll_units::RunTime;

/// What a user holds of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct UserSession {
    /// When it was last asked for. The server's clock begins later, so this errs on the safe side.
    pub(super) asked: RunTime,
    /// Until when it is used; none before the first login, and once it was refused.
    pub(super) until: Option<RunTime>,
    /// Whether the last answer said that it has ended.
    pub(super) refused: bool,
    /// The request that was refused, until it is answered. Only one at a time may cause a renewal, so that a
    /// server which never accepts a session is not asked for one again and again.
    pub(super) retrying: Option<RequestId>,
    /// Whether the user logs in for all.
    pub(super) for_all: bool,
    /// What the login captured, where the session outlives an iteration.
    pub(super) kept: HeldSession,
}

impl UserSession {
    /// Whether it may not be used at `now`.
    pub(super) fn is_due(&self, now: RunTime) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}
