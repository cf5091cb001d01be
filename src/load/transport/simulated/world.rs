//! The world: its time, what is going to happen, its chance, and what went against the rules.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::connection::{Peer, SimulatedConnection};
use plimsoll_units::Nanos;

thread_local! {
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// What is going to happen.
type Happening = Box<dyn FnOnce(&Rc<World>)>;

/// How kind a world is; shares are of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WorldProfile {
    /// What one look at the clock takes, as any work does.
    pub(crate) look: Nanos,
    /// The most that an alarm is usually late.
    pub(crate) late: Nanos,
    /// Share of alarms that are late by up to a thousand times as much.
    pub(crate) very_late: f64,
    /// Share of alarms that also ring once too early.
    pub(crate) early: f64,
    /// The most that the network takes one way.
    pub(crate) latency: Nanos,
    /// Share of writes of which only a part is taken.
    pub(crate) short_writes: f64,
}

impl WorldProfile {
    /// Nothing goes wrong, and nothing takes time.
    pub(crate) const FAIR: Self = Self {
        look: Nanos::new(100),
        late: Nanos::from_micros(1),
        very_late: 0.0,
        early: 0.0,
        latency: Nanos::ZERO,
        short_writes: 0.0,
    };
}

/// A simulated world.
pub(crate) struct World {
    pub(super) profile: WorldProfile,
    now: Cell<u64>,
    chance: RefCell<Pcg64Mcg>,
    /// By time, then in the order in which they were decided on.
    ahead: RefCell<BTreeMap<(u64, u64), Happening>>,
    decided: Cell<u64>,
    happened: Cell<u64>,
    /// A hash of all that happened and when.
    trace: Cell<u64>,
    pub(super) connections: RefCell<Vec<SimulatedConnection>>,
    /// Connections and the numbers of their requests whose answers the client has begun to read.
    pub(super) answered: RefCell<BTreeSet<(usize, u32)>>,
    pub(super) open: Cell<u64>,
    most_open: Cell<u64>,
    pub(super) peer: RefCell<Box<dyn Peer>>,
    faults: RefCell<BTreeMap<&'static str, u64>>,
    violations: RefCell<Vec<String>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Leaves the world when it is dropped.
pub(crate) struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl World {
    /// A world in which everything follows from `seed`.
    pub(crate) fn new(seed: u64, profile: WorldProfile, peer: Box<dyn Peer>) -> Rc<Self> {
        Rc::new(Self {
            profile,
            // The machine has been up for a second.
            now: Cell::new(1_000_000_000),
            chance: RefCell::new(Pcg64Mcg::seed_from_u64(seed)),
            ahead: RefCell::default(),
            decided: Cell::new(0),
            happened: Cell::new(0),
            trace: Cell::new(0xcbf2_9ce4_8422_2325),
            connections: RefCell::default(),
            answered: RefCell::default(),
            open: Cell::new(0),
            most_open: Cell::new(0),
            peer: RefCell::new(peer),
            faults: RefCell::default(),
            violations: RefCell::default(),
        })
    }

    /// The world that this thread is in.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Option::clone)
    }

    /// Enters the world: its clock, alarms and network are this thread's from now on.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        CURRENT.set(Some(self.clone()));
        Entered(())
    }

    /// The reading of the monotonic clock. Looking takes time.
    pub(crate) fn read_clock(&self) -> Nanos {
        self.now.set(self.now.get() + self.profile.look.get());
        self.now()
    }

    /// The time, without a look at the clock.
    pub(crate) fn now(&self) -> Nanos {
        Nanos::new(self.now.get())
    }

    /// Lets `what` happen `after` this moment.
    pub(crate) fn plan(&self, after: Nanos, what: impl FnOnce(&Rc<Self>) + 'static) {
        self.plan_at(self.now.get() + after.get(), what);
    }

    /// Lets `what` happen `at` a time; at once where that has passed.
    pub(crate) fn plan_at(&self, at: u64, what: impl FnOnce(&Rc<Self>) + 'static) {
        let number = self.decided.get();
        self.decided.set(number + 1);
        self.ahead.borrow_mut().insert((at, number), Box::new(what));
    }

    /// Lets the next thing happen if it is due by now. Returns whether it was.
    pub(super) fn happen_if_due(self: &Rc<Self>) -> bool {
        let is_due = self.next().is_some_and(|at| at <= self.now.get());
        is_due && self.happen()
    }

    /// Lets time pass until the next thing happens. Returns whether there was anything.
    pub(super) fn happen(self: &Rc<Self>) -> bool {
        let Some(((at, number), what)) = self.ahead.borrow_mut().pop_first() else { return false };
        self.now.set(self.now.get().max(at));
        self.happened.set(self.happened.get() + 1);
        // FNV-1a over times and numbers.
        for part in [self.now.get(), number] {
            let mixed = (self.trace.get() ^ part).wrapping_mul(0x0000_0100_0000_01b3);
            self.trace.set(mixed);
        }
        what(self);
        true
    }

    fn next(&self) -> Option<u64> {
        self.ahead.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    /// The whole machine stands still for `span`: time passes, and nobody runs.
    pub(crate) fn stall(&self, span: Nanos) {
        self.fault("stall");
        self.now.set(self.now.get() + span.get());
    }

    /// Whether something happens that does so with this probability.
    pub(crate) fn happens(&self, probability: f64) -> bool {
        probability > 0.0 && self.chance.borrow_mut().random::<f64>() < probability
    }

    /// Any time up to `limit`.
    pub(crate) fn up_to(&self, limit: Nanos) -> Nanos {
        Nanos::new(self.chance.borrow_mut().random_range(0..=limit.get()))
    }

    /// Counts a fault of some kind.
    pub(crate) fn fault(&self, kind: &'static str) {
        *self.faults.borrow_mut().entry(kind).or_default() += 1;
    }

    /// Notes that somebody went against the rules.
    pub(crate) fn violation(&self, text: String) {
        self.violations.borrow_mut().push(text);
    }

    pub(super) fn opened(&self) {
        self.open.set(self.open.get() + 1);
        self.most_open.set(self.most_open.get().max(self.open.get()));
    }

    /// How many connections the client holds now, those being opened included.
    pub(crate) fn open(&self) -> u64 {
        self.open.get()
    }

    /// The most that it ever held at once.
    pub(crate) fn most_open(&self) -> u64 {
        self.most_open.get()
    }

    /// Whether the client read any of the answer to request `number` of a connection.
    pub(crate) fn was_answered(&self, connection: usize, number: u32) -> bool {
        self.answered.borrow().contains(&(connection, number))
    }

    /// How many things have happened.
    pub(crate) fn happened(&self) -> u64 {
        self.happened.get()
    }

    /// A hash of all that happened and when.
    pub(crate) fn trace(&self) -> u64 {
        self.trace.get()
    }

    /// How many faults of each kind there were.
    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.borrow().clone()
    }

    /// What went against the rules.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.borrow().clone()
    }
}
