//! Single requests in the report: the slowest with their identifiers and phases, and the first failures with what came back.

use std::fs;

use serde_json::Value;

use super::harness::{plimsoll, run};
use super::listening::listening;

const TOKEN: &str = "canary-of-the-exemplars-8816";

const SCENARIO: &str = "
name: exemplars
target: http://127.0.0.1:1
http: { correlation: traceparent }
workloads: { a: { arrivals: constant, stages: [{ rate: 10 iter/s, duration: 3s }] } }
scenarios:
  s:
    flow:
      - get: { name: good, url: /good }
      - get: { name: bad, url: /bad, headers: { x-token: '${TOKEN}' }, check: { body: fine } }
";

fn exemplars(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.filter_map(|line| line.pointer("/event/kind/exemplar").cloned());
    found.collect()
}

#[test]
fn slowest_and_first_failures_are_kept_with_their_identifiers() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|request| match request.path() {
        "/good" => (200, "{}".to_owned()),
        _ => (500, format!("it broke: {TOKEN}")),
    });
    fs::write(folder.path().join("scenario.yaml"), SCENARIO).expect("written");
    let ran = run(
        plimsoll()
            .arg("run")
            .arg(folder.path())
            .args(["--target", &server.url])
            .env("TOKEN", TOKEN),
        &folder.path().join("reports"),
    );
    let run = ran.folder.as_ref().expect("a run");
    let log = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let kept = exemplars(&log);
    let seen = server.seen();
    let sent: Vec<&str> = seen.iter().filter_map(|one| one.header("traceparent")).collect();
    for one in &kept {
        let id = one["correlation"].as_str().expect("an identifier");
        assert!(sent.contains(&id), "{id} was never sent");
        assert!(one["phases"].as_array().is_some_and(|phases| !phases.is_empty()), "{one}");
    }
    let failed: Vec<&Value> = kept.iter().filter(|one| !one["class"].is_null()).collect();
    assert!(failed.len() >= 3 && kept.len() - failed.len() >= 5, "{kept:#?}");
    assert!(failed.iter().all(|one| one["status"] == 500), "{failed:#?}");
    assert!(failed[0]["head"].as_str().is_some_and(|head| head.contains("500")), "{failed:#?}");
    assert!(failed[0]["body"].as_str().is_some_and(|body| body.starts_with("it broke")));
    assert!(!log.contains(TOKEN), "the server's echo of it is in the log");
    for file in ["report.html", "report.md"] {
        let text = fs::read_to_string(run.join(file)).expect("a report");
        assert!(text.contains("Slowest requests and first failures"), "{file}");
    }
    assert!(ran.stdout.contains("SLOWEST REQUESTS"), "{}", ran.stdout);
}
