//! What the flows of a scenario share: its steps, requests, streams and playbacks, as they are compiled.

use std::collections::BTreeMap;

use super::draft::ScenarioPlanDraft;
use crate::metrics::{SampleKind, StepId, StepInfo};
use crate::plan::compile::request::RequestCompiler;
use crate::plan::compile::template::TemplateCompiler;
use crate::plan::{
    AskedNames, Body, CaptureSlot, Dataset, Delay, Instruction, PlaybackPlan, RequestId,
    RequestPlan, StreamKind, StreamPlan, Template, UploadPiece,
};
use crate::scenario::schema::{DelaySpec, RequestSpec, Scenario};
use crate::scenario::{ProblemKind, Problems, Spanned};

/// Steps, requests and the like, and how one is added.
pub(super) struct FlowParts<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) templates: TemplateCompiler<'a>,
    requests: RequestCompiler<'a>,
    pub(super) steps: Vec<StepInfo>,
    step_ids: BTreeMap<String, StepId>,
    pub(super) compiled: Vec<RequestPlan>,
    pub(super) streams: Vec<StreamPlan>,
    pub(super) playbacks: Vec<PlaybackPlan>,
    pub(super) data: &'a [Dataset],
    think: f64,
}

impl<'a> FlowParts<'a> {
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
            data,
            think,
        }
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
        let templates = self.templates.after(draft.captured.as_ref());
        let plan = self.requests.compile(request, step, templates, problems);
        self.compiled.push(plan);
        RequestId((self.compiled.len() - 1) as u32)
    }

    /// A delay, as short as users are quick.
    pub(super) fn delay(&self, law: DelaySpec) -> Delay {
        let delay = match law {
            DelaySpec::Constant(span) => Delay::Constant(span),
            DelaySpec::Uniform(low, high) => Delay::Uniform(low, high),
            DelaySpec::Exponential(mean) => Delay::Exponential(mean),
            DelaySpec::Normal(mean, deviation) => Delay::Normal(mean, deviation),
        };
        delay.scaled(self.think)
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
