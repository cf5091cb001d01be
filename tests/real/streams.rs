//! Pages, events and `WebSockets` against a simulated stack whose times are known.

use super::harness::{Stack, checkout, plimsoll, run, scenario};
use super::nginx::{Nginx, certificate};

/// Goal: prove that what lasts is timed from its parts, and that its failures are told apart.
/// Method: one simulated answer of each kind, whose times are constants; truth by arithmetic.
#[test]
fn pages_events_and_sockets_take_the_time_of_their_parts() {
    let out = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/streams", &[]);
    let ran = run(
        plimsoll().arg("run").arg(checkout("tests/data/streams")).args(["--target", &stack.url]),
        out.path(),
    );
    let p50 = |step: &str| ran.number(&format!("/steps/{step}/response_time_ms/p50"));
    let errors =
        |step: &str, class: &str| ran.count(&format!("/steps/{step}/errors/by_class/{class}"));
    let requests = |step: &str| ran.count(&format!("/steps/{step}/requests"));
    // Wide above, for a busy machine; one after the other or held would still lie far outside.
    let near = |step: &str, truth: f64| {
        println!("{step}: truth {truth} ms, reported {} ms", p50(step));
        assert!((truth..truth + 150.0).contains(&p50(step)), "{step}\n{}", ran.stdout);
    };
    // At once: each takes its own 200 ms, not one after the other.
    for step in ["one", "two", "three"] {
        near(step, 200.0);
    }
    // Events come every 50 ms, and a last one says that it is over.
    near("until.first_event", 100.0);
    near("whole.event_gap", 50.0);
    assert!(p50("until") < p50("whole"), "{}", ran.stdout);
    assert_eq!(ran.count("/steps/whole/errors/rate"), 0, "{}", ran.stdout);
    assert_eq!(errors("never", "check_failed"), requests("never"), "{}", ran.stdout);
    messages_are_counted(&ran);
    // The sample of a WebSocket lasts until it is open; that it is held costs no request any time.
    near("live", 50.0);
    near("live.first_message", 50.0);
    assert_eq!(ran.count("/steps/live/errors/rate"), 0, "{}", ran.stdout);
    assert_eq!(errors("deaf", "response_timeout"), requests("deaf"), "{}", ran.stdout);
    assert!(requests("deaf") > 0 && requests("never") > 0, "{}", ran.stdout);
    assert_eq!(requests("unreached"), 0, "a failed step ends the iteration");
    assert_eq!(errors("refused", "check_failed"), requests("refused"), "{}", ran.stdout);
}

/// Five events and a last one; up to the one that was waited for; an acknowledgement and news every 100 ms.
fn messages_are_counted(ran: &super::harness::Ran) {
    let each = |step: &str| {
        let count = |what: &str| ran.number(&format!("/whole_run/steps/{step}/{what}"));
        assert!(count("requests") > 0.0, "{step}\n{}", ran.stdout);
        count("messages") / count("requests")
    };
    assert!((each("whole.events") - 6.0).abs() < 1e-9, "{}", ran.stdout);
    assert!((each("until.events") - 3.0).abs() < 1e-9, "{}", ran.stdout);
    assert!((3.0..=6.0).contains(&each("live.messages")), "{}", ran.stdout);
}

/// Goal: prove that streams work over the protocols of real edges: events over HTTP/2, `WebSockets` over TLS.
/// Method: the same simulated answers behind a certificate; the run insists on HTTP/2.
#[test]
fn events_over_http2_and_sockets_over_tls_bring_the_same_messages() {
    let out = tempfile::tempdir().expect("a folder");
    let (ca, key) = certificate(out.path());
    let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let (ca, key) = (path(&ca), path(&key));
    let stack = Stack::start("tests/data/streams", &["--cert", &ca, "--key", &key]);
    let ran = run(
        plimsoll()
            .arg("run")
            .arg(checkout("tests/data/streams"))
            .args(["--target", &stack.url.replace("127.0.0.1", "localhost")])
            .args(["--set", "http.version='2'", "--set", &format!("http.tls.ca={ca}")]),
        &out.path().join("reports"),
    );
    messages_are_counted(&ran);
    for step in ["one", "whole", "live"] {
        let rate = ran.number(&format!("/whole_run/steps/{step}/errors/rate"));
        assert!(rate <= 0.0, "{step}\n{}", ran.stdout);
    }
}

/// Goal: prove that requests at once share a connection over HTTP/2, as a browser's do, and not over HTTP/1.1.
/// Method: three at once of each new visitor; nginx numbers connections.
#[test]
fn requests_at_once_share_one_connection_over_http2() {
    let connections = |version: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("connections.log");
        let format = "log_format connections '$connection';";
        let location = format!("access_log {} connections; return 200 'ok';", log.display());
        let nginx = Nginx::with(folder.path(), format, &location);
        let http = format!(
            "http: {{ version: '{version}', connections: per_iteration, tls: {{ ca: {} }} }}",
            nginx.ca.display()
        );
        let file = scenario(folder.path(), &http, "60 req/s", "2s");
        let text = std::fs::read_to_string(&file).expect("a scenario");
        let one = "- get: { name: get, url: / }";
        let three = "- parallel: [{ get: { name: a, url: / } }, { get: { name: b, url: / } }, { get: { name: c, url: / } }]";
        std::fs::write(&file, text.replace(one, three)).expect("written");
        let target = format!("https://localhost:{}", nginx.tls_port);
        let out = folder.path().join("reports");
        let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
        assert!(ran.number("/errors/rate") <= 0.0, "{}", ran.stdout);
        let iterations = ran.count("/whole_run/requests") / 3;
        nginx.requests();
        let log = std::fs::read_to_string(log).expect("a log");
        let numbers: std::collections::BTreeSet<&str> = log.lines().collect();
        println!("HTTP/{version}: {iterations} iterations, {} connections", numbers.len());
        assert_eq!(log.lines().count(), iterations * 3);
        (iterations, numbers.len())
    };
    let (iterations, opened) = connections("2");
    assert_eq!(opened, iterations);
    let (iterations, opened) = connections("1.1");
    assert_eq!(opened, iterations * 3);
}
