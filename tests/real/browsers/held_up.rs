//! What load, crashes and emulation do to pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{ICON, figure, lines, loads, pass, written_with};
use crate::harness::{plimsoll, run};
use crate::listening::{SeenRequest, listening};

/// What a picture waits for while there is load.
const HELD_UP: Duration = Duration::from_secs(2);
static IS_LOADED: AtomicBool = AtomicBool::new(false);

/// A page whose largest paint is a picture, which is late as soon as the first iteration has been there.
fn with_late_picture(request: &SeenRequest) -> (u16, String) {
    let body = match request.path() {
        "/" => format!("{ICON}<img id=hero src=/hero.svg width=800 height=500>"),
        "/hero.svg" => {
            if IS_LOADED.load(Ordering::Relaxed) {
                pass(HELD_UP);
            }
            // A browser takes a picture of few bytes for decoration, and not for content.
            let tiles = (0..400).map(|n| {
                let (x, y, colour) = (n * 37 % 800, n * 53 % 500, n * 98_765 % 4_096);
                format!("<rect x='{x}' y='{y}' width='40' height='40' fill='#{colour:03x}'/>")
            });
            let tiles: String = tiles.collect();
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='800' height='500'>{tiles}</svg>"
            )
        }
        "/data" => {
            IS_LOADED.store(true, Ordering::Relaxed);
            "{}".to_owned()
        }
        _ => return (404, String::new()),
    };
    (200, body)
}

/// Goal: prove that what load does to a page fails it, and that the report says what of the page it is.
/// Method: a picture that load holds up by 2 s; the row allows less than that, so that no machine is too quick for it.
#[test]
fn page_with_a_picture_that_load_holds_up_fails_and_the_report_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(with_late_picture);
    let browser = "vus: 2\n    baseline: 8s\n    screenshot: worst\n    flow: [{ open: { name: home, url: / } }]\n";
    written_with(folder.path(), &server.url, "40s", browser);
    let file = folder.path().join("scenario.yaml");
    let text = fs::read_to_string(&file).expect("written");
    let text = text.replace("lcp: { target: 2.5s }", "lcp: { target: 1s, max: 1.9s }");
    fs::write(&file, text).expect("written");
    let ran = run(plimsoll().arg("run").arg(folder.path()), &folder.path().join("out"));
    let rows = ran.result()["objectives"].as_array().expect("rows").clone();
    let row = rows.iter().find(|row| row["name"] == "lcp").expect("the row");
    // Beside other tests, browsers may be short of cores: such pages prove nothing, and the row says so.
    let busy = ran.number("/generator/browsers/cores_busy");
    let (status, code) = if busy > 0.8 { ("not_measured", 97) } else { ("fail", 99) };
    println!("cores of the browsers: {busy}; the row: {status}");
    assert_eq!((row["status"].as_str(), ran.code), (Some(status), code), "{row:#}{}", ran.stderr);
    assert_eq!(row["note"].as_str().is_some_and(|note| note.contains("% busy")), busy > 0.8);
    let grown = &ran.result()["pages"][0]["growth"];
    assert_eq!(grown["resource"]["path"], "/hero.svg", "{grown:#}");
    let added = grown["resource"]["added_ms"].as_f64().expect("a number");
    assert!(added >= HELD_UP.as_secs_f64() * 1e3 - 100.0, "{grown:#}");
    let run = ran.folder.as_deref().expect("a run");
    let page = fs::read_to_string(run.join("report.html")).expect("a report");
    for told in [ran.stdout.as_str(), page.as_str()] {
        let told = told.replace("<code>", "").replace("</code>", "");
        let told = told.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let why = told.split("lcp: idle").nth(1).unwrap_or_default();
        let why = why.split("longer").next().unwrap_or_default();
        for part in ["under load", "TTFB", "the main thread", "/hero.svg takes 2"] {
            assert!(why.contains(part), "{part}: {why}");
        }
    }
    // One of its slow loads, as it looked: a crowded machine may be too late for the slowest of them.
    let pictures = lines(run, "picture");
    let [picture] = &pictures[..] else { panic!("one page: {}", pictures.len()) };
    let took = picture["took"][1].as_f64().expect("a time") / 1e6;
    let loads = loads(run);
    assert!(loads.iter().any(|load| figure(load, "lcp") == Some(took)), "{took}");
    assert!(took >= HELD_UP.as_secs_f64() * 1e3 - 100.0, "{took}");
    let jpeg = picture["jpeg"].as_str().expect("a picture");
    assert!(jpeg.starts_with("/9j/") && jpeg.len() < 256 << 10, "{} bytes", jpeg.len());
    assert!(page.contains(jpeg) && page.contains("img-src data:"), "it stands in the report");
}

/// A browser whose pages may take 40 MB for their scripts' objects: those that take more lose their renderer.
fn with_little_memory(folder: &Path) -> PathBuf {
    let program = folder.join("chromium");
    let found = ["chromium", "chromium-browser", "google-chrome"].map(|name| {
        format!("command -v {name} >/dev/null && exec {name} --js-flags=--max-old-space-size=40 \"$@\"\n")
    });
    fs::write(&program, format!("#!/bin/sh\n{}exit 1\n", found.concat())).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).expect("a program");
    program
}

