//! Servers of known truth over real sockets, each searched by `plimsoll capacity --within 5m` as a user would.
//!
//! Each server is a process of its own on 127.0.0.1. Its law is worked out at each arrival (`law.rs`), and a simulation of
//! the same law tells the truth. The one under a CPU quota works in earnest in a control group, where the machine
//! lets us make one. A search whose generator was late is told as such and repeated.

#![expect(clippy::disallowed_methods, reason = "a server and the search of it take real time")]

mod cgroup;
mod kinds;
mod law;
mod rehearsal;
mod serve;
mod truth;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;

use plimsoll::capacity::output::CapacitySection;
use plimsoll::capacity::search::SearchEnd;
use plimsoll::metrics::{Distribution, RunLog};
use plimsoll::units::{Nanos, Ratio};

use super::Asked;
use cgroup::QuotaGroup;
use kinds::{SocketServer, servers};
use law::CpuQuota;

pub(super) use rehearsal::rehearsal;

/// A search whose generator was late is repeated so often.
const TRIES: usize = 3;

/// A server's process. It ends with its standard input.
struct KnownProcess {
    url: String,
    child: Child,
    _open: Option<ChildStdin>,
    _group: Option<QuotaGroup>,
}

impl Drop for KnownProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A search of which more than one step in so many did not count is repeated.
const LATE_PART: usize = 4;

/// What a search came to.
struct SocketSearch {
    found: CapacitySection,
    seconds: f64,
    lag_p99: Nanos,
    steps: usize,
    /// Steps that did not count, each with its reason.
    invalid: Vec<String>,
}

/// Serves the server that is called `name`; `how` is `burn` or `law`.
pub(super) fn serve(name: &str, how: &str) -> Result<(), Box<dyn Error>> {
    let all = servers();
    let server = all.iter().find(|server| server.name == name).ok_or("no such server")?;
    serve::serve(server, how == "burn")
}

/// Twelve kinds of server, each searched once for five minutes; those that the command line names.
pub(super) fn sockets(asked: &Asked) {
    println!(
        "| server | truth | claim | error | | failure above | gives out first | | took | lag p99 | limit |\n\
         |---|---|---|---|---|---|---|---|---|---|---|"
    );
    let (mut within, mut above, mut named, mut confirmed, mut all) = (0, 0, 0, 0, 0);
    for server in servers().iter().filter(|server| is_asked(server, asked)) {
        let truth = truth::truth(server);
        let found = match counted(server, asked) {
            Ok(search) => search,
            Err(error) => {
                println!("| {} | {truth:.1} | failed: {error} |", server.name);
                continue;
            }
        };
        let error = found.found.slo_max_per_s.map_or(f64::NAN, |claim| claim / truth - 1.0);
        let first = found.found.bottleneck.as_ref();
        let is_named = first.is_some_and(|first| first.resource == server.bottleneck);
        all += 1;
        within += usize::from((-0.03..=0.01).contains(&error));
        above += usize::from(error > 0.01);
        named += usize::from(is_named);
        confirmed += usize::from(found.found.confirmed);
        print_row(server, truth, &found);
    }
    println!(
        "{all} servers: claim within −3 … +1 % of the truth {within}, more than 1 % above {above}, right bottleneck \
         {named}, confirmed {confirmed}"
    );
}

/// Whether the command line asks for it: by a part of its name, or for all.
fn is_asked(server: &SocketServer, asked: &Asked) -> bool {
    asked.kinds.is_empty() || asked.kinds.iter().any(|kind| server.name.contains(kind.as_str()))
}

fn print_row(server: &SocketServer, truth: f64, search: &SocketSearch) {
    let found = &search.found;
    let claim = found.slo_max_per_s.unwrap_or(f64::NAN);
    let held = found.held_for_s.unwrap_or_default();
    let first = found.bottleneck.as_ref();
    let is_named = first.is_some_and(|first| first.resource == server.bottleneck);
    let failure = found.failure_above.map_or_else(|| "none".to_owned(), |it| it.to_string());
    let first = first.map_or_else(
        || found.no_model.clone().unwrap_or_else(|| "nothing".to_owned()),
        |first| format!("{first} at {:.0}", first.rate.get()),
    );
    let [low, high] = found.interval.unwrap_or([f64::NAN; 2]);
    println!(
        "| {} | {truth:.1} | {claim:.1} | {:+.1} % | {}, held {held:.0} s | {failure} | {first} | {} | {:.0} s | {:.2} ms | \
         [{low:.1}, {high:.1}]{} |",
        server.name,
        100.0 * (claim / truth - 1.0),
        if found.confirmed { "confirmed" } else { "not confirmed" },
        if is_named { "right" } else { "wrong" },
        search.seconds,
        search.lag_p99.as_millis_f64(),
        if search.invalid.is_empty() {
            String::new()
        } else {
            format!(", {} of {} steps late", search.invalid.len(), search.steps)
        },
    );
    if let Some(seconds) = found.time_needed_s {
        println!("{}: would take {seconds:.0} s", server.name);
    }
    for contradiction in &found.contradictions {
        println!("{}: {contradiction}", server.name);
    }
}

