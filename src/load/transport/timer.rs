//! Deadlines: one alarm a worker, one heap, at most a few entries a user.
//!
//! tokio's timer registers every timeout. Here a timeout costs a store: a user's deadline mostly moves later,
//! and then its entry in the heap stays where it is until it comes due, when it is put back at the later time.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use plimsoll_units::RunTime;

use super::alarm::Alarm;
use super::clock::Clock;

/// All deadlines of one worker.
#[derive(Debug)]
pub struct Timers {
    clock: Clock,
    alarm: Alarm,
    /// When the alarm is set to go off.
    planned: Cell<RunTime>,
    heap: RefCell<BinaryHeap<Reverse<(RunTime, u32)>>>,
    slots: RefCell<Vec<TimerSlot>>,
    free: RefCell<Vec<u32>>,
}

#[derive(Debug)]
struct TimerSlot {
    /// [`RunTime::NEVER`] while nothing is awaited.
    deadline: RunTime,
    /// The time under which the slot stands in the heap; [`RunTime::NEVER`] if it does not.
    queued: RunTime,
    fired: bool,
    waker: Option<Waker>,
}

impl Timers {
    /// Timers on the run's clock. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// Where the system has no descriptor left for the alarm.
    pub fn new(clock: Clock) -> io::Result<Rc<Self>> {
        Ok(Rc::new(Self {
            clock,
            alarm: Alarm::new()?,
            planned: Cell::new(RunTime::NEVER),
            heap: RefCell::default(),
            slots: RefCell::default(),
            free: RefCell::default(),
        }))
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// A timer of its own for one user.
    pub fn timer(self: &Rc<Self>) -> Timer {
        let empty = TimerSlot {
            deadline: RunTime::NEVER,
            queued: RunTime::NEVER,
            fired: false,
            waker: None,
        };
        let mut slots = self.slots.borrow_mut();
        let index = if let Some(index) = self.free.borrow_mut().pop() {
            // The heap may still hold the former owner's entry; keep `queued` so that it is not doubled.
            let queued = slots[index as usize].queued;
            slots[index as usize] = TimerSlot { queued, ..empty };
            index
        } else {
            slots.push(empty);
            (slots.len() - 1) as u32
        };
        Timer { timers: self.clone(), index }
    }

    /// Wakes every user whose deadline is not later than `now`.
    pub fn fire_due(&self, now: RunTime) {
        let mut heap = self.heap.borrow_mut();
        let mut slots = self.slots.borrow_mut();
        while let Some(&Reverse((at, index))) = heap.peek() {
            if at > now {
                break;
            }
            heap.pop();
            let slot = &mut slots[index as usize];
            if slot.queued != at {
                continue;
            }
            slot.queued = RunTime::NEVER;
            if slot.deadline <= now {
                slot.deadline = RunTime::NEVER;
                slot.fired = true;
                if let Some(waker) = slot.waker.take() {
                    waker.wake();
                }
            } else if slot.deadline != RunTime::NEVER {
                slot.queued = slot.deadline;
                heap.push(Reverse((slot.deadline, index)));
            }
        }
    }

    /// How many timers somebody holds.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> u64 {
        (self.slots.borrow().len() - self.free.borrow().len()) as u64
    }

    /// The earliest deadline that may be due.
    pub fn next_deadline(&self) -> RunTime {
        self.heap.borrow().peek().map_or(RunTime::NEVER, |&Reverse((at, _))| at)
    }

    /// Sleeps until `until`, or until an earlier deadline is set meanwhile.
    ///
    /// # Errors
    /// Where the system refuses the timer.
    pub async fn sleep_until(&self, until: RunTime) -> io::Result<()> {
        self.set(until)?;
        self.alarm.rung().await?;
        self.planned.set(RunTime::NEVER);
        Ok(())
    }

    /// Ends the present sleep at once.
    pub fn wake(&self) {
        // A time in the past goes off at once. Cannot fail: the alarm was set before.
        let _ = self.set(RunTime::ZERO);
    }

    fn set(&self, until: RunTime) -> io::Result<()> {
        self.planned.set(until);
        self.alarm.set(self.clock.monotonic(until))
    }

    fn arm(&self, index: u32, deadline: RunTime) {
        let slot = &mut self.slots.borrow_mut()[index as usize];
        slot.deadline = deadline;
        slot.fired = false;
        if deadline < slot.queued {
            slot.queued = deadline;
            self.heap.borrow_mut().push(Reverse((deadline, index)));
            if deadline < self.planned.get() && self.planned.get() != RunTime::NEVER {
                // Cannot fail: the alarm was set before.
                let _ = self.set(deadline);
            }
        }
    }
}

/// One user's deadline.
#[derive(Debug)]
pub struct Timer {
    timers: Rc<Timers>,
    index: u32,
}

impl Timer {
    /// Sets the deadline, forgetting an earlier one.
    pub fn arm(&self, deadline: RunTime) {
        self.timers.arm(self.index, deadline);
    }

    /// Awaits nothing any more.
    pub fn disarm(&self) {
        let slot = &mut self.timers.slots.borrow_mut()[self.index as usize];
        slot.deadline = RunTime::NEVER;
        slot.fired = false;
    }

    /// Ready once the deadline has passed.
    pub fn poll_expired(&self, context: &Context<'_>) -> Poll<()> {
        let slot = &mut self.timers.slots.borrow_mut()[self.index as usize];
        if slot.fired {
            return Poll::Ready(());
        }
        match &slot.waker {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => slot.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits until `until`.
    pub async fn sleep_until(&self, until: RunTime) {
        self.arm(until);
        poll_fn(|context| self.poll_expired(context)).await;
        self.disarm();
    }

    /// Runs `work` until the deadline set by [`Timer::arm`]; `None` if that comes first.
    pub async fn bound<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll_expired(context).map(|()| None),
        })
        .await
    }

    /// The timers it belongs to.
    pub fn timers(&self) -> &Rc<Timers> {
        &self.timers
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
        self.timers.free.borrow_mut().push(self.index);
    }
}
