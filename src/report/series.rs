//! Time series for charts: the run in at most a few hundred points.
//!
//! A point is not a sample of a second but the merge of all its seconds: quantiles are asked of the merged
//! histogram, gauges take their greatest value. A spike of one second therefore survives in a chart of an hour.

use std::collections::BTreeMap;

use super::pooled::{HeatRows, PooledTimes};
use crate::metrics::{
    ArrivalCounts, Counts, ErrorClass, Interval, ReadingRef, StepId, StepInterval,
};
use crate::units::{Nanos, Quantity, Rate, Ratio, RunTime};

/// Widest picture: 400 points on some 500 pixels.
const RUN_POINTS: u64 = 400;
/// What one may look into: an hour second by second.
const FINE_POINTS: u64 = 3_600;
/// Small multiples are a quarter as wide.
const STEP_POINTS: u64 = 100;
/// A run drains for a part of a second at its end. Drawn as a second like all others, it would look as if the stack
/// had collapsed; so it makes no point of its own below this length.
const SHORTEST: Nanos = Nanos::from_millis(500);
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
    /// Failed ones among them.
    pub failed: u64,
    /// Failures by class, those of no single request included.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// p50, p95, p99 and maximum of response time of successes; absent where none ended.
    pub response_time: Option<[Nanos; 4]>,
    /// Successes by response time: the rows of a heat map.
    pub rows: HeatRows,
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
    /// All steps together, for pictures.
    pub points: Vec<SeriesPoint>,
    /// The same in as much detail as one may look into.
    pub fine: Vec<SeriesPoint>,
    /// Length of a point of a step.
    pub step_bucket: Nanos,
    /// By step, for pictures.
    pub steps: BTreeMap<StepId, StepSeries>,
    /// By step, on the clock of [`RunSeries::points`].
    pub steps_fine: BTreeMap<StepId, StepSeries>,
    /// The stack's own metrics, by tier, metric and replica.
    pub stack: Vec<StackSeries>,
}

impl RunSeries {
    /// The series of a run that lasted `duration`.
    pub(super) fn of(intervals: &[Interval], duration: Nanos) -> Self {
        let [bucket, fine_bucket, step_bucket] =
            [RUN_POINTS, FINE_POINTS, STEP_POINTS].map(|points| bucket_for(duration, points));
        let points_of = |bucket| groups(intervals, bucket).iter().map(point).collect();
        let points: Vec<SeriesPoint> = points_of(bucket);
        let fine = if fine_bucket == bucket { points.clone() } else { points_of(fine_bucket) };
        let steps = step_series(intervals, step_bucket);
        let is_same = step_bucket == bucket;
        Self {
            bucket,
            points,
            fine,
            step_bucket,
            steps_fine: if is_same { steps.clone() } else { step_series(intervals, bucket) },
            steps,
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

/// The intervals of one point.
struct PointIntervals<'a> {
    /// Neighbours that begin within the same bucket.
    whole: &'a [Interval],
    /// What is left over at the end of the run: its times and failures count, its length does not.
    rest: &'a [Interval],
}

impl<'a> PointIntervals<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Interval> + use<'a> {
        self.whole.iter().chain(self.rest)
    }

    fn span(&self) -> (RunTime, RunTime) {
        let start = self.whole.iter().map(|interval| interval.start).min().unwrap_or_default();
        let end = self.whole.iter().map(|interval| interval.end).max().unwrap_or_default();
        (start, end)
    }

    fn middle_s(&self) -> f64 {
        let (start, end) = self.span();
        f64::midpoint(start.as_secs_f64(), end.as_secs_f64())
    }
}

fn groups(intervals: &[Interval], bucket: Nanos) -> Vec<PointIntervals<'_>> {
    let is_short = |last: &Interval| last.length() < SHORTEST;
    let whole = match intervals {
        [whole @ .., last] if !whole.is_empty() && is_short(last) => whole,
        all => all,
    };
    let index = |interval: &Interval| interval.start.get() / bucket.get().max(1);
    let mut groups: Vec<PointIntervals<'_>> = whole
        .chunk_by(|a, b| index(a) == index(b))
        .map(|whole| PointIntervals { whole, rest: &[] })
        .collect();
    if let Some(last) = groups.last_mut() {
        last.rest = &intervals[whole.len()..];
    }
    groups
}

