//! What each shard came to by itself.
//!
//! One log after the other is read and judged, by as many threads as the machine has cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use crate::metrics::{Counts, RunLog, ShardSummary, SparseDistribution};
use crate::plan::Shard;
use crate::slo::{Strictness, ValidityStatus, ValidityTest, judge};
use crate::units::{Ratio, RunTime};

use super::super::exit::Failure;
use super::super::files;
use super::absence;
use super::schedules::{plays, schedule};
use super::shard_log::ShardLog;

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

/// The summaries of all logs, in their order.
pub(super) fn of_all(logs: &[ShardLog]) -> Result<Vec<ShardSummary>, Failure> {
    let taken = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(logs.len()));
    let work = || {
        while let Some(log) = logs.get(taken.fetch_add(1, Ordering::Relaxed)) {
            let summary = of(log);
            let has_failed = summary.is_err();
            if let Ok(mut found) = found.lock() {
                found.push(summary);
            }
            if has_failed {
                // Nobody looks at the others any more.
                taken.store(logs.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = available_parallelism().map_or(1, usize::from).min(logs.len());
        (1..threads).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let found = found.into_inner().unwrap_or_default();
    let mut summaries = found.into_iter().collect::<Result<Vec<ShardSummary>, Failure>>()?;
    summaries.sort_by_key(|summary| summary.number);
    Ok(summaries)
}

/// What one shard came to by itself.
fn of(shard: &ShardLog) -> Result<ShardSummary, Failure> {
    let (log, _) = files::read_log(&shard.path)?;
    let (mut lag, mut times) = (SparseDistribution::default(), SparseDistribution::default());
    let mut cpu = 0.0_f64;
    let (mut intended, mut requests, mut failed) = (0, 0, 0);
    for interval in &log.intervals {
        intended += interval.arrivals.intended;
        requests += interval.requests();
        failed += Counts::of(interval).failed();
        lag.merge(&interval.schedule_lag);
        cpu = cpu.max(interval.generator.worker_cpu.get());
        interval.steps.values().for_each(|step| times.merge(&step.times().successes()));
    }
    let absences = absence::of(&log);
    let is_cut_off = log.end.is_none();
    Ok(ShardSummary {
        number: log.header.shard.0 + 1,
        intended,
        requests,
        failed,
        schedule_lag_p99: lag.quantile(0.99),
        worker_cpu: Ratio::new(cpu),
        response_time_p95: times.quantile(0.95),
        clock_error: log.header.clock_error,
        // Of one that was killed before its first arrival, its absence says all.
        doubt: doubt(&log).filter(|_| !is_cut_off || intended > 0),
        missed: if is_cut_off { missed(&log) } else { 0 },
        open: log.intervals.last().filter(|_| is_cut_off).map_or(0, |last| last.vus_busy),
        absences,
        started_utc: log.header.started_utc,
        workers: log.header.workers,
    })
}

/// How many arrivals of this shard's schedule fall due behind the end of its log; none where the log does not tell the
/// schedule.
fn missed(log: &RunLog) -> u64 {
    let (index, count) = log.header.shard;
    let Some(schedule) = schedule(&log.header, Shard { index, count }) else { return 0 };
    let end = log.intervals.last().map_or(RunTime::ZERO, |last| last.end);
    let left = schedule.filter(|arrival| arrival.intended >= end).count() as u64;
    left * plays(&log.header)
}

/// Why this shard's measurement cannot be trusted, whatever became of it later.
fn doubt(log: &RunLog) -> Option<String> {
    let found = judge(log, Strictness::Normal).validity.findings;
    let own = |it: &crate::slo::Finding| {
        it.status == ValidityStatus::NotValid && OWN_TESTS.contains(&it.test)
    };
    found.into_iter().find(own).map(|finding| finding.message)
}
