//! Virtual-user slots of an open workload: who is free, and who plays what.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use plimsoll_metrics::{ScenarioId, Side};

use super::job::Job;

/// Where a user waits for work.
#[derive(Debug, Default)]
pub(super) struct UserSlot {
    job: Cell<Option<Job>>,
    /// What it plays, while it does, and how many users of it are not through.
    playing: Cell<Option<(ScenarioId, u32)>>,
    waker: RefCell<Option<Waker>>,
}

impl UserSlot {
    /// Gives its users, one or a pair, an iteration to play.
    pub(super) fn assign(&self, job: Job, users: u32) {
        self.playing.set(Some((job.role.scenario, users)));
        self.job.set(Some(job));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Awaits the next iteration.
    pub(super) async fn next_job(&self) -> Job {
        poll_fn(|context| {
            if let Some(job) = self.job.take() {
                return Poll::Ready(job);
            }
            let mut waker = self.waker.borrow_mut();
            match &*waker {
                Some(known) if known.will_wake(context.waker()) => {}
                _ => *waker = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }

    /// The iteration of one user is over.
    pub(super) fn finish(&self) {
        let left = self.playing.take().filter(|(_, users)| *users > 1);
        self.playing.set(left.map(|(scenario, users)| (scenario, users - 1)));
    }
}

/// A slot that was free, or is new.
#[derive(Debug)]
pub(super) enum Taken {
    /// Its user waits for work.
    Free(Rc<UserSlot>),
    /// Nobody lives in it yet; with its number within the worker.
    New(Rc<UserSlot>, u32),
}

/// The slots of one worker.
#[derive(Debug)]
pub(super) struct UserSlots {
    max_vus: u32,
    /// How many users take turns, because each comes from an address of its own; 0 where those whose connections
    /// are warm go first.
    turns: u32,
    slots: Vec<Rc<UserSlot>>,
    /// Users without work by the side that they are on, the last one to come at the end.
    free: [VecDeque<u32>; Side::ALL.len()],
}

impl UserSlots {
    /// Room for `max_vus` users, of whom the first `turns` take turns.
    pub(super) fn new(max_vus: u32, turns: u32) -> Self {
        Self {
            max_vus,
            turns,
            slots: Vec::new(),
            free: <[VecDeque<u32>; Side::ALL.len()]>::default(),
        }
    }

    /// A user without work: one that waits on this side, else a new one, else one who comes over from the
    /// other side, else none.
    pub(super) fn take(&mut self, side: Side) -> Option<Taken> {
        let local = self.slots.len() as u32;
        if local >= self.turns
            && let Some(free) = self.take_free(side)
        {
            return Some(Taken::Free(self.slots[free as usize].clone()));
        }
        if local >= self.max_vus {
            let other = Side::ALL.into_iter().find(|other| *other != side)?;
            let free = self.take_free(other)?;
            return Some(Taken::Free(self.slots[free as usize].clone()));
        }
        let slot = Rc::new(UserSlot::default());
        self.slots.push(slot.clone());
        Some(Taken::New(slot, local))
    }

    /// The next user without work: where they take turns the one that rested longest, else the one whose
    /// connections are warmest.
    fn take_free(&mut self, side: Side) -> Option<u32> {
        let free = &mut self.free[side as usize];
        if self.turns > 0 { free.pop_front() } else { free.pop_back() }
    }

    /// User `local` waits for work on `side` again.
    pub(super) fn give_back(&mut self, local: u32, side: Side) {
        self.free[side as usize].push_back(local);
    }

    /// How many users there are.
    pub(super) fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    /// How many of them play.
    pub(super) fn busy(&self) -> u64 {
        let free: usize = self.free.iter().map(VecDeque::len).sum();
        (self.slots.len() - free) as u64
    }

    /// Takes out what is still being played, once a user.
    pub(super) fn take_playing(&self) -> impl Iterator<Item = ScenarioId> {
        let playing = self.slots.iter().filter_map(|slot| slot.playing.take());
        playing.flat_map(|(scenario, users)| (0..users).map(move |_| scenario))
    }
}
