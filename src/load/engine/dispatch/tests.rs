//! The last moments of an open workload.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::*;
use crate::engine::RunOptions;
use crate::engine::message::WorkerMessage;
use crate::engine::worker::WorkerAssignment;
use crate::transport::{Clock, HostPermit, TlsSetup};
use plimsoll_metrics::{ArrivalCounts, Collector};
use plimsoll_plan::{Load, Overrides, Plan, compile};
use plimsoll_scenario::load;

/// Arrivals at `rate` within 100 ms for four users and a target that refuses every connection; 50 iter/s are five.
fn plan(rate: &str) -> Plan {
    let text = format!(
        "name: x\ntarget: http://127.0.0.1:9\nhttp: {{ timeout: 1s }}\n\
         workloads: {{ a: {{ arrivals: constant, max_vus: 9, stages: [{{ rate: {rate}, duration: 100ms }}] }} }}\n\
         scenarios:\n  s: {{ weight: 2, flow: [ {{ get: {{ name: a, url: / }} }} ] }}\n  \
           t: {{ flow: [ {{ get: {{ name: b, url: / }} }} ] }}\n"
    );
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.clone().into()), &|_| None);
    compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)).expect("valid")
}

/// Five arrivals within 100 ms whose users think for 200 ms before their request, and go on for `graceful_stop` behind
/// the end.
fn thinking(graceful_stop: Nanos) -> Plan {
    let text = "name: x\ntarget: http://127.0.0.1:9\nhttp: { timeout: 1s }\n\
                workloads: { a: { arrivals: constant, stages: [{ rate: 50 iter/s, duration: 100ms }] } }\n\
                scenarios: { s: { flow: [ { think: 200ms }, { get: { name: a, url: / } } ] } }\n";
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.into()), &|_| None);
    let plan = compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31));
    Plan { graceful_stop, ..plan.expect("valid") }
}

/// What becomes of arrivals at `rate`, and when the run ends. `prepare` has the dispatcher before it begins.
fn played(
    rate: &str,
    prepare: impl FnOnce(&Rc<Dispatcher>, watch::Sender<WorkerOrders>),
) -> (ArrivalCounts, RunTime) {
    play(plan(rate), prepare)
}

/// The same of a plan.
fn play(
    plan: Plan,
    prepare: impl FnOnce(&Rc<Dispatcher>, watch::Sender<WorkerOrders>),
) -> (ArrivalCounts, RunTime) {
    let plan = Arc::new(plan);
    let tls = TlsSetup::new(&plan.http.tls, plan.http.version).expect("plain settings");
    let permit = HostPermit::default();
    let (outbox, mut inbox) = mpsc::channel(64);
    let (order, orders) = watch::channel(WorkerOrders::default());
    let assignment = WorkerAssignment {
        index: 0,
        options: RunOptions { workers: 1, tls, permit, connections: u64::MAX },
        clock: Clock::starting_in(Nanos::ZERO),
        orders: orders.clone(),
        outbox,
        spare: std::sync::mpsc::channel().1,
        plan,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let at = LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let worker = Worker::new(assignment).expect("a timer");
        let Load::Open(load) = &worker.plan.load else { panic!("an open load") };
        let dispatcher = Dispatcher::new(&worker, load, orders.clone());
        let steered = dispatcher.clone();
        let following = follow_orders(worker.clone(), orders, move || steered.follow());
        dispatcher.tasks.borrow_mut().spawn_local(following);
        prepare(&dispatcher, order);
        dispatcher.dispatch().await.expect("it ends")
    });
    let mut collector = Collector::new(1);
    while let Ok(message) = inbox.try_recv() {
        if let WorkerMessage::Part(part) = message {
            collector.absorb(&part);
        }
    }
    collector.worker_finished(0);
    let mut counts = ArrivalCounts::default();
    collector.drain_complete().iter().for_each(|interval| counts.add(interval.arrivals));
    (counts, at)
}

/// What becomes of arrivals that a dispatcher gives to its users in its last moment before it drains until
/// `drain_until`.
fn ended(drain_until: RunTime) -> ArrivalCounts {
    let prepare = |dispatcher: &Rc<Dispatcher>, _| {
        dispatcher.start_due(RunTime::ZERO + SECOND, PASS_ARRIVALS);
        dispatcher.worker.drain(drain_until);
    };
    played("50 iter/s", prepare).0
}

#[test]
fn arrivals_due_as_the_run_ends_are_still_played() {
    let counts = ended(RunTime::ZERO + SECOND * 60);
    let played = ArrivalCounts { intended: 5, started: 5, failed: 5, ..ArrivalCounts::default() };
    assert_eq!(counts, played);
}

#[test]
fn arrivals_that_the_run_does_not_wait_for_are_unfinished_and_counted_as_due() {
    let counts = ended(RunTime::ZERO);
    assert_eq!(counts, ArrivalCounts { intended: 5, unfinished: 5, ..ArrivalCounts::default() });
}

#[test]
fn iterations_go_on_behind_the_end_for_as_long_as_the_graceful_stop_lets_them() {
    let end_of = |graceful_stop_ms| play(thinking(Nanos::from_millis(graceful_stop_ms)), |_, _| ());
    let of = |failed, unfinished| ArrivalCounts {
        intended: 5,
        started: 5,
        failed,
        unfinished,
        ..ArrivalCounts::default()
    };
    let (counts, at) = end_of(60_000);
    assert_eq!(counts, of(5, 0));
    assert!(at < RunTime::ZERO + Nanos::from_secs(30), "it waits for iterations only: {at:?}");
    assert_eq!(end_of(0).0, of(0, 5), "they think when the load ends");
}

/// Goal: prove that a rate beyond all reason ends the run in time, and loses no arrival.
/// Method: 100 million arrivals in 100 ms, which take ten seconds and more to walk.
#[test]
fn absurd_rate_ends_in_time_and_every_arrival_is_counted() {
    let (counts, at) = played("1000000000 iter/s", |_, _| ());
    assert_eq!(counts.intended, 100_000_000);
    let ended = counts.completed + counts.failed + counts.dropped + counts.unfinished;
    assert_eq!(ended, counts.intended, "{counts:?}");
    // 100 ms of load, one second behind it, one for requests, one to close.
    assert!(at < RunTime::ZERO + Nanos::from_millis(3_200), "{at}");
}

#[test]
fn order_to_stop_is_heard_at_an_absurd_rate() {
    let (_, at) = played("1000000000 iter/s", |_, order| {
        order.send_modify(|order| order.drain_until = Some(RunTime::ZERO));
    });
    // Long before the worker would give up what it is behind with.
    assert!(at < RunTime::ZERO + SECOND, "{at}");
}
