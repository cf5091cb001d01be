//! What was imported is played against the simulator, and set beside what it came from.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::folder;

/// A stack as a process of its own.
struct Stack {
    child: Child,
    url: String,
}

impl Stack {
    fn start(simulation: &Path) -> Self {
        use std::io::BufRead as _;
        let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .arg("simulate")
            .arg(simulation)
            .args(["--listen", "127.0.0.1:0", "--stop-after", "2m"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let mut url = String::new();
        let out = child.stdout.take().expect("its output");
        io::BufReader::new(out).read_line(&mut url).expect("an address");
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn plimsoll(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("started");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Goal: prove that what Chromium recorded can be sent again: every step of the import is answered as recorded,
/// with tokens and ids of this run.
#[test]
fn recording_of_chromium_replays_against_the_simulator() {
    replays_clean("shop.har");
}

/// Goal: prove the same of what Playwright's `recordHar` wrote, with Debian's Chromium (`playwright.mjs`).
#[test]
fn recording_of_playwright_replays_against_the_simulator() {
    replays_clean("playwright.har");
}

/// Imports a recording of a visit to the simulated shop, and plays it once, each step by its name.
fn replays_clean(recording: &str) {
    let stack = Stack::start(&folder().join("shop"));
    let work = tempfile::tempdir().expect("a folder");
    let recording = folder().join(recording);
    let (code, text) = plimsoll(
        work.path(),
        &["import", "har", recording.to_str().expect("a path"), "--name", "shop", "--out", "shop"],
    );
    assert_eq!(code, Some(0), "{text}");
    let scenario = fs::read_to_string(work.path().join("shop/scenario.yaml")).expect("a scenario");
    let schema = scenario.lines().next().and_then(|line| line.split_once("$schema="));
    let (editor, schema) = schema.expect("a first line for editors");
    assert_eq!(editor, "# yaml-language-server: ");
    let schema = fs::read_to_string(work.path().join("shop").join(schema)).expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(schema["title"], "plimsoll scenario.yaml");
    let (code, text) = plimsoll(work.path(), &["check", "shop", "--once", "--target", &stack.url]);
    assert_eq!(code, Some(0), "{text}");
    for step in
        ["home", "logo_svg", "login", "products", "offers", "product", "create_order", "order"]
    {
        assert!(text.contains(&format!("\n{step}: ok")), "{step}\n{text}");
    }
}

/// Goal: prove that what other tools were told can be played: a collection and a test plan, made by those tools' own
/// schema, are imported and run against the simulator.
#[test]
fn plans_of_other_tools_replay_against_the_simulator() {
    let stack = Stack::start(&folder().join("shop"));
    let work = tempfile::tempdir().expect("a folder");
    for (kind, file, steps) in [
        (
            "postman",
            "shop.postman_collection.json",
            &["log_in", "list_products", "product", "order"][..],
        ),
        ("jmx", "shop.jmx", &["log_in", "products", "product", "order"][..]),
    ] {
        let file = folder().join(file);
        let file = file.to_str().expect("a path");
        let (code, text) = plimsoll(work.path(), &["import", kind, file, "--out", kind]);
        assert_eq!(code, Some(0), "{text}");
        let (code, text) =
            plimsoll(work.path(), &["check", kind, "--once", "--target", &stack.url]);
        assert_eq!(code, Some(0), "{text}");
        for step in steps {
            assert!(text.contains(&format!("\n{step}: ok")), "{kind} {step}\n{text}");
        }
    }
}

/// Goal: prove that a run is set beside the log that its scenario came from: figures of both, with a distance.
#[test]
fn run_is_compared_with_the_log_it_was_made_from() {
    let work = tempfile::tempdir().expect("a folder");
    let log = folder().join("access.log");
    let log = log.to_str().expect("a path");
    let stack = Stack::start(&folder().join("shop"));
    let (code, text) = plimsoll(work.path(), &["import", "access-log", log, "--out", "flights"]);
    assert_eq!(code, Some(0), "{text}");
    let load = ["--rate", "20 req/s", "--duration", "3s", "--workload", "smoke", "--out", "out"];
    let (_, text) = plimsoll(
        work.path(),
        &[&["run", "flights", "--target", &stack.url, "--no-tui"][..], &load[..]].concat(),
    );
    let mut runs = fs::read_dir(work.path().join("out/access")).expect(&text);
    let run = runs.find_map(|entry| Some(entry.ok()?.path())).expect("a run");
    let (code, text) = plimsoll(
        work.path(),
        &["import", "access-log", log, "--compare", run.to_str().expect("a path")],
    );
    assert_eq!(code, Some(0), "{text}");
    for row in ["mix of requests", "dispersion of arrivals", "users at once", "  search"] {
        assert!(
            text.lines().any(|line| line.starts_with(row) && line.contains('%')),
            "{row}\n{text}"
        );
    }
}
