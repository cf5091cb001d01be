//! Steps that last: polls, streams, playback.

use ::http::header;

use super::session::EnteredSession;
use super::{ExpectedRequests, FlowCompiler, LOOP_LIMIT, ScenarioPlanDraft};
use crate::metrics::{SampleKind, StepId};
use crate::plan::compile::{body, request};
use crate::plan::{
    CaptureSlot, Escape, Instruction, Media, PlaybackId, PlaybackPlan, PollPlan, RequestId,
    StreamId, StreamKind, StreamPlan, Template, VariantChoice,
};
use crate::scenario::schema::{
    self, PlaybackSpec, PollSpec, RequestSpec, StepKind, StepSpec, StreamSpec, VariantSpec,
};
use crate::scenario::{ProblemKind, Problems, Scenario, Span, Spanned, json_of_node};
use crate::units::Nanos;

impl<'a> FlowCompiler<'a> {
    /// Rounds are drawn by the server's answers; the scenario says how many to expect.
    pub(super) fn poll(
        &mut self,
        poll: &'a PollSpec,
        span: Span,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        if draft.loops == LOOP_LIMIT {
            problems.report(span, ProblemKind::LoopsTooDeep { limit: LOOP_LIMIT });
            return ExpectedRequests::default();
        }
        let step = self.step_id((&poll.name, SampleKind::Poll), &[], problems);
        let depth = draft.loops as u8;
        draft.ops.push(Instruction::Poll { depth });
        let back = draft.ops.len() as u32;
        draft.loops += 1;
        let round = self.flow(&poll.flow, draft, problems);
        draft.loops -= 1;
        let templates = self.templates.after(draft.captured.as_ref());
        if let Some(until) = templates.condition(&poll.until, problems) {
            let (every, timeout) = (poll.every, poll.timeout);
            let poll = Box::new(PollPlan { step, every, timeout, until });
            draft.ops.push(Instruction::PollAgain { depth, poll, back });
        }
        let waits = poll.every.as_secs_f64() * (poll.rounds - 1.0);
        ExpectedRequests { requests: round.requests * poll.rounds, seconds: round.seconds + waits }
    }

