//! The virtual user: a state machine that says what to do next and is given the outcome.
//!
//! It does no I/O and reads no clock; the engine carries its actions out. A user is a position in a
//! program, a few counters and the values it has captured.

mod action;
mod attempts;
mod bandwidth;
mod failure;
mod held;
mod judge;
mod lasting;
mod loops;
mod playback;
mod playlist;
mod poll;
mod rows;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod think;
mod track;
mod turns;
mod variables;

use std::sync::Arc;

use minijinja::Value;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use plimsoll_metrics::{ErrorClass, Outcome, Sample, ScenarioId, StepId};
use plimsoll_plan::value::write_json;
use plimsoll_plan::{
    ArrivalLaw, Body, CaptureSlot, ConnectionUse, Delay, Filler, Instruction, Load, Media,
    OpenLoad, Plan, RenderError, RequestId, SECRET_MIN, SourceNet, Template, TemplateNames,
    UploadPiece, Variables, redact,
};
use plimsoll_schedule::Arrival;
use plimsoll_units::{Nanos, RandomStream, RunTime, Seed};

pub use action::{Action, RequestAttempt};
pub use judge::{CheckResult, Response, ResponseHeaders, meets};
pub use rows::RowPicker;
pub use state::{MAX_LOOPS, User};
use turns::{CHOICES, Turn};

/// The most instructions that a user carries out before others have their turn: about a millisecond's worth.
const OPS_A_TURN: u32 = 1_000;

/// What all users of a worker share.
#[derive(Debug, Clone)]
pub struct UserFactory {
    plan: Arc<Plan>,
    names: Arc<TemplateNames>,
    rows: Arc<RowPicker>,
    /// Where captured secrets are kept.
    secret_slots: Arc<[CaptureSlot]>,
    /// Weights of the scenarios, summed up.
    shares: Arc<[f64]>,
}

impl UserFactory {
    /// Prepares for users of `plan`.
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut sum = 0.0;
        let shares = plan
            .scenarios
            .iter()
            .map(|scenario| {
                sum += scenario.weight;
                sum
            })
            .collect();
        let names = Arc::new(plan.templates.names().clone());
        let rows = Arc::new(RowPicker::new(&plan));
        let captures = plan.requests.iter().flat_map(|request| &request.captures);
        let captured = captures.filter(|capture| capture.secret).map(|capture| capture.slot);
        // URLs of a playback may carry its token.
        let urls = plan.playbacks.iter().map(|playback| playback.url);
        let secret_slots = captured.chain(urls).collect();
        Self { plan, names, rows, secret_slots, shares }
    }

    /// The scenario that an arrival plays: as recorded, or by weight, from the seed alone.
    pub fn scenario_of(&self, arrival: &Arrival) -> ScenarioId {
        if let Load::Open(OpenLoad { arrivals: ArrivalLaw::Recorded(recording), .. }) =
            &self.plan.load
            && let Some(scenario) = recording.scenarios.get(arrival.index as usize)
        {
            return *scenario;
        }
        if self.shares.len() == 1 {
            return ScenarioId(0);
        }
        let drawn = Turn::of(self.plan.seed, arrival).scenario();
        if let Load::Open(OpenLoad { mix: Some(mix), .. }) = &self.plan.load {
            return mix.scenario(arrival.intended, drawn);
        }
        let total = self.shares.last().copied().unwrap_or(1.0);
        let drawn = drawn * total;
        let found = self.shares.iter().position(|&upper| drawn < upper);
        ScenarioId(found.unwrap_or(self.shares.len() - 1) as u16)
    }

    /// Shares out `count` arrivals whose turns nobody looked at over the scenarios, by their weights.
    pub fn shared_out(&self, count: u64) -> impl Iterator<Item = (ScenarioId, u64)> {
        let total = self.shares.last().copied().unwrap_or(1.0);
        let last = self.shares.len().saturating_sub(1);
        let mut given = 0;
        self.shares.iter().enumerate().map(move |(at, upper)| {
            let share = upper / total * count as f64;
            let until = if at == last { count } else { (share as u64).clamp(given, count) };
            let part = until - given;
            given = until;
            (ScenarioId(at as u16), part)
        })
    }

    /// A user with the given number among all users of the run.
    pub fn user(&self, number: u64) -> User {
        User {
            plan: self.plan.clone(),
            names: self.names.clone(),
            rows: self.rows.clone(),
            number,
            scenario: ScenarioId(0),
            iteration: 0,
            position: 0,
            counters: [0; MAX_LOOPS],
            slots: vec![None; self.names.slots.len()].into(),
            picked: vec![None; self.plan.data.len()].into(),
            secret_slots: self.secret_slots.clone(),
            uncaptured: vec![],
            chance: Seed::new(0).stream(RandomStream::Iteration, 0),
            arrival: Arrival::alone(0, RunTime::ZERO),
            turn: None,
            choices: 0,
            attempts: None,
            waits: None,
            lists: vec![],
            failed: false,
            slow: false,
            now: RunTime::ZERO,
            paced: RunTime::ZERO,
            polls: [poll::PollState::default(); MAX_LOOPS],
            playback: None,
            sessions: vec![held::UserSession::default(); self.plan.sessions.len()].into(),
        }
    }
}

