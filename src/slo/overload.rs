//! Whether arrivals found no user because the stack was given more than it carries.
//!
//! Users are busy as long as the stack keeps them waiting, so a stack that gives out uses up any number of them:
//! dropped arrivals are then what it did, and not a measurement gone wrong. Where answers came as fast as ever, the
//! users were too few from the beginning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::statistics::mean;
use super::window::{JudgedWindow, mean_response};
use super::{JudgedObjective, ObjectiveStatus};
use plimsoll_metrics::{Distribution, ErrorClass, Interval, Measure, Selection};
use plimsoll_units::{Nanos, Quantity, Ratio};

/// The share of a core above which a worker falls behind now and then.
pub(super) const GENERATOR_CPU_MAX: f64 = 0.8;
/// Answers this many times as slow as before the first drop kept the users busy.
const SLOWED: f64 = 3.0;
/// The fewest seconds before the first drop that tell how fast answers were.
const CALM_MIN: usize = 3;
/// Above this share of requests that time out, it is timeouts that keep users busy.
const TIMED_OUT: f64 = 0.1;
/// A tier is full above this share of its CPU or of its pool of connections.
const FULL: f64 = 0.95;
/// The metrics whose share says whether a tier is full.
const FILLING: [&str; 2] = ["cpu", "pool_used"];

/// More load than the stack carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overload {
    /// Arrivals that found no free user.
    pub dropped: u64,
    /// All arrivals that fell due.
    pub intended: u64,
    /// The response time that 95 % of the judged requests did not exceed.
    pub p95: Option<Nanos>,
    /// The tier that was full, where something observes it.
    pub full: Option<FullTier>,
}

/// A tier that had nothing left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FullTier {
    /// Its name.
    pub tier: String,
    /// `cpu` or `pool_used`.
    pub metric: String,
    /// The mean share in use of its busiest replica.
    pub used: Ratio,
}

impl Overload {
    /// What is known of a load that exceeds what the stack carries.
    pub(super) fn of(window: &JudgedWindow<'_>) -> Self {
        let arrivals = window.log.intervals.iter().map(|interval| interval.arrivals);
        let (dropped, intended) = arrivals.fold((0, 0), |(dropped, intended), arrivals| {
            (dropped + arrivals.dropped, intended + arrivals.intended)
        });
        let mut times = Distribution::new();
        for interval in window.steady().iter().chain(&window.tail) {
            for all in Selection::Run.times(interval) {
                times.merge_sparse(all.all());
            }
        }
        let p95 = (!times.is_empty()).then(|| times.quantile(0.95));
        Self { dropped, intended, p95, full: full_tier(window.steady()) }
    }

    /// The same where arrivals were dropped and the stack is why: a tier full, answers slower than an objective
    /// allows or than they were, or none in time.
    pub(super) fn by_drops(window: &JudgedWindow<'_>, rows: &[JudgedObjective]) -> Option<Self> {
        let found = Self::of(window);
        let is_the_stack = || {
            found.full.is_some()
                || rows.iter().any(is_too_slow)
                || slowed(&window.log.intervals)
                || timed_out(&window.log.intervals)
        };
        let is_the_generator = dropped_by_the_generator(&window.log.intervals);
        (found.dropped > 0 && !is_the_generator && is_the_stack()).then_some(found)
    }
}

/// Whether arrivals were dropped while the generator had no CPU left: its users were busy because it was, and what it
/// then measures of the stack is its own slowness.
pub(super) fn dropped_by_the_generator(intervals: &[Interval]) -> bool {
    let dropping = intervals.iter().filter(|interval| interval.arrivals.dropped > 0);
    let cpu: Vec<f64> = dropping.map(|interval| interval.generator.worker_cpu.get()).collect();
    !cpu.is_empty() && mean(&cpu) >= GENERATOR_CPU_MAX
}

/// Whether a row on times exceeds its max, whatever the generator's lag. More users would have asked for more still.
fn is_too_slow(row: &JudgedObjective) -> bool {
    let is_time = matches!(
        row.objective.measure,
        Measure::ResponseTime(_) | Measure::MeanResponseTime | Measure::Phase(..)
    );
    is_time && row.status == ObjectiveStatus::Fail
}

fn slowed(intervals: &[Interval]) -> bool {
    let first = intervals.iter().position(|interval| interval.arrivals.dropped > 0);
    let (calm, rest) = intervals.split_at(first.unwrap_or(intervals.len()));
    let calm: Vec<f64> = calm.iter().filter_map(mean_response).collect();
    let dropping = rest.iter().filter(|interval| interval.arrivals.dropped > 0);
    let dropping: Vec<f64> = dropping.filter_map(mean_response).collect();
    calm.len() >= CALM_MIN && mean(&dropping) >= SLOWED * mean(&calm)
}

fn timed_out(intervals: &[Interval]) -> bool {
    let dropping = intervals.iter().filter(|interval| interval.arrivals.dropped > 0);
    let (timed_out, requests) = dropping.fold((0, 0), |(timed_out, requests), interval| {
        let counts = Selection::Run.counts(interval);
        (timed_out + counts.failed_by(ErrorClass::ResponseTimeout), requests + counts.attempts())
    });
    timed_out as f64 > TIMED_OUT * requests as f64
}

/// The fullest tier, if any is full.
fn full_tier(intervals: &[&Interval]) -> Option<FullTier> {
    let mut replicas: BTreeMap<(&str, &str, &str), Vec<f64>> = BTreeMap::new();
    let readings = intervals.iter().flat_map(|interval| interval.readings.iter());
    for reading in readings.filter(|reading| FILLING.contains(&reading.metric)) {
        if let Some(Quantity::Share(share)) = reading.value {
            let key = (reading.tier, reading.metric, reading.replica);
            replicas.entry(key).or_default().push(share.get());
        }
    }
    let used = replicas.into_iter().map(|(key, shares)| (key, mean(&shares)));
    let ((tier, metric, _), used) = used.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (tier, metric) = (tier.to_owned(), metric.to_owned());
    (used >= FULL).then(|| FullTier { tier, metric, used: Ratio::new(used) })
}
