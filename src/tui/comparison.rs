//! Two sides, set against each other.

use plimsoll_slo::gate::GateComparison;

use super::past_runs::PastRun;

/// Two sides, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// What was.
    pub before: Vec<PastRun>,
    /// What is.
    pub after: Vec<PastRun>,
    /// Step by step, as `plimsoll compare` does it.
    pub comparison: GateComparison,
    /// The ways in which the runs are unlike: then a change may come from there.
    pub unlike: Vec<String>,
}
