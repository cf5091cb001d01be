//! One iteration: a user's way through a flow.

use crate::metrics::ScenarioId;
use crate::schedule::Arrival;
use crate::transport::{Client, Heard};
use crate::units::RunTime;
use crate::user::{Action, User};

use super::worker::Worker;

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// At this time, all the way through or at a failed step.
    Done(RunTime),
    /// Cut off because the run stops.
    Unfinished,
}

/// Plays one iteration, recording as it goes.
pub(super) async fn play(
    worker: &Worker,
    user: &mut User,
    client: &mut Client,
    (scenario, arrival): (ScenarioId, Arrival),
) -> Ended {
    let clock = worker.timers.clock();
    client.begin_iteration(arrival.index);
    user.begin(scenario, &arrival);
    let mut now = clock.now();
    worker.recorder.borrow_mut().arrival_started(scenario, now.since(arrival.intended));
    // The moment the user is ready for the next step: nothing that delays us may hide behind it.
    let mut ready = arrival.intended;
    loop {
        match user.next_action(ready) {
            Action::Send(request) => {
                worker.recorder.borrow_mut().request_started(now);
                let finished = client.perform(user, request, ready, now).await;
                ready = finished.sample.done;
                now = ready;
                worker.record(scenario, finished);
                worker.after_response(now);
            }
            Action::Note(sample) => worker.note(scenario, &sample),
            Action::SendAll(requests) => {
                for _ in &requests {
                    worker.recorder.borrow_mut().request_started(now);
                }
                let finished = |finished| worker.record(scenario, finished);
                client.perform_all(user, &requests, (ready, now), &finished).await;
                now = clock.now();
                ready = now;
                worker.after_response(now);
            }
            Action::Stream(stream) => {
                worker.recorder.borrow_mut().request_started(now);
                let heard = |heard| match heard {
                    Heard::Request(finished) => worker.record(scenario, finished),
                    Heard::Note(sample) => worker.note(scenario, &sample),
                };
                client.stream(user, stream, (ready, now), &heard).await;
                now = clock.now();
                ready = now;
                worker.after_response(now);
            }
            Action::Wait(until) => {
                if worker.draining.get() {
                    return Ended::Unfinished;
                }
                client.timer().sleep_until(until).await;
                ready = until;
                now = clock.now();
            }
            Action::Done => return Ended::Done(ready),
            Action::Broken(error) => {
                let seen = (error.class(), user.veiled(error.to_string()));
                worker.broke(now, (scenario, user.place()), seen);
                return Ended::Done(ready);
            }
        }
        if worker.draining.get() && user.next_is_work() {
            return Ended::Unfinished;
        }
    }
}
