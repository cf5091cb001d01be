//! Plays a case, and gathers what both sides know of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::engine::coordinator::Coordinator;
use crate::engine::message::{EngineError, RunEvent, WorkerMessage};
use crate::engine::options::RunOptions;
use crate::engine::thread::{drive, farewell};
use crate::engine::worker::{Worker, WorkerAssignment};
use crate::transport::simulated::{World, play};
use crate::transport::{Clock, HostPermit, TlsSetup};
use plimsoll_metrics::{ArrivalCounts, Interval, IntervalPart, RunEnd, SplitPart, StopReason};
use plimsoll_plan::{ClientTls, HttpVersion, Plan, Shard, Split, Stage, Target};
use plimsoll_units::{Nanos, Ratio, RunTime, Seed};

use super::case::Case;
use super::ledger::Ledger;
use super::plans::prepared;
use super::server::Server;

/// The port of the green target; the other one is blue's.
pub(super) const GREEN: u16 = 81;

/// What came of one shard.
pub(super) struct Played {
    pub(super) intervals: Vec<Interval>,
    pub(super) tally: CaseTally,
    /// What was steered.
    pub(super) changes: Vec<(RunTime, Arc<[Stage]>)>,
    pub(super) end: RunEnd,
    pub(super) failure: Option<EngineError>,
    workers: Vec<Rc<Worker>>,
}

/// What the workers' parts say.
#[derive(Debug, Default)]
pub(super) struct CaseTally {
    pub(super) arrivals: ArrivalCounts,
    /// How many lags were recorded.
    pub(super) lags: u64,
}

impl CaseTally {
    fn add(&mut self, part: &IntervalPart) {
        self.arrivals.add(part.arrivals());
        self.lags += part.lags();
    }
}

/// What came of a case.
pub(super) struct SimulatedRun {
    /// By shard; none where the run did not come to its end.
    pub(super) shards: Vec<Played>,
    pub(super) ledger: Ledger,
    pub(super) plan: Arc<Plan>,
    /// What went wrong so far, before any law is asked.
    pub(super) violations: Vec<String>,
    pub(super) world: Rc<World>,
}

/// Plays a case to its end.
pub(super) fn played(case: &Case) -> SimulatedRun {
    let server = Server::new(case.server, Pcg64Mcg::seed_from_u64(case.seed ^ 0x5e4e4));
    let ledger = server.ledger.clone();
    let world = World::new(case.seed, case.profile, Box::new(server));
    let _inside = world.enter();
    let plans: Vec<_> = (0..case.shards).filter_map(|index| plan(case, index)).collect();
    assert_eq!(plans.len(), case.shards as usize, "an earlier run was outlived by its tasks");
    let plan = plans[0].clone();
    let clock = Clock::starting_in(LEAD);
    let begin = world.now() + LEAD;
    for &(at, span) in &case.stalls {
        world.plan_at((begin + at).get(), move |world| world.stall(span));
    }
    let (case, there) = (case.clone(), world.clone());
    let ended = play(&world, async move {
        let mut shards = Vec::new();
        for plan in plans {
            shards.push(tokio::task::spawn_local(shard(
                case.clone(),
                plan,
                (clock, begin),
                there.clone(),
            )));
        }
        let mut played = Vec::new();
        for shard in shards {
            played.push(joined(shard).await);
        }
        played
    });
    let mut violations = world.violations();
    let mut shards = ended.unwrap_or_default();
    for worker in shards.iter_mut().flat_map(|shard| shard.workers.drain(..)) {
        violations.extend(left_behind(&worker));
    }
    if world.open() > 0 {
        violations.push(format!("{} connections are open behind the end", world.open()));
    }
    let ledger = std::mem::take(&mut *RefCell::borrow_mut(&ledger));
    SimulatedRun { shards, ledger, plan, violations, world: world.clone() }
}

/// As in earnest.
const LEAD: Nanos = Nanos::from_millis(50);

thread_local! {
    /// Loading the system's certificates takes longer than playing a case.
    static TLS: TlsSetup = TlsSetup::new(&ClientTls::default(), HttpVersion::Auto).expect("plain settings");
}

