//! What goes wrong, and what the user is told.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStderr, Stdio};

use super::harness::{Guarded, Stack, checkout, free_port, only_run, plimsoll, ran, run, scenario};

#[test]
fn dead_target_is_said_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = scenario(folder.path(), "", "10 req/s", "1s");
    let target = format!("http://127.0.0.1:{}", free_port());
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), folder.path());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("connection refused"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was sent"), "{}", ran.stderr);
}

#[test]
fn dead_target_without_preflight_fails_its_objective() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = scenario(folder.path(), "", "50 req/s", "16s");
    let target = format!("http://127.0.0.1:{}", free_port());
    let out = folder.path().join("reports");
    let ran =
        run(plimsoll().arg("run").arg(&file).args(["--target", &target, "--no-preflight"]), &out);
    assert_eq!(ran.code, 99, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.number("/errors/by_class/refused") > 0.0);
}

#[test]
fn users_with_nothing_to_send_let_the_run_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.yaml");
    let text = "name: idle\ntarget: http://127.0.0.1:1\nworkloads: { w: { vus: 3, duration: 1s } }\n\
                scenarios: { s: { flow: [{ if: { when: 'false', flow: [{ get: { name: a, url: / } }] } }] } }\n";
    fs::write(&file, text).expect("written");
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).arg("--no-preflight"), &out);
    assert_eq!(ran.code, 97, "{}{}", ran.stdout, ran.stderr);
    let iterations = ran.count("/load/iterations");
    assert!((3..=3 * 200).contains(&iterations), "{iterations} iterations in a second");
}

#[test]
fn script_that_always_breaks_is_no_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.yaml");
    let text = "name: broken\ntarget: http://127.0.0.1:1\nworkloads: { w: { stages: [{ rate: 50 iter/s, duration: 1s }] } }\n\
                scenarios: { s: { flow: [{ if: { when: 'date(days=10000000) == 1', flow: [{ get: { name: a, url: / } }] } }] } }\n";
    fs::write(&file, text).expect("written");
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).arg("--no-preflight"), &out);
    assert_eq!(ran.code, 97, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("the date is out of range"), "{}", ran.stdout);
    let words: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains("100 % · the generator's fault"), "{}", ran.stdout);
    assert_eq!(ran.count("/errors/by_class/script"), ran.count("/load/iterations"));
}

#[test]
fn unresolvable_name_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = scenario(folder.path(), "", "10 req/s", "1s");
    let target = "http://no-such-host.invalid";
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", target]), folder.path());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot resolve `no-such-host.invalid`"), "{}", ran.stderr);
}

#[test]
fn public_address_is_refused_for_safety() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = scenario(folder.path(), "", "10 req/s", "1s");
    // TEST-NET-1 (RFC 5737): routed nowhere, and refused before a packet leaves.
    let target = "http://192.0.2.1";
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", target]), folder.path());
    assert_eq!(ran.code, 96, "{}", ran.stderr);
    assert!(ran.stderr.contains("--i-may-load 192.0.2.1"), "{}", ran.stderr);
}

#[test]
fn file_with_many_mistakes_is_answered_in_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = checkout("tests/invalid/twelve_mistakes.yaml");
    let ran = run(plimsoll().arg("run").arg(&file), folder.path());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("problems; nothing was sent"), "{}", ran.stderr);
}

/// A run of a minute, and what it still has to say, once five seconds of it are in the log: without a
/// terminal, a line of progress comes every five seconds.
fn five_seconds_into_a_run(stack: &Stack, out: &Path) -> (Guarded, Lines<BufReader<ChildStderr>>) {
    let child = plimsoll()
        .arg("run")
        .arg(checkout("tests/data/order"))
        .args(["--target", &stack.url, "--duration", "60s", "--out"])
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut child = Guarded(child);
    let mut errors = BufReader::new(child.0.stderr.take().expect("piped")).lines();
    let mut lines = errors.by_ref().map(|line| line.expect("text"));
    let line = lines.find(|line| line.contains("/1:00")).expect("progress");
    // A busy machine may take a second more to say it.
    let shown = line.split("/1:00").next().and_then(|before| before.rsplit(':').next());
    let seconds = shown.and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| (5..30).contains(&seconds)), "{line}");
    (child, errors)
}

/// Goal: prove that nothing measured is lost when the program is killed.
/// Method: `kill -9` once five seconds are in the log, then `plimsoll report` on what is left.
#[test]
fn killed_run_is_reported_up_to_its_last_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/order", &[]);
    let out = folder.path().join("reports");
    let (mut child, _errors) = five_seconds_into_a_run(&stack, &out);
    child.0.kill().expect("killed");
    child.0.wait().expect("ended");

    let run_folder = only_run(&out).expect("a run");
    let report = |stage: &str| {
        let output = plimsoll().arg("report").arg(&run_folder).output().expect("runs");
        let ran = ran(&output, &out);
        assert!(ran.number("/duration_s") >= 5.0, "{stage}: {}", ran.stdout);
        assert!(ran.number("/whole_run/requests") >= 200.0, "{stage}: {}", ran.stdout);
        fs::read(run_folder.join("report.html")).expect("a report")
    };
    assert_eq!(report("first"), report("second"), "two renderings differ");
}

#[test]
fn target_that_dies_mid_run_and_comes_back_shows_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/outage", &[]);
    let out = folder.path().join("reports");
    let ran = run(
        plimsoll().arg("run").arg(checkout("tests/data/outage")).args(["--target", &stack.url]),
        &out,
    );
    assert_eq!(ran.code, 99, "{}", ran.stdout);
    let failed = ran.number("/whole_run/errors/rate");
    // Dead for 4 s of 16 s.
    assert!((0.15..0.35).contains(&failed), "{failed}\n{}", ran.stdout);
}

#[test]
fn interrupted_run_drains_and_exits_130() {
    run_ended_by("-INT");
}

/// A terminal that goes away must not take the reports with it.
#[test]
fn run_whose_terminal_hangs_up_drains_and_leaves_its_reports() {
    run_ended_by("-HUP");
}

fn run_ended_by(signal: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/order", &[]);
    let out = folder.path().join("reports");
    let (mut child, errors) = five_seconds_into_a_run(&stack, &out);
    let pid = child.0.id().to_string();
    let told = std::process::Command::new("kill").args([signal, &pid]).status().expect("kill runs");
    assert!(told.success());
    for line in errors {
        line.expect("text");
    }
    assert_eq!(child.0.wait().expect("ended").code(), Some(130));
    let folder = only_run(&out).expect("a run");
    let log = fs::read_to_string(folder.join("run.jsonl")).expect("a log");
    assert!(log.lines().last().expect("a line").contains("interrupted"));
    assert!(folder.join("report.html").is_file() && folder.join("result.json").is_file());
}
