//! `plimsoll merge`: the logs of all shards of a run as one run.
//!
//! Logs are read side by side, second by second, so that memory grows with their number but not with their length.
//! Shards are put in order first: the same logs give the same run, byte for byte, in whatever order they are named.

mod likeness;
mod shard_log;

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::cli;
use crate::metrics::{
    ArrivalProcess, Event, EventKind, Interval, RunEnd, RunHeader, RunLine, ShardSummary,
    StopReason,
};
use crate::plan::{ArrivalLaw, Shard, Stage};
use crate::schedule::Schedule;
use crate::slo::{Strictness, ValidityStatus, ValidityTest, judge};
use crate::units::{Nanos, Ratio, RunTime};

use super::conclusion::{OutcomeFormat, conclude, strictness};
use super::exit::{Exit, Failure};
use super::files::{self, RunFolder};
use super::output::write_out;

use shard_log::ShardLog;

/// Merges the logs that the command line names.
pub(super) fn merge(args: &cli::MergeArgs) -> Result<Exit, Failure> {
    let opened: Result<Vec<ShardLog>, Failure> =
        args.runs.iter().map(|path| ShardLog::open(path)).collect();
    let mut logs = likeness::sorted(opened?, &args.without)?;
    let summaries: Result<Vec<ShardSummary>, Failure> = logs.iter().map(summary).collect();
    let header = header(&logs, summaries?, &args.without);
    let started = header.started_utc.parse::<Timestamp>().unwrap_or_default();
    let mut folder = RunFolder::create(&args.out, &header.name, started)?;
    folder.append(&RunLine::Run(header.clone()))?;
    if let Some(event) = spread(&header.shards) {
        folder.append(&RunLine::Event(event))?;
    }
    interleave(&mut logs, &mut |line| folder.append(line))?;
    folder.flush()?;
    let (log, path) = files::read_log(folder.path())?;
    let concluded = conclude(&log, &path, strictness(args.strict))?;
    let format = OutcomeFormat::of(false, args.format);
    if format == OutcomeFormat::Full {
        write_out(&table(&header.shards))?;
    }
    concluded.print(&path, format, concluded.exit)
}

/// Tests of a measurement that are a shard's own: what the generator did, not what the stack did.
const OWN_TESTS: [ValidityTest; 7] = [
    ValidityTest::Gaps,
    ValidityTest::AchievedRate,
    ValidityTest::IntendedRate,
    ValidityTest::Conservation,
    ValidityTest::ScheduleLag,
    ValidityTest::GeneratorCpu,
    ValidityTest::ClientErrors,
];

/// What one shard came to by itself.
fn summary(shard: &ShardLog) -> Result<ShardSummary, Failure> {
    let (log, _) = files::read_log(&shard.path)?;
    let found = judge(&log, Strictness::Normal).validity.findings;
    let doubt = found
        .into_iter()
        .filter(|it| it.status == ValidityStatus::NotValid && OWN_TESTS.contains(&it.test))
        .map(|finding| finding.message)
        .next();
    let mut lag = crate::metrics::Distribution::new();
    let mut times = crate::metrics::Distribution::new();
    let mut cpu = 0.0_f64;
    let (mut intended, mut requests, mut failed) = (0, 0, 0);
    for interval in &log.intervals {
        intended += interval.arrivals.intended;
        requests += interval.requests();
        failed += crate::metrics::Counts::of(interval).failed();
        lag.merge_sparse(&interval.schedule_lag);
        cpu = cpu.max(interval.generator.worker_cpu.get());
        interval.steps.values().for_each(|step| times.merge_sparse(&step.times().successes()));
    }
    Ok(ShardSummary {
        number: log.header.shard.0 + 1,
        started_utc: log.header.started_utc,
        workers: log.header.workers,
        intended,
        requests,
        failed,
        schedule_lag_p99: lag.quantile(0.99),
        worker_cpu: Ratio::new(cpu),
        response_time_p95: times.quantile(0.95),
        doubt: doubt.or_else(|| log.end.is_none().then(|| "its log was cut off".to_owned())),
    })
}

/// The first line of the merged log. Facts about the conditions are those of any shard, each once.
fn header(logs: &[ShardLog], shards: Vec<ShardSummary>, without: &[u32]) -> RunHeader {
    let first = &logs[0].header;
    let count = first.shard.1;
    let mut left_out: Vec<u32> = without.to_vec();
    left_out.retain(|number| (1..=count).contains(number));
    left_out.sort_unstable();
    left_out.dedup();
    let mut conditions: Vec<(String, String)> = vec![];
    for fact in logs.iter().flat_map(|log| &log.header.conditions) {
        if !conditions.contains(fact) {
            conditions.push(fact.clone());
        }
    }
    let starts = shards.iter().map(|shard| shard.started_utc.clone());
    RunHeader {
        started_utc: starts.min().unwrap_or_default(),
        shard: (0, 1),
        workers: shards.iter().map(|shard| shard.workers).sum(),
        conditions,
        planned_arrivals: planned(first).filter(|_| left_out.is_empty()),
        shards,
        without: left_out,
        ..first.clone()
    }
}

