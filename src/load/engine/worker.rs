//! A worker's state: its users, connections, recorder, and what it reports to the coordinator.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver as SpareReceiver;

use tokio::sync::{mpsc, watch};

use crate::transport::{Clock, FinishedRequest, StreamEvent, Timers, WorkerTransport};
use plimsoll_metrics::{
    ErrorClass, Event, EventKind, FailureExample, IntervalPart, Outcome, Recorder, Sample,
    ScenarioId, Side, StepId, Variant,
};
use plimsoll_plan::{ConnectionUse, Plan, Split, redact};
use plimsoll_units::{Nanos, RunTime};
use plimsoll_user::{User, UserFactory};

use super::control::{WorkerOrders, longest_request};
use super::job::IterationRole;
use super::load::LoadMeter;
use super::message::WorkerMessage;
use super::options::RunOptions;

/// What a worker is given.
pub(super) struct WorkerAssignment {
    pub(super) index: u32,
    pub(super) plan: Arc<Plan>,
    pub(super) options: RunOptions,
    pub(super) clock: Clock,
    pub(super) orders: watch::Receiver<WorkerOrders>,
    pub(super) outbox: mpsc::Sender<WorkerMessage>,
    pub(super) spare: SpareReceiver<Box<IntervalPart>>,
}

/// A worker's state. Everything in it belongs to one thread.
pub(super) struct Worker {
    pub(super) index: u32,
    pub(super) workers: u32,
    pub(super) plan: Arc<Plan>,
    pub(super) user_factory: UserFactory,
    pub(super) shared: Rc<WorkerTransport>,
    pub(super) timers: Rc<Timers>,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) outbox: mpsc::Sender<WorkerMessage>,
    /// Set once no new iterations may start.
    pub(super) draining: Cell<bool>,
    /// Set once no arrival goes to green any more.
    pub(super) blue_only: Cell<bool>,
    /// When the dispatcher last passed, and when it meant to pass again.
    passed: Cell<RunTime>,
    expected: Cell<RunTime>,
    /// Requests in flight may end until then.
    pub(super) drain_until: Cell<RunTime>,
    pub(super) spare: SpareReceiver<Box<IntervalPart>>,
    pub(super) meter: RefCell<LoadMeter>,
    /// Whether it was reported that idle connections were closed to make room.
    eviction_reported: Cell<bool>,
    failures_reported: RefCell<HashMap<(StepId, ErrorClass), u32>>,
    /// Whether the task of a user panicked.
    pub(super) panicked: Cell<bool>,
}

/// The length of an interval.
pub(super) const SECOND: Nanos = Nanos::from_secs(1);

/// So many examples of each class of failure of each step are reported; the rest are counted.
const EXAMPLES: u32 = 3;

impl Worker {
    /// Prepares a worker for its share of the run.
    ///
    /// # Errors
    /// Where the system refuses a timer.
    pub(super) fn new(assignment: WorkerAssignment) -> io::Result<Rc<Self>> {
        let WorkerAssignment { index, plan, options, clock, outbox, spare, .. } = assignment;
        let timers = Timers::new(clock)?;
        let shared =
            WorkerTransport::new(plan.clone(), options.tls, options.permit, timers.clone());
        if options.connections != u64::MAX {
            shared.limit_connections(options.connections / u64::from(options.workers));
        }
        shared.share_memory(options.workers);
        if let ConnectionUse::Streams(count) = plan.http.connections {
            // Dealt out: the first workers have one more where it does not come out even. There are no more workers
            // than connections.
            let (each, rest) = (count / options.workers, count % options.workers);
            shared.share_connections((each + u32::from(index < rest)).max(1));
        }
        let parts = plan.split.as_ref().map_or(0, Split::parts);
        let recorder =
            Recorder::new(index, plan.steps.len(), plan.scenarios.len()).with_split(parts);
        Ok(Rc::new(Self {
            index,
            workers: options.workers,
            user_factory: UserFactory::new(plan.clone()),
            shared,
            timers,
            recorder: RefCell::new(recorder),
            outbox,
            draining: Cell::new(false),
            blue_only: Cell::new(false),
            passed: Cell::new(RunTime::ZERO),
            expected: Cell::new(RunTime::NEVER),
            drain_until: Cell::new(RunTime::NEVER),
            spare,
            meter: RefCell::new(LoadMeter::new(index == 0)),
            eviction_reported: Cell::new(false),
            failures_reported: RefCell::default(),
            panicked: Cell::new(false),
            plan,
        }))
    }