fn plan(case: &Case, index: u32) -> Option<Arc<Plan>> {
    let shard = Shard { index, count: case.shards };
    prepared(case.plan, shard, |plan| {
        plan.seed = Seed::new(case.seed);
        plan.load = case.load.clone();
        plan.graceful_stop = case.graceful_stop;
        plan.requests.iter_mut().for_each(|request| request.timeout = case.timeout);
        if let Some(share) = case.green {
            let green = Target { port: GREEN, ..plan.target.clone() };
            let (from, until, share) = (RunTime::ZERO, RunTime::NEVER, Ratio::new(share));
            plan.split = Some(Split::new(green, vec![SplitPart { from, until, share }], plan.seed));
        }
    })
}

/// One process: a coordinator and its workers.
async fn shard(
    case: Case,
    plan: Arc<Plan>,
    (clock, begin): (Clock, Nanos),
    world: Rc<World>,
) -> Played {
    let options = RunOptions {
        workers: case.workers,
        tls: TLS.with(TlsSetup::clone),
        permit: HostPermit::default(),
        connections: case.connections,
    };
    let (mut coordinator, mut assignments) = Coordinator::new(&plan, &options, clock);
    let tally = tokio::task::spawn_local(between(&mut assignments, case.is_counted_in_full()));
    let control = coordinator.control();
    for (at, command) in case.commands {
        let control = control.clone();
        world.plan_at((begin + at).get(), move |_| {
            command.carry_out(&control);
        });
    }
    let workers: Vec<_> =
        assignments.into_iter().map(|one| tokio::task::spawn_local(worker(one, clock))).collect();
    let mut intervals = Vec::new();
    let mut end = RunEnd { at: RunTime::ZERO, reason: StopReason::Finished };
    while let Some(happened) = coordinator.next().await {
        for event in happened {
            match event {
                RunEvent::Interval(interval) => intervals.push(*interval),
                RunEvent::Event(_) => {}
                RunEvent::End(told) => end = told,
            }
        }
        if !case.nap.is_zero() {
            world.sleep(world.up_to(case.nap)).await;
        }
    }
    let mut left = Vec::new();
    for worker in workers {
        left.push(joined(worker).await);
    }
    let (tally, changes) = (joined(tally).await, control.changes());
    Played {
        intervals,
        tally,
        changes,
        end,
        failure: coordinator.failure().cloned(),
        workers: left,
    }
}

/// Stands between the workers and their coordinator, and keeps a tally of its own. Where it does not count in
/// full, parts are handed on without their histograms, whose merging takes most of the time of a debug build.
fn between(
    assignments: &mut [WorkerAssignment],
    in_full: bool,
) -> impl Future<Output = CaseTally> + use<> {
    let mut running = assignments.len();
    let (into, mut out) = mpsc::channel(running * 64);
    let mut onward = None;
    for assignment in assignments {
        onward = Some(std::mem::replace(&mut assignment.outbox, into.clone()));
    }
    async move {
        let mut tally = CaseTally::default();
        while running > 0 {
            let Some(mut message) = out.recv().await else { break };
            match &mut message {
                WorkerMessage::Part(part) => {
                    tally.add(part);
                    if !in_full {
                        **part = part.emptied();
                    }
                }
                WorkerMessage::Event(_)
                | WorkerMessage::Exemplars(_)
                | WorkerMessage::UsedUp { .. } => {}
                WorkerMessage::Finished { .. } | WorkerMessage::Broken { .. } => running -= 1,
            }
            if let Some(onward) = &onward {
                let _ = onward.send(message).await;
            }
        }
        tally
    }
}

async fn worker(assignment: WorkerAssignment, clock: Clock) -> Rc<Worker> {
    let (index, outbox) = (assignment.index, assignment.outbox.clone());
    let orders = assignment.orders.clone();
    let worker = Worker::new(assignment).expect("a simulated alarm is never refused");
    let ended = drive(&worker, orders).await;
    let _ = outbox.send(farewell(index, ended, clock)).await;
    worker
}

/// What a task returns; a panic of it goes on.
async fn joined<T>(task: JoinHandle<T>) -> T {
    task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// What is left of a worker that is over: tasks and timers.
fn left_behind(worker: &Rc<Worker>) -> Vec<String> {
    let counts = [
        ("tasks or clients hold the worker", Rc::strong_count(worker) as u64 - 1),
        ("timers are in use", worker.timers.in_use()),
    ];
    let left = counts.into_iter().filter(|(_, count)| *count > 0);
    left.map(|(what, count)| format!("worker {}: {count} {what} behind the end", worker.index))
        .collect()
}
