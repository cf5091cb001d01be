//! Flows → programs: `use` is expanded, names become indices, and what an iteration asks for is counted.

mod captured;
mod lasting;
mod session;

pub(super) use captured::captured_names;
pub(super) use lasting::hidden_names;
pub(super) use session::{OwnedSession, plans as session_plans};

use http::Method;
use std::collections::{BTreeMap, BTreeSet};

use super::load::MixDemand;
use super::request::RequestCompiler;
use super::template::TemplateCompiler;
use crate::metrics::{SampleKind, StepId, StepInfo};
use crate::plan::{
    Dataset, Delay, Instruction, PlaybackPlan, Program, RequestId, RequestPlan, ScenarioPlan,
    SessionId, StreamPlan,
};
use crate::scenario::schema::{DelaySpec, JourneySpec, RequestSpec, Scenario, StepKind, StepSpec};
use crate::scenario::{ProblemKind, Problems, Spanned};

/// The deepest nesting of loops: a user has that many counters.
const LOOP_LIMIT: usize = 8;
/// The most instructions of a flow. `use` can double it with every level.
const STEP_LIMIT: usize = 20_000;

/// Compiles all journeys, and collects their steps and requests.
pub(super) struct FlowCompiler<'a> {
    scenario: &'a Scenario,
    templates: TemplateCompiler<'a>,
    requests: RequestCompiler<'a>,
    steps: Vec<StepInfo>,
    step_ids: BTreeMap<String, StepId>,
    compiled: Vec<RequestPlan>,
    streams: Vec<StreamPlan>,
    playbacks: Vec<PlaybackPlan>,
    /// Who has which session, as far as flows have asked for it.
    sessions: BTreeMap<SessionId, OwnedSession>,
    data: &'a [Dataset],
    think: f64,
}

/// What flows come to besides their programs.
pub(super) struct CompiledFlows {
    pub(super) steps: Vec<StepInfo>,
    pub(super) requests: Vec<RequestPlan>,
    pub(super) streams: Vec<StreamPlan>,
    pub(super) playbacks: Vec<PlaybackPlan>,
    pub(super) sessions: BTreeMap<SessionId, OwnedSession>,
}

/// A journey that is being compiled.
struct ScenarioPlanDraft<'a> {
    name: &'a str,
    ops: Vec<Instruction>,
    /// The flows that are being expanded, outermost first.
    inside: Vec<&'a str>,
    loops: usize,
    /// The sessions whose login is being expanded, outermost first.
    logging_in: Vec<&'a str>,
    /// The sessions that are held at this point, in every case.
    opened: BTreeSet<SessionId>,
    /// What steps so far may have captured; none where nobody knows what came before.
    captured: Option<BTreeSet<String>>,
    too_long: bool,
}

/// What a flow asks for on average.
#[derive(Debug, Clone, Copy, Default)]
struct ExpectedRequests {
    /// Requests.
    requests: f64,
    /// Time that passes even if every answer comes at once, in seconds; of `if`, the shorter branch.
    seconds: f64,
}

impl ExpectedRequests {
    fn plus(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, seconds: self.seconds + other.seconds }
    }

    fn times(self, factor: f64) -> Self {
        Self { requests: self.requests * factor, seconds: self.seconds * factor }
    }
}

impl<'a> FlowCompiler<'a> {
    /// `think` is the share of think times (and of watching and listening) that users take.
    pub(super) fn new(
        (scenario, data): (&'a Scenario, &'a [Dataset]),
        templates: TemplateCompiler<'a>,
        prefix: String,
        think: f64,
    ) -> Self {
        Self {
            scenario,
            templates,
            requests: RequestCompiler::new(scenario, prefix),
            steps: vec![],
            step_ids: BTreeMap::new(),
            compiled: vec![],
            streams: vec![],
            playbacks: vec![],
            sessions: BTreeMap::new(),
            data,
            think,
        }
    }

