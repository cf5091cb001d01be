//! Pages, events and `WebSockets` against a simulated stack whose times are known.

use super::harness::{Stack, checkout, plimsoll, run};

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
    assert!(p50("until") < p50("whole"), "{}", ran.stdout);
    assert_eq!(ran.count("/steps/whole/errors/rate"), 0, "{}", ran.stdout);
    assert_eq!(errors("never", "check_failed"), requests("never"), "{}", ran.stdout);
    // The sample of a WebSocket lasts until it is open; that it is held costs no request any time.
    near("live", 50.0);
    near("live.first_message", 50.0);
    assert_eq!(ran.count("/steps/live/errors/rate"), 0, "{}", ran.stdout);
    assert_eq!(errors("deaf", "response_timeout"), requests("deaf"), "{}", ran.stdout);
    assert!(requests("deaf") > 0 && requests("never") > 0, "{}", ran.stdout);
    assert_eq!(requests("unreached"), 0, "a failed step ends the iteration");
    assert_eq!(errors("refused", "check_failed"), requests("refused"), "{}", ran.stdout);
}
