//! What follows a failure: the next step, another attempt, the end of the run.

use std::sync::atomic::{AtomicU32, Ordering};

use super::harness::{Stack, plimsoll, run};
use super::values::{SeenRequest, listening, written};

const LOAD: &str =
    "workloads: { a: { arrivals: constant, stages: [{ rate: 10 iter/s, duration: 2s }] } }";

/// Every second answer asks to be left alone for a second, which the answer's own date says.
fn busy(request: &SeenRequest) -> (u16, String) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    if request.path() == "/search" && ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        return (503, "{}".to_owned());
    }
    (if request.path() == "/gone" { 500 } else { 200 }, "{}".to_owned())
}

/// Goal: every attempt is in the figures, its time counts from the first, and steps that may fail end nothing.
#[test]
fn failed_request_is_sent_again_and_a_step_that_may_fail_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(busy);
    let flow = r"
      - get: { name: search, url: /search, on_failure: { retry: { times: 20, wait: 20ms } } }
      - get: { name: gone, url: /gone, on_failure: continue }
      - get: { name: last, url: /last }";
    let scenario = written(folder.path(), LOAD, flow);
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(scenario).args(["--target", &server.url, "-q"]), &out);
    let sent = |path| server.seen().iter().filter(|seen| seen.path() == path).count();
    let (first, attempts) = (sent("/last"), sent("/search"));
    assert_eq!(first, 20, "{}", ran.stderr);
    assert_eq!(attempts, 40, "every second attempt fails");
    assert_eq!(ran.count("/steps/search/requests"), attempts);
    assert_eq!(ran.count("/steps/search/retries"), 20);
    assert_eq!(ran.count("/load/retries"), 20);
    assert_eq!(ran.count("/steps/search/errors/by_class/http_5xx"), 20);
    assert_eq!(ran.count("/load/failed_iterations"), 20, "a step of each failed");
    let (all, own) = ("/steps/search/response_time_ms/p50", "/steps/search/service_time_ms/p50");
    assert!(ran.number(all) >= 20.0 && ran.number(all) > ran.number(own), "{}", ran.result());
}

/// Asks every second request to stay away for a second.
fn limited(_: &SeenRequest) -> (u16, String) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    (
        if ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { 429 } else { 200 },
        "{}".to_owned(),
    )
}

/// Goal: prove that a retry stays away for as long as its server asks it to, and gives up where that is too long.
/// Method: `retry-after: 1`, where the step itself would wait for 10 ms.
#[test]
fn retry_waits_as_long_as_the_server_asks_it_to_or_gives_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(limited);
    let load = "workloads: { a: { vus: 1, iterations: 2, duration: 20s } }";
    let flow = |retry: &str| {
        format!(
            "      - get: {{ name: search, url: /, on_failure: {{ retry: {{ wait: 10ms{retry} }} }} }}"
        )
    };
    let ran = |name: &str, retry: &str| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        let scenario = written(&folder, load, &flow(retry));
        let mut command = plimsoll();
        command.arg("run").arg(scenario).args(["--target", &server.url, "-q"]);
        run(&mut command, &folder.join("out"))
    };
    let patient = ran("patient", "");
    assert_eq!(patient.count("/load/completed_iterations"), 2, "{}", patient.stderr);
    assert_eq!(patient.count("/load/retries"), 2);
    let waited = patient.number("/steps/search/response_time_ms/p50");
    assert!(waited >= 1_000.0, "{waited} ms");
    let hasty = ran("hasty", ", max_wait: 500ms");
    assert_eq!(hasty.count("/load/failed_iterations"), 1, "{}", hasty.stderr);
    assert_eq!((hasty.count("/load/retries"), hasty.count("/load/requests")), (0, 2));
}

/// Carries out the third of three.
fn third_time(_: &SeenRequest) -> (u16, String) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let status = if ASKED.fetch_add(1, Ordering::Relaxed) % 3 == 2 { 200 } else { 503 };
    (status, "{}".to_owned())
}

