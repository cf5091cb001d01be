//! The stack's metrics from programs of the user's: what they tell counts, whatever others do, and nothing outlives the run.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{Ran, Stack, checkout, plimsoll, run};

const TOKEN: &str = "canary-of-the-queue-5512";

fn commanded(folder: &Path) -> Ran {
    let stack = Stack::start("tests/data/observed", &[]);
    run(
        plimsoll()
            .arg("run")
            .arg(checkout("tests/data/commanded"))
            .args(["--target", &stack.url])
            .env("COMMANDED_TOKEN", TOKEN)
            .env("TMPDIR", folder),
        &folder.join("reports"),
    )
}

fn row<'a>(result: &'a Value, name: &str) -> &'a Value {
    let rows = result["objectives"].as_array().expect("rows");
    rows.iter().find(|row| row["name"] == name).expect("the row")
}

/// The readings of a metric of a tier, by the lines of the run's log.
fn readings(log: &str, tier: &str) -> Vec<usize> {
    let of_line = |line: &str| {
        let needle = format!("\"{tier}\"");
        line.contains("\"readings\"") && line.contains(&needle) && line.contains("queue_depth")
    };
    log.lines().enumerate().filter(|(_, line)| of_line(line)).map(|(at, _)| at).collect()
}

fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|text| !text.contains(") Z "))
}

#[test]
fn programs_tell_metrics_and_those_that_fail_cost_their_own_rows_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = commanded(folder.path());
    let result = ran.result();
    let depth = row(&result, "queue.queue_depth");
    assert_eq!((&depth["status"], depth["estimate"].as_f64()), (&"pass".into(), Some(20.0)));
    for (name, reason) in [
        ("hangs", "a command: no answer within 1s"),
        ("floods", "a command: the answer is longer than 1048576 bytes"),
        ("rubbish", "a command: line 1 of its output is no JSON"),
        ("fails", "a command: it ended with exit status: 1: the queue refuses the token"),
    ] {
        let row = row(&result, &format!("{name}.queue_depth"));
        assert_eq!(row["status"], "not_measured", "{row:#}");
        let note = row["note"].as_str().unwrap_or_default();
        assert!(note.starts_with(&format!("n/a: no data; {name}, {reason}")), "{note}");
        assert!(ran.stderr.contains(&format!("not observed: {name}, {reason}")), "{}", ran.stderr);
    }
    // Every 2 s of 5, so that some seconds have no reading: none is told twice.
    let log = fs::read_to_string(ran.folder.as_ref().expect("a run").join("run.jsonl"));
    let told = readings(&log.expect("a log"), "queue").len();
    assert!((1..=3).contains(&told), "{told} intervals with a reading");
}

#[test]
fn secrets_of_programs_reach_no_output_and_programs_end_with_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = commanded(folder.path());
    for entry in fs::read_dir(ran.folder.as_ref().expect("a run")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
        assert!(!text.contains(TOKEN), "{}", path.display());
    }
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "{}", ran.stderr);
    let left = fs::read_to_string(folder.path().join("hangs")).expect("it has run");
    let alive: Vec<&str> = left.split_whitespace().filter(|pid| is_alive(pid)).collect();
    assert!(alive.is_empty(), "still there: {alive:?}");
}

#[test]
fn program_that_is_not_there_is_told_by_check_and_before_the_first_request() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["scenario.yaml", "stack.yaml"] {
        let text = fs::read(checkout("tests/data/commanded").join(file)).expect("a file");
        fs::write(folder.path().join(file), text).expect("written");
    }
    fs::create_dir(folder.path().join("programs")).expect("a folder");
    fs::write(folder.path().join("programs/hangs"), "no program").expect("written");
    let mut check = plimsoll();
    let check = check.arg("check").arg(folder.path()).env("COMMANDED_TOKEN", TOKEN);
    let check = check.output().expect("the program runs");
    let ran = run(
        plimsoll().arg("run").arg(folder.path()).env("COMMANDED_TOKEN", TOKEN),
        &folder.path().join("reports"),
    );
    for told in [&String::from_utf8_lossy(&check.stderr), ran.stderr.as_str()] {
        for problem in [
            "there is no program `programs/depth`",
            "there is no program `programs/fails`",
            "`programs/hangs` is not executable",
            "hint: give it the right: `chmod +x`",
            "3 problems",
        ] {
            assert!(told.contains(problem), "no {problem:?} in {told}");
        }
    }
    assert!(ran.folder.is_none(), "nothing was run");
}
