//! The dispatcher of an open workload: starts what is due, whatever the responses.
//!
//! Everything due is started at once. Where arrivals come closer than the promised lag, wake-ups are
//! coalesced; and since every response has to read the clock anyway, it starts what has come due as well.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::transport::Client;
use plimsoll_metrics::{Side, Variant};
use plimsoll_plan::{ConnectionUse, OpenLoad, Stage};
use plimsoll_schedule::Schedule;
use plimsoll_units::{Nanos, RunTime};
use plimsoll_user::User;

use super::control::WorkerOrders;
use super::iteration::play;
use super::job::{IterationEnd, IterationRole, Job};
use super::orders::{OrderBox, follow_orders};
use super::pacing::{LEAD_MARGIN, WakeUpLead, coalescing};
use super::slots::{Taken, UserSlot, UserSlots};
use super::tasks::{PanicGuard, WorkerError, end_all};
use super::worker::{SECOND, Worker};

/// How often a worker that drains looks whether it is through: requests end without notice here, and a run's
/// last moments may cost a few wake-ups.
const DRAIN_LOOK: Nanos = Nanos::from_millis(2);

/// The longest between two passes while users are busy, so that a worker that was held up knows it. Costs less
/// than 0.5 % of a core.
const PASS_MAX: Nanos = Nanos::from_millis(1);

/// So many arrivals are started in one pass. Where more are due, responses, commands and the end of the run have
/// their turn first.
const PASS_ARRIVALS: u32 = 10_000;

/// So many are started when a response was read: more than ever come due in between, unless the worker is behind.
const RESPONSE_ARRIVALS: u32 = 100;

/// A worker that is still behind its schedule so long after the end gives up what it has not reached.
const BEHIND_MAX: Nanos = SECOND;

/// Starts arrivals on time, each in a free slot.
struct Dispatcher {
    worker: Rc<Worker>,
    orders: OrderBox,
    schedule: RefCell<Schedule>,
    end: Cell<RunTime>,
    gap: Cell<Nanos>,
    lead: WakeUpLead,
    slots: RefCell<UserSlots>,
    tasks: RefCell<JoinSet<()>>,
    me: Weak<Self>,
    /// How many users play an arrival: one, or a pair where two targets play every one.
    plays: u32,
}

