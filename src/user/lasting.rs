//! What a user does over several requests: polls, playback and sessions.

use minijinja::Value;

use crate::metrics::{ErrorClass, Outcome, StepId};
use crate::plan::{
    Instruction, PlaybackPlan, PollPlan, RenderError, RequestId, RequestPlan, SessionId,
};
use crate::units::RunTime;

use super::playback::{Playback, PlaybackJumps};
use super::playlist::{Playlist, parse, resolved};
use super::{Action, User, think};

impl User {
    /// Carries out an instruction of a playback; all others have been dealt with.
    pub(super) fn play(
        &mut self,
        op: &Instruction,
        now: RunTime,
    ) -> Result<Option<Action>, RenderError> {
        let plan = self.plan.clone();
        let of = |id: &crate::plan::PlaybackId| &plan.playbacks[id.0 as usize];
        match op {
            Instruction::PlayBegin(id) => {
                let watch = think::draw(of(id).watch, &mut self.chance);
                self.playback = Some(Box::new(Playback::new(now, watch)));
            }
            Instruction::PlayList { playback, segments } => {
                self.read_playlist(of(playback), *segments, now)?;
            }
            Instruction::PlayNext { playback, renew, reload, end } => {
                let places = PlaybackJumps { renew: *renew, reload: *reload, end: *end };
                return Ok(self.play_next(of(playback), places, now));
            }
            Instruction::PlayLoaded { playback, back } => {
                self.position = *back;
                let Some(playing) = &mut self.playback else { return Ok(None) };
                if playing.segment_came(now) {
                    let times = (playing.began, now);
                    return Ok(Some(Self::note(of(playback).first_segment, times, Outcome::Ok)));
                }
            }
            Instruction::PlayEnd { playback, stalled } => {
                let Some(playing) = &self.playback else { return Ok(None) };
                let (step, span) = if *stalled {
                    (of(playback).stalled, playing.stalled)
                } else {
                    (of(playback).played, playing.played())
                };
                return Ok(Some(Self::note(step, (now - span, now), Outcome::Ok)));
            }
            _ => {}
        }
        Ok(None)
    }

    fn read_playlist(
        &mut self,
        plan: &PlaybackPlan,
        segments: u32,
        now: RunTime,
    ) -> Result<(), RenderError> {
        let text = self.slots[plan.playlist.0 as usize].as_ref().map(Value::to_string);
        let text = text.ok_or(RenderError::Missing(plan.playlist))?;
        let Some(mut playing) = self.playback.take() else { return Ok(()) };
        let manifest = self.manifest_url(plan)?;
        match parse(&text) {
            Playlist::Variant(name) => {
                let url = resolved(&manifest, &name);
                self.slots[plan.url.0 as usize] = Some(Value::from(url.as_str()));
                playing.variant = Some(url);
                playing.at_variant = true;
            }
            Playlist::Media(list) if list.segments.is_empty() && !list.live => {
                return Err(RenderError::Expression("the playlist names no segments".to_owned()));
            }
            Playlist::Media(list) => {
                self.position = segments;
                let at_variant = std::mem::take(&mut playing.at_variant);
                let base =
                    playing.variant.as_ref().filter(|_| at_variant).unwrap_or(&manifest).clone();
                playing.take_list(list, &base, (plan.buffer, now));
            }
        }
        self.playback = Some(playing);
        Ok(())
    }

    fn manifest_url(&mut self, plan: &PlaybackPlan) -> Result<String, RenderError> {
        let requests = self.plan.clone();
        let mut url = vec![];
        self.render(&requests.requests[plan.manifest.0 as usize].url, &mut url)?;
        Ok(String::from_utf8_lossy(&url).into_owned())
    }

