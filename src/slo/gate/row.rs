//! What one metric of one step comes to.

use serde::{Deserialize, Serialize};

use super::super::regression::Regression;
use super::metric::GateMetric;
use plimsoll_metrics::Answers;

/// One metric of one step, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    /// The step's name; [`RunSummary::WHOLE`](super::RunSummary::WHOLE) for all requests together.
    pub step: String,
    /// What was compared.
    pub metric: GateMetric,
    /// Whose times, where it is a time.
    pub of: Answers,
    /// In how many runs of baseline and candidate times of successes may hold those of failures: their logs or
    /// summaries are of a version that did not tell them apart, and requests of the step failed.
    pub pooled: (usize, usize),
    /// Whether the verdict hangs on it; otherwise it informs.
    pub decides: bool,
    /// The median over baseline runs: seconds, or a share.
    pub baseline: f64,
    /// The median over candidate runs.
    pub candidate: f64,
    /// The comparison, adjusted for all rows that decide, or all that inform.
    pub regression: Regression,
}

/// A metric of a step that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedMetric {
    /// The step's name.
    pub step: String,
    /// What was not compared.
    pub metric: GateMetric,
    /// Whose times, where it is a time.
    #[serde(default, skip_serializing_if = "Answers::is_default")]
    pub of: Answers,
    /// Why not.
    pub reason: MetricExclusion,
    /// The fewest requests of the step in any run.
    pub requests_min: u64,
    /// Whether the verdict would hang on it.
    pub decides: bool,
}

/// Why a metric could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricExclusion {
    /// Some run had too few requests to have it.
    TooFewRequests,
    /// The summary of some run does not hold times of all requests: a version that kept none made it.
    NotKept,
    /// The baseline counts no request of the step in some run, the candidate does: a version that did not count such
    /// rows made the baseline, or the step was not reached there.
    NotCounted,
}

impl MetricExclusion {
    /// Whether no further run of the candidate helps: the baseline has to be made anew.
    pub const fn lies_with_the_baseline(self) -> bool {
        match self {
            Self::TooFewRequests => false,
            Self::NotKept | Self::NotCounted => true,
        }
    }
}

/// What is compared, as sentences name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparedMetric<'a> {
    /// The step's name.
    pub step: &'a str,
    /// The metric.
    pub metric: GateMetric,
    /// Whose times, where it is a time.
    pub of: Answers,
}

impl GateRow {
    /// What it compares.
    pub fn compared(&self) -> ComparedMetric<'_> {
        ComparedMetric { step: &self.step, metric: self.metric, of: self.of }
    }
}

impl ExcludedMetric {
    /// What it would compare.
    pub fn compared(&self) -> ComparedMetric<'_> {
        ComparedMetric { step: &self.step, metric: self.metric, of: self.of }
    }
}
