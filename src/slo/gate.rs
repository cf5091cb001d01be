//! The regression gate: several runs of a candidate against several of a baseline, step by step.
//!
//! Runs count only where they are alike in everything but the candidate. What they are compared by is
//! small enough to be committed beside the code: see [`Baseline`].

mod likeness;
mod summary;

use serde::{Deserialize, Serialize};

pub use likeness::{Likeness, Unlike, alike};
pub use summary::{Baseline, BaselineError, Conditions, Metric, RunSummary, StepSummary};

use super::regression::{Regression, RegressionVerdict, Scale, compare_at};
use super::statistics::multiple_tests::holm;
use super::statistics::{median, rank_test};

/// One metric of one step, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    /// The step's name; [`RunSummary::WHOLE`] for all requests together.
    pub step: String,
    /// What was compared.
    pub metric: Metric,
    /// The median over baseline runs: seconds, or a share.
    pub baseline: f64,
    /// The median over candidate runs.
    pub candidate: f64,
    /// The comparison; its p is adjusted by Holm over the metrics of the step.
    pub regression: Regression,
}

/// What the gate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// No metric got worse by more than 5 %, certainly.
    NotRegressed,
    /// Some metric cannot be told; none got worse certainly.
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
    /// How many more runs a side would probably tell; 0 where the answer is clear.
    pub more_runs: u32,
    /// All rows, by step in the order of the scenario, then by metric.
    pub rows: Vec<GateRow>,
}

impl GateComparison {
    /// The rows that got worse.
    pub fn regressed(&self) -> impl Iterator<Item = &GateRow> {
        self.rows.iter().filter(|row| row.regression.verdict == RegressionVerdict::Regressed)
    }
}

/// Compares the runs of `candidate` with those of `baseline`.
///
/// Holm's correction runs over the metrics of one step: with five runs a side the least p is 1/252, which
/// five metrics just bear; over all steps nothing could ever be found.
///
/// # Errors
/// All the ways in which the runs are unlike, unless `likeness` waives them.
pub fn compare(
    baseline: &[RunSummary],
    candidate: &[RunSummary],
    likeness: Likeness,
) -> Result<GateComparison, Vec<Unlike>> {
    if likeness == Likeness::Required {
        let unlike = alike(baseline, candidate);
        if !unlike.is_empty() {
            return Err(unlike);
        }
    }
    let steps = baseline.first().map(|run| run.steps.as_slice()).unwrap_or_default();
    let rows: Vec<GateRow> =
        steps.iter().flat_map(|step| compare_step(&step.name, baseline, candidate)).collect();
    let more_runs = rows.iter().map(|row| missing_runs(&row.regression)).max().unwrap_or(0);
    let runs = (baseline.len(), candidate.len());
    let verdict = match rows.iter().map(|row| verdict_of(&row.regression)).max() {
        Some(verdict) => verdict,
        None => GateVerdict::NeedMoreRuns,
    };
    Ok(GateComparison { verdict, runs, more_runs, rows })
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
        RegressionVerdict::NeedMoreRuns { more, .. } => more,
        RegressionVerdict::Regressed | RegressionVerdict::NotRegressed => 0,
    }
}

/// All metrics of one step that every run could measure.
fn compare_step(name: &str, baseline: &[RunSummary], candidate: &[RunSummary]) -> Vec<GateRow> {
    let sides: Vec<(Metric, Vec<f64>, Vec<f64>)> = Metric::ALL
        .into_iter()
        .filter_map(|metric| {
            Some((metric, values(name, metric, baseline)?, values(name, metric, candidate)?))
        })
        .collect();
    let p_values: Vec<f64> =
        sides.iter().map(|(_, b, c)| rank_test::compare(b, c).p_greater).collect();
    // A metric that is the same in all runs (no error anywhere) tests nothing and costs no correction.
    let varies = |side: &(Metric, Vec<f64>, Vec<f64>)| {
        let first = side.1.first().copied().unwrap_or_default();
        side.1.iter().chain(&side.2).any(|value| value.to_bits() != first.to_bits())
    };
    let tested: Vec<usize> = (0..sides.len()).filter(|index| varies(&sides[*index])).collect();
    let adjusted = holm(&tested.iter().map(|index| p_values[*index]).collect::<Vec<f64>>());
    sides
        .iter()
        .enumerate()
        .map(|(index, (metric, before, after))| {
            let p = tested
                .iter()
                .position(|tested| *tested == index)
                .map_or(1.0, |position| adjusted[position]);
            let scale = if *metric == Metric::ErrorRate { Scale::Difference } else { Scale::Ratio };
            GateRow {
                step: name.to_owned(),
                metric: *metric,
                baseline: median(before),
                candidate: median(after),
                regression: compare_at(before, after, scale, p),
            }
        })
        .collect()
}

/// One value a run, or `None` where a run has none.
fn values(step: &str, metric: Metric, runs: &[RunSummary]) -> Option<Vec<f64>> {
    runs.iter()
        .map(|run| run.steps.iter().find(|found| found.name == step)?.value(metric))
        .collect()
}

#[cfg(test)]
mod tests;