impl User {
    /// Begins an iteration: forgets what the last one captured, and its rows.
    pub fn begin(&mut self, scenario: ScenarioId, arrival: &Arrival) {
        self.scenario = scenario;
        self.iteration = arrival.index;
        self.position = 0;
        self.attempts = None;
        self.waits = None;
        self.lists.clear();
        self.failed = false;
        self.slow = false;
        self.paced = arrival.intended;
        self.playback = None;
        self.slots.fill(None);
        for at in 0..self.plan.lifecycle.given.len() {
            let (slot, value) = self.plan.lifecycle.given[at].clone();
            self.slots[slot.0 as usize] = Some(value);
        }
        self.keep_sessions();
        self.uncaptured.clear();
        self.chance = self.plan.seed.stream(RandomStream::Iteration, arrival.index);
        self.arrival = *arrival;
        self.turn = None;
        self.choices = 0;
        if let Some(slot) = self.plan.address {
            let http = &self.plan.http;
            let each_visitor = http.connections == ConnectionUse::PerIteration;
            let number = if each_visitor { arrival.index } else { self.number };
            let address = SourceNet::of_user(&http.forwarded_for, number);
            self.slots[slot.0 as usize] = address.map(|address| Value::from(address.to_string()));
        }
        self.picked.fill(None);
    }

    /// The scenario it plays.
    pub const fn scenario(&self) -> ScenarioId {
        self.scenario
    }

    /// Its number among all users of the run.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Whether a request of this iteration failed.
    pub const fn failed(&self) -> bool {
        self.failed
    }

    /// Notes that a step of this iteration took longer than its max.
    pub const fn note_slow(&mut self) {
        self.slow = true;
    }

    /// Whether nothing failed in this iteration, but a step took longer than its max.
    pub const fn was_slow(&self) -> bool {
        self.slow && !self.failed
    }

    /// Whether the iteration is not over yet.
    pub fn next_is_work(&self) -> bool {
        let program = &self.plan.scenarios[self.scenario.0 as usize].program.0;
        (self.position as usize) < program.len()
    }

    /// The step it is at, or the next one: where a script that breaks is looked for.
    pub fn place(&self) -> StepId {
        let plan = &self.plan;
        let program = &plan.scenarios[self.scenario.0 as usize].program.0;
        let at = (self.position as usize).saturating_sub(1).min(program.len());
        let step = |op: &Instruction| match op {
            Instruction::Request(id) => Some(plan.requests[id.0 as usize].step),
            Instruction::Parallel(ids) => ids.first().map(|id| plan.requests[id.0 as usize].step),
            Instruction::PollAgain { poll, .. } => Some(poll.step),
            Instruction::PlayList { playback, .. } => {
                Some(plan.playbacks[playback.0 as usize].first_segment)
            }
            _ => None,
        };
        let after = program[at..].iter().find_map(step);
        after.or_else(|| program.iter().rev().find_map(step)).unwrap_or(StepId(0))
    }

    /// What to do at `now`. Rows that are given once are dealt before a request that needs them goes out.
    pub fn next_action(&mut self, now: RunTime) -> Action {
        let action = self.next_step(now);
        let plan = &self.plan;
        let needs = |id: &RequestId| !plan.requests[id.0 as usize].given_once.is_empty();
        let is_short = match &action {
            Action::Send(attempt) if needs(&attempt.request) => self.deal_to(&[attempt.request]),
            Action::Stream(id) => self.deal_to(&[self.plan.streams[id.0 as usize].request]),
            Action::SendAll(ids) => self.deal_to(ids),
            Action::IterationError(RenderError::UsedUp(set)) => Err(RenderError::UsedUp(*set)),
            _ => Ok(()),
        };
        match is_short {
            Err(RenderError::UsedUp(set)) => {
                self.fail();
                Action::UsedUp(set)
            }
            _ => action,
        }
    }

    /// Deals the rows that requests need of which each is given once.
    fn deal_to(&mut self, requests: &[RequestId]) -> Result<(), RenderError> {
        let plan = self.plan.clone();
        let mut sets = requests.iter().flat_map(|id| &plan.requests[id.0 as usize].given_once);
        sets.try_for_each(|set| Variables::deal(self, *set))
    }

