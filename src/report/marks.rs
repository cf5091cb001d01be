//! What changed at a mark: the time before it beside the time after it.
//!
//! A mark says that something was done to the stack while it was under load: a release, a cache emptied, a replica
//! stopped. Each side goes to the neighbouring mark or to the end of the judged part, and counts whole seconds alone.

use super::totals::is_enough;
use plimsoll_metrics::{BucketCounts, Counts, Event, EventKind, Interval, RunLog};
use plimsoll_slo::SteadyPeriod;
use plimsoll_units::{Nanos, RunTime};

/// One mark, with what was measured on both sides of it.
#[derive(Debug, Clone)]
pub struct MarkChange {
    /// When it was set.
    pub at: RunTime,
    /// What was said.
    pub text: String,
    /// The time before.
    pub before: MarkSide,
    /// The time after.
    pub after: MarkSide,
}

/// The time on one side of a mark.
#[derive(Debug, Clone, Default)]
pub struct MarkSide {
    /// The sum of its whole seconds.
    pub span: Nanos,
    /// Requests that ended, and what became of them.
    pub counts: Counts,
    /// p50, p95 and p99 of the response time of successes; absent where there are too few for it.
    pub times: [Option<Nanos>; 3],
}

/// The shares of [`MarkSide::times`].
const SHARES: [f64; 3] = [0.50, 0.95, 0.99];

/// Marks beyond these are only events: nobody compares more.
const MOST: usize = 20;

/// What changed at each mark of a run; of all its time where nothing was judged.
pub(super) fn changes(log: &RunLog, judged: Option<&SteadyPeriod>) -> Vec<MarkChange> {
    let mut marks: Vec<(RunTime, &str)> = log.events.iter().filter_map(mark).collect();
    marks.sort_by_key(|(at, _)| *at);
    // Of several at one moment, none has a time of its own.
    marks.dedup_by_key(|(at, _)| *at);
    marks.truncate(MOST);
    if marks.is_empty() {
        return vec![];
    }
    let moments: Vec<RunTime> = marks.iter().map(|(at, _)| *at).collect();
    let sides = sides(log, &moments, judged);
    let pairs = sides.iter().zip(sides.iter().skip(1));
    marks
        .into_iter()
        .zip(pairs)
        .filter(|(_, (before, after))| !before.span.is_zero() && !after.span.is_zero())
        .map(|((at, text), (before, after))| MarkChange {
            at,
            text: text.to_owned(),
            before: before.clone(),
            after: after.clone(),
        })
        .collect()
}

fn mark(event: &Event) -> Option<(RunTime, &str)> {
    match &event.kind {
        EventKind::Mark(text) => Some((event.at, text)),
        _ => None,
    }
}

/// The time before the first mark, between each and the next, and after the last.
fn sides(log: &RunLog, marks: &[RunTime], judged: Option<&SteadyPeriod>) -> Vec<MarkSide> {
    let counted = |one: &&Interval| match judged {
        Some(steady) => steady.holds(one),
        None => !one.is_remainder(),
    };
    let mut sides = vec![MarkSide::default(); marks.len() + 1];
    let mut times: Vec<BucketCounts> = sides.iter().map(|_| BucketCounts::default()).collect();
    for interval in log.intervals.iter().filter(counted) {
        let number = marks.partition_point(|mark| *mark <= interval.start);
        if number != marks.partition_point(|mark| *mark < interval.end) {
            continue;
        }
        let side = &mut sides[number];
        side.span += interval.length();
        side.counts.add(&Counts::of(interval));
        for step in interval.steps.values() {
            times[number].add(&step.times().successes().in_memory());
        }
    }
    for (side, times) in sides.iter_mut().zip(&times) {
        let values = times.quantiles(SHARES);
        for ((slot, value), share) in side.times.iter_mut().zip(values).zip(SHARES) {
            *slot = is_enough(times.count(), share).then_some(value);
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;
    use plimsoll_metrics::{ErrorClass, StepId, StepInterval};

    fn at(ms: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_millis(ms)
    }

    fn second(number: u64, ms: u64, failed: u64) -> Interval {
        let times = (0..100).map(|_| Nanos::from_millis(ms)).collect();
        let mut step =
            StepInterval { requests: 100, response_time: times, ..StepInterval::default() };
        if failed > 0 {
            let slow = (0..failed).map(|_| Nanos::from_millis(ms)).collect();
            step.errors = [(ErrorClass::Http5xx, failed)].into();
            step.time_parts.failed = slow;
        }
        Interval {
            start: at(number * 1_000),
            end: at(number * 1_000 + 1_000),
            steps: [(StepId(0), step)].into(),
            ..Interval::default()
        }
    }

    fn log(marks: &[u64]) -> RunLog {
        let mut log = fixture::log();
        log.intervals = (0..10).map(|n| second(n, if n < 5 { 10 } else { 20 }, 0)).collect();
        log.intervals[7] = second(7, 20, 50);
        let event = |ms: &u64| Event { at: at(*ms), kind: EventKind::Mark(format!("mark {ms}")) };
        log.events = marks.iter().map(event).collect();
        log
    }

    #[test]
    fn each_side_of_a_mark_is_measured_for_itself() {
        let found = changes(&log(&[5_000]), None);
        let [change] = &found[..] else { panic!("one mark: {found:?}") };
        assert_eq!(
            (change.before.span, change.after.span),
            (Nanos::from_secs(5), Nanos::from_secs(5))
        );
        let ms = |ms| [Some(Nanos::from_millis(ms)); 3];
        let near = |side: &MarkSide, expected: [Option<Nanos>; 3]| {
            let pairs = side.times.iter().zip(expected);
            pairs.into_iter().all(|(is, should)| {
                let (is, should) = (is.expect("times"), should.expect("times"));
                is.get().abs_diff(should.get()) * 1_000 <= should.get()
            })
        };
        assert!(near(&change.before, ms(10)) && near(&change.after, ms(20)), "{change:?}");
        let counts = [&change.before.counts, &change.after.counts];
        assert_eq!(counts.map(|counts| (counts.requests, counts.failed())), [(500, 0), (500, 50)]);
    }

    #[test]
    fn neighbouring_marks_bound_a_side_and_a_second_with_a_mark_in_it_is_on_neither() {
        let found = changes(&log(&[7_500, 2_000]), None);
        let spans: Vec<_> = found
            .iter()
            .map(|one| [one.before.span, one.after.span].map(|span| span.get() / 1_000_000_000))
            .collect();
        assert_eq!(spans, [[2, 5], [5, 2]]);
        // Nothing is before the first second, and nothing after the last.
        assert!(changes(&log(&[0]), None).is_empty() && changes(&log(&[10_000]), None).is_empty());
    }

    #[test]
    fn only_what_is_judged_is_compared() {
        let steady =
            SteadyPeriod { stages: vec![(at(3_000), at(8_000))], ..SteadyPeriod::default() };
        let found = changes(&log(&[5_000]), Some(&steady));
        let spans = [found[0].before.span, found[0].after.span];
        assert_eq!(spans, [Nanos::from_secs(2), Nanos::from_secs(3)]);
    }
}
