//! All that a gate's answer rests on.

use plimsoll_metrics::Distribution;
use plimsoll_slo::gate::{ConditionMismatch, GateComparison, GateOutcome, GateRow, RunSummary};
use plimsoll_slo::regression::{EffectScale, RegressionVerdict};
use plimsoll_slo::{Judgement, Strictness, ValidityStatus};

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

/// Response times of both sides: successes of the judged parts of all runs.
#[derive(Debug, Clone, Default)]
pub struct ComparedTimes {
    /// Of the baseline.
    pub baseline: Distribution,
    /// Of the candidate.
    pub candidate: Distribution,
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
    pub(crate) fn regressed(&self) -> Vec<&GateRow> {
        self.rows_where(|verdict| matches!(verdict, RegressionVerdict::Regressed))
    }

    /// The undecided rows among those that decide.
    pub(crate) fn unclear(&self) -> Vec<&GateRow> {
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
            let key = |row: &GateRow| (!is_whole(row), weight(row));
            let ((a_named, a_weight), (b_named, b_weight)) = (key(a), key(b));
            b_named.cmp(&a_named).then(b_weight.total_cmp(&a_weight))
        });
        found
    }

    /// The runs that are only a part of one, which never passes.
    pub(crate) fn partial(&self) -> impl Iterator<Item = &GatedRun> {
        self.runs.iter().filter(|run| run.judgement.partial)
    }

    /// The runs whose measurement cannot support a verdict.
    pub(crate) fn not_valid(&self) -> impl Iterator<Item = &GatedRun> {
        let not_valid = |run: &&GatedRun| run.judgement.validity.status == ValidityStatus::NotValid;
        self.runs.iter().filter(not_valid)
    }
}

/// Whether a row speaks of all requests together.
pub(crate) fn is_whole(row: &GateRow) -> bool {
    row.step == RunSummary::WHOLE
}

/// How much a row weighs among others: its effect, in units of what counts.
pub(crate) fn weight(row: &GateRow) -> f64 {
    match (row.regression.effect, row.regression.scale) {
        (Some(effect), EffectScale::Ratio) => effect - 1.0,
        (Some(effect), EffectScale::Difference) => effect,
        (None, _) => f64::MAX,
    }
}
