//! What a scenario file says is what is sent, and what the environment says is never shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::exports::{collector, pushed, scrape};
use super::harness::{plimsoll, run};
pub(super) use super::listening::{Listening, SeenRequest, listening};

/// A scenario folder with these steps.
pub(super) fn written(folder: &Path, more: &str, flow: &str) -> PathBuf {
    let text = format!(
        "name: values\ntarget: http://127.0.0.1:1\n{more}\nscenarios:\n  s:\n    flow:\n{flow}\n"
    );
    fs::write(folder.join("scenario.yaml"), text).expect("written");
    folder.to_owned()
}

const ONE: &str = "workloads: { a: { stages: [{ rate: 1 iter/s, duration: 5s }] } }";

fn once(folder: &Path, server: &Listening) -> Command {
    let mut command = plimsoll();
    command.arg("check").arg(folder).args(["--once", "--target", &server.url]);
    command
}

fn odd_values(request: &SeenRequest) -> (u16, String) {
    let body = r#"{"id":100000000000000000001,"price":19.90,"long":0.12345678901234567890,"ok":true,
        "nul":null,"obj":{"b":"x","a":[1.10,null,1E3]},"items":[{"ok":true},{"ok":false}]}"#;
    (200, if request.path() == "/o" { body.to_owned() } else { "{}".to_owned() })
}

#[test]
fn captured_value_goes_out_as_it_came_wherever_it_is_put() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(odd_values);
    let flow = r#"
      - get:
          name: g
          url: /o
          capture: { id: $.id, price: $.price, long: $.long, ok: $.ok, obj: $.obj, nul: { json: $.nul, default: 7 } }
      - post:
          name: p
          url: "/{{ id }}/{{ ok }}"
          query: { obj: "{{ obj }}", nul: "{{ nul }}" }
          headers: { x-price: "{{ price }}", x-long: "{{ long }}", host: shop.example }
          json: { id: "{{ id }}", text: "is {{ ok }}", obj: "{{ obj }}", own: [20000000000000000001, 1e3], sum: "{{ price + 1 }}" }
      - post: { name: t, url: /t, body: '{"ok":{{ ok }},"obj":{{ obj }},"more":"{{ "x" ~ ok }}"}' }
      - if: { when: "id > 100000000000000000000", flow: [ { get: { name: y, url: /exact } } ] }"#;
    let output = once(&written(folder.path(), ONE, flow), &server).output().expect("it runs");
    let seen = server.seen();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let obj = "%7B%22b%22%3A%22x%22%2C%22a%22%3A%5B1.10%2Cnull%2C1E3%5D%7D";
    assert_eq!(seen[1].path(), format!("/100000000000000000001/true?obj={obj}&nul=7"));
    assert_eq!(seen[1].header("x-price"), Some("19.90"));
    assert_eq!(seen[1].header("x-long"), Some("0.12345678901234567890"));
    assert_eq!(seen[1].header("host"), Some("shop.example"));
    assert_eq!(
        seen[1].body,
        r#"{"id":100000000000000000001,"text":"is true","obj":{"b":"x","a":[1.10,null,1E3]},"own":[20000000000000000001,1e3],"sum":20.9}"#
    );
    assert_eq!(seen[2].body, r#"{"ok":true,"obj":{"b":"x","a":[1.10,null,1E3]},"more":"xtrue"}"#);
    assert_eq!(seen[3].path(), "/exact");
}

