//! What scenario and stack file say of pages beside their flow.

use std::fs;

use super::{ICON, answer, loads, written, written_with};
use crate::harness::{plimsoll, run};
use crate::listening::{SeenRequest, listening};

/// Who the browser is, as its requests say, and what a setup has captured.
fn guarded(request: &SeenRequest) -> (u16, String) {
    let is_known = request.header("x-tenant") == Some("blue")
        && request.header("authorization") == Some("Bearer t0k3n-of-the-setup");
    match request.path() {
        "/login" => (200, r#"{"token":"t0k3n-of-the-setup"}"#.to_owned()),
        "/locked" => (401, "<!doctype html>who are you?".to_owned()),
        "/" | "/account/t0k3n-of-the-setup" | "/data" if is_known => (200, format!("{ICON}in")),
        _ => (403, format!("{ICON}out")),
    }
}

/// Goal: prove that pages are asked for as the scenario says, with what its setup captured, and that no secret gets out.
#[test]
fn pages_carry_the_headers_of_the_scenario_and_what_the_setup_captured() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(guarded);
    let text = format!(
        "name: site\ntarget: {}\nhttp: {{ headers: {{ x-tenant: blue, accept: application/json }} }}\n\
         setup: {{ flow: [{{ post: {{ name: login, url: /login, capture: {{ token: $.token }} }} }}] }}\n\
         workloads: {{ load: {{ stages: [{{ rate: 1 iter/s, duration: 4s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [{{ get: {{ name: data, url: /data, bearer: '{{{{ token }}}}' }} }}] }} }}\n\
         browsers:\n  front:\n    headers: {{ authorization: 'Bearer {{{{ token }}}}' }}\n    flow:\n      \
         - open: {{ name: home, url: / }}\n      - open: {{ name: account, url: '/account/{{{{ token }}}}' }}\n  \
         other:\n    flow:\n      - open: {{ name: locked, url: /locked }}\n",
        server.url
    );
    let file = folder.path().join("scenario.yaml");
    fs::write(&file, text).expect("written");
    let ran = plimsoll().arg("check").arg(&file).arg("--once").output().expect("ran");
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    for line in [
        "page home: 200",
        "page account: 200",
        "page locked: failed: the page did not load: net::ERR_INVALID_AUTH_CREDENTIALS",
    ] {
        assert!(told.lines().any(|told| told.starts_with(line)), "{line}:\n{told}{said}");
    }
    let seen = server.seen();
    let home = seen.iter().find(|request| request.path() == "/").expect("asked for");
    assert!(
        home.header("accept").is_some_and(|accept| accept.starts_with("text/html")),
        "{home:?}"
    );

    let ran = run(plimsoll().arg("run").arg(&file), &folder.path().join("out"));
    let run = ran.folder.as_deref().expect("a run");
    let loads = loads(run);
    assert!(
        loads.iter().any(|load| load["page"] == "account" && load["status"] == 200),
        "{loads:#?}"
    );
    for written in ["run.jsonl", "report.html", "result.json"] {
        let text = fs::read_to_string(run.join(written)).expect("written");
        assert!(!text.contains("t0k3n"), "{written} tells the secret");
    }
}

/// Goal: prove that what browsers cannot do as the load does is refused, and not done otherwise.
#[test]
fn settings_that_browsers_cannot_follow_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    written(folder.path(), &server.url, "1s");
    let proxied = |more: &[&str], out: &str| {
        let mut command = plimsoll();
        command
            .arg("run")
            .arg(folder.path())
            .args(["--set", &format!("http.proxy={}", server.url)]);
        run(command.args(more), &folder.path().join(out))
    };
    let ran = proxied(&[], "out");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for told in ["browsers cannot follow `http.proxy`", "--no-browsers"] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    assert!(proxied(&["--no-browsers"], "without").folder.is_some());
}

/// What a monitor of real users tells of the front end, in seconds.
fn monitored(request: &SeenRequest) -> (u16, String) {
    let told = "# TYPE rum_lcp gauge\nrum_lcp{quantile=\"0.75\"} 2.125\n# TYPE rum_cls gauge\nrum_cls 0.04\n";
    (200, if request.path() == "/metrics" { told.to_owned() } else { "{}".to_owned() })
}

