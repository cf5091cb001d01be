//! One metric with all its series, before it is written in a format.

use super::bins::Bins;

/// Longest label.
pub(super) const LABEL: usize = 120;

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    /// Without prefix and unit: `response_time`.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    /// Its series: labels and value.
    pub(super) points: Vec<(Vec<(&'static str, String)>, Value)>,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises.
    Counter,
    /// The state now.
    Gauge,
    /// Values in bins; only rises.
    Histogram,
}

/// What it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Number,
    Seconds,
    Bytes,
    Ratio,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
    Histogram(Bins),
}

impl Family {
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        kind: Kind,
        unit: Unit,
    ) -> Self {
        Self { name, help, kind, unit, points: vec![] }
    }

    /// With one more series.
    pub(super) fn with(mut self, labels: Vec<(&'static str, String)>, value: Value) -> Self {
        self.points.push((labels, value));
        self
    }
}