/// Goal: prove that a server can know a request again that is sent again, and takes no other one for it.
#[test]
fn request_that_is_sent_again_is_the_same_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(third_time);
    let load = "workloads: { a: { vus: 1, iterations: 3, duration: 20s } }";
    let flow = r#"
      - post:
          name: pay
          url: "/pay?r={{ rand(1, 1000000000) }}"
          headers: { idempotency-key: "{{ uuid() }}", x-hex: "{{ hex(8) }}-{{ pick([1, 2, 3, 4, 5, 6, 7, 8, 9]) }}" }
          json: { number: "{{ seq() }}", of: "{{ seq(100) }}" }
          on_failure: { retry: { times: 2, wait: 1ms..20ms, idempotent: true } }"#;
    let scenario = written(folder.path(), load, flow);
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url, "-q", "--no-preflight"]);
    let ran = run(&mut command, &folder.path().join("out"));
    let seen: Vec<String> = server
        .seen()
        .iter()
        .map(|one| {
            let header = |name| one.header(name).unwrap_or_default().to_owned();
            format!("{} {} {} {}", one.line, header("idempotency-key"), header("x-hex"), one.body)
        })
        .collect();
    assert_eq!(seen.len(), 9, "{}", ran.stderr);
    for attempts in seen.chunks(3) {
        assert!(attempts.iter().all(|one| *one == attempts[0]), "{attempts:#?}");
    }
    assert!(seen[0] != seen[3] && seen[3] != seen[6] && seen[0] != seen[6], "{seen:#?}");
    for (iteration, body) in [(0, "1,\"of\":101"), (3, "3,\"of\":103"), (6, "5,\"of\":105")] {
        assert!(seen[iteration].contains(&format!("{{\"number\":{body}}}")), "{seen:#?}");
    }
}

fn failing(_: &SeenRequest) -> (u16, String) {
    (500, "{}".to_owned())
}

#[test]
fn lost_objective_ends_the_run_and_fails_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(failing);
    let load = LOAD.replace("10 iter/s, duration: 2s", "30 iter/s, duration: 60s");
    let more = format!("{load}\nabort: when error_rate of get > 50% for 3s");
    let scenario = written(folder.path(), &more, "      - get: { name: get, url: / }");
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(scenario).args(["--target", &server.url]), &out);
    assert_eq!(ran.code, 99, "{}", ran.stderr);
    assert!(server.seen().len() < 300, "it ended early");
    assert!(
        ran.stderr.contains("stopping: error_rate of get > 50% for 3s: 100%"),
        "{}",
        ran.stderr
    );
    let result = ran.result();
    assert_eq!(result["completion"]["how"], "aborted", "{result}");
    let noted = result["events"].as_array().expect("events");
    assert!(noted.iter().any(|event| event["kind"] == "aborted"), "{noted:?}");
    assert!(ran.stdout.contains("FAIL"), "{}", ran.stdout);
}

/// Goal: prove that a condition for which there are never enough requests is told, by `check` and by the run.
#[test]
fn condition_that_cannot_end_a_run_is_told_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(failing);
    let told = "`abort: p99 > 1ms for 3s` cannot end the run: it needs 200 requests within 3s, and 30 are due";
    let more = format!("{LOAD}\nabort: [when p99 > 1ms for 3s, error_rate > 99.9% for 2s]");
    let scenario = written(folder.path(), &more, "      - get: { name: get, url: / }");
    let checked = plimsoll().arg("check").arg(&scenario).output().expect("it runs");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains(told) && said.matches("cannot end").count() == 1, "{said}");
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url]);
    let ran = run(&mut command, &folder.path().join("out"));
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

/// Three of five requests fail at once.
fn mostly_failing(_: &SeenRequest) -> (u16, String) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    (if asked % 5 < 3 { 500 } else { 200 }, "{}".to_owned())
}

/// Goal: prove that fast failures are no pass where the table speaks of times alone, unless it says so.
#[test]
fn failures_that_the_table_says_nothing_of_fail_the_run() {
    let server = listening(mostly_failing);
    let load = LOAD.replace("10 iter/s, duration: 2s", "60 iter/s, duration: 4s");
    let ran_with = |slo: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let more = format!("{load}\nslo: {slo}");
        let scenario = written(folder.path(), &more, "      - get: { name: get, url: / }");
        let out = folder.path().join("out");
        let ran = run(plimsoll().arg("run").arg(scenario).args(["--target", &server.url]), &out);
        (ran.code, ran.stdout.clone(), ran.result())
    };
    let (code, said, result) = ran_with("{ p95: { max: 10s } }");
    assert_eq!(code, 99, "{said}");
    assert!(said.contains("error_rate (default) is 60"), "{said}");
    assert_eq!(result.pointer("/objectives/1/by_default"), Some(&true.into()), "{result}");
    let (code, said, result) = ran_with("{ p95: { max: 10s }, error_rate: off }");
    assert_eq!(code, 0, "{said}");
    assert_eq!(result["objectives"].as_array().map(Vec::len), Some(1), "{result}");
    assert!(said.contains("Errors are not judged (`error_rate: off`): 6"), "{said}");
}