/// A text that would end a part of an upload and begin another one.
fn forged_part(_: &SeenRequest) -> (u16, String) {
    let part =
        r"\r\n--plimsoll-7f3c9a51d0e84b62\r\ncontent-disposition: form-data; name=evil\r\n\r\n";
    (200, format!(r#"{{"part":"{part}","plain":"--plimsoll"}}"#))
}

#[test]
fn captured_value_with_the_boundary_of_an_upload_is_an_error_and_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(forged_part);
    let flow = r#"
      - get: { name: g, url: /, capture: { part: $.part, plain: $.plain } }
      - post: { name: well, url: /well, multipart: { a: "{{ plain }}", b: { text: "{{ plain }}", filename: "{{ part }}" } } }
      - post: { name: ill, url: /ill, multipart: { a: "{{ part }}" } }"#;
    let output = once(&written(folder.path(), ONE, flow), &server).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("a part of the upload holds `plimsoll-7f3c9a51d0e84b62`"), "{said}");
    let seen = server.seen();
    assert_eq!(seen.len(), 2, "{said}");
    let parts = seen[1].body.split("\r\n").filter(|line| line.starts_with("--plimsoll-"));
    assert_eq!(parts.count(), 3, "{}", seen[1].body);
}

/// Goal: prove that a member that an answer lacks is told, and never sent as nothing.
#[test]
fn member_that_is_not_there_is_an_error_unless_there_is_another_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(odd_values);
    let get = "      - get: { name: g, url: /o, capture: { obj: $.obj, items: $.items } }";
    for missing in ["obj.none", "items[7].ok", "obj.a[5]"] {
        let flow = format!("{get}\n      - get: {{ name: x, url: \"/x/{{{{ {missing} }}}}\" }}");
        let scenario = written(folder.path(), ONE, &flow);
        let output = once(&scenario, &server).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(99), "{said}");
        assert!(said.contains(&format!("`{missing}` has no value")), "{said}");
    }
    let before = server.seen().len();
    let flow = format!(
        "{get}\n      - if: {{ when: \"{{{{ obj.none is undefined }}}}\", flow: [{{ get: {{ name: x, url: \"/x/{{{{ obj.none | default('-') }}}}\" }} }}] }}"
    );
    let output = once(&written(folder.path(), ONE, &flow), &server).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(server.seen()[before + 1].path(), "/x/-");
}

#[test]
fn check_looks_at_all_values_and_names_the_one_that_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(odd_values);
    let flow = "      - get: { name: g, url: /o, check: { json: { '$.items[*].ok': true } } }";
    let output = once(&written(folder.path(), ONE, flow), &server).output().expect("it runs");
    assert_eq!(output.status.code(), Some(99));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("`$.items[*].ok` is `false` (value 2 of 2), expected true"), "{said}");
}

