//! What a user does over several requests: polls, playback and sessions.

use minijinja::Value;

use plimsoll_metrics::{ErrorClass, Outcome, StepId};
use plimsoll_plan::{
    Instruction, PlaybackPlan, PollPlan, RenderError, RequestId, RequestPlan, SessionId,
};
use plimsoll_units::RunTime;

use super::playback::{Playback, PlaybackJumps};
use super::playlist::{Playlist, PlaylistError, parse};
use super::track::MediaResource;
use super::{Action, Response, User, think};

impl User {
    /// Carries out an instruction of a playback; all others have been dealt with.
    pub(super) fn play(&mut self, op: &Instruction, now: RunTime) -> Option<Action> {
        let plan = self.plan.clone();
        let of = |id: &plimsoll_plan::PlaybackId| &plan.playbacks[id.0 as usize];
        match op {
            Instruction::PlayBegin(id) => {
                let watch = think::draw(of(id).watch, &mut self.chance);
                self.playback = Some(Box::new(Playback::new(now, watch)));
            }
            Instruction::PlayList { playback, segments } => {
                self.go_on_behind_playlist(of(playback), *segments);
            }
            Instruction::PlayNext { playback, renew, reload, end } => {
                let places = PlaybackJumps { renew: *renew, reload: *reload, end: *end };
                return self.play_next(of(playback), places, now);
            }
            Instruction::PlayLoaded { playback, back } => {
                self.position = *back;
                let Some(playing) = &mut self.playback else { return None };
                if playing.resource_came(now) {
                    let times = (playing.began, now);
                    return Some(Self::note(of(playback).first_segment, times, Outcome::Ok));
                }
            }
            Instruction::PlayEnd { playback, stalled } => {
                let Some(playing) = &self.playback else { return None };
                let (step, span) = if *stalled {
                    (of(playback).stalled, playing.stalled)
                } else {
                    (of(playback).played, playing.played())
                };
                return Some(Self::note(step, (now - span, now), Outcome::Ok));
            }
            _ => {}
        }
        None
    }

    /// Reads the playlist that answered request `id`.
    pub(super) fn take_playlist(
        &mut self,
        plan: &PlaybackPlan,
        id: RequestId,
        response: &Response<'_>,
    ) -> Result<(), PlaylistError> {
        let (Some(playing), Some(base)) = (&mut self.playback, response.url) else { return Ok(()) };
        match parse(response.body)? {
            Playlist::Master(_) if id != plan.manifest => Err(PlaylistError::Nested),
            Playlist::Master(master) => playing.take_variants(&master, base, plan.variant),
            Playlist::Media(list) => {
                let now = self.now + response.service_time;
                if id == plan.manifest {
                    playing.choose_main();
                }
                playing.take_list(&list, base, (plan.buffer, now))
            }
        }
    }

    /// To the request for the playlist of the variant, or of a rendition, if one is still missing; else to the segments.
    fn go_on_behind_playlist(&mut self, plan: &PlaybackPlan, segments: u32) {
        let missing = self.playback.as_mut().and_then(|playing| playing.ask_for_list());
        match missing.map(str::to_owned) {
            Some(url) => self.ask_for(plan, MediaResource { url, range: None }),
            None => self.position = segments,
        }
    }

    /// Lets the next request of the playback ask for `resource`.
    fn ask_for(&mut self, plan: &PlaybackPlan, resource: MediaResource) {
        let range = resource.range.map(|range| Value::from(range.to_string()));
        self.slots[plan.range.0 as usize] = range;
        self.slots[plan.url.0 as usize] = Some(Value::from(resource.url));
    }

    /// To the request for the playlist of the current track: the first one, or that of a variant or rendition.
    fn reload(&mut self, plan: &PlaybackPlan, (first, named): (u32, u32)) {
        let url = self.playback.as_ref().and_then(|playing| playing.list_url()).map(str::to_owned);
        self.position = if url.is_some() { named } else { first };
        if let Some(url) = url {
            self.ask_for(plan, MediaResource { url, range: None });
        }
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
        let number = playing.number();
        if session.is_some_and(|session| session.is_due(now)) && playing.renewed != number {
            playing.renewed = number;
            self.position = places.renew;
            return None;
        }
        playing.choose_track();
        if playing.next_segment().is_none() {
            let due = playing.reload_due();
            if due > now {
                // Time passes without a segment: a session may end again meanwhile.
                playing.renewed = u64::MAX;
                self.position -= 1;
                return Some(Action::Wait(due));
            }
            self.reload(plan, places.reload);
            return None;
        }
        if let Some(room) = playing.room_for_next(plan.buffer).filter(|room| *room > now) {
            self.position -= 1;
            return Some(Action::Wait(room));
        }
        if playing.switches(plan.variant) {
            self.reload(plan, places.reload);
            return None;
        }
        if let Some(resource) = playing.next_resource() {
            self.ask_for(plan, resource);
        }
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
            if poll.goes_on {
                self.failed = true;
            } else {
                self.fail();
            }
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
