//! A search for capacity on one machine and by a leader with two agents, against a stack whose truth is known.

use std::error::Error;
use std::fs;
use std::path::Path;

use plimsoll::capacity::des::{SimulatedServiceTime, SimulatedStack, SimulatedTier, slo_max};
use plimsoll::capacity::slo_limits::SloLimit;
use plimsoll::units::{Nanos, Rate, Ratio, Seed};

use super::parts::{Part, free_port, nats, plimsoll, serve};

/// Twenty cores of 200 ms each, within p95 300 ms: so slow that a busy generator's own lateness is no part of it.
const CORES: u32 = 20;
const SERVICE: Nanos = Nanos::from_millis(200);
const LIMIT: Nanos = Nanos::from_millis(300);
const SIMULATION: &str = "name: slow\ntiers: { api: { kind: api, cores: 20 } }\n\
    routes: [{ get: /, visits: [{ api: 200ms }], answer: { json: { ok: true } } }]\n";
const STACK: &str =
    "name: slow\ntiers:\n  api: { kind: api, replicas: 1, size: { cores: 20 }, cost: $20 }\n";
const SCENARIO: &str = "name: slow\ntarget: http://127.0.0.1:1\nstack: stack.yaml\n\
    workloads: { main: { stages: [{ rate: 80 req/s, duration: 10s }] } }\n\
    scenarios: { all: { flow: [{ get: { name: get, url: / } }] } }\nslo: { p95: { max: 300ms } }\n";
/// Claims are within so much of the truth.
const BAR: f64 = 0.03;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Searches for `minutes` each.
pub(crate) fn compare(minutes: u32) -> Outcome<()> {
    let truth = truth().ok_or("the stack carries anything")?;
    println!("truth                  {truth:>7.1} req/s   (bar ± {:.0} %)", BAR * 100.0);
    let within = format!("{minutes}m");
    for (name, agents) in [("one machine", 0), ("a leader, two agents", 2)] {
        let folder = tempfile::tempdir()?;
        let found = search(folder.path(), &within, agents)?;
        let capacity = &found["capacity"];
        let Some(claim) = capacity["slo_max_per_s"].as_f64() else {
            println!("{name:<22} no claim: {}", capacity["end"]);
            continue;
        };
        let off = claim / truth - 1.0;
        let is_confirmed = capacity["confirmed"].as_bool().unwrap_or_default();
        println!(
            "{name:<22} {claim:>7.1} req/s   {:>+5.1} %, {}, interval {}, ended by {}",
            off * 100.0,
            if is_confirmed { "confirmed" } else { "not confirmed" },
            capacity["interval"],
            capacity["end"]
        );
    }
    Ok(())
}

/// By a simulation in virtual time.
fn truth() -> Option<f64> {
    let service = SimulatedServiceTime::Constant { mean: SERVICE };
    let tier = SimulatedTier::cores("api", 1, CORES, SERVICE);
    let tiers = vec![SimulatedTier { service, ..tier }];
    let limits = [SloLimit::Quantile { p: Ratio::new(0.95), max: LIMIT }];
    let model = SimulatedStack { tiers, rate_limit: None };
    slo_max(&model, &limits, 400_000, Seed::new(9)).map(Rate::get)
}

/// The result of a search by so many agents; on this machine alone where there are none.
fn search(folder: &Path, within: &str, agents: u32) -> Outcome<serde_json::Value> {
    for (name, text) in
        [("simulation.yaml", SIMULATION), ("stack.yaml", STACK), ("scenario.yaml", SCENARIO)]
    {
        fs::write(folder.join(name), text)?;
    }
    let (_stack, url) = serve(folder, None)?;
    let mut searching = plimsoll();
    searching.arg("capacity").arg(folder.join("scenario.yaml")).args(["--target", &url, "--quiet"]);
    searching.args(["--within", within, "--start", "20 req/s", "--out"]).arg(folder.join("led"));
    let mut parts = vec![];
    if agents > 0 {
        let port = free_port()?;
        parts.push(nats(port, folder)?);
        let nats_url = format!("nats://127.0.0.1:{port}");
        for number in 1..=agents {
            let mut agent = plimsoll();
            agent.args(["agent", "--once", "--nats", &nats_url, "--out"]);
            parts.push(Part(agent.arg(folder.join(format!("agent{number}"))).spawn()?));
        }
        searching.args(["--agents", &agents.to_string(), "--nats", &nats_url]);
    }
    searching.status()?;
    let system = fs::read_dir(folder.join("led"))?.next().ok_or("no run")??.path();
    let run = fs::read_dir(system)?.next().ok_or("no run")??.path();
    Ok(serde_json::from_str(&fs::read_to_string(run.join("result.json"))?)?)
}
