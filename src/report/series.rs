//! Time series for charts: the run in at most a few hundred points.
//!
//! A point is not a sample of a second but the merge of all its seconds: quantiles are asked of the merged
//! histogram, gauges take their greatest value. A spike of one second therefore survives in a chart of an hour.

use std::collections::BTreeMap;

use super::pooled::{HeatRows, PooledTimes};
use plimsoll_metrics::{
    ArrivalCounts, BucketCounts, Counts, ErrorClass, Interval, ReadingRef, SparseDistribution,
    StepId, StepInterval,
};
use plimsoll_units::{Nanos, Quantity, Rate, Ratio, RunTime};

/// Widest picture: 400 points on some 500 pixels.
const RUN_POINTS: u64 = 400;
/// What one may look into: an hour second by second.
const FINE_POINTS: u64 = 3_600;
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
        // Buckets that are the same are filled once.
        let mut run_buckets = vec![bucket, fine_bucket];
        run_buckets.dedup();
        let mut step_buckets = vec![bucket, step_bucket];
        step_buckets.dedup();
        let mut runs: Vec<RunPoints> = run_buckets.into_iter().map(RunPoints::new).collect();
        let mut steps: Vec<StepPoints> = step_buckets.into_iter().map(StepPoints::new).collect();
        gather(intervals, &mut runs, &mut steps);
        let mut runs = runs.into_iter().map(RunPoints::finish);
        let mut steps = steps.into_iter().map(StepPoints::finish);
        let points = runs.next().unwrap_or_default();
        let steps_fine = steps.next().unwrap_or_default();
        Self {
            bucket,
            fine: runs.next().unwrap_or_else(|| points.clone()),
            points,
            step_bucket,
            steps: steps.next().unwrap_or_else(|| steps_fine.clone()),
            steps_fine,
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

/// Where a point of a chart begins and ends, and which one it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct PointSpan {
    number: u64,
    start: RunTime,
    end: RunTime,
}

impl PointSpan {
    fn middle_s(self) -> f64 {
        f64::midpoint(self.start.as_secs_f64(), self.end.as_secs_f64())
    }
}

/// Tells where one point ends and the next one begins.
#[derive(Debug)]
struct PointClock {
    bucket: Nanos,
    open: Option<PointSpan>,
}

impl PointClock {
    const fn new(bucket: Nanos) -> Self {
        Self { bucket, open: None }
    }

    /// Takes the next interval. Returns the point that it ends by not belonging to it.
    fn advance(&mut self, interval: &PlacedInterval<'_>) -> Option<PointSpan> {
        let (start, end) = (interval.of.start, interval.of.end);
        let number = start.get() / self.bucket.get().max(1);
        match &mut self.open {
            // What is left over has times and failures, but no length.
            Some(_) if interval.is_rest => None,
            Some(open) if open.number == number => {
                (open.start, open.end) = (open.start.min(start), open.end.max(end));
                None
            }
            open => open.replace(PointSpan { number, start, end }),
        }
    }
}

/// An interval, and whether it is what is left over at the end of the run.
struct PlacedInterval<'a> {
    of: &'a Interval,
    is_rest: bool,
}

/// All intervals in order.
fn placed(intervals: &[Interval]) -> impl Iterator<Item = PlacedInterval<'_>> {
    let last = intervals.len().saturating_sub(1);
    intervals.iter().enumerate().map(move |(index, of)| PlacedInterval {
        of,
        is_rest: index == last && index > 0 && of.is_remainder(),
    })
}

/// All steps together, point by point.
#[derive(Debug)]
struct RunPoints {
    clock: PointClock,
    open: SeriesPoint,
    response: BucketCounts,
    service: BucketCounts,
    lag: BucketCounts,
    closed: Vec<SeriesPoint>,
}

impl RunPoints {
    fn new(bucket: Nanos) -> Self {
        Self {
            clock: PointClock::new(bucket),
            open: SeriesPoint::default(),
            response: BucketCounts::default(),
            service: BucketCounts::default(),
            lag: BucketCounts::default(),
            closed: vec![],
        }
    }

    fn begin(&mut self, placed: &PlacedInterval<'_>) {
        if let Some(ended) = self.clock.advance(placed) {
            self.close(ended);
        }
        let (interval, point) = (placed.of, &mut self.open);
        self.lag.add(&interval.schedule_lag);
        for (class, count) in Counts::of(interval).failures() {
            *point.errors.entry(class).or_default() += count;
        }
        if placed.is_rest {
            return;
        }
        point.arrivals.add(interval.arrivals);
        point.requests += interval.requests();
        point.failed += interval.steps.values().map(StepInterval::failed).sum::<u64>();
        point.in_flight = point.in_flight.max(interval.in_flight);
        point.vus = point.vus.max(interval.vus);
        point.connections = point.connections.max(interval.connections);
        let cpu = interval.generator.worker_cpu.get();
        point.worker_cpu = Ratio::new(point.worker_cpu.get().max(cpu));
    }

    fn add(&mut self, successes: &SparseDistribution, service: &SparseDistribution) {
        self.response.add(successes);
        self.service.add(service);
    }

