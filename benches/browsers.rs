//! What browsers beside the load cost, and whether they disturb it: `cargo bench --bench browsers [-- SECONDS]`.
//!
//! One worker and 500 arrivals a second, alone and beside two browsers on cores of their own; then pages whose every
//! answer is half a second late. Needs Chromium and two cores that have nothing else to do. Load goes to 127.0.0.1 only.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

/// How long each run takes where the command line names no other time.
const SECONDS: u64 = 60;
/// What every answer of `/home` waits for, and what those of `/late` wait for beyond it.
const DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// The last that a process of a browser may be seen after plimsoll was killed.
const LAST_SEEN: Duration = Duration::from_secs(10);

fn main() {
    let seconds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(SECONDS);
    let folder = tempfile::tempdir().expect("a folder");
    let target = served();
    let of_lag = scenario(folder.path(), &target, seconds, "vus: 2", "500");
    println!(
        "lag of 500 arrivals/s, one worker (bars of issue and docs: p99 ≤ 1 ms, with browsers as without)"
    );
    let alone = Played::of(&of_lag, &["--no-browsers"]);
    alone.print_lag("without browsers");
    let beside = Played::of(&of_lag, &[]);
    beside.print_lag("beside two browsers");
    println!("\nwhat browsers took (bars: ≤ 1.5 s of CPU a page, ≤ 450 MB for the first browser)");
    beside.print_use("two users");
    let one = Played::of(&scenario(folder.path(), &target, seconds, "vus: 1", "10"), &[]);
    one.print_use("one user");
    println!("\n500 ms more on every answer (bar: 500 ± 25 ms of TTFB)");
    let [home, late] = ["home", "late"].map(|page| one.median_ttfb(page));
    println!("  TTFB {home:.1} ms → {late:.1} ms: {:+.1} ms", late - home);
    println!("\nprocesses of the browser after `kill -9` of plimsoll (bar: 0)");
    println!("  {}", left_after_kill(&of_lag, folder.path()));
}

/// A scenario whose users load two pages again and again beside so many arrivals a second.
fn scenario(folder: &Path, target: &str, seconds: u64, vus: &str, rate: &str) -> PathBuf {
    let text = format!(
        "name: bench\ntarget: {target}\nworkloads:\n  main: {{ max_vus: 200, stages: [{{ rate: {rate} iter/s, duration: \
         {seconds}s }}] }}\nscenarios: {{ main: {{ flow: [{{ get: {{ name: data, url: /data }} }}] }} }}\nbrowsers:\n  \
         visitor:\n    {vus}\n    flow:\n      - open: {{ name: home, url: /home }}\n      \
         - open: {{ name: late, url: /late/home }}\nslo: {{ error_rate: {{ max: 1% }} }}\n"
    );
    let file = folder.join(format!("{rate}.yaml"));
    fs::write(&file, text).expect("written");
    file
}

/// What a run came to.
struct Played {
    result: Value,
    loads: Vec<Value>,
    /// What the hypervisor took of the machine in each second, as a share.
    stolen: Vec<f64>,
}

impl Played {
    fn of(file: &Path, more: &[&str]) -> Self {
        let out = tempfile::tempdir().expect("a folder");
        let mut command = plimsoll();
        command.args(["run", "--workers", "1", "--quiet", "--out"]).arg(out.path()).arg(file);
        let status = command.args(more).stdout(Stdio::null()).status().expect("it runs");
        assert!(matches!(status.code(), Some(0 | 97 | 99)), "{status}");
        let system = only(out.path());
        let run = only(&system);
        let read = |name: &str| fs::read_to_string(run.join(name)).expect("written");
        let lines = read("run.jsonl");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let lines: Vec<Value> = lines.collect();
        let stolen = |line: &Value| {
            let load = line.pointer("/interval/generator")?;
            Some(load.get("stolen").and_then(Value::as_f64).unwrap_or(0.0))
        };
        Self {
            stolen: lines.iter().filter_map(stolen).collect(),
            result: serde_json::from_str(&read("result.json")).expect("JSON"),
            loads: lines.iter().filter_map(|line| line.get("page").cloned()).collect(),
        }
    }

