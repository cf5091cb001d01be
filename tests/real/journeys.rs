//! What scenario files can say of journeys, seen from the server: loops, functions, captures, sessions, rows, included files.
//!
//! Each is played by `check --once` as well, which plays an iteration as a run does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::harness::{plimsoll, run};
use super::values::{Listening, SeenRequest, listening, written};

const TWICE: &str = "workloads: { a: { vus: 1, iterations: 2, duration: 30s } }";
const ITERATIONS: usize = 2;

/// What the server is asked for in two iterations of a run; `check --once` must ask for the same once, and must say
/// `told`.
fn asked(server: &Listening, scenario: &Path, told: &str, more: &[&str]) -> Vec<SeenRequest> {
    let before = server.seen().len();
    let mut check = plimsoll();
    check.arg("check").arg(scenario).args(["--once", "--target", &server.url]).args(more);
    let output = check.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(told), "{said}");
    let once = server.seen().len() - before;
    let mut command = plimsoll();
    command.arg("run").arg(scenario).args(["--target", &server.url, "--no-preflight", "-q"]);
    let out = tempfile::tempdir().expect("a folder");
    let ran = run(command.args(more), out.path());
    assert_eq!(ran.count("/load/failed_iterations"), 0, "{}", ran.stderr);
    let seen = server.seen().split_off(before + once);
    assert_eq!(seen.len(), once * ITERATIONS, "{seen:?}");
    seen
}

fn paths(seen: &[SeenRequest]) -> Vec<&str> {
    seen.iter().map(SeenRequest::path).collect()
}

fn pages(request: &SeenRequest) -> (u16, String) {
    let body = match request.path() {
        "/items" => r#"{"items":[{"id":11},{"id":12},{"id":13}],"times":3,"pause":"10ms"}"#,
        "/feed" => r#"{"next":"/feed?page=2"}"#,
        "/feed?page=2" => r#"{"next":"/feed?page=3"}"#,
        _ => "{}",
    };
    (200, body.to_owned())
}

/// Goal: prove that lists are gone through in order up to their limit, `while` ends with its condition, and rounds and
/// pauses come from data.
#[test]
fn loops_go_as_far_as_lists_conditions_and_data_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(pages);
    let flow = r#"
      - get:
          name: list
          url: /items
          capture: { items: { json: "$.items[*]", take: all }, times: $.times, pause: $.pause }
      - foreach: { in: items, as: item, limit: 2, flow: [{ get: { name: item, url: "/items/{{ item.id }}" } }] }
      - think: "{{ pause }}"
      - repeat: { times: "{{ times }}", flow: [{ get: { name: again, url: /again } }] }
      - get: { name: feed, url: /feed, capture: { next: { json: $.next, default: "" } } }
      - while:
          when: next != ''
          max: 9
          flow: [{ get: { name: feed, url: "{{ next }}", capture: { next: { json: $.next, default: "" } } } }]"#;
    let scenario = written(folder.path(), TWICE, flow);
    let seen = asked(&server, &scenario, "/items/12", &[]);
    let round = [
        "/items",
        "/items/11",
        "/items/12",
        "/again",
        "/again",
        "/again",
        "/feed",
        "/feed?page=2",
        "/feed?page=3",
    ];
    assert_eq!(paths(&seen), round.repeat(ITERATIONS));
}

