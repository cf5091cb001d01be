//! What flows come to besides their programs.

use std::collections::BTreeMap;

use super::session::OwnedSession;
use crate::{Lifecycle, PlaybackPlan, RequestPlan, SessionId, StreamPlan};
use plimsoll_metrics::StepInfo;
use plimsoll_scenario::ProblemKind;

/// What flows come to besides their programs.
pub(in crate::compile) struct CompiledFlows {
    pub(in crate::compile) steps: Vec<StepInfo>,
    pub(in crate::compile) requests: Vec<RequestPlan>,
    pub(in crate::compile) streams: Vec<StreamPlan>,
    pub(in crate::compile) playbacks: Vec<PlaybackPlan>,
    pub(in crate::compile) lifecycle: Lifecycle,
    pub(in crate::compile) sessions: BTreeMap<SessionId, OwnedSession>,
}

/// How many scenarios and steps a plan tells apart: [`StepId`] and [`ScenarioId`] have 16 bits.
///
/// [`StepId`]: plimsoll_metrics::StepId
/// [`ScenarioId`]: plimsoll_metrics::ScenarioId
const POSITIONS: usize = 1 << 16;

/// What is wrong with so many of something that has a position.
pub(super) fn too_many((what, count): (&'static str, usize)) -> Option<ProblemKind> {
    (count > POSITIONS).then_some(ProblemKind::TooMany { what, limit: POSITIONS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_steps_as_can_be_told_apart_are_taken() {
        assert_eq!(too_many(("steps", POSITIONS)), None);
        let kind = ProblemKind::TooMany { what: "steps", limit: POSITIONS };
        assert_eq!(too_many(("steps", usize::from(u16::MAX) + 2)), Some(kind));
    }
}
