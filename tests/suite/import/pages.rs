//! Pages of a recording, opened in a real browser.

use plimsoll::import::{ImportOptions, har};
use plimsoll::plan::PageStep;
use plimsoll::scenario::SourceId;
use serde_json::{Value, json};

use super::{checked, options};

/// A recording of some pages: when each began, in seconds, with which method and URL, and what was answered.
fn recorded(pages: &[(f64, &str, &str, Value)]) -> String {
    let at = |seconds: f64| format!("2026-11-20T13:00:{seconds:06.3}Z");
    let page = |(number, (start, ..)): (usize, &(f64, &str, &str, Value))| json!({ "id": format!("page_{number}"), "startedDateTime": at(*start), "pageTimings": { "onLoad": 500 } });
    let entry = |(number, (start, method, url, answer)): (usize, &(f64, &str, &str, Value))| {
        json!({
            "pageref": format!("page_{number}"), "startedDateTime": at(*start), "time": 100, "_resourceType": "document",
            "request": { "method": method, "url": url, "headers": [] },
            "response": {
                "status": 200, "headers": [],
                "content": { "mimeType": "text/html", "text": answer },
            },
        })
    };
    let (pages_told, entries): (Vec<Value>, Vec<Value>) = (
        pages.iter().enumerate().map(page).collect(),
        pages.iter().enumerate().map(entry).collect(),
    );
    json!({ "log": { "pages": pages_told, "entries": entries } }).to_string()
}

fn with_browser() -> ImportOptions {
    ImportOptions { browser: true, ..options("shop", "shop.har") }
}

/// Goal: prove that a browser opens what can be opened by its address, with a person's pauses, and that the rest is told.
#[test]
fn pages_of_a_recording_are_opened_in_order_and_the_others_listed() {
    let order = "7f4c2f6e-90ab-4c1d-8e2f-aa34bb56cc78";
    let form = json!(format!("<input type=\"hidden\" name=\"order\" value=\"{order}\">"));
    let text = recorded(&[
        (1.0, "GET", "http://127.0.0.1:8080/", json!("<h1>home</h1>")),
        (4.0, "GET", "http://127.0.0.1:8080/search?q=tea", json!("tea")),
        (9.0, "POST", "http://127.0.0.1:8080/buy", form),
        (12.0, "GET", &format!("http://127.0.0.1:8080/orders/{order}"), json!("order")),
        (15.0, "GET", "http://127.0.0.1:8080/help", json!("help")),
    ]);
    let imported = har(&text, SourceId(0), &with_browser()).expect("a recording");
    let plan = checked(&imported, "scenario.yaml");
    let [browser] = &plan.browsers[..] else { panic!("{}", imported.files[0].1) };
    let told: Vec<String> = browser
        .flow
        .iter()
        .map(|step| match step {
            PageStep::Open { page, .. } => page.clone(),
            PageStep::Think(_) => "think".to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["home", "think", "search", "think", "help"], "{}", imported.files[0].1);
    for line in ["url: /search?q=tea", "think: 2.5s", "think: 10.5s"] {
        assert!(imported.files[0].1.contains(line), "{line}:\n{}", imported.files[0].1);
    }
    let notes = imported.notes.to_string();
    for left_out in
        ["a page that a form leads to", "a page whose address holds what an answer gave"]
    {
        assert!(notes.contains(left_out), "{left_out}: {notes}");
    }
}

#[test]
fn recording_without_pages_has_none_to_open() {
    let text = json!({ "log": { "entries": [{
        "startedDateTime": "2026-11-20T13:00:00Z", "time": 1,
        "request": { "method": "GET", "url": "http://127.0.0.1:8080/" }, "response": { "status": 200 },
    }] } });
    let problems = har(&text.to_string(), SourceId(0), &with_browser()).expect_err("no pages");
    assert!(format!("{problems:?}").contains("tells no pages"), "{problems:?}");
    let imported =
        har(&text.to_string(), SourceId(0), &options("shop", "shop.har")).expect("a journey");
    assert!(!imported.files[0].1.contains("browsers:"));
}
