//! Prometheus is asked at a run's end for the seconds in which it did not answer.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::harness::{Stack, checkout, plimsoll, run};

/// A Prometheus that answers instant queries (60 %) but for the third and the fourth, and ranges always (20 %).
fn prometheus() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let ranges = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ranges);
    std::thread::spawn(move || {
        let mut asked = 0;
        for mut stream in listener.incoming().map_while(Result::ok) {
            let line = request_line(&stream);
            let (status, body) = if line.contains("/api/v1/query_range?") {
                counted.fetch_add(1, Ordering::SeqCst);
                ("200 OK", range(&line))
            } else {
                asked += 1;
                let point = r#"{"metric":{},"value":[1,"0.6"]}"#;
                let status = if (3..=4).contains(&asked) { "503 Busy" } else { "200 OK" };
                (status, answer("vector", point))
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
            let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    (url, ranges)
}

fn request_line(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    first
}

fn answer(kind: &str, element: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{element}]}}}}"#)
}

/// One number for each moment that is asked for.
fn range(line: &str) -> String {
    let number = |name: &str| -> f64 {
        let value = line.split(&format!("{name}=")).nth(1).expect("a parameter");
        value.split(['&', ' ']).next().expect("a value").parse().expect("a number")
    };
    let (start, end, step) = (number("start"), number("end"), number("step"));
    let moments = (0..).map(|index| start + step * f64::from(index)).take_while(|at| *at <= end);
    let values: Vec<String> = moments.map(|at| format!(r#"[{at},"0.2"]"#)).collect();
    answer("matrix", &format!(r#"{{"metric":{{}},"values":[{}]}}"#, values.join(",")))
}

#[test]
fn seconds_that_prometheus_missed_are_asked_for_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/observed", &[]);
    let (url, ranges) = prometheus();
    let ran = run(
        plimsoll()
            .arg("run")
            .arg(checkout("tests/data/remembered"))
            .args(["--target", &stack.url])
            .env("REMEMBERED_PROMETHEUS", &url),
        &folder.path().join("reports"),
    );
    assert_eq!(ranges.load(Ordering::SeqCst), 1, "one range for one query");
    let log = std::fs::read_to_string(ran.folder.expect("a run").join("run.jsonl")).expect("a log");
    let late: Vec<&str> = log.lines().filter(|line| line.starts_with("{\"readings\"")).collect();
    assert!((1..=3).contains(&late.len()), "the seconds of two refusals: {late:#?}");
    assert!(late.iter().all(|line| line.contains("\"cpu\"") && line.contains("0.2")), "{late:#?}");
    let kept = log.lines().filter(|line| line.starts_with("{\"interval\"") && line.contains("0.6"));
    assert!(kept.count() >= 3, "what was read in time stays");
    assert!(log.lines().last().is_some_and(|line| line.starts_with("{\"end\"")), "the end is last");
}
