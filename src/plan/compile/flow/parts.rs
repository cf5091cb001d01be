//! What the flows of a scenario share: its steps, requests, streams and playbacks, as they are compiled.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::draft::ScenarioPlanDraft;
use crate::compile::request::{self, RequestCompiler};
use crate::compile::template::TemplateCompiler;
use crate::{
    AskedNames, Body, CaptureSlot, Dataset, Delay, Instruction, Overrides, Pick, PlaybackPlan,
    RequestId, RequestPlan, SocketMessage, StreamKind, StreamPlan, Template, UploadPiece,
};
use plimsoll_metrics::{SampleKind, StepId, StepInfo};
use plimsoll_scenario::schema::{
    DelaySpec, LifecycleSpec, NamedFlow, OnFailureSpec, RequestSpec, Scenario,
};
use plimsoll_scenario::{ProblemKind, Problems, Spanned};

/// Steps, requests and the like, and how one is added.
pub(super) struct FlowParts<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) templates: TemplateCompiler<'a>,
    requests: RequestCompiler<'a>,
    pub(super) steps: Vec<StepInfo>,
    step_ids: BTreeMap<String, StepId>,
    /// The methods of steps that have no kind of their own.
    methods: BTreeMap<StepId, Method>,
    pub(super) compiled: Vec<RequestPlan>,
    pub(super) streams: Vec<StreamPlan>,
    pub(super) playbacks: Vec<PlaybackPlan>,
    pub(super) data: &'a [Dataset],
    pub(super) choice: FlowChoice,
    /// The names that the setup captures.
    pub(super) given: BTreeSet<String>,
}

/// What is compiled of flows, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::compile) struct FlowChoice {
    /// The share of think times (and of watching and listening) that users take.
    pub(in crate::compile) think: f64,
    /// Whether the setup is played.
    pub(in crate::compile) setup: bool,
    /// Whether the teardown is.
    pub(in crate::compile) teardown: bool,
}

impl FlowChoice {
    /// What the command line leaves of it.
    pub(in crate::compile) const fn of(overrides: &Overrides, think: f64) -> Self {
        Self { think, setup: !overrides.no_setup, teardown: !overrides.no_teardown }
    }
}

impl<'a> FlowParts<'a> {
    pub(super) fn new(
        (scenario, data): (&'a Scenario, &'a [Dataset]),
        templates: TemplateCompiler<'a>,
        prefix: String,
        choice: FlowChoice,
    ) -> Self {
        Self {
            scenario,
            templates,
            requests: RequestCompiler::new(scenario, prefix),
            steps: vec![],
            step_ids: BTreeMap::new(),
            methods: BTreeMap::new(),
            compiled: vec![],
            streams: vec![],
            playbacks: vec![],
            data,
            choice,
            given: BTreeSet::new(),
        }
    }

    /// The flow of this name, unless it is being expanded already.
    pub(super) fn named(
        &self,
        name: &Spanned<String>,
        draft: &ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> Option<&'a NamedFlow> {
        let scenario = self.scenario;
        let Some(named) = scenario.flows.iter().find(|flow| flow.name.value == name.value) else {
            let known = scenario.flows.iter().map(|flow| flow.name.value.clone()).collect();
            let kind = ProblemKind::UnknownName { what: "flow", name: name.value.clone(), known };
            problems.report(name.span, kind);
            return None;
        };
        if draft.inside.contains(&name.value.as_str()) {
            let from = draft.inside.iter().position(|inside| *inside == name.value).unwrap_or(0);
            let mut cycle = draft.inside[from..].to_vec();
            cycle.push(&name.value);
            let kind =
                ProblemKind::FlowCycle { name: name.value.clone(), cycle: cycle.join(" → ") };
            problems.report(name.span, kind);
            return None;
        }
        Some(named)
    }

