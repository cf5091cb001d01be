//! Files of other programs, changed: whatever they hold, they are refused with a reason, or what is written passes
//! `check`.

use std::io;
use std::path::Path;

use plimsoll::import::{ImportOptions, Imported, access_log, har, jmx, k6, openapi, postman};
use plimsoll::plan::{Overrides, compile};
use plimsoll::scenario::{Colour, Problem, SourceId, load, render};
use plimsoll::units::Ratio;

use super::holds;

const JSON: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "\"",
    ":",
    ",",
    "\"$ref\":\"#/\"",
    "{{token}}",
    "${X}",
    "https://shop.example/",
    "\"text\":\"\"",
    "%00%ff",
    "eyJhbGciOiJIUzI1NiJ9.e30.x",
];

const XML: [&str; 10] = [
    "<hashTree>",
    "</hashTree>",
    "<stringProp name=\"",
    "</stringProp>",
    "/>",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "${__time()}",
    "enabled=\"false\"",
];

const LOG: [&str; 10] =
    ["\"", "[", "]", " - ", "\\x22", "31/Jan/2026:12:00:00 +0000", "HTTP/1.1", "\n", "%", "?a=b&"];

fn options() -> ImportOptions {
    ImportOptions {
        name: "x".to_owned(),
        folder: "scenarios/x".to_owned(),
        file: "x".to_owned(),
        hosts: vec![],
        replay: None,
        browser: false,
    }
}

/// What was written passes `check`, as the command sees to.
fn passes_check(imported: Result<Imported, Vec<Problem>>) {
    let Ok(imported) = imported else { return };
    let read = |path: &Path| {
        let file = imported.files.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let scenarios = imported.files.iter().map(|(name, _)| Path::new(name));
    for file in scenarios.filter(|name| name.extension().is_some_and(|end| end == "yaml")) {
        let loaded = load(file, &[], &read, &|_| None);
        if let Err(problems) =
            compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31))
        {
            let told = render(&problems, &loaded.sources, Colour::None);
            let written = imported.files.iter().find(|(name, _)| Path::new(name) == file);
            assert!(problems.is_empty(), "{told}\n{}", written.map_or("", |(_, text)| text));
        }
    }
}

#[test]
fn recordings_are_answered_whatever_they_hold() {
    let more = ["tests/import/shop.har", "tests/import/playwright.har"];
    holds("har", (&more, &JSON), |text| passes_check(har(text, SourceId(0), &options())));
}

#[test]
fn descriptions_are_answered_whatever_they_hold() {
    let more = ["tests/import/petstore.json", "tests/import/flights.yaml"];
    holds("openapi", (&more, &JSON), |text| passes_check(openapi(text, SourceId(0), &options())));
}

#[test]
fn collections_are_answered_whatever_they_hold() {
    let more = ["tests/import/shop.postman_collection.json"];
    holds("postman", (&more, &JSON), |text| {
        passes_check(postman(text, None, SourceId(0), &options()));
    });
}

#[test]
fn test_plans_are_answered_whatever_they_hold() {
    holds("jmx", (&["tests/import/shop.jmx"], &XML), |text| {
        let mut read = |_: &str| Some("user,password\nada,x\n".to_owned());
        passes_check(jmx(text, SourceId(0), &options(), &mut read));
    });
}

#[test]
fn options_of_k6_are_answered_whatever_they_hold() {
    holds("k6", (&["tests/import/k6.json"], &JSON), |text| {
        passes_check(k6(text, SourceId(0), &options()));
    });
}

#[test]
fn access_logs_are_answered_whatever_they_hold() {
    holds("access_log", (&[], &LOG), |text| {
        let options = ImportOptions { replay: Some(Ratio::new(1.0)), ..options() };
        passes_check(access_log(text, SourceId(0), &options));
    });
}