    /// The journeys of a weight above zero, and what an iteration of their mix asks for.
    pub(super) fn journeys(&mut self, problems: &mut Problems) -> (Vec<ScenarioPlan>, MixDemand) {
        let mut journeys = vec![];
        let mut mix = ExpectedRequests::default();
        let scenario = self.scenario;
        for journey in &scenario.scenarios {
            let (plan, expected) = self.journey(journey, problems);
            mix = mix.plus(expected.times(journey.weight.value));
            if plan.weight > 0.0 {
                journeys.push(plan);
            }
        }
        let weight: f64 = journeys.iter().map(|journey| journey.weight).sum();
        if let (true, Some(first)) = (journeys.is_empty(), scenario.scenarios.first()) {
            problems.report(first.weight.span, ProblemKind::WeightsZero);
        }
        self.check_unused(problems);
        let mix = if weight > 0.0 { mix.times(1.0 / weight) } else { mix };
        (journeys, MixDemand { requests: mix.requests, seconds: mix.seconds })
    }

    /// The share of iterations that ask for each data set.
    pub(super) fn shares_of_data(&self, journeys: &[ScenarioPlan]) -> Vec<f64> {
        let total: f64 = journeys.iter().map(|journey| journey.weight).sum();
        let mut shares = vec![0.0; self.data.len()];
        for journey in journeys {
            for dataset in self.asked(&journey.program.0).datasets {
                shares[usize::from(dataset)] += journey.weight / total;
            }
        }
        shares
    }

    /// All steps, requests and the like.
    pub(super) fn finish(self) -> CompiledFlows {
        CompiledFlows {
            steps: self.steps,
            requests: self.compiled,
            streams: self.streams,
            playbacks: self.playbacks,
            sessions: self.sessions,
        }
    }

