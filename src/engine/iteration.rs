//! One iteration: a user's way through a flow.

use crate::metrics::FailureExample;
use crate::transport::{Client, RequestTimes};
use crate::units::RunTime;
use crate::user::{Action, User};

use super::job::{IterationEnd, Job};
use super::used_up::used_up;
use super::worker::Worker;

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
                worker.record(role, finished);
                responded(now);
            }
            Action::DerivedTiming(sample) => {
                worker.record_derived_timing(role, &sample, "");
            }
            Action::SendAll(requests) => {
                for _ in &requests {
                    worker.recorder.borrow_mut().request_started(ready, now);
                }
                let finished = |finished| worker.record(role, finished);
                client.perform_all(user, &requests, times, &finished).await;
                now = clock.now();
                ready = now;
                responded(now);
            }
            Action::Stream(stream) => {
                worker.recorder.borrow_mut().request_started(ready, now);
                let on_event = |event| worker.record_stream(role, event);
                client.stream(user, stream, times, &on_event).await;
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
            Action::Done => return IterationEnd::Done(ready),
            Action::UsedUp(set) => return used_up(worker, user, (now, role), set).await,
            Action::IterationError(error) => {
                let (class, message) = (error.class(), user.redacted(error.to_string()));
                let step = user.place();
                let example = FailureExample { step, scenario, class, status: 0, message };
                worker.iteration_error(now, role, example);
                return IterationEnd::Done(ready);
            }
        }
        if worker.draining.get() && user.next_is_work() {
            return IterationEnd::Unfinished;
        }
    }
}