    /// What to do at `now`. Passes over instructions that take no time, but only so many: a loop around a
    /// condition that never holds must not keep its worker from everything else.
    fn next_step(&mut self, now: RunTime) -> Action {
        self.now = now;
        if let Some(action) = self.try_again(now) {
            return action;
        }
        let plan = self.plan.clone();
        let program = &plan.scenarios[self.scenario.0 as usize].program.0;
        for _ in 0..OPS_A_TURN {
            let Some(op) = program.get(self.position as usize) else { return Action::Done };
            self.position += 1;
            match op {
                Instruction::Request(id) => return self.attempt(*id, now),
                Instruction::Think(delay) => {
                    return Action::Wait(now + think::draw(*delay, &mut self.chance));
                }
                op => match self.control(op, now) {
                    Ok(None) => {}
                    Ok(Some(action)) => return action,
                    Err(error) => {
                        self.failed = true;
                        self.give_up_logins();
                        return Action::IterationError(error);
                    }
                },
            }
        }
        Action::Wait(now)
    }

    /// Carries out an instruction; most only move the position or a value.
    fn control(&mut self, op: &Instruction, now: RunTime) -> Result<Option<Action>, RenderError> {
        match op {
            Instruction::Repeat { counter, times: (least, most), end } => {
                let rounds = if least == most {
                    *least
                } else {
                    let kinds = f64::from(most - least) + 1.0;
                    least + (self.choice() * kinds) as u32
                };
                self.counters[*counter as usize] = rounds;
                if rounds == 0 {
                    self.position = *end;
                }
            }
            Instruction::Again { counter, back } => {
                let left = &mut self.counters[*counter as usize];
                *left = left.saturating_sub(1);
                if *left > 0 {
                    self.position = *back;
                }
            }
            Instruction::If { when, end } => {
                if !when.holds(self)? {
                    self.position = *end;
                }
            }
            Instruction::Choose(branches) => {
                let total: f64 = branches.iter().map(|(weight, _)| weight).sum();
                let mut drawn = self.choice() * total;
                let chosen = branches.iter().find(|(weight, _)| {
                    drawn -= weight;
                    drawn < 0.0
                });
                if let Some((_, to)) = chosen.or(branches.last()) {
                    self.position = *to;
                }
            }
            Instruction::Jump(to) => self.position = *to,
            Instruction::Set(slot, value) => self.slots[slot.0 as usize] = Some(value.clone()),
            Instruction::Parallel(requests) => return Ok(Some(Action::SendAll(requests.clone()))),
            Instruction::Stream(stream) => return Ok(Some(Action::Stream(*stream))),
            Instruction::Pace(span) => return Ok(self.pace(*span, now)),
            Instruction::Poll { depth } => {
                self.counters[*depth as usize] = 0;
                self.polls[*depth as usize] = poll::PollState::begun(now);
            }
            Instruction::PollAgain { depth, poll, back } => {
                return self.poll_again(*depth, poll, *back, now).map(Some);
            }
            Instruction::SessionNeeded { .. }
            | Instruction::SessionBegun(_)
            | Instruction::SessionRefused { .. } => {
                return Ok(self.session(op, now));
            }
            Instruction::ThinkBy { .. }
            | Instruction::RepeatBy { .. }
            | Instruction::ForEach { .. }
            | Instruction::NextItem { .. }
            | Instruction::While { .. } => return self.by_data(op, now),
            op => return Ok(self.play(op, now)),
        }
        Ok(None)
    }

    /// A number in [0, 1) for the next choice of this iteration: the first ones are dealt out in fair order.
    fn choice(&mut self) -> f64 {
        let choice = self.choices;
        self.choices += 1;
        if choice >= CHOICES {
            return self.chance.random();
        }
        let turn = self.turn.get_or_insert_with(|| Turn::of(self.plan.seed, &self.arrival));
        turn.choice(choice)
    }

    /// Waits until `span` has passed since the last such point. A user that is late goes on at once, and the
    /// next point counts from now: lost time is not caught up.
    fn pace(&mut self, span: Nanos, now: RunTime) -> Option<Action> {
        let due = self.paced + span;
        self.paced = due.max(now);
        (due > now).then_some(Action::Wait(due))
    }

    /// A time over or within requests.
    fn note(step: StepId, (from, to): (RunTime, RunTime), outcome: Outcome) -> Action {
        Action::DerivedTiming(Sample::of_time(step, (from, from), to, outcome))
    }

    /// Renders a template with this user's values, appending to `out`.
    ///
    /// # Errors
    /// Where a value is missing or an expression fails.
    pub fn render(&mut self, template: &Template, out: &mut Vec<u8>) -> Result<(), RenderError> {
        template.render(self, out)
    }

