//! The comparisons of one step, with Holm's correction over its metrics.

use super::super::regression::compare_at;
use super::super::statistics::multiple_tests::holm;
use super::super::statistics::{median, rank_test};
use super::rules::GateRules;
use super::summary::{GateMetric, RunSummary, StepSummary};
use super::{ExcludedMetric, GateRow};

/// One metric of all runs, a value a run: baseline, candidate.
struct MetricSides {
    metric: GateMetric,
    before: Vec<f64>,
    after: Vec<f64>,
}

impl MetricSides {
    /// A metric that is the same in all runs (no error anywhere) tests nothing and costs no correction.
    fn vary(&self) -> bool {
        let first = self.before.first().copied().unwrap_or_default();
        self.before.iter().chain(&self.after).any(|value| value.to_bits() != first.to_bits())
    }
}

/// All metrics of one step that every run could measure, and those that some run could not.
pub(super) fn of_step(
    name: &str,
    baseline: &[RunSummary],
    candidate: &[RunSummary],
    rules: &GateRules,
) -> (Vec<GateRow>, Vec<ExcludedMetric>) {
    let (mut sides, mut left_out) = (vec![], vec![]);
    for metric in GateMetric::ALL.into_iter().filter(|metric| rules.metrics.contains(metric)) {
        match (values(name, metric, baseline), values(name, metric, candidate)) {
            (Some(before), Some(after)) => sides.push(MetricSides { metric, before, after }),
            (None, _) | (_, None) => left_out.push(ExcludedMetric {
                step: name.to_owned(),
                metric,
                requests_min: requests_min(name, baseline, candidate),
            }),
        }
    }
    let p_values = adjusted(&sides);
    let row = |(sides, p): (&MetricSides, f64)| GateRow {
        step: name.to_owned(),
        metric: sides.metric,
        baseline: median(&sides.before),
        candidate: median(&sides.after),
        regression: compare_at(&sides.before, &sides.after, rules.yardstick(sides.metric), p),
    };
    (sides.iter().zip(p_values).map(row).collect(), left_out)
}

/// p of each metric, adjusted for all that vary; 1 for those that do not.
fn adjusted(all: &[MetricSides]) -> Vec<f64> {
    let p_of = |sides: &MetricSides| rank_test::compare(&sides.before, &sides.after).p_greater;
    let tested: Vec<f64> = all.iter().filter(|sides| sides.vary()).map(p_of).collect();
    let mut adjusted = holm(&tested).into_iter();
    all.iter()
        .map(|sides| if sides.vary() { adjusted.next().unwrap_or(1.0) } else { 1.0 })
        .collect()
}

/// One value a run, or `None` where a run has none.
fn values(step: &str, metric: GateMetric, runs: &[RunSummary]) -> Option<Vec<f64>> {
    runs.iter().map(|run| find(step, run)?.value(metric)).collect()
}

fn requests_min(step: &str, baseline: &[RunSummary], candidate: &[RunSummary]) -> u64 {
    let requests = |run| find(step, run).map_or(0, |found: &StepSummary| found.requests);
    baseline.iter().chain(candidate).map(requests).min().unwrap_or(0)
}

fn find<'a>(step: &str, run: &'a RunSummary) -> Option<&'a StepSummary> {
    run.steps.iter().find(|found| found.name == step)
}
