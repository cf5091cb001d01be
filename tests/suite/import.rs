//! Imports: what is written, that it passes `check`, that it is told what was left out, and that it runs.
//!
//! Where the written files change on purpose, `UPDATE_GOLDENS=1 cargo test --test suite import` writes them anew.

mod bodies;
mod kept;
mod pages;
mod planted;
mod replayed;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use plimsoll::import::{ImportOptions, Imported, access_log, har, jmx, k6, openapi, postman};
use plimsoll::plan::{Load, Overrides, Plan, compile};
use plimsoll::scenario::{Colour, Loaded, SourceId, load, render};
use plimsoll::transport::thread_cpu;
use plimsoll::units::Ratio;
use proptest::prelude::*;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn input(file: &str) -> String {
    fs::read_to_string(folder().join(file)).expect("an input")
}

fn options(name: &str, file: &str) -> ImportOptions {
    ImportOptions {
        name: name.to_owned(),
        folder: format!("scenarios/{name}"),
        file: file.to_owned(),
        hosts: vec![],
        replay: None,
        browser: false,
    }
}

/// Loads imported files as `plimsoll check` does.
fn loaded(imported: &Imported, scenario: &str) -> Loaded {
    let files: BTreeMap<PathBuf, &str> =
        imported.files.iter().map(|(name, text)| (PathBuf::from(name), text.as_str())).collect();
    let read = |path: &Path| match files.get(path) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    load(Path::new(scenario), &[], &read, &|_| None)
}

#[expect(clippy::panic, reason = "a test tells in full what is wrong")]
fn checked(imported: &Imported, scenario: &str) -> Plan {
    let loaded = loaded(imported, scenario);
    let today = jiff::civil::date(2026, 1, 31);
    compile(&loaded, &Overrides::default(), today).unwrap_or_else(|problems| {
        let text = &imported.files[0].1;
        panic!("{}\n{text}\n", render(&problems, &loaded.sources, Colour::None))
    })
}

/// Compares with `tests/import/golden/NAME/`, notes included.
#[expect(clippy::disallowed_methods, reason = "the environment says whether to write the answers")]
fn assert_golden(name: &str, imported: &Imported) {
    let golden = folder().join("golden").join(name);
    let notes = ("notes.txt".to_owned(), imported.notes.to_string());
    let files: Vec<_> = imported.files.iter().chain([&notes]).collect();
    if std::env::var("UPDATE_GOLDENS").is_ok() {
        fs::create_dir_all(&golden).expect("a folder");
        for (file, text) in &files {
            fs::write(golden.join(file), text).expect("written");
        }
    }
    for (file, text) in files {
        let expected = fs::read_to_string(golden.join(file)).unwrap_or_default();
        assert_eq!(*text, expected, "{name}/{file}");
    }
    let expected = fs::read_dir(&golden).expect("the golden folder").count();
    assert_eq!(imported.files.len() + 1, expected, "files of {name}");
}

fn shop() -> Imported {
    har(&input("shop.har"), SourceId(0), &options("shop", "shop.har")).expect("a recording")
}

#[test]
fn recording_of_chromium_reads_as_if_written_by_hand() {
    let imported = shop();
    checked(&imported, "scenario.yaml");
    assert_golden("shop", &imported);
}

#[test]
fn recording_of_playwright_reads_the_same() {
    let imported = har(&input("playwright.har"), SourceId(0), &options("shop", "playwright.har"));
    let imported = imported.expect("a recording");
    checked(&imported, "scenario.yaml");
    assert_golden("shop_playwright", &imported);
}