fn crashing(request: &SeenRequest) -> (u16, String) {
    let body = match request.path() {
        "/" => format!(
            "{ICON}<script>const all = []; for (;;) all.push(new Array(4e6).fill(1.5));</script>"
        ),
        "/well" => format!("{ICON}well"),
        _ => "{}".to_owned(),
    };
    (200, body)
}

/// Goal: prove that a renderer that crashes costs its load and nothing else: it is counted, and pages go on in time.
#[test]
fn renderer_that_crashes_is_a_failed_load_and_others_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(crashing);
    let browser = "vus: 1\n    flow: [{ open: { name: home, url: /well } }, { open: { name: crash, url: / } }]\n";
    written_with(folder.path(), &server.url, "12s", browser);
    let mut command = plimsoll();
    command.env("PLIMSOLL_CHROMIUM", with_little_memory(folder.path()));
    let ran = run(command.arg("run").arg(folder.path()), &folder.path().join("out"));
    let run = ran.folder.as_deref().expect("a run");
    let loads = loads(run);
    let of = |page: &str| loads.iter().filter(|load| load["page"] == page).collect::<Vec<_>>();
    assert!(of("crash").len() >= 2, "{loads:#?}");
    assert!(of("crash").iter().all(|load| load["failure"] == "the page crashed"), "{loads:#?}");
    let well = of("home").iter().filter(|load| load["status"] == 200).count();
    assert!(well >= of("crash").len(), "each is followed by another: {loads:#?}");
    let pages = ran.result()["pages"].as_array().expect("pages").clone();
    let crash = pages.iter().find(|page| page["page"] == "crash").expect("the page");
    assert_eq!(crash["failures"][0]["what"], "the page crashed", "{crash:#}");
}

fn weighty(request: &SeenRequest) -> (u16, String) {
    if request.path() == "/data" {
        return (200, "{}".to_owned());
    }
    let work = "let sum = 0; for (let n = 0; n < 4e6; n += 1) sum += Math.sqrt(n);";
    let filling = (0..30_000_u32).map(|n| char::from(b'a' + (n * n / 7 % 26) as u8));
    let filling: String = filling.collect();
    (200, format!("{ICON}<!-- {filling} --><script>{work} document.title = sum;</script>"))
}

/// The loads of a run with one block of browsers.
fn loads_of(target: &str, browser: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    written_with(folder.path(), target, "6s", browser);
    let file = folder.path().join("scenario.yaml");
    let text = fs::read_to_string(&file).expect("written");
    let text = text.replace("  pages: { home: { lcp: { target: 2.5s } } }\n", "");
    fs::write(&file, text).expect("written");
    let ran = run(plimsoll().arg("run").arg(folder.path()), &folder.path().join("out"));
    loads(ran.folder.as_deref().expect("a run"))
}

/// Goal: prove that a slower network and a slower processor are as slow as the file says.
#[test]
fn pages_are_as_slow_as_the_network_and_the_processor_that_are_emulated() {
    let server = listening(weighty);
    let open = |page: &str| format!("flow: [{{ open: {{ name: {page}, url: / }} }}]\n");
    let emulated = format!(
        "network: {{ latency: 400ms }}\n    {}  thin:\n    network: {{ down: 200 kbit/s }}\n    {}",
        open("far"),
        open("thin"),
    );
    // Scripts are timed by a browser that has its core to itself.
    let loads = [open("plain"), format!("cpu: 6x slower\n    {}", open("slow")), emulated];
    let loads: Vec<Value> =
        loads.iter().flat_map(|browser| loads_of(&server.url, browser)).collect();
    // A crowded machine only ever adds: the least of several is what was asked for.
    let least = |page: &str, of: &dyn Fn(&Value) -> Option<f64>| {
        let times: Vec<f64> =
            loads.iter().filter(|load| load["page"] == page).filter_map(of).collect();
        assert!(!times.is_empty(), "no {page}: {loads:#?}");
        times.into_iter().fold(f64::INFINITY, f64::min)
    };
    let ttfb = |load: &Value| figure(load, "ttfb");
    let scripts = |load: &Value| Some(figure(load, "dcl")? - figure(load, "ttfb")?);
    println!(
        "far {:.0} ms, thin {:.0} ms, scripts {:.0} ms, slow {:.0} ms",
        least("far", &ttfb),
        least("thin", &scripts),
        least("plain", &scripts),
        least("slow", &scripts)
    );
    assert!(least("far", &ttfb) >= 399.0, "{}", least("far", &ttfb));
    // 30 kB at 25 kB/s.
    assert!(least("thin", &scripts) >= 1_000.0, "{}", least("thin", &scripts));
    assert!(least("slow", &scripts) >= 3.0 * least("plain", &scripts));
}
