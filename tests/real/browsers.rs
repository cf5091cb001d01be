//! Users with a real browser: Chromium against pages of known truth.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Guarded, plimsoll, run};
use crate::listening::{SeenRequest, listening};

/// What the first byte of a page waits for.
const DELAY: Duration = Duration::from_millis(150);

fn answer(request: &SeenRequest) -> (u16, String) {
    match request.path() {
        "/" => {
            // Nobody sends: the time passes.
            let (_sender, never) = channel::<()>();
            let _ = never.recv_timeout(DELAY);
            let page = "<!doctype html><h1>home</h1><script>undefined_function()</script>\
                        <script src=http://third.example/x.js></script><a id=next href=/next>next</a>";
            (200, page.to_owned())
        }
        "/next" => (200, "<!doctype html><p id=there>there".to_owned()),
        "/data" => (200, "{}".to_owned()),
        _ => (404, "<!doctype html><p>not found".to_owned()),
    }
}

fn written(folder: &Path, target: &str, duration: &str) {
    let text = format!(
        "name: site\ntarget: {target}\nworkloads: {{ load: {{ arrivals: constant, stages: [{{ rate: 2 iter/s, \
         duration: {duration} }}] }} }}\nscenarios: {{ s: {{ flow: [{{ get: {{ name: data, url: /data }} }}] }} }}\n\
         browsers:\n  front:\n    baseline: 1s\n    flow:\n      - open: {{ name: home, url: / }}\n      \
         - click: {{ selector: '#next', name: next, wait: '#there' }}\n      \
         - open: {{ name: gone, url: /gone }}\n\
         slo:\n  error_rate: {{ max: 1% }}\n  pages: {{ home: {{ lcp: {{ target: 2.5s }} }} }}\n"
    );
    fs::write(folder.join("scenario.yaml"), text).expect("written");
}

/// The page loads in a run's log.
fn loads(run: &Path) -> Vec<Value> {
    let log = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter_map(|line| line.get("page").cloned()).collect()
}

/// A figure of a load, in milliseconds.
fn figure(load: &Value, name: &str) -> Option<f64> {
    let times = load["times"].as_array().expect("times");
    let found = times.iter().find(|time| time[0] == name)?;
    found[1].as_f64().map(|nanoseconds| nanoseconds / 1e6)
}

#[test]
fn pages_are_measured_by_a_browser_that_reaches_no_other_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    written(folder.path(), &server.url, "8s");
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(folder.path()), &out);
    // Too short to prove anything: never a pass.
    assert_eq!(ran.code, 97, "{}{}", ran.stdout, ran.stderr);
    let loads = loads(ran.folder.as_deref().expect("a run"));
    let of = |page: &str| loads.iter().filter(|load| load["page"] == page).collect::<Vec<_>>();
    assert!(loads.iter().any(|load| load["idle"] == true), "{loads:#?}");
    assert!(loads.iter().any(|load| load["idle"] != true), "{loads:#?}");
    for home in of("home") {
        let ttfb = figure(home, "ttfb").expect("a first byte");
        assert!(ttfb >= DELAY.as_secs_f64() * 1e3, "{ttfb}");
        assert!(figure(home, "fcp").is_some_and(|fcp| fcp >= ttfb), "{home:#}");
        assert_eq!(home["blocked"], serde_json::json!(["third.example"]), "{home:#}");
        assert_eq!((&home["script_errors"], &home["status"]), (&1.into(), &200.into()), "{home:#}");
    }
    assert!(of("next").iter().all(|next| next["status"] == 200), "{loads:#?}");
    assert!(of("gone").iter().all(|gone| gone["failure"] == "status 404"), "{loads:#?}");
    for page in ["home", "next", "gone"] {
        assert!(!of(page).is_empty(), "no {page}: {loads:#?}");
    }
    let rows = ran.result()["objectives"].as_array().expect("rows").clone();
    let row = rows.iter().find(|row| row["name"] == "lcp").expect("the row");
    assert_eq!(row["status"], "not_measured", "fewer than 20 loads: {row:#}");
}

/// The processes of the browser that plimsoll with this number started, by its profile's folder.
fn browsers_of(pid: u32) -> usize {
    let profile = format!("plimsoll-browser-{pid}");
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let line = |process: fs::DirEntry| fs::read(process.path().join("cmdline")).ok();
    let lines = processes.filter_map(line);
    lines.filter(|line| String::from_utf8_lossy(line).contains(&profile)).count()
}

/// Goal: prove that no browser outlives plimsoll, however it ends.
#[test]
#[expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]
fn no_browser_is_left_where_plimsoll_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    written(folder.path(), &server.url, "60s");
    let mut command = plimsoll();
    command.arg("run").arg(folder.path()).arg("--out").arg(folder.path().join("out"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut process = Guarded(child);
    let pid = process.0.id();
    let within = |limit: u64, done: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !done() && begun.elapsed() < Duration::from_secs(limit) {
            std::thread::yield_now();
        }
        done()
    };
    let is_browsing = || server.seen().iter().any(|request| request.path() == "/next");
    assert!(within(40, &is_browsing), "no page was opened");
    assert!(browsers_of(pid) > 0);
    process.0.kill().expect("killed");
    process.0.wait().expect("ended");
    assert!(within(10, &|| browsers_of(pid) == 0), "{} are left", browsers_of(pid));
}

#[test]
fn missing_browser_is_told_with_two_ways_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    written(folder.path(), &server.url, "1s");
    let command = || {
        let mut command = plimsoll();
        command.arg("run").arg(folder.path()).env("PLIMSOLL_CHROMIUM", "/nowhere/chromium");
        command
    };
    let ran = run(&mut command(), &folder.path().join("out"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for told in ["PLIMSOLL_CHROMIUM=/nowhere/chromium", "apt-get install chromium", "--no-browsers"]
    {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    let ran = run(command().arg("--no-browsers"), &folder.path().join("without"));
    assert!(ran.folder.is_some(), "{}", ran.stderr);
}
