//! Sessions, compiled.

use super::StatusSet;
use crate::units::Nanos;

/// The position of a session among the plan's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u16);

/// Something that a user holds for a while: a login, a token.
#[derive(Debug, Clone)]
pub struct SessionPlan {
    /// Its name.
    pub name: String,
    /// How long it is used from the moment that it was asked for: its life less what it is renewed ahead.
    pub used_for: Nanos,
    /// The statuses that say that it has ended in spite of that. The first such answer to a request renews the
    /// session and sends the request again; a second one is judged like any answer.
    pub expired: StatusSet,
}