    fn number(&self, pointer: &str) -> f64 {
        self.result.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    fn print_lag(&self, what: &str) {
        println!(
            "  {what}: lag p50 {:.0} µs, p99 {:.0} µs, max {:.1} ms; {:.0} requests, {} page loads; the hypervisor took \
             {:.1} % of the machine",
            self.number("/schedule_lag_ms/p50") * 1e3,
            self.number("/schedule_lag_ms/p99") * 1e3,
            self.number("/schedule_lag_ms/max"),
            self.number("/whole_run/requests"),
            self.loads.len(),
            self.stolen.iter().sum::<f64>() / self.stolen.len().max(1) as f64 * 100.0,
        );
    }

    fn print_use(&self, what: &str) {
        println!(
            "  {what}: {:.2} s of CPU a page load, {:.0} MB (sum of Pss) in {:.0} processes, cores {} {:.0} % busy",
            self.number("/generator/browsers/cpu_s_per_load"),
            self.number("/generator/browsers/memory_max_bytes") / 1e6,
            self.number("/generator/browsers/processes"),
            self.result["generator"]["browsers"]["cores"],
            self.number("/generator/browsers/cores_busy") * 100.0,
        );
    }

    fn median_ttfb(&self, page: &str) -> f64 {
        let of_page = self.loads.iter().filter(|load| load["page"] == page);
        let ttfb = |load: &Value| {
            let times = load["times"].as_array()?;
            let found = times.iter().find(|time| time[0] == "ttfb")?;
            found[1].as_f64().map(|nanoseconds| nanoseconds / 1e6)
        };
        let mut times: Vec<f64> = of_page.filter_map(ttfb).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// How many processes of the browser are there some seconds after plimsoll was killed.
fn left_after_kill(file: &Path, folder: &Path) -> usize {
    let mut command = plimsoll();
    command.arg("run").arg(file).arg("--out").arg(folder.join("killed"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let profile = format!("plimsoll-browser-{}-", child.id());
    assert!(within(LAST_SEEN * 3, || processes_with(&profile) > 5), "no browser has started");
    child.kill().expect("killed");
    child.wait().expect("ended");
    within(LAST_SEEN, || processes_with(&profile) == 0);
    processes_with(&profile)
}

/// How many processes have a text in their command line.
fn processes_with(text: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

/// Looks until something is so, or the time is over.
fn within(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() && begun.elapsed() < limit {
        pass(Duration::from_millis(50));
    }
    is_so()
}

/// Nobody sends: the time passes.
fn pass(time: Duration) {
    let (_sender, never) = channel::<()>();
    let _ = never.recv_timeout(time);
}

fn plimsoll() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// What alone is in a folder.
fn only(folder: &Path) -> PathBuf {
    let entry = fs::read_dir(folder).expect("a folder").flatten().next();
    entry.expect("something in it").path()
}

/// A server on loopback with two small pages: a script and a picture each. It ends with this process. It stands for
/// another machine, so that it keeps to the last core: on any, it would push the generator from its own.
fn served() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        keep_to_last_core();
        for stream in listener.incoming().flatten() {
            thread::spawn(move || converse(stream));
        }
    });
    url
}

/// Threads that this one starts keep to the same core.
fn keep_to_last_core() {
    let all = sched_getaffinity(None).expect("cores");
    let last = (0..CpuSet::MAX_CPU).rfind(|core| all.is_set(*core)).expect("a core");
    let mut wanted = CpuSet::new();
    wanted.set(last);
    sched_setaffinity(None, &wanted).expect("kept to a core");
}

fn converse(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut writer = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    loop {
        let line = lines.next()?;
        let path = line.split(' ').nth(1)?.to_owned();
        lines.by_ref().find(String::is_empty)?;
        let late = path.strip_prefix("/late");
        let (kind, body) = body(late.unwrap_or(&path));
        if path != "/data" {
            pass(DELAYS[0] + late.map_or(Duration::ZERO, |_| DELAYS[1]));
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        writer.write_all(&[head.into_bytes(), body.into_bytes()].concat()).ok()?;
    }
}

/// The media type and body of a path; addresses within a page are relative to it.
fn body(path: &str) -> (&'static str, String) {
    match path {
        "/home" => {
            let page = "<!doctype html><link rel=icon href='data:,'><h1>Home</h1><script src=app.js defer></script>\
                        <img src=hero.svg width=800 height=400 alt=''>";
            ("text/html", page.to_owned())
        }
        "/app.js" => {
            let work = "for (const end = performance.now() + 30; performance.now() < end;);";
            ("text/javascript", format!("// {}\n{work}\n", "x".repeat(100_000)))
        }
        "/hero.svg" => {
            let tile = |n: u32| {
                let (x, y) = (n * 37 % 800, n * 53 % 400);
                format!(
                    "<rect x='{x}' y='{y}' width='40' height='40' fill='#{:03x}'/>",
                    n * 98_765 % 4_096
                )
            };
            let tiles: String = (0..400).map(tile).collect();
            (
                "image/svg+xml",
                format!(
                    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 400'>{tiles}</svg>"
                ),
            )
        }
        _ => ("application/json", "{}".to_owned()),
    }
}
