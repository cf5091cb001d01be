//! Blue and green: two servers, one run.

use std::fs;
use std::path::Path;
use std::process::Command;

use plimsoll::metrics::{Interval, RunLog};
use serde_json::Value;

use super::harness::{Stack, checkout, free_port, plimsoll, run};

const DATA: &str = "tests/data/blue_green";

/// A run over two stacks, half of the arrivals to each unless `more` says otherwise.
fn command(blue: &Stack, green: &Stack, more: &[&str]) -> Command {
    let mut command = plimsoll();
    command.arg("run").arg(checkout(DATA));
    command.env("BLUE", &blue.url).env("GREEN", &green.url).args(more);
    command
}

fn lines(log: &Path) -> usize {
    fs::read_to_string(log).expect("a log").lines().count()
}

fn text<'a>(result: &'a Value, pointer: &str) -> &'a str {
    let found = result.pointer(pointer).and_then(Value::as_str);
    assert!(found.is_some(), "no text at {pointer} in {result:#}");
    found.unwrap_or_default()
}

const MEASURES: &str = "/blue_green/shares/0/comparison/measures";

#[test]
fn each_side_counts_what_its_server_counts_and_workers_do_not_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut iterations = vec![];
    for workers in ["1", "2"] {
        let logs =
            ["blue", "green"].map(|side| folder.path().join(format!("{side}-{workers}.log")));
        let [blue, green] =
            logs.each_ref().map(|log| Stack::start(DATA, &["--log", &log.display().to_string()]));
        let out = folder.path().join(workers);
        let more = ["--green-share", "30%", "--duration", "3s", "--workers", workers];
        let ran = run(&mut command(&blue, &green, &more), &out);
        blue.stop();
        green.stop();
        for (side, log) in ["blue", "green"].into_iter().zip(&logs) {
            let counted = ran.count(&format!("/blue_green/requests/{side}"));
            assert_eq!(counted, lines(log), "{side}, {workers} workers: {}", ran.stdout);
        }
        let whole = ran.count("/whole_run/requests");
        let green = ran.count("/blue_green/requests/green");
        assert_eq!(whole, green + ran.count("/blue_green/requests/blue"));
        assert!((green as f64 / whole as f64 - 0.3).abs() < 0.03, "{green} of {whole}");
        iterations.push(ran.count("/blue_green/shares/0/sides/green/iterations"));
    }
    assert_eq!(iterations[0], iterations[1], "another number of workers, other sides");
}

/// Goal: prove that both targets of a duet get every arrival, by the same scenario with the same data and draws, at
/// about the same moment, however many workers play them.
/// Method: each side's server logs its requests in the order of their arrival; what they ask for is compared.
#[test]
fn both_targets_of_a_duet_get_the_same_requests() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut asked = vec![];
    for workers in ["1", "2"] {
        let logs =
            ["blue", "green"].map(|side| folder.path().join(format!("{side}-{workers}.log")));
        let [blue, green] =
            logs.each_ref().map(|log| Stack::start(DATA, &["--log", &log.display().to_string()]));
        let scenario = folder.path().join("scenario.yaml");
        fs::write(&scenario, DUET).expect("written");
        fs::write(folder.path().join("people.csv"), "name\nada\ngrace\nmary\n").expect("written");
        let mut command = plimsoll();
        command.arg("run").arg(&scenario).args(["--target", &blue.url, "--duet", &green.url]);
        command.args(["--workers", workers]);
        let ran = run(&mut command, &folder.path().join(workers));
        blue.stop();
        green.stop();
        let [blue, green] = logs.each_ref().map(|log| targets(log));
        assert_eq!(blue, green, "{workers} workers: {}", ran.stdout);
        assert_eq!(ran.count("/blue_green/requests/blue"), blue.len(), "{}", ran.stdout);
        assert_eq!(ran.count("/blue_green/requests/green"), green.len(), "{}", ran.stdout);
        // 100 iter/s for 3 s: exactly as many on each side, of which some are cut off at the end.
        for side in ["blue", "green"] {
            let begun = ran.count(&format!("/blue_green/shares/0/sides/{side}/iterations"));
            assert_eq!(begun, 300, "{side}: {}", ran.stdout);
        }
        assert_eq!(ran.count("/load/intended_iterations"), 600, "{}", ran.stdout);
        asked.push(blue);
    }
    assert_eq!(asked[0], asked[1], "another number of workers, other requests");
}

