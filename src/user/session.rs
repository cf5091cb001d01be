//! Sessions: logged in when a request needs it, renewed before they end, and once more where the server says
//! that one has ended all the same.

#[cfg(test)]
mod tests;

use std::sync::{MutexGuard, PoisonError};

use crate::plan::{HeldSession, RequestId, SessionId, SessionScope, SharedSession};
use crate::units::{Nanos, RunTime};

use super::{Action, User};

/// How long a user waits before it looks again whether another has logged in for all.
const LOOK: Nanos = Nanos::from_millis(2);
/// After so long, whoever logs in for all is given up.
const GIVEN_UP: Nanos = Nanos::from_secs(60);

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
    for_all: bool,
    /// What the login captured, where the session outlives an iteration.
    kept: HeldSession,
}

impl UserSession {
    /// Whether it may not be used at `now`.
    pub(super) fn is_due(&self, now: RunTime) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

impl User {
    /// Begins an iteration with the sessions that outlive one, and what their logins captured.
    pub(super) fn keep_sessions(&mut self) {
        let plan = self.plan.clone();
        for (session, state) in plan.sessions.iter().zip(&mut self.sessions) {
            if session.per == SessionScope::Iteration {
                *state = UserSession::default();
                continue;
            }
            (state.refused, state.retrying) = (false, None);
            if state.until.is_some() {
                for (slot, value) in &state.kept.values {
                    self.slots[slot.0 as usize] = Some(value.clone());
                }
            }
        }
    }

    /// Looks whether the session is held: goes to `held` if it is, on to the login if not, or waits for another user.
    pub(super) fn need_session(
        &mut self,
        session: SessionId,
        held: u32,
        now: RunTime,
    ) -> Option<Action> {
        let index = session.0 as usize;
        if !self.sessions[index].is_due(now) {
            self.position = held;
            return None;
        }
        if self.plan.sessions[index].per == SessionScope::Run {
            let shared = self.plan.sessions[index].shared.clone();
            let mut shared = lock(&shared);
            match &*shared {
                SharedSession::Held(found) if now < found.until => {
                    let found = found.clone();
                    drop(shared);
                    self.take_session(index, found);
                    self.position = held;
                    return None;
                }
                SharedSession::LoggingIn(since) if now < *since + GIVEN_UP => {
                    self.position -= 1;
                    return Some(Action::Wait(now + LOOK));
                }
                _ => *shared = SharedSession::LoggingIn(now),
            }
            drop(shared);
            self.sessions[index].for_all = true;
        }
        self.sessions[index].asked = now;
        None
    }

    fn take_session(&mut self, index: usize, found: HeldSession) {
        for (slot, value) in &found.values {
            self.slots[slot.0 as usize] = Some(value.clone());
        }
        let state = &mut self.sessions[index];
        (state.asked, state.until) = (found.asked, Some(found.until));
        state.kept = found;
    }

    /// The login is through.
    pub(super) fn session_begun(&mut self, session: SessionId) {
        let index = session.0 as usize;
        let plan = &self.plan.sessions[index];
        let state = &mut self.sessions[index];
        let until = state.asked + plan.used_for;
        state.until = Some(until);
        if plan.per == SessionScope::Iteration {
            return;
        }
        let value_in = |slot: &crate::plan::CaptureSlot| {
            self.slots[slot.0 as usize].clone().map(|value| (*slot, value))
        };
        let values = plan.slots.iter().filter_map(value_in).collect();
        state.kept = HeldSession { asked: state.asked, until, values };
        if std::mem::take(&mut state.for_all) {
            *lock(&plan.shared) = SharedSession::Held(state.kept.clone());
        }
    }

    /// The session was refused: nobody uses it any more, unless another user has renewed it meanwhile.
    pub(super) fn session_ended(&mut self, session: SessionId) {
        let index = session.0 as usize;
        let state = &mut self.sessions[index];
        state.until = None;
        let plan = &self.plan.sessions[index];
        if plan.per == SessionScope::Run {
            let mut shared = lock(&plan.shared);
            if matches!(&*shared, SharedSession::Held(held) if held.asked == state.asked) {
                *shared = SharedSession::Nobody;
            }
        }
    }

    /// The iteration ends: whoever was logging in for all lets another one try.
    pub(super) fn give_up_logins(&mut self) {
        for (state, plan) in self.sessions.iter_mut().zip(&self.plan.sessions) {
            if std::mem::take(&mut state.for_all) {
                *lock(&plan.shared) = SharedSession::Nobody;
            }
        }
    }
}

fn lock(shared: &std::sync::Mutex<SharedSession>) -> MutexGuard<'_, SharedSession> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
