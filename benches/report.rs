//! How long it takes to render a run of one hour with 50 steps, and how large the page becomes.
//!
//! The bar is 2 s and 1 MB. Run by `cargo bench --bench report`; the time is printed, never asserted.
//! `cargo bench --bench report -- FOLDER` also writes the files there, to look at them.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use plimsoll::metrics::{
    ArrivalCounts, Distribution, ErrorClass, Event, EventKind, GeneratorLoad, Interval, Phase,
    Reading, RunEnd, RunHeader, RunLine, RunLog, SampleKind, ScenarioId, ScenarioInterval,
    SparseDistribution, StepId, StepInfo, StepInterval, StopReason,
};
use plimsoll::report::{Report, ReportExtras, html, render_all};
use plimsoll::slo::{Strictness, judge};
use plimsoll::units::{Nanos, Quantity, Rate, Ratio, RunTime};

const SECONDS: u64 = 3_600;
const STEPS: u16 = 50;
/// 2,000 requests a second over all steps.
const REQUESTS: u64 = 40;

fn main() -> ExitCode {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = named.map(PathBuf::from);
    let log = log();
    let judgement = judge(&log, Strictness::Normal);
    let text = text(&log);
    println!("log: {SECONDS} s, {STEPS} steps, {:.1} MB", text.len() as f64 / 1e6);
    let (read, back) = timed(|| RunLog::read(&text));
    println!("read the log        {:>8.0} ms", ms(read));
    if back.is_err() {
        return ExitCode::FAILURE;
    }
    let (merged, report) = timed(|| Report::new(&log, &judgement));
    println!("merge               {:>8.0} ms", ms(merged));
    let (drawn, page) = timed(|| html::render(&report, &ReportExtras::default()));
    let size = page.map_or(0, |page| page.len());
    println!(
        "report.html         {:>8.0} ms   {:.0} kB (bar 1,000 kB)",
        ms(drawn),
        size as f64 / 1e3
    );
    let (all, files) =
        timed(|| render_all(&Report::new(&log, &judgement), &ReportExtras::default()));
    println!("all files, merged   {:>8.0} ms   (bar 2,000 ms)", ms(all));
    for (name, bytes) in files.unwrap_or_default() {
        println!("  {name:<16} {:>8.0} kB", bytes.len() as f64 / 1e3);
        if let Some(folder) = &folder
            && std::fs::write(folder.join(name), bytes).is_err()
        {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = std::time::Instant::now();
    let made = work();
    (start.elapsed(), made)
}

fn text(log: &RunLog) -> String {
    let header = std::iter::once(RunLine::Run(log.header.clone()));
    let intervals = log.intervals.iter().cloned().map(RunLine::Interval);
    let end = log.end.map(RunLine::End);
    header.chain(intervals).chain(end).map(|line| line.to_text()).collect()
}

/// Times that scatter over a decade, another set each second.
fn times(second: u64, step: u64, base_us: u64) -> SparseDistribution {
    let mut times = Distribution::new();
    for index in 0..REQUESTS {
        // A fixed scramble, so that neighbouring values lie in different buckets.
        let noise = (second * 31 + step * 17 + index * 101).wrapping_mul(2_654_435_761) % 1_000;
        let slow = if noise > 985 { 8 } else { 1 };
        times.record(Nanos::from_micros(base_us * slow + base_us * noise / 300));
    }
    times.to_sparse()
}

fn step_interval(second: u64, step: u64) -> StepInterval {
    let base_us = 2_000 + step * 900 + (second / 60 % 7) * 400;
    let phases = [(Phase::Send, 20), (Phase::Wait, base_us), (Phase::Receive, 150)];
    StepInterval {
        requests: REQUESTS,
        exchanges: REQUESTS,
        errors: if (second + step).is_multiple_of(97) {
            BTreeMap::from([(ErrorClass::Http5xx, 2)])
        } else {
            BTreeMap::new()
        },
        statuses: BTreeMap::from([(200, REQUESTS)]),
        bytes_received: REQUESTS * 2_000,
        bytes_sent: REQUESTS * 300,
        response_time: times(second, step, base_us + 100),
        service_time: times(second, step, base_us),
        phases: phases.into_iter().map(|(phase, us)| (phase, times(second, step, us))).collect(),
        ..StepInterval::default()
    }
}

fn interval(second: u64) -> Interval {
    let arrivals =
        ArrivalCounts { intended: 400, started: 400, completed: 400, ..ArrivalCounts::default() };
    let scenario = ScenarioInterval {
        arrivals,
        requests: REQUESTS * u64::from(STEPS),
        response_time: times(second, 1, 30_000),
        iteration_time: times(second, 2, 900_000),
        ..ScenarioInterval::default()
    };
    let reading = |tier: &str, metric: &str, value: f64| Reading {
        tier: tier.into(),
        metric: metric.into(),
        replica: String::new(),
        value: Some(Quantity::Count(value)),
    };
    Interval {
        start: RunTime::ZERO + Nanos::from_secs(second),
        end: RunTime::ZERO + Nanos::from_secs(second + 1),
        arrivals,
        in_flight: 60 + second % 13,
        in_flight_time: Nanos::from_secs(60),
        vus_busy: 900,
        vus: 1_000,
        connections: 1_000,
        schedule_lag: times(second, 3, 40),
        generator: GeneratorLoad {
            worker_cpu: Ratio::new(0.4),
            process_cpu: Ratio::new(0.8),
            memory: 90 << 20,
            ..GeneratorLoad::default()
        },
        steps: (0..STEPS).map(|step| (StepId(step), step_interval(second, step.into()))).collect(),
        scenarios: BTreeMap::from([(ScenarioId(0), scenario)]),
        readings: ["cpu", "memory", "connections", "queue"]
            .iter()
            .flat_map(|metric| {
                ["api", "db", "cache"].map(|tier| reading(tier, metric, (second % 211) as f64))
            })
            .collect(),
        ..Interval::default()
    }
}

fn log() -> RunLog {
    let step = |id: u16| StepInfo {
        name: format!("step {id}"),
        kind: SampleKind::Get,
        tags: vec!["api".into()],
    };
    let header = RunHeader {
        name: "hour".into(),
        steps: (0..STEPS).map(step).collect(),
        workers: 2,
        max_vus: 5_000,
        ..RunHeader::holding(Rate::per_second(400.0), Nanos::from_secs(SECONDS))
    };
    let mark = |minute: u64| Event {
        at: RunTime::ZERO + Nanos::from_secs(minute * 60),
        kind: EventKind::Mark(format!("minute {minute}")),
    };
    let at = RunTime::ZERO + Nanos::from_secs(SECONDS);
    RunLog {
        intervals: (0..SECONDS).map(interval).collect(),
        events: (1..6).map(|tenth| mark(tenth * 10)).collect(),
        end: Some(RunEnd { at, reason: StopReason::Finished }),
        ..RunLog::begun(header)
    }
}
