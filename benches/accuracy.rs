//! What is reported against what is true: servers whose response times follow from arithmetic.
//!
//! `cargo bench --bench accuracy` plays each server by the simulator, loads it, and prints truth, report and
//! error; the freeze test has a server of its own, and runs alone with `-- freeze`. Load goes to 127.0.0.1 only, each
//! run lasts 20 s or less. `cargo bench --bench accuracy -- mmc` instead compares one tier with exponential service
//! with Erlang's formulas, at three utilisations of two minutes each.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "accuracy/frozen.rs"]
mod frozen;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use plimsoll::capacity::queueing::Mmc;
use serde_json::Value;

/// A server with known truth.
struct Case {
    name: &'static str,
    /// The simulation, from `tiers:` on.
    stack: &'static str,
    /// The scenarios, as YAML in one line.
    scenarios: &'static str,
    rate: u32,
    seconds: u32,
    /// Where the result has it, what it must be, and the unit.
    truths: &'static [(&'static str, f64, &'static str)],
}

const ONE: &str = "{ main: { weight: 1, flow: [ { get: { name: get, url: /, timeout: 30s } } ] } }";

const CASES: &[Case] = &[
    Case {
        name: "constant 5 ms",
        stack: "tiers: { api: { kind: external } }\nroutes:\n  - { get: /, visits: [ { api: 5ms } ], answer: { text: ok } }\n",
        scenarios: ONE,
        rate: 500,
        seconds: 12,
        truths: &[
            ("/whole_run/response_time_ms/mean", 5.0, "ms"),
            ("/whole_run/response_time_ms/p50", 5.0, "ms"),
            ("/whole_run/response_time_ms/p99", 5.0, "ms"),
        ],
    },
    Case {
        name: "99 % 1 ms, 1 % 100 ms",
        stack: "tiers: { api: { kind: external } }\nroutes:\n  - { get: /, visits: [ { api: 1ms } ], answer: { text: ok } }\n  - { get: /slow, visits: [ { api: 100ms } ], answer: { text: ok } }\n",
        scenarios: "{ fast: { weight: 99, flow: [ { get: { name: fast, url: / } } ] }, slow: { weight: 1, flow: [ { get: { name: slow, url: /slow } } ] } }",
        rate: 1_000,
        seconds: 15,
        truths: &[
            ("/whole_run/response_time_ms/mean", 1.99, "ms"),
            ("/whole_run/response_time_ms/p50", 1.0, "ms"),
            ("/whole_run/response_time_ms/p999", 100.0, "ms"),
        ],
    },
    Case {
        // 2 cores × 10 ms carry 200/s. At 300/s for 10 s, the backlog grows by 100/s: the last arrival waits
        // 5 s, the mean is 2.5 s and the quantiles are proportional; throughput stays at 200/s.
        name: "saturates at 200/s, offered 300/s",
        stack: "tiers: { api: { kind: api, cores: 2 } }\nroutes:\n  - { get: /, visits: [ { api: 10ms } ], answer: { text: ok } }\n",
        scenarios: ONE,
        rate: 300,
        seconds: 10,
        truths: &[
            ("/whole_run/response_time_ms/mean", 2_510.0, "ms"),
            ("/whole_run/response_time_ms/p50", 2_510.0, "ms"),
            ("/whole_run/response_time_ms/p99", 4_960.0, "ms"),
            ("/load/requests", 3_000.0, "requests"),
        ],
    },
];

/// Cores of the tier that is compared with Erlang's formulas. A tier of many cores forgets its past quickly, so
/// that two minutes are enough for 3 %; with 2 cores at 85 % the same exactness would take more than an hour.
const CORES: u32 = 16;
/// Its mean service time in milliseconds: long beside what sockets add, which formulas know nothing of.
const SERVICE_MS: f64 = 20.0;

fn main() {
    if std::env::args().any(|argument| argument == "mmc") {
        return mmc();
    }
    let only_freeze = std::env::args().any(|argument| argument == "freeze");
    println!("{:<36} {:>10} {:>10} {:>8}", "truth and report", "truth", "reported", "error");
    for case in CASES.iter().filter(|_| !only_freeze) {
        println!("{} ({} req/s, {} s)", case.name, case.rate, case.seconds);
        let result = measure(case);
        for (pointer, truth, unit) in case.truths {
            let what = pointer.rsplit('/').next().unwrap_or(pointer);
            match result.pointer(pointer).and_then(Value::as_f64) {
                Some(reported) => row(what, *truth, reported, unit),
                None => println!("  {what:<34} {truth:>10.2} {:>10}", "missing"),
            }
        }
    }
    freeze();
}

fn row(what: &str, truth: f64, reported: f64, unit: &str) {
    println!(
        "  {what:<34} {truth:>10.2} {reported:>10.2} {:>7.2}% {unit}",
        (reported / truth - 1.0) * 100.0
    );
}

/// The freeze test (bar: p95, p99 and p99.9 within 1 % of the truth).
fn freeze() {
    const RATE: u32 = 500;
    println!("stands still 1 s in every 10 s ({RATE} req/s, 20 s; bar: each within 1 %)");
    let server = frozen::Frozen::start();
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, scenario_text(ONE, RATE, 20)).expect("written");
    let url = format!("http://{}", server.address);
    let result = run_against(&url, &scenario, &folder.path().join("out"));
    let mut truth = server.response_times(f64::from(RATE));
    truth.sort_unstable_by(f64::total_cmp);
    let number =
        |pointer: &str| result.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    println!(
        "  schedule lag p99 {:.2} ms, max {:.2} ms: what the machine took from the generator is in its times",
        number("/schedule_lag_ms/p99"),
        number("/schedule_lag_ms/max")
    );
    for (name, share, arithmetic) in
        [("p95", 0.95, 500.0), ("p99", 0.99, 900.0), ("p999", 0.999, 990.0)]
    {
        let rank = (truth.len() as f64 * share).ceil() as usize;
        let by_the_server = truth.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN) * 1e3;
        let reported = number(&format!("/whole_run/response_time_ms/{name}"));
        row(&format!("{name}, by the server's own clock"), by_the_server, reported, "ms");
        row(&format!("{name}, by arithmetic"), arithmetic, reported, "ms");
    }
}