    /// Renders the body of a request, appending to `out`, and to `fillers` where in `out` files stand.
    ///
    /// # Errors
    /// Where a value is missing or an expression fails.
    pub fn render_body(
        &mut self,
        body: &Body,
        out: &mut Vec<u8>,
        fillers: &mut Vec<Filler>,
    ) -> Result<(), RenderError> {
        match body {
            Body::None => Ok(()),
            Body::Text(template) => self.render(template, out),
            Body::Upload(pieces) => pieces.iter().try_for_each(|piece| match piece {
                UploadPiece::Text(template) => self.render(template, out),
                UploadPiece::Part(template, boundary) => {
                    let from = out.len();
                    self.render(template, out)?;
                    match memchr::memmem::find(&out[from..], boundary.as_bytes()) {
                        Some(_) => Err(RenderError::Boundary(boundary.clone())),
                        None => Ok(()),
                    }
                }
                UploadPiece::File(source) => {
                    fillers.push(Filler { at: out.len(), source: source.clone() });
                    Ok(())
                }
            }),
        }
    }

    /// Draws one delay from the iteration's own chance.
    pub fn draw(&mut self, delay: Delay) -> Nanos {
        think::draw(delay, &mut self.chance)
    }

    /// Draws 16 random bytes, for correlation identifiers.
    pub fn correlation(&mut self) -> u128 {
        self.chance.random()
    }

    /// Judges a response and keeps what later steps need from it.
    pub fn on_response(&mut self, request: RequestId, response: &Response<'_>) -> CheckResult {
        let plan = self.plan.clone();
        let (id, request) = (request, &plan.requests[request.0 as usize]);
        if self.is_refused(id, request, response.status) {
            return CheckResult::ok();
        }
        let mut result = judge::checks(&request.checks, response);
        if result.outcome == Outcome::Ok {
            let (slots, chance) = (&mut self.slots, &mut self.chance);
            let mut missing = request.captures.len();
            let draw = &mut |of: usize| chance.random_range(0..of);
            result = judge::captures(&request.captures, response, draw, |slot, value| {
                slots[slot.0 as usize] = Some(value);
                missing -= 1;
            });
            if result.outcome != Outcome::Ok && missing == 0 {
                // All is there, some of it null: the iteration can go on.
                self.failed = true;
                return result;
            }
        }
        if result.outcome == Outcome::Ok
            && let Some(media) = request.media
        {
            result = self.take_media(id, media, response);
        }
        if result.outcome != Outcome::Ok {
            self.uncaptured.extend(judge::secrets(&request.captures, response));
        }
        if let Outcome::Failed(class) = result.outcome {
            self.failed_at(id, class, Some(response.headers));
        }
        result
    }

    /// Takes what a playback asked for.
    fn take_media(&mut self, id: RequestId, media: Media, response: &Response<'_>) -> CheckResult {
        let plan = self.plan.clone();
        match media {
            Media::Playlist(playback) => {
                let taken = self.take_playlist(&plan.playbacks[playback.0 as usize], id, response);
                taken.map_or_else(
                    |error| CheckResult::failed(ErrorClass::CheckFailed, error.to_string()),
                    |()| CheckResult::ok(),
                )
            }
            Media::Segment(_) => {
                if let Some(playing) = &mut self.playback {
                    playing.measured(response.size, response.service_time);
                }
                CheckResult::ok()
            }
        }
    }

    /// The message without the secrets that this user has captured or met.
    pub fn redacted(&self, message: String) -> String {
        let captured =
            self.secret_slots.iter().filter_map(|slot| self.slots[slot.0 as usize].as_ref());
        let mut secrets =
            captured.chain(&self.uncaptured).filter(|value| !value.is_none()).peekable();
        if message.is_empty() || secrets.peek().is_none() {
            return message;
        }
        let texts: Vec<String> = secrets
            .map(|value| value.as_str().map_or_else(|| json_text(value), str::to_owned))
            .collect();
        redact(&message, texts.iter().map(String::as_str).filter(|text| text.len() >= SECRET_MIN))
    }

    /// Hears that a request brought no response. The iteration ends, unless the step says otherwise: what follows mostly
    /// depends on it.
    pub fn on_failure(&mut self, request: RequestId, class: ErrorClass) {
        self.failed_at(request, class, None);
    }

    /// A failed step ends the iteration, as a person would stop at an error page.
    fn fail(&mut self) {
        self.failed = true;
        self.position = u32::MAX;
        self.attempts = None;
        self.give_up_logins();
    }
}

fn json_text(value: &Value) -> String {
    let mut text = vec![];
    write_json(value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Draws one delay. Public for the closed model's pacing and for tests of the laws.
pub fn draw_delay(delay: Delay, chance: &mut Pcg64Mcg) -> Nanos {
    think::draw(delay, chance)
}
