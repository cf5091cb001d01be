//! The event loop: what is due, in order, at its exact time.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use rand_pcg::Pcg64Mcg;
use slab::Slab;

use super::call::{Call, CallRef, CallStart, Finished};
use super::clock::{Clock, Freeze};
use super::fault::{Fault, FaultAction};
use super::law::Law;
use super::replica::{Job, Pool, Stage};
use super::scaler::ScalerSpec;
use super::spec::{TierId, TierSpec};
use super::tier::{Tier, TierState};
use crate::units::{Nanos, RunTime, Seed, Stream};

/// A stack at work.
#[derive(Debug)]
pub struct Model {
    pub(super) tiers: Vec<Tier>,
    pub(super) calls: Slab<Call>,
    pub(super) ready: VecDeque<Ready>,
    pub(super) events: BinaryHeap<Event>,
    pub(super) finished: VecDeque<Finished>,
    /// The stack's time; see [`Clock`].
    pub(super) now: RunTime,
    clock: Clock,
    frozen: bool,
    faults: VecDeque<Fault>,
    sequence: u64,
    tickets: u32,
    /// For pauses, which belong to no tier.
    pub(super) chance: Pcg64Mcg,
}

/// Something to do at once, before time goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ready {
    /// The call does its next op.
    Proceed(CallRef),
    /// The visit has its connection and looks for a core.
    Seat(TierId, Job),
}

/// Something that happens later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) at: RunTime,
    sequence: u64,
    pub(super) what: Happening,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Happening {
    /// A core has finished a visit.
    Served { tier: TierId, replica: u8, epoch: u32, job: Job },
    /// A pause is over.
    Resume(CallRef),
    /// The balancer notices that a replica has died, or trusts it again.
    Notice { tier: TierId, replica: u8, epoch: u32, listed: bool },
    /// The scaler looks at its tier.
    Tick(TierId),
    /// A new replica is ready.
    Ready { tier: TierId, replica: u8, epoch: u32 },
}

impl Model {
    /// A stack of `tiers`, idle at time zero, to which `faults` will happen.
    ///
    /// Tiers beyond [`MAX_TIERS`](super::MAX_TIERS) are ignored; whoever reads a file refuses it before.
    pub fn new(tiers: &[TierSpec], faults: &[Fault], seed: Seed) -> Self {
        let with_chance = |(index, spec): (usize, &TierSpec)| {
            Tier::new(spec.clone(), seed.stream(Stream::Simulator, index as u64))
        };
        let (freezes, faults) = split_faults(faults);
        let mut model = Self {
            tiers: tiers.iter().take(super::MAX_TIERS).enumerate().map(with_chance).collect(),
            calls: Slab::new(),
            ready: VecDeque::new(),
            events: BinaryHeap::new(),
            finished: VecDeque::new(),
            now: RunTime::ZERO,
            clock: Clock::new(freezes),
            frozen: false,
            faults,
            sequence: 0,
            tickets: 0,
            chance: seed.stream(Stream::Simulator, super::MAX_TIERS as u64),
        };
        for index in 0..model.tiers.len() {
            if let Some(pool) = model.tiers[index].spec.pool {
                let owners = model.tiers.get(pool.of.index()).map_or(0, |tier| tier.replicas.len());
                model.tiers[index].pools.resize_with(owners, Pool::default);
            }
            if model.tiers[index].spec.scaler.is_some() {
                model.schedule(ScalerSpec::TICK, Happening::Tick(TierId(index as u8)));
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
            self.schedule(Nanos::ZERO, Happening::Resume(call));
        } else {
            self.ready.push_back(Ready::Proceed(call));
            self.settle();
        }
    }

    /// Lets everything happen that is due by `now`, in run time.
    pub fn advance(&mut self, now: RunTime) {
        while let Some(fault) = self.faults.pop_front_if(|fault| fault.at <= now) {
            self.run_until(fault.at);
            self.strike(fault.action);
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
    pub fn next_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Requests under way.
    pub fn in_flight(&self) -> usize {
        self.calls.len()
    }

    /// What each tier tells, as of the last time that the model was advanced to.
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

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Served { tier, replica, epoch, job } => {
                if self.tiers[tier.index()].replicas[usize::from(replica)].epoch == epoch {
                    self.on_served(tier, replica, job);
                }
            }
            Happening::Resume(call) => self.ready.push_back(Ready::Proceed(call)),
            Happening::Notice { tier, replica, epoch, listed } => {
                let replica = &mut self.tiers[tier.index()].replicas[usize::from(replica)];
                if replica.epoch == epoch {
                    replica.listed = listed;
                }
            }
            Happening::Tick(tier) => self.on_tick(tier),
            Happening::Ready { tier, replica, epoch } => {
                let replica = &mut self.tiers[tier.index()].replicas[usize::from(replica)];
                if replica.epoch == epoch {
                    (replica.up, replica.listed, replica.stage) = (true, true, Stage::Settled);
                }
            }
        }
    }

    /// Does what can be done without time going on.
    fn settle(&mut self) {
        while let Some(ready) = self.ready.pop_front() {
            match ready {
                Ready::Proceed(call) => self.proceed(call),
                Ready::Seat(tier, job) => self.seat(tier, job),
            }
        }
    }

    /// Something will happen `after` now.
    pub(super) fn schedule(&mut self, after: Nanos, what: Happening) {
        self.sequence += 1;
        self.events.push(Event { at: self.now + after, sequence: self.sequence, what });
    }

    pub(super) fn next_ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }

    /// Now, in run time. Only meaningful while the stack is not frozen.
    pub(super) fn wall_now(&self) -> RunTime {
        self.clock.wall_time(self.now)
    }

    pub(super) fn is_current(&self, call: CallRef) -> bool {
        self.calls.get(call.slot as usize).is_some_and(|known| known.ticket == call.ticket)
    }

    /// A service time at `tier` as it is now.
    pub(super) fn service_time(&mut self, tier: TierId, law: Law) -> Nanos {
        let tier = &mut self.tiers[tier.index()];
        let span = law.sample(&mut tier.chance);
        tier.slow.map_or(span, |factor| super::law::scaled(span, factor))
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

/// The earliest event is the greatest, because [`BinaryHeap`] gives the greatest first.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Event {}
