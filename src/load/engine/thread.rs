//! A worker's thread: a runtime of its own, and in it one worker from the first arrival to the last.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::transport::Clock;
use plimsoll_plan::Load;
use plimsoll_units::RunTime;

use super::control::WorkerOrders;
use super::message::WorkerMessage;
use super::tasks::WorkerError;
use super::worker::{Worker, WorkerAssignment};
use super::{closed, dispatch};

/// Runs a worker on the current thread, to the end of the run.
pub(super) fn main(assignment: WorkerAssignment) {
    let (index, clock, outbox) = (assignment.index, assignment.clock, assignment.outbox.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let played = match runtime {
        Ok(runtime) => {
            catch_unwind(AssertUnwindSafe(|| LocalSet::new().block_on(&runtime, play(assignment))))
                .unwrap_or_else(|panic| Err(WorkerError::of_panic(&*panic)))
        }
        Err(error) => Err(error.into()),
    };
    // Where the coordinator is gone, nobody waits for the message.
    let _ = outbox.blocking_send(farewell(index, played, clock));
}

/// The last message of worker `index`.
pub(super) fn farewell(
    index: u32,
    played: Result<RunTime, WorkerError>,
    clock: Clock,
) -> WorkerMessage {
    match played {
        Ok(at) => WorkerMessage::Finished { worker: index, at },
        Err(error) => {
            WorkerMessage::Broken { worker: index, at: clock.now(), message: error.to_string() }
        }
    }
}

/// Plays a worker's share to its end; returns when that was.
async fn play(assignment: WorkerAssignment) -> Result<RunTime, WorkerError> {
    let orders = assignment.orders.clone();
    drive(&Worker::new(assignment)?, orders).await
}

/// Drives a worker to the end of the run.
pub(super) async fn drive(
    worker: &Rc<Worker>,
    orders: watch::Receiver<WorkerOrders>,
) -> Result<RunTime, WorkerError> {
    match &worker.plan.load {
        Load::Open(load) => dispatch::open(worker, load, orders).await,
        Load::Closed(load) => closed::run(worker, load, orders).await,
    }
}