    pub(super) fn stream(
        &mut self,
        stream: &'a StreamSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let (kind, [first, whole], seconds) = match &stream.kind {
            schema::StreamKindSpec::Events { hold, .. } => {
                let held = hold.map_or(0.0, |hold| self.delay(hold).mean().as_secs_f64());
                (SampleKind::EventStream, [SampleKind::FirstEvent, SampleKind::Events], held)
            }
            schema::StreamKindSpec::Messages { hold, .. } => {
                let held = self.delay(*hold).mean().as_secs_f64();
                (SampleKind::WebSocket, [SampleKind::FirstMessage, SampleKind::Messages], held)
            }
        };
        let entered = self.enter(stream.request.session.as_ref(), draft, problems);
        let request = self.compiled_request(&stream.request, kind, draft, problems);
        if matches!(stream.kind, schema::StreamKindSpec::Events { .. }) {
            self.ask_for_events(request, &stream.request);
        }
        let first = self.part_of(&stream.request.name, first, problems);
        let whole = self.part_of(&stream.request.name, whole, problems);
        let kind = self.stream_kind(&stream.kind, draft, problems);
        draft.ops.push(Instruction::Stream(StreamId(self.streams.len() as u32)));
        draft.note_captures(&stream.request);
        self.streams.push(StreamPlan { request, first, whole, kind });
        let alone = ExpectedRequests { requests: 1.0, seconds };
        let Some(entered) = entered else { return alone };
        self.leave(entered, request, draft);
        entered.login.plus(alone)
    }

    /// What an `EventSource` sends, unless the step itself says otherwise (WHATWG HTML §9.2.2).
    fn ask_for_events(&mut self, request: RequestId, spec: &RequestSpec) {
        let Some(plan) = self.compiled.get_mut(request.0 as usize) else { return };
        for (name, value) in
            [(header::ACCEPT, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")]
        {
            let is_own =
                |(own, _): &(Spanned<String>, _)| own.value.eq_ignore_ascii_case(name.as_str());
            if !spec.headers.iter().any(is_own) {
                plan.headers.retain(|(known, _)| *known != name);
                plan.headers.push((name, Template::constant(value)));
            }
        }
    }

    fn stream_kind(
        &self,
        kind: &'a schema::StreamKindSpec,
        draft: &ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> StreamKind {
        match kind {
            schema::StreamKindSpec::Events { until, event, hold } => StreamKind::Events {
                until: until.iter().map(request::check).collect(),
                event: event.clone(),
                hold: hold.map(|hold| self.delay(hold)),
            },
            schema::StreamKindSpec::Messages { send, expect, hold } => {
                let templates = self.templates.after(draft.captured.as_ref());
                StreamKind::Messages {
                    send: send.iter().map(|node| message(node, templates, problems)).collect(),
                    expect: expect.iter().map(request::check).collect(),
                    hold: self.delay(*hold),
                }
            }
        }
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

    /// A player's loop. See [`PlaybackPlan`] and the user's side of it.
    pub(super) fn playback(
        &mut self,
        playback: &'a PlaybackSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let id = PlaybackId(self.playbacks.len() as u32);
        let (Some(range), Some(url)) =
            (self.hidden(&playback.name, "range"), self.hidden(&playback.name, "url"))
        else {
            return ExpectedRequests::default();
        };
        let first_segment = self.part_of(&playback.name, SampleKind::FirstSegment, problems);
        let played = self.part_of(&playback.name, SampleKind::Played, problems);
        let stalled = self.part_of(&playback.name, SampleKind::Stalled, problems);
        let watch = self.delay(playback.watch);
        self.playbacks.push(PlaybackPlan {
            manifest: RequestId(0),
            url,
            range,
            variant: match playback.variant {
                VariantSpec::Adaptive => VariantChoice::Adaptive,
                VariantSpec::First => VariantChoice::First,
                VariantSpec::Lowest => VariantChoice::Lowest,
                VariantSpec::Highest => VariantChoice::Highest,
            },
            buffer: playback.buffer,
            watch,
            session: None,
            first_segment,
            played,
            stalled,
        });
        draft.ops.push(Instruction::PlayBegin(id));
        let renew = draft.ops.len() as u32;
        let entered = self.enter(playback.session.as_ref(), draft, problems);
        let (manifest, reload) = self.manifest(playback, (id, url), (entered, draft), problems);
        if let Some(plan) = self.playbacks.get_mut(id.0 as usize) {
            plan.manifest = manifest;
            plan.session = entered.map(|entered| entered.id);
        }
        let back = draft.ops.len() as u32;
        let end = back + if entered.is_some() { 4 } else { 3 };
        draft.ops.push(Instruction::PlayNext { playback: id, renew, reload, end });
        let segment = self.compiled_request(&playback.segment, SampleKind::Get, draft, problems);
        self.point_to(segment, url);
        if let Some(plan) = self.compiled.get_mut(segment.0 as usize) {
            plan.media = Some(Media::Segment);
            plan.range = Some(range);
        }
        draft.note_captures(&playback.segment);
        draft.ops.push(Instruction::Request(segment));
        if let Some(entered) = entered {
            self.leave(entered, segment, draft);
        }
        draft.ops.push(Instruction::PlayLoaded { playback: id, back });
        draft.ops.push(Instruction::PlayEnd { playback: id, stalled: false });
        draft.ops.push(Instruction::PlayEnd { playback: id, stalled: true });
        let times = (watch.mean(), playback.segment_length);
        expected_of_playback(times, self.renewals(playback.session.as_ref(), entered))
    }

    /// How often a playback logs in, and what that asks for.
    fn renewals(
        &self,
        session: Option<&Spanned<String>>,
        entered: Option<EnteredSession>,
    ) -> (Option<Nanos>, ExpectedRequests) {
        let name = session.map(|session| &session.value);
        let known = self.scenario.sessions.iter().find(|known| Some(&known.name.value) == name);
        let every = known.map(|known| known.lives.saturating_sub(known.renew_ahead));
        (every, entered.map(|entered| entered.login).unwrap_or_default())
    }

    /// The playlist's request, and the one for a variant where the playlist names variants; with both places.
    fn manifest(
        &mut self,
        playback: &'a PlaybackSpec,
        (id, url): (PlaybackId, CaptureSlot),
        (entered, draft): (Option<EnteredSession>, &mut ScenarioPlanDraft<'a>),
        problems: &mut Problems,
    ) -> (RequestId, (u32, u32)) {
        let manifest = self.compiled_request(&playback.manifest, SampleKind::Get, draft, problems);
        if let Some(plan) = self.compiled.get_mut(manifest.0 as usize) {
            plan.media = Some(Media::Playlist(id));
        }
        draft.note_captures(&playback.manifest);
        let first = draft.ops.len() as u32;
        draft.ops.push(Instruction::Request(manifest));
        if let Some(entered) = entered {
            self.leave(entered, manifest, draft);
        }
        let list = draft.ops.len() as u32;
        let segments = list + if entered.is_some() { 4 } else { 3 };
        draft.ops.push(Instruction::PlayList { playback: id, segments });
        if let Some(plan) = self.compiled.get(manifest.0 as usize).cloned() {
            let variant = RequestId(self.compiled.len() as u32);
            self.compiled.push(plan);
            self.point_to(variant, url);
            draft.ops.push(Instruction::Request(variant));
            if let Some(entered) = entered {
                self.leave(entered, variant, draft);
            }
        }
        draft.ops.push(Instruction::Jump(list));
        (manifest, (first, list + 1))
    }

    /// A slot that no template can name.
    fn hidden(&self, name: &Spanned<String>, what: &str) -> Option<CaptureSlot> {
        self.templates.slot(&hidden_name(&name.value, what))
    }

    fn point_to(&mut self, request: RequestId, url: CaptureSlot) {
        if let Some(plan) = self.compiled.get_mut(request.0 as usize) {
            plan.url = Template::slot(url, Escape::None);
        }
    }
}

/// Playlists, logins and segments of a playback, as far as the scenario tells.
fn expected_of_playback(
    (watch, segment): (Nanos, Nanos),
    (every, login): (Option<Nanos>, ExpectedRequests),
) -> ExpectedRequests {
    let seconds = watch.as_secs_f64();
    let playlists = every.map_or(1.0, |every| (seconds / every.as_secs_f64()).max(1.0));
    let requests = playlists * (login.requests + 1.0) + (seconds / segment.as_secs_f64()).ceil();
    ExpectedRequests { requests, seconds }
}

/// A message: a text as it is, anything else as JSON.
fn message(
    node: &crate::scenario::Node,
    templates: super::TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    match json_of_node(node) {
        serde_json::Value::String(text) => {
            templates.compile(&Spanned::new(text, node.span), Escape::None, problems)
        }
        _ => body::json(node, templates, problems),
    }
}

fn hidden_name(step: &str, what: &str) -> String {
    format!("\u{0}{step}.{what}")
}

/// The names under which playbacks keep what no template asks for.
pub(in crate::plan::compile) fn hidden_names(scenario: &Scenario) -> Vec<String> {
    let flows = scenario.flows.iter().map(|named| &named.flow);
    let journeys = scenario.scenarios.iter().map(|journey| &journey.flow);
    let logins = scenario.sessions.iter().map(|session| &session.login);
    let mut names = vec![];
    flows.chain(logins).chain(journeys).for_each(|flow| collect(flow, &mut names));
    names
}

fn collect(steps: &[StepSpec], names: &mut Vec<String>) {
    for step in steps {
        match &step.kind {
            StepKind::Playback(playback) => {
                names.extend(["range", "url"].map(|what| hidden_name(&playback.name.value, what)));
            }
            StepKind::Repeat { flow, .. } => collect(flow, names),
            StepKind::Poll(poll) => collect(&poll.flow, names),
            StepKind::If { then, otherwise, .. } => {
                collect(then, names);
                collect(otherwise, names);
            }
            StepKind::Choose(branches) => {
                for branch in branches {
                    collect(&branch.flow, names);
                }
            }
            StepKind::Request(_)
            | StepKind::Think(_)
            | StepKind::Use(_)
            | StepKind::Parallel(_)
            | StepKind::Pace(_)
            | StepKind::Stream(_) => {}
        }
    }
}