fn point(group: &PointIntervals<'_>) -> SeriesPoint {
    let (start, end) = group.span();
    let mut point = SeriesPoint { start, end, ..SeriesPoint::default() };
    for interval in group.whole {
        point.arrivals.add(interval.arrivals);
        point.requests += interval.requests();
        point.failed += interval.steps.values().map(StepInterval::failed).sum::<u64>();
        point.in_flight = point.in_flight.max(interval.in_flight);
        point.vus = point.vus.max(interval.vus);
        point.connections = point.connections.max(interval.connections);
        let cpu = interval.generator.worker_cpu.get();
        point.worker_cpu = Ratio::new(point.worker_cpu.get().max(cpu));
    }
    let [mut response, mut service, mut lag] = [(); 3].map(|()| PooledTimes::default());
    for interval in group.all() {
        lag.add(&interval.schedule_lag);
        for step in interval.steps.values() {
            response.add(&step.times().successes());
            service.add(&step.service_time);
        }
        for (class, count) in Counts::of(interval).failures() {
            *point.errors.entry(class).or_default() += count;
        }
    }
    response.sort();
    point.rows.add(&response);
    point.response_time = (!response.is_empty()).then(|| {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|q| response.quantile(q));
        [p50, p95, p99, response.max]
    });
    point.service_time_p99 = service.p99();
    point.schedule_lag_p99 = lag.p99();
    point
}

fn step_series(intervals: &[Interval], bucket: Nanos) -> BTreeMap<StepId, StepSeries> {
    let mut all: BTreeMap<StepId, StepSeries> = BTreeMap::new();
    for group in groups(intervals, bucket) {
        let middle_s = group.middle_s();
        let mut merged: BTreeMap<StepId, (PooledTimes, u64, u64)> = BTreeMap::new();
        let all_steps =
            group.all().flat_map(|interval| interval.steps.iter().chain(&interval.logical));
        for (&id, step) in all_steps {
            let (times, requests, failed) = merged.entry(id).or_default();
            times.add(&step.times().successes());
            *requests += step.requests;
            *failed += step.failed();
        }
        for (id, (mut times, requests, failed)) in merged {
            times.sort();
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
        let middle_s = group.middle_s();
        let mut greatest: BTreeMap<StackKey, Option<Quantity>> = BTreeMap::new();
        for reading in group.all().flat_map(|interval| interval.readings.iter()) {
            let ReadingRef { tier, metric, replica, value } = reading;
            let slot = greatest.entry((tier, metric, replica)).or_default();
            *slot = greater(*slot, value);
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
            groups(&intervals, Nanos::from_secs(10)).iter().map(point).collect();
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].in_flight, 900);
    }

    /// Goal: prove that a chart does not fall at its end because the run drained for a moment, and that nothing of what
    /// happened in that moment is lost.
    #[test]
    fn the_last_moment_of_a_run_makes_no_point_of_its_own() {
        let times = |ms| {
            let mut times = crate::metrics::Distribution::new();
            times.record_n(Nanos::from_millis(ms), 100);
            times.to_sparse()
        };
        let second = |from_ms: u64, to_ms: u64, requests, ms| {
            let step =
                StepInterval { requests, response_time: times(ms), ..StepInterval::default() };
            Interval {
                start: RunTime::ZERO + Nanos::from_millis(from_ms),
                end: RunTime::ZERO + Nanos::from_millis(to_ms),
                arrivals: ArrivalCounts { intended: requests, ..ArrivalCounts::default() },
                steps: [(StepId(0), step)].into(),
                ..Interval::default()
            }
        };
        let mut intervals = vec![
            second(0, 1_000, 100, 10),
            second(1_000, 2_000, 100, 10),
            second(2_000, 2_150, 9, 80),
        ];
        intervals[2].steps.get_mut(&StepId(0)).expect("a step").errors =
            [(ErrorClass::ResponseTimeout, 1)].into();
        let series = RunSeries::of(&intervals, Nanos::from_millis(2_150));
        let rates: Vec<f64> =
            series.points.iter().map(|point| point.rate(point.requests).get()).collect();
        assert_eq!(rates, [100.0, 100.0]);
        assert_eq!(series.points[1].errors.get(&ErrorClass::ResponseTimeout), Some(&1));
        let greatest = series.points[1].response_time.expect("times")[3];
        assert_eq!(greatest, Nanos::from_millis(80));
        assert_eq!(series.steps[&StepId(0)].len(), 2);
        // A run that is no longer than that has nothing else to show.
        assert_eq!(RunSeries::of(&intervals[2..], Nanos::from_millis(150)).points.len(), 1);
    }
}