/// Plays an open workload to its end.
pub(super) async fn open(
    worker: &Rc<Worker>,
    load: &OpenLoad,
    orders: watch::Receiver<WorkerOrders>,
) -> Result<RunTime, WorkerError> {
    let dispatcher = Dispatcher::new(worker, load, orders.clone());
    let steered = dispatcher.clone();
    let following = follow_orders(worker.clone(), orders, move || steered.follow());
    dispatcher.tasks.borrow_mut().spawn_local(following);
    let ended = dispatcher.dispatch().await;
    let panicked = end_all(&mut dispatcher.tasks.borrow_mut());
    panicked.and(ended.map_err(WorkerError::from))
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

fn end_of(stages: &[Stage], start: RunTime) -> RunTime {
    start + stages.iter().map(|stage| stage.duration).sum()
}

impl Dispatcher {
    fn new(
        worker: &Rc<Worker>,
        load: &OpenLoad,
        orders: watch::Receiver<WorkerOrders>,
    ) -> Rc<Self> {
        let schedule = Schedule::new(load, worker.plan.seed, worker.plan.shard)
            .part(worker.index, worker.workers);
        let slots = UserSlots::new(worker.share_of(load.max_vus), turns(worker, load));
        Rc::new_cyclic(|me| Dispatcher {
            worker: worker.clone(),
            orders: OrderBox::new(orders),
            schedule: RefCell::new(schedule),
            end: Cell::new(end_of(&load.stages, RunTime::ZERO)),
            gap: Cell::new(coalescing(&load.stages, worker.parts())),
            lead: WakeUpLead::default(),
            slots: RefCell::new(slots),
            tasks: RefCell::default(),
            me: me.clone(),
            plays: worker.plan.plays(),
        })
    }

    async fn dispatch(&self) -> io::Result<RunTime> {
        let worker = &self.worker;
        let mut next_cut = RunTime::ZERO + SECOND;
        loop {
            let now = worker.timers.clock().now();
            worker.passes(now);
            self.start_due(now, PASS_ARRIVALS);
            if now >= self.end.get() + BEHIND_MAX {
                self.give_up(now);
            }
            worker.timers.fire_due(now);
            while next_cut <= now {
                let (busy, vus) = self.users();
                worker.cut(next_cut, busy, vus);
                next_cut = next_cut + SECOND;
            }
            let next_arrival = self.next_arrival();
            if next_arrival == RunTime::NEVER && self.is_played(now) && !worker.draining.get() {
                worker.drain(worker.longest_request(now));
            }
            if worker.is_over(now) {
                let vus = self.close();
                worker.cut_last(now, vus).await;
                return Ok(now);
            }
            let mut wake = next_cut.min(worker.timers.next_deadline());
            if worker.draining.get() {
                wake = wake.min(worker.drain_until.get()).min(now + DRAIN_LOOK);
            } else {
                let end = self.end.get();
                let end = if now < end { end } else { end + worker.plan.graceful_stop };
                wake = wake.min(next_arrival).min(if next_arrival == RunTime::NEVER {
                    end
                } else {
                    RunTime::NEVER
                });
            }
            if self.slots.borrow().busy() > 0 {
                wake = wake.min(now + PASS_MAX);
            }
            worker.expects(wake.max(now + self.gap.get()));
            if self.gap.get().is_zero() && wake == next_arrival {
                self.await_arrival(wake, now).await?;
            } else {
                worker.timers.sleep_until(wake.max(now + self.gap.get())).await?;
            }
        }
    }

    /// Sleeps until a sparse arrival at `due`: is woken a little ahead, and looks after everything else for the
    /// rest of the time.
    async fn await_arrival(&self, due: RunTime, now: RunTime) -> io::Result<()> {
        let timers = &self.worker.timers;
        let ahead = self.lead.before(due);
        if ahead <= now + LEAD_MARGIN {
            tokio::task::yield_now().await;
            return Ok(());
        }
        timers.sleep_until(ahead).await?;
        let now = timers.clock().now();
        if now >= ahead {
            self.lead.woken(due, now);
        }
        Ok(())
    }

    /// Whether the load is over, and with it every iteration that may go on behind its end.
    fn is_played(&self, now: RunTime) -> bool {
        let end = self.end.get();
        let is_idle = self.slots.borrow().busy() == 0;
        now >= end && (is_idle || now >= end + self.worker.plan.graceful_stop)
    }

    fn next_arrival(&self) -> RunTime {
        if self.worker.draining.get() {
            return RunTime::NEVER;
        }
        let mut schedule = self.schedule.borrow_mut();
        schedule.peek().map_or(RunTime::NEVER, |arrival| arrival.intended)
    }

    /// Carries out what the run's controller has said.
    fn follow(&self) {
        self.orders.carry_out(&self.worker, |at, stages| self.reshape(at, stages));
    }

    /// Starts what is due at `now`, at most so many arrivals.
    fn start_due(&self, now: RunTime, most: u32) {
        // A worker that was held up hears first what has been changed meanwhile: what it began by its old schedule,
        // behind the moment of the change, would have numbers that others give to theirs.
        if self.orders.is_new() {
            self.follow();
        }
        if self.worker.draining.get() {
            return;
        }
        let mut schedule = self.schedule.borrow_mut();
        for _ in 0..most {
            let Some(arrival) = schedule.next_due(now) else { return };
            let scenario = self.worker.user_factory.scenario_of(&arrival);
            let variant = self.worker.variant(arrival.index, arrival.intended);
            for _ in 0..self.plays {
                self.worker.recorder.borrow_mut().arrival_due(scenario);
            }
            // A pair of users is on both sides.
            let own = variant.filter(|_| self.plays == 1);
            let taken = self.slots.borrow_mut().take(own.map_or(Side::Blue, |own| own.side));
            let slot = match taken {
                Some(Taken::Free(slot)) => slot,
                Some(Taken::New(slot, local)) => {
                    self.settle(slot.clone(), local);
                    slot
                }
                None => {
                    for _ in 0..self.plays {
                        self.worker.recorder.borrow_mut().arrival_dropped(scenario);
                    }
                    continue;
                }
            };
            slot.assign(Job { role: IterationRole { scenario, variant }, arrival }, self.plays);
        }
    }

    /// Gives up what should have begun by the end of the run and was not reached. All of it was due, and none of it
    /// is begun.
    fn give_up(&self, now: RunTime) {
        if self.worker.draining.get() {
            return;
        }
        let left = self.schedule.borrow_mut().pass_over() * u64::from(self.plays);
        if left > 0 {
            self.worker.give_up(now, left);
            self.worker.drain(self.worker.longest_request(self.end.get()));
        }
    }

    /// Lets a user live in a new slot.
    fn settle(&self, slot: Rc<UserSlot>, local: u32) {
        if let Some(me) = self.me.upgrade() {
            let mut tasks = self.tasks.borrow_mut();
            if self.plays == 1 {
                tasks.spawn_local(live(me, slot, local));
            } else {
                tasks.spawn_local(live_in_pairs(me, slot, local));
            }
        }
    }

    /// The run is over: what still plays is unfinished. Returns the number of users.
    fn close(&self) -> u64 {
        let slots = self.slots.borrow();
        for scenario in slots.take_playing() {
            self.worker.recorder.borrow_mut().iteration_unfinished(scenario);
        }
        slots.len() * u64::from(self.plays)
    }

    /// How many users play, and how many there are.
    fn users(&self) -> (u64, u64) {
        let (slots, each) = (self.slots.borrow(), u64::from(self.plays));
        (slots.busy() * each, slots.len() * each)
    }

    fn reshape(&self, at: RunTime, stages: &[Stage]) {
        self.schedule.borrow_mut().reshape(at, stages);
        self.end.set(end_of(stages, at));
        self.gap.set(coalescing(stages, self.worker.parts()));
    }
}

/// One user's life.
async fn live(dispatcher: Rc<Dispatcher>, slot: Rc<UserSlot>, local: u32) {
    let _guard = PanicGuard(dispatcher.worker.clone());
    let mut user = PlacedUser::new(&dispatcher.worker, local);
    loop {
        let job = slot.next_job().await;
        if user.play(&dispatcher, &slot, job).await == IterationEnd::Unfinished {
            return;
        }
        dispatcher.slots.borrow_mut().give_back(local, user.client.side());
    }
}

/// The life of two users of one number, of whom one is on each side. They play the same arrivals, with the same data and
/// the same draws, and begin the next one when both are through.
async fn live_in_pairs(dispatcher: Rc<Dispatcher>, slot: Rc<UserSlot>, local: u32) {
    let _guard = PanicGuard(dispatcher.worker.clone());
    let [mut blue, mut green] = Side::ALL.map(|_| PlacedUser::new(&dispatcher.worker, local));
    loop {
        let job = slot.next_job().await;
        let on = |side| {
            let variant = job.role.variant.map(|variant| Variant { side, ..variant });
            Job { role: IterationRole { variant, ..job.role }, ..job }
        };
        let blue_first = job.role.variant.is_none_or(|variant| variant.side == Side::Blue);
        let blue = blue.play(&dispatcher, &slot, on(Side::Blue));
        let green = green.play(&dispatcher, &slot, on(Side::Green));
        let ends = if blue_first { tokio::join!(blue, green) } else { tokio::join!(green, blue) };
        if [ends.0, ends.1].contains(&IterationEnd::Unfinished) {
            return;
        }
        dispatcher.slots.borrow_mut().give_back(local, Side::Blue);
    }
}

/// A user with its connections.
struct PlacedUser {
    user: User,
    client: Client,
}

impl PlacedUser {
    fn new(worker: &Worker, local: u32) -> Self {
        let number = worker.number_of(local);
        let client = Client::new(&worker.shared, number);
        Self { user: worker.user_factory.user(number), client }
    }

    /// Plays one iteration. One that is cut off is counted with all others that are playing when the run ends.
    async fn play(&mut self, dispatcher: &Dispatcher, slot: &UserSlot, job: Job) -> IterationEnd {
        let worker = &dispatcher.worker;
        let responded = |now| dispatcher.start_due(now, RESPONSE_ARRIVALS);
        let end = play(worker, &mut self.user, &mut self.client, job, &responded).await;
        self.client.end_iteration();
        if let IterationEnd::Done(at) = end {
            slot.finish();
            let (scenario, time) = (job.role.scenario, at.since(job.arrival.intended));
            worker.ended(scenario, &self.user, time);
        }
        end
    }
}

#[cfg(test)]
mod tests;