    /// Starts no new iterations; requests in flight may end until `until`.
    pub(super) fn drain(&self, until: RunTime) {
        self.draining.set(true);
        self.drain_until.set(self.drain_until.get().min(until));
    }

    /// When every request in flight at `now` has ended or timed out.
    pub(super) fn longest_request(&self, now: RunTime) -> RunTime {
        now + longest_request(&self.plan)
    }

    /// Whether the worker is through at `now`: nothing may start any more, and nothing is in flight or given to
    /// a user who has not begun, or it may not be waited for; or a user panicked.
    pub(super) fn is_over(&self, now: RunTime) -> bool {
        let recorder = self.recorder.borrow();
        let is_idle = recorder.in_flight() == 0 && recorder.waiting() == 0;
        let drained = self.draining.get() && (is_idle || now >= self.drain_until.get());
        drained || self.panicked.get()
    }

    /// Counts `count` arrivals that should have begun by `now`, and that a worker so far behind does not reach any more.
    pub(super) fn give_up(&self, now: RunTime, count: u64) {
        let mut recorder = self.recorder.borrow_mut();
        for (scenario, part) in self.user_factory.shared_out(count) {
            recorder.arrivals_given_up(scenario, part);
        }
        let text = format!(
            "worker {} was so far behind its schedule at the end of the run that {count} arrivals were never begun: \
             the rate is more than the generator can offer",
            self.index
        );
        // A full inbox loses the words, never a count.
        let event = Event { at: now, kind: EventKind::Warning(text) };
        let _ = self.outbox.try_send(WorkerMessage::Event(event));
    }

    /// The dispatcher passes at `now`, and looks after everything that came meanwhile.
    pub(super) fn passes(&self, now: RunTime) {
        self.notice_delay(now);
        self.passed.set(now);
    }

    /// The dispatcher means to pass again at `next`.
    pub(super) fn expects(&self, next: RunTime) {
        self.expected.set(next);
    }

    /// Tells the recorder where the worker was held up: what it reads now may have lain there since it last passed.
    fn notice_delay(&self, now: RunTime) {
        if now > self.expected.get() {
            self.recorder.borrow_mut().held_up(now, self.passed.get(), self.expected.get());
        }
    }

    /// How many workers all shards have together, if each has as many as this one.
    pub(super) fn parts(&self) -> u32 {
        self.plan.shard.count * self.workers
    }

    /// This worker's share of `count` users, spread over shards and workers.
    pub(super) fn share_of(&self, count: u32) -> u32 {
        self.plan.shard.share_of(count, (self.index, self.workers))
    }

    /// The number among all users of the run of this worker's `local`-th.
    pub(super) fn number_of(&self, local: u32) -> u64 {
        self.plan.shard.number_of(local, (self.index, self.workers))
    }

    /// The side of arrival `index`, which begins at `at`; none where the run is not split.
    pub(super) fn variant(&self, index: u64, at: RunTime) -> Option<Variant> {
        Some(self.allowed(self.plan.split.as_ref()?.variant(index, at)))
    }

    /// The side of user `number`, whose iteration begins at `at`; none where the run is not split.
    pub(super) fn variant_of_user(&self, number: u64, at: RunTime) -> Option<Variant> {
        Some(self.allowed(self.plan.split.as_ref()?.variant_of_user(number, at)))
    }

    fn allowed(&self, variant: Variant) -> Variant {
        if self.blue_only.get() { Variant { side: Side::Blue, ..variant } } else { variant }
    }

    /// Counts a finished request, and reports the first failures of each class.
    pub(super) fn record(
        &self,
        IterationRole { scenario, variant }: IterationRole,
        finished: FinishedRequest,
    ) {
        self.notice_delay(finished.sample.done);
        let mut recorder = self.recorder.borrow_mut();
        recorder.record(scenario, &finished.sample);
        if let Some(variant) = variant {
            recorder.record_side(variant, &finished.sample);
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
            self.report_failure(sample.done, example);
        }
    }

    /// Counts what a stream yields.
    pub(super) fn record_stream(&self, role: IterationRole, event: StreamEvent) {
        match event {
            StreamEvent::Request(finished) => self.record(role, finished),
            StreamEvent::DerivedTiming(timing) => {
                self.record_derived_timing(role, &timing.sample, &timing.message);
            }
            StreamEvent::Traffic { step, received, sent } => {
                self.recorder.borrow_mut().record_traffic(step, received, sent);
            }
        }
    }

