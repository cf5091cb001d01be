//! The themes, each over thousands of seeds, and queueing theory.

use std::collections::BTreeMap;

use super::case::{Case, CaseKind};
use super::plans::SINGLE;
use super::play::played;
use super::properties::violations;
use super::server::ServerProfile;
use crate::transport::simulated::WorldProfile;
use plimsoll_capacity::queueing::erlang_c;
use plimsoll_plan::{ArrivalLaw, Load, OpenLoad, Stage};
use plimsoll_units::{Nanos, Rate};

/// Plays `count` cases of a kind, and names the seeds of those in which a property does not hold.
#[expect(clippy::print_stderr, reason = "the table of what was covered")]
fn all_hold(kind: CaseKind, count: u64) {
    let first = kind as u64 * 1_000_000;
    let seeds = match replayed() {
        Some(seed) => vec![seed],
        None => (first..first + count).collect(),
    };
    let (mut happened, mut requests, mut intended) = (0, 0, 0);
    let mut faults = BTreeMap::<&str, u64>::new();
    let mut failures = Vec::new();
    for seed in seeds {
        let case = Case::new(kind, seed);
        let outcome = played(&case);
        happened += outcome.world.happened();
        requests += outcome.ledger.received;
        intended += outcome.shards.iter().map(|shard| shard.tally.arrivals.intended).sum::<u64>();
        for (fault, count) in outcome.world.faults() {
            *faults.entry(fault).or_default() += count;
        }
        let found = violations(&case, &outcome);
        if !found.is_empty() {
            let found = found[..found.len().min(5)].join("; ");
            failures.push(format!("seed {seed}: {found}\n{case:?}"));
        }
    }
    eprintln!(
        "{kind:?}: {count} seeds, {intended} arrivals, {requests} requests, {happened} events, {faults:?}"
    );
    assert!(
        failures.is_empty(),
        "{} of {count} seeds, the first of them:\n{}\nto replay one: PLIMSOLL_SEED=… cargo nextest run --lib \
         --no-capture -E 'test(simulation)'",
        failures.len(),
        failures[..failures.len().min(3)].join("\n")
    );
}

/// The seed that is to be played alone.
#[expect(clippy::disallowed_methods, reason = "a failed seed is replayed by hand")]
fn replayed() -> Option<u64> {
    std::env::var("PLIMSOLL_SEED").ok()?.parse().ok()
}

#[test]
fn open_workload_holds_in_a_faulty_world() {
    all_hold(CaseKind::Open, 4_000);
}

#[test]
fn run_that_is_stopped_or_steered_holds() {
    all_hold(CaseKind::Steered, 2_800);
}

#[test]
fn closed_model_holds() {
    all_hold(CaseKind::Closed, 1_500);
}

#[test]
fn scarce_connections_are_shared_out() {
    all_hold(CaseKind::Scarce, 1_300);
}

#[test]
fn fair_world_is_counted_exactly() {
    all_hold(CaseKind::Fair, 150);
}

#[test]
fn panic_of_a_user_ends_the_run_with_its_message() {
    all_hold(CaseKind::Panic, 300);
}

#[test]
fn same_seed_plays_the_same_run() {
    for seed in 0..50 {
        let case = Case::new(CaseKind::Steered, seed);
        let trace = || played(&case).world.trace();
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}

/// Goal: prove that what the engine measures is what queueing theory says of the server: Poisson arrivals, `c`
/// servers, exponential service, and response times from the intended start on.
/// Method: 8,000 requests at 70 % of what the server carries. The mean's relative standard error is about 3 %.
#[test]
fn response_times_are_those_of_a_queue_with_c_servers() {
    for servers in [1, 3_usize] {
        let service = Nanos::from_millis(10);
        let (utilization, seconds) = (0.7, 8_000.0 / (70.0 * servers as f64));
        let rate = Rate::per_second(utilization * servers as f64 / service.as_secs_f64());
        let duration = Nanos::from_secs_f64(seconds);
        let stages = vec![Stage { from: rate, to: rate, duration, judged: true }];
        let load = OpenLoad { arrivals: ArrivalLaw::Poisson, stages, max_vus: 1_000, mix: None };
        let case = Case {
            plan: SINGLE,
            load: Load::Open(load),
            shards: 1,
            workers: 2,
            profile: WorldProfile::FAIR,
            server: ServerProfile { servers, service, ..ServerProfile::GOOD },
            green: None,
            ..Case::new(CaseKind::Fair, servers as u64)
        };
        let outcome = played(&case);
        let intervals = outcome.shards.iter().flat_map(|shard| &shard.intervals);
        let (mut sum, mut count) = (0, 0);
        for step in intervals.flat_map(|interval| interval.steps.values()) {
            sum += step.response_time.sum_ns();
            count += step.requests;
        }
        let measured = sum as f64 / count as f64 / 1e9;
        let waits = erlang_c(servers as u32, utilization);
        let wait = waits * service.as_secs_f64() / (servers as f64 * (1.0 - utilization));
        let theory = wait + service.as_secs_f64();
        let off = measured / theory - 1.0;
        assert!(count > 7_500, "{count} requests");
        assert!(off.abs() < 0.08, "{servers} servers: {measured:.6} s, {theory:.6} s in theory");
    }
}
