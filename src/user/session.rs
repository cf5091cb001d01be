//! Sessions: logged in when a request needs it, renewed before they end, and once more where the server says
//! that one has ended all the same.

use super::{Action, User};
use crate::metrics::{Outcome, StepId};
use crate::plan::{Instruction, RequestId, RequestPlan, SessionId};
use crate::units::RunTime;

/// What a user holds of one session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UserSession {
    /// When it was last asked for. The server's clock begins later, so this errs on the safe side.
    asked: RunTime,
    /// Until when it is used; none before the first login, and once it was refused.
    until: Option<RunTime>,
    /// Whether the last answer said that it has ended.
    refused: bool,
    /// The request that was refused, until it is answered. Only one at a time may cause a renewal, so that a
    /// server which never accepts a session is not asked for one again and again.
    retrying: Option<RequestId>,
}

impl UserSession {
    /// Whether it may not be used at `now`.
    pub(super) fn is_due(&self, now: RunTime) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

impl User {
    /// Carries out an instruction of a session; none if it is another one.
    pub(super) fn session(&mut self, op: &Instruction, now: RunTime) -> Option<Action> {
        match op {
            Instruction::SessionNeeded { session, held } => {
                let state = &mut self.sessions[session.0 as usize];
                if state.is_due(now) {
                    state.asked = now;
                } else {
                    self.position = *held;
                }
            }
            Instruction::SessionBegun(session) => {
                let used_for = self.plan.sessions[session.0 as usize].used_for;
                let state = &mut self.sessions[session.0 as usize];
                state.until = Some(state.asked + used_for);
            }
            Instruction::SessionRefused { session, again, expired } => {
                return self.renew_if_refused(*session, (*again, *expired), now);
            }
            _ => {}
        }
        None
    }

    /// Behind a request: goes back to the login if it was refused, and counts that with the session's age.
    fn renew_if_refused(
        &mut self,
        session: SessionId,
        (again, expired): (u32, StepId),
        now: RunTime,
    ) -> Option<Action> {
        let state = &mut self.sessions[session.0 as usize];
        if !std::mem::take(&mut state.refused) {
            return None;
        }
        state.until = None;
        self.position = again;
        Some(Self::note(expired, (state.asked, now), Outcome::Ok))
    }

    /// Whether an answer says that the request's session has ended, and this is the first time that it does.
    pub(super) fn is_refused(&mut self, id: RequestId, request: &RequestPlan, status: u16) -> bool {
        let Some(session) = request.session else { return false };
        let plan = &self.plan.sessions[session.0 as usize];
        let state = &mut self.sessions[session.0 as usize];
        let expected = request.expects(status);
        if !expected && plan.expired.contains(status) && state.retrying.is_none() {
            state.refused = true;
            state.retrying = Some(id);
            return true;
        }
        if state.retrying == Some(id) {
            state.retrying = None;
        }
        false
    }
}

#[cfg(test)]
mod tests;
