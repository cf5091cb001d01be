//! The comparisons of all metrics: those that decide, and those that inform.
//!
//! Two families of tests share the 2 % of false alarms. Rows that inform get the least that a permutation of so
//! many runs can tell, so that they fail a gate only when there is no doubt; the rest is for those that decide.
//!
//! Where one row of several moves alone, holding the false alarms of all of them makes it hard to find. But what runs
//! differ by they mostly share: a slow machine is slow for every step. So each row that decides is tested twice, as it
//! is and less what the other steps of the same run explain, both within the same family. A row regressed only if its
//! own test alone says so as well: other steps that became faster are no fault of this one.

use super::super::regression::{Certainty, EffectScale, P_MAX, compare_at};
use super::super::statistics::permutation::{self, PooledRow};
use super::super::statistics::{median, rank_test};
use super::row::{ExcludedMetric, GateRow};
use super::rules::GateRules;
use super::summary::{GateMetric, RunSummary, StepSummary};

/// The greatest adjusted p at which a row that informs fails, where so many runs can reach it.
const INFORMING_P_MAX: f64 = 0.001;

/// Fewer metrics of other steps than this do not say what a run was like.
const COVARIATES_MIN: usize = 3;

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

    /// Exact one-sided p of this metric, whatever the others do.
    fn p_alone(&self) -> f64 {
        rank_test::compare(&self.before, &self.after).p_greater
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
    let adjusted = adjusted_by_luck(&deciding, &informing, rules);
    let mut rows = family(&deciding, &adjusted, P_MAX - for_informing, rules);
    rows.extend(family(&informing, &adjusted_alone(&informing, rules), for_informing, rules));
    (rows, left_out)
}

/// A p of each row that decides and varies, adjusted for all of them: the lesser of the row's as it is, and less
/// what its runs share.
fn adjusted_by_luck(
    deciding: &[MetricSides],
    informing: &[MetricSides],
    rules: &GateRules,
) -> Vec<f64> {
    let varying = || deciding.iter().filter(|sides| sides.vary());
    let all: Vec<&MetricSides> =
        varying().chain(informing.iter().filter(|sides| sides.vary())).collect();
    let pooled = |sides: &&MetricSides| sides.pooled(rules.yardstick(sides.metric).scale);
    let mut rows: Vec<PooledRow> = varying().map(|sides| pooled(&sides)).collect();
    let count = rows.len();
    let standardized: Vec<Vec<f64>> =
        all.iter().map(|sides| pooled(sides).standardized()).collect();
    let shared: Vec<Option<Vec<f64>>> = varying()
        .map(|own| {
            let others = all.iter().zip(&standardized);
            let others = others
                .filter(|(sides, _)| sides.step != own.step && sides.step != RunSummary::WHOLE);
            luck(&others.map(|(_, values)| values.as_slice()).collect::<Vec<_>>())
        })
        .collect();
    if let ([one], [None]) = (varying().collect::<Vec<_>>().as_slice(), shared.as_slice()) {
        return vec![one.p_alone()];
    }
    let less: Vec<Option<PooledRow>> =
        rows.iter().zip(&shared).map(|(row, shared)| Some(row.less(shared.as_ref()?))).collect();
    let mut at = vec![None; count];
    for (own, less) in less.into_iter().enumerate() {
        if let Some(less) = less {
            at[own] = Some(rows.len());
            rows.push(less);
        }
    }
    let p = permutation::step_down(&rows, runs_before(deciding));
    (0..count).map(|own| at[own].map_or(p[own], |less| p[own].min(p[less]))).collect()
}

/// What each run was like, by how far metrics of other steps lie from usual: the median, which a few that
/// regressed themselves do not move. `None` of too few.
fn luck(others: &[&[f64]]) -> Option<Vec<f64>> {
    let runs = others.first()?.len();
    let of_run = |run: usize| median(&others.iter().map(|values| values[run]).collect::<Vec<_>>());
    (others.len() >= COVARIATES_MIN).then(|| (0..runs).map(of_run).collect())
}

/// A p of each row that varies, adjusted for all of them.
fn adjusted_alone(all: &[MetricSides], rules: &GateRules) -> Vec<f64> {
    let varying: Vec<&MetricSides> = all.iter().filter(|sides| sides.vary()).collect();
    match varying.as_slice() {
        [one] => vec![one.p_alone()],
        several => {
            let pooled = |sides: &&MetricSides| sides.pooled(rules.yardstick(sides.metric).scale);
            let rows: Vec<PooledRow> = several.iter().map(pooled).collect();
            permutation::step_down(&rows, runs_before(all))
        }
    }
}

fn runs_before(all: &[MetricSides]) -> usize {
    all.first().map_or(0, |sides| sides.before.len())
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

/// The rows that are tested together; `adjusted` has a p of each that varies.
fn family(
    all: &[MetricSides],
    adjusted: &[f64],
    adjusted_max: f64,
    rules: &GateRules,
) -> Vec<GateRow> {
    let mut left = adjusted.iter();
    let mut row = |sides: &MetricSides| {
        let varies = sides.vary();
        let certainty = Certainty {
            p: if varies { sides.p_alone() } else { 1.0 },
            adjusted: if varies { left.next().copied().unwrap_or(1.0) } else { 1.0 },
            adjusted_max,
            rows: adjusted.len(),
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
