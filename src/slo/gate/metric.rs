//! What a gate compares of each step.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::statistics::order_statistics::least_count;

/// Confidence with which a quantile must be below the greatest value for a run to have it.
pub(super) const CONFIDENCE: f64 = 0.95;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateMetric {
    /// The median response time.
    P50,
    /// The response time that 95 % of requests do not exceed.
    P95,
    /// The response time that 99 % of requests do not exceed.
    P99,
    /// The mean response time.
    Mean,
    /// Failed requests among all.
    ErrorRate,
}

impl GateMetric {
    /// All metrics, in the order of tables.
    pub const ALL: [Self; 5] = [Self::P50, Self::P95, Self::P99, Self::Mean, Self::ErrorRate];

    /// The name used in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
            Self::ErrorRate => "error_rate",
        }
    }

    /// The metric that a quantile is, if it is one.
    pub(super) fn of_quantile(quantile: f64) -> Option<Self> {
        let all = [(0.5, Self::P50), (0.95, Self::P95), (0.99, Self::P99)];
        all.into_iter().find(|(of, _)| (of - quantile).abs() < 1e-9).map(|(_, metric)| metric)
    }

    /// How many requests a run needs to have it.
    pub fn requests_needed(self) -> u64 {
        let quantile = |p| least_count(p, CONFIDENCE);
        match self {
            Self::P50 => quantile(0.5),
            Self::P95 => quantile(0.95),
            Self::P99 => quantile(0.99),
            Self::Mean | Self::ErrorRate => 1,
        }
    }
}

/// Reads the name that [`GateMetric::name`] gives.
impl std::str::FromStr for GateMetric {
    type Err = UnknownMetric;
    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or(UnknownMetric)
    }
}

/// A name that no metric has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected p50, p95, p99, mean or error_rate")]
pub struct UnknownMetric;

impl fmt::Display for GateMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
