//! During the run: has an objective been lost for so long that going on is of no use?
//!
//! A condition holds at the end of a second if the requests of the last seconds say so: of as few seconds as hold enough
//! requests for the figure, and of no more than the condition's own time. So that one slow second ends nothing, it has to
//! hold at the end of every second of that time; one of which nothing can be said begins it anew.

use std::collections::VecDeque;

use plimsoll_metrics::{
    AbortCondition, AbortNote, Distribution, EventKind, Interval, Measure, RunHeader, RunLog,
    Selection, Tally,
};
use plimsoll_units::{Nanos, Quantity, Ratio, RunTime};

/// A share or a mean needs at least so many requests.
const LEAST: u64 = 20;
/// So many requests beyond a quantile are the least that it can be told by.
const BEYOND: f64 = 2.0;

/// The condition that ended the run, and when; none of any other run.
pub(super) fn abort_of(log: &RunLog) -> Option<(RunTime, &AbortNote)> {
    log.events.iter().find_map(|event| match &event.kind {
        EventKind::Aborted(note) => Some((event.at, note)),
        _ => None,
    })
}

/// The fewest requests by which a condition on `measure` can be told to hold.
pub fn requests_needed(measure: &Measure) -> u64 {
    match measure {
        Measure::ResponseTime(q) => ((BEYOND / (1.0 - q)).round() as u64).max(LEAST),
        _ => LEAST,
    }
}

/// Watches conditions, second by second.
#[derive(Debug, Clone)]
pub struct AbortWatch {
    watched: Vec<WatchedCondition>,
}

/// One condition, with what it needs of the last seconds.
#[derive(Debug, Clone)]
struct WatchedCondition {
    condition: AbortCondition,
    selection: Selection,
    seconds: VecDeque<WatchedSecond>,
    /// Since when it holds.
    since: Option<RunTime>,
}

/// What a condition needs of a second.
#[derive(Debug, Clone)]
struct WatchedSecond {
    start: RunTime,
    times: Distribution,
    failed: u64,
    attempts: u64,
}

impl AbortWatch {
    /// For a run of these conditions; `None` where there is none. One that speaks of what the run does not have is
    /// passed over.
    pub fn of(conditions: &[AbortCondition], header: &RunHeader) -> Option<Self> {
        let watched = conditions.iter().filter_map(|condition| {
            Some(WatchedCondition {
                condition: condition.clone(),
                selection: Selection::of(&condition.scope, header)?,
                seconds: VecDeque::new(),
                since: None,
            })
        });
        let watched: Vec<_> = watched.collect();
        (!watched.is_empty()).then_some(Self { watched })
    }

    /// Hears of one more second. Tells which condition has held for its time by then, if one has.
    pub fn on_interval(&mut self, interval: &Interval) -> Option<AbortNote> {
        let notes: Vec<AbortNote> =
            self.watched.iter_mut().filter_map(|watched| watched.on_interval(interval)).collect();
        notes.into_iter().next()
    }
}

