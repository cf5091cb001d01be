//! Requests of a session: the login before them, and the way back to it.

use std::collections::BTreeSet;

use super::{ExpectedRequests, FlowCompiler, ScenarioPlanDraft};
use crate::metrics::{SampleKind, StepId};
use crate::plan::{Instruction, RequestId, SessionId, SessionPlan, StatusSet};
use crate::scenario::schema::{RequestSpec, Scenario};
use crate::scenario::{ProblemKind, Problems, Spanned};

/// A session that the instructions from here on are in.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnteredSession {
    pub(super) id: SessionId,
    /// The instruction that looks whether it is held.
    pub(super) again: u32,
    /// The metric's key of the ages at which it was refused.
    expired: StepId,
    /// What the login asks for, the first time in a journey.
    pub(super) login: ExpectedRequests,
}

impl<'a> FlowCompiler<'a> {
    /// Makes sure that the session is held behind this point. A journey's first request of a session counts its
    /// login as expected; renewals are the playback's to count, because little else lasts that long.
    pub(super) fn enter(
        &mut self,
        session: Option<&'a Spanned<String>>,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> Option<EnteredSession> {
        let wanted = session?;
        let scenario = self.scenario;
        let found = scenario.sessions.iter().position(|known| known.name.value == wanted.value);
        let Some(at) = found else {
            let known = scenario.sessions.iter().map(|known| known.name.value.clone()).collect();
            let kind =
                ProblemKind::UnknownName { what: "session", name: wanted.value.clone(), known };
            problems.report(wanted.span, kind);
            return None;
        };
        let name = scenario.sessions[at].name.value.as_str();
        if draft.logging_in.contains(&name) {
            problems.report(wanted.span, ProblemKind::SessionCycle { name: name.to_owned() });
            return None;
        }
        let id = SessionId(at as u16);
        let expired = self.part_of(&scenario.sessions[at].name, SampleKind::Expired, problems);
        let again = draft.ops.len() as u32;
        draft.ops.push(Instruction::SessionNeeded { session: id, held: 0 });
        draft.logging_in.push(name);
        let login = self.flow(&scenario.sessions[at].login, draft, problems);
        draft.logging_in.pop();
        draft.ops.push(Instruction::SessionBegun(id));
        let held = draft.ops.len() as u32;
        draft.ops[again as usize] = Instruction::SessionNeeded { session: id, held };
        let first = draft.opened.insert(id);
        let login = if first { login } else { ExpectedRequests::default() };
        Some(EnteredSession { id, again, expired, login })
    }

    /// Behind `request`: back to the login where it was refused.
    pub(super) fn leave(
        &mut self,
        entered: EnteredSession,
        request: RequestId,
        draft: &mut ScenarioPlanDraft<'a>,
    ) {
        if let Some(plan) = self.compiled.get_mut(request.0 as usize) {
            plan.session = Some(entered.id);
        }
        let EnteredSession { id: session, again, expired, .. } = entered;
        draft.ops.push(Instruction::SessionRefused { session, again, expired });
    }

    /// Enters the sessions of requests that go out at once, each once. Nothing goes back from there: what one
    /// of them is refused, another may have got.
    pub(super) fn enter_all(
        &mut self,
        requests: &'a [RequestSpec],
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let mut seen = BTreeSet::new();
        let mut expected = ExpectedRequests::default();
        for session in requests.iter().filter_map(|request| request.session.as_ref()) {
            if seen.insert(session.value.as_str()) {
                let entered = self.enter(Some(session), draft, problems);
                expected = expected.plus(entered.map(|e| e.login).unwrap_or_default());
            }
        }
        expected
    }
}

/// The sessions of a scenario, by [`SessionId`].
pub(in crate::plan::compile) fn plans(scenario: &Scenario) -> Vec<SessionPlan> {
    let plan = |session: &crate::scenario::schema::SessionSpec| SessionPlan {
        name: session.name.value.clone(),
        used_for: session.lives.saturating_sub(session.renew_ahead),
        expired: StatusSet(session.expired.clone()),
    };
    scenario.sessions.iter().map(plan).collect()
}
