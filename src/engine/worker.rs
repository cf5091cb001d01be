//! A worker: one thread with its own runtime, users, connections and recorder.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc::Receiver as SpareReceiver;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::metrics::{
    ErrorClass, Event, EventKind, FailureExample, IntervalPart, Lot, Outcome, Recorder, Sample,
    Side, StepId,
};
use crate::plan::{Load, Plan, Split, redact};
use crate::transport::{Clock, Finished, Shared, Timers};
use crate::units::RunTime;
use crate::user::Cast;

use super::control::Order;
use super::dispatch::Pool;
use super::iteration::Role;
use super::load::LoadMeter;
use super::{FromWorker, Options, closed, dispatch};

/// What a worker is given.
pub(super) struct Assignment {
    pub(super) index: u32,
    pub(super) workers: u32,
    pub(super) plan: Arc<Plan>,
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) outbox: mpsc::Sender<FromWorker>,
    pub(super) spare: SpareReceiver<Box<IntervalPart>>,
}

/// A worker's state. Everything in it belongs to one thread.
pub(super) struct Worker {
    pub(super) index: u32,
    pub(super) workers: u32,
    pub(super) plan: Arc<Plan>,
    pub(super) cast: Cast,
    pub(super) shared: Rc<Shared>,
    pub(super) timers: Rc<Timers>,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) outbox: mpsc::Sender<FromWorker>,
    /// Set once no new iterations may start.
    pub(super) draining: Cell<bool>,
    /// Set once no arrival goes to green any more.
    pub(super) blue_only: Cell<bool>,
    /// Requests in flight may end until then.
    pub(super) drain_until: Cell<RunTime>,
    pub(super) spare: SpareReceiver<Box<IntervalPart>>,
    pub(super) meter: RefCell<LoadMeter>,
    /// Whether it was told that idle connections were closed to make room.
    crowding_told: Cell<bool>,
    failures_told: RefCell<HashMap<(StepId, ErrorClass), u32>>,
    /// The users of an open workload.
    pool: RefCell<Weak<Pool>>,
}

/// So many examples of each class of failure of each step are told; the rest are counted.
const EXAMPLES: u32 = 3;

/// Runs a worker on the current thread, to the end of the run.
pub(super) fn main(assignment: Assignment) {
    let (index, outbox) = (assignment.index, assignment.outbox.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let outcome = match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, run(assignment)),
        Err(error) => Err(error),
    };
    let last = match outcome {
        Ok(at) => FromWorker::Finished { worker: index, at },
        Err(error) => FromWorker::Broken { worker: index, message: error.to_string() },
    };
    // Where the coordinator is gone, nobody waits for the message.
    let _ = outbox.blocking_send(last);
}

async fn run(assignment: Assignment) -> std::io::Result<RunTime> {
    let timers = Timers::new(assignment.clock)?;
    let plan = assignment.plan;
    let options = assignment.options;
    let shared = Shared::new(plan.clone(), options.tls, options.permit, timers.clone());
    if options.connections != u64::MAX {
        shared.limit_connections(options.connections / u64::from(assignment.workers));
    }
    let parts = plan.split.as_ref().map_or(0, Split::parts);
    let recorder =
        Recorder::new(assignment.index, plan.steps.len(), plan.scenarios.len()).with_split(parts);
    let worker = Rc::new(Worker {
        index: assignment.index,
        workers: assignment.workers,
        cast: Cast::new(plan.clone()),
        shared,
        timers,
        recorder: RefCell::new(recorder),
        outbox: assignment.outbox,
        draining: Cell::new(false),
        blue_only: Cell::new(false),
        drain_until: Cell::new(RunTime::NEVER),
        spare: assignment.spare,
        meter: RefCell::new(LoadMeter::new(assignment.index == 0)),
        crowding_told: Cell::new(false),
        failures_told: RefCell::default(),
        pool: RefCell::default(),
        plan,
    });
    match &worker.plan.load {
        Load::Open(load) => dispatch::open(&worker, load, assignment.orders).await,
        Load::Closed(load) => closed::run(&worker, load, assignment.orders).await,
    }
}

impl Worker {
    pub(super) fn set_pool(&self, pool: &Rc<Pool>) {
        *self.pool.borrow_mut() = Rc::downgrade(pool);
    }

    /// A response was read at `now`: since the clock has been read, what came due meanwhile is started.
    pub(super) fn after_response(&self, now: RunTime) {
        if let Some(pool) = self.pool.borrow().upgrade() {
            pool.start_due(now);
        }
    }

    /// This worker's share of `count` users, spread over shards and workers.
    pub(super) fn share_of(&self, count: u32) -> u32 {
        let parts = self.plan.shard.count * self.workers;
        let ours = self.plan.shard.index * self.workers + self.index;
        count / parts + u32::from(ours < count % parts)
    }