    /// The setup, where it is played.
    pub(super) fn setup(&self) -> Option<&'a LifecycleSpec> {
        self.scenario.setup.as_ref().filter(|_| self.choice.setup)
    }

    /// The teardown, where it is played.
    pub(super) fn teardown(&self) -> Option<&'a LifecycleSpec> {
        self.scenario.teardown.as_ref().filter(|_| self.choice.teardown)
    }

    /// Where what the setup captures is kept.
    pub(super) fn given_slots(&self) -> BTreeSet<CaptureSlot> {
        self.given.iter().filter_map(|name| self.templates.slot(name)).collect()
    }

    /// Leaves nothing behind of what was compiled so far.
    pub(super) fn forget(&mut self) {
        self.steps.clear();
        self.step_ids.clear();
        self.methods.clear();
        self.compiled.clear();
        self.streams.clear();
        self.playbacks.clear();
    }

    /// Compiles a request; `kind` is what tables call its step.
    pub(super) fn compiled_request(
        &mut self,
        request: &'a RequestSpec,
        kind: SampleKind,
        draft: &ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> RequestId {
        let step = self.step_id((&request.name, kind), &request.tags, problems);
        if kind == SampleKind::OtherMethod {
            self.note_method(step, request, problems);
        }
        let templates = self.templates.after(draft.captured.as_ref());
        let plan = self.requests.compile(request, step, templates, problems);
        self.compiled.push(plan);
        RequestId((self.compiled.len() - 1) as u32)
    }

    /// Reports a step of another method that has this name.
    fn note_method(&mut self, step: StepId, request: &RequestSpec, problems: &mut Problems) {
        let known = self.methods.entry(step).or_insert_with(|| request.method.clone());
        if *known != request.method {
            let kind = ProblemKind::StepTwice {
                name: request.name.value.clone(),
                method: request.method.to_string(),
                other: known.to_string(),
            };
            problems.report(request.name.span, kind);
        }
    }

    /// A delay, as short as users are quick.
    pub(super) fn delay(&self, law: DelaySpec) -> Delay {
        request::delay(law).scaled(self.choice.think)
    }

    /// The step of this name. One name may stand in several flows, and is then counted together; but it
    /// must be the same method, because a GET and a POST have nothing in common that could be counted.
    pub(super) fn step_id(
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

    /// A time within the step `name`, as a step of its own: `suggest.first_event`.
    pub(super) fn part_of(
        &mut self,
        name: &Spanned<String>,
        kind: SampleKind,
        problems: &mut Problems,
    ) -> StepId {
        let part = format!("{}.{}", name.value, kind.word().replace(' ', "_"));
        self.step_id((&Spanned::new(part, name.span), kind), &[], problems)
    }

    /// What instructions ask for.
    pub(super) fn asked(&self, ops: &[Instruction]) -> AskedNames {
        let mut asked = AskedNames::default();
        let mut ask = |template: &Template| asked.extend(self.templates.asked(template));
        for op in ops {
            match op {
                Instruction::If { when, .. } => ask(&when.template),
                Instruction::While { held, .. } => ask(&held.when.template),
                Instruction::ForEach { list, .. } => ask(&list.template),
                Instruction::RepeatBy { times, .. } => ask(times),
                Instruction::ThinkBy { span, .. } => ask(span),
                Instruction::PollAgain { poll, .. } => ask(&poll.until.template),
                Instruction::Stream(id) => {
                    for message in messages_of(&self.streams[id.0 as usize]) {
                        ask(&message.content);
                    }
                }
                _ => {}
            }
            for id in self.requests_of(op) {
                templates_of(&self.compiled[id.0 as usize]).into_iter().for_each(&mut ask);
            }
        }
        asked
    }

    /// Notes for each request of which data sets it needs a row that is given once.
    pub(super) fn note_given_once(&mut self) {
        let given_once = |sets: BTreeSet<u16>| {
            sets.into_iter()
                .filter(|set| matches!(self.data[usize::from(*set)].pick, Pick::Once(_)))
        };
        let asked = |template: &Template| given_once(self.templates.asked(template).datasets);
        for request in &mut self.compiled {
            request.given_once = templates_of(request).into_iter().flat_map(asked).collect();
        }
        for stream in &self.streams {
            let more = messages_of(stream).iter().flat_map(|message| asked(&message.content));
            self.compiled[stream.request.0 as usize].given_once.extend(more);
        }
    }

    /// Where instructions keep what they capture.
    pub(super) fn captured(&self, ops: &[Instruction]) -> Vec<CaptureSlot> {
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

/// Requests that are sent at once are not sent again, and none of them overwrites what another one captures.
pub(super) fn refuse_unfit(requests: &[RequestSpec], problems: &mut Problems) {
    let mut captured = BTreeMap::new();
    for (at, request) in requests.iter().enumerate() {
        for Spanned { value: name, span } in request.captures.iter().map(|capture| &capture.name) {
            if *captured.entry(name).or_insert(at) != at {
                problems.report(*span, ProblemKind::CapturedAtOnce { name: name.clone() });
            }
        }
        if let OnFailureSpec::Retry(retry) = request.on_failure {
            problems.report(retry.span, ProblemKind::RetryInParallel);
        }
    }
}

/// All templates of a request.
fn templates_of(request: &RequestPlan) -> Vec<&Template> {
    let mut templates = vec![&request.url];
    templates.extend(request.headers.iter().map(|(_, value)| value));
    if let Some(sign) = &request.sign {
        templates.extend([&sign.access_key, &sign.secret_key]);
        templates.extend(&sign.session_token);
    }
    match &request.body {
        Body::None => {}
        Body::Text(text) => templates.push(text),
        Body::Upload(pieces) => {
            templates.extend(pieces.iter().filter_map(UploadPiece::template));
        }
    }
    templates
}

/// What a stream sends.
fn messages_of(stream: &StreamPlan) -> &[SocketMessage] {
    match &stream.kind {
        StreamKind::Messages { send, .. } => send,
        StreamKind::Events { .. } => &[],
    }
}

/// What samples of a plain request are.
pub(super) fn kind_of(method: &Method) -> SampleKind {
    // Methods are told by case, and only those of RFC 9110 and RFC 5789 have words of their own.
    let known = SampleKind::from_word(method.as_str());
    known.filter(|kind| kind.is_method()).unwrap_or(SampleKind::OtherMethod)
}
