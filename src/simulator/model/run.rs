//! The event loop: what is due, in order, at its exact time.

use std::collections::{BinaryHeap, VecDeque};

use slab::Slab;

use plimsoll_units::{Nanos, RandomStream, RunTime, Seed};

use super::call::{Call, CallRef, CallStart, FinishedCall};
use super::clock::{Freeze, StackClock};
use super::fault::{Fault, FaultAction};
use super::replica::{ReplicaPool, ReplicaStage};
use super::scaler::ScalerSpec;
use super::spec::{ModelTierSpec, TierId};
use super::state::{ModelEventKind, ReadyWork, StackModelRun};
use super::tier::{ModelTier, TierState};

impl StackModelRun {
    /// A stack of `tiers`, idle at time zero, to which `faults` will happen.
    ///
    /// Tiers beyond [`MAX_TIERS`](super::MAX_TIERS) are ignored; whoever reads a file refuses it before.
    pub fn new(tiers: &[ModelTierSpec], faults: &[Fault], seed: Seed) -> Self {
        let with_chance = |(index, spec): (usize, &ModelTierSpec)| {
            ModelTier::new(spec.clone(), seed.stream(RandomStream::Simulator, index as u64))
        };
        let (freezes, faults) = split_faults(faults);
        let mut model = Self {
            tiers: tiers.iter().take(super::MAX_TIERS).enumerate().map(with_chance).collect(),
            calls: Slab::new(),
            ready: VecDeque::new(),
            events: BinaryHeap::new(),
            finished: VecDeque::new(),
            now: RunTime::ZERO,
            clock: StackClock::new(freezes),
            frozen: false,
            faults,
            sequence: 0,
            tickets: 0,
            chance: seed.stream(RandomStream::Simulator, super::MAX_TIERS as u64),
        };
        for index in 0..model.tiers.len() {
            if let Some(pool) = model.tiers[index].spec.pool {
                let owners = model.tiers.get(pool.of.index()).map_or(0, |tier| tier.replicas.len());
                model.tiers[index].pools.resize_with(owners, ReplicaPool::default);
            }
            if model.tiers[index].spec.scaler.is_some() {
                model.schedule(ScalerSpec::TICK, ModelEventKind::Tick(TierId(index as u8)));
            }
        }
        model
    }

    /// A request arrives at `now`, in run time. Times must not run backwards; earlier ones count as the latest.
    ///
    /// Requests that have ended by then are in [`next_finished`](Self::next_finished), maybe this one too.
    pub fn begin(&mut self, now: RunTime, start: CallStart) {
        self.advance(now);
        let ticket = self.next_ticket();
        let slot = self.calls.insert(Call::new(start, ticket)) as u32;
        let call = CallRef { slot, ticket };
        if self.frozen {
            self.schedule(Nanos::ZERO, ModelEventKind::Resume(call));
        } else {
            self.ready.push_back(ReadyWork::Proceed(call));
            self.settle();
        }
    }

    /// Lets everything happen that is due by `now`, in run time.
    pub fn advance(&mut self, now: RunTime) {
        while let Some(fault) = self.faults.pop_front_if(|fault| fault.at <= now) {
            self.run_until(fault.at);
            self.apply_fault(fault.action);
            self.settle();
        }
        self.run_until(now);
    }

    /// When, in run time, something is due next. Nothing may come of it; ask again then.
    pub fn next_due(&self) -> Option<RunTime> {
        let event = self.events.peek().map(|event| self.clock.wall_time(event.at));
        let fault = self.faults.front().map(|fault| fault.at);
        event.into_iter().chain(fault).min()
    }

    /// A request that has ended and was not yet given back, oldest first.
    pub fn next_finished(&mut self) -> Option<FinishedCall> {
        self.finished.pop_front()
    }

    /// Requests under way.
    pub fn in_flight(&self) -> usize {
        self.calls.len()
    }

    /// The metrics of each tier, as of the last time that the model was advanced to.
    pub fn tiers(&self) -> impl Iterator<Item = TierState<'_>> {
        self.tiers.iter().map(|tier| tier.state(self.now))
    }

    fn run_until(&mut self, wall: RunTime) {
        loop {
            match self.clock.freeze() {
                Some((begin, end)) if wall >= begin => {
                    if !self.frozen {
                        let stop = self.clock.stack_time(begin);
                        self.play(|at| at < stop);
                        self.now = self.now.max(stop);
                        self.frozen = true;
                    }
                    if wall < end {
                        return;
                    }
                    self.clock.thaw();
                    self.frozen = false;
                }
                _ => {
                    let stop = self.clock.stack_time(wall);
                    self.play(|at| at <= stop);
                    self.now = self.now.max(stop);
                    return;
                }
            }
        }
    }

    fn play(&mut self, due: impl Fn(RunTime) -> bool) {
        while let Some(event) = self.events.peek().copied().filter(|event| due(event.at)) {
            self.events.pop();
            self.now = event.at;
            self.happen(event.what);
            self.settle();
        }
    }

    fn happen(&mut self, what: ModelEventKind) {
        match what {
            ModelEventKind::Served { tier, replica, epoch, job } => {
                if self.tiers[tier.index()].replicas[usize::from(replica)].epoch == epoch {
                    self.on_served(tier, replica, job);
                }
            }
            ModelEventKind::Resume(call) => self.ready.push_back(ReadyWork::Proceed(call)),
            ModelEventKind::Notice { tier, replica, epoch, listed } => {
                let replica = &mut self.tiers[tier.index()].replicas[usize::from(replica)];
                if replica.epoch == epoch {
                    replica.listed = listed;
                }
            }
            ModelEventKind::Tick(tier) => self.on_tick(tier),
            ModelEventKind::Ready { tier, replica, epoch } => {
                let replica = &mut self.tiers[tier.index()].replicas[usize::from(replica)];
                if replica.epoch == epoch {
                    (replica.up, replica.listed, replica.stage) =
                        (true, true, ReplicaStage::Settled);
                }
            }
        }
    }

    /// Does what can be done without time going on.
    fn settle(&mut self) {
        while let Some(ready) = self.ready.pop_front() {
            match ready {
                ReadyWork::Proceed(call) => self.proceed(call),
                ReadyWork::StartVisit(tier, job) => self.start_visit(tier, job),
            }
        }
    }
}

fn split_faults(faults: &[Fault]) -> (Vec<Freeze>, VecDeque<Fault>) {
    let mut freezes = Vec::new();
    let mut others = Vec::new();
    for fault in faults {
        match fault.action {
            FaultAction::Freeze { span, every } => {
                freezes.push(Freeze { at: fault.at, span, every });
            }
            _ => others.push(*fault),
        }
    }
    others.sort_by_key(|fault| fault.at);
    (freezes, others.into())
}