impl WatchedCondition {
    fn on_interval(&mut self, interval: &Interval) -> Option<AbortNote> {
        let tally = Tally::of(&self.selection, std::iter::once(interval));
        self.seconds.push_back(WatchedSecond {
            start: interval.start,
            times: tally.success_time(),
            failed: tally.counts.failed(),
            attempts: tally.counts.attempts(),
        });
        let sustained = self.condition.sustained;
        while self.seconds.front().is_some_and(|first| interval.end.since(first.start) > sustained)
            && self.seconds.len() > 1
        {
            self.seconds.pop_front();
        }
        let Some((value, requests)) = self.value() else {
            self.since = None;
            return None;
        };
        if value.base() <= self.condition.limit.base() {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(interval.start);
        (interval.end.since(since) >= sustained).then(|| AbortNote {
            condition: self.condition.text.clone(),
            value,
            requests,
        })
    }

    /// The figure over as few of the last seconds as hold enough requests; `None` where all of them do not.
    fn value(&self) -> Option<(Quantity, u64)> {
        let least = requests_needed(&self.condition.measure);
        match self.condition.measure {
            Measure::ErrorRate => {
                let (mut failed, mut attempts) = (0, 0);
                self.seconds.iter().rev().find_map(|second| {
                    failed += second.failed;
                    attempts += second.attempts;
                    let share = Quantity::Share(Ratio::of(failed, attempts.max(1)));
                    (attempts >= least).then_some((share, attempts))
                })
            }
            Measure::ResponseTime(q) => self.time(least, |times| times.quantile(q)),
            _ => self.time(least, Distribution::mean),
        }
    }

    fn time(&self, least: u64, figure: impl Fn(&Distribution) -> Nanos) -> Option<(Quantity, u64)> {
        let mut times = Distribution::new();
        self.seconds.iter().rev().find_map(|second| {
            times.merge(&second.times);
            let count = times.count();
            (count >= least).then(|| (Quantity::Time(figure(&times)), count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::{ErrorClass, Scope, SparseDistribution, StepId, StepInterval};
    use plimsoll_units::Rate;

    fn condition(measure: Measure, limit: Quantity, seconds: u64) -> AbortCondition {
        let sustained = Nanos::from_secs(seconds);
        AbortCondition { text: "c".to_owned(), scope: Scope::Run, measure, limit, sustained }
    }

    /// The `second`-th second: so many requests of so many milliseconds, of which some failed.
    fn second(second: u64, (requests, ms): (u64, u64), failed: u64) -> Interval {
        let mut times = Distribution::new();
        (0..requests).for_each(|_| times.record(Nanos::from_millis(ms)));
        let response_time: SparseDistribution = times.to_sparse();
        let mut step = StepInterval { requests, response_time, ..StepInterval::default() };
        if failed > 0 {
            step.errors.insert(ErrorClass::Http5xx, failed);
        }
        let at = |second: u64| RunTime::ZERO + Nanos::from_secs(second);
        let mut interval =
            Interval { start: at(second), end: at(second + 1), ..Interval::default() };
        interval.steps.insert(StepId(0), step);
        interval
    }

    /// The second at whose end the run is over, if it is.
    fn ended(condition: AbortCondition, seconds: &[((u64, u64), u64)]) -> Option<usize> {
        let header = RunHeader::holding(Rate::per_second(100.0), Nanos::from_secs(60));
        let mut watch = AbortWatch::of(&[condition], &header).expect("a condition");
        let hear = |(at, &(requests, failed)): (usize, &((u64, u64), u64))| {
            watch.on_interval(&second(at as u64, requests, failed)).map(|_| at + 1)
        };
        seconds.iter().enumerate().find_map(hear)
    }

    fn p50(seconds: u64) -> AbortCondition {
        condition(Measure::ResponseTime(0.5), Quantity::Time(Nanos::from_secs(1)), seconds)
    }

    const FAST: ((u64, u64), u64) = ((100, 10), 0);
    const SLOW: ((u64, u64), u64) = ((100, 1_500), 0);

    #[test]
    fn condition_has_to_hold_for_all_of_its_time() {
        assert_eq!(ended(p50(3), &[FAST, SLOW, SLOW, SLOW, SLOW]), Some(4));
        assert_eq!(ended(p50(3), &[SLOW, SLOW, FAST, SLOW, SLOW]), None);
        assert_eq!(ended(p50(1), &[FAST, SLOW]), Some(2));
        assert_eq!(ended(p50(3), &[FAST; 30]), None);
    }

    #[test]
    fn few_requests_are_pooled_over_seconds_and_too_few_say_nothing() {
        let few = ((7, 1_500), 0);
        // 20 requests are there at the end of the third second, and for three seconds from there.
        assert_eq!(ended(p50(3), &[few; 10]), Some(5));
        assert_eq!(ended(p50(3), &[((6, 1_500), 0); 30]), None);
        // Two of a thousand beyond a p99.9: 100 a second do not tell it in ten seconds.
        let p999 = condition(Measure::ResponseTime(0.999), Quantity::Time(Nanos::from_secs(1)), 10);
        assert_eq!(ended(p999, &[SLOW; 40]), None);
    }

    #[test]
    fn error_rate_counts_failures_among_attempts() {
        let rate = || condition(Measure::ErrorRate, Quantity::Share(Ratio::new(0.2)), 2);
        assert_eq!(ended(rate(), &[((100, 5), 20), ((100, 5), 21), ((100, 5), 90)]), Some(3));
        assert_eq!(ended(rate(), &[((100, 5), 20); 9]), None);
    }
}
