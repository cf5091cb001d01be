//! Requests of a session: the login before them, and the way back to it.

use std::collections::BTreeMap;

use super::draft::{ExpectedRequests, ScenarioPlanDraft};
use super::parts::FlowParts;
use crate::{
    CaptureSlot, Instruction, Pick, RequestId, SessionId, SessionPlan, SessionScope, SharedLogin,
    StatusSet,
};
use plimsoll_metrics::StepId;
use plimsoll_scenario::schema::{ConnectionsSpec, Scenario, SessionSpec};

/// A session that the instructions from here on are in.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnteredSession {
    pub(super) id: SessionId,
    /// The instruction that looks whether it is held.
    pub(super) again: u32,
    /// The metric's key of the ages at which it was refused.
    pub(super) expired: StepId,
    /// What the login asks for, the first time in a journey.
    pub(super) login: ExpectedRequests,
}

impl<'a> FlowParts<'a> {
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
}

/// Who has a session, and where its login keeps what it captures.
#[derive(Debug, Clone)]
pub(in crate::compile) struct OwnedSession {
    pub(super) per: SessionScope,
    slots: Vec<CaptureSlot>,
}

impl FlowParts<'_> {
    /// Who has a session whose login is `ops`: the user, unless it asks for what an iteration has of its own.
    pub(super) fn owned(&self, session: &SessionSpec, ops: &[Instruction]) -> OwnedSession {
        let asked = self.asked(ops);
        let slots: Vec<CaptureSlot> = self.captured(ops);
        // What the setup captured is the same for all.
        let given = self.given_slots();
        let is_known = |slot: &CaptureSlot| slots.contains(slot) || given.contains(slot);
        let is_of_iteration = asked.iteration
            || !asked.slots.iter().all(is_known)
            || asked.datasets.iter().any(|set| self.data[usize::from(*set)].pick != Pick::Unique)
            || self.scenario.http.connections == Some(ConnectionsSpec::PerIteration);
        let own = if is_of_iteration { SessionScope::Iteration } else { SessionScope::User };
        OwnedSession { per: session.per.unwrap_or(own), slots }
    }
}

/// The sessions of a scenario, by [`SessionId`]. Users that change from one target to another do not keep them, unless
/// the author says so.
pub(in crate::compile) fn plans(
    scenario: &Scenario,
    owned: &BTreeMap<SessionId, OwnedSession>,
    changes_sides: bool,
) -> Vec<SessionPlan> {
    let plan = |(at, session): (usize, &SessionSpec)| {
        let owned = owned.get(&SessionId(at as u16));
        let owned = owned.filter(|_| session.per.is_some() || !changes_sides);
        SessionPlan {
            name: session.name.value.clone(),
            used_for: session.lives.saturating_sub(session.renew_ahead),
            expired: StatusSet(session.expired.clone()),
            per: owned.map_or(SessionScope::Iteration, |owned| owned.per),
            slots: owned.map(|owned| owned.slots.clone()).unwrap_or_default(),
            shared: SharedLogin::default(),
        }
    };
    scenario.sessions.iter().enumerate().map(plan).collect()
}
