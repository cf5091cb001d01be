//! What workers send to the coordinator, and the coordinator to the observer of the run.

use plimsoll_metrics::{Event, Interval, IntervalPart, RunEnd, StopReason};
use plimsoll_units::RunTime;

/// What happens during a run, in order.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// One second is complete.
    Interval(Box<Interval>),
    /// Something happened.
    Event(Event),
    /// The run is over.
    End(RunEnd),
}

/// What workers send to the coordinator.
#[derive(Debug)]
pub(super) enum WorkerMessage {
    /// One worker's share of an interval.
    Part(Box<IntervalPart>),
    /// Something happened.
    Event(Event),
    /// The slowest requests and the first failures of a minute.
    Exemplars(Vec<Event>),
    /// A data set is used up: the run ends for this reason, as the event says.
    UsedUp { reason: StopReason, event: Event },
    /// The worker has played its share to the end.
    Finished { worker: u32, at: RunTime },
    /// The worker cannot go on, and its share with it.
    Broken { worker: u32, at: RunTime, message: String },
}

/// The run could not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A worker thread could not be started or broke down.
    #[error("worker {worker} failed: {message}")]
    Worker {
        /// Which.
        worker: u32,
        /// Why.
        message: String,
    },
}

/// Whether a run ended before its schedule did.
pub const fn is_partial(end: &RunEnd) -> bool {
    matches!(end.reason, StopReason::Interrupted | StopReason::Aborted)
}
