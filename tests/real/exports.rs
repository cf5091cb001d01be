//! What a run tells other machines while it goes on.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, metric, number_data_point};
use prost::Message as _;
use serde_json::Value;

use super::harness::{Guarded, Stack, checkout, only_run, plimsoll};

/// No test waits longer for one thing.
const PATIENCE: Duration = Duration::from_mins(1);

/// A collector: answers every push with 200 and hands on its body. Returns its address too.
pub(crate) fn collector() -> (String, Receiver<ExportMetricsServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (told, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let told = told.clone();
            std::thread::spawn(move || {
                let stream = stream.expect("a connection");
                let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
                while let Some(body) = request(&mut reader) {
                    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    (&stream).write_all(answer.as_bytes()).expect("answered");
                    if told.send(body).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, bodies)
}

/// Reads one `POST /v1/metrics` and gives its body; none at the end of the connection.
fn request(reader: &mut impl BufRead) -> Option<ExportMetricsServiceRequest> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
    assert_eq!(line.trim_end(), "POST /v1/metrics HTTP/1.1");
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let head = line.trim_end().to_lowercase();
        if head.is_empty() {
            break;
        }
        if let Some(kind) = head.strip_prefix("content-type: ") {
            assert_eq!(kind, "application/x-protobuf");
        }
        if let Some(value) = head.strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(ExportMetricsServiceRequest::decode(&body[..]).expect("protobuf"))
}

/// The sum over all series of a pushed counter, or the counts of a histogram.
pub(crate) fn pushed(body: &ExportMetricsServiceRequest, name: &str) -> u64 {
    let number = |point: &NumberDataPoint| {
        let whole = point.value.and_then(|value| match value {
            number_data_point::Value::AsInt(value) => u64::try_from(value).ok(),
            number_data_point::Value::AsDouble(_) => None,
        });
        whole.expect("a whole number")
    };
    let metrics = &body.resource_metrics[0].scope_metrics[0].metrics;
    let metric = metrics.iter().find(|metric| metric.name == name);
    match metric.and_then(|metric| metric.data.as_ref()) {
        Some(metric::Data::Sum(sum)) => sum.data_points.iter().map(number).sum(),
        Some(metric::Data::Gauge(gauge)) => gauge.data_points.iter().map(number).sum(),
        Some(metric::Data::Histogram(times)) => {
            times.data_points.iter().map(|point| point.count).sum()
        }
        _ => 0,
    }
}

/// A page's sum over all series of `name`.
fn scraped(page: &str, name: &str) -> f64 {
    let series = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    series
        .map(|line| line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number"))
        .sum()
}

/// What is served at `address` when it is asked for under the name `host`.
fn asked(address: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

pub(crate) fn scrape(address: &str) -> String {
    let answer = asked(address, "/metrics", address);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Goal: prove that all exports tell of the same requests as the reports do.
#[test]
fn every_export_agrees_with_the_reports() {
    let out = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/order", &[]);
    let (collector, bodies) = collector();
    let mut child = plimsoll()
        .arg("run")
        .arg(checkout("tests/data/order"))
        .args([
            "--target",
            &stack.url,
            "--duration",
            "6s",
            "--quiet",
            "--format",
            "json",
            "--events",
        ])
        .args(["--metrics-listen", "127.0.0.1:0", "--otlp", &collector, "--otlp-every", "1s"])
        .arg("--out")
        .arg(out.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut talk = BufReader::new(child.stderr.take().expect("piped"));
    let mut child = Guarded(child);
    let mut line = String::new();
    talk.read_line(&mut line).expect("it says where its metrics are");
    let address =
        line.trim().strip_prefix("metrics: http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();

    let told = || bodies.recv_timeout(PATIENCE).expect("a push");
    let under_way = std::iter::repeat_with(told)
        .find(|body| pushed(body, "plimsoll.requests") >= 100)
        .expect("requests");
    assert_eq!(pushed(&under_way, "plimsoll.running"), 1);
    let page = scrape(&address);
    assert!(scraped(&page, "plimsoll_requests_total") >= 100.0, "{page}");
    assert!(
        page.contains("plimsoll_response_time_seconds_bucket{step=\"find\",le=\"+Inf\"}"),
        "{page}"
    );

    let mut stdout = String::new();
    child.0.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
    child.0.wait().expect("it ends");
    let result: Value =
        serde_json::from_str(&stdout).expect("stdout is the result and nothing else");
    let folder = only_run(out.path()).expect("a run");
    let written = fs::read_to_string(folder.join("result.json")).expect("a result");
    assert_eq!(stdout, written);
    let requests = result["load"]["requests"].as_u64().expect("a count");
    assert_eq!(requests, 300);

    let last = bodies.try_iter().last().expect("a last push");
    assert_eq!(pushed(&last, "plimsoll.requests"), requests);
    assert_eq!(pushed(&last, "plimsoll.response_time"), requests);
    assert_eq!(pushed(&last, "plimsoll.running"), 0);
    let events = fs::read_to_string(folder.join("events.jsonl")).expect("events");
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(events[0]["schema"], "plimsoll.events/1");
    let counted: u64 = events
        .iter()
        .filter_map(|event| event["steps"].as_object())
        .flat_map(|steps| steps.values())
        .filter_map(|step| step["requests"].as_u64())
        .sum();
    assert_eq!(counted, requests);
    let [end, verdict] = &events[events.len() - 2..] else { panic!("{events:?}") };
    assert_eq!((&end["reason"], &end["lost_lines"]), (&Value::from("finished"), &Value::from(0)));
    assert_eq!(verdict["verdict"], result["verdict"]);
}

/// Goal: prove that exports tell the same behind the screen.
/// Method: nobody reads the terminal while the run goes on, so its output stalls as well.
#[cfg(feature = "tui")]
#[test]
fn exports_agree_with_the_reports_behind_the_screen() {
    let out = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/order", &[]);
    let (collector, bodies) = collector();
    let mut command = plimsoll();
    command.arg("run").arg(checkout("tests/data/order")).env("TERM", "xterm-256color");
    command.args(["--tui", "--target", &stack.url, "--duration", "4s", "--events"]);
    command.args(["--metrics-listen", "127.0.0.1:0", "--otlp", &collector, "--otlp-every", "1s"]);
    let mut terminal =
        super::pty::Pty::start(command.arg("--out").arg(out.path()), 100, 30).expect("a terminal");
    let told = terminal.read_to("/metrics").expect("it says where its metrics are");
    let address = told.split("http://").last().and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("{told}")).to_owned();

    let pushes = || std::iter::repeat_with(|| bodies.recv_timeout(PATIENCE).expect("a push"));
    pushes().find(|body| pushed(body, "plimsoll.requests") >= 50).expect("requests");
    assert!(scraped(&scrape(&address), "plimsoll_requests_total") >= 50.0);
    let last = pushes().find(|body| pushed(body, "plimsoll.running") == 0).expect("the end");
    // The first may still be asked whether it is meant.
    terminal.press("qq").expect("typed");
    let (status, printed) = terminal.read_to_end().expect("an end");
    assert!(printed.contains("OBJECTIVES"), "{printed}");

    let folder = only_run(out.path()).expect("a run");
    let result = fs::read_to_string(folder.join("result.json")).expect("a result");
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["load"]["requests"], 200);
    assert_eq!(pushed(&last, "plimsoll.requests"), 200);
    let events = fs::read_to_string(folder.join("events.jsonl")).expect("events");
    let verdict: Value =
        serde_json::from_str(events.lines().last().expect("a line")).expect("a line of JSON");
    assert_eq!(verdict["verdict"], result["verdict"]);
    assert_eq!(verdict["exit_code"].as_i64(), status.code().map(i64::from));
}

/// Goal: prove that the load waits for no export.
/// Method: a collector that takes connections and never answers; the schedule is constant, so every second
/// must have its 50 arrivals.
#[test]
fn stalled_collector_neither_slows_the_load_nor_goes_unsaid() {
    let out = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/order", &[]);
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", deaf.local_addr().expect("an address"));
    let told = plimsoll()
        .arg("run")
        .arg(checkout("tests/data/order"))
        .args(["--target", &stack.url, "--otlp", &url, "--otlp-every", "1s", "--quiet", "--out"])
        .arg(out.path())
        .output()
        .expect("it runs");
    let talk = String::from_utf8_lossy(&told.stderr);
    assert!(talk.contains("warning: OTLP: ") && talk.contains("the load did not wait"), "{talk}");
    let folder = only_run(out.path()).expect("a run");
    let log = fs::read_to_string(folder.join("run.jsonl")).expect("a log");
    let log = plimsoll::metrics::RunLog::read(&log).expect("a log");
    let seconds: Vec<u64> = log.intervals.iter().map(|second| second.arrivals.intended).collect();
    assert_eq!(&seconds[..4], [50, 50, 50, 50]);
    assert_eq!(log.intervals.iter().map(|second| second.arrivals.dropped).sum::<u64>(), 0);
}

#[test]
fn export_that_cannot_begin_is_said_before_anything_is_sent() {
    let out = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let stack = Stack::start("tests/data/order", &[]);
    let run = |option: &str, value: &str| {
        plimsoll()
            .arg("run")
            .arg(checkout("tests/data/order"))
            .args(["--target", &stack.url, option, value, "--out"])
            .arg(out.path())
            .output()
            .expect("it runs")
    };
    let busy = run("--metrics-listen", &address);
    let talk = String::from_utf8_lossy(&busy.stderr);
    assert_eq!(busy.status.code(), Some(1), "{talk}");
    assert!(talk.contains(&format!("cannot listen at {address}")), "{talk}");
    let foreign = run("--otlp", "https://127.0.0.1:4318");
    let talk = String::from_utf8_lossy(&foreign.stderr);
    assert_eq!(foreign.status.code(), Some(2), "{talk}");
    assert!(talk.contains("only http is supported"), "{talk}");
}

/// Goal: prove that the live page has every second of the run and its verdict, and is for this machine alone.
#[test]
fn live_page_is_told_all_seconds_and_the_verdict() {
    let out = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/order", &[]);
    let mut child = plimsoll()
        .arg("run")
        .arg(checkout("tests/data/order"))
        .args(["--target", &stack.url, "--duration", "4s", "--quiet", "--format", "json"])
        .args(["--serve", "127.0.0.1:0", "--out"])
        .arg(out.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut talk = BufReader::new(child.stderr.take().expect("piped"));
    let mut child = Guarded(child);
    let mut line = String::new();
    talk.read_line(&mut line).expect("it says where its page is");
    let address =
        line.trim().strip_prefix("live page: http://").unwrap_or_else(|| panic!("{line}"));
    let address = address.trim_end_matches('/');

    let page = asked(address, "/", address);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Response time"), "{page}");
    assert!(page.contains("connect-src 'self'") && page.contains("default-src 'none'"), "{page}");
    let foreign = asked(address, "/lines?from=0", "evil.example");
    assert!(foreign.starts_with("HTTP/1.1 421"), "{foreign}");
    // As the page does, but at once again; the last answer is the one with the verdict.
    let mut lines: Vec<Value> = vec![];
    while lines.last().is_none_or(|line| line["event"] != "verdict") {
        let answer = asked(address, &format!("/lines?from={}", lines.len()), address);
        let body = answer.split("\r\n\r\n").nth(1).expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        lines.extend(body["lines"].as_array().expect("lines").iter().cloned());
        assert_eq!(body["next"], lines.len());
    }
    let mut stdout = String::new();
    child.0.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
    child.0.wait().expect("it ends");
    let result: Value = serde_json::from_str(&stdout).expect("a result");
    let seconds = lines.iter().filter_map(|line| line["steps"].as_object());
    let requests = seconds.flat_map(|steps| steps.values());
    let requests: u64 = requests.filter_map(|step| step["requests"].as_u64()).sum();
    assert_eq!(result["load"]["requests"], requests);
    assert_eq!(requests, 200);
    assert_eq!(lines.last().expect("a line")["verdict"], result["verdict"]);
}
