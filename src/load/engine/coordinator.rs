//! The coordinator: merges what the workers measured, and knows when the run is over.
//!
//! It starts no threads: whoever has one, or a simulated one, carries the assignments out.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::sync::{mpsc, watch};

use crate::transport::Clock;
use plimsoll_metrics::{Collector, IntervalPart, RunEnd, StopReason};
use plimsoll_plan::Plan;
use plimsoll_units::RunTime;

use super::control::{Control, WorkerOrders};
use super::message::{EngineError, RunEvent, WorkerMessage};
use super::options::RunOptions;
use super::worker::WorkerAssignment;

/// Parts and events of one worker on their way to the coordinator. A worker sends one part a second; 64 let
/// the coordinator stall for a minute, and then workers make longer intervals instead of losing any.
const INBOX: usize = 64;

/// Merges the workers' seconds.
#[derive(Debug)]
pub(super) struct Coordinator {
    control: Control,
    inbox: mpsc::Receiver<WorkerMessage>,
    recycle: Vec<SyncSender<Box<IntervalPart>>>,
    collector: Collector,
    /// How many workers are still at work.
    running: u32,
    ended: RunTime,
    /// Why the first worker that broke down did.
    failure: Option<EngineError>,
    told: bool,
}

impl Coordinator {
    /// A coordinator, and what its workers are to do.
    pub(super) fn new(
        plan: &Arc<Plan>,
        options: &RunOptions,
        clock: Clock,
    ) -> (Self, Vec<WorkerAssignment>) {
        let (outbox, inbox) = mpsc::channel(INBOX * options.workers.max(1) as usize);
        let mut orders = Vec::new();
        let mut recycle = Vec::new();
        let mut assignments = Vec::new();
        for index in 0..options.workers {
            // One part is being filled and one comes back; more are never on their way.
            let (give_back, spare) = sync_channel(2);
            recycle.push(give_back);
            let (order, order_box) = watch::channel(WorkerOrders::default());
            orders.push(order);
            assignments.push(WorkerAssignment {
                index,
                plan: plan.clone(),
                options: options.clone(),
                clock,
                orders: order_box,
                outbox: outbox.clone(),
                spare,
            });
        }
        let coordinator = Self {
            control: Control::new(orders.into(), plan, clock),
            inbox,
            recycle,
            collector: Collector::new(options.workers),
            running: options.workers,
            ended: RunTime::ZERO,
            failure: None,
            told: false,
        };
        (coordinator, assignments)
    }

    /// A handle to stop or steer the run from elsewhere.
    pub(super) fn control(&self) -> Control {
        self.control.clone()
    }

    /// Why the run failed, if it did.
    pub(super) const fn failure(&self) -> Option<&EngineError> {
        self.failure.as_ref()
    }

    /// Awaits the next events; `None` once the end has been reported.
    pub(super) async fn next(&mut self) -> Option<Vec<RunEvent>> {
        if self.told {
            return None;
        }
        let mut events = Vec::new();
        match self.inbox.recv().await {
            Some(WorkerMessage::Part(part)) => self.absorb(part),
            Some(WorkerMessage::Event(event)) => events.push(RunEvent::Event(event)),
            Some(WorkerMessage::Exemplars(kept)) => {
                events.extend(kept.into_iter().map(RunEvent::Event));
            }
            Some(WorkerMessage::UsedUp { reason, event }) => {
                if self.control.reason() == StopReason::Finished {
                    events.push(RunEvent::Event(event));
                }
                self.control.end(reason);
            }
            Some(WorkerMessage::Finished { worker, at }) => self.finish(worker, at),
            Some(WorkerMessage::Broken { worker, at, message }) => {
                self.finish(worker, at);
                self.failure.get_or_insert(EngineError::Worker { worker, message });
                // What is left of the load is not what was asked for: the others stop at once.
                self.control.abort(StopReason::Aborted);
            }
            None => self.running = 0,
        }
        let intervals = self.collector.drain_complete();
        events.extend(intervals.into_iter().map(|i| RunEvent::Interval(Box::new(i))));
        if self.running == 0 {
            self.told = true;
            let reason = self.control.reason();
            events.push(RunEvent::End(RunEnd { at: self.ended, reason }));
        }
        Some(events)
    }

    fn finish(&mut self, worker: u32, at: RunTime) {
        self.collector.worker_finished(worker);
        self.running -= 1;
        self.ended = self.ended.max(at);
    }

    fn absorb(&mut self, mut part: Box<IntervalPart>) {
        self.collector.absorb(&part);
        part.clear();
        let worker = part.worker as usize;
        // A worker that does not want it back makes a new one.
        let _ = self.recycle[worker].try_send(part);
    }
}
