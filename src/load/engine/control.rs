//! Stopping and steering a run from outside.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::transport::Clock;
use plimsoll_metrics::StopReason;
use plimsoll_plan::{Load, Plan, Stage};
use plimsoll_units::{Nanos, Rate, RunTime};

/// What workers are ordered to do.
#[derive(Debug, Clone, Default)]
pub(super) struct WorkerOrders {
    /// No new arrivals; requests in flight may end until then.
    pub(super) drain_until: Option<RunTime>,
    /// All changes so far, in order: from this time on, these stages instead of those before. A worker carries out
    /// each of them, even if several came while it was busy, so that all still agree.
    pub(super) changes: Vec<(RunTime, Arc<[Stage]>)>,
    /// No arrival goes to green any more.
    pub(super) blue_only: bool,
}

/// A handle to stop or steer a run.
#[derive(Debug, Clone)]
pub struct Control {
    /// One box for each worker.
    orders: Arc<[watch::Sender<WorkerOrders>]>,
    reason: Arc<Mutex<StopReason>>,
    steering: Arc<Mutex<Steering>>,
    /// Expected requests an arrival, to tell rates in requests.
    requests_per_arrival: f64,
    /// How long a request in flight may take.
    longest_request: Nanos,
    clock: Clock,
    /// When changes take effect, where several runs have agreed on it.
    agreed: Option<RunTime>,
}

/// How long requests in flight may take when the user stops a run.
const DRAIN: Nanos = Nanos::from_secs(5);

/// How long a request of the plan may take at most, with a second for its end to be noticed.
pub(super) fn longest_request(plan: &Plan) -> Nanos {
    let longest = plan.requests.iter().map(|request| request.timeout).max();
    longest.unwrap_or_default() + Nanos::from_secs(1)
}

/// Steering takes effect this long after the command, so that all workers change at the same moment.
const NOTICE: Nanos = Nanos::from_millis(30);

/// The stages of a run as they stand after steering.
#[derive(Debug, Clone)]
pub struct Steering {
    /// The stages in force, from the beginning of the run.
    stages: Vec<Stage>,
    /// While arrivals are paused: the stages that come back when they go on.
    paused: Option<Vec<Stage>>,
}

impl Steering {
    /// The stage in force at `at`, and what of it and later ones is still to come.
    fn rest(&self, at: RunTime) -> Vec<Stage> {
        rest_of(&self.stages, at)
    }

    /// The rate at `at`, iterations per second; zero behind the end.
    pub fn rate_at(&self, at: RunTime) -> Rate {
        self.rest(at).first().map_or(Rate::ZERO, |stage| stage.from)
    }

    /// The stages in force, from the beginning of the run.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Whether arrivals are paused.
    pub const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    fn replace_after(&mut self, at: RunTime, rest: &[Stage]) {
        let mut start = RunTime::ZERO;
        let mut kept = Vec::new();
        for stage in &self.stages {
            let end = start + stage.duration;
            if end <= at {
                kept.push(*stage);
            } else if start < at {
                kept.push(before(*stage, at.since(start)));
            }
            start = end;
        }
        kept.extend_from_slice(rest);
        self.stages = kept;
    }
}

/// What of `stages` is still to come at `at`.
fn rest_of(stages: &[Stage], at: RunTime) -> Vec<Stage> {
    let mut start = RunTime::ZERO;
    let mut rest = Vec::new();
    for stage in stages {
        let end = start + stage.duration;
        if end > at {
            rest.push(behind(*stage, at.since(start)));
        }
        start = end;
    }
    rest
}

fn rate_within(stage: &Stage, offset: Nanos) -> Rate {
    let share = offset.as_secs_f64() / stage.duration.as_secs_f64();
    Rate::per_second(stage.from.get() + (stage.to.get() - stage.from.get()) * share)
}

fn behind(stage: Stage, offset: Nanos) -> Stage {
    let duration = stage.duration.saturating_sub(offset);
    Stage { from: rate_within(&stage, offset), duration, ..stage }
}

fn before(stage: Stage, offset: Nanos) -> Stage {
    Stage { to: rate_within(&stage, offset), duration: offset, ..stage }
}

impl Control {
    pub(super) fn new(
        orders: Arc<[watch::Sender<WorkerOrders>]>,
        plan: &Plan,
        clock: Clock,
    ) -> Self {
        let stages = match &plan.load {
            Load::Open(open) => open.stages.clone(),
            Load::Closed(_) => Vec::new(),
        };
        Self {
            orders,
            reason: Arc::new(Mutex::new(StopReason::Finished)),
            steering: Arc::new(Mutex::new(Steering { stages, paused: None })),
            requests_per_arrival: plan.requests_per_iteration() * f64::from(plan.plays()),
            longest_request: longest_request(plan),
            clock,
            agreed: None,
        }
    }

    /// A handle to nothing: it computes what commands come to, for who steers runs on other machines.
    pub fn of_nobody(plan: &Plan, clock: Clock) -> Self {
        Self::new(Arc::default(), plan, clock)
    }

