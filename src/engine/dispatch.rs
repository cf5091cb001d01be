//! The dispatcher of an open workload: starts what is due, whatever the responses.
//!
//! Everything due is started at once. Where arrivals come closer than the promised lag, wake-ups are
//! coalesced; and since every response has to read the clock anyway, it starts what has come due as well.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::metrics::{ScenarioId, Side};
use crate::plan::{ConnectionUse, OpenLoad};
use crate::schedule::{Arrival, Schedule};
use crate::transport::Client;
use crate::units::{Nanos, RunTime};

use super::control::Order;
use super::iteration::{Ended, Role, play};
use super::worker::Worker;

/// The length of an interval.
pub(super) const SECOND: Nanos = Nanos::from_secs(1);

/// Above this many arrivals a second and worker, wake-ups are coalesced.
const DENSE: f64 = 5_000.0;
/// The least time between wake-ups then. Measured at 20,000/s: lag p50 65 µs, p99 134 µs for half a core.
const COALESCE: Nanos = Nanos::from_micros(100);

/// The longest that a worker is woken ahead of an arrival.
const LEAD_MAX: Nanos = Nanos::from_micros(60);
/// By how much the lead follows one wake-up.
const LEAD_STEP: Nanos = Nanos::new(250);
/// An arrival that is hardly farther away than the lead is not worth a sleep, which would end after it.
const LEAD_MARGIN: Nanos = Nanos::from_micros(2);

/// How long before an arrival a worker wants to be woken, because being woken takes time.
///
/// Without it each arrival is late by what the machine takes to wake a thread: 38 µs in the middle here. The
/// lead follows the lower quartile of that time, so that three wake-ups in four still come late, and waiting for
/// the rest of the time, which costs CPU, is rare and short.
#[derive(Debug, Default)]
struct Lead(Cell<Nanos>);

impl Lead {
    /// When to be woken for an arrival at `due`.
    fn before(&self, due: RunTime) -> RunTime {
        due - self.0.get()
    }

    /// A sleep for an arrival at `due` ended at `now`: one that was early weighs three late ones.
    fn woken(&self, due: RunTime, now: RunTime) {
        let lead = self.0.get();
        self.0.set(if now < due {
            lead.saturating_sub(LEAD_STEP * 3)
        } else {
            (lead + LEAD_STEP).min(LEAD_MAX)
        });
    }
}

/// The users of an open workload.
pub(super) struct Pool {
    worker: Rc<Worker>,
    schedule: RefCell<Schedule>,
    end: Cell<RunTime>,
    gap: Cell<Nanos>,
    lead: Lead,
    max_vus: u32,
    /// How many users take turns, because each comes from an address of its own; 0 where those whose connections
    /// are warm go first.
    turns: u32,
    seats: RefCell<Vec<Rc<Seat>>>,
    /// Users without work by the side that they are on, the last one to come at the end.
    free: RefCell<[VecDeque<u32>; Side::ALL.len()]>,
    users: RefCell<JoinSet<()>>,
    me: Weak<Self>,
}

/// Where a user waits for work.
#[derive(Default)]
struct Seat {
    job: Cell<Option<(Role, Arrival)>>,
    /// What it plays, while it does.
    playing: Cell<Option<ScenarioId>>,
    waker: RefCell<Option<Waker>>,
}

/// Plays an open workload to its end.
pub(super) async fn open(
    worker: &Rc<Worker>,
    load: &OpenLoad,
    orders: watch::Receiver<Order>,
) -> io::Result<RunTime> {
    let schedule =
        Schedule::new(load, worker.plan.seed, worker.plan.shard).part(worker.index, worker.workers);
    let pool = Rc::new_cyclic(|me| Pool {
        worker: worker.clone(),
        schedule: RefCell::new(schedule),
        end: Cell::new(end_of(&load.stages, RunTime::ZERO)),
        gap: Cell::new(coalescing(worker, &load.stages)),
        lead: Lead::default(),
        max_vus: worker.share_of(load.max_vus),
        turns: turns(worker, load),
        seats: RefCell::default(),
        free: RefCell::default(),
        users: RefCell::default(),
        me: me.clone(),
    });
    worker.set_pool(&pool);
    let steered = pool.clone();
    let steer = move |at, stages: &[_]| steered.reshape(at, stages);
    let orders = tokio::task::spawn_local(follow_orders(worker.clone(), orders, steer));
    let ended = pool.dispatch().await;
    orders.abort();
    pool.users.borrow_mut().abort_all();
    ended
}

/// How many users take turns, so that the addresses that the target sees all get their share.
fn turns(worker: &Worker, load: &OpenLoad) -> u32 {
    let http = &worker.plan.http;
    if http.connections == ConnectionUse::PerIteration {
        return 0;
    }
    let addresses = http.addresses().min(u64::from(load.max_vus));
    worker.share_of(addresses as u32)
}

