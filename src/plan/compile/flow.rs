//! Flows → programs: `use` is expanded, names become indices, and what an iteration asks for is counted.

mod compiled;
mod draft;
mod lasting;
mod loops;
mod parts;
mod session;

pub(super) use parts::FlowChoice;
pub(super) use session::{OwnedSession, plans as session_plans};

use std::collections::{BTreeMap, BTreeSet};

use self::compiled::{CompiledFlows, too_many};
use self::draft::{ExpectedRequests, ScenarioPlanDraft};
use self::parts::{FlowParts, kind_of};
use self::session::EnteredSession;
use super::demand::{JourneyDemand, MixDemand};
use super::template::TemplateCompiler;
use crate::{
    Dataset, Instruction, Lifecycle, LifecyclePlan, PollPlan, Program, ScenarioPlan, SessionId,
    SessionScope,
};
use plimsoll_metrics::{LifecyclePart, SampleKind};
use plimsoll_scenario::schema::{
    JourneySpec, LifecycleSpec, PlaybackSpec, PollSpec, RequestSpec, Scenario, StepKind, StepSpec,
    StreamSpec,
};
use plimsoll_scenario::{ProblemKind, Problems, Span, Spanned};

/// The most instructions of a flow. `use` can double it with every level.
const STEP_LIMIT: usize = 20_000;

/// Compiles all journeys: what steps contain, they contain again.
pub(super) struct FlowCompiler<'a> {
    parts: FlowParts<'a>,
    /// Who has which session, as far as flows have asked for it.
    sessions: BTreeMap<SessionId, OwnedSession>,
    lifecycle: Lifecycle,
}

impl<'a> FlowCompiler<'a> {
    pub(super) fn new(
        (scenario, data): (&'a Scenario, &'a [Dataset]),
        templates: TemplateCompiler<'a>,
        prefix: String,
        choice: FlowChoice,
    ) -> Self {
        let parts = FlowParts::new((scenario, data), templates, prefix, choice);
        Self { parts, sessions: BTreeMap::new(), lifecycle: Lifecycle::default() }
    }

    /// All journeys, and what an iteration of each asks for.
    pub(super) fn journeys(
        &mut self,
        problems: &mut Problems,
    ) -> (Vec<ScenarioPlan>, Vec<JourneyDemand>) {
        self.look_at_setup();
        let (mut journeys, mut demands) = (vec![], vec![]);
        let scenario = self.parts.scenario;
        for journey in &scenario.scenarios {
            let (plan, expected) = self.journey(journey, problems);
            let ExpectedRequests { requests, seconds, is_untold } = expected;
            demands.push(JourneyDemand {
                name: plan.name.clone(),
                weight: plan.weight,
                demand: MixDemand { requests, seconds, is_untold },
                datasets: self.parts.asked(&plan.program.0).datasets,
            });
            journeys.push(plan);
        }
        let nothing = journeys.iter().all(|journey| journey.weight <= 0.0);
        if let (true, Some(first)) = (nothing, scenario.scenarios.first()) {
            problems.report(first.weight.span, ProblemKind::WeightsZero);
        }
        let own = self.parts.steps.len();
        self.lifecycle = self.lifecycle(problems);
        self.check_unused(problems);
        let counts = [("scenarios", scenario.scenarios.len()), ("steps", self.parts.steps.len())];
        let last = scenario.scenarios.last();
        for kind in counts.into_iter().filter_map(too_many) {
            problems.report(last.map_or(scenario.name.span, |last| last.name.span), kind);
        }
        self.lifecycle.steps = self.parts.steps.split_off(own);
        (journeys, demands)
    }

    /// The names that the setup captures; known once journeys are compiled.
    pub(super) const fn given(&self) -> &BTreeSet<String> {
        &self.parts.given
    }

    /// Finds what the setup captures: journeys may use it from their first step on. Leaves nothing else behind.
    fn look_at_setup(&mut self) {
        let Some(setup) = self.parts.setup() else { return };
        let mut draft = ScenarioPlanDraft::new(LifecyclePart::Setup.word(), Some(BTreeSet::new()));
        self.flow(&setup.flow, &mut draft, &mut Problems::default());
        self.parts.given = draft.captured.unwrap_or_default();
        self.parts.forget();
        self.sessions.clear();
    }

