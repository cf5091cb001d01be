//! The model at work in real time: who waits for what, and the timer that wakes them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hdrhistogram::Histogram;
use slab::Slab;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access_log::AccessLog;
use super::deadline::{DeadlineTimer, ServingClock};
use super::limit::RateLimiter;
use super::model::{
    CallOutcome, CallProgram, CallStart, CallStep, FinishedCall, ServiceTimeLaw, StackModelRun,
};
use super::simulation::Simulation;
use super::store::Store;
use super::token::Signer;
use plimsoll_units::{Nanos, RunTime, Seed};

/// A deadline that is nearer than this is waited for by turning through the other tasks: going to sleep and
/// being woken by the timer costs as much.
const NEAR: Nanos = Nanos::from_micros(15);

/// Everything that a serving shares. One thread owns it, so borrowing is never contended.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) simulation: Simulation,
    pub(super) clock: ServingClock,
    pub(super) signer: Signer,
    /// When serving began, in seconds since 1970.
    pub(super) epoch: u64,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) desk: RefCell<ServingState>,
    timer: DeadlineTimer,
    inner: RefCell<RunningModel>,
}

/// What requests leave behind.
#[derive(Debug)]
pub(super) struct ServingState {
    pub(super) limits: Vec<RateLimiter>,
    pub(super) stores: Vec<Store>,
    /// Requests by route (its index; none for unknown paths) and status.
    pub(super) answered: HashMap<(Option<usize>, u16), u64>,
    pub(super) arrivals: u64,
    pub(super) connections: u64,
    pub(super) log: Option<AccessLog>,
    /// Constant bodies that were compressed once, by route.
    pub(super) compressed: HashMap<usize, bytes::Bytes>,
}

#[derive(Debug)]
struct RunningModel {
    model: StackModelRun,
    waiters: Slab<WaitingCall>,
    armed: Option<RunTime>,
    /// How late completions were, in nanoseconds.
    lateness: Histogram<u64>,
}

#[derive(Debug)]
enum WaitingCall {
    Asleep(Option<Waker>),
    Done(FinishedCall),
    /// The client has left; the stack does not know and goes on.
    Gone,
    Background(BackgroundWork),
}

/// What is to be done when background work has ended.
#[derive(Debug)]
pub(super) struct BackgroundWork {
    pub(super) program: CallProgram,
    pub(super) store: usize,
    pub(super) id: String,
    /// Fields that the item then gets.
    pub(super) then: serde_json::Value,
}

impl Serving {
    /// Begins a serving. Needs a tokio runtime with I/O.
    pub(super) fn new(
        simulation: Simulation,
        seed: Seed,
        (epoch, log): (u64, Option<AccessLog>),
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let clock = ServingClock::start();
        simulation.templates.reseed(seed);
        let desk = ServingState {
            limits: simulation.limits.iter().map(|spec| RateLimiter::new(spec.law)).collect(),
            stores: simulation.stores.iter().map(|_| Store::default()).collect(),
            answered: HashMap::new(),
            arrivals: 0,
            connections: 0,
            log,
            compressed: HashMap::new(),
        };
        // 1 µs to 1 min at 0.1 %; anything later is clamped.
        let mut lateness = Histogram::new_with_bounds(1, 60_000_000_000, 3)
            .map_err(|error| io::Error::other(error.to_string()))?;
        lateness.auto(false);
        let inner = RunningModel {
            model: StackModelRun::new(&simulation.tiers, &simulation.faults, seed),
            waiters: Slab::new(),
            armed: None,
            lateness,
        };
        Ok(Self {
            signer: Signer::new(seed, epoch),
            timer: DeadlineTimer::new(clock)?,
            tasks: TaskTracker::new(),
            desk: RefCell::new(desk),
            inner: RefCell::new(inner),
            simulation,
            clock,
            epoch,
            stop,
        })
    }

    /// Sends a request into the stack; the completion is ready when the stack has dealt with it.
    pub(super) fn enter(self: &Rc<Self>, now: RunTime, start: CallStart) -> CallCompletion {
        let mut inner = self.inner.borrow_mut();
        let slot = inner.waiters.insert(WaitingCall::Asleep(None));
        inner.model.begin(now, CallStart { tag: slot as u64, ..start });
        self.settle(&mut inner);
        CallCompletion { play: self.clone(), slot }
    }