/// Goal: prove that a large API is imported whole, and that what is written passes `check`.
#[test]
fn large_descriptions_are_imported_whole() {
    const OPERATIONS: usize = 1_100;
    let properties: serde_json::Map<String, Value> =
        (0..25).map(|n| (format!("p{n}"), json!({ "type": "string" }))).collect();
    let body = json!({ "content": { "application/json": { "schema": { "type": "object", "properties": properties } } } });
    let paths: serde_json::Map<String, Value> = (0..OPERATIONS)
        .map(|n| {
            let operation = json!({ "operationId": format!("op{n}"), "requestBody": body, "responses": { "200": {} } });
            (format!("/things/{n}"), json!({ "post": operation }))
        })
        .collect();
    let text =
        json!({ "openapi": "3.0.3", "servers": [{ "url": "http://127.0.0.1:1" }], "paths": paths })
            .to_string();
    let imported = openapi(&text, SourceId(0), &options("api", "api.json")).expect("a description");
    assert!(imported.notes.dropped.is_empty(), "{}", imported.notes);
    assert_eq!(checked(&imported, "scenario.yaml").scenarios.len(), OPERATIONS);
}

/// Goal: prove that a request costs no more to check because there are many others.
/// Method: CPU time of a scenario with so many captured values, and with four times as many: it is about four times as
/// much, where it was sixteen times.
#[test]
fn check_costs_each_request_the_same_however_many_there_are() {
    let cost = |count: usize| {
        let scenario = |n: usize| {
            format!(
                "  s{n}: {{ flow: [ {{ post: {{ name: p{n}, url: /p, json: {{ a: 1 }}, capture: {{ id{n}: $.id }} }} }}, \
                 {{ get: {{ name: g{n}, url: '/p/{{{{ id{n} }}}}?a={{{{ id{n} | upper }}}}' }} }} ] }}\n"
            )
        };
        let scenarios = (0..count).map(scenario).collect::<Vec<_>>().concat();
        let text = format!(
            "name: a\ntarget: http://127.0.0.1:1\nworkloads: {{ w: {{ vus: 1, duration: 1s }} }}\nscenarios:\n{scenarios}"
        );
        let read = |_: &Path| Ok(text.as_bytes().to_vec());
        let before = thread_cpu();
        let loaded = load(Path::new("scenario.yaml"), &[], &read, &|_| None);
        let plan = compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31));
        assert_eq!(plan.map(|plan| plan.scenarios.len()).ok(), Some(count));
        thread_cpu().saturating_sub(before).as_secs_f64()
    };
    let (few, many) = (cost(1_500), cost(6_000));
    assert!(many < 8.0 * few, "{few} s and {many} s");
}

#[test]
fn log_becomes_its_mix_and_its_rates() {
    let imported = access_log(&input("access.log"), SourceId(0), &options("flights", "access.log"))
        .expect("a log");
    checked(&imported, "scenario.yaml");
    assert_golden("access_log", &imported);
}

#[test]
fn descriptions_become_a_smoke_scenario_for_each_operation() {
    for (file, name) in [("flights.yaml", "flights"), ("petstore.json", "petstore")] {
        let imported =
            openapi(&input(file), SourceId(0), &options(name, file)).expect("a description");
        checked(&imported, "scenario.yaml");
        assert_golden(name, &imported);
    }
}

#[test]
fn plans_of_other_tools_keep_their_requests_and_users() {
    let file = "shop.postman_collection.json";
    let imported = postman(&input(file), None, SourceId(0), &options("shop", file));
    let imported = imported.expect("a collection");
    checked(&imported, "scenario.yaml");
    assert_golden("shop_postman", &imported);
    let mut read = |path: &str| fs::read_to_string(folder().join(path)).ok();
    let plan = jmx(&input("shop.jmx"), SourceId(0), &options("shop", "shop.jmx"), &mut read);
    let plan = plan.expect("a test plan");
    checked(&plan, "scenario.yaml");
    assert_golden("shop_jmx", &plan);
    let loads = k6(&input("k6.json"), SourceId(0), &options("shop", "k6.json")).expect("options");
    checked(&loads, "scenario.yaml");
    assert_golden("shop_k6", &loads);
}

