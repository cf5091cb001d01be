//! Sessions: logged in when a request needs it, renewed before they end, and once more where the server says
//! that one has ended all the same.

#[cfg(test)]
mod tests;

use plimsoll_plan::{HeldSession, LoginTurn, SessionId, SessionScope};
use plimsoll_units::{Nanos, RunTime};

use super::Action;
use super::held::UserSession;
use super::state::User;

/// How long a user waits before it looks again whether another has logged in for all.
const LOOK: Nanos = Nanos::from_millis(2);

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
            match self.plan.sessions[index].shared.turn(now) {
                LoginTurn::Use(found) => {
                    self.take_session(index, found);
                    self.position = held;
                    return None;
                }
                LoginTurn::Wait => {
                    self.position -= 1;
                    return Some(Action::Wait(now + LOOK));
                }
                LoginTurn::LogIn => {}
            }
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
        let value_in = |slot: &plimsoll_plan::CaptureSlot| {
            self.slots[slot.0 as usize].clone().map(|value| (*slot, value))
        };
        let values = plan.slots.iter().filter_map(value_in).collect();
        state.kept = HeldSession { asked: state.asked, until, values };
        if std::mem::take(&mut state.for_all) {
            plan.shared.begun(state.kept.clone());
        }
    }

    /// The session was refused: nobody uses it any more, unless another user has renewed it meanwhile.
    pub(super) fn session_ended(&mut self, session: SessionId) {
        let index = session.0 as usize;
        let state = &mut self.sessions[index];
        state.until = None;
        let plan = &self.plan.sessions[index];
        if plan.per == SessionScope::Run {
            plan.shared.ended(state.asked);
        }
    }

    /// The iteration ends: whoever was logging in for all lets another one try.
    pub(super) fn give_up_logins(&mut self) {
        for (state, plan) in self.sessions.iter_mut().zip(&self.plan.sessions) {
            if std::mem::take(&mut state.for_all) {
                plan.shared.given_up();
            }
        }
    }
}
