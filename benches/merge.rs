//! What it costs to merge the logs of a thousand agents: 60 seconds of 8 steps each.
//!
//! The bar is 60 s and 500 MB. Run by `cargo bench --bench merge`; figures are printed, never asserted.
//! `cargo bench --bench merge -- 100` takes so many agents instead.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plimsoll::metrics::{
    ArrivalProcess, Collector, Outcome, Phase, Recorder, RunEnd, RunHeader, RunLine, Sample,
    SampleKind, ScenarioId, StepId, StepInfo, StopReason,
};
use plimsoll::units::{Nanos, Rate, RunTime};

const SECONDS: u64 = 60;
const STEPS: u16 = 8;
/// Iterations a second of one agent; each makes a request of every step.
const RATE: u64 = 200;
/// So many agents have response times of their own; the others repeat theirs.
const KINDS: u64 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let agents: u32 = asked.unwrap_or(1_000);
    let folder = tempfile::tempdir()?;
    let logs = write_logs(folder.path(), agents)?;
    let bytes: u64 = logs.iter().map(|log| fs::metadata(log).map_or(0, |of| of.len())).sum();
    println!("{agents} logs of {SECONDS} s and {STEPS} steps: {:.0} MB", bytes as f64 / 1e6);
    let mut merging = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("merge")
        .args(&logs)
        .args(["--format", "json", "--out"])
        .arg(folder.path().join("merged"))
        .stdout(Stdio::null())
        .spawn()?;
    let (time, peak) = watched(&mut merging)?;
    println!("merged in           {:>8.1} s    (bar 60 s)", time.as_secs_f64());
    println!("memory at the most  {:>8.0} MB   (bar 500 MB)", peak as f64 / 1e6);
    println!("exit code           {:>8}", merging.wait()?.code().unwrap_or(-1));
    Ok(())
}

/// How long the process runs, and its greatest resident memory in bytes.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn watched(process: &mut Child) -> Result<(Duration, u64), Box<dyn Error>> {
    let start = Instant::now();
    let status = PathBuf::from(format!("/proc/{}/status", process.id()));
    let mut peak = 0;
    while process.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok((start.elapsed(), peak))
}

fn write_logs(folder: &Path, agents: u32) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let bodies: Vec<String> = (0..KINDS).map(body).collect();
    (0..agents)
        .map(|index| {
            let path = folder.join(format!("{index}.jsonl"));
            let header = RunLine::Run(header(index, agents)).to_text();
            let body = &bodies[index as usize % bodies.len()];
            fs::write(&path, header + body)?;
            Ok(path)
        })
        .collect()
}

fn header(index: u32, agents: u32) -> RunHeader {
    let rate = Rate::per_second((u64::from(agents) * RATE) as f64);
    let step =
        |number| StepInfo { name: format!("step {number}"), kind: SampleKind::Get, tags: vec![] };
    let mut header = RunHeader::holding(rate, Nanos::from_secs(SECONDS));
    header.arrivals = ArrivalProcess::Constant;
    header.exact_arrivals = true;
    header.shard = (index, agents);
    header.steps = (0..STEPS).map(step).collect();
    header.scenarios[0].requests_per_iteration = f64::from(STEPS);
    header
}

/// All lines but the first.
fn body(kind: u64) -> String {
    let (mut recorder, mut collector) = (Recorder::new(0, STEPS.into(), 1), Collector::new(1));
    let mut state = kind + 1;
    // Xorshift: any spread will do.
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::new();
    for second in 0..SECONDS {
        for index in 0..RATE {
            let mut at = RunTime::new(second * 1_000_000_000 + index * (900_000_000 / RATE));
            let begin = at;
            recorder.arrival_due(ScenarioId(0));
            recorder.arrival_started(ScenarioId(0), Nanos::new(next() % 90_000));
            for step in 0..STEPS {
                // Sums of uniform times, with a tail.
                let random = next();
                let wait = random % 4_000_000 + (random >> 24) % 4_000_000;
                let tail = if random % 50 == 0 { (random >> 8) % 40_000_000 } else { 0 };
                let sent = at + Nanos::new(random % 50_000);
                let done = sent + Nanos::new(1_000_000 + wait + tail);
                recorder.request_started(at, sent);
                let mut sample = Sample::of_time(StepId(step), (at, sent), done, Outcome::Ok);
                (sample.status, sample.exchanges, sample.bytes_received) = (200, 1, 2_000);
                sample.phases.set(Phase::Wait, Nanos::new(1_000_000 + wait));
                sample.phases.set(Phase::Receive, Nanos::new(tail + random % 300_000));
                recorder.record(ScenarioId(0), &sample);
                at = done;
            }
            recorder.iteration_ended(ScenarioId(0), false, at.since(begin));
        }
        let end = RunTime::ZERO + Nanos::from_secs(second + 1);
        collector.absorb(&recorder.take_part(end));
        for interval in collector.drain_complete() {
            text += &RunLine::Interval(interval).to_text();
        }
    }
    let at = RunTime::ZERO + Nanos::from_secs(SECONDS);
    text + &RunLine::End(RunEnd { at, reason: StopReason::Finished }).to_text()
}