    /// Waits a span of the stack's time.
    pub(super) fn pause(self: &Rc<Self>, law: ServiceTimeLaw) -> CallCompletion {
        let program: CallProgram = Arc::new([CallStep::Pause(law)]);
        let start = CallStart { program, tag: 0, sticky: None, key: 0, safe: false };
        self.enter(self.clock.now(), start)
    }

    /// Work that nobody waits for.
    pub(super) fn work(&self, now: RunTime, work: BackgroundWork) {
        let mut inner = self.inner.borrow_mut();
        let program = work.program.clone();
        let tag = inner.waiters.insert(WaitingCall::Background(work)) as u64;
        let start = CallStart { program, tag, sticky: None, key: 0, safe: true };
        inner.model.begin(now, start);
        self.settle(&mut inner);
    }

    /// Reads the model as it is now.
    pub(super) fn observe<T>(&self, read: impl FnOnce(&StackModelRun, &Histogram<u64>) -> T) -> T {
        let mut inner = self.inner.borrow_mut();
        inner.model.advance(self.clock.now());
        self.settle(&mut inner);
        read(&inner.model, &inner.lateness)
    }

    /// Wakes whoever is due, until the serving stops.
    pub(super) async fn keep_time(&self) -> io::Result<()> {
        loop {
            self.timer.expired().await?;
            while self.meet_deadlines() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Wakes whoever is due now. Returns whether the next one is so near that the timer is not worth it.
    fn meet_deadlines(&self) -> bool {
        let mut inner = self.inner.borrow_mut();
        // Nobody else arms the timer while the next deadline is near: it counts as armed for "at once".
        inner.armed = Some(RunTime::ZERO);
        let now = self.clock.now();
        inner.model.advance(now);
        self.settle(&mut inner);
        if inner.model.next_due().is_some_and(|due| due <= now + NEAR) {
            return true;
        }
        inner.armed = None;
        self.arm(&mut inner);
        false
    }

    /// Hands out what has ended, and arms the timer for what is next.
    fn settle(&self, inner: &mut RunningModel) {
        while let Some(finished) = inner.model.next_finished() {
            self.hand_out(inner, finished);
        }
        self.arm(inner);
    }

    fn arm(&self, inner: &mut RunningModel) {
        let Some(due) = inner.model.next_due() else { return };
        if inner.armed.is_none_or(|armed| due < armed) && self.timer.arm(due).is_ok() {
            inner.armed = Some(due);
        }
    }

    fn hand_out(&self, inner: &mut RunningModel, finished: FinishedCall) {
        let slot = finished.tag as usize;
        let Some(waiter) = inner.waiters.get_mut(slot) else { return };
        match std::mem::replace(waiter, WaitingCall::Done(finished)) {
            WaitingCall::Asleep(waker) => {
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            WaitingCall::Gone | WaitingCall::Done(_) => {
                inner.waiters.remove(slot);
            }
            WaitingCall::Background(work) => {
                inner.waiters.remove(slot);
                self.conclude(&work, finished.outcome);
            }
        }
    }

    fn conclude(&self, work: &BackgroundWork, outcome: CallOutcome) {
        let mut desk = self.desk.borrow_mut();
        let store = &mut desk.stores[work.store];
        match outcome {
            CallOutcome::Done => store.change(&work.id, &work.then),
            CallOutcome::Failed { .. } => {
                store.change(&work.id, &serde_json::json!({ "status": "failed" }))
            }
        };
    }
}

/// Ready when the stack has dealt with a request, at the time that the model gives.
#[derive(Debug)]
pub(super) struct CallCompletion {
    play: Rc<Serving>,
    slot: usize,
}

impl Future for CallCompletion {
    type Output = FinishedCall;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<FinishedCall> {
        let mut inner = self.play.inner.borrow_mut();
        let RunningModel { waiters, lateness, .. } = &mut *inner;
        let waiter = &mut waiters[self.slot];
        if let WaitingCall::Done(finished) = *waiter {
            let late = self.play.clock.now().since(finished.at);
            lateness.saturating_record(late.get().max(1));
            return Poll::Ready(finished);
        }
        *waiter = WaitingCall::Asleep(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for CallCompletion {
    fn drop(&mut self) {
        let mut inner = self.play.inner.borrow_mut();
        match inner.waiters.get_mut(self.slot) {
            Some(WaitingCall::Done(_)) => {
                inner.waiters.remove(self.slot);
            }
            Some(waiter) => *waiter = WaitingCall::Gone,
            None => {}
        }
    }
}