/// How many arrivals the schedule of all shards has. A recording's is not in the log.
fn planned(header: &RunHeader) -> Option<u64> {
    let law = match header.arrivals {
        ArrivalProcess::Poisson if header.exact_arrivals => ArrivalLaw::Poisson,
        ArrivalProcess::Exponential => ArrivalLaw::Exponential,
        ArrivalProcess::Constant => ArrivalLaw::Constant,
        ArrivalProcess::Poisson | ArrivalProcess::Recorded | ArrivalProcess::Closed => return None,
    };
    let plays: u32 = if header.split.as_ref().is_some_and(|split| split.duet) { 2 } else { 1 };
    let share = 1.0 / f64::from(plays);
    let stage = |stage: &crate::metrics::StageInfo| Stage {
        from: stage.from.times(share),
        to: stage.to.times(share),
        duration: stage.duration,
        judged: stage.judged,
    };
    let stages: Vec<Stage> = header.stages.iter().map(stage).collect();
    let schedule = Schedule::of_stages(&law, &stages, header.seed, Shard::WHOLE);
    Some(schedule.count_before(RunTime::NEVER) * u64::from(plays))
}

/// How far apart the shards began by their own clocks, where that could be seen in a second.
fn spread(shards: &[ShardSummary]) -> Option<Event> {
    let starts = shards.iter().filter_map(|shard| shard.started_utc.parse::<Timestamp>().ok());
    let starts: Vec<Timestamp> = starts.collect();
    let (first, last) = (starts.iter().min()?, starts.iter().max()?);
    let apart = (*last - *first).total(jiff::Unit::Second).ok()?;
    (apart >= 0.1).then(|| {
        let text = format!(
            "the shards began {apart:.1} s apart by their own clocks: a second of this run holds moments that lie \
             so far apart, and ramps are blurred by as much"
        );
        Event { at: RunTime::ZERO, kind: EventKind::Warning(text) }
    })
}

const SECOND: u64 = 1_000_000_000;

/// Reads the logs side by side and hands on the merged lines.
fn interleave(
    logs: &mut [ShardLog],
    write: &mut impl FnMut(&RunLine) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut others = vec![];
    let mut reached = RunTime::ZERO;
    for log in logs.iter_mut() {
        log.advance(&mut others)?;
    }
    // The last part of a shard ends within a second, and goes with it.
    let second_of = |interval: &Interval| interval.end.get().div_ceil(SECOND);
    while let Some(second) = logs.iter().filter_map(|log| log.next().map(second_of)).min() {
        let mut merged: Option<Interval> = None;
        for log in logs.iter_mut() {
            while log.next().is_some_and(|next| second_of(next) == second) {
                let Some(interval) = log.advance(&mut others)? else { break };
                match &mut merged {
                    Some(merged) => merged.merge(&interval),
                    None => merged = Some(interval),
                }
            }
        }
        for other in others.drain(..) {
            write(&other)?;
        }
        if let Some(mut interval) = merged {
            interval.start = interval.start.max(reached);
            reached = interval.end;
            write(&RunLine::Interval(interval))?;
        }
    }
    for other in others.drain(..) {
        write(&other)?;
    }
    match end_of(logs) {
        Some(end) => write(&RunLine::End(end)),
        None => Ok(()),
    }
}

/// How all of them ended: as the worst did; none where one was cut off.
fn end_of(logs: &[ShardLog]) -> Option<RunEnd> {
    let ends: Option<Vec<RunEnd>> = logs.iter().map(|log| log.end).collect();
    let ends = ends?;
    let has = |reason| ends.iter().any(|end| end.reason == reason);
    let reason = [StopReason::Aborted, StopReason::Interrupted].into_iter().find(|it| has(*it));
    let at = ends.iter().map(|end| end.at).max()?;
    Some(RunEnd { at, reason: reason.unwrap_or(StopReason::Finished) })
}

/// A line a shard.
fn table(shards: &[ShardSummary]) -> String {
    let heads = ["shard", "arrivals", "requests", "errors", "p95", "lag p99", "CPU", ""];
    let mut rows = vec![heads.map(str::to_owned)];
    for shard in shards {
        let ms = |time: Nanos| format!("{:.2} ms", time.as_millis_f64());
        rows.push([
            shard.number.to_string(),
            shard.intended.to_string(),
            shard.requests.to_string(),
            shard.failed.to_string(),
            ms(shard.response_time_p95),
            ms(shard.schedule_lag_p99),
            format!("{:.0} %", shard.worker_cpu.get() * 100.0),
            shard.doubt.clone().unwrap_or_default(),
        ]);
    }
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::from("SHARDS\n");
    for row in &rows {
        for (cell, &width) in row.iter().zip(&widths).take(heads.len() - 1) {
            let _ = write!(text, "{cell:>width$}   ");
        }
        text.push_str(&row[heads.len() - 1]);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push('\n');
    text
}