/// Goal: prove that functions of templates give what others compute of the same.
/// Method: the token that jwt.io shows first, RFC 4231 (case 2), FIPS 180-4's `abc`.
#[test]
fn functions_give_the_server_what_others_compute() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    fs::write(folder.path().join("note.txt"), "a \"b\"\n").expect("written");
    let flow = r#"
      - post:
          name: functions
          url: "/f?q={{ 'a b&c/é' }}"
          bearer: "{{ jwt({'sub': '1234567890', 'name': 'John Doe', 'iat': 1516239022}, 'your-256-bit-secret') }}"
          headers:
            x-hmac: "{{ hmac('Jefe', 'what do ya want for nothing?') }}"
            x-sha: "{{ sha256('abc') }}"
            x-lower: "{{ urlencode(lower('ÄB')) }}"
            x-hex: "{{ hex(7) }}"
            x-day: "{{ now('%Y-%m-%dT%H:%M', zone='Europe/Berlin') }}"
          json: { note: "{{ file('note.txt') }}", number: "{{ seq(1000) }}" }"#;
    let scenario = written(folder.path(), TWICE, flow);
    let seen = asked(&server, &scenario, "/f?q=a%20b%26c%2F%C3%A9", &[]);
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2\
                 MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    for (at, request) in seen.iter().enumerate() {
        assert_eq!(request.path(), "/f?q=a%20b%26c%2F%C3%A9");
        assert_eq!(request.header("authorization"), Some(format!("Bearer {token}").as_str()));
        let hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(request.header("x-hmac"), Some(hmac));
        let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(request.header("x-sha"), Some(sha));
        assert_eq!(request.header("x-lower"), Some("%C3%A4b"));
        let hex = request.header("x-hex").unwrap_or_default();
        assert!(hex.len() == 7 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{hex}");
        let day = request.header("x-day").unwrap_or_default();
        assert!(day.parse::<jiff::civil::DateTime>().is_ok(), "{day}");
        assert_eq!(request.body, format!(r#"{{"note":"a \"b\"\n","number":{}}}"#, 1000 + at));
    }
}

fn choices(_: &SeenRequest) -> (u16, String) {
    let page = r#"<p class="n">one</p><p class="n">two &amp; a half</p><p class="n">three</p>"#;
    (200, page.to_owned())
}

#[test]
fn captures_take_the_first_the_last_any_or_all_and_unescape_what_is_html() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(choices);
    let flow = r#"
      - get:
          name: page
          url: /page
          capture:
            first: { regex: 'class="n">([^<]*)' }
            last: { regex: 'class="n">([^<]*)', take: last }
            any: { regex: 'class="n">([^<]*)', take: random }
            all: { regex: 'class="n">([^<]*)', take: all, unescape_html: true }
      - post: { name: sent, url: /sent, json: { first: "{{ first }}", last: "{{ last }}", all: "{{ all }}" } }
      - get: { name: any, url: "/any/{{ any }}" }"#;
    let scenario = written(folder.path(), TWICE, flow);
    let seen = asked(&server, &scenario, "two & a half", &[]);
    let sent: Vec<&SeenRequest> = seen.iter().filter(|one| one.path() == "/sent").collect();
    for request in sent {
        let expected = r#"{"first":"one","last":"three","all":["one","two & a half","three"]}"#;
        assert_eq!(request.body, expected);
    }
    let any = paths(&seen).into_iter().filter_map(|path| path.strip_prefix("/any/"));
    assert!(
        any.into_iter().all(|one| ["one", "two%20%26amp%3B%20a%20half", "three"].contains(&one))
    );
}

fn token(_: &SeenRequest) -> (u16, String) {
    (200, r#"{"token":"t"}"#.to_owned())
}

/// Goal: prove how often who logs in: each user, each iteration, or one for all.
#[test]
fn logins_are_those_of_users_iterations_or_of_the_run() {
    for (per, due) in [("user", 3), ("iteration", 12), ("run", 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = listening(token);
        let more = format!(
            "sessions:\n  s:\n    per: {per}\n    lives: 60s\n    \
             login: [{{ post: {{ name: login, url: /login, capture: {{ token: $.token }} }} }}]\n\
             workloads: {{ a: {{ vus: 3, iterations: 12, pace: 50ms, duration: 30s }} }}"
        );
        let flow =
            r#"      - get: { name: a, url: /a, session: s, headers: { x-token: "{{ token }}" } }"#;
        let scenario = written(folder.path(), &more, flow);
        let mut command = plimsoll();
        command.arg("run").arg(scenario).args(["--target", &server.url, "--no-preflight", "-q"]);
        let ran = run(&mut command, &folder.path().join("out"));
        let seen = server.seen();
        let logins = seen.iter().filter(|one| one.path() == "/login").count();
        assert_eq!(logins, due, "per {per}: {}", ran.stderr);
        let used: Vec<_> = seen.iter().filter(|one| one.path() == "/a").collect();
        assert_eq!(used.len(), 12, "per {per}");
        assert!(used.iter().all(|one| one.header("x-token") == Some("t")), "per {per}: {used:?}");
    }
}

/// Goal: prove that rows go out as their files have them, whatever the encoding, the delimiter and the quotes.
#[test]
fn rows_of_every_encoding_go_out_as_they_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("written");
    };
    write("latin.csv", b"city;first name\nM\xFCnchen;\" J\xF6rg \"\n");
    let wide: Vec<u8> =
        "\u{feff}a-b\tn\r\n\u{1F600}\t1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    write("wide.csv", &wide);
    write("mark.csv", "\u{feff}id,text\n007,\"x, \"\"y\"\"\"\n".as_bytes());
    write("lines.jsonl", b"{\"id\":10000000000000000001,\"tags\":[1,true,null]}\n\n{\"id\":2}\n");
    let more = format!(
        "data:\n  latin: {{ file: latin.csv, delimiter: ';', encoding: latin-1 }}\n  \
         wide: {{ file: wide.csv, delimiter: tab, encoding: utf-16 }}\n  mark: {{ file: mark.csv }}\n  \
         lines: {{ file: lines.jsonl, pick: sequential }}\n{TWICE}"
    );
    let flow = r#"
      - post:
          name: rows
          url: "/{{ latin.city }}"
          json:
            name: "{{ latin['first name'] }}"
            face: "{{ wide['a-b'] }}"
            id: "{{ mark.id }}"
            text: "{{ mark.text }}"
            big: "{{ lines.id }}"
            tags: "{{ lines.tags | default([]) }}""#;
    let scenario = written(folder.path(), &more, flow);
    let seen = asked(&server, &scenario, "10000000000000000001", &[]);
    assert_eq!(paths(&seen), ["/M%C3%BCnchen"; ITERATIONS]);
    let row = |big: &str, tags: &str| {
        format!(
            r#"{{"name":" Jörg ","face":"😀","id":"007","text":"x, \"y\"","big":{big},"tags":{tags}}}"#
        )
    };
    let sent: BTreeSet<&str> = seen.iter().map(|one| one.body.as_str()).collect();
    let (first, second) = (row("10000000000000000001", "[1,true,null]"), row("2", "[]"));
    assert_eq!(sent, BTreeSet::from([first.as_str(), second.as_str()]));
}

/// Goal: prove that an environment is one small file, and that one run differs by `--set`.
#[test]
fn environment_is_a_small_file_and_one_run_differs_by_a_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    let flow = "      - get: { name: home, url: \"/${vars.region}/home\" }";
    let more = format!(
        "vars: {{ region: eu, tenant: a }}\nhttp: {{ headers: {{ x-tenant: \"${{vars.tenant}}\" }} }}\n{TWICE}"
    );
    written(folder.path(), &more, flow);
    let staging = folder.path().join("staging.yaml");
    fs::write(&staging, "include: scenario.yaml\nvars: { region: us }\n").expect("written");
    let seen = asked(&server, &staging, "/us/home", &["--set", "vars.tenant=b"]);
    assert_eq!(paths(&seen), ["/us/home"; ITERATIONS]);
    assert!(seen.iter().all(|one| one.header("x-tenant") == Some("b")), "{seen:?}");
}
