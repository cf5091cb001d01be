//! Shapes of load: so many iterations, users that come and go, workloads at once.

use std::fs;
use std::path::Path;

use super::harness::{Ran, plimsoll, run};
use super::values::{Listening, SeenRequest, listening, written};

fn well(_: &SeenRequest) -> (u16, String) {
    (200, "{}".to_owned())
}

/// Two scenarios of one request each, three to one.
const MIX: &str = "      - get: { name: a, url: /a }
    weight: 3
  t:
    weight: 1
    flow:
      - get: { name: b, url: /b }";

fn played(folder: &Path, workloads: &str, more: &[&str]) -> (Ran, Listening) {
    let server = listening(well);
    let scenario = written(folder, workloads, MIX);
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url, "-q"]).args(more);
    (run(&mut command, &folder.join("out")), server)
}

fn sent(server: &Listening, path: &str) -> usize {
    server.seen().iter().filter(|seen| seen.path() == path).count()
}

#[test]
fn so_many_iterations_are_played_by_whoever_is_free_and_dealt_as_the_weights_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ran, server) = played(folder.path(), "workloads: { a: { vus: 7, iterations: 400 } }", &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!([sent(&server, "/a"), sent(&server, "/b")], [300, 100]);
    assert_eq!(ran.count("/load/iterations"), 400);
    assert!(ran.number("/duration_s") < 60.0, "it ends when they are played");
    let folder = tempfile::tempdir().expect("a folder");
    let workload = "workloads: { a: { vus: 7, iterations: 41 } }";
    let shard = |of| {
        let out = folder.path().join(of);
        fs::create_dir_all(&out).expect("a folder");
        sent_in_all(&played(&out, workload, &["--shard", of]).1)
    };
    assert_eq!([shard("1/2"), shard("2/2")], [21, 20], "shards share them out");
}

fn sent_in_all(server: &Listening) -> usize {
    server.seen().len()
}

/// Every fourth answer takes long.
fn now_and_then_slow(request: &SeenRequest) -> (u16, String) {
    let is_slow = request.path().ends_with('7') || request.path().ends_with('3');
    let (_sender, never) = std::sync::mpsc::channel::<()>();
    // Nobody sends: it waits for its time.
    let wait = std::time::Duration::from_millis(if is_slow { 400 } else { 0 });
    let _ = never.recv_timeout(wait);
    (if request.path().ends_with('5') { 500 } else { 200 }, "{}".to_owned())
}

/// Goal: prove that goodput counts iterations without a failure of which every step kept its max.
/// Method: of ten iterations two are slow and one fails.
#[test]
fn goodput_is_the_share_of_iterations_that_kept_every_max() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(now_and_then_slow);
    let more = "workloads: { a: { vus: 1, iterations: 10 } }
slo:
  goodput: { target: 99%, min: 95% }
  steps: { part: { p95: { max: 250ms } } }";
    let flow = "      - get: { name: whole, url: /all }
      - get: { name: part, url: '/{{ seq() }}' }";
    let scenario = written(folder.path(), more, flow);
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url, "-q"]);
    let ran = run(&mut command, &folder.path().join("out"));
    let rows = ran.result()["objectives"].clone();
    let is_goodput = |row: &&serde_json::Value| row["name"] == "goodput";
    let row = rows.as_array().expect("rows").iter().find(is_goodput).expect("a row");
    assert_eq!(row["status"], "fail", "{row}");
    let text = row.to_string();
    assert!(text.contains("0.7"), "{text}\n{:?}", server.seen());
    assert_eq!(ran.code, 99, "{}", ran.stderr);
}

#[test]
fn stage_may_last_as_many_iterations_as_are_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let stages = "[{ ramp_to: 40 iter/s, iterations: 20 }, { rate: 40 iter/s, iterations: 60 }]";
    let workload = format!("workloads: {{ a: {{ stages: {stages} }} }}");
    let (ran, server) = played(folder.path(), &workload, &[]);
    assert_eq!(sent_in_all(&server), 80, "{}", ran.stderr);
    // 20 at 20 a second on average, and 60 at 40.
    assert!((ran.number("/completion/planned_s") - 2.5).abs() < 1e-3, "{}", ran.result());
}

#[test]
fn users_come_and_go_as_the_stages_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let vus =
        "[{ ramp_to: 8, duration: 2s }, { vus: 8, duration: 1s }, { ramp_to: 0, duration: 2s }]";
    let workload = format!("workloads: {{ a: {{ vus: {vus}, pace: 50ms }} }}");
    let (ran, server) = played(folder.path(), &workload, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let log = fs::read_to_string(ran.folder.expect("a run").join("run.jsonl")).expect("a log");
    let users = log.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line.pointer("/interval/vus").and_then(serde_json::Value::as_u64)
    });
    let users: Vec<u64> = users.take(5).collect();
    assert_eq!(users, [4, 8, 8, 4, 0], "at the end of each second");
    // Twenty a second and user, over a trapezium of 8 · 3 user seconds; a busy machine leaves some out.
    let all = sent_in_all(&server);
    assert!((300..=490).contains(&all), "{all}");
}

#[test]
fn workloads_at_once_keep_their_own_rates_and_scenarios() {
    let folder = tempfile::tempdir().expect("a folder");
    let workloads = "workloads:
  one: { scenarios: [s], arrivals: constant, stages: [{ rate: 30 iter/s, duration: 2s }] }
  two: { scenarios: { t: 1 }, arrivals: constant, stages: [{ rate: 10 req/s, duration: 3s }] }
  both: { parallel: [one, two] }";
    let (ran, server) = played(folder.path(), workloads, &["--workload", "both"]);
    assert_eq!([sent(&server, "/a"), sent(&server, "/b")], [60, 30], "{}", ran.stderr);
    assert_eq!(ran.count("/scenarios/s/iterations"), 60, "{}", ran.result()["scenarios"]);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, alone) = played(folder.path(), workloads, &["--workload", "two"]);
    assert_eq!([sent(&alone, "/a"), sent(&alone, "/b")], [0, 30]);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, less) =
        played(folder.path(), workloads, &["--workload", "both", "--rate", "20 iter/s"]);
    assert_eq!([sent(&less, "/a"), sent(&less, "/b")], [30, 15], "the shape is kept");
}