/// Goal: prove that a replay is the log: each request once, at its second, in order, by its own scenario.
#[test]
fn replay_starts_every_request_at_its_recorded_time() {
    let options =
        ImportOptions { replay: Some(Ratio::new(2.0)), ..options("flights", "access.log") };
    let imported = access_log(&input("access.log"), SourceId(0), &options).expect("a log");
    let plan = checked(&imported, "replay.yaml");
    let Load::Open(open) = &plan.load else { panic!("an open workload") };
    let arrivals: Vec<_> = plimsoll::schedule::Schedule::new(open, plan.seed, plan.shard).collect();
    let requests = &imported.files.iter().find(|(name, _)| name == "requests.csv").expect("rows").1;
    let rows: Vec<Vec<&str>> =
        requests.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(arrivals.len(), rows.len());
    let cast =
        plimsoll::user::UserFactory::new(std::sync::Arc::new(checked(&imported, "replay.yaml")));
    for (arrival, row) in arrivals.iter().zip(&rows) {
        let recorded: f64 = row[0].parse().expect("seconds");
        assert!((arrival.intended.as_secs_f64() * 2.0 - recorded).abs() < 1e-5, "{row:?}");
        let scenario = cast.scenario_of(arrival);
        assert_eq!(plan.scenarios[usize::from(scenario.0)].name, row[1]);
    }
}

#[test]
fn secrets_of_a_recording_are_in_none_of_its_files() {
    let recording = input("shop.har");
    let imported = shop();
    let tree: Value = serde_json::from_str(&recording).expect("JSON");
    let entries = tree["log"]["entries"].as_array().expect("entries");
    let bodies = entries.iter().filter_map(|entry| entry["response"]["content"]["text"].as_str());
    let tokens: Vec<String> = bodies
        .filter_map(|body| serde_json::from_str::<Value>(body).ok())
        .filter_map(|body| body["token"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(tokens.len(), 1);
    let written: String = imported.files.iter().map(|(_, text)| text.as_str()).collect::<String>()
        + &imported.notes.to_string();
    for secret in [tokens[0].as_str(), "correct horse battery"] {
        assert!(recording.contains(secret) && !written.contains(secret), "{secret}");
    }
}

#[test]
fn wrong_files_are_answered_with_their_place() {
    let place = |problems: Vec<plimsoll::scenario::Problem>| {
        (problems[0].span.line, problems[0].kind.to_string())
    };
    let error = har(
        "{\n \"log\": { \"entries\": [{ \"startedDateTime\": 5 }] } }",
        SourceId(0),
        &options("x", "x"),
    );
    let (line, message) = place(error.expect_err("no time is a number"));
    assert_eq!(line, 2);
    assert!(message.contains("expected a string"), "{message}");
    let error = openapi("openapi: 3.1.0\npaths: []\n", SourceId(0), &options("x", "x"));
    assert_eq!(place(error.expect_err("paths are a mapping")).0, 2);
    let error = openapi("a: [1\n", SourceId(0), &options("x", "x"));
    assert!(place(error.expect_err("no YAML")).0 >= 1);
    let error = access_log("hello\n", SourceId(0), &options("x", "x"));
    assert!(place(error.expect_err("no log")).1.contains("line 1"));
}

// ---------------------------------------------------------------------------------------------------------

// ---------------------------------------------------------------------------------------------------------

/// A text that may mean something in YAML, in a template, or in a URL.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[0-9]{1,6}",
        "[ -~]{0,12}",
        "[{}%#$&:'\"\\[\\], -]{0,8}",
        any::<String>(),
        "[a-f0-9]{20}",
    ]
}