    fn play_next(
        &mut self,
        plan: &PlaybackPlan,
        places: PlaybackJumps,
        now: RunTime,
    ) -> Option<Action> {
        let playing = self.playback.as_mut()?;
        if let Some(stops) = playing.stops(now) {
            self.position = places.end;
            return (stops > now).then_some(Action::Wait(stops));
        }
        let session = plan.session.map(|id| &self.sessions[id.0 as usize]);
        let number = playing.first + playing.next as u64;
        if session.is_some_and(|session| session.is_due(now)) && playing.renewed != number {
            playing.renewed = number;
            self.position = places.renew;
            return None;
        }
        if playing.next >= playing.segments.len() {
            let due = playing.reload_due();
            if due > now {
                // Time passes without a segment: a session may end again meanwhile.
                playing.renewed = u64::MAX;
                self.position -= 1;
                return Some(Action::Wait(due));
            }
            self.position = places.reload.0;
            if let Some(variant) = &playing.variant {
                playing.at_variant = true;
                self.slots[plan.url.0 as usize] = Some(Value::from(variant.as_str()));
                self.position = places.reload.1;
            }
            return None;
        }
        let (url, length) = &playing.segments[playing.next];
        // There is room for the next segment once it and what is loaded reach `buffer` segments ahead.
        let ahead = *length * u64::from(plan.buffer.saturating_sub(1));
        let room = playing.plays_until(playing.loaded.saturating_sub(ahead));
        if playing.shown.is_some() && room > now {
            self.position -= 1;
            return Some(Action::Wait(room));
        }
        self.slots[plan.url.0 as usize] = Some(Value::from(url.as_str()));
        None
    }
}

impl User {
    /// Ends a round at `now`. A poll that runs into its timeout ends the iteration, as a failed request does.
    pub(super) fn poll_again(
        &mut self,
        depth: u8,
        poll: &PollPlan,
        back: u32,
        now: RunTime,
    ) -> Result<Action, RenderError> {
        let began = self.polls[depth as usize].began;
        if poll.until.holds(self)? {
            return Ok(Self::note(poll.step, (began, now), Outcome::Ok));
        }
        let next = (self.polls[depth as usize].round_began + poll.every).max(now);
        if next >= began + poll.timeout {
            self.fail();
            let outcome = Outcome::Failed(ErrorClass::ResponseTimeout);
            return Ok(Self::note(poll.step, (began, now), outcome));
        }
        self.polls[depth as usize].round_began = next;
        self.position = back;
        Ok(Action::Wait(next))
    }
}

impl User {
    /// Carries out an instruction of a session; none if it is another one.
    pub(super) fn session(&mut self, op: &Instruction, now: RunTime) -> Option<Action> {
        match op {
            Instruction::SessionNeeded { session, held } => {
                return self.need_session(*session, *held, now);
            }
            Instruction::SessionBegun(session) => self.session_begun(*session),
            Instruction::SessionRefused { session, again, expired } => {
                return self.renew_if_refused(*session, (*again, *expired), now);
            }
            _ => {}
        }
        None
    }

    /// Behind a request: goes back to the login if it was refused, and counts that with the session's age.
    fn renew_if_refused(
        &mut self,
        session: SessionId,
        (again, expired): (u32, StepId),
        now: RunTime,
    ) -> Option<Action> {
        let state = &mut self.sessions[session.0 as usize];
        if !std::mem::take(&mut state.refused) {
            return None;
        }
        let asked = state.asked;
        self.session_ended(session);
        self.position = again;
        Some(Self::note(expired, (asked, now), Outcome::Ok))
    }

    /// Whether an answer says that the request's session has ended, and this is the first time that it does.
    pub(super) fn is_refused(&mut self, id: RequestId, request: &RequestPlan, status: u16) -> bool {
        let Some(session) = request.session else { return false };
        let plan = &self.plan.sessions[session.0 as usize];
        let state = &mut self.sessions[session.0 as usize];
        let expected = request.expects(status);
        if !expected && plan.expired.contains(status) && state.retrying.is_none() {
            state.refused = true;
            state.retrying = Some(id);
            return true;
        }
        if state.retrying == Some(id) {
            state.retrying = None;
        }
        false
    }
}
