//! The comparisons of all metrics: those that decide, and those that inform.
//!
//! Two families of tests share the 2 % of false alarms. Rows that inform get the least that a permutation of so
//! many runs can tell, so that they fail a gate only when there is no doubt; the rest is for those that decide.

use super::super::regression::{Certainty, EffectScale, P_MAX, compare_at};
use super::super::statistics::permutation::{self, PooledRow};
use super::super::statistics::{median, rank_test};
use super::row::{ExcludedMetric, GateRow};
use super::rules::GateRules;
use super::summary::{GateMetric, RunSummary, StepSummary};

/// The greatest adjusted p at which a row that informs fails, where so many runs can reach it.
const INFORMING_P_MAX: f64 = 0.001;

/// One metric of a step in all runs, a value a run: baseline, candidate.
struct MetricSides {
    step: String,
    metric: GateMetric,
    decides: bool,
    before: Vec<f64>,
    after: Vec<f64>,
}

impl MetricSides {
    /// A metric that is the same in all runs (no error anywhere) tests nothing and costs no correction.
    fn vary(&self) -> bool {
        let first = self.before.first().copied().unwrap_or_default();
        self.before.iter().chain(&self.after).any(|value| value.to_bits() != first.to_bits())
    }

    /// The values on the scale on which effects add up; as they are where a time is zero.
    fn pooled(&self, scale: EffectScale) -> PooledRow {
        let positive = self.before.iter().chain(&self.after).all(|value| *value > 0.0);
        let add = |values: &[f64]| -> Vec<f64> {
            let logs = scale == EffectScale::Ratio && positive;
            values.iter().map(|value| if logs { value.ln() } else { *value }).collect()
        };
        PooledRow::new(&add(&self.before), &add(&self.after))
    }
}

/// All metrics that every run could measure, those that decide first, and those that some run could not.
pub(super) fn all(
    baseline: &[RunSummary],
    candidate: &[RunSummary],
    rules: &GateRules,
) -> (Vec<GateRow>, Vec<ExcludedMetric>) {
    let deciding = deciding(baseline, candidate);
    let (mut sides, mut left_out) = (vec![], vec![]);
    let steps = baseline.first().map(|run| run.steps.as_slice()).unwrap_or_default();
    let all =
        steps.iter().flat_map(|step| GateMetric::ALL.map(|metric| (step.name.as_str(), metric)));
    for (name, metric) in all.filter(|(name, metric)| rules.counts(name, *metric)) {
        let decides = rules.choose() || deciding.contains(&(name, metric));
        let step = name.to_owned();
        match (values(name, metric, baseline), values(name, metric, candidate)) {
            (Some(before), Some(after)) => {
                sides.push(MetricSides { step, metric, decides, before, after });
            }
            (None, _) | (_, None) => left_out.push(ExcludedMetric {
                step,
                metric,
                requests_min: requests_min(name, baseline, candidate),
                decides,
            }),
        }
    }
    let (deciding, informing): (Vec<MetricSides>, Vec<MetricSides>) =
        sides.into_iter().partition(|sides| sides.decides);
    let least = permutation::least_p(baseline.len(), candidate.len()).max(INFORMING_P_MAX);
    let for_informing = if informing.is_empty() { 0.0 } else { least };
    let mut rows = family(&deciding, P_MAX - for_informing, rules);
    rows.extend(family(&informing, for_informing, rules));
    (rows, left_out)
}

/// What the verdict hangs on: the rows of the SLO table. Where none is known p95 and the error rate of all
/// requests; where none is a time, that p95 as well.
fn deciding<'a>(
    baseline: &'a [RunSummary],
    candidate: &'a [RunSummary],
) -> Vec<(&'a str, GateMetric)> {
    let tables = candidate.first().into_iter().chain(baseline.first()).map(|run| &run.slo);
    let table = tables.into_iter().find(|slo| !slo.is_empty());
    let rows = table.into_iter().flatten().map(|row| (row.step.as_str(), row.metric));
    let mut rows: Vec<(&str, GateMetric)> = rows.collect();
    if rows.is_empty() {
        rows.push((RunSummary::WHOLE, GateMetric::ErrorRate));
    }
    if rows.iter().all(|(_, metric)| *metric == GateMetric::ErrorRate) {
        rows.push((RunSummary::WHOLE, GateMetric::P95));
    }
    rows
}

/// The rows that are tested together.
fn family(all: &[MetricSides], adjusted_max: f64, rules: &GateRules) -> Vec<GateRow> {
    let varying: Vec<&MetricSides> = all.iter().filter(|sides| sides.vary()).collect();
    let alone = |sides: &MetricSides| rank_test::compare(&sides.before, &sides.after).p_greater;
    let adjusted = match varying.as_slice() {
        [one] => vec![alone(one)],
        several => {
            let pooled = |sides: &&MetricSides| sides.pooled(rules.yardstick(sides.metric).scale);
            let rows: Vec<PooledRow> = several.iter().map(pooled).collect();
            permutation::step_down(&rows, several.first().map_or(0, |sides| sides.before.len()))
        }
    };
    let mut adjusted = adjusted.into_iter();
    let mut row = |sides: &MetricSides| {
        let varies = sides.vary();
        let certainty = Certainty {
            p: if varies { alone(sides) } else { 1.0 },
            adjusted: if varies { adjusted.next().unwrap_or(1.0) } else { 1.0 },
            adjusted_max,
            rows: varying.len(),
        };
        GateRow {
            step: sides.step.clone(),
            metric: sides.metric,
            decides: sides.decides,
            baseline: median(&sides.before),
            candidate: median(&sides.after),
            regression: compare_at(
                &sides.before,
                &sides.after,
                rules.yardstick(sides.metric),
                certainty,
            ),
        }
    };
    all.iter().map(&mut row).collect()
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
