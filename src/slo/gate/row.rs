//! What one metric of one step comes to.

use serde::{Deserialize, Serialize};

use super::super::regression::Regression;
use super::summary::GateMetric;

/// One metric of one step, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    /// The step's name; [`RunSummary::WHOLE`](super::RunSummary::WHOLE) for all requests together.
    pub step: String,
    /// What was compared.
    pub metric: GateMetric,
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
    /// The fewest requests of the step in any run; some run had too few to have the metric.
    pub requests_min: u64,
    /// Whether the verdict would hang on it.
    pub decides: bool,
}