/// Three segments of a second, of which the second is gone.
fn torn_film(request: &SeenRequest) -> (u16, String) {
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n#EXTINF:1,\nc.ts\n#EXT-X-ENDLIST\n";
    match request.path() {
        "/film.m3u8" => (200, list.to_owned()),
        "/b.ts" | "/none.m3u8" => (404, "{}".to_owned()),
        _ => (200, "{}".to_owned()),
    }
}

/// Goal: prove that a film that breaks off ends the iteration, or the step alone where it says so, and asks again for the
/// part that is missing where it may.
#[test]
fn film_that_breaks_off_ends_the_iteration_unless_its_user_goes_on() {
    let server = listening(torn_film);
    let film = |list: &str, more: &str| {
        format!(
            "- hls: {{ name: film, manifest: {{ name: list, url: /{list}.m3u8 }}, segment: {{ name: segment }}, watch: 3s{more} }}"
        )
    };
    let watched = |flow: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let before = server.seen().len();
        let load = "workloads: { a: { vus: 1, iterations: 2, duration: 20s } }";
        let scenario = written(folder.path(), load, flow);
        let mut command = plimsoll();
        command.arg("run").arg(scenario).args(["--target", &server.url, "-q"]);
        let ran = run(&mut command, &folder.path().join("out"));
        assert_eq!(ran.count("/load/failed_iterations"), 2, "{}", ran.stderr);
        let asked: Vec<String> =
            server.seen()[before..].iter().map(|seen| seen.path().to_owned()).collect();
        asked
    };
    let stops =
        watched(&format!("      {}\n      - get: {{ name: last, url: /last }}", film("film", "")));
    assert_eq!(stops, ["/film.m3u8", "/a.ts", "/b.ts"].repeat(2));
    let goes_on = format!(
        "      {}\n      {}\n      - get: {{ name: last, url: /last }}",
        film("film", ", on_failure: continue"),
        film("none", ", on_failure: continue").replace("film, ", "other, ")
    );
    let each = ["/film.m3u8", "/a.ts", "/b.ts", "/none.m3u8", "/last"];
    assert_eq!(watched(&goes_on), each.repeat(2));
    let again = ", on_failure: { retry: { times: 2, wait: 10ms }, then: continue }";
    let again = format!("      {}\n      - get: {{ name: last, url: /last }}", film("film", again));
    let each = ["/film.m3u8", "/a.ts", "/b.ts", "/b.ts", "/b.ts", "/last"];
    assert_eq!(watched(&again), each.repeat(2));
}

/// Goal: prove that a user goes on behind a stream or socket that fails where its step says so, and ends elsewhere.
/// Method: events that never meet what they are read for, a deaf socket, and one that is refused.
#[test]
fn user_goes_on_behind_streams_and_sockets_that_fail_where_they_say_so() {
    let stack = Stack::start("tests/data/streams", &[]);
    let flow = |then: &str| {
        format!(
            r"
      - sse: {{ name: never, url: '/events?n=1', until: {{ body: never }}{then} }}
      - websocket: {{ name: deaf, url: /socket, expect: {{ body: never }}, timeout: 300ms{then} }}
      - websocket: {{ name: refused, url: /asset{then} }}
      - get: {{ name: last, url: /asset }}"
        )
    };
    let ran = |then: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let load = "workloads: { a: { vus: 1, iterations: 2, duration: 20s } }";
        let scenario = written(folder.path(), load, &flow(then));
        let mut command = plimsoll();
        command.arg("run").arg(scenario).args(["--target", &stack.url, "-q"]);
        let ran = run(&mut command, &folder.path().join("out"));
        assert_eq!(ran.count("/load/failed_iterations"), 2, "{}", ran.stderr);
        ["never", "deaf", "refused", "last"]
            .map(|step| ran.count(&format!("/whole_run/steps/{step}/requests")))
    };
    assert_eq!(ran(", on_failure: continue"), [2, 2, 2, 2]);
    assert_eq!(ran(""), [2, 0, 0, 0]);
}
