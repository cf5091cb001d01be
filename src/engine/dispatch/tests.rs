//! The last moments of an open workload.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::*;
use crate::engine::RunOptions;
use crate::engine::message::WorkerMessage;
use crate::engine::worker::WorkerAssignment;
use crate::metrics::{ArrivalCounts, Collector};
use crate::plan::{Load, Overrides, Plan, compile};
use crate::scenario::load;
use crate::transport::{Clock, HostPermit, TlsSetup};

/// Five arrivals within 100 ms, for a target that refuses every connection.
fn plan() -> Plan {
    let text = "name: x\ntarget: http://127.0.0.1:9\n\
                workloads: { a: { arrivals: constant, stages: [{ rate: 50 iter/s, duration: 100ms }] } }\n\
                scenarios: { s: { flow: [ { get: { name: a, url: / } } ] } }\n";
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.into()), &|_| None);
    compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)).expect("valid")
}

/// What becomes of arrivals that a dispatcher gives to its users in its last moment before it drains until
/// `drain_until`.
fn ended(drain_until: RunTime) -> ArrivalCounts {
    let plan = Arc::new(plan());
    let tls = TlsSetup::new(&plan.http.tls, plan.http.version).expect("plain settings");
    let permit = HostPermit::default();
    let (outbox, mut inbox) = mpsc::channel(64);
    let assignment = WorkerAssignment {
        index: 0,
        options: RunOptions { workers: 1, tls, permit, connections: u64::MAX },
        clock: Clock::starting_in(Nanos::ZERO),
        orders: watch::channel(WorkerOrders::default()).1,
        outbox,
        spare: std::sync::mpsc::channel().1,
        plan,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let worker = Worker::new(assignment).expect("a timer");
        let Load::Open(load) = &worker.plan.load else { panic!("an open load") };
        let dispatcher = Dispatcher::new(&worker, load);
        dispatcher.start_due(RunTime::ZERO + SECOND);
        worker.drain(drain_until);
        dispatcher.dispatch().await.expect("it ends");
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
    counts
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