fn login(request: &SeenRequest) -> (u16, String) {
    (200, format!(r#"{{"token":"t-{}"}}"#, request.body))
}

#[test]
fn users_log_in_once_and_rows_go_to_those_who_use_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(login);
    fs::write(folder.path().join("users.csv"), "first name;pw\nann;\" a \"\nbob;b\n")
        .expect("written");
    fs::write(folder.path().join("orders.csv"), "n\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
        .expect("written");
    let more = "data:\n  users: { file: users.csv, pick: unique, delimiter: ';' }\n  orders: { file: orders.csv }\n\
        sessions:\n  u:\n    login: [{ post: { name: login, url: /login, body: '{{ users.first name }}|{{ users.pw }}', capture: { token: $.token } } }]\n    lives: 60s\n\
        workloads: { a: { vus: 2, duration: 2s, pace: 100ms } }";
    let flow = r#"
      - get: { name: a, url: /a, session: u, bearer: "{{ token }}" }
  order: { weight: 0.3, flow: [ { get: { name: order, url: "/o/{{ orders.n }}" } } ] }"#;
    let scenario = written(folder.path(), more, flow);
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(scenario).args(["--target", &server.url, "-q"]), &out);
    let seen = server.seen();
    let logins: Vec<&str> =
        seen.iter().filter(|r| r.path() == "/login").map(|r| r.body.as_str()).collect();
    assert_eq!(logins.len(), 2, "{logins:?} {}", ran.stderr);
    assert!(logins.contains(&"ann| a ") && logins.contains(&"bob|b"), "{logins:?}");
    let tokens = seen.iter().filter(|r| r.path() == "/a").filter_map(|r| r.header("authorization"));
    assert!(tokens.into_iter().all(|token| token.starts_with("Bearer t-")), "{seen:?}");
    let orders: Vec<&str> = seen.iter().filter_map(|r| r.path().strip_prefix("/o/")).collect();
    let expected: Vec<String> = (0..orders.len()).map(|n| (n % 10).to_string()).collect();
    // Two users may send at the same moment, so neighbours may change places on the way.
    let mut sorted = orders.clone();
    sorted.sort_unstable();
    let mut due: Vec<&str> = expected.iter().map(String::as_str).collect();
    due.sort_unstable();
    assert!(!orders.is_empty() && sorted == due, "{orders:?}");
}

/// Everything that came, in the body, in JSON and as a URL.
fn echo(request: &SeenRequest) -> (u16, String) {
    let all = format!("{}{}{:?}", request.path(), request.body, request.headers);
    (500, format!("{{\"error\":{all:?}}} \u{1b}]0;pwned\u{7}"))
}

/// Values that must never be seen again: short, with signs that are escaped, with a line end, like a template.
const CANARIES: [(&str, &str); 5] = [
    ("PIN", "Z~7!"),
    ("TOKEN", "tok/en+\"c4n4ry\" &x"),
    ("MOUNTED", "m0unted-c4n4ry\n"),
    ("BRACES", "{{ c4n4ry7*7 }}"),
    ("KEY", "k3y-c4n4ry"),
];

const CANARY_FLOW: &str = r#"
      - post:
          name: p
          url: "/pay?pin=${PIN}"
          headers: { x-token: "${TOKEN}", x-key: "{{ '${KEY}' | upper | lower }}" }
          json: { pin: "${PIN}", token: "${TOKEN}", mounted: "${MOUNTED}", braces: "${BRACES}" }
          check: { status: 200, body: welcome }"#;

fn with_canaries(command: &mut Command) -> &mut Command {
    command.envs(CANARIES.iter().map(|(name, value)| (name, value)))
}

/// What must not be found: the canaries and the signs by which one would be told in another spelling. A short one has a
/// character that no encoding changes and base64 does not have, or distributions in a log would spell it by chance.
fn leak(text: &str) -> Option<&'static str> {
    ["Z~7", "c4n4ry", "C4N4RY", "\u{1b}]0;", "m0unted"].into_iter().find(|sign| text.contains(sign))
}

/// Goal: nothing of the environment stands in any output.
/// Method: canaries in every input; a server that answers with all that it was sent; every file that a run writes.
#[test]
fn values_of_the_environment_stand_in_no_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(echo);
    let more = "workloads: { a: { stages: [{ rate: 5 iter/s, duration: 2s }], hooks: [{ at: 500ms, run: \"printf '%s' \\\"$TOKEN\\\"; false\", mark: \"pin ${PIN}\" }] } }";
    let scenario = written(folder.path(), more, CANARY_FLOW);
    let target = format!("{}/${{KEY}}", server.url);
    let checked = with_canaries(plimsoll().arg("check").arg(&scenario))
        .args(["--once", "--set", &format!("target={target}")])
        .output()
        .expect("it runs");
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("FAILED") && said.contains("•••"), "{said}");
    assert_eq!(leak(&said), None, "{said}");

    let out = folder.path().join("out");
    let events = folder.path().join("events.jsonl");
    let mut command = plimsoll();
    command.arg("run").arg(&scenario).args(["--set", &format!("target={target}")]);
    with_canaries(command.arg(format!("--events={}", events.display())));
    let ran = run(&mut command, &out);
    assert_eq!(ran.code, 99, "{}", ran.stderr);
    let sent = server.seen();
    let request = sent.last().expect("a request");
    assert_eq!(request.header("x-token"), Some("tok/en+\"c4n4ry\" &x"), "it is sent as it is");
    assert!(request.body.contains(r#""braces":"{{ c4n4ry7*7 }}""#), "{}", request.body);
    for text in [&ran.stdout, &ran.stderr] {
        assert_eq!(leak(text), None, "{text}");
    }
    let mut files = vec![events];
    let entries = fs::read_dir(ran.folder.expect("a run")).expect("its folder");
    files.extend(entries.map(|entry| entry.expect("an entry").path()));
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let text = String::from_utf8_lossy(&fs::read(&file).expect("read")).into_owned();
        assert_eq!(leak(&text), None, "{}", file.display());
    }
}