    fn journey(
        &mut self,
        journey: &'a JourneySpec,
        problems: &mut Problems,
    ) -> (ScenarioPlan, ExpectedRequests) {
        let mut draft = ScenarioPlanDraft::new(&journey.name.value, Some(BTreeSet::new()));
        let expected = self.flow(&journey.flow, &mut draft, problems);
        if expected.requests <= 0.0 {
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
        let (steps, requests) = (self.steps.len(), self.compiled.len());
        let (streams, playbacks) = (self.streams.len(), self.playbacks.len());
        for named in &self.scenario.flows {
            let mut draft = ScenarioPlanDraft::new(&named.name.value, None);
            draft.inside.push(&named.name.value);
            self.flow(&named.flow, &mut draft, problems);
        }
        for session in &self.scenario.sessions {
            let mut draft = ScenarioPlanDraft::new(&session.name.value, None);
            draft.logging_in.push(&session.name.value);
            self.flow(&session.login, &mut draft, problems);
        }
        self.steps.truncate(steps);
        self.compiled.truncate(requests);
        self.streams.truncate(streams);
        self.playbacks.truncate(playbacks);
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
                let delay = self.delay(*law);
                draft.ops.push(Instruction::Think(delay));
                ExpectedRequests { requests: 0.0, seconds: delay.mean().as_secs_f64() }
            }
            StepKind::Use(name) => self.expand(name, draft, problems),
            StepKind::Repeat { times, flow } => {
                if draft.loops == LOOP_LIMIT {
                    let kind = ProblemKind::LoopsTooDeep { limit: LOOP_LIMIT };
                    problems.report(step.span, kind);
                    return ExpectedRequests::default();
                }
                self.repeat(*times, flow, draft, problems)
            }
            StepKind::If { when, then, otherwise } => {
                let templates = self.templates.after(draft.captured.as_ref());
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
        let id = self.compiled_request(request, kind_of(&request.method), draft, problems);
        draft.ops.push(Instruction::Request(id));
        draft.note_captures(request);
        let alone = ExpectedRequests { requests: 1.0, seconds: 0.0 };
        let Some(entered) = entered else { return alone };
        self.leave(entered, id, draft);
        entered.login.plus(alone)
    }

    /// Compiles a request; `kind` is what tables call its step.
    fn compiled_request(
        &mut self,
        request: &'a RequestSpec,
        kind: SampleKind,
        draft: &ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> RequestId {
        let step = self.step_id((&request.name, kind), &request.tags, problems);
        let templates = self.templates.after(draft.captured.as_ref());
        let plan = self.requests.compile(request, step, templates, problems);
        self.compiled.push(plan);
        RequestId((self.compiled.len() - 1) as u32)
    }

    /// A delay, as short as users are quick.
    fn delay(&self, law: DelaySpec) -> Delay {
        let delay = match law {
            DelaySpec::Constant(span) => Delay::Constant(span),
            DelaySpec::Uniform(low, high) => Delay::Uniform(low, high),
            DelaySpec::Exponential(mean) => Delay::Exponential(mean),
            DelaySpec::Normal(mean, deviation) => Delay::Normal(mean, deviation),
        };
        delay.scaled(self.think)
    }

    fn parallel(
        &mut self,
        requests: &'a [RequestSpec],
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let logins = self.enter_all(requests, draft, problems);
        let ids = requests
            .iter()
            .map(|request| {
                self.compiled_request(request, kind_of(&request.method), draft, problems)
            })
            .collect();
        draft.ops.push(Instruction::Parallel(ids));
        // None of them can use what another one captures.
        for request in requests {
            draft.note_captures(request);
        }
        logins.plus(ExpectedRequests { requests: requests.len() as f64, seconds: 0.0 })
    }

    /// The step of this name. One name may stand in several flows, and is then counted together; but it
    /// must be the same method, because a GET and a POST have nothing in common that could be counted.
    fn step_id(
        &mut self,
        (name, kind): (&Spanned<String>, SampleKind),
        tags: &[String],
        problems: &mut Problems,
    ) -> StepId {
        let id = *self.step_ids.entry(name.value.clone()).or_insert_with(|| {
            self.steps.push(StepInfo { name: name.value.clone(), kind, tags: vec![] });
            StepId((self.steps.len() - 1) as u16)
        });
        let Some(known) = self.steps.get_mut(usize::from(id.0)) else { return id };
        if known.kind != kind && !name.value.is_empty() {
            let kind = ProblemKind::StepTwice {
                name: name.value.clone(),
                method: kind.to_string(),
                other: known.kind.to_string(),
            };
            problems.report(name.span, kind);
        }
        for tag in tags {
            if !known.tags.contains(tag) {
                known.tags.push(tag.clone());
            }
        }
        id
    }

    fn expand(
        &mut self,
        name: &'a Spanned<String>,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let scenario = self.scenario;
        let Some(named) = scenario.flows.iter().find(|flow| flow.name.value == name.value) else {
            let known = scenario.flows.iter().map(|flow| flow.name.value.clone()).collect();
            let kind = ProblemKind::UnknownName { what: "flow", name: name.value.clone(), known };
            problems.report(name.span, kind);
            return ExpectedRequests::default();
        };
        if draft.inside.contains(&name.value.as_str()) {
            let from = draft.inside.iter().position(|inside| *inside == name.value).unwrap_or(0);
            let mut cycle = draft.inside[from..].to_vec();
            cycle.push(&name.value);
            let kind =
                ProblemKind::FlowCycle { name: name.value.clone(), cycle: cycle.join(" → ") };
            problems.report(name.span, kind);
            return ExpectedRequests::default();
        }
        draft.inside.push(&named.name.value);
        let expected = self.flow(&named.flow, draft, problems);
        draft.inside.pop();
        expected
    }

    fn repeat(
        &mut self,
        times: (u32, u32),
        flow: &'a [StepSpec],
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let counter = draft.loops as u8;
        let at = draft.ops.len();
        draft.ops.push(Instruction::Repeat { counter, times, end: 0 });
        draft.loops += 1;
        let body = self.flow(flow, draft, problems);
        draft.loops -= 1;
        draft.ops.push(Instruction::Again { counter, back: at as u32 + 1 });
        draft.ops[at] = Instruction::Repeat { counter, times, end: draft.ops.len() as u32 };
        body.times(f64::midpoint(f64::from(times.0), f64::from(times.1)))
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
}

/// What samples of a plain request are. The reader knows these six methods alone.
fn kind_of(method: &Method) -> SampleKind {
    SampleKind::from_word(method.as_str()).unwrap_or(SampleKind::Get)
}

impl<'a> ScenarioPlanDraft<'a> {
    fn new(name: &'a str, captured: Option<BTreeSet<String>>) -> Self {
        Self {
            name,
            ops: vec![],
            inside: vec![],
            loops: 0,
            logging_in: vec![],
            opened: BTreeSet::new(),
            captured,
            too_long: false,
        }
    }

    fn note_captures(&mut self, request: &RequestSpec) {
        if let Some(captured) = &mut self.captured {
            captured.extend(request.captures.iter().map(|capture| capture.name.value.clone()));
        }
    }
}
