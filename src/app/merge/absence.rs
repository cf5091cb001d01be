//! When a shard was absent, as its own log tells it.
//!
//! A log that was cut off has nothing from there on. One whose process stood still has no gap: the time is empty seconds,
//! and in the one in which it went on, all that had fallen due begins late.

use crate::metrics::{Interval, RunLog, ShardAbsence};
use crate::units::{Nanos, RunTime};

/// So long without a word, and an agent is absent.
const SILENT: Nanos = Nanos::from_secs(3);
const SECOND: Nanos = Nanos::from_secs(1);

/// All stretches in which the shard of this log was absent, oldest first.
pub(super) fn of(log: &RunLog) -> Vec<ShardAbsence> {
    let mut found = vec![];
    let mut last: Option<&Interval> = None;
    for interval in log.intervals.iter().filter(|interval| !is_empty(interval)) {
        found.extend(still(last, interval));
        last = Some(interval);
    }
    if log.end.is_none() {
        let from = log.intervals.last().map_or(RunTime::ZERO, |last| last.end);
        found.push(ShardAbsence { from, to: None });
    }
    found
}

fn is_empty(interval: &Interval) -> bool {
    let arrivals = interval.arrivals;
    arrivals.intended == 0 && arrivals.started == 0 && interval.requests() == 0
}

/// When the process stood still between `last` and `interval`, if nothing happened meanwhile and arrivals began so late
/// that something should have.
fn still(last: Option<&Interval>, interval: &Interval) -> Option<ShardAbsence> {
    let (from, reached) =
        last.map_or((RunTime::ZERO, RunTime::ZERO), |last| (last.start, last.end));
    if interval.end.since(reached) < SILENT || interval.schedule_lag.max() < SILENT {
        return None;
    }
    // What came late is answered until the end of the second behind it.
    Some(ShardAbsence { from, to: Some(interval.end + SECOND) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{ArrivalCounts, RunEnd, RunHeader, SparseDistribution, StopReason};
    use crate::units::Rate;

    fn at(second: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_secs(second)
    }

    /// A second in which so many arrivals began, so late.
    fn second(end: u64, arrivals: u64, lag_ms: u64) -> Interval {
        let lag = std::iter::repeat_n(Nanos::from_millis(lag_ms), arrivals as usize);
        Interval {
            start: at(end - 1),
            end: at(end),
            arrivals: ArrivalCounts { intended: arrivals, ..ArrivalCounts::default() },
            schedule_lag: lag.collect::<SparseDistribution>(),
            ..Interval::default()
        }
    }

    fn log(intervals: Vec<Interval>, is_whole: bool) -> RunLog {
        let header = RunHeader::holding(Rate::per_second(10.0), Nanos::from_secs(10));
        let end = RunEnd { at: at(10), reason: StopReason::Finished };
        RunLog { intervals, end: is_whole.then_some(end), ..RunLog::begun(header) }
    }

    #[test]
    fn shard_that_stood_still_was_absent_until_it_had_caught_up() {
        let mut seconds: Vec<Interval> = (1..=10).map(|end| second(end, 10, 1)).collect();
        // It stood still from 3.2 s to 7.1 s: what fell due until then is told by the second that was under way, and
        // begins in the one in which it went on.
        seconds[3].arrivals.intended = 48;
        for end in 5..=7 {
            seconds[end as usize - 1] = second(end, 0, 0);
        }
        seconds[7] = second(8, 48, 3_900);
        let absence = ShardAbsence { from: at(3), to: Some(at(9)) };
        assert_eq!(of(&log(seconds.clone(), true)), [absence]);
        seconds.drain(4..7);
        assert_eq!(of(&log(seconds, true)), [absence], "the same where these seconds are missing");
    }

    #[test]
    fn generator_that_is_only_late_was_there() {
        let seconds = (1..=10).map(|end| second(end, 10, end * 1_000)).collect();
        assert_eq!(of(&log(seconds, true)), []);
    }

    #[test]
    fn log_that_was_cut_off_ends_with_an_absence() {
        let seconds: Vec<Interval> = (1..=6).map(|end| second(end, 10, 1)).collect();
        assert_eq!(of(&log(seconds, false)), [ShardAbsence { from: at(6), to: None }]);
        assert_eq!(of(&log(vec![], false)), [ShardAbsence { from: at(0), to: None }]);
    }
}
