//! Blue and green: two servers, one run.

use std::fs;
use std::path::Path;
use std::process::Command;

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
    assert!((6.0..12.0).contains(&at), "told at {at} s");
    assert!(text(told[0], "/text").ends_with("all arrivals go to blue"));
    let last = result["blue_green"]["shares"].as_array().and_then(|it| it.last()).expect("shares");
    assert_eq!(last["sides"]["green"]["iterations"], 0, "{}", ran.stdout);
    assert!(last["sides"]["blue"]["iterations"].as_u64() > Some(100), "{}", ran.stdout);
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
