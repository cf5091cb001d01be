//! The gate's answer in every format: what a pipeline, a reviewer and a program each read.
//!
//! [`GateReport`] is built once; the formats only read it, so that they can never disagree.

mod github;
mod json;
mod junit;
mod markdown;
mod objectives;
pub(crate) mod words;

pub use github::render as github;
pub use json::render as json;
pub use junit::render as junit;
pub use markdown::render as markdown;

pub(super) use objectives::{GatedObjective, objectives};

use crate::slo::gate::{ConditionMismatch, GateComparison, GateOutcome, GateRow};
use crate::slo::regression::RegressionVerdict;
use crate::slo::{Judgement, Strictness, ValidityStatus};

/// One run that stands before the gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GatedRun {
    /// Where it is, as the user wrote it.
    pub label: String,
    /// When it began, RFC 3339 UTC.
    pub started_utc: String,
    /// What it came to.
    pub judgement: Judgement,
}

/// The comparison with the baseline.
#[derive(Debug, Clone, PartialEq)]
pub enum BaselineComparison {
    /// No baseline was given.
    NotAsked,
    /// Some run cannot support a comparison.
    NotMade(Vec<ConditionMismatch>),
    /// It was made.
    Made {
        /// What it came to.
        comparison: GateComparison,
        /// The ways in which the runs are unlike that the user waived.
        waived: Vec<ConditionMismatch>,
    },
}

/// All that a gate's answer rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct GateReport {
    /// The system's name.
    pub system: String,
    /// The workload's name.
    pub workload: String,
    /// How strictly at risk and not measured are taken.
    pub strictness: Strictness,
    /// The candidate's runs; empty where two stored baselines are compared.
    pub runs: Vec<GatedRun>,
    /// Against the baseline.
    pub compared: BaselineComparison,
}

impl GateReport {
    /// The answer.
    pub fn outcome(&self) -> GateOutcome {
        let compared = match &self.compared {
            BaselineComparison::NotAsked => None,
            BaselineComparison::NotMade(_) => {
                return GateOutcome::NotValid.max(self.outcome_of_runs());
            }
            BaselineComparison::Made { comparison, .. } => Some(comparison.verdict),
        };
        GateOutcome::of(self.runs.iter().map(|run| run.judgement.verdict), compared)
    }

    fn outcome_of_runs(&self) -> GateOutcome {
        GateOutcome::of(self.runs.iter().map(|run| run.judgement.verdict), None)
    }

    /// The exit code that `--help` documents.
    pub fn exit_code(&self) -> u8 {
        self.outcome().exit_code(self.strictness)
    }

    /// The comparison, where it was made.
    pub fn comparison(&self) -> Option<&GateComparison> {
        match &self.compared {
            BaselineComparison::NotAsked | BaselineComparison::NotMade(_) => None,
            BaselineComparison::Made { comparison, .. } => Some(comparison),
        }
    }

    /// The rows that got worse, the worst of a named step first; all requests together stand last.
    pub(super) fn regressed(&self) -> Vec<&GateRow> {
        self.rows_where(|verdict| matches!(verdict, RegressionVerdict::Regressed))
    }

    /// The undecided rows among those that decide.
    pub(super) fn unclear(&self) -> Vec<&GateRow> {
        let mut rows =
            self.rows_where(|verdict| matches!(verdict, RegressionVerdict::NeedMoreRuns { .. }));
        rows.retain(|row| row.decides);
        rows
    }

    fn rows_where(&self, wanted: impl Fn(&RegressionVerdict) -> bool) -> Vec<&GateRow> {
        let rows = self.comparison().map_or(&[][..], |comparison| comparison.rows.as_slice());
        let mut found: Vec<&GateRow> =
            rows.iter().filter(|row| wanted(&row.regression.verdict)).collect();
        found.sort_by(|a, b| {
            let key = |row: &GateRow| (!words::is_whole(row), words::weight(row));
            let ((a_named, a_weight), (b_named, b_weight)) = (key(a), key(b));
            b_named.cmp(&a_named).then(b_weight.total_cmp(&a_weight))
        });
        found
    }

    /// The runs that are only a part of one, which never passes.
    pub(super) fn partial(&self) -> impl Iterator<Item = &GatedRun> {
        self.runs.iter().filter(|run| run.judgement.partial)
    }

    /// The runs whose measurement cannot support a verdict.
    pub(super) fn not_valid(&self) -> impl Iterator<Item = &GatedRun> {
        let not_valid = |run: &&GatedRun| run.judgement.validity.status == ValidityStatus::NotValid;
        self.runs.iter().filter(not_valid)
    }
}

#[cfg(test)]
mod tests;