fn small_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        nasty().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((nasty(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn entry() -> impl Strategy<Value = Value> {
    const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "X"];
    const KINDS: [&str; 8] =
        ["document", "script", "fetch", "xhr", "image", "eventsource", "websocket", "other"];
    const STATUSES: [u16; 9] = [200, 201, 204, 301, 304, 400, 500, 0, 999];
    const MIMES: [&str; 4] =
        ["application/json", "text/html", "application/x-www-form-urlencoded", "text/plain"];
    let header =
        (prop_oneof!["[a-zA-Z-]{1,10}", Just("Authorization".to_owned()), nasty()], nasty())
            .prop_map(|(name, value)| json!({ "name": name, "value": value }))
            .boxed();
    let request = (
        prop::sample::select(&METHODS[..]),
        prop::collection::vec(nasty(), 0..4),
        prop::collection::vec((nasty(), nasty()), 0..3),
        prop::collection::vec(header.clone(), 0..4),
        (prop::sample::select(&MIMES[..]), small_json()),
    );
    let response = (
        prop::sample::select(&STATUSES[..]),
        prop::collection::vec(header, 0..3),
        (prop::sample::select(&MIMES[..]), small_json()),
    );
    (prop::sample::select(&KINDS[..]), 0_u32..600, 0_u32..20_000, request, response).prop_map(
        |(kind, second, time, (method, path, query, headers, post), (status, answers, content))| {
            let query: Vec<String> =
                query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let url = format!("https://shop.example.com/{}?{}", path.join("/"), query.join("&"));
            json!({
                "_resourceType": kind,
                "startedDateTime": format!("2026-01-31T12:{:02}:{:02}.5Z", second / 60, second % 60),
                "time": time,
                "request": {
                    "method": method, "url": url, "headers": headers,
                    "postData": { "mimeType": post.0, "text": post.1.to_string() },
                },
                "response": {
                    "status": status, "headers": answers,
                    "content": { "mimeType": content.0, "text": content.1.to_string() },
                },
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: prove that whatever a browser recorded, what is written passes `check`, and is the same again.
    #[test]
    fn any_recording_passes_check(entries in prop::collection::vec(entry(), 1..12)) {
        let text = json!({ "log": { "entries": entries } }).to_string();
        if let Ok(imported) = har(&text, SourceId(0), &options("shop", "x.har")) {
            checked(&imported, "scenario.yaml");
            prop_assert_eq!(har(&text, SourceId(0), &options("shop", "x.har")).ok(), Some(imported));
        }
    }

    #[test]
    fn any_log_passes_check(
        lines in prop::collection::vec((0_u32..3_000, "(GET|POST|PUT|X)", nasty(), 100_u16..600), 1..60),
    ) {
        let line = |(second, method, path, status): &(u32, String, String, u16)| format!(
            "1.2.3.4 - - [31/Jan/2026:12:{:02}:{:02} +0000] \"{method} /{path} HTTP/1.1\" {status} 1 \"-\" \"-\"",
            second / 60, second % 60,
        );
        let text = lines.iter().map(line).collect::<Vec<_>>().join("\n");
        let options = ImportOptions { replay: Some(Ratio::new(1.0)), ..options("web", "x.log") };
        if let Ok(imported) = access_log(&text, SourceId(0), &options) {
            checked(&imported, "scenario.yaml");
            checked(&imported, "replay.yaml");
        }
    }

    #[test]
    fn any_description_passes_check(
        path in nasty(), name in nasty(), example in small_json(), kind in nasty(), pattern in nasty(),
    ) {
        let schema = json!({ "type": kind, "pattern": pattern, "properties": { name.clone(): { "example": example } } });
        let text = json!({
            "openapi": "3.1.0",
            "paths": { format!("/{path}"): {
                "post": {
                    "operationId": name, "summary": pattern,
                    "parameters": [
                        { "name": name, "in": "query", "required": true, "schema": { "type": kind } },
                        { "name": name, "in": "header", "example": example },
                        { "name": path, "in": "path" },
                    ],
                    "requestBody": { "content": { "application/json": { "schema": schema } } },
                    "responses": { "200": {} },
                },
            } },
        }).to_string();
        if let Ok(imported) = openapi(&text, SourceId(0), &options("api", "x.json")) {
            checked(&imported, "scenario.yaml");
        }
    }
}