    fn close(&mut self, span: PointSpan) {
        let p99 = |times: &BucketCounts| (!times.is_empty()).then(|| times.quantiles([0.99])[0]);
        let mut point = std::mem::take(&mut self.open);
        (point.start, point.end) = (span.start, span.end);
        point.rows = HeatRows::of(&self.response);
        point.response_time = (!self.response.is_empty()).then(|| {
            let [p50, p95, p99] = self.response.quantiles([0.5, 0.95, 0.99]);
            [p50, p95, p99, self.response.max()]
        });
        point.service_time_p99 = p99(&self.service);
        point.schedule_lag_p99 = p99(&self.lag);
        self.closed.push(point);
        for counts in [&mut self.response, &mut self.service, &mut self.lag] {
            counts.clear();
        }
    }

    fn finish(mut self) -> Vec<SeriesPoint> {
        if let Some(last) = self.clock.open.take() {
            self.close(last);
        }
        self.closed
    }
}

/// What is known of a step within one point.
#[derive(Debug, Default)]
struct OpenStep {
    times: PooledTimes,
    requests: u64,
    failed: u64,
}

/// Step by step, point by point.
#[derive(Debug)]
struct StepPoints {
    clock: PointClock,
    open: BTreeMap<StepId, OpenStep>,
    counts: BucketCounts,
    closed: BTreeMap<StepId, StepSeries>,
}

impl StepPoints {
    fn new(bucket: Nanos) -> Self {
        Self {
            clock: PointClock::new(bucket),
            open: BTreeMap::new(),
            counts: BucketCounts::default(),
            closed: BTreeMap::new(),
        }
    }

    fn begin(&mut self, placed: &PlacedInterval<'_>) {
        if let Some(ended) = self.clock.advance(placed) {
            self.close(ended);
        }
    }

    fn add(&mut self, id: StepId, step: &StepInterval, successes: &SparseDistribution) {
        let open = self.open.entry(id).or_default();
        open.times.add(successes);
        open.requests += step.requests;
        open.failed += step.failed();
    }

    fn close(&mut self, span: PointSpan) {
        let middle_s = span.middle_s();
        for (id, OpenStep { times, requests, failed }) in std::mem::take(&mut self.open) {
            times.count_into(&mut self.counts);
            let [p50, p99] = self.counts.quantiles([0.5, 0.99]);
            let point = StepPoint { middle_s, p50, p99, requests, failed };
            self.closed.entry(id).or_default().push(point);
        }
    }

    fn finish(mut self) -> BTreeMap<StepId, StepSeries> {
        if let Some(last) = self.clock.open.take() {
            self.close(last);
        }
        self.closed
    }
}

/// Reads each distribution of the log once: a long log keeps them on the disk, and a chart of an hour is made of
/// hundreds of thousands.
fn gather(intervals: &[Interval], runs: &mut [RunPoints], steps: &mut [StepPoints]) {
    for placed in placed(intervals) {
        for run in runs.iter_mut() {
            run.begin(&placed);
        }
        for all in steps.iter_mut() {
            all.begin(&placed);
        }
        let of_requests = placed.of.steps.iter().map(|(id, step)| (id, step, true));
        let logical = placed.of.logical.iter().map(|(id, step)| (id, step, false));
        for (&id, step, is_request) in of_requests.chain(logical) {
            let successes = step.times().successes();
            let successes = successes.in_memory();
            for all in steps.iter_mut() {
                all.add(id, step, &successes);
            }
            if is_request {
                let service = step.service_time.in_memory();
                for run in runs.iter_mut() {
                    run.add(&successes, &service);
                }
            }
        }
    }
}

/// Tier, metric and replica of a reading.
type StackKey<'a> = (&'a str, &'a str, &'a str);

/// The greatest reading of each metric within one point.
type OpenReadings<'a> = BTreeMap<StackKey<'a>, Option<Quantity>>;

fn stack_series(intervals: &[Interval], bucket: Nanos) -> Vec<StackSeries> {
    let mut clock = PointClock::new(bucket);
    let mut points: Vec<(PointSpan, OpenReadings<'_>)> = vec![];
    let mut open = OpenReadings::new();
    for placed in placed(intervals) {
        if let Some(ended) = clock.advance(&placed) {
            points.push((ended, std::mem::take(&mut open)));
        }
        for reading in placed.of.readings.iter() {
            let ReadingRef { tier, metric, replica, value } = reading;
            let slot = open.entry((tier, metric, replica)).or_default();
            *slot = greater(*slot, value);
        }
    }
    points.extend(clock.open.map(|last| (last, open)));
    let mut all: BTreeMap<StackKey<'_>, Vec<(f64, Option<Quantity>)>> = BTreeMap::new();
    for (span, readings) in points {
        for (key, value) in readings {
            all.entry(key).or_default().push((span.middle_s(), value));
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
        let mut runs = [RunPoints::new(Nanos::from_secs(10))];
        gather(&intervals, &mut runs, &mut []);
        let points = runs.map(RunPoints::finish).concat();
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].in_flight, 900);
    }

    /// Goal: prove that a chart does not fall at its end because the run drained for a moment, and that nothing of what
    /// happened in that moment is lost.
    #[test]
    fn the_last_moment_of_a_run_makes_no_point_of_its_own() {
        let times = |ms| {
            let mut times = plimsoll_metrics::Distribution::new();
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
