//! Agents that are absent for a while, and what is judged without them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::fleet::{Agent, Leader, Nats, merge, requests_in};
use super::harness::{Guarded, Ran, Stack, checkout, only_run, plimsoll};

const DATA: &str = "tests/data/blue_green";

/// What the test `name` of the measurement found: its status and its words.
fn finding(ran: &Ran, name: &str) -> (String, String) {
    let result = ran.result();
    let findings = result["validity"]["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["test"] == name).expect("a finding");
    let word = |key: &str| found[key].as_str().expect("a word").to_owned();
    (word("status"), word("message"))
}

fn signal(process: &Guarded, name: &str) {
    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success());
}

/// Plays both shards of a run at once, and returns their folders.
fn shards(stack: &Stack, out: &Path) -> [PathBuf; 2] {
    let playing = ["1/2", "2/2"].map(|part| {
        let out = out.join(&part[..1]);
        let mut command = plimsoll();
        command.arg("run").arg(checkout(DATA)).args(["--target", &stack.url, "--shard", part]);
        command.args(["--duration", "20s", "--quiet", "--out"]).arg(&out);
        (Guarded(command.spawn().expect("it starts")), out)
    });
    playing.map(|(mut process, out)| {
        process.0.wait().expect("it ends");
        only_run(&out).expect("a run")
    })
}

/// Keeps of a log what stood in it when its second `second` was over.
fn cut_after(log: &Path, second: u64) {
    let text = fs::read_to_string(log).expect("a log");
    let end = format!("\"end\":{}", second * 1_000_000_000);
    let last =
        text.lines().position(|line| line.starts_with("{\"interval\"") && line.contains(&end));
    let kept: Vec<&str> = text.lines().take(last.expect("that second") + 1).collect();
    fs::write(log, kept.join("\n") + "\n").expect("written");
}

/// Goal: prove that the last second of a run, in which a shard was killed, is cut and told, and that the rest is judged;
/// that the arrivals which it did not play are those of its own schedule; and that what is too much to be cut is not.
#[test]
fn second_in_which_a_shard_was_killed_is_not_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let runs = shards(&stack, folder.path());
    let log = runs[1].join("run.jsonl");
    cut_after(&log, 19);
    let killed = merge(&runs, &folder.path().join("killed"));
    let (status, told) = finding(&killed, "shards");
    assert_eq!(status, "valid", "{told}");
    assert!(
        told.starts_with("all 2 shards were on time but in 1 s (5 %) that are not judged"),
        "{told}"
    );
    assert!(told.contains("shard 2: its log was cut off after 19.0 s"), "{told}");
    let result = killed.result();
    let missed = result["agents"][1]["missed_arrivals"].as_u64().expect("a number");
    assert!(
        missed > 0 && told.ends_with(&format!("; {missed} arrivals were not played")),
        "{told}"
    );
    assert_eq!(result["agents"][1]["absences"][0]["from_s"], 19.0, "{result:#}");
    let (status, told) = finding(&killed, "intended_rate");
    assert_eq!(status, "valid", "{told}");
    assert!(told.ends_with(&format!("of which {missed} were those of absent shards")), "{told}");
    assert_eq!(finding(&killed, "conservation").0, "valid");
    assert_eq!(result["completion"]["how"], "finished", "{result:#}");

    cut_after(&log, 18);
    let longer = merge(&runs, &folder.path().join("longer"));
    let (status, told) = finding(&longer, "shards");
    assert_eq!(status, "not_valid", "{told}");
    assert!(told.contains("2 s of the judged time (10 %) are without it"), "{told}");
    assert_eq!(longer.code, 97, "{}", longer.stderr);
}

/// Goal: prove that an agent whose process stood still is named while it does, that its log tells when, and that nothing of it
/// is lost.
#[test]
fn agent_that_stood_still_is_named_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let nats = Nats::start(folder.path());
    let out = |name: &str| folder.path().join(name);
    let [one, two] = ["1", "2"].map(|name| Agent::start(&nats, &out(name), &["--number", name]));
    let mut leader = Leader::start(&stack, &nats, ("2", "10s"), &out("led"));
    leader.seconds(2);
    signal(&two.process, "-STOP");
    let told = leader.hears("has been silent since");
    assert!(told.contains("agent 2 "), "{told}");
    // Three that were held back until then, and one more.
    leader.seconds(4);
    signal(&two.process, "-CONT");
    let led = leader.end();
    one.end();
    two.end();
    stack.stop();
    assert!(led.stderr.contains("is heard of again"), "{}", led.stderr);
    assert_eq!(led.count("/whole_run/requests"), requests_in(&seen), "{}", led.stderr);
    let (status, told) = finding(&led, "shards");
    assert_eq!(status, "not_valid", "{told}");
    assert!(told.starts_with("shard 2: it stood still from 2 s to "), "{told}");
    assert!(told.contains("are without it, too much to be cut"), "{told}");
}
