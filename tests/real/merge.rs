//! Shards that ran by themselves, merged into one run.

use std::fs;
use std::path::{Path, PathBuf};

use super::harness::{Ran, Stack, checkout, plimsoll, run};

const DATA: &str = "tests/data/blue_green";

/// Plays one shard with so many workers, and returns its folder.
fn shard(stack: &Stack, out: &Path, part: &str, workers: &str, more: &[&str]) -> PathBuf {
    let mut command = plimsoll();
    command.arg("run").arg(checkout(DATA)).args(["--target", &stack.url, "--shard", part]);
    command.args(["--duration", "2s", "--workers", workers, "--quiet"]).args(more);
    run(&mut command, &out.join(part.replace('/', "-"))).folder.expect("a run")
}

fn merge(runs: &[&PathBuf], out: &Path, more: &[&str]) -> Ran {
    let mut command = plimsoll();
    command.arg("merge").args(runs).args(more);
    run(&mut command, out)
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("run.jsonl")).expect("a log")
}

/// The numbers of the agents that a result tells of.
fn result_agents(ran: &Ran) -> Vec<u64> {
    let result = ran.result();
    let agents = result["agents"].as_array().expect("agents").iter();
    agents.map(|agent| agent["number"].as_u64().expect("a number")).collect()
}

/// Goal: prove that a log that `kill -9` cut off is named, that more of the same log replaces it, and that nothing is
/// left to merge where all are left out.
#[test]
fn log_that_was_cut_off_is_named_until_the_whole_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let one = shard(&stack, folder.path(), "1/2", "1", &[]);
    let two = shard(&stack, folder.path(), "2/2", "1", &[]);
    let text = log(&two);
    let cut = folder.path().join("cut");
    fs::create_dir(&cut).expect("a folder");
    fs::write(cut.join("run.jsonl"), &text[..text.len() * 2 / 3]).expect("written");
    let killed = merge(&[&one, &cut], &folder.path().join("killed"), &[]);
    assert_eq!(killed.code, 97, "{}", killed.stderr);
    let doubt = killed.result()["agents"][1]["doubt"].clone();
    assert!(doubt.as_str().is_some_and(|why| why.contains("cut off after")), "{doubt}");
    assert!(killed.result().to_string().contains("shard 2: its log was cut off"));

    let whole = merge(&[&one, &two], &folder.path().join("whole"), &[]);
    let both = merge(&[&cut, &one, &two], &folder.path().join("both"), &[]);
    let log_of = |ran: &Ran| log(ran.folder.as_ref().expect("a run"));
    assert_eq!(log_of(&whole), log_of(&both), "the whole log counts, not what was saved of it");

    let nothing = merge(&[&one, &two], &folder.path().join("nothing"), &["--without", "1,2"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.stderr.contains("leaves no shard to merge"), "{}", nothing.stderr);
    let again = folder.path().join("again");
    let merged = whole.folder.as_ref().expect("a run");
    let less = merge(&[merged], &again, &["--without", "2"]);
    assert!(less.stderr.contains("of a merged run no shard can be left out"), "{}", less.stderr);
}

/// Goal: prove that nothing is lost or counted twice, whatever the order, the number of workers, and copies.
/// Method: three shards of 300 req/s for 2 s; the server's own log has every request.
#[test]
fn merged_shards_are_what_the_server_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = folder.path().join("seen.log");
    let stack = Stack::start(DATA, &["--log", &seen.display().to_string()]);
    let one = shard(&stack, folder.path(), "1/3", "1", &[]);
    let two = shard(&stack, folder.path(), "2/3", "2", &[]);
    let three = shard(&stack, folder.path(), "3/3", "1", &[]);
    stack.stop();
    let merged = merge(&[&one, &two, &three], &folder.path().join("merged"), &[]);
    let requests = fs::read_to_string(&seen).expect("a log").lines().count();
    assert_eq!(merged.count("/whole_run/requests"), requests, "{}", merged.stdout);
    // 300 req/s of two requests each for 2 s.
    assert_eq!(merged.count("/load/intended_iterations"), 300, "{}", merged.stdout);
    let told = merged.result().to_string();
    assert!(told.contains("300 arrivals fell due, the schedule has 300"), "{told}");
    assert!(merged.stdout.contains("AGENTS\n"), "{}", merged.stdout);
    assert_eq!(result_agents(&merged), [1, 2, 3]);
    let again = merge(&[&three, &one, &two, &one], &folder.path().join("again"), &[]);
    let text = log(merged.folder.as_ref().expect("a run"));
    assert_eq!(text, log(again.folder.as_ref().expect("a run")), "another order, another run");
    let whole = merge(&[merged.folder.as_ref().expect("a run")], &folder.path().join("once"), &[]);
    assert_eq!(text, log(whole.folder.as_ref().expect("a run")), "merged again, another run");
    for (file, word) in [("report.md", "## Agents"), ("report.html", "id=\"agents\"")] {
        let page = fs::read_to_string(merged.folder.as_ref().expect("a run").join(file));
        assert!(page.expect("a page").contains(word), "{file}");
    }

    let missing = merge(&[&one, &three], &folder.path().join("missing"), &[]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("1 are missing: 2"), "{}", missing.stderr);
    let without = merge(&[&one, &three], &folder.path().join("without"), &["--without", "2"]);
    let result = without.result();
    assert!(result.to_string().contains("without 1 of 3 shards (2)"), "{result:#}");

    let other = shard(&Stack::start(DATA, &[]), folder.path(), "2/4", "1", &["--seed", "5"]);
    let refused = merge(&[&one, &other, &three], &folder.path().join("refused"), &[]);
    assert_eq!(refused.code, 2);
    for fact in ["another target", "another seed: 5, not 1", "another number of shards: 4, not 3"] {
        assert!(refused.stderr.contains(fact), "no {fact} in {}", refused.stderr);
    }
    assert!(refused.folder.is_none(), "something was written");
}
