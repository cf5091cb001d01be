//! Users with a real browser: Chromium against pages of known truth.

mod held_up;
mod logged_in;
mod settings;

use std::fmt::Write as _;
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
/// What `/later` waits for beyond it.
const LATER: Duration = Duration::from_millis(500);

/// Nobody sends: the time passes.
fn pass(time: Duration) {
    let (_sender, never) = channel::<()>();
    let _ = never.recv_timeout(time);
}

fn answer(request: &SeenRequest) -> (u16, String) {
    match request.path() {
        "/" => {
            pass(DELAY);
            let page = "<!doctype html><h1>home</h1><script>undefined_function()</script>\
                        <script src=http://third.example/x.js></script><a id=next href=/next>next</a>";
            (200, page.to_owned())
        }
        "/next" => (200, "<!doctype html><p id=there>there".to_owned()),
        "/later" => {
            pass(DELAY + LATER);
            (200, "<!doctype html><p id=there>there".to_owned())
        }
        "/data" => (200, "{}".to_owned()),
        _ => (404, "<!doctype html><p>not found".to_owned()),
    }
}

fn written(folder: &Path, target: &str, duration: &str) {
    let browser = "baseline: 1s\n    flow:\n      - open: { name: home, url: / }\n      \
                   - click: { selector: '#next', name: next, wait: '#there' }\n      \
                   - open: { name: gone, url: /gone }\n";
    written_with(folder, target, duration, browser);
}

/// A scenario with little load and this browser, whose lines are indented by four.
fn written_with(folder: &Path, target: &str, duration: &str, browser: &str) {
    let text = format!(
        "name: site\ntarget: {target}\nworkloads: {{ load: {{ arrivals: constant, stages: [{{ rate: 2 iter/s, \
         duration: {duration} }}] }} }}\nscenarios: {{ s: {{ flow: [{{ get: {{ name: data, url: /data }} }}] }} }}\n\
         browsers:\n  front:\n    {browser}\
         slo:\n  error_rate: {{ max: 1% }}\n  pages: {{ home: {{ lcp: {{ target: 2.5s }} }} }}\n"
    );
    fs::write(folder.join("scenario.yaml"), text).expect("written");
}

/// The lines of a run's log that have this key.
fn lines(run: &Path, key: &str) -> Vec<Value> {
    let log = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter_map(|line| line.get(key).cloned()).collect()
}

/// The page loads in a run's log.
fn loads(run: &Path) -> Vec<Value> {
    lines(run, "page")
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
    let profile = format!("plimsoll-browser-{pid}-");
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
    let profile = std::env::temp_dir().join(format!("plimsoll-browser-{pid}-0"));
    assert!(within(10, &|| !profile.exists()), "{} is left", profile.display());
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

/// Goal: prove that the stack's share of a page is read to the millisecond: an answer that comes 500 ms later is 500 ms
/// more of time to first byte, whatever the browser itself takes.
#[test]
fn what_every_answer_takes_longer_is_what_the_first_byte_takes_longer() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    let browser =
        "flow:\n      - open: { name: home, url: / }\n      - open: { name: later, url: /later }\n";
    written_with(folder.path(), &server.url, "16s", browser);
    let ran = run(plimsoll().arg("run").arg(folder.path()), &folder.path().join("out"));
    let loads = loads(ran.folder.as_deref().expect("a run"));
    // A crowded machine only ever adds: the least of several is the stack's.
    let least = |page: &str| {
        let of = loads.iter().filter(|load| load["page"] == page);
        let times: Vec<f64> = of.filter_map(|load| figure(load, "ttfb")).collect();
        assert!(times.len() >= 5, "{} loads of {page}", times.len());
        times.into_iter().fold(f64::INFINITY, f64::min)
    };
    let (home, later) = (least("home"), least("later"));
    let grown = later - home;
    println!("ttfb: home {home:.1} ms, later {later:.1} ms, {grown:+.1} ms");
    assert!((grown - LATER.as_secs_f64() * 1e3).abs() <= 25.0, "{grown:+.1} ms");
}

/// Goal: prove that a rate is kept, whatever a page takes, and that the log says what browsers took of the machine.
#[test]
fn pages_are_loaded_at_their_rate_and_the_log_tells_what_they_cost() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    let flow =
        "flow:\n      - open: { name: home, url: / }\n      - open: { name: later, url: /later }\n";
    // Two pages a flow: one flow every three seconds.
    let browser = format!("rate: 40 pages/min\n    {flow}");
    written_with(folder.path(), &server.url, "11s", &browser);
    let ran = run(plimsoll().arg("run").arg(folder.path()), &folder.path().join("out"));
    let run = ran.folder.as_deref().expect("a run");
    let homes = loads(run).into_iter().filter(|load| load["page"] == "home");
    let starts: Vec<f64> = homes.map(|load| load["at"].as_f64().expect("a time") / 1e9).collect();
    assert_eq!(starts.len(), 4, "at 0, 3, 6 and 9 s: {starts:?}");
    for gap in starts.windows(2).map(|pair| pair[1] - pair[0]) {
        assert!((gap - 3.0).abs() < 1.0, "{starts:?}");
    }
    let used = lines(run, "browsers");
    let [used] = &used[..] else { panic!("one line: {used:?}") };
    assert_eq!(used["loads"], 8, "{used}");
    assert_eq!(used.get("left_out"), None, "{used}");
    let told = ran.result()["generator"]["browsers"].clone();
    println!("what browsers took: {told}");
    assert!(told["cpu_s_per_load"].as_f64().is_some_and(|cpu| cpu > 0.01), "{told}");
    assert!(told["memory_max_bytes"].as_u64().is_some_and(|bytes| bytes > 50 << 20), "{told}");
    assert!(told["processes"].as_u64().is_some_and(|processes| processes > 2), "{told}");
}

