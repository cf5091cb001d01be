//! Requests of a session: the login before them, and the way back to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ExpectedRequests, FlowCompiler, ScenarioPlanDraft};
use crate::metrics::{SampleKind, StepId};
use crate::plan::{
    AskedNames, Body, CaptureSlot, Instruction, Pick, RequestId, SessionId, SessionPlan,
    SessionScope, SharedLogin, StatusSet, StreamKind, Template, UploadPiece,
};
use crate::scenario::schema::{ConnectionsSpec, RequestSpec, Scenario, SessionSpec};
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
        let login_from = draft.ops.len();
        let login = self.flow(&scenario.sessions[at].login, draft, problems);
        draft.logging_in.pop();
        let owned = self.owned(&scenario.sessions[at], &draft.ops[login_from..]);
        let is_shared = owned.per != SessionScope::Iteration;
        self.sessions.insert(id, owned);
        draft.ops.push(Instruction::SessionBegun(id));
        let held = draft.ops.len() as u32;
        draft.ops[again as usize] = Instruction::SessionNeeded { session: id, held };
        let first = draft.opened.insert(id);
        // A user that keeps it logs in once for many iterations.
        let counts = first && !is_shared;
        let login = if counts { login } else { ExpectedRequests::default() };
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

/// Who has a session, and where its login keeps what it captures.
#[derive(Debug, Clone)]
pub(in crate::plan::compile) struct OwnedSession {
    per: SessionScope,
    slots: Vec<CaptureSlot>,
}

impl FlowCompiler<'_> {
    /// Who has a session whose login is `ops`: the user, unless it asks for what an iteration has of its own.
    fn owned(&self, session: &SessionSpec, ops: &[Instruction]) -> OwnedSession {
        let asked = self.asked(ops);
        let slots: Vec<CaptureSlot> = self.captured(ops);
        let is_of_iteration = asked.iteration
            || asked.slots.iter().any(|slot| !slots.contains(slot))
            || asked.datasets.iter().any(|set| self.data[usize::from(*set)].pick != Pick::Unique)
            || self.scenario.http.connections == Some(ConnectionsSpec::PerIteration);
        let own = if is_of_iteration { SessionScope::Iteration } else { SessionScope::User };
        OwnedSession { per: session.per.unwrap_or(own), slots }
    }

    /// What instructions ask for.
    pub(super) fn asked(&self, ops: &[Instruction]) -> AskedNames {
        let mut asked = AskedNames::default();
        let mut ask = |template: &Template| asked.extend(self.templates.asked(template));
        for op in ops {
            match op {
                Instruction::If { when, .. } => ask(&when.template),
                Instruction::PollAgain { poll, .. } => ask(&poll.until.template),
                Instruction::Stream(id) => {
                    if let StreamKind::Messages { send, .. } = &self.streams[id.0 as usize].kind {
                        send.iter().for_each(&mut ask);
                    }
                }
                _ => {}
            }
            for id in self.requests_of(op) {
                let request = &self.compiled[id.0 as usize];
                ask(&request.url);
                request.headers.iter().for_each(|(_, value)| ask(value));
                match &request.body {
                    Body::None => {}
                    Body::Text(text) => ask(text),
                    Body::Upload(pieces) => {
                        for piece in pieces {
                            if let UploadPiece::Text(text) = piece {
                                ask(text);
                            }
                        }
                    }
                }
            }
        }
        asked
    }

    /// Where instructions keep what they capture.
    fn captured(&self, ops: &[Instruction]) -> Vec<CaptureSlot> {
        let requests = ops.iter().flat_map(|op| self.requests_of(op));
        let captures = requests.flat_map(|id| &self.compiled[id.0 as usize].captures);
        captures.map(|capture| capture.slot).collect()
    }

    /// The requests that an instruction sends.
    fn requests_of(&self, op: &Instruction) -> Vec<RequestId> {
        match op {
            Instruction::Request(id) => vec![*id],
            Instruction::Parallel(ids) => ids.clone(),
            Instruction::Stream(id) => vec![self.streams[id.0 as usize].request],
            _ => vec![],
        }
    }
}

/// The sessions of a scenario, by [`SessionId`]. Users that change from one target to another do not keep them, unless
/// the author says so.
pub(in crate::plan::compile) fn plans(
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