/// The first search whose generator was not late.
fn counted(server: &SocketServer, asked: &Asked) -> Result<SocketSearch, Box<dyn Error>> {
    let mut tries = 0;
    loop {
        tries += 1;
        let search = searched(server, asked, asked.seed + tries)?;
        let gives_out = search.found.end == Some(SearchEnd::GeneratorLimit);
        let is_late = gives_out || LATE_PART * search.invalid.len() > search.steps;
        if !is_late || tries as usize == TRIES {
            return Ok(search);
        }
        println!("{}, not counted: {}", server.name, search.invalid.join("; "));
    }
}

/// One search of five minutes.
fn searched(
    server: &SocketServer,
    asked: &Asked,
    seed: u64,
) -> Result<SocketSearch, Box<dyn Error>> {
    let process = started(server, asked)?;
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text);
    write("stack.yaml", server.stack_file(&format!("{}/metrics", process.url)))?;
    write(
        "scenario.yaml",
        format!(
            "name: known\ntarget: {}\nstack: stack.yaml\n\
             workloads: {{ main: {{ stages: [{{ rate: 80 req/s, duration: 10s }}] }} }}\n\
             scenarios: {{ work: {{ flow: [{{ get: {{ name: work, url: /work }} }}] }} }}\n\
             slo: {{ p95: {{ max: {}ms }}, error_rate: {{ max: {} }} }}\n",
            process.url,
            server.p95_ms,
            Ratio::new(server.errors_max),
        ),
    )?;
    let began = Instant::now();
    let out = folder.path().join("out");
    let mut command = by(asked, Path::new(env!("CARGO_BIN_EXE_plimsoll")));
    command.arg("capacity").arg(folder.path()).args(["--within", "5m", "--quiet"]);
    command.args(["--seed", &seed.to_string()]).arg("--out").arg(&out);
    let told = command.env("NO_COLOR", "1").stdin(Stdio::null()).output()?;
    let seconds = began.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    let run = only_run(&out).ok_or(said)?;
    // Also of a search that found nothing.
    let text = fs::read_to_string(run.join("result.json"))?;
    let whole: serde_json::Value = serde_json::from_str(&text)?;
    let found = serde_json::from_value(whole.get("capacity").cloned().unwrap_or_default())?;
    let log = fs::read_to_string(run.join("run.jsonl"))?;
    if let Some(keep) = &asked.keep {
        let kept = keep.join(server.name.replace([' ', '/', ','], "_"));
        fs::create_dir_all(&kept)?;
        for name in ["run.jsonl", "result.json", "report.md"] {
            fs::copy(run.join(name), kept.join(name))?;
        }
    }
    let steps = step_notes(&log).count();
    Ok(SocketSearch { found, seconds, lag_p99: lag_p99(&log)?, steps, invalid: invalid(&log) })
}

/// A command of `program`, as the command line wants it started.
fn by(asked: &Asked, program: &Path) -> Command {
    let Some((first, more)) = asked.by.split_first() else { return Command::new(program) };
    let mut command = Command::new(first);
    command.args(more).arg(program);
    command
}

/// Starts a server, in a control group if its quota can be had in earnest.
fn started(server: &SocketServer, asked: &Asked) -> Result<KnownProcess, Box<dyn Error>> {
    let group = server.law.quota.and_then(|quota: CpuQuota| QuotaGroup::of(quota));
    let how = if group.is_some() { "burn" } else { "law" };
    let program = std::env::current_exe()?;
    // No quota holds for a real-time process.
    let mut command = if group.is_some() { Command::new(program) } else { by(asked, &program) };
    let mut child = command
        .args(["serve-known", server.name, how])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if group.as_ref().is_some_and(|group| !group.take(child.id())) {
        return Err("the server does not enter its control group".into());
    }
    let mut url = String::new();
    BufReader::new(child.stdout.take().ok_or("piped")?).read_line(&mut url)?;
    let open = child.stdin.take();
    Ok(KnownProcess { url: url.trim().to_owned(), child, _open: open, _group: group })
}

/// The folder of the one run below `out`.
fn only_run(out: &Path) -> Option<PathBuf> {
    let system = fs::read_dir(out).ok()?.next()?.ok()?.path();
    fs::read_dir(system).ok()?.find_map(|entry| Some(entry.ok()?.path()))
}

/// The 99th percentile of how late arrivals began, over the whole log.
fn lag_p99(log: &str) -> Result<Nanos, Box<dyn Error>> {
    let log = RunLog::read(log)?;
    let mut all = Distribution::new();
    log.intervals.iter().for_each(|second| all.merge_sparse(&second.schedule_lag));
    Ok(all.quantile(0.99))
}

/// What a log notes of each step.
fn step_notes(log: &str) -> impl Iterator<Item = serde_json::Value> {
    let lines = log.lines().filter(|line| line.starts_with("{\"capacity\""));
    let notes = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    notes.filter_map(|note| note.pointer("/capacity/step").cloned())
}

/// Why steps did not count.
fn invalid(log: &str) -> Vec<String> {
    step_notes(log).filter_map(|note| Some(note.get("spoilt")?.as_str()?.to_owned())).collect()
}