    /// The number among all users of the run of this worker's `local`-th.
    pub(super) fn number_of(&self, local: u32) -> u64 {
        let parts = u64::from(self.plan.shard.count) * u64::from(self.workers);
        let ours = self.plan.shard.index * self.workers + self.index;
        u64::from(local) * parts + u64::from(ours)
    }

    /// The side of arrival or user `index`, which begins at `at`; none where the run is not split.
    pub(super) fn lot(&self, index: u64, at: RunTime) -> Option<Lot> {
        let lot = self.plan.split.as_ref()?.lot(index, at);
        Some(if self.blue_only.get() { Lot { side: Side::Blue, ..lot } } else { lot })
    }

    /// Counts a finished request, and tells the first failures of each class.
    pub(super) fn record(&self, Role { scenario, lot }: Role, finished: Finished) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.record(scenario, &finished.sample);
        if let Some(lot) = lot {
            recorder.record_side(lot, &finished.sample);
        }
        drop(recorder);
        if let Outcome::Failed(class) = finished.sample.outcome {
            let sample = &finished.sample;
            let example = FailureExample {
                step: sample.step,
                scenario,
                class,
                status: sample.status,
                message: finished.message,
            };
            self.tell_failure(sample.done, example);
        }
    }

    /// Counts a time over or within requests.
    pub(super) fn note(&self, Role { scenario, lot }: Role, sample: &Sample) {
        self.recorder.borrow_mut().record_logical(scenario, sample);
        if let Outcome::Failed(class) = sample.outcome {
            if let Some(lot) = lot {
                self.recorder.borrow_mut().side_gave_up(lot, class);
            }
            let message = format!("given up after {}", sample.response_time());
            let (step, status) = (sample.step, 0);
            let example = FailureExample { step, scenario, class, status, message };
            self.tell_failure(sample.done, example);
        }
    }

    /// Counts an iteration whose script could not go on at `step`.
    pub(super) fn broke(
        &self,
        at: RunTime,
        (Role { scenario, lot }, step): (Role, StepId),
        (class, message): (ErrorClass, String),
    ) {
        self.recorder.borrow_mut().gave_up(scenario, class);
        if let Some(lot) = lot {
            self.recorder.borrow_mut().side_gave_up(lot, class);
        }
        self.tell_failure(at, FailureExample { step, scenario, class, status: 0, message });
    }

    /// Tells of a failure, unless enough of its kind have been told.
    pub(super) fn tell_failure(&self, at: RunTime, mut example: FailureExample) {
        let mut told = self.failures_told.borrow_mut();
        let count = told.entry((example.step, example.class)).or_default();
        if *count >= EXAMPLES {
            return;
        }
        *count += 1;
        let secrets = self.plan.secrets.iter().map(String::as_str);
        example.message = redact(&example.message, secrets);
        // A full inbox loses an example, never a count.
        let event = Event { at, kind: EventKind::Failure(example) };
        let _ = self.outbox.try_send(FromWorker::Event(event));
    }

    /// Closes the interval ending at `end` and sends it off. If the inbox is full, the interval goes on.
    pub(super) fn cut(&self, end: RunTime, vus_busy: u64, vus: u64) {
        if self.outbox.capacity() == 0 {
            return;
        }
        let part = self.part(end, vus_busy, vus);
        let _ = self.outbox.try_send(FromWorker::Part(part));
    }

    /// Closes the last interval, which must not be lost: waits for room in the inbox.
    pub(super) async fn cut_last(&self, end: RunTime, vus: u64) {
        let mut part = self.part(end, 0, vus);
        part.last = true;
        // Where the coordinator is gone, nobody counts any more.
        let _ = self.outbox.send(FromWorker::Part(part)).await;
    }

    fn part(&self, end: RunTime, vus_busy: u64, vus: u64) -> Box<IntervalPart> {
        let mut recorder = self.recorder.borrow_mut();
        if let Ok(spare) = self.spare.try_recv() {
            recorder.recycle(*spare);
        }
        let mut part = recorder.take_part(end);
        part.vus_busy = vus_busy;
        part.vus = vus;
        part.connections = self.shared.open_connections();
        self.tell_crowding(end);
        part.generator = self.meter.borrow_mut().measure(part.start, end);
        Box::new(part)
    }

    /// Tells once that users lost idle connections which they would have kept.
    fn tell_crowding(&self, at: RunTime) {
        let closed = self.shared.closed_to_make_room();
        if closed == 0 || self.crowding_told.replace(true) {
            return;
        }
        let text = format!(
            "worker {} closed {closed} idle connections of its users to make room and goes on doing so: users \
             connect more often than they would on a machine with more descriptors and ports",
            self.index
        );
        // A full inbox loses the words; the limit itself was told before the run.
        let _ =
            self.outbox.try_send(FromWorker::Event(Event { at, kind: EventKind::Warning(text) }));
    }
}
