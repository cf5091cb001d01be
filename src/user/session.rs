//! Sessions: logged in when a request needs it, renewed before they end, and once more where the server says
//! that one has ended all the same.

#[cfg(test)]
mod tests;

use crate::plan::RequestId;
use crate::units::RunTime;

/// What a user holds of one session.
#[derive(Debug, Clone, Copy, Default)]
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
}

impl UserSession {
    /// Whether it may not be used at `now`.
    pub(super) fn is_due(&self, now: RunTime) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}