const ICON: &str = "<!doctype html><link rel=icon href='data:,'><h1>page</h1>";

/// Pages as bad as there are.
fn hard(request: &SeenRequest) -> (u16, String) {
    let page = match request.path() {
        "/" => "<p id=there>there",
        "/soft" => {
            "<a id=go>go</a><script>go.onclick = () => { history.pushState(0, '', '/plans'); setTimeout(() => \
             document.body.insertAdjacentHTML('beforeend', '<p class=plans>plans'), 300); };</script>"
        }
        "/dialogs" => {
            "<p id=text>text<p><a id=go href=/>go</a><script>alert('a'); confirm('b'); \
             addEventListener('beforeunload', (event) => event.preventDefault());</script>"
        }
        "/window" => "<a id=go target=_blank href=/>go</a>",
        "/covered" => {
            "<button id=go>go</button><div class=banner style='position: fixed; inset: 0'></div>"
        }
        "/uncovered" => {
            "<a id=go href=/>go</a><div id=banner style='position: fixed; inset: 0'></div>\
             <script>setTimeout(() => banner.remove(), 500);</script>"
        }
        "/shadow" => {
            "<x-menu></x-menu><script>customElements.define('x-menu', class extends HTMLElement { connectedCallback() \
             { this.attachShadow({ mode: 'open' }).innerHTML = '<a id=go href=/>go</a>'; } });</script>"
        }
        "/frame" => "<iframe src=/inner style='margin: 40px'></iframe>",
        "/inner" => "<a id=go href=/ target=_top>go</a>",
        "/replaced" => "<script>location.replace('/');</script>",
        "/never" => "<img src=/hang>",
        "/forever" => "<script>for (;;);</script>",
        "/hang" => {
            pass(Duration::from_secs(20));
            ""
        }
        "/tampering" => {
            "<script>window.__plimsoll = () => 'x'; JSON.stringify = () => 'x'; performance.now = () => 0; \
             Array.prototype.toJSON = () => 'x'; performance.clearResourceTimings();</script><img src=/picture>"
        }
        _ => return (404, format!("{ICON}none")),
    };
    (200, format!("{ICON}{page}"))
}

/// Goal: prove that what pages do in life ends as a person would see it, or fails at once with the reason.
/// Method: each as a browser of its own, in one trial.
#[test]
fn hard_pages_are_played_or_fail_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(hard);
    let cases = [
        (
            "soft",
            "click: { selector: '#go', name: soft, wait: .plans }",
            "shown within the same document",
        ),
        ("soft#a", "think: 0s", "200, 1 requests"),
        ("dialogs", "click: { selector: '#go', name: dialogs }", "200, 1 requests"),
        (
            "window",
            "click: { selector: '#go', name: window }",
            "failed: the click opened another window",
        ),
        ("covered", "click: { selector: '#go' }", "failed: `#go` is covered by `div.banner`"),
        ("uncovered", "click: { selector: '#go', name: uncovered }", "200, 1 requests"),
        ("shadow", "click: { selector: '#go', name: shadow, wait: '#there' }", "200, 1 requests"),
        ("frame", "click: { selector: '#go', name: frame, wait: '#there' }", "200, 1 requests"),
        ("replaced", "think: 0s", "200, 1 requests"),
        ("never", "think: 0s", "failed: no `load` within 3s"),
        ("forever", "think: 0s", "failed: no `load` within 3s"),
        ("tampering", "think: 0s", "200, 2 requests"),
        ("?q", "click: { selector: 'a[' }", "failed: SyntaxError"),
        ("?r", "click: { selector: '#none' }", "failed: no element matches `#none`"),
    ];
    let mut text = format!(
        "name: hard\ntarget: {}\nworkloads: {{ load: {{ stages: [{{ rate: 1 iter/s, duration: 9s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [{{ get: {{ name: data, url: / }} }}] }} }}\nbrowsers:\n  dcl:\n    flow:\n      \
         - open: {{ name: open_0_dcl, url: /never, until: dcl }}\n",
        server.url
    );
    for (number, (path, step, _)) in cases.iter().enumerate() {
        let step = step.replace("name: ", &format!("name: next_{number}_"));
        let _ = writeln!(
            text,
            "  b{number}:\n    timeout: 3s\n    flow:\n      - open: {{ name: open_{number}, url: '/{path}' }}\n      \
             - {step}"
        );
    }
    let file = folder.path().join("scenario.yaml");
    fs::write(&file, text).expect("written");
    let ran = plimsoll().arg("check").arg(&file).arg("--once").output().expect("ran");
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    for (number, (path, step, expected)) in cases.iter().enumerate() {
        let name = if step.contains("name:") { "next" } else { "open" };
        let line = told.lines().find(|line| line.starts_with(&format!("page {name}_{number}")));
        let line = line.unwrap_or_else(|| panic!("{path} is not told:\n{told}"));
        assert!(line.contains(expected), "{path}: {line}");
    }
    let dcl = told.lines().find(|line| line.starts_with("page open_0_dcl: 200"));
    assert!(dcl.is_some(), "what never loads is measured up to `dcl`:\n{told}");
}
