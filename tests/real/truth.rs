//! Reported numbers against arithmetic.

use super::harness::{Stack, checkout, plimsoll, run};

/// Goal: prove that a stall is charged to every user who would have waited.
/// Method: a server that stands still 1 s in every 10 s, 250 arrivals a second, 20 s. Truth by arithmetic:
/// P(response time > t) = (1 − t) / 10, so p95 is 500 ms and p99 is 900 ms.
#[test]
fn response_time_of_a_freezing_server_is_the_arithmetic_truth() {
    let out = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/freeze", &[]);
    let ran = run(
        plimsoll().arg("run").arg(checkout("tests/data/freeze")).args(["--target", &stack.url]),
        out.path(),
    );
    let (p95, p99) = (
        ran.number("/whole_run/response_time_ms/p95"),
        ran.number("/whole_run/response_time_ms/p99"),
    );
    println!("truth p95 500 ms, reported {p95} ms; truth p99 900 ms, reported {p99} ms");
    assert!((p95 / 500.0 - 1.0).abs() < 0.02, "p95 {p95} ms\n{}", ran.stdout);
    assert!((p99 / 900.0 - 1.0).abs() < 0.02, "p99 {p99} ms\n{}", ran.stdout);
    let requests = ran.number("/load/requests");
    assert!((requests - 5_000.0).abs() < 1.0, "{requests}\n{}", ran.stdout);
}

/// Goal: prove that a seed fixes what is sent, and in which order.
/// Method: two runs against the simulator, which logs method, path and query of every request.
#[test]
fn two_runs_with_one_seed_send_the_same_requests_in_the_same_order() {
    let log_of_run = |seed: &str| {
        let out = tempfile::tempdir().expect("a folder");
        let log = out.path().join("access.log");
        let path = log.to_str().expect("UTF-8").to_owned();
        let stack = Stack::start("tests/data/order", &["--log", &path]);
        let ran = run(
            plimsoll()
                .arg("run")
                .arg(checkout("tests/data/order"))
                .args(["--target", &stack.url, "--seed", seed]),
            &out.path().join("reports"),
        );
        stack.stop();
        assert_eq!(ran.count("/load/requests"), ran.count("/load/iterations"), "{}", ran.stdout);
        let text = std::fs::read_to_string(&log).expect("a log");
        let uris: Vec<String> = text
            .lines()
            .map(|line| {
                let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
                entry["uri"].as_str().expect("a URI").to_owned()
            })
            .collect();
        assert!(uris.len() > 100, "only {} requests", uris.len());
        uris
    };
    let first = log_of_run("7");
    assert_eq!(first, log_of_run("7"));
    assert_ne!(first, log_of_run("8"));
}
