//! The regression gate: several runs of a candidate against several of a baseline, step by step.
//!
//! Runs count only where they are alike in everything but the candidate. What they are compared by is
//! small enough to be committed beside the code: see [`Baseline`].
//!
//! The verdict hangs on the rows of the SLO table, few enough that ordinary runs can tell each of them. All else
//! informs, and fails the gate only where there is no doubt: among dozens of metrics something always moves.

mod likeness;
mod metric;
mod outcome;
mod row;
mod rows;
mod rules;
mod step;
mod summary;
mod trend;

use serde::{Deserialize, Serialize};

pub use likeness::{ComparisonRule, ConditionMismatch, alike};
pub use metric::{GateMetric, UnknownMetric};
pub use outcome::GateOutcome;
pub use row::{ComparedMetric, ExcludedMetric, GateRow, MetricExclusion};
pub use rules::GateRules;
pub use step::{StepSummary, TimeSummary};
pub use summary::{Baseline, BaselineError, RunConditions, RunSummary, SloMetric};
pub use trend::MetricTrend;

use super::regression::{RUNS_MIN, Regression, RegressionVerdict};
use plimsoll_units::Nanos;

/// What the gate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// No metric got worse certainly, and none that decides is undecided.
    NotRegressed,
    /// Some metric that decides is undecided; none got worse certainly.
    NeedMoreRuns,
    /// Some metric got worse, certainly.
    Regressed,
}

impl GateVerdict {
    /// The exit code that `--help` documents: 0, 97 or 98.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::NotRegressed => 0,
            Self::NeedMoreRuns => 97,
            Self::Regressed => 98,
        }
    }
}

/// All comparisons of candidate and baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateComparison {
    /// The answer.
    pub verdict: GateVerdict,
    /// How many runs stand on each side: baseline, candidate.
    pub runs: (usize, usize),
    /// How many more runs a side would probably decide it; 0 where the answer is clear.
    pub more_runs: u32,
    /// How long the shortest run was judged, as its stages say.
    pub run_length: Nanos,
    /// The least rise of a time that counted, 0.05 for 5 %.
    pub effect_min: f64,
    /// Whether the user named it, so that it had to be ruled out.
    pub effect_named: bool,
    /// All rows, those that decide first; by step in the order of the scenario, then by metric.
    pub rows: Vec<GateRow>,
    /// What some run was too short for.
    pub left_out: Vec<ExcludedMetric>,
    /// Rows of the SLO table that each run is judged by, but that summaries do not hold.
    pub judged_only: Vec<String>,
}

impl GateComparison {
    /// How long as many runs would have to be to tell as well as with [`more_runs`](Self::more_runs) more. None
    /// where the answer is clear, or where no length makes up for too few runs.
    ///
    /// The error of a side's location falls with the root of runs × length, as long as it comes from the
    /// scatter of requests; what drifts from run to run only more runs average out.
    pub fn longer_runs(&self) -> Option<Nanos> {
        let few = self.runs.0.min(self.runs.1);
        if self.more_runs == 0 || few < RUNS_MIN || self.run_length.is_zero() {
            return None;
        }
        let factor = 1.0 + f64::from(self.more_runs) / few as f64;
        // Nobody asks for less than ten seconds more.
        let tens = (self.run_length.as_secs_f64() * factor / 10.0).ceil();
        Some(Nanos::from_secs_f64(tens * 10.0))
    }

    /// The rows that the verdict hangs on.
    pub fn deciding(&self) -> impl Iterator<Item = &GateRow> {
        self.rows.iter().filter(|row| row.decides)
    }

    /// The rows that got worse.
    pub fn regressed(&self) -> impl Iterator<Item = &GateRow> {
        self.rows.iter().filter(|row| row.regression.verdict == RegressionVerdict::Regressed)
    }
}

/// Compares the runs of `candidate` with those of `baseline`.
///
/// # Errors
/// All the ways in which the runs are unlike, unless the rules waive them.
pub fn compare(
    baseline: &[RunSummary],
    candidate: &[RunSummary],
    rules: &GateRules,
) -> Result<GateComparison, Vec<ConditionMismatch>> {
    if rules.likeness == ComparisonRule::Required {
        let unlike = alike(baseline, candidate);
        if !unlike.is_empty() {
            return Err(unlike);
        }
    }
    let (rows, left_out) = rows::all(baseline, candidate, rules);
    let deciding = || rows.iter().filter(|row| row.decides);
    // Where nothing that decides could be compared, nothing is known.
    let decided = deciding().map(|row| verdict_of(&row.regression)).max();
    let informed = rows.iter().map(|row| verdict_of(&row.regression)).max();
    let verdict = match informed {
        Some(GateVerdict::Regressed) => GateVerdict::Regressed,
        // What decides and the baseline does not hold is not known, however well the rest came out.
        _ if left_out.iter().any(|left| left.decides && left.reason.lies_with_the_baseline()) => {
            GateVerdict::NeedMoreRuns
        }
        _ => decided.unwrap_or(GateVerdict::NeedMoreRuns),
    };
    let judged_only = candidate.first().or(baseline.first()).map(|run| run.slo_other.clone());
    Ok(GateComparison {
        verdict,
        runs: (baseline.len(), candidate.len()),
        more_runs: deciding().map(|row| missing_runs(&row.regression)).max().unwrap_or(0),
        run_length: baseline.iter().chain(candidate).map(judged_length).min().unwrap_or_default(),
        effect_min: rules.effect(),
        effect_named: rules.effect_min.is_some(),
        rows,
        left_out,
        judged_only: judged_only.filter(|_| !rules.choose()).unwrap_or_default(),
    })
}

fn judged_length(run: &RunSummary) -> Nanos {
    run.conditions.stages.iter().filter(|stage| stage.judged).map(|stage| stage.duration).sum()
}

fn verdict_of(regression: &Regression) -> GateVerdict {
    match regression.verdict {
        RegressionVerdict::Regressed => GateVerdict::Regressed,
        RegressionVerdict::NotRegressed => GateVerdict::NotRegressed,
        RegressionVerdict::NeedMoreRuns { .. } => GateVerdict::NeedMoreRuns,
    }
}

fn missing_runs(regression: &Regression) -> u32 {
    match regression.verdict {
        RegressionVerdict::NeedMoreRuns { more } => more,
        RegressionVerdict::Regressed | RegressionVerdict::NotRegressed => 0,
    }
}

#[cfg(test)]
mod tests;