/// Scenarios, branches, rows and draws that could all differ. One request an iteration, so that none is cut off.
const DUET: &str = "name: duet
target: http://127.0.0.1:1
data: { people: { file: people.csv, pick: uniform } }
workloads: { main: { stages: [{ rate: 100 iter/s, duration: 3s }] } }
scenarios:
  one:
    weight: 2
    flow:
      - choose:
          - { weight: 1, flow: [{ get: { name: search, url: '/search?n={{ rand(1, 1000000) }}' } }] }
          - { weight: 2, flow: [{ get: { name: find, url: '/search?who={{ people.name }}' } }] }
  other:
    flow: [{ get: { name: product, url: '/product?id={{ uuid() }}' } }]
";

/// What was asked for, sorted: the order on two connections is chance.
fn targets(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a log");
    let target = |line: &str| {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        entry["uri"].as_str().expect("a target").to_owned()
    };
    let mut found: Vec<String> = text.lines().map(target).collect();
    found.sort_unstable();
    found
}

#[test]
fn duet_needs_arrivals_and_a_whole_green() {
    for (workload, more, told) in [
        ("vus: 3, duration: 1s", vec![], "is a closed workload"),
        (
            "stages: [{ rate: 5 req/s, duration: 1s }]",
            vec!["--green-share", "50%"],
            "cannot be used with",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let scenario = folder.path().join("scenario.yaml");
        let text = format!(
            "name: duet\ntarget: http://127.0.0.1:1\nworkloads: {{ main: {{ {workload} }} }}\nscenarios: {{ one: {{ flow: \
             [{{ get: {{ name: get, url: / }} }}] }} }}\n"
        );
        fs::write(&scenario, text).expect("written");
        let mut command = plimsoll();
        command.arg("run").arg(&scenario).args(["--duet", "http://127.0.0.1:2"]).args(more);
        let ran = run(&mut command, &folder.path().join("reports"));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn duet_names_a_slower_green_from_few_arrivals() {
    let folder = tempfile::tempdir().expect("a folder");
    let (blue, green) = (Stack::start(DATA, &[]), Stack::start(DATA, &["--slow", "api=40%"]));
    let mut command = plimsoll();
    command.arg("run").arg(checkout(DATA)).args(["--target", &blue.url, "--duet", &green.url]);
    command.args(["--rate", "200 req/s", "--duration", "15s"]);
    let ran = run(&mut command, folder.path());
    let result = ran.result();
    assert_eq!(text(&result, &format!("{MEASURES}/p95/verdict")), "worse", "{}", ran.stdout);
    assert!(ran.stdout.contains("every arrival played against two targets"), "{}", ran.stdout);
    assert_eq!(result["blue_green"]["duet"], true);
}

#[test]
fn slower_green_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (blue, green) = (Stack::start(DATA, &[]), Stack::start(DATA, &["--slow", "api=40%"]));
    let more = ["--green-share", "50%", "--rate", "400 req/s", "--duration", "15s"];
    let ran = run(&mut command(&blue, &green, &more), folder.path());
    let result = ran.result();
    assert_eq!(text(&result, "/blue_green/shares/0/comparison/verdict"), "worse", "{}", ran.stdout);
    assert_eq!(text(&result, &format!("{MEASURES}/p95/verdict")), "worse", "{}", ran.stdout);
    assert!(ran.stdout.contains("green is worse: p95"), "{}", ran.stdout);
    let page = ran.folder.expect("a run");
    let html = fs::read_to_string(page.join("report.html")).expect("a page");
    let markdown = fs::read_to_string(page.join("report.md")).expect("a page");
    assert!(html.contains("Blue and green") && html.contains("green is worse: p95"));
    assert!(markdown.contains("## Blue and green"), "{markdown}");
}

#[test]
fn failing_green_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (blue, green) = (Stack::start(DATA, &[]), Stack::start(DATA, &["--faults", "failing"]));
    let more = ["--green-share", "50%", "--rate", "400 req/s", "--duration", "10s"];
    let ran = run(&mut command(&blue, &green, &more), folder.path());
    let result = ran.result();
    assert_eq!(text(&result, &format!("{MEASURES}/error_rate/verdict")), "worse", "{}", ran.stdout);
    let class = "/blue_green/shares/0/sides/green/errors/by_class/http_5xx";
    assert!(ran.number(class) > 0.0);
    assert!(ran.number("/blue_green/shares/0/sides/blue/errors/rate") <= 0.0);
}

/// Goal: prove that a canary which breaks is told of while it runs, and that nothing goes there any more.
/// Method: green breaks six seconds after its own start; the share grows to all, and stays at none.
#[test]
fn breaking_green_is_told_of_and_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let (blue, green) = (Stack::start(DATA, &[]), Stack::start(DATA, &["--faults", "breaking"]));
    let more = ["--canary", "20%,50%,100%", "--duration", "18s", "--green-rollback"];
    let ran = run(&mut command(&blue, &green, &more), folder.path());
    let result = ran.result();
    let events = result["events"].as_array().expect("events").iter();
    let told: Vec<_> =
        events.filter(|event| text(event, "/text").starts_with("green failed")).collect();
    assert_eq!(told.len(), 1, "{}", ran.stdout);
    let at = told[0]["at_s"].as_f64().expect("a time");
    // Green's clock began before the run's, by as much as a busy machine takes to start a program.
    let broke = first_failure(ran.folder.as_ref().expect("a run"));
    assert!((broke..broke + 6.0).contains(&at), "broke at {broke} s, told at {at} s");
    assert!(text(told[0], "/text").ends_with("all arrivals go to blue"));
    let last = result["blue_green"]["shares"].as_array().and_then(|it| it.last()).expect("shares");
    assert_eq!(last["sides"]["green"]["iterations"], 0, "{}", ran.stdout);
    assert!(last["sides"]["blue"]["iterations"].as_u64() > Some(100), "{}", ran.stdout);
}

