//! Rows that are given once: each to one arrival, and what comes when all have been given.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::harness::{Ran, plimsoll, run};
use super::listening::{Listening, listening};

/// A scenario of which half of the arrivals ask for one of `rows` codes.
fn written(folder: &Path, rows: u32, data: &str, workload: &str) {
    let codes = (0..rows).fold("n\n".to_owned(), |text, n| format!("{text}{n}\n"));
    fs::write(folder.join("codes.csv"), codes).expect("written");
    let text = format!(
        "name: codes\ntarget: http://127.0.0.1:1\ndata: {{ codes: {{ file: codes.csv, pick: once{data} }} }}\n\
         workloads: {{ a: {{ {workload} }} }}\nscenarios:\n  redeem:\n    flow:\n      - get: {{ name: home, url: / }}\n      \
         - get: {{ name: code, url: '/code/{{{{ codes.n }}}}' }}\n  look:\n    flow: [{{ get: {{ name: look, url: /look }} }}]\n"
    );
    fs::write(folder.join("scenario.yaml"), text).expect("written");
}

fn play(folder: &Path, server: &Listening) -> Ran {
    let mut command = plimsoll();
    command.arg("run").arg(folder).args(["--target", &server.url, "--workers", "2"]);
    run(&mut command, &folder.join("out"))
}

/// The codes that the server was asked for, each as often as it was.
fn codes(server: &Listening) -> Vec<u32> {
    let seen = server.seen();
    let code = |path: &str| path.strip_prefix("/code/").and_then(|code| code.parse().ok());
    seen.iter().filter_map(|request| code(request.path())).collect()
}

fn assert_each_once(codes: &[u32], rows: u32) {
    let distinct: BTreeSet<u32> = codes.iter().copied().collect();
    assert_eq!(distinct.len(), codes.len(), "a row went out twice: {codes:?}");
    assert!(codes.iter().all(|code| *code < rows), "{codes:?}");
}

#[test]
fn run_ends_as_a_whole_one_when_its_rows_are_used_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    written(
        folder.path(),
        60,
        ", when_used_up: stop",
        "stages: [{ rate: 40 iter/s, duration: 30s }]",
    );
    let ran = play(folder.path(), &server);
    assert!(ran.stderr.contains("note: `codes` has 60 rows for 600 arrivals"), "{}", ran.stderr);
    assert_each_once(&codes(&server), 60);
    assert_eq!(codes(&server).len(), 60, "all of them went out");
    let result = ran.result();
    assert_eq!(result["completion"]["how"], "used_up", "{result:#}");
    assert!(ran.number("/duration_s") < 10.0, "about three seconds of thirty");
    let errors = &result["whole_run"]["errors"];
    assert_eq!(errors["rate"], 0.0, "nobody failed for want of a row: {errors}");
}

#[test]
fn run_that_may_not_want_for_rows_stops_and_never_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    written(folder.path(), 40, "", "vus: 4, pace: 20ms, duration: 30s");
    let ran = play(folder.path(), &server);
    assert_each_once(&codes(&server), 40);
    assert_eq!(ran.result()["completion"]["how"], "aborted");
    assert!(ran.code == 97 || ran.code == 99, "{} {}", ran.code, ran.stderr);
    assert!(
        ran.stderr.contains("`codes` is used up: each of its 40 rows is given once"),
        "{}",
        ran.stderr
    );
}

#[test]
fn run_that_needs_more_rows_than_there_are_does_not_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    written(folder.path(), 60, "", "stages: [{ rate: 40 iter/s, duration: 30s }]");
    let ran = play(folder.path(), &server);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("`codes` has 60 rows for up to 600 arrivals"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`when_used_up: stop`") && server.seen().is_empty());
}