/// One tier of [`CORES`] cores with exponential service: mean, p95 and utilisation against M/M/c.
fn mmc() {
    println!(
        "one tier, {CORES} cores, exponential service of {SERVICE_MS} ms, Poisson arrivals, 120 s each\n\
         {:<12} {:>10} {:>10} {:>8} {:>8}",
        "utilisation", "truth", "measured", "error", "bar"
    );
    for utilisation in [0.5, 0.7, 0.85] {
        let capacity = f64::from(CORES) * 1_000.0 / SERVICE_MS;
        let queue =
            Mmc { arrivals: utilisation * capacity, service: 1_000.0 / SERVICE_MS, servers: CORES };
        let (result, page) = measure_mmc(utilisation * capacity);
        let number = |pointer| result.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let busy = busy_seconds(&page);
        // What was offered in fact: Poisson counts vary by chance, and that is no error of the simulator's.
        let offered = number("/load/requests") * SERVICE_MS / 1_000.0;
        let rows = [
            (
                "mean, ms",
                queue.response_mean() * 1_000.0,
                number("/whole_run/response_time_ms/mean"),
                3.0,
            ),
            (
                "p95, ms",
                queue.response_quantile(0.95) * 1_000.0,
                number("/whole_run/response_time_ms/p95"),
                5.0,
            ),
            ("cpu, s", offered, busy, 1.0),
        ];
        println!("{utilisation}");
        for (what, truth, measured, bar) in rows {
            let error = (measured / truth - 1.0) * 100.0;
            let missed = if error.abs() <= bar { "" } else { "   missed" };
            println!(
                "  {what:<10} {truth:>10.3} {measured:>10.3} {error:>+7.2}% {bar:>7}%{missed}"
            );
        }
    }
}

/// What the run reports at this rate, and the simulator's metrics afterwards.
fn measure_mmc(rate: f64) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let simulation = folder.path().join("simulation.yaml");
    let text = format!(
        "name: truth\ntiers: {{ api: {{ kind: api, cores: {CORES} }} }}\nroutes:\n  \
         - {{ get: /, visits: [ {{ api: {{ exponential: {SERVICE_MS}ms }} }} ], answer: {{ text: ok }} }}\n"
    );
    fs::write(&simulation, text).expect("written");
    let scenario = folder.path().join("scenario.yaml");
    let text = format!(
        "name: truth\ntarget: http://127.0.0.1:1\nworkloads:\n  main:\n    max_vus: 4000\n    \
         stages: [ {{ rate: {rate} req/s, duration: 120s }} ]\nscenarios: {ONE}\n"
    );
    fs::write(&scenario, text).expect("written");
    let (stack, url) = start(&simulation);
    let result = run_against(&url, &scenario, &folder.path().join("out"));
    let address = url.trim_start_matches("http://");
    let page = read_page(address).unwrap_or_default();
    end(stack);
    (result, page)
}

/// The metrics page, by a request of our own.
fn read_page(address: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(address)?;
    let request =
        format!("GET /__sim/metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut page = String::new();
    socket.read_to_string(&mut page)?;
    Ok(page)
}

/// How long the cores of the tier have been busy.
fn busy_seconds(page: &str) -> f64 {
    let lines = page.lines().filter(|line| line.starts_with("sim_cpu_seconds_total{tier=\"api\""));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn end(mut stack: Child) {
    let _ = stack.kill();
    let _ = stack.wait();
}

fn measure(case: &Case) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let simulation = folder.path().join("simulation.yaml");
    fs::write(&simulation, format!("name: truth\n{}", case.stack)).expect("written");
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, scenario_text(case.scenarios, case.rate, case.seconds)).expect("written");
    let (stack, url) = start(&simulation);
    let result = run_against(&url, &scenario, &folder.path().join("out"));
    end(stack);
    result
}

/// Runs a scenario, and reads its result.
fn run_against(url: &str, scenario: &Path, out: &Path) -> Value {
    let run = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("run")
        .arg(scenario)
        .args(["--target", url, "--quiet", "--out"])
        .arg(out)
        .output()
        .expect("plimsoll runs");
    let text = fs::read_dir(out.join("truth"))
        .ok()
        .and_then(|mut runs| runs.next()?.ok())
        .and_then(|run| fs::read_to_string(run.path().join("result.json")).ok());
    let Some(text) = text else {
        println!("  did not run: {}", String::from_utf8_lossy(&run.stderr));
        return Value::Null;
    };
    serde_json::from_str(&text).expect("JSON")
}

fn scenario_text(scenarios: &str, rate: u32, seconds: u32) -> String {
    format!(
        "name: truth\ntarget: http://127.0.0.1:1\nworkloads:\n  main:\n    arrivals: constant\n    \
         max_vus: 4000\n    stages: [ {{ rate: {rate} req/s, duration: {seconds}s }} ]\nscenarios: {scenarios}\n"
    )
}

fn start(simulation: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("simulate")
        .arg(simulation)
        .args(["--listen", "127.0.0.1:0", "--stop-after", "3m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the simulator starts");
    let mut url = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut url).expect("it says where it listens");
    (child, url.trim().to_owned())
}