/// Goal: prove that rows of the front end are judged by a source of the stack file where nobody has a browser.
#[test]
fn rows_of_the_front_end_come_from_a_source_of_the_stack_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(monitored);
    let stack = format!(
        "tiers:\n  frontend:\n    kind: external\n    observe:\n      exporter:\n        url: {}/metrics\n        metrics: \
         {{ largest_contentful_paint: rum_lcp, cumulative_layout_shift: rum_cls }}\n",
        server.url
    );
    fs::write(folder.path().join("stack.yaml"), stack).expect("written");
    let text = format!(
        "name: site\ntarget: {}\nstack: stack.yaml\nworkloads: {{ load: {{ stages: [{{ rate: 5 iter/s, duration: 6s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [{{ get: {{ name: data, url: /data }} }}] }} }}\nslo:\n  \
         frontend.largest_contentful_paint: {{ target: 2s, max: 4s }}\n  frontend.cumulative_layout_shift: {{ target: 0.1 }}\n",
        server.url
    );
    fs::write(folder.path().join("scenario.yaml"), text).expect("written");
    let ran = run(plimsoll().arg("run").arg(folder.path()), &folder.path().join("out"));
    let rows = ran.result()["objectives"].as_array().expect("rows").clone();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).expect("the row").clone();
    let lcp = row("frontend.largest_contentful_paint");
    assert_eq!((&lcp["estimate"], &lcp["unit"]), (&2_125.0.into(), &"ms".into()), "{lcp:#}");
    assert_eq!(lcp["status"], "at_risk", "above its target, below its max: {lcp:#}");
    let cls = row("frontend.cumulative_layout_shift");
    assert_eq!((&cls["estimate"], &cls["status"]), (&0.04.into(), &"pass".into()), "{cls:#}");
}

/// What an interface of analytics tells whoever has the token.
fn analysed(request: &SeenRequest) -> (u16, String) {
    match (request.path(), request.header("x-token")) {
        ("/figures", Some("t0ps3cret")) => {
            (200, r#"{"lcp": {"p75": "2.125"}, "cls": 0.04, "api": [{"busy": 0.5}]}"#.to_owned())
        }
        ("/figures", _) => (401, "{}".to_owned()),
        _ => (200, "{}".to_owned()),
    }
}

/// Goal: prove that a document in JSON gives the rows that no exporter knows, and that its token stays secret.
#[test]
fn rows_come_from_a_document_in_json_that_is_asked_for_with_a_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(analysed);
    let document = |metrics: &str| {
        let headers = "{ X-Token: \"${ANALYTICS_TOKEN}\" }";
        format!("{{ url: {}/figures, headers: {headers}, metrics: {{ {metrics} }} }}", server.url)
    };
    let stack = format!(
        "tiers:\n  frontend: {{ kind: external, observe: {{ http: {} }} }}\n  api: {{ kind: api, observe: {{ http: {} }} }}\n",
        document("largest_contentful_paint: $.lcp.p75"),
        document("cpu: '$.api[0].busy', memory: $.absent"),
    );
    fs::write(folder.path().join("stack.yaml"), stack).expect("written");
    let text = format!(
        "name: site\ntarget: {}\nstack: stack.yaml\nworkloads: {{ load: {{ stages: [{{ rate: 5 iter/s, duration: 6s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [{{ get: {{ name: data, url: /data }} }}] }} }}\nslo:\n  \
         frontend.largest_contentful_paint: {{ target: 2s, max: 4s }}\n  api.cpu: {{ target: 70% }}\n  \
         api.memory: {{ target: 70% }}\n",
        server.url
    );
    fs::write(folder.path().join("scenario.yaml"), text).expect("written");
    let mut command = plimsoll();
    command.arg("run").arg(folder.path()).env("ANALYTICS_TOKEN", "t0ps3cret");
    let ran = run(&mut command, &folder.path().join("out"));
    let rows = ran.result()["objectives"].as_array().expect("rows").clone();
    let told = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).expect("the row");
        (row["estimate"].clone(), row["status"].as_str().expect("a status").to_owned())
    };
    let lcp = told("frontend.largest_contentful_paint");
    assert_eq!(lcp, (2_125.0.into(), "at_risk".to_owned()));
    assert_eq!(told("api.cpu"), (0.5.into(), "pass".to_owned()));
    assert_eq!(told("api.memory").1, "not_measured");
    let log = fs::read_to_string(ran.folder.expect("a run").join("run.jsonl")).expect("a log");
    assert!(!log.contains("t0ps3cret"));
}

/// Goal: prove that a host which the file allows is reached where the run may load it, and by no other word.
#[test]
fn pages_reach_other_hosts_that_the_file_allows_and_the_run_may_load() {
    fn answer(request: &SeenRequest) -> (u16, String) {
        let host = request.header("host").unwrap_or_default().replace("127.0.0.1", "localhost");
        match request.path() {
            "/" => (200, format!("{ICON}<img src='http://{host}/picture'>")),
            _ => (200, "{}".to_owned()),
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    written_with(folder.path(), &server.url, "1s", "flow: [{ open: { name: home, url: / } }]\n");
    let file = folder.path().join("scenario.yaml");
    let text = fs::read_to_string(&file).expect("written");
    fs::write(&file, format!("allow_hosts: [localhost]\n{text}")).expect("written");
    let asked = |more: &[&str]| {
        let mut command = plimsoll();
        let ran = command.arg("check").arg(&file).arg("--once").args(more).output().expect("ran");
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        let count = server.seen().iter().filter(|request| request.path() == "/picture").count();
        (told.contains("kept from other hosts: localhost"), count, told)
    };
    let (is_kept, count, told) = asked(&[]);
    assert!(is_kept && count == 0, "{count}: {told}");
    let (is_kept, count, told) = asked(&["--i-may-load", "localhost"]);
    assert!(!is_kept && count == 1, "{count}: {told}");
}