fn end_of(stages: &[crate::plan::Stage], start: RunTime) -> RunTime {
    start + stages.iter().map(|stage| stage.duration).sum()
}

fn coalescing(worker: &Worker, stages: &[crate::plan::Stage]) -> Nanos {
    let peak = stages.iter().map(|stage| stage.from.get().max(stage.to.get())).fold(0.0, f64::max);
    let parts = f64::from(worker.workers) * f64::from(worker.plan.shard.count);
    if peak / parts > DENSE { COALESCE } else { Nanos::ZERO }
}

/// Carries out what the run's controller says.
pub(super) async fn follow_orders(
    worker: Rc<Worker>,
    mut orders: watch::Receiver<Order>,
    reshape: impl Fn(RunTime, &[crate::plan::Stage]),
) {
    let mut revision = 0;
    while orders.changed().await.is_ok() {
        let order = orders.borrow_and_update().clone();
        if order.revision != revision {
            revision = order.revision;
            if let Some((at, stages)) = &order.stages {
                reshape(*at, stages);
            }
        }
        worker.blue_only.set(order.blue_only);
        if let Some(until) = order.drain_until {
            worker.drain(until);
        }
        worker.timers.wake();
    }
}

impl Worker {
    /// Starts no new iterations; requests in flight may end until `until`.
    pub(super) fn drain(&self, until: RunTime) {
        self.draining.set(true);
        self.drain_until.set(self.drain_until.get().min(until));
    }

    /// When every request in flight at `now` has ended or timed out.
    pub(super) fn longest_request(&self, now: RunTime) -> RunTime {
        let longest = self.plan.requests.iter().map(|request| request.timeout).max();
        now + longest.unwrap_or_default() + SECOND
    }
}

impl Pool {
    async fn dispatch(&self) -> io::Result<RunTime> {
        let worker = &self.worker;
        let mut next_cut = RunTime::ZERO + SECOND;
        loop {
            let now = worker.timers.clock().now();
            self.start_due(now);
            worker.timers.fire_due(now);
            while next_cut <= now {
                worker.cut(next_cut, self.busy(), self.seats.borrow().len() as u64);
                next_cut = next_cut + SECOND;
            }
            let next_arrival = self.next_arrival();
            if next_arrival == RunTime::NEVER && now >= self.end.get() && !worker.draining.get() {
                worker.drain(worker.longest_request(now));
            }
            if worker.draining.get() {
                let in_flight = worker.recorder.borrow().in_flight();
                if in_flight == 0 || now >= worker.drain_until.get() {
                    let vus = self.close();
                    worker.cut_last(now, vus).await;
                    return Ok(now);
                }
            }
            let mut wake = next_cut.min(worker.timers.next_deadline());
            if worker.draining.get() {
                // Requests end without notice here; a run's last moments may cost a few wake-ups.
                wake = wake.min(worker.drain_until.get()).min(now + Nanos::from_millis(2));
            } else {
                wake = wake.min(next_arrival).min(if next_arrival == RunTime::NEVER {
                    self.end.get()
                } else {
                    RunTime::NEVER
                });
            }
            self.sleep_until(wake, (next_arrival, now)).await?;
        }
    }

    /// Sleeps until `wake`. Where that is the next arrival and arrivals are sparse, it is woken a little ahead, and
    /// looks after everything else for the rest of the time.
    async fn sleep_until(
        &self,
        wake: RunTime,
        (arrival, now): (RunTime, RunTime),
    ) -> io::Result<()> {
        let timers = &self.worker.timers;
        let gap = self.gap.get();
        if !gap.is_zero() || wake != arrival {
            return timers.sleep_until(wake.max(now + gap)).await;
        }
        let ahead = self.lead.before(wake);
        if ahead <= now + LEAD_MARGIN {
            tokio::task::yield_now().await;
            return Ok(());
        }
        timers.sleep_until(ahead).await?;
        let now = timers.clock().now();
        if now >= ahead {
            self.lead.woken(wake, now);
        }
        Ok(())
    }

    fn next_arrival(&self) -> RunTime {
        if self.worker.draining.get() {
            return RunTime::NEVER;
        }
        let mut schedule = self.schedule.borrow_mut();
        schedule.peek().map_or(RunTime::NEVER, |arrival| arrival.intended)
    }

