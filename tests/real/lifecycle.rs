//! Setup and teardown: once for a run, outside its figures, also where it ends early.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use super::harness::{plimsoll, ran, run, terminate_child};
use super::values::{Listening, SeenRequest, listening, written};

pub(super) const LOAD: &str =
    "workloads: { a: { arrivals: constant, stages: [{ rate: 20 iter/s, duration: 2s }] } }";
pub(super) const ONCE: &str = r#"
setup:
  - post: { name: create, url: /sales, json: { title: winter }, capture: { sale: $.id, token: { json: $.token, secret: true } } }
  - get: { name: visit, url: "/sales/{{ sale }}" }
teardown:
  timeout: 5s
  flow: [{ delete: { name: remove, url: "/sales/{{ sale }}", bearer: "{{ token }}" } }]
"#;
pub(super) const VISIT: &str =
    "      - get: { name: visit, url: \"/sales/{{ sale }}\", bearer: \"{{ token }}\" }";

pub(super) fn shop(request: &SeenRequest) -> (u16, String) {
    let is_created = request.line.starts_with("POST");
    let body = if is_created { r#"{"id":41,"token":"g1ven-c4n4ry"}"# } else { "{}" };
    (200, body.to_owned())
}

fn broken(request: &SeenRequest) -> (u16, String) {
    (if request.line.starts_with("POST") { 503 } else { 200 }, "{\"id\":1}".to_owned())
}

pub(super) fn lines(server: &Listening) -> Vec<String> {
    server.seen().iter().map(|seen| seen.line.replace(" HTTP/1.1", "")).collect()
}

/// Goal: what the setup captured is there for every user and the teardown, and none of their requests is in a figure.
#[test]
fn setup_and_teardown_are_played_once_and_counted_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(shop);
    let scenario = written(folder.path(), &format!("{LOAD}{ONCE}"), VISIT);
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(&scenario).args(["--target", &server.url]), &out);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let seen = lines(&server);
    assert_eq!(seen[..2], ["POST /sales", "GET /sales/41"]);
    assert_eq!(seen.last().map(String::as_str), Some("DELETE /sales/41"));
    assert_eq!(seen.iter().filter(|line| *line == "GET /sales/41").count(), 41, "{seen:?}");
    assert_eq!(ran.count("/load/requests"), 40);
    assert_eq!(ran.count("/lifecycle/0/requests"), 2);
    assert_eq!(ran.result()["lifecycle"][1]["steps"][0]["name"], "remove");
    let steps = ran.result()["steps"].clone();
    assert!(steps.get("create").is_none() && steps.get("visit").is_some(), "{steps}");
    assert!(ran.stdout.contains("2 requests in"), "{}", ran.stdout);
    let all = server.seen();
    let bearer = |seen: &SeenRequest| seen.header("authorization") == Some("Bearer g1ven-c4n4ry");
    assert!(all[2..].iter().all(bearer), "all users have the token");
    for entry in fs::read_dir(ran.folder.expect("a run")).expect("its folder") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        assert!(!text.contains("c4n4ry"), "{text}");
    }
}

#[test]
fn setup_that_fails_ends_the_run_before_its_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(broken);
    let once = ONCE.replace("/sales/{{ sale }}\", bearer: \"{{ token }}", "/all");
    let scenario = written(folder.path(), &format!("{LOAD}{once}"), VISIT);
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(&scenario).args(["--target", &server.url]), &out);
    assert_eq!(ran.code, 97, "{}", ran.stderr);
    assert_eq!(lines(&server), ["POST /sales", "DELETE /all"], "no load, but the teardown");
    let told = "error: the setup failed: step `create` failed by http_5xx (status 503)";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(ran.stderr.contains("no load was sent"), "{}", ran.stderr);
    let log = fs::read_to_string(ran.folder.expect("a run").join("run.jsonl")).expect("a log");
    assert!(log.contains(r#""part":"setup""#) && log.contains("aborted"), "{log}");
}

/// Waits until the server has seen so many requests; the run, which ends by itself, bounds it.
fn until(server: &Listening, count: usize, child: &mut Child) {
    while server.seen().len() < count {
        assert!(child.try_wait().expect("a process").is_none(), "it ended by itself");
        std::thread::yield_now();
    }
}

#[test]
fn teardown_is_played_once_behind_a_run_that_is_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(shop);
    let load = LOAD.replace("2s", "60s");
    let scenario = written(folder.path(), &format!("{load}{ONCE}"), VISIT);
    let out = folder.path().join("out");
    let mut child = plimsoll()
        .arg("run")
        .arg(&scenario)
        .args(["--target", &server.url, "-q", "--out"])
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    until(&server, 12, &mut child);
    terminate_child(&child);
    let ran = ran(&child.wait_with_output().expect("it ends"), &out);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    let removed = lines(&server).iter().filter(|line| *line == "DELETE /sales/41").count();
    assert_eq!(removed, 1);
    assert_eq!(ran.result()["lifecycle"][1]["part"], "teardown");
}

#[test]
fn single_trial_plays_setup_and_teardown_and_a_capture_without_a_setup_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(shop);
    let scenario = written(folder.path(), &format!("{LOAD}{ONCE}"), VISIT);
    let tried = |more: &[&str]| {
        let mut command = plimsoll();
        command.args(more).arg(&scenario).args(["--target", &server.url]);
        let output = command.output().expect("it runs");
        ran(&output, Path::new(""))
    };
    let once = tried(&["check", "--once"]);
    assert_eq!(once.code, 0, "{}", once.stdout);
    assert!(!once.stdout.contains("c4n4ry"), "{}", once.stdout);
    let expected = ["POST /sales", "GET /sales/41", "GET /sales/41", "DELETE /sales/41"];
    assert_eq!(lines(&server), expected);
    let refused = tried(&["run", "--no-setup"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let told = "`sale` is used before any step captures it";
    assert!(
        refused.stderr.contains(told) && refused.stderr.contains("scenario.yaml:"),
        "{}",
        refused.stderr
    );
}
