//! The engine: plays a plan against its target and hands on what it measures, second by second.
//!
//! One OS thread a worker, each with its own current-thread runtime, users, connections and recorder;
//! nothing is shared on the hot path. The coordinator merges the workers' seconds and talks to whoever
//! watches; it can stall without slowing the load.

mod act;
mod closed;
mod control;
mod dispatch;
mod iteration;
mod limits;
mod load;
mod preflight;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};

pub use act::Act;
pub use control::{Control, Steering};
pub use limits::{ConnectionLimit, LimitError, prepare_limits};
pub use preflight::{PreflightError, Reached, preflight};

use crate::metrics::{Collector, Event, Interval, IntervalPart, RunEnd, StopReason};
use crate::plan::{Load, Plan};
use crate::transport::{Clock, Permit, TlsSetup};
use crate::units::{Nanos, RunTime};

use control::Order;
use worker::Assignment;

/// What a run needs besides its plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many workers; see [`workers_for`].
    pub workers: u32,
    /// The TLS configuration.
    pub tls: TlsSetup,
    /// Hosts beyond loopback and private ranges that may be loaded.
    pub permit: Permit,
    /// So many connections may be open at once over all workers; `u64::MAX` where all users can have theirs.
    pub connections: u64,
}

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
enum FromWorker {
    Part(Box<IntervalPart>),
    Event(Event),
    Finished { worker: u32, at: RunTime },
    Broken { worker: u32, message: String },
}

/// The run could not go on.
#[derive(Debug, thiserror::Error)]
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

/// One core's worth of requests a second, with room to spare for a timely schedule.
const RATE_PER_WORKER: f64 = 15_000.0;

/// How many workers `plan` needs on a machine with `cores`: as few as carry its peak, because workers that
/// have nothing to do still disturb the others and the target.
pub fn workers_for(plan: &Plan, cores: u32) -> u32 {
    let peak = plan.load.peak().get() * plan.requests_per_iteration();
    let share = peak / f64::from(plan.shard.count);
    let wanted = match plan.load {
        Load::Open(_) => (share / RATE_PER_WORKER).ceil() as u32,
        // A closed model takes what it can get; half the machine leaves room for a local target.
        Load::Closed(_) => cores.div_ceil(2),
    };
    wanted.clamp(1, cores.clamp(1, 64))
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    control: Control,
    clock: Clock,
    inbox: mpsc::Receiver<FromWorker>,
    recycle: Vec<std::sync::mpsc::SyncSender<Box<IntervalPart>>>,
    collector: Collector,
    threads: Vec<JoinHandle<()>>,
    running: u32,
    ended: RunTime,
}

/// Time for workers to get ready before the first arrival can be due.
const LEAD: Nanos = Nanos::from_millis(50);

/// Parts and events of one worker on their way to the coordinator. A worker sends one part a second; 64 let
/// the coordinator stall for a minute, and then workers make longer intervals instead of losing any.
const INBOX: usize = 64;

impl Run {
    /// Starts the workers.
    ///
    /// # Errors
    /// Where a thread cannot be started.
    pub fn start(plan: &Arc<Plan>, options: &Options) -> Result<Self, EngineError> {
        let clock = Clock::starting_in(LEAD);
        let (orders, order_box) = watch::channel(Order::default());
        let (outbox, inbox) = mpsc::channel(INBOX * options.workers.max(1) as usize);
        let mut recycle = Vec::new();
        let mut threads = Vec::new();
        for index in 0..options.workers {
            // One part is being filled and one comes back; more are never on their way.
            let (give_back, spare) = std::sync::mpsc::sync_channel(2);
            recycle.push(give_back);
            let assignment = Assignment {
                index,
                workers: options.workers,
                plan: plan.clone(),
                options: options.clone(),
                clock,
                orders: order_box.clone(),
                outbox: outbox.clone(),
                spare,
            };
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || worker::main(assignment))
                .map_err(|error| EngineError::Worker {
                    worker: index,
                    message: error.to_string(),
                })?;
            threads.push(thread);
        }
        Ok(Self {
            control: Control::new(orders, plan, clock),
            clock,
            inbox,
            recycle,
            collector: Collector::new(options.workers),
            threads,
            running: options.workers,
            ended: RunTime::ZERO,
        })
    }

    /// A handle to stop or steer the run from elsewhere.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Awaits the next events; `None` once the end has been told.
    ///
    /// # Errors
    /// Where a worker breaks down.
    pub async fn next(&mut self) -> Result<Option<Vec<RunEvent>>, EngineError> {
        if self.running == 0 && self.threads.is_empty() {
            return Ok(None);
        }
        let mut events = Vec::new();
        match self.inbox.recv().await {
            Some(FromWorker::Part(part)) => self.absorb(part),
            Some(FromWorker::Event(event)) => events.push(RunEvent::Event(event)),
            Some(FromWorker::Finished { worker, at }) => {
                self.collector.worker_finished(worker);
                self.running -= 1;
                self.ended = self.ended.max(at);
            }
            Some(FromWorker::Broken { worker, message }) => {
                return Err(EngineError::Worker { worker, message });
            }
            None => self.running = 0,
        }
        let intervals = self.collector.drain_complete();
        events.extend(intervals.into_iter().map(|i| RunEvent::Interval(Box::new(i))));
        if self.running == 0 {
            self.join()?;
            let reason = self.control.reason();
            events.push(RunEvent::End(RunEnd { at: self.ended, reason }));
        }
        Ok(Some(events))
    }

    fn absorb(&mut self, mut part: Box<IntervalPart>) {
        self.collector.absorb(&part);
        part.clear();
        let worker = part.worker as usize;
        // A worker that does not want it back makes a new one.
        let _ = self.recycle[worker].try_send(part);
    }

    fn join(&mut self) -> Result<(), EngineError> {
        for (worker, thread) in self.threads.drain(..).enumerate() {
            thread.join().map_err(|_| EngineError::Worker {
                worker: worker as u32,
                message: "it panicked".to_owned(),
            })?;
        }
        Ok(())
    }
}

/// Whether a run ended before its schedule did.
pub const fn is_partial(end: &RunEnd) -> bool {
    matches!(end.reason, StopReason::Interrupted | StopReason::Aborted)
}
