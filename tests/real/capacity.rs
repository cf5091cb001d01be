//! `plimsoll capacity` against the simulator, whose truth is known.

use std::fs;
use std::path::Path;
use std::process::Output;

use plimsoll::capacity::des::{SimulatedServiceTime, SimulatedStack, SimulatedTier, slo_max};
use plimsoll::capacity::slo_limits::SloLimit;
use plimsoll::units::{Nanos, Ratio, Seed};

use super::harness::{Stack, checkout, plimsoll, ran, run};

fn said(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

fn capacity(arguments: &[&str], out: &Path) -> Output {
    plimsoll().arg("capacity").args(arguments).arg("--out").arg(out).output().expect("runs")
}

/// Goal: prove that a search finds what the stack carries, what binds it and what that costs, over sockets.
/// Method: M/D/2 of 20 ms within p95 150 ms, whose truth a simulation in virtual time knows; a minute, in which chance in
/// the service would leave too much open; the tolerance is wide because machines are shared.
#[test]
fn search_finds_the_limit_of_a_simulated_stack_and_reports_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/search", &[]);
    let found = run(
        plimsoll().arg("capacity").arg(checkout("tests/data/search")).args([
            "--target", &stack.url, "--within", "60s", "--hold", "4s", "--start", "20 req/s",
        ]),
        folder.path(),
    );
    assert!([0, 97].contains(&found.code), "{} {}", found.code, found.stderr);
    let limit = Nanos::from_millis(150);
    let service = SimulatedServiceTime::Constant { mean: Nanos::from_millis(20) };
    let tier = SimulatedTier::cores("api", 1, 2, Nanos::from_millis(20));
    let tiers = vec![SimulatedTier { service, ..tier }];
    let limits = [SloLimit::Quantile { p: Ratio::new(0.95), max: limit }];
    let model = SimulatedStack { tiers, rate_limit: None };
    let truth = slo_max(&model, &limits, 400_000, Seed::new(9)).expect("reachable");
    let measured = found.number("/capacity/slo_max_per_s");
    println!("SLO-max {measured:.1}/s, truth {truth}/s");
    assert!((measured / truth.get() - 1.0).abs() < 0.2, "{measured}, truth {truth}");
    let demand = found.number("/capacity/tiers/0/demand_ms");
    assert!((demand / 20.0 - 1.0).abs() < 0.15, "{demand} ms");
    let result = found.result();
    assert_eq!(result["capacity"]["bottleneck"]["tier"], "api");
    assert_eq!(result["capacity"]["recommendation"]["kind"], "HORIZONTAL");
    assert!(found.stdout.contains("SLO-max by replicas and size of api"), "{}", found.stdout);
    let run = found.folder.as_ref().expect("a run");
    let before = fs::read(run.join("result.json")).expect("a result");
    let again = plimsoll().arg("report").arg(run).output().expect("runs");
    assert_eq!(fs::read(run.join("result.json")).expect("a result"), before, "{}", said(&again).1);
    assert!(String::from_utf8_lossy(&again.stdout).contains("SLO-max"));
    assert!(fs::read_to_string(run.join("report.md")).expect("text").contains("Capacity"));
    let change = ["capacity", "--simulate", "api=3 peak=150 req/s lose=1", "--of"];
    let played = plimsoll().args(change).arg(run).output().expect("runs");
    let text = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(text.contains("1 of api lost"), "{text} {}", said(&played).1);
}

#[test]
fn search_that_cannot_begin_says_why_and_sends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = checkout("tests/data/search").display().to_string();
    let tier = capacity(&[&path, "--replicas", "web=2"], folder.path());
    assert_eq!(
        said(&tier),
        (2, "error: `--replicas`: no tier is called `web`\nhint: known here: `api`\n".to_owned())
    );
    let (code, text) = said(&capacity(&[&path], folder.path()));
    assert_eq!(code, 1);
    assert!(text.starts_with("error: the target http://127.0.0.1:1 cannot be reached"), "{text}");
    let (code, text) = said(&capacity(&[], folder.path()));
    assert_eq!((code, text.contains("<PATH>")), (2, true), "{text}");
    let nothing = ran(&capacity(&["--resume", &path], folder.path()), folder.path());
    assert_eq!(nothing.code, 2);
}