    /// Starts every arrival that is due at `now`.
    pub(super) fn start_due(&self, now: RunTime) {
        if self.worker.draining.get() {
            return;
        }
        let mut schedule = self.schedule.borrow_mut();
        while let Some(arrival) = schedule.next_due(now) {
            let scenario = self.worker.cast.scenario_of(arrival.index);
            let lot = self.worker.lot(arrival.index, arrival.intended);
            match self.free_seat(lot.map_or(Side::Blue, |lot| lot.side)) {
                Some(seat) => {
                    seat.job.set(Some((Role { scenario, lot }, arrival)));
                    seat.playing.set(Some(scenario));
                    if let Some(waker) = &*seat.waker.borrow() {
                        waker.wake_by_ref();
                    }
                }
                None => self.worker.recorder.borrow_mut().arrival_dropped(scenario),
            }
        }
    }

    /// A user without work: one that waits on this side, else a new one, else one who comes over from the
    /// other side, else none.
    fn free_seat(&self, side: Side) -> Option<Rc<Seat>> {
        let mut seats = self.seats.borrow_mut();
        let local = seats.len() as u32;
        if local >= self.turns
            && let Some(free) = self.take_free(side)
        {
            return Some(seats[free as usize].clone());
        }
        if local >= self.max_vus {
            let others = Side::ALL.into_iter().find(|other| *other != side)?;
            return Some(seats[self.take_free(others)? as usize].clone());
        }
        let seat = Rc::new(Seat::default());
        seats.push(seat.clone());
        if let Some(me) = self.me.upgrade() {
            self.users.borrow_mut().spawn_local(live(me, seat.clone(), local));
        }
        Some(seat)
    }

    /// The next user without work: where they take turns the one that rested longest, else the one whose
    /// connections are warmest.
    fn take_free(&self, side: Side) -> Option<u32> {
        let free = &mut self.free.borrow_mut()[side as usize];
        if self.turns > 0 { free.pop_front() } else { free.pop_back() }
    }

    fn busy(&self) -> u64 {
        let free: usize = self.free.borrow().iter().map(VecDeque::len).sum();
        (self.seats.borrow().len() - free) as u64
    }

    /// The run is over: what still plays is unfinished. Returns the number of users.
    fn close(&self) -> u64 {
        let seats = self.seats.borrow();
        for scenario in seats.iter().filter_map(|seat| seat.playing.take()) {
            self.worker.recorder.borrow_mut().iteration_unfinished(scenario);
        }
        seats.len() as u64
    }

    fn reshape(&self, at: RunTime, stages: &[crate::plan::Stage]) {
        self.schedule.borrow_mut().reshape(at, stages);
        self.end.set(end_of(stages, at));
        self.gap.set(coalescing(&self.worker, stages));
    }
}

/// One user's life.
async fn live(pool: Rc<Pool>, seat: Rc<Seat>, local: u32) {
    let worker = pool.worker.clone();
    let number = worker.number_of(local);
    let mut user = worker.cast.user(number);
    let mut client = Client::new(&worker.shared, number);
    loop {
        let job = poll_fn(|context| {
            if let Some(job) = seat.job.take() {
                Poll::Ready(job)
            } else {
                let mut waker = seat.waker.borrow_mut();
                match &*waker {
                    Some(known) if known.will_wake(context.waker()) => {}
                    _ => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        })
        .await;
        let (Role { scenario, .. }, arrival) = job;
        let ended = play(&worker, &mut user, &mut client, job).await;
        client.end_iteration();
        match ended {
            Ended::Done(at) => {
                seat.playing.set(None);
                let time = at.since(arrival.intended);
                worker.recorder.borrow_mut().iteration_ended(scenario, user.failed(), time);
                pool.free.borrow_mut()[client.side() as usize].push_back(local);
            }
            // Counted with all others that are still playing when the run ends.
            Ended::Unfinished => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: prove that one wake-up in four comes early, whatever the machine takes.
    /// Method: wake-ups of 20 µs to 59 µs, each as often as the others, in an order without pattern.
    #[test]
    fn lead_settles_at_the_lower_quartile_of_what_waking_takes() {
        let lead = Lead::default();
        let mut early = 0;
        for index in 0..4_000_u64 {
            let due = RunTime::ZERO + Nanos::from_millis(index + 1);
            let takes = Nanos::from_micros(20 + index * 17 % 40);
            let woken = lead.before(due) + takes;
            early += usize::from(index >= 2_000 && woken < due);
            lead.woken(due, woken);
        }
        assert!((400..=600).contains(&early), "{early} of 2,000");
        let settled = lead.0.get();
        assert!((Nanos::from_micros(26)..Nanos::from_micros(34)).contains(&settled), "{settled}");
    }

    #[test]
    fn lead_never_exceeds_its_limit() {
        let lead = Lead::default();
        let due = RunTime::ZERO + Nanos::from_secs(1);
        (0..10_000).for_each(|_| lead.woken(due, due + Nanos::from_millis(5)));
        assert_eq!(lead.before(due), due - LEAD_MAX);
    }
}