/// Goal: nothing of it stands in what others read while a run goes on: its metrics, pushed and scraped, and the screen.
#[cfg(feature = "tui")]
#[test]
fn values_of_the_environment_stand_on_no_screen_and_in_no_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(echo);
    let more = "workloads: { a: { stages: [{ rate: 20 iter/s, duration: 4s }] } }";
    let scenario = written(folder.path(), more, CANARY_FLOW);
    let (collector, pushes) = collector();
    let mut command = plimsoll();
    command.arg("run").arg(&scenario).env("TERM", "xterm-256color").arg("--tui");
    command.args(["--set", &format!("target={}/${{KEY}}", server.url), "--otlp", &collector]);
    command.args(["--metrics-listen", "127.0.0.1:0", "--otlp-every", "1s"]);
    command.arg("--out").arg(folder.path().join("out"));
    let mut terminal =
        super::pty::Pty::start(with_canaries(&mut command), 120, 40).expect("a terminal");
    let mut printed = terminal.read_to("/metrics").expect("it says where its metrics are");
    let address = printed.split("http://").last().and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.expect("an address").to_owned();
    let mut bodies = vec![];
    while bodies.last().is_none_or(|body| pushed(body, "plimsoll.requests") == 0) {
        bodies.push(pushes.recv_timeout(Duration::from_secs(30)).expect("a push"));
    }
    let page = scrape(&address);
    while bodies.last().is_some_and(|body| pushed(body, "plimsoll.running") == 1) {
        bodies.push(pushes.recv_timeout(Duration::from_secs(30)).expect("a push"));
    }
    // The first may still be asked whether it is meant.
    terminal.press("qq").expect("typed");
    printed += &terminal.read_to_end().expect("an end").1;
    assert!(printed.contains("•••"), "the target is shown: {printed:?}");
    assert!(page.contains("plimsoll_requests_total"), "{page}");
    let bodies: Vec<String> = bodies.iter().map(|body| format!("{body:?}")).collect();
    for text in bodies.iter().chain([&page, &printed]) {
        assert_eq!(leak(text), None, "{text:?}");
    }
}

#[test]
fn refusal_shows_nothing_of_the_value_that_it_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = "      - get: { name: g, url: /, bearer: \"${MOUNTED}\" }";
    let scenario = written(folder.path(), ONE, flow);
    let address = "http://bob:c4n4ry@127.0.0.1:1";
    let mut refused = vec![plimsoll()];
    refused[0].arg("check").arg(&scenario);
    let mut target = plimsoll();
    target.arg("check").arg(&scenario).args(["--set", "target=${ADDRESS}"]).env("ADDRESS", address);
    refused.push(target);
    for mut command in refused {
        let output = with_canaries(&mut command).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(leak(&said), None, "{said}");
    }
}

#[test]
fn no_line_of_a_data_file_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("users.csv"), "a,b\nc4n4ry\n").expect("written");
    fs::write(folder.path().join("secret.conf"), "c4n4ry: x\n").expect("written");
    for more in [
        "data: { u: { file: users.csv } }",
        "data: { u: { file: secret.conf } }",
        "stack: secret.conf",
    ] {
        let flow = "      - get: { name: g, url: / }";
        let scenario = written(folder.path(), &format!("{ONE}\n{more}"), flow);
        let output = plimsoll().arg("check").arg(scenario).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), leak(&said)), (Some(2), None), "{said}");
    }
}
