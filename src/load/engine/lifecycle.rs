//! Setup and teardown: one user, once for a run, outside its load and its figures.
//!
//! They have a clock, connections and cookies of their own, so that the load finds what it would find without them.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use minijinja::Value;
use tokio::task::LocalSet;

use crate::transport::{
    Client, FinishedRequest, RequestTimes, StreamEvent, WorkerTransport, keep_time,
};
use plimsoll_metrics::{LifecycleNote, LifecyclePart, Outcome, Sample, ScenarioId};
use plimsoll_plan::{CaptureSlot, Plan, Variables as _, redact};
use plimsoll_schedule::Arrival;
use plimsoll_units::{Nanos, RunTime};
use plimsoll_user::{Action, User, UserFactory};

use super::options::RunOptions;

/// What a setup or teardown came to.
#[derive(Debug)]
pub struct PlayedLifecycle {
    /// For the log.
    pub note: LifecycleNote,
    /// What it captured, as far as it came.
    pub captured: Vec<(CaptureSlot, Value)>,
}

/// Plays the setup or teardown of `plan`; `None` where it has none. Whoever drops the future gives up what is left.
///
/// # Errors
/// Where the system refuses a timer.
pub async fn play_lifecycle(
    plan: &Plan,
    options: &RunOptions,
    part: LifecyclePart,
) -> io::Result<Option<PlayedLifecycle>> {
    let Some(flow) = plan.lifecycle.part(part) else { return Ok(None) };
    let alone = Arc::new(plan.of_lifecycle(part, flow));
    // On the heap: most runs have no such part, and a request's future is large.
    Box::pin(LocalSet::new().run_until(async {
        let timers = keep_time(Nanos::ZERO)?;
        let (tls, permit) = (options.tls.clone(), options.permit.clone());
        let shared = WorkerTransport::new(alone.clone(), tls, permit, timers.clone());
        let mut playing = PlayingLifecycle {
            user: UserFactory::new(alone.clone()).user(0),
            client: Client::new(&shared, 0),
            note: LifecycleNote::begun(part),
            plan: alone.clone(),
        };
        let clock = timers.clock();
        alone.templates.begin_at(clock.unix_start());
        let began = clock.now();
        playing.user.begin(ScenarioId(0), &Arrival::alone(0, began));
        let timer = timers.timer();
        timer.arm(began + flow.timeout);
        let played = timer.bound(playing.play(&|| clock.now())).await;
        if played.is_none() {
            let why = format!("it did not end within {}", flow.timeout);
            playing.note.failure.get_or_insert(why);
        }
        playing.note.took = clock.now().since(began);
        let captured = flow
            .slots
            .iter()
            .filter_map(|&slot| playing.user.slot(slot).cloned().map(|value| (slot, value)));
        Ok(Some(PlayedLifecycle { captured: captured.collect(), note: playing.note }))
    }))
    .await
}

/// A setup or teardown under way.
struct PlayingLifecycle {
    plan: Arc<Plan>,
    user: User,
    client: Client,
    note: LifecycleNote,
}

impl PlayingLifecycle {
    async fn play(&mut self, now: &impl Fn() -> RunTime) {
        loop {
            let at = now();
            let times = RequestTimes { intended: at, began: at };
            match self.user.next_action(at) {
                Action::Send(attempt) => {
                    let finished = self.client.perform(&mut self.user, attempt, at, at).await;
                    self.count(&finished);
                }
                Action::SendAll(ids) => {
                    let all = RefCell::new(vec![]);
                    let keep = |finished| all.borrow_mut().push(finished);
                    self.client.perform_all(&mut self.user, &ids, times, &keep).await;
                    all.into_inner().iter().for_each(|finished| self.count(finished));
                }
                Action::Stream(id) => {
                    let all = RefCell::new(vec![]);
                    let keep = |event| all.borrow_mut().push(event);
                    self.client.stream(&mut self.user, id, times, &keep).await;
                    for event in all.into_inner() {
                        match event {
                            StreamEvent::Request(finished) => self.count(&finished),
                            StreamEvent::DerivedTiming(timing) => {
                                self.notice(&timing.sample, &timing.message);
                            }
                            StreamEvent::Traffic { .. } => {}
                        }
                    }
                }
                Action::Wait(until) => self.client.timer().sleep_until(until).await,
                Action::DerivedTiming(sample) => self.notice(&sample, ""),
                Action::Done => return,
                Action::UsedUp(set) => {
                    let name = &self.plan.data[usize::from(set)].name;
                    self.fail(format!("`{name}` has no row left"));
                    return;
                }
                Action::IterationError(error) => {
                    let place = self.step_name(self.user.place());
                    self.fail(format!("step `{place}`: {error}"));
                    return;
                }
            }
        }
    }

    fn step_name(&self, id: plimsoll_metrics::StepId) -> String {
        let known = self.plan.steps.get(usize::from(id.0));
        known.map_or_else(String::new, |step| step.name.clone())
    }

    fn count(&mut self, finished: &FinishedRequest) {
        let FinishedRequest { sample, message } = finished;
        let name = self.step_name(sample.step);
        self.note.count(&name, sample.service_time(), sample.outcome != Outcome::Ok);
        self.notice(sample, message);
    }

    /// Keeps the first failure in words.
    fn notice(&mut self, sample: &Sample, message: &str) {
        let Outcome::Failed(class) = sample.outcome else { return };
        let name = self.step_name(sample.step);
        let status =
            if sample.status > 0 { format!(" (status {})", sample.status) } else { String::new() };
        let why = if message.is_empty() { String::new() } else { format!(": {message}") };
        self.fail(format!("step `{name}` failed by {class}{status}{why}"));
    }

    fn fail(&mut self, why: String) {
        let why = self.user.redacted(why);
        let secrets = self.plan.secrets.iter().map(String::as_str);
        self.note.failure.get_or_insert_with(|| redact(&why, secrets));
    }
}