    /// Counts a time over or within requests; `why` it failed, where something more is known than when.
    pub(super) fn record_derived_timing(
        &self,
        IterationRole { scenario, variant }: IterationRole,
        sample: &Sample,
        why: &str,
    ) {
        self.recorder.borrow_mut().record_logical(scenario, sample);
        if let Outcome::Failed(class) = sample.outcome {
            if let Some(variant) = variant {
                self.recorder.borrow_mut().side_iteration_error(variant, class);
            }
            let after = sample.response_time();
            let message = match why {
                "" => format!("failed after {after}"),
                why => format!("{why}, after {after}"),
            };
            let (step, status) = (sample.step, 0);
            let example = FailureExample { step, scenario, class, status, message };
            self.report_failure(sample.done, example);
        }
    }

    /// Counts an iteration of `user` that ran to its end, `time` after its intended start.
    pub(super) fn ended(&self, scenario: ScenarioId, user: &User, time: Nanos) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.iteration_ended(scenario, user.failed(), time);
        if user.was_slow() {
            recorder.iteration_slow(scenario);
        }
    }

    /// Counts an iteration whose script could not go on at `at`, for the reason that `example` gives.
    pub(super) fn iteration_error(
        &self,
        at: RunTime,
        IterationRole { scenario, variant }: IterationRole,
        example: FailureExample,
    ) {
        self.recorder.borrow_mut().iteration_error(scenario, example.class);
        if let Some(variant) = variant {
            self.recorder.borrow_mut().side_iteration_error(variant, example.class);
        }
        self.report_failure(at, example);
    }

    /// Reports a failure, unless enough of its kind have been.
    pub(super) fn report_failure(&self, at: RunTime, mut example: FailureExample) {
        let mut told = self.failures_reported.borrow_mut();
        let count = told.entry((example.step, example.class)).or_default();
        if *count >= EXAMPLES {
            return;
        }
        *count += 1;
        let secrets = self.plan.secrets.iter().map(String::as_str);
        example.message = redact(&example.message, secrets);
        // A full inbox loses an example, never a count.
        let event = Event { at, kind: EventKind::Failure(example) };
        let _ = self.outbox.try_send(WorkerMessage::Event(event));
    }

    /// Closes the interval ending at `end` and sends it off. If the inbox is full, the interval goes on.
    pub(super) fn cut(&self, end: RunTime, vus_busy: u64, vus: u64) {
        if self.outbox.capacity() == 0 {
            return;
        }
        // A full inbox loses exemplars, never a count.
        if self.outbox.capacity() > 1 {
            let kept = self.shared.take_exemplars(end, false);
            if !kept.is_empty() {
                let _ = self.outbox.try_send(WorkerMessage::Exemplars(kept));
            }
        }
        let part = self.part(end, vus_busy, vus);
        let _ = self.outbox.try_send(WorkerMessage::Part(part));
    }

    /// Closes the last interval, which must not be lost: waits for room in the inbox.
    pub(super) async fn cut_last(&self, end: RunTime, vus: u64) {
        let kept = self.shared.take_exemplars(end, true);
        if !kept.is_empty() {
            let _ = self.outbox.send(WorkerMessage::Exemplars(kept)).await;
        }
        let mut part = self.part(end, 0, vus);
        part.last = true;
        // Where the coordinator is gone, nobody counts any more.
        let _ = self.outbox.send(WorkerMessage::Part(part)).await;
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
        part.opened = self.shared.take_opened();
        self.report_eviction(end);
        part.generator = self.meter.borrow_mut().measure(part.start, end);
        Box::new(part)
    }

    /// Tells once that users lost idle connections which they would have kept.
    fn report_eviction(&self, at: RunTime) {
        let closed = self.shared.closed_to_make_room();
        if closed == 0 || self.eviction_reported.replace(true) {
            return;
        }
        let text = format!(
            "worker {} has closed {closed} idle connections to stay within its connection \
             limit, and will close more: users connect more often than they would with more file descriptors and ports",
            self.index
        );
        // A full inbox loses the words; the limit itself was reported before the run.
        let _ = self
            .outbox
            .try_send(WorkerMessage::Event(Event { at, kind: EventKind::Warning(text) }));
    }
}
