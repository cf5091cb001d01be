//! What happens where an arrival finds a data set used up.

use plimsoll_metrics::{Event, EventKind, FailureExample, StopReason};
use plimsoll_plan::{Pick, UsedUp};
use plimsoll_units::RunTime;
use plimsoll_user::User;

use super::job::{IterationEnd, IterationRole};
use super::message::WorkerMessage;
use super::worker::Worker;

/// Ends the run at `at`, or fails it, as the scenario says: an iteration needs a row of data set `set`, of which each is
/// given once, and none is left.
pub(super) async fn used_up(
    worker: &Worker,
    user: &User,
    (at, role): (RunTime, IterationRole),
    set: u16,
) -> IterationEnd {
    let data = &worker.plan.data[usize::from(set)];
    let (name, stops) = (&data.name, data.pick == Pick::Once(UsedUp::Stop));
    let (reason, kind, end) = if stops {
        worker.drain(worker.longest_request(at));
        let text = format!("`{name}` is used up: the run ends here, as its scenario says");
        (StopReason::UsedUp, EventKind::Mark(text), IterationEnd::Unfinished)
    } else {
        let message =
            format!("`{name}` is used up: each of its {} rows is given once", data.rows.len());
        let (step, scenario) = (user.place(), role.scenario);
        let class = plimsoll_metrics::ErrorClass::Script;
        let example = FailureExample { step, scenario, class, status: 0, message: message.clone() };
        worker.iteration_error(at, role, example);
        let text = format!("{message}; the run stops (`when_used_up: fail`)");
        (StopReason::Aborted, EventKind::Warning(text), IterationEnd::Done(at))
    };
    let event = Event { at, kind };
    // Where the coordinator is gone, nobody counts any more.
    let _ = worker.outbox.send(WorkerMessage::UsedUp { reason, event }).await;
    end
}
