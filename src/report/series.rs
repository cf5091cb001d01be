//! Time series for charts: the run in at most a few hundred points.
//!
//! A point is not a sample of a second but the merge of all its seconds: quantiles are asked of the merged
//! histogram, gauges take their greatest value. A spike of one second therefore survives in a chart of an hour.

use std::collections::BTreeMap;

use crate::metrics::{ArrivalCounts, Counts, Distribution, ErrorClass, Interval, Reading, StepId};
use crate::units::{Nanos, Quantity, Rate, Ratio, RunTime};

/// Widest chart: 400 points on some 500 pixels.
const RUN_POINTS: u64 = 400;
/// Small multiples are a quarter as wide.
const STEP_POINTS: u64 = 100;
/// Bucket lengths in seconds that read well on an axis.
const BUCKETS_S: [u64; 16] =
    [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400];

/// A stretch of the run, all steps together.
#[derive(Debug, Clone, Default)]
pub struct SeriesPoint {
    /// Where it begins.
    pub start: RunTime,
    /// Where it ends.
    pub end: RunTime,
    /// What became of arrivals.
    pub arrivals: ArrivalCounts,
    /// Finished requests.
    pub requests: u64,
    /// Failed requests by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// p50, p95, p99 and maximum of response time; absent where no request ended.
    pub response_time: Option<[Nanos; 4]>,
    /// p99 of service time; absent where no request ended.
    pub service_time_p99: Option<Nanos>,
    /// p99 of schedule lag; absent where no iteration began.
    pub schedule_lag_p99: Option<Nanos>,
    /// The most requests in flight.
    pub in_flight: u64,
    /// The most users.
    pub vus: u64,
    /// The most connections.
    pub connections: u64,
    /// CPU of the busiest worker, as a share of one core.
    pub worker_cpu: Ratio,
}

impl SeriesPoint {
    /// How long it is.
    pub fn span(&self) -> Nanos {
        self.end.since(self.start)
    }

    /// Events per second of `count` events in it.
    pub fn rate(&self, count: u64) -> Rate {
        Rate::of(count, self.span())
    }

    /// Its middle.
    pub fn middle_s(&self) -> f64 {
        f64::midpoint(self.start.as_secs_f64(), self.end.as_secs_f64())
    }
}

/// A stretch of one step.
#[derive(Debug, Clone, Copy)]
pub struct StepPoint {
    /// Its middle, seconds into the run.
    pub middle_s: f64,
    /// p50 of response time.
    pub p50: Nanos,
    /// p99 of response time.
    pub p99: Nanos,
    /// Finished requests.
    pub requests: u64,
    /// Failed requests.
    pub failed: u64,
}

/// One step over time.
pub type StepSeries = Vec<StepPoint>;

/// One of the stack's own metrics over time.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSeries {
    /// The tier.
    pub tier: String,
    /// The metric.
    pub metric: String,
    /// The replica; empty where the source does not tell replicas apart.
    pub replica: String,
    /// (middle in seconds, greatest value). `None` is a gap: missing data is never zero.
    pub points: Vec<(f64, Option<Quantity>)>,
}

/// The whole run over time.
#[derive(Debug, Clone, Default)]
pub struct RunSeries {
    /// Length of a point of the run.
    pub bucket: Nanos,
    /// All steps together.
    pub points: Vec<SeriesPoint>,
    /// Length of a point of a step.
    pub step_bucket: Nanos,
    /// By step.
    pub steps: BTreeMap<StepId, StepSeries>,
    /// The stack's own metrics, by tier, metric and replica.
    pub stack: Vec<StackSeries>,
}

impl RunSeries {
    /// The series of a run that lasted `duration`.
    pub(super) fn of(intervals: &[Interval], duration: Nanos) -> Self {
        let (bucket, step_bucket) =
            (bucket_for(duration, RUN_POINTS), bucket_for(duration, STEP_POINTS));
        Self {
            bucket,
            points: groups(intervals, bucket).map(point).collect(),
            step_bucket,
            steps: step_series(intervals, step_bucket),
            stack: stack_series(intervals, bucket),
        }
    }
}

/// The shortest readable bucket that needs no more than `points` points.
fn bucket_for(duration: Nanos, points: u64) -> Nanos {
    let seconds = duration.get().div_ceil(1_000_000_000);
    let fitting = BUCKETS_S.iter().find(|&&bucket| seconds.div_ceil(bucket) <= points);
    Nanos::from_secs(fitting.copied().unwrap_or_else(|| seconds.div_ceil(points)))
}

/// Neighbouring intervals that begin within the same bucket.
fn groups(intervals: &[Interval], bucket: Nanos) -> impl Iterator<Item = &[Interval]> {
    let index = move |interval: &Interval| interval.start.get() / bucket.get().max(1);
    intervals.chunk_by(move |a, b| index(a) == index(b))
}

fn span_of(group: &[Interval]) -> (RunTime, RunTime) {
    let start = group.iter().map(|interval| interval.start).min().unwrap_or_default();
    let end = group.iter().map(|interval| interval.end).max().unwrap_or_default();
    (start, end)
}

