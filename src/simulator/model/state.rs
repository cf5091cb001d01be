//! A stack at work: its tiers, its calls, and what happens next.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use rand_pcg::Pcg64Mcg;
use slab::Slab;

use plimsoll_units::{Nanos, RunTime};

use super::call::{Call, CallRef, FinishedCall};
use super::clock::StackClock;
use super::fault::Fault;
use super::law::ServiceTimeLaw;
use super::replica::QueuedVisit;
use super::spec::TierId;
use super::tier::ModelTier;

/// A stack at work.
#[derive(Debug)]
pub struct StackModelRun {
    pub(super) tiers: Vec<ModelTier>,
    pub(super) calls: Slab<Call>,
    pub(super) ready: VecDeque<ReadyWork>,
    pub(super) events: BinaryHeap<ModelEvent>,
    pub(super) finished: VecDeque<FinishedCall>,
    /// The stack's time; see [`StackClock`].
    pub(super) now: RunTime,
    pub(super) clock: StackClock,
    pub(super) frozen: bool,
    pub(super) faults: VecDeque<Fault>,
    pub(super) sequence: u64,
    pub(super) tickets: u32,
    /// For pauses, which belong to no tier.
    pub(super) chance: Pcg64Mcg,
}

impl StackModelRun {
    /// Something will happen `after` now.
    pub(super) fn schedule(&mut self, after: Nanos, what: ModelEventKind) {
        self.sequence += 1;
        self.events.push(ModelEvent { at: self.now + after, sequence: self.sequence, what });
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
    pub(super) fn service_time(&mut self, tier: TierId, law: ServiceTimeLaw) -> Nanos {
        let tier = &mut self.tiers[tier.index()];
        let span = law.sample(&mut tier.chance);
        tier.slow.map_or(span, |factor| super::law::scaled(span, factor))
    }
}

/// Something to do at once, before time goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReadyWork {
    /// The call does its next op.
    Proceed(CallRef),
    /// The visit has its connection and looks for a core.
    StartVisit(TierId, QueuedVisit),
}

/// Something that happens later.
#[derive(Debug, Clone, Copy)]
pub(super) struct ModelEvent {
    pub(super) at: RunTime,
    pub(super) sequence: u64,
    pub(super) what: ModelEventKind,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum ModelEventKind {
    /// A core has finished a visit.
    Served { tier: TierId, replica: u8, epoch: u32, job: QueuedVisit },
    /// A pause is over.
    Resume(CallRef),
    /// The balancer notices that a replica has died, or trusts it again.
    Notice { tier: TierId, replica: u8, epoch: u32, listed: bool },
    /// The scaler looks at its tier.
    Tick(TierId),
    /// A new replica is ready.
    Ready { tier: TierId, replica: u8, epoch: u32 },
}

/// The earliest event is the greatest, because [`BinaryHeap`] gives the greatest first.
impl Ord for ModelEvent {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for ModelEvent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ModelEvent {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ModelEvent {}
