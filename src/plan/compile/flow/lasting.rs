//! Steps that last: streams and playback.

use ::http::header;

use super::draft::{ExpectedRequests, ScenarioPlanDraft};
use super::parts::FlowParts;
use super::session::EnteredSession;
use crate::compile::names::hidden_name;
use crate::compile::template::TemplateCompiler;
use crate::compile::{body, request};
use crate::{
    CaptureSlot, Escape, Instruction, Media, PlaybackId, PlaybackPlan, RequestId, SocketMessage,
    SocketMessageForm, StreamId, StreamKind, StreamPlan, Template, VariantChoice,
};
use plimsoll_metrics::SampleKind;
use plimsoll_scenario::schema::{self, PlaybackSpec, RequestSpec, StreamSpec, VariantSpec};
use plimsoll_scenario::{ProblemKind, Problems, Spanned, json_of_node};
use plimsoll_units::Nanos;

/// A playback whose session may be entered now.
pub(super) struct BegunPlayback {
    id: PlaybackId,
    /// Where it keeps the address of what it loads next.
    url: CaptureSlot,
    /// Where it keeps the bytes of it.
    range: CaptureSlot,
    /// The first instruction behind [`Instruction::PlayBegin`].
    renew: u32,
    /// The session that the instructions from here on are in.
    pub(super) entered: Option<EnteredSession>,
}

impl<'a> FlowParts<'a> {
    /// A stream's instructions, behind those of its session.
    pub(super) fn stream(
        &mut self,
        stream: &'a StreamSpec,
        entered: Option<EnteredSession>,
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
        let request = self.compiled_request(&stream.request, kind, draft, problems);
        if matches!(stream.kind, schema::StreamKindSpec::Events { .. }) {
            self.ask_for_events(request, &stream.request);
        }
        let first = self.part_of(&stream.request.name, first, problems);
        let whole = self.part_of(&stream.request.name, whole, problems);
        let kind = self.stream_kind(stream, draft, problems);
        draft.ops.push(Instruction::Stream(StreamId(self.streams.len() as u32)));
        draft.note_captures(&stream.request);
        self.streams.push(StreamPlan { request, first, whole, kind });
        let alone = ExpectedRequests::of(1.0, seconds);
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
        &mut self,
        stream: &'a StreamSpec,
        draft: &ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> StreamKind {
        match &stream.kind {
            schema::StreamKindSpec::Events { until, event, hold } => StreamKind::Events {
                gap: self.part_of(&stream.request.name, SampleKind::EventGap, problems),
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

    /// A playback's first instruction; its session follows. See [`PlaybackPlan`] and the user's side of it.
    pub(super) fn begin_playback(
        &mut self,
        playback: &'a PlaybackSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> Option<BegunPlayback> {
        let id = PlaybackId(self.playbacks.len() as u32);
        let range = self.hidden(&playback.name, "range")?;
        let url = self.hidden(&playback.name, "url")?;
        let first_segment = self.part_of(&playback.name, SampleKind::FirstSegment, problems);
        let played = self.part_of(&playback.name, SampleKind::Played, problems);
        let stalled = self.part_of(&playback.name, SampleKind::Stalled, problems);
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
            watch: self.delay(playback.watch),
            session: None,
            goes_on_at: None,
            first_segment,
            played,
            stalled,
        });
        draft.ops.push(Instruction::PlayBegin(id));
        Some(BegunPlayback { id, url, range, renew: draft.ops.len() as u32, entered: None })
    }

    /// A player's loop, behind the session's instructions.
    pub(super) fn playback(
        &mut self,
        playback: &'a PlaybackSpec,
        begun: &BegunPlayback,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let BegunPlayback { id, url, range, renew, entered } = *begun;
        let (manifest, reload) = self.manifest(playback, begun, draft, problems);
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
            plan.media = Some(Media::Segment(id));
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
        if let Some(plan) = self.playbacks.get_mut(id.0 as usize) {
            plan.goes_on_at = playback.goes_on.then_some(draft.ops.len() as u32);
        }
        let watch = self.delay(playback.watch).mean();
        expected_of_playback(playback, watch, self.renewals(playback.session.as_ref(), entered))
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
        begun: &BegunPlayback,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> (RequestId, (u32, u32)) {
        let BegunPlayback { id, url, entered, .. } = *begun;
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
    playback: &PlaybackSpec,
    watch: Nanos,
    (every, login): (Option<Nanos>, ExpectedRequests),
) -> ExpectedRequests {
    let seconds = watch.as_secs_f64();
    let playlists = every.map_or(1.0, |every| (seconds / every.as_secs_f64()).max(1.0));
    let tracks = f64::from(playback.renditions + 1);
    let segments = (seconds / playback.segment_length.as_secs_f64()).ceil();
    let requests = playlists * (login.requests + tracks) + segments * tracks;
    ExpectedRequests { requests, seconds, ..login }
}

/// A message: a text as it is, bytes as they are written, anything else as JSON.
fn message(
    spec: &schema::SocketMessageSpec,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> SocketMessage {
    let (text, form) = match spec {
        schema::SocketMessageSpec::Text(node) => {
            let content = text_message(node, templates, problems);
            return SocketMessage { content, form: SocketMessageForm::Text };
        }
        schema::SocketMessageSpec::Hex(text) => (text, SocketMessageForm::Hex),
        schema::SocketMessageSpec::Base64(text) => (text, SocketMessageForm::Base64),
    };
    let content = templates.compile(text, Escape::None, problems);
    // What does not vary is read once, and found wrong before the run.
    let Some(written) = content.as_constant() else { return SocketMessage { content, form } };
    if let Some(bytes) = form.read(written.to_vec()) {
        let content = Template::constant(bytes);
        return SocketMessage { content, form: SocketMessageForm::Binary };
    }
    let expected = match form {
        SocketMessageForm::Base64 => "bytes in Base64",
        _ => "bytes in pairs of hexadecimal digits",
    };
    let kind = ProblemKind::BadNumber { expected, found: text.value.clone() };
    problems.report(text.span, kind);
    SocketMessage { content, form }
}

/// A text as it is, anything else as JSON.
fn text_message(
    node: &plimsoll_scenario::Node,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Template {
    match json_of_node(node) {
        serde_json::Value::String(text) => {
            templates.compile(&Spanned::new(text, node.span), Escape::None, problems)
        }
        _ => body::json(node, templates, problems),
    }
}