fn point(group: &[Interval]) -> SeriesPoint {
    let (start, end) = span_of(group);
    let mut point = SeriesPoint { start, end, ..SeriesPoint::default() };
    let (mut response, mut service) = (Distribution::new(), Distribution::new());
    let mut lag = Distribution::new();
    for interval in group {
        point.arrivals.add(interval.arrivals);
        point.requests += interval.requests();
        point.in_flight = point.in_flight.max(interval.in_flight);
        point.vus = point.vus.max(interval.vus);
        point.connections = point.connections.max(interval.connections);
        let cpu = interval.generator.worker_cpu.get();
        point.worker_cpu = Ratio::new(point.worker_cpu.get().max(cpu));
        lag.merge_sparse(&interval.schedule_lag);
        for step in interval.steps.values() {
            response.merge_sparse(&step.times().successes());
            service.merge_sparse(&step.service_time);
        }
        for (class, count) in Counts::of(interval).failures() {
            *point.errors.entry(class).or_default() += count;
        }
    }
    point.response_time = quantiles(&response);
    point.service_time_p99 = (!service.is_empty()).then(|| service.quantile(0.99));
    point.schedule_lag_p99 = (!lag.is_empty()).then(|| lag.quantile(0.99));
    point
}

fn quantiles(times: &Distribution) -> Option<[Nanos; 4]> {
    (!times.is_empty())
        .then(|| [times.quantile(0.5), times.quantile(0.95), times.quantile(0.99), times.max()])
}

fn step_series(intervals: &[Interval], bucket: Nanos) -> BTreeMap<StepId, StepSeries> {
    let mut all: BTreeMap<StepId, StepSeries> = BTreeMap::new();
    for group in groups(intervals, bucket) {
        let (start, end) = span_of(group);
        let middle_s = f64::midpoint(start.as_secs_f64(), end.as_secs_f64());
        let mut merged: BTreeMap<StepId, (Distribution, u64, u64)> = BTreeMap::new();
        let all_steps =
            group.iter().flat_map(|interval| interval.steps.iter().chain(&interval.logical));
        for (&id, step) in all_steps {
            let (times, requests, failed) = merged.entry(id).or_default();
            times.merge_sparse(&step.times().successes());
            *requests += step.requests;
            *failed += step.failed();
        }
        for (id, (times, requests, failed)) in merged {
            let (p50, p99) = (times.quantile(0.5), times.quantile(0.99));
            let point = StepPoint { middle_s, p50, p99, requests, failed };
            all.entry(id).or_default().push(point);
        }
    }
    all
}

/// Tier, metric and replica of a reading.
type StackKey<'a> = (&'a str, &'a str, &'a str);

fn stack_series(intervals: &[Interval], bucket: Nanos) -> Vec<StackSeries> {
    let mut all: BTreeMap<StackKey, Vec<(f64, Option<Quantity>)>> = BTreeMap::new();
    for group in groups(intervals, bucket) {
        let (start, end) = span_of(group);
        let middle_s = f64::midpoint(start.as_secs_f64(), end.as_secs_f64());
        let mut greatest: BTreeMap<StackKey, Option<Quantity>> = BTreeMap::new();
        for reading in group.iter().flat_map(|interval| &interval.readings) {
            let Reading { tier, metric, replica, value } = reading;
            let slot = greatest.entry((tier, metric, replica)).or_default();
            *slot = greater(*slot, *value);
        }
        for (key, value) in greatest {
            all.entry(key).or_default().push((middle_s, value));
        }
    }
    all.into_iter()
        .map(|((tier, metric, replica), points)| StackSeries {
            tier: tier.to_owned(),
            metric: metric.to_owned(),
            replica: replica.to_owned(),
            points,
        })
        .collect()
}

fn greater(a: Option<Quantity>, b: Option<Quantity>) -> Option<Quantity> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.base() > a.base() { b } else { a }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_needs_at_most_four_hundred_points() {
        assert_eq!(bucket_for(Nanos::from_secs(3_600), RUN_POINTS), Nanos::from_secs(10));
        assert_eq!(bucket_for(Nanos::from_secs(20), RUN_POINTS), Nanos::from_secs(1));
        assert_eq!(bucket_for(Nanos::ZERO, RUN_POINTS), Nanos::from_secs(1));
    }

    #[test]
    fn a_spike_of_one_second_survives_a_long_bucket() {
        let mut intervals: Vec<Interval> = (0..10)
            .map(|second| Interval {
                start: RunTime::ZERO + Nanos::from_secs(second),
                end: RunTime::ZERO + Nanos::from_secs(second + 1),
                in_flight: 2,
                ..Interval::default()
            })
            .collect();
        intervals[4].in_flight = 900;
        let points: Vec<SeriesPoint> =
            groups(&intervals, Nanos::from_secs(10)).map(point).collect();
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].in_flight, 900);
    }
}
