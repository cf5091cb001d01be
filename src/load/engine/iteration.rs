//! One iteration: a user's way through a flow.

use std::cell::Cell;

use crate::transport::{Client, FinishedRequest, RequestTimes, StreamEvent};
use plimsoll_metrics::{FailureExample, Sample};
use plimsoll_plan::RenderError;
use plimsoll_units::RunTime;
use plimsoll_user::{Action, User};

use super::job::{IterationEnd, IterationRole, Job};
use super::used_up::used_up;
use super::worker::Worker;

/// Records what an iteration does, and notes whether a step takes longer than its max.
struct IterationRecord<'w> {
    worker: &'w Worker,
    role: IterationRole,
    slow: Cell<bool>,
}

impl IterationRecord<'_> {
    fn finished(&self, finished: FinishedRequest) {
        self.look_at(&finished.sample);
        self.worker.record(self.role, finished);
    }

    fn derived(&self, sample: &Sample) {
        self.look_at(sample);
        self.worker.record_derived_timing(self.role, sample, "");
    }

    fn event(&self, event: StreamEvent) {
        if let StreamEvent::Request(of) | StreamEvent::DerivedTiming(of) = &event {
            self.look_at(&of.sample);
        }
        self.worker.record_stream(self.role, event);
    }

    /// The script cannot go on.
    fn broken(&self, now: RunTime, user: &User, error: &RenderError) {
        let (class, message) = (error.class(), user.redacted(error.to_string()));
        let (step, scenario) = (user.place(), self.role.scenario);
        let example = FailureExample { step, scenario, class, status: 0, message };
        self.worker.iteration_error(now, self.role, example);
    }

    fn look_at(&self, sample: &Sample) {
        let limit = self.worker.plan.step_limits.get(usize::from(sample.step.0));
        if limit.is_some_and(|limit| sample.response_time() > *limit) {
            self.slow.set(true);
        }
    }
}

/// Plays one iteration, recording as it goes. `responded` hears when a response was read: since the clock has
/// been read, what has come due meanwhile can be started.
pub(super) async fn play(
    worker: &Worker,
    user: &mut User,
    client: &mut Client,
    Job { role, arrival }: Job,
    responded: &impl Fn(RunTime),
) -> IterationEnd {
    let clock = worker.timers.clock();
    let scenario = role.scenario;
    if let Some(variant) = role.variant {
        client.go_to(variant.side);
        worker.recorder.borrow_mut().side_begun(variant);
    }
    client.begin_iteration(arrival.index);
    user.begin(scenario, &arrival);
    let mut now = clock.now();
    worker.recorder.borrow_mut().arrival_started(scenario, now.since(arrival.intended));
    let record = IterationRecord { worker, role, slow: Cell::new(false) };
    // The moment the user is ready for the next step: nothing that delays us may hide behind it.
    let mut ready = arrival.intended;
    loop {
        let times = RequestTimes { intended: ready, began: now };
        match user.next_action(ready) {
            Action::Send(attempt) => {
                worker.recorder.borrow_mut().request_started(ready, now);
                let finished = client.perform(user, attempt, ready, now).await;
                ready = finished.sample.done;
                now = ready;
                record.finished(finished);
                responded(now);
            }
            Action::DerivedTiming(sample) => {
                record.derived(&sample);
            }
            Action::SendAll(requests) => {
                for _ in &requests {
                    worker.recorder.borrow_mut().request_started(ready, now);
                }
                client
                    .perform_all(user, &requests, times, &|finished| record.finished(finished))
                    .await;
                now = clock.now();
                ready = now;
                responded(now);
            }
            Action::Stream(stream) => {
                worker.recorder.borrow_mut().request_started(ready, now);
                client.stream(user, stream, times, &|event| record.event(event)).await;
                now = clock.now();
                ready = now;
                responded(now);
            }
            Action::Wait(until) => {
                if worker.draining.get() {
                    return IterationEnd::Unfinished;
                }
                client.timer().sleep_until(until).await;
                ready = until;
                now = clock.now();
            }
            Action::Done => {
                if record.slow.get() {
                    user.note_slow();
                }
                return IterationEnd::Done(ready);
            }
            Action::UsedUp(set) => return used_up(worker, user, (now, role), set).await,
            Action::IterationError(error) => {
                record.broken(now, user, &error);
                return IterationEnd::Done(ready);
            }
        }
        if worker.draining.get() && user.next_is_work() {
            return IterationEnd::Unfinished;
        }
    }
}
