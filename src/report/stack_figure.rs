//! What the stack's own metrics came to over the shown part of a run.

use std::collections::BTreeMap;

use plimsoll_metrics::{Interval, Reading};
use plimsoll_units::Quantity;

/// One metric of one replica over the shown part of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct StackFigure {
    /// The tier.
    pub tier: String,
    /// The metric.
    pub metric: String,
    /// The replica; empty where the source does not tell replicas apart.
    pub replica: String,
    /// The mean of its readings; `None` where every one was "no data".
    pub mean: Option<Quantity>,
    /// The greatest of them.
    pub peak: Option<Quantity>,
    /// How many readings had data.
    pub readings: u64,
    /// How many had none.
    pub missing: u64,
}

/// The figures of all intervals within `from` and `to`, by tier, metric and replica; without health probes.
pub(super) fn figures<'a>(shown: impl Iterator<Item = &'a Interval>) -> Vec<StackFigure> {
    let readings = shown.flat_map(|interval| interval.readings.iter());
    let mut all: BTreeMap<(&str, &str, &str), Vec<Option<Quantity>>> = BTreeMap::new();
    for reading in readings.filter(|reading| reading.tier != Reading::HEALTH) {
        let key = (reading.tier, reading.metric, reading.replica);
        all.entry(key).or_default().push(reading.value);
    }
    all.into_iter().map(|(key, values)| figure(key, &values)).collect()
}

fn figure((tier, metric, replica): (&str, &str, &str), values: &[Option<Quantity>]) -> StackFigure {
    let known: Vec<Quantity> = values.iter().copied().flatten().collect();
    let sum: f64 = known.iter().map(|value| value.base()).sum();
    let mean = known.first().map(|kind| kind.with_base(sum / known.len() as f64));
    let peak = known.iter().copied().max_by(|a, b| a.base().total_cmp(&b.base()));
    StackFigure {
        tier: tier.to_owned(),
        metric: metric.to_owned(),
        replica: replica.to_owned(),
        mean,
        peak,
        readings: known.len() as u64,
        missing: (values.len() - known.len()) as u64,
    }
}
