//! Sessions, compiled.

use std::sync::{Arc, Mutex};

use minijinja::Value;

use super::{CaptureSlot, StatusSet};
use crate::scenario::schema::SessionScope;
use crate::units::{Nanos, RunTime};

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
    /// Who has one of it.
    pub per: SessionScope,
    /// Where its login keeps what it captures.
    pub slots: Vec<CaptureSlot>,
    /// What all users of the run share of it.
    pub shared: Arc<Mutex<SharedSession>>,
}

/// A session that one user has for all.
#[derive(Debug, Default)]
pub enum SharedSession {
    /// Nobody has it.
    #[default]
    Nobody,
    /// A user logs in, since then.
    LoggingIn(RunTime),
    /// It is there.
    Held(HeldSession),
}

/// What a login has brought.
#[derive(Debug, Clone, Default)]
pub struct HeldSession {
    /// When it was asked for.
    pub asked: RunTime,
    /// Until when it is used.
    pub until: RunTime,
    /// What the login captured.
    pub values: Vec<(CaptureSlot, Value)>,
}
