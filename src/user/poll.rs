//! Polls: a round, a look at the condition, a wait, another round.

use super::{Action, User};
use crate::metrics::{ErrorClass, Outcome};
use crate::plan::{PollPlan, RenderError};
use crate::units::RunTime;

/// A poll under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Poll {
    began: RunTime,
    round_began: RunTime,
}

impl Poll {
    pub(super) const fn begun(now: RunTime) -> Self {
        Self { began: now, round_began: now }
    }
}

impl User {
    /// Ends a round at `now`. A poll that runs into its timeout ends the iteration, as a failed request does.
    pub(super) fn poll_again(
        &mut self,
        depth: u8,
        poll: &PollPlan,
        back: u32,
        now: RunTime,
    ) -> Result<Action, RenderError> {
        let began = self.polls[depth as usize].began;
        if self.holds(&poll.until)? {
            return Ok(Self::note(poll.step, (began, now), Outcome::Ok));
        }
        let next = (self.polls[depth as usize].round_began + poll.every).max(now);
        if next >= began + poll.timeout {
            self.fail();
            let outcome = Outcome::Failed(ErrorClass::ResponseTimeout);
            return Ok(Self::note(poll.step, (began, now), outcome));
        }
        self.polls[depth as usize].round_began = next;
        self.position = back;
        Ok(Action::Wait(next))
    }
}
