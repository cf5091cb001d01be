//! Which part of a run is judged: the judged stages, without the warm-up, with the requests still out.

use std::ops::Range;

use super::SteadyPeriod;
use super::absent::AbsentTime;
use super::planned::{planned_spans, schedule_end};
use super::statistics::{rank_test, warm_up};
use plimsoll_metrics::{Interval, RunLog};
use plimsoll_units::{Nanos, RunTime};

/// The judged part of a run.
#[derive(Debug)]
pub(super) struct JudgedWindow<'a> {
    /// The run.
    pub(super) log: &'a RunLog,
    /// All intervals within judged stages. Errors and outages count here, also while warming up.
    pub(super) judged: Vec<&'a Interval>,
    /// How many of the first judged intervals are warm-up, and left out of times.
    pub(super) warm_up: usize,
    /// One range of `judged` a stage: the warm-up is not left out.
    pub(super) stages: Vec<Range<usize>>,
    /// Intervals after the last arrival that hold the answers to requests then in flight. Without them the
    /// slowest requests of all would not be judged.
    pub(super) tail: Vec<&'a Interval>,
}

impl<'a> JudgedWindow<'a> {
    /// The judged part of `log`.
    pub(super) fn of(log: &'a RunLog) -> Self {
        let spans = judged_spans(log);
        let mut judged: Vec<&Interval> = Vec::new();
        let mut stages = Vec::new();
        for &(start, end) in &spans {
            let first = judged.len();
            judged.extend(log.intervals.iter().filter(|interval| {
                let middle = interval.start + Nanos::new(interval.length().get() / 2);
                (start..end).contains(&middle)
            }));
            if judged.len() > first {
                stages.push(first..judged.len());
            }
        }
        let first_stage = stages.first().cloned().unwrap_or(0..0);
        let warm_up = warm_up_of(&judged[first_stage]);
        let load_end = spans.iter().map(|span| span.1).max().unwrap_or_default();
        let tail = if load_end >= schedule_end(log) { tail_of(log, &judged) } else { Vec::new() };
        Self { log, judged, warm_up, stages, tail }
    }

    /// The judged intervals after the warm-up.
    pub(super) fn steady(&self) -> &[&'a Interval] {
        &self.judged[self.warm_up..]
    }

    /// The stages without the warm-up.
    pub(super) fn steady_stages(&self) -> impl Iterator<Item = &[&'a Interval]> {
        self.stages.iter().map(|range| &self.judged[range.start.max(self.warm_up)..range.end])
    }

    /// Where the steady stages and the tail begin and end.
    pub(super) fn steady_spans(&self) -> SteadyPeriod {
        let span = |part: &[&Interval]| Some((part.first()?.start, part.last()?.end));
        SteadyPeriod {
            stages: self.steady_stages().filter_map(span).collect(),
            tail: span(&self.tail),
        }
    }

    /// How long all judged intervals together are.
    pub(super) fn judged_length(&self) -> Nanos {
        self.judged.iter().map(|interval| interval.length()).sum()
    }

    /// How long the steady intervals together are.
    pub(super) fn steady_length(&self) -> Nanos {
        self.steady().iter().map(|interval| interval.length()).sum()
    }
}

/// What is judged: the judged stages, or all of the load where there are none, without the seconds in which a shard was
/// absent, where these can be cut.
pub(super) fn judged_spans(log: &RunLog) -> Vec<(RunTime, RunTime)> {
    AbsentTime::of(log).cut_from(planned_spans(log))
}

/// Intervals of the drain, until as many requests have ended as were in flight at its beginning.
fn tail_of<'a>(log: &'a RunLog, judged: &[&Interval]) -> Vec<&'a Interval> {
    let Some(last) = judged.last() else { return Vec::new() };
    let mut waiting = last.in_flight;
    let mut tail = Vec::new();
    for interval in log.intervals.iter().filter(|interval| interval.start >= last.end) {
        if waiting == 0 {
            break;
        }
        waiting = waiting.saturating_sub(interval.requests());
        tail.push(interval);
    }
    tail
}

/// The mean response time in seconds of the requests that ended within the interval.
pub(super) fn mean_response(interval: &Interval) -> Option<f64> {
    let (mut time, mut requests) = (0.0, 0);
    for step in interval.steps.values() {
        time += step.response_time.mean().as_secs_f64() * step.response_time.count() as f64;
        requests += step.response_time.count();
    }
    (requests > 0).then(|| time / requests as f64)
}

/// How many of the first intervals are warm-up: MSER-5 over mean response times, if it holds water.
///
/// MSER also cuts where a stack stalls now and then and happened to stall first, or where chance made the
/// first seconds differ a little. So its cut is accepted only where the seconds cut off rank above (or
/// below) the rest, or contain a peak that never comes back.
fn warm_up_of(stage: &[&Interval]) -> usize {
    let means: Vec<f64> =
        stage.iter().map(|interval| mean_response(interval).unwrap_or(0.0)).collect();
    let cut = warm_up::mser5(&means);
    if cut == 0 {
        return 0;
    }
    let (start, rest) = means.split_at(cut);
    let differs = rank_test::compare(rest, start).p_two_sided() <= 0.001;
    let greatest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    if differs || greatest(start) > 2.0 * greatest(rest) { cut } else { 0 }
}