/// Where the first second begins in which a request failed, in seconds.
fn first_failure(run: &Path) -> f64 {
    let log = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let log = RunLog::read(&log).expect("a log");
    let failing = |second: &&Interval| second.steps.values().any(|step| step.failed() > 0);
    let second = log.intervals.iter().find(failing).expect("a failure");
    second.start.as_secs_f64()
}

/// Goal: prove that no request of one side is ever sent to the other. Method: green sends everybody on to blue.
#[test]
fn green_that_redirects_to_blue_fails_instead_of_being_measured_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = format!("127.0.0.1:{}", free_port());
    let log = folder.path().join("blue.log");
    let blue = Stack::start_at(&listen, DATA, &["--log", &log.display().to_string()]);
    let answer = format!("answer: {{ status: 302, redirect: \"{}/search\" }}", blue.url);
    let simulation = format!(
        "name: shop\ntiers: {{ api: {{ kind: api, cores: 1 }} }}\nroutes:\n  - get: /search\n    {answer}\n  - get: /product\n    {answer}\n"
    );
    let own = folder.path().join("green");
    fs::create_dir(&own).expect("a folder");
    fs::write(own.join("simulation.yaml"), simulation).expect("written");
    let green = Stack::start(&own.display().to_string(), &[]);
    let more = ["--green-share", "50%", "--duration", "2s"];
    let ran = run(&mut command(&blue, &green, &more), &folder.path().join("reports"));
    blue.stop();
    assert_eq!(ran.count("/blue_green/requests/blue"), lines(&log), "{}", ran.stdout);
    let refused = ran.count("/blue_green/shares/0/sides/green/errors/by_class/redirect");
    assert_eq!(refused, ran.count("/blue_green/shares/0/sides/green/requests"), "{}", ran.stdout);
    assert!(refused > 0);
}

#[test]
fn run_without_green_says_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (blue, green) = (Stack::start(DATA, &[]), Stack::start(DATA, &[]));
    let ran = run(&mut command(&blue, &green, &["--duration", "2s"]), folder.path());
    assert!(!ran.stdout.contains("BLUE AND GREEN"), "{}", ran.stdout);
    let log = fs::read_to_string(ran.folder.expect("a run").join("run.jsonl")).expect("a log");
    assert!(!log.contains("\"split\"") && !log.contains("\"sides\""), "{log}");
}
