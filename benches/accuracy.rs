//! What is reported against what is true: servers whose response times follow from arithmetic.
//!
//! `cargo bench --bench accuracy` plays each server by the simulator, loads it, and prints truth, report and
//! error. Load goes to 127.0.0.1 only, each run lasts 20 s or less.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
        name: "stands still 1 s in every 10 s",
        stack: "tiers: { api: { kind: api, cores: 64 } }\nfaults: [ { at: 5s, freeze: 1s, every: 10s } ]\nroutes:\n  - { get: /, visits: [ { api: 10us } ], answer: { text: ok } }\n",
        scenarios: ONE,
        rate: 500,
        seconds: 20,
        truths: &[
            ("/whole_run/response_time_ms/p95", 500.0, "ms"),
            ("/whole_run/response_time_ms/p99", 900.0, "ms"),
            ("/whole_run/response_time_ms/p999", 990.0, "ms"),
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

fn main() {
    println!("{:<36} {:>10} {:>10} {:>8}", "truth and report", "truth", "reported", "error");
    for case in CASES {
        println!("{} ({} req/s, {} s)", case.name, case.rate, case.seconds);
        let result = measure(case);
        for (pointer, truth, unit) in case.truths {
            let what = pointer.rsplit('/').next().unwrap_or(pointer);
            match result.pointer(pointer).and_then(Value::as_f64) {
                Some(reported) => println!(
                    "  {what:<34} {truth:>10.2} {reported:>10.2} {:>7.2}% {unit}",
                    (reported / truth - 1.0) * 100.0
                ),
                None => println!("  {what:<34} {truth:>10.2} {:>10}", "missing"),
            }
        }
    }
}

fn measure(case: &Case) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let simulation = folder.path().join("simulation.yaml");
    fs::write(&simulation, format!("name: truth\n{}", case.stack)).expect("written");
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, scenario_text(case)).expect("written");
    let (mut stack, url) = start(&simulation);
    let out = folder.path().join("out");
    let run = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("run")
        .arg(&scenario)
        .args(["--target", &url, "--quiet", "--out"])
        .arg(&out)
        .output()
        .expect("plimsoll runs");
    let _ = stack.kill();
    let _ = stack.wait();
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

fn scenario_text(case: &Case) -> String {
    format!(
        "name: truth\ntarget: http://127.0.0.1:1\nworkloads:\n  main:\n    arrivals: constant\n    \
         max_vus: 4000\n    stages: [ {{ rate: {} req/s, duration: {}s }} ]\nscenarios: {}\n",
        case.rate, case.seconds, case.scenarios
    )
}

fn start(simulation: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("simulate")
        .arg(simulation)
        .args(["--listen", "127.0.0.1:0", "--stop-after", "2m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the simulator starts");
    let mut url = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut url).expect("it says where it listens");
    (child, url.trim().to_owned())
}
