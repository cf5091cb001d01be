//! Parts of a run: killed, interrupted, cut off, merged without some. None of them passes anything.

use std::fs;
use std::path::{Path, PathBuf};

use super::harness::{Ran, Stack, checkout, plimsoll, ran, run};

const DATA: &str = "tests/data/blue_green";

/// A run that is long enough to pass by the default table.
fn whole(stack: &Stack, out: &Path, more: &[&str]) -> Ran {
    let mut command = plimsoll();
    command.arg("run").arg(checkout(DATA)).args(["--target", &stack.url, "--duration", "12s"]);
    run(command.arg("--quiet").args(more), out)
}

/// The same run with another log.
fn changed(run: &Path, name: &str, change: impl FnOnce(String) -> String) -> PathBuf {
    let folder = run.with_file_name(name);
    fs::create_dir(&folder).expect("a folder");
    let text = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    fs::write(folder.join("run.jsonl"), change(text)).expect("written");
    folder
}

fn asked(words: &[&str], runs: &[&Path]) -> Ran {
    let output = plimsoll().args(words).args(runs).output().expect("it runs");
    ran(&output, Path::new(""))
}

/// The log without its last line.
fn headless(text: &str) -> &str {
    text.trim_end().rsplit_once('\n').map_or("", |(rest, _)| rest)
}

#[test]
fn part_of_a_run_passes_no_gate_and_is_not_promoted() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let good = whole(&stack, &folder.path().join("whole"), &[]);
    let run = good.folder.as_deref().expect("a run");
    assert_eq!(asked(&["gate"], &[run]).code, 0, "{}", good.stdout);
    let killed = changed(run, "killed", |text| format!("{}\n", headless(&text)));
    let torn = changed(run, "torn", |text| text[..text.len() - 9].to_owned());
    let stopped = changed(run, "stopped", |text| text.replace("\"finished\"", "\"interrupted\""));
    let baseline = folder.path().join("baseline.json");
    let to = baseline.display().to_string();
    for part in [&killed, &torn, &stopped] {
        for words in [&["gate"][..], &["gate", "--strict"], &["gate", "--format", "markdown"]] {
            let gate = asked(words, &[part]);
            assert_eq!(gate.code, 97, "{}", gate.stdout);
            assert!(gate.stdout.contains("a part never passes"), "{}", gate.stdout);
            assert!(gate.stdout.contains("partial run"), "{}", gate.stdout);
        }
        assert_eq!(asked(&["gate", "--baseline", &to], &[part]).code, 2, "no baseline yet");
        assert_eq!(asked(&["report"], &[part]).code, 97);
        let promoted = asked(&["runs", "promote", "--to", &to], &[run, part]);
        assert_eq!(promoted.code, 97, "{}", promoted.stderr);
        assert!(promoted.stderr.contains("only a part of one"), "{}", promoted.stderr);
        assert!(!baseline.exists(), "nothing is written");
    }
    let compared = asked(&["compare"], &[run, &killed]);
    assert_eq!(compared.code, 97, "{}", compared.stdout);
    assert!(compared.stdout.contains("only a part of one"), "{}", compared.stdout);
}

#[test]
fn run_merged_without_a_shard_passes_no_gate() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(DATA, &[]);
    let one = whole(&stack, &folder.path().join("one"), &["--shard", "1/2", "--tag", "agent=a"]);
    let mut command = plimsoll();
    command.args(["merge", "--without", "2"]).arg(one.folder.expect("a run"));
    let merged = run(&mut command, &folder.path().join("merged"));
    assert_eq!(merged.code, 97, "{}", merged.stdout);
    let told = "1 of 2 shards were left out, and a part of a run never passes";
    assert!(merged.stdout.contains(told), "{}", merged.stdout);
    let result = merged.result();
    assert!(result["conditions"].to_string().contains("agent"), "{result:#}");
    let gate = asked(&["gate"], &[&merged.folder.expect("a run")]);
    assert_eq!(gate.code, 97, "{}", gate.stdout);
    assert!(gate.stdout.contains("a part never passes"), "{}", gate.stdout);
    assert!(gate.stdout.contains("without 1 of 2 shards (2)"), "{}", gate.stdout);
}
