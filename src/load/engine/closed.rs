//! The closed model: so many users, each starting its next iteration when the last one ends.
//!
//! People ask for it, and it answers a question of its own (what do n users do to the stack?), but its
//! response times suffer from coordinated omission, so every output labels it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::transport::Client;
use plimsoll_metrics::ScenarioId;
use plimsoll_plan::ClosedLoad;
use plimsoll_schedule::Arrival;
use plimsoll_units::{Nanos, RunTime};

use super::control::WorkerOrders;
use super::iteration::play;
use super::job::{IterationEnd, IterationRole, Job};
use super::orders::{OrderBox, follow_orders};
use super::tasks::{PanicGuard, WorkerError, end_all};
use super::worker::{SECOND, Worker};

/// How often a worker that drains looks whether it is through.
const DRAIN_LOOK: Nanos = Nanos::from_millis(5);

/// What the users of a closed model share.
struct ClosedUsers {
    worker: Rc<Worker>,
    busy: Cell<u64>,
    /// Users who may begin another iteration.
    living: Cell<u32>,
    /// The scenario that each user plays, while it does.
    playing: RefCell<Vec<Option<ScenarioId>>>,
}

/// Plays a closed model to its end.
pub(super) async fn run(
    worker: &Rc<Worker>,
    load: &ClosedLoad,
    orders: watch::Receiver<WorkerOrders>,
) -> Result<RunTime, WorkerError> {
    let vus = worker.share_of(load.vus);
    let closed_users = Rc::new(ClosedUsers {
        worker: worker.clone(),
        busy: Cell::new(0),
        living: Cell::new(vus),
        playing: RefCell::new(vec![None; vus as usize]),
    });
    let mut tasks = JoinSet::new();
    let (own, told) = (OrderBox::new(orders.clone()), worker.clone());
    let following = follow_orders(worker.clone(), orders, move || own.carry_out(&told, |_, _| {}));
    tasks.spawn_local(following);
    let shared_load = Rc::new(load.clone());
    for local in 0..vus {
        tasks.spawn_local(live(closed_users.clone(), local, shared_load.clone()));
    }
    let end = RunTime::ZERO + load.duration;
    let ended = watch_over(worker, &closed_users, load, end).await;
    end_all(&mut tasks).and(ended.map_err(WorkerError::from))
}

/// Cuts intervals and ends the run.
async fn watch_over(
    worker: &Rc<Worker>,
    closed_users: &ClosedUsers,
    load: &ClosedLoad,
    end: RunTime,
) -> io::Result<RunTime> {
    let mut next_cut = RunTime::ZERO + SECOND;
    loop {
        let now = worker.timers.clock().now();
        worker.timers.fire_due(now);
        while next_cut <= now {
            worker.cut(next_cut, closed_users.busy.get(), present(worker, load, next_cut));
            next_cut = next_cut + SECOND;
        }
        let is_idle = closed_users.busy.get() == 0;
        let is_played = now >= end && (is_idle || now >= end + worker.plan.graceful_stop);
        let is_played = is_played || closed_users.living.get() == 0;
        if is_played && !worker.draining.get() {
            worker.drain(worker.longest_request(now));
        }
        if worker.is_over(now) {
            for scenario in closed_users.playing.borrow_mut().iter_mut().filter_map(Option::take) {
                worker.recorder.borrow_mut().iteration_unfinished(scenario);
            }
            worker.cut_last(now, present(worker, load, now)).await;
            return Ok(now);
        }
        let wake = if worker.draining.get() {
            worker.drain_until.get().min(now + DRAIN_LOOK)
        } else if now < end {
            end
        } else {
            now + DRAIN_LOOK
        };
        let wake = wake.min(next_cut).min(worker.timers.next_deadline());
        worker.timers.sleep_until(wake).await?;
    }
}

/// How many of a worker's users are there just before `at`.
fn present(worker: &Worker, load: &ClosedLoad, at: RunTime) -> u64 {
    let last = RunTime::new(at.get().min(load.duration.get()).saturating_sub(1));
    u64::from(worker.share_of(load.users_at(last)))
}

/// The number of a user's next iteration among all of the run, from 0; `None` where all are taken.
fn next_iteration(worker: &Worker, load: &ClosedLoad, (round, number): (u64, u64)) -> Option<u64> {
    match &load.iterations {
        // Fixed by user and round, whoever is faster.
        None => Some(round * u64::from(load.vus) + number),
        Some(shared) => {
            let index = worker.plan.shard.nth(shared.taken.next());
            (index < u64::from(shared.of)).then_some(index)
        }
    }
}

/// One user's life.
async fn live(closed_users: Rc<ClosedUsers>, local: u32, load: Rc<ClosedLoad>) {
    let worker = closed_users.worker.clone();
    let _guard = PanicGuard(worker.clone());
    let number = worker.number_of(local);
    let mut user = worker.user_factory.user(number);
    let mut client = Client::new(&worker.shared, number);
    let clock = worker.timers.clock();
    let mut round = 0;
    let mut idle;
    client.timer().sleep_until(RunTime::ZERO).await;
    while !worker.draining.get() {
        let started = clock.now();
        let Some(presence) = load.next_presence(number, started) else { break };
        if presence > started {
            client.timer().sleep_until(presence).await;
            continue;
        }
        let Some(index) = next_iteration(&worker, &load, (round, number)) else { break };
        let of = load.iterations.as_ref().map_or(0, |shared| u64::from(shared.of));
        let nth = if of > 0 { index } else { 0 };
        let arrival = Arrival { index, intended: started, nth, of };
        let scenario = worker.user_factory.scenario_of(&arrival);
        closed_users.playing.borrow_mut()[local as usize] = Some(scenario);
        closed_users.busy.set(closed_users.busy.get() + 1);
        worker.recorder.borrow_mut().arrival_due(scenario);
        // A user stays on its side as long as the share does.
        let role = IterationRole { scenario, variant: worker.variant_of_user(number, started) };
        let job = Job { role, arrival };
        let ended = play(&worker, &mut user, &mut client, job, &|_| ()).await;
        client.end_iteration();
        closed_users.busy.set(closed_users.busy.get() - 1);
        match ended {
            IterationEnd::Done(at) => {
                closed_users.playing.borrow_mut()[local as usize] = None;
                let time = at.since(started);
                idle = time == Nanos::ZERO;
                worker.ended(scenario, &user, time);
            }
            // Counted with all others that are still playing when the run ends.
            IterationEnd::Unfinished => return,
        }
        round += 1;
        let next = started + load.pace;
        if next > clock.now() {
            client.timer().sleep_until(next).await;
        } else if user.failed() || idle {
            // A dead target answers in microseconds, and an iteration that sends nothing takes no time at
            // all: do not spin on it.
            client.timer().sleep_until(clock.now() + Nanos::from_millis(10)).await;
        }
    }
    closed_users.living.set(closed_users.living.get() - 1);
    worker.timers.wake();
}