    /// Compiles setup and teardown, behind the journeys, whose steps come first.
    fn lifecycle(&mut self, problems: &mut Problems) -> Lifecycle {
        let (setup, teardown) = (self.parts.setup(), self.parts.teardown());
        let setup =
            setup.map(|spec| self.once(LifecyclePart::Setup, spec, BTreeSet::new(), problems));
        let given = self.parts.given.clone();
        let teardown =
            teardown.map(|spec| self.once(LifecyclePart::Teardown, spec, given, problems));
        Lifecycle { setup, teardown, steps: vec![], given: vec![] }
    }

    fn once(
        &mut self,
        part: LifecyclePart,
        spec: &'a LifecycleSpec,
        given: BTreeSet<String>,
        problems: &mut Problems,
    ) -> LifecyclePlan {
        let mut draft = ScenarioPlanDraft::new(part.word(), Some(given));
        self.flow(&spec.flow, &mut draft, problems);
        if draft.too_long {
            let (scenario, limit) = (part.word().to_owned(), STEP_LIMIT);
            problems.report(spec.span, ProblemKind::FlowTooLong { scenario, limit });
        }
        let slots = self.parts.captured(&draft.ops);
        let timeout = spec.timeout.unwrap_or(LifecyclePlan::TIMEOUT);
        LifecyclePlan { program: Program(draft.ops), timeout, slots }
    }

    /// All steps, requests and the like.
    pub(super) fn finish(mut self) -> CompiledFlows {
        self.parts.note_given_once();
        CompiledFlows {
            steps: self.parts.steps,
            requests: self.parts.compiled,
            streams: self.parts.streams,
            playbacks: self.parts.playbacks,
            lifecycle: self.lifecycle,
            sessions: self.sessions,
        }
    }

    fn journey(
        &mut self,
        journey: &'a JourneySpec,
        problems: &mut Problems,
    ) -> (ScenarioPlan, ExpectedRequests) {
        let mut draft = ScenarioPlanDraft::new(&journey.name.value, Some(self.parts.given.clone()));
        let expected = self.flow(&journey.flow, &mut draft, problems);
        if expected.requests <= 0.0 && !expected.is_untold {
            let scenario = journey.name.value.clone();
            problems.report(journey.name.span, ProblemKind::NoRequests { scenario });
        }
        if draft.too_long {
            let kind =
                ProblemKind::FlowTooLong { scenario: draft.name.to_owned(), limit: STEP_LIMIT };
            problems.report(journey.name.span, kind);
        }
        let plan = ScenarioPlan {
            name: journey.name.value.clone(),
            weight: journey.weight.value,
            program: Program(draft.ops),
            requests_per_iteration: expected.requests,
        };
        (plan, expected)
    }

    /// A flow that nothing uses is checked too, but leaves nothing behind.
    fn check_unused(&mut self, problems: &mut Problems) {
        let (steps, requests) = (self.parts.steps.len(), self.parts.compiled.len());
        let (streams, playbacks) = (self.parts.streams.len(), self.parts.playbacks.len());
        for named in &self.parts.scenario.flows {
            let mut draft = ScenarioPlanDraft::new(&named.name.value, None);
            draft.inside.push(&named.name.value);
            self.flow(&named.flow, &mut draft, problems);
        }
        for session in &self.parts.scenario.sessions {
            let mut draft = ScenarioPlanDraft::new(&session.name.value, None);
            draft.logging_in.push(&session.name.value);
            self.flow(&session.login, &mut draft, problems);
        }
        self.parts.steps.truncate(steps);
        self.parts.compiled.truncate(requests);
        self.parts.streams.truncate(streams);
        self.parts.playbacks.truncate(playbacks);
    }

    fn flow(
        &mut self,
        steps: &'a [StepSpec],
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let mut expected = ExpectedRequests::default();
        for step in steps {
            if draft.ops.len() >= STEP_LIMIT {
                draft.too_long = true;
                break;
            }
            expected = expected.plus(self.step(step, draft, problems));
        }
        expected
    }

