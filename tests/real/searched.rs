//! A search for capacity whose steps agents play.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::fleet::{Agent, Nats, requests_in, wait_for};
use super::harness::{Ran, Stack, checkout, only_run, plimsoll, run, terminate};

const DATA: &str = "tests/data/search";

/// A search of a few steps, none of them too much for the stack.
fn search(nats: &Nats, stack: &Stack, more: &[&str], out: &Path) -> Ran {
    let mut command = plimsoll();
    command.arg("capacity").arg(checkout(DATA)).args(["--target", &stack.url, "--quiet"]);
    command.args(["--hold", "4s", "--start", "20 req/s", "--max-rate", "40 req/s"]);
    command.args(["--agents", "2", "--nats", &nats.url()]).args(more);
    run(&mut command, out)
}

/// Requests in all seconds of a log.
pub(crate) fn requests_logged(run: &Path) -> usize {
    let text = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let steps = lines.filter_map(|line| line["interval"]["steps"].as_object().cloned());
    steps
        .flat_map(|steps| steps.into_iter().filter_map(|(_, step)| step["requests"].as_u64()))
        .sum::<u64>() as usize
}

/// What a log notes of each step.
fn steps_logged(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let lines =
        text.lines().filter(|line| line.starts_with("{\"capacity\"") && line.contains("offered"));
    lines.map(str::to_owned).collect()
}

/// How many runs an agent has kept.
fn runs_below(out: &Path) -> usize {
    fs::read_dir(out.join("search")).map_or(0, Iterator::count)
}

/// Goal: prove that a search with agents plays its steps on all of them, that its log has every request, and that it finds
/// what a search on one machine would.
/// Method: 100 req/s is all that the stack carries; 40 are allowed, so that the search ends by that limit. The server's own
/// log has every request.
#[test]
fn search_is_played_by_agents_and_has_every_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let more: [&[&str]; 2] = [&["--number", "1"], &["--number", "2"]];
    let mut agents: Vec<Agent> = ["1", "2"]
        .iter()
        .zip(more)
        .map(|(name, more)| Agent::start(&nats, &out(name), more))
        .collect();
    let found = search(&nats, &stack, &["--wait", "60s", "--within", "25s"], &out("led"));
    stack.stop();
    assert!([0, 97].contains(&found.code), "{} {}", found.code, found.stderr);
    let run = found.folder.as_ref().expect("a run");
    assert_eq!(requests_logged(run), requests_in(&seen), "{}", found.stderr);
    let steps = steps_logged(run);
    assert!(steps.len() >= 2, "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("agent ")), "an agent was lacking: {steps:?}");
    let steps = steps.len();
    for name in ["1", "2"] {
        assert_eq!(runs_below(&out(name)), steps, "agent {name} plays each step");
    }
    let names = fs::read_dir(run)
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert!(!names.into_iter().any(|name| name.starts_with("step")), "logs of steps are left");
    for agent in &mut agents {
        wait_for(&mut agent.said, "the search is over: the leader is through");
        assert!(agent.process.0.wait().expect("it ends").success(), "a search is one, with --once");
    }
}

/// Goal: prove that a step of which an agent was killed does not count, with the reason, and that the search ends where that
/// agent is missing for the next one.
#[test]
fn step_of_which_an_agent_was_killed_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let one = Agent::waiting(&nats, &out("1"), &["--number", "1"]);
    let mut two = Agent::waiting(&nats, &out("2"), &["--number", "2"]);
    let found = std::thread::scope(|scope| {
        let searching =
            scope.spawn(|| search(&nats, &stack, &["--wait", "3s", "--within", "2m"], &out("led")));
        wait_for(&mut two.said, "playing shard 2 of 2");
        let log = only_run(&out("2")).expect("a run").join("run.jsonl");
        while !fs::read_to_string(&log).expect("a log").contains("{\"interval\"") {
            std::thread::yield_now();
        }
        drop(two);
        searching.join().expect("it ends")
    });
    assert_eq!(found.code, 97, "{}", found.stderr);
    assert!(found.stderr.contains("1 of 2 agents did not come within 3s: 2"), "{}", found.stderr);
    let steps = steps_logged(found.folder.as_ref().expect("a run"));
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert!(steps[0].contains("agent 2: its log was cut off after"), "{steps:?}");
    terminate(&one.process);
}

/// Goal: prove that a search whose agents do not come ends with that, and that nothing is sent.
#[test]
fn search_without_agents_says_who_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let found =
        search(&nats, &stack, &["--wait", "1s", "--within", "25s"], &folder.path().join("led"));
    stack.stop();
    assert_eq!(found.code, 97, "{}", found.stderr);
    assert!(found.stderr.contains("2 of 2 agents did not come within 1s"), "{}", found.stderr);
    assert_eq!(fs::read_to_string(&seen).map_or(0, |text| text.lines().count()), 0);
}