    /// The same handle, whose changes take effect at `at`, or at once where that has passed.
    #[must_use]
    pub fn acting_at(&self, at: RunTime) -> Self {
        Self { agreed: Some(at), ..self.clone() }
    }

    /// The moment of which a command speaks.
    pub(super) fn moment(&self) -> RunTime {
        self.agreed.unwrap_or_else(|| self.clock.now())
    }

    /// When a change takes effect.
    fn effect(&self) -> RunTime {
        let now = self.clock.now();
        self.agreed.map_or(now + NOTICE, |at| at.max(now))
    }

    /// Stops the run: no new arrivals, requests in flight get 5 s. Called again, it stops at once.
    pub fn stop(&self, reason: StopReason) {
        self.stop_by(reason, |known, now| if known.is_none() { now + DRAIN } else { now });
    }

    /// Ends the run as if its schedule ended here: no new arrivals, requests in flight may take their time. Called
    /// again, it changes nothing.
    pub(super) fn end(&self, reason: StopReason) {
        let longest = self.longest_request;
        self.stop_by(reason, |known, now| known.unwrap_or(now + longest));
    }

    /// Stops the run at once.
    pub fn abort(&self, reason: StopReason) {
        self.stop_by(reason, |_, now| now);
    }

    fn stop_by(&self, reason: StopReason, until: impl Fn(Option<RunTime>, RunTime) -> RunTime) {
        if let Ok(mut known) = self.reason.lock()
            && *known == StopReason::Finished
        {
            *known = reason;
        }
        let now = self.clock.now();
        self.order(|order| order.drain_until = Some(until(order.drain_until, now)));
    }

    /// Sends all arrivals to blue from now on.
    pub fn back_to_blue(&self) {
        self.order(|order| order.blue_only = true);
    }

    /// All changes so far.
    #[cfg(test)]
    pub(super) fn changes(&self) -> Vec<(RunTime, Arc<[Stage]>)> {
        self.orders.first().map_or_else(Vec::new, |orders| orders.borrow().changes.clone())
    }

    /// Tells every worker.
    fn order(&self, edit: impl Fn(&mut WorkerOrders)) {
        self.orders.iter().for_each(|orders| orders.send_modify(&edit));
    }

    /// Why the run ended or will end.
    pub fn reason(&self) -> StopReason {
        self.reason.lock().map_or(StopReason::Aborted, |reason| *reason)
    }

    /// Multiplies the rate of the rest of the run by `factor`; 0 pauses arrivals. Returns the new rate.
    pub fn scale(&self, factor: f64) -> Rate {
        self.change(|rest| {
            for stage in rest.iter_mut() {
                stage.from = stage.from.times(factor);
                stage.to = stage.to.times(factor);
            }
        })
    }

    /// Holds `rate` (iterations per second) for the rest of the run. Returns it.
    pub fn hold(&self, rate: Rate) -> Rate {
        self.change(|rest| {
            for stage in rest.iter_mut() {
                stage.from = rate;
                stage.to = rate;
            }
        })
    }

    /// Goes on with the next stage at once; the run ends earlier by what is skipped. Returns the new rate.
    pub fn skip_stage(&self) -> Rate {
        self.change(|rest| {
            if !rest.is_empty() {
                rest.remove(0);
            }
        })
    }

    /// Pauses arrivals. Time goes on: the run does not end later for it.
    pub fn pause(&self) {
        if let Ok(mut steering) = self.steering.lock()
            && steering.paused.is_none()
        {
            steering.paused = Some(steering.stages.clone());
        }
        self.hold(Rate::ZERO);
    }

    /// Lets arrivals go on as they would by now without the pause. Returns the new rate.
    pub fn resume(&self) -> Rate {
        let stages = match self.steering.lock() {
            Ok(mut steering) => steering.paused.take(),
            Err(_) => None,
        };
        let at = self.effect();
        self.change(|rest| {
            if let Some(stages) = stages {
                *rest = rest_of(&stages, at);
            }
        })
    }

    /// Expected requests an arrival, over both targets where there are two.
    pub const fn requests_per_arrival(&self) -> f64 {
        self.requests_per_arrival
    }

    /// The run's clock, to date events.
    pub fn now(&self) -> RunTime {
        self.clock.now()
    }

    /// The stages as they stand.
    pub fn steering(&self) -> Steering {
        match self.steering.lock() {
            Ok(steering) => steering.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    fn change(&self, edit: impl FnOnce(&mut Vec<Stage>)) -> Rate {
        let at = self.effect();
        let Ok(mut steering) = self.steering.lock() else { return Rate::ZERO };
        let mut rest = steering.rest(at);
        edit(&mut rest);
        steering.replace_after(at, &rest);
        let rate = rest.first().map_or(Rate::ZERO, |stage| stage.from);
        let rest: Arc<[Stage]> = rest.into();
        self.order(|order| order.changes.push((at, rest.clone())));
        rate
    }
}