    fn step(
        &mut self,
        step: &'a StepSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        match &step.kind {
            StepKind::Request(request) => self.request(request, draft, problems),
            StepKind::Think(law) => {
                let delay = self.parts.delay(*law);
                draft.ops.push(Instruction::Think(delay));
                ExpectedRequests::of(0.0, delay.mean().as_secs_f64())
            }
            StepKind::ThinkBy(span) => self.parts.think_by(span, draft, problems),
            StepKind::RepeatBy(_) | StepKind::ForEach(_) | StepKind::While(_) => {
                let Some(begun) = self.parts.begin_loop(step, draft, problems) else {
                    return ExpectedRequests::default();
                };
                // There may be no round at all.
                let opened = draft.opened.clone();
                let round = self.flow(begun.flow, draft, problems);
                draft.opened = opened;
                begun.end(draft, round)
            }
            StepKind::Use(name) => self.expand(name, draft, problems),
            StepKind::Repeat { times, flow } => {
                let Some(counter) = draft.open_loop(step.span, problems) else {
                    return ExpectedRequests::default();
                };
                let at = draft.ops.len();
                draft.ops.push(Instruction::Jump(0));
                let round = self.flow(flow, draft, problems);
                draft.close_repeat(at, counter, *times);
                round.times(f64::midpoint(f64::from(times.0), f64::from(times.1)))
            }
            StepKind::If { .. } => self.branch(&step.kind, draft, problems),
            StepKind::Choose(branches) => {
                let flows = branches.iter().map(|branch| (branch.weight, branch.flow.as_slice()));
                self.choose(&flows.collect::<Vec<_>>(), draft, problems)
            }
            StepKind::Parallel(requests) => self.parallel(requests, draft, problems),
            StepKind::Pace(span) => {
                draft.ops.push(Instruction::Pace(*span));
                ExpectedRequests::default()
            }
            StepKind::Poll(poll) => self.poll(poll, step.span, draft, problems),
            StepKind::Stream(stream) => self.stream(stream, draft, problems),
            StepKind::Playback(playback) => self.playback(playback, draft, problems),
        }
    }

    fn request(
        &mut self,
        request: &'a RequestSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let entered = self.enter(request.session.as_ref(), draft, problems);
        let id = self.parts.compiled_request(request, kind_of(&request.method), draft, problems);
        draft.ops.push(Instruction::Request(id));
        draft.note_captures(request);
        let alone = ExpectedRequests::of(1.0, 0.0);
        let Some(entered) = entered else { return alone };
        self.parts.leave(entered, id, draft);
        entered.login.plus(alone)
    }

    fn parallel(
        &mut self,
        requests: &'a [RequestSpec],
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        parts::refuse_unfit(requests, problems);
        let logins = self.enter_all(requests, draft, problems);
        let ids = requests
            .iter()
            .map(|request| {
                self.parts.compiled_request(request, kind_of(&request.method), draft, problems)
            })
            .collect();
        draft.ops.push(Instruction::Parallel(ids));
        // None of them can use what another one captures.
        for request in requests {
            draft.note_captures(request);
        }
        logins.plus(ExpectedRequests::of(requests.len() as f64, 0.0))
    }

    /// Something that is done on a condition; it counts as met.
    fn branch(
        &mut self,
        kind: &'a StepKind,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let StepKind::If { when, then, otherwise } = kind else {
            return ExpectedRequests::default();
        };
        let templates = self.parts.templates.after(draft.captured.as_ref());
        let when = templates.condition(when, problems);
        let at = draft.ops.len();
        draft.ops.push(Instruction::Jump(0));
        let opened = draft.opened.clone();
        let taken = self.flow(then, draft, problems);
        draft.opened.clone_from(&opened);
        let skip = draft.ops.len();
        draft.ops.push(Instruction::Jump(0));
        let end = draft.ops.len() as u32;
        let not_taken = self.flow(otherwise, draft, problems);
        draft.opened = opened;
        draft.ops[skip] = Instruction::Jump(draft.ops.len() as u32);
        if let Some(when) = when {
            draft.ops[at] = Instruction::If { when, end };
        }
        ExpectedRequests { seconds: taken.seconds.min(not_taken.seconds), ..taken }
    }

    fn expand(
        &mut self,
        name: &'a Spanned<String>,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let Some(named) = self.parts.named(name, draft, problems) else {
            return ExpectedRequests::default();
        };
        draft.inside.push(&named.name.value);
        let expected = self.flow(&named.flow, draft, problems);
        draft.inside.pop();
        expected
    }

    fn choose(
        &mut self,
        branches: &[(f64, &'a [StepSpec])],
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let total: f64 = branches.iter().map(|(weight, _)| weight).sum();
        let at = draft.ops.len();
        draft.ops.push(Instruction::Choose(vec![]));
        let (mut starts, mut exits) = (vec![], vec![]);
        let mut expected = ExpectedRequests::default();
        for (weight, flow) in branches {
            starts.push((*weight, draft.ops.len() as u32));
            let opened = draft.opened.clone();
            let branch = self.flow(flow, draft, problems);
            draft.opened = opened;
            expected = expected.plus(branch.times(weight / total.max(f64::MIN_POSITIVE)));
            exits.push(draft.ops.len());
            draft.ops.push(Instruction::Jump(0));
        }
        for exit in exits {
            draft.ops[exit] = Instruction::Jump(draft.ops.len() as u32);
        }
        draft.ops[at] = Instruction::Choose(starts);
        expected
    }

    /// Rounds are drawn by the server's answers; the scenario says how many to expect.
    fn poll(
        &mut self,
        poll: &'a PollSpec,
        span: Span,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let Some(depth) = draft.open_loop(span, problems) else {
            return ExpectedRequests::default();
        };
        let step = self.parts.step_id((&poll.name, SampleKind::Poll), &[], problems);
        draft.ops.push(Instruction::Poll { depth });
        let back = draft.ops.len() as u32;
        let round = self.flow(&poll.flow, draft, problems);
        draft.close_loop();
        let templates = self.parts.templates.after(draft.captured.as_ref());
        if let Some(until) = templates.condition(&poll.until, problems) {
            let (every, timeout, goes_on) = (poll.every, poll.timeout, poll.goes_on);
            let poll = Box::new(PollPlan { step, every, timeout, until, goes_on });
            draft.ops.push(Instruction::PollAgain { depth, poll, back });
        }
        let waits = poll.every.as_secs_f64() * (poll.rounds - 1.0);
        let (requests, seconds) = (round.requests * poll.rounds, round.seconds + waits);
        ExpectedRequests { requests, seconds, ..round }
    }

    fn stream(
        &mut self,
        stream: &'a StreamSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let entered = self.enter(stream.request.session.as_ref(), draft, problems);
        self.parts.stream(stream, entered, draft, problems)
    }

    fn playback(
        &mut self,
        playback: &'a PlaybackSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let Some(mut begun) = self.parts.begin_playback(playback, draft, problems) else {
            return ExpectedRequests::default();
        };
        begun.entered = self.enter(playback.session.as_ref(), draft, problems);
        self.parts.playback(playback, &begun, draft, problems)
    }

    /// Makes sure that the session is held behind this point. A journey's first request of a session counts its
    /// login as expected; renewals are the playback's to count, because little else lasts that long.
    fn enter(
        &mut self,
        session: Option<&'a Spanned<String>>,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> Option<EnteredSession> {
        let wanted = session?;
        let scenario = self.parts.scenario;
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
        let expired =
            self.parts.part_of(&scenario.sessions[at].name, SampleKind::Expired, problems);
        let again = draft.ops.len() as u32;
        draft.ops.push(Instruction::SessionNeeded { session: id, held: 0 });
        draft.logging_in.push(name);
        let login_from = draft.ops.len();
        let login = self.flow(&scenario.sessions[at].login, draft, problems);
        draft.logging_in.pop();
        let owned = self.parts.owned(&scenario.sessions[at], &draft.ops[login_from..]);
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

    /// Enters the sessions of requests that go out at once, each once. Nothing goes back from there: what one
    /// of them is refused, another may have got.
    fn enter_all(
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
