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
    // A busy machine wakes server and generator late, which adds to what is waited and takes nothing away.
    let late = ran.number("/schedule_lag_ms/max");
    for (reported, truth) in [(p95, 500.0), (p99, 900.0)] {
        let may = truth * 0.98..truth * 1.02 + late;
        assert!(may.contains(&reported), "{reported} ms, not within {may:?}\n{}", ran.stdout);
    }
    let requests = ran.number("/load/requests");
    assert!((requests - 5_000.0).abs() < 1.0, "{requests}\n{}", ran.stdout);
}

/// A request as its server saw it.
struct LoggedRequest {
    /// When it came, in nanoseconds since serving began.
    at_ns: u64,
    uri: String,
}

/// The requests of a run of `seed`, in the order in which they came.
fn requests_of(seed: &str) -> Vec<LoggedRequest> {
    let out = tempfile::tempdir().expect("a folder");
    let log = out.path().join("access.log");
    let path = log.to_str().expect("UTF-8").to_owned();
    let stack = Stack::start("tests/data/order", &["--log", &path]);
    let mut command = plimsoll();
    command.arg("run").arg(checkout("tests/data/order"));
    command.args(["--target", &stack.url, "--seed", seed]);
    let ran = run(&mut command, &out.path().join("reports"));
    stack.stop();
    assert_eq!(ran.count("/load/requests"), ran.count("/load/iterations"), "{}", ran.stdout);
    let text = std::fs::read_to_string(&log).expect("a log");
    let request = |line| {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let uri = entry["uri"].as_str().expect("a URI").to_owned();
        let number = entry["arrival"].as_u64().expect("a number");
        (number, LoggedRequest { at_ns: entry["at_ns"].as_u64().expect("a time"), uri })
    };
    let mut requests: Vec<_> = text.lines().map(request).collect();
    requests.sort_by_key(|(number, _)| *number);
    assert!(requests.len() > 100, "only {} requests", requests.len());
    requests.into_iter().map(|(_, request)| request).collect()
}

/// Pairs of requests that came in one order in `first` and in the other in `second`, though they were apart in both.
///
/// Arrivals are due 20 ms apart. Where the machine stands still for longer, two are sent at once, on two connections,
/// and which of them the server reads first is its own affair.
fn swapped(first: &[LoggedRequest], second: &[LoggedRequest]) -> Vec<String> {
    const AT_ONCE: u64 = 10_000_000;
    // Of several with one URI, each is the same as its like in the other run.
    let mut free: Vec<bool> = vec![true; second.len()];
    let mut place = |of: &LoggedRequest| {
        let is_like = |at: &usize| free[*at] && second[*at].uri == of.uri;
        let found = (0..second.len()).find(is_like).expect("sent in both");
        free[found] = false;
        found
    };
    let places: Vec<usize> = first.iter().map(&mut place).collect();
    let pairs = (1..first.len()).flat_map(|later| (0..later).map(move |sooner| (sooner, later)));
    let apart = |(sooner, later): &(usize, usize)| {
        let (at, other) = (places[*sooner], places[*later]);
        at > other
            && first[*later].at_ns.saturating_sub(first[*sooner].at_ns) > AT_ONCE
            && second[at].at_ns.saturating_sub(second[other].at_ns) > AT_ONCE
    };
    let told =
        |(sooner, later): (usize, usize)| format!("{} {}", first[sooner].uri, first[later].uri);
    pairs.filter(apart).map(told).collect()
}

fn sorted(requests: &[LoggedRequest]) -> Vec<&str> {
    let mut uris: Vec<&str> = requests.iter().map(|request| request.uri.as_str()).collect();
    uris.sort_unstable();
    uris
}

/// Goal: prove that a seed fixes what is sent, and in which order.
/// Method: two runs against the simulator, which logs method, path and query of every request.
#[test]
fn two_runs_with_one_seed_send_the_same_requests_in_the_same_order() {
    let first = requests_of("7");
    let again = requests_of("7");
    assert_eq!(sorted(&first), sorted(&again));
    assert_eq!(swapped(&first, &again), Vec::<String>::new());
    assert_ne!(sorted(&first), sorted(&requests_of("8")));
}
