//! Simulated alarms: they ring late, sometimes very late, and now and then too early.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use rustix::time::Timespec;

use super::world::World;
use plimsoll_units::Nanos;

/// An alarm of a simulated world.
#[derive(Debug)]
pub(crate) struct SimulatedAlarm {
    world: Rc<World>,
    state: Rc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts how often it was set: only the last setting rings.
    setting: Cell<u64>,
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl State {
    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl SimulatedAlarm {
    pub(crate) fn new(world: Rc<World>) -> Self {
        Self { world, state: Rc::default() }
    }

    /// Sets it to the monotonic clock's reading `at`.
    pub(crate) fn set(&self, at: Timespec) {
        let setting = self.state.setting.get() + 1;
        self.state.setting.set(setting);
        if at.tv_sec > FAR {
            return;
        }
        let at = at.tv_sec.cast_unsigned() * 1_000_000_000 + at.tv_nsec.cast_unsigned();
        let due = at.max(self.world.now().get());
        let profile = self.world.profile;
        let late = if self.world.happens(profile.very_late) {
            self.world.fault("very late wake-up");
            self.world.up_to(profile.late * 1_000)
        } else {
            self.world.up_to(profile.late)
        };
        self.ring_at(due + late.get(), setting);
        if self.world.happens(profile.early) {
            self.world.fault("early wake-up");
            let early = self.world.up_to(Nanos::new(due - self.world.now().get()));
            self.ring_at(self.world.now().get() + early.get(), setting);
        }
    }

    fn ring_at(&self, at: u64, setting: u64) {
        let state: Weak<State> = Rc::downgrade(&self.state);
        self.world.plan_at(at, move |_| {
            if let Some(state) = state.upgrade()
                && state.setting.get() == setting
            {
                state.ring();
            }
        });
    }

    /// Ready once it has rung.
    pub(crate) async fn rung(&self) {
        poll_fn(|context| {
            if self.state.rung.replace(false) {
                return Poll::Ready(());
            }
            *self.state.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Seconds after which no alarm is awaited in any simulation: a thousand years.
const FAR: i64 = 31_536_000_000;
