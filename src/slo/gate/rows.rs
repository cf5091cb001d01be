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
use super::metric::GateMetric;
use super::row::{ComparedMetric, ExcludedMetric, GateRow, MetricExclusion};
use super::rules::GateRules;
use super::step::StepSummary;
use super::summary::RunSummary;
use plimsoll_metrics::Answers;

/// The greatest adjusted p at which a row that informs fails, where so many runs can reach it.
const INFORMING_P_MAX: f64 = 0.001;

/// Fewer metrics of other steps than this do not say what a run was like.
const COVARIATES_MIN: usize = 3;

/// One metric of a step in all runs, a value a run: baseline, candidate.
struct MetricSides {
    step: String,
    metric: GateMetric,
    of: Answers,
    pooled: (usize, usize),
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
    for compared in compared(baseline, &deciding) {
        let ComparedMetric { step: name, metric, of } = compared;
        if !rules.counts(name, metric) {
            continue;
        }
        let decides = rules.choose() || deciding.contains(&compared);
        let step = name.to_owned();
        match (values(compared, baseline), values(compared, candidate)) {
            (Some(before), Some(after)) => {
                let pooled = (pooled(compared, baseline), pooled(compared, candidate));
                sides.push(MetricSides { step, metric, of, pooled, decides, before, after });
            }
            (None, _) | (_, None) => left_out.push(ExcludedMetric {
                step,
                metric,
                of,
                reason: exclusion(compared, baseline, candidate),
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

/// Every metric of every step over successes, and what rows of the SLO table ask of all requests.
fn compared<'a>(
    baseline: &'a [RunSummary],
    deciding: &[ComparedMetric<'a>],
) -> Vec<ComparedMetric<'a>> {
    let steps = baseline.first().map(|run| run.steps.as_slice()).unwrap_or_default();
    let of_step = |step: &'a StepSummary| {
        let step = step.name.as_str();
        GateMetric::ALL.into_iter().flat_map(move |metric| {
            [Answers::Successes, Answers::All].map(|of| ComparedMetric { step, metric, of })
        })
    };
    let all = steps.iter().flat_map(of_step);
    let asked = all.filter(|one| one.of == Answers::Successes || deciding.contains(one));
    // What decides is told even where the baseline has no such step.
    let unknown = deciding.iter().filter(|one| steps.iter().all(|step| step.name != one.step));
    asked.chain(unknown.copied()).collect()
}

/// What the verdict hangs on: the rows of the SLO table. Where none is known p95 and the error rate of all
/// requests; where none is a time, that p95 as well.
fn deciding<'a>(
    baseline: &'a [RunSummary],
    candidate: &'a [RunSummary],
) -> Vec<ComparedMetric<'a>> {
    let tables = candidate.first().into_iter().chain(baseline.first()).map(|run| &run.slo);
    let table = tables.into_iter().find(|slo| !slo.is_empty());
    let rows = table.into_iter().flatten();
    let mut rows: Vec<ComparedMetric<'_>> = rows
        .map(|row| ComparedMetric { step: &row.step, metric: row.metric, of: row.of })
        .collect();
    let whole = |metric| ComparedMetric { step: RunSummary::WHOLE, metric, of: Answers::Successes };
    if rows.is_empty() {
        rows.push(whole(GateMetric::ErrorRate));
    }
    if rows.iter().all(|row| row.metric == GateMetric::ErrorRate) {
        rows.push(whole(GateMetric::P95));
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
            of: sides.of,
            pooled: sides.pooled,
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
fn values(of: ComparedMetric<'_>, runs: &[RunSummary]) -> Option<Vec<f64>> {
    runs.iter().map(|run| find(of.step, run)?.value_of(of.metric, of.of)).collect()
}

/// In how many runs times of successes may hold those of failures.
fn pooled(of: ComparedMetric<'_>, runs: &[RunSummary]) -> usize {
    if of.metric == GateMetric::ErrorRate || of.of == Answers::All {
        return 0;
    }
    let fails = |run: &&RunSummary| find(of.step, run).is_some_and(StepSummary::has_failures);
    runs.iter().filter(|run| !run.failures_apart).filter(fails).count()
}

fn exclusion(
    of: ComparedMetric<'_>,
    baseline: &[RunSummary],
    candidate: &[RunSummary],
) -> MetricExclusion {
    let lacks = |run| find(of.step, run).is_some_and(|step: &StepSummary| step.all.is_none());
    let is_empty = |run: &&RunSummary| find(of.step, run).is_none_or(|step| step.requests == 0);
    if baseline.iter().any(|run| is_empty(&run)) && !candidate.iter().all(|run| is_empty(&run)) {
        MetricExclusion::NotCounted
    } else if of.of == Answers::All && baseline.iter().chain(candidate).any(lacks) {
        MetricExclusion::NotKept
    } else {
        MetricExclusion::TooFewRequests
    }
}

fn requests_min(step: &str, baseline: &[RunSummary], candidate: &[RunSummary]) -> u64 {
    let requests = |run| find(step, run).map_or(0, |found: &StepSummary| found.requests);
    baseline.iter().chain(candidate).map(requests).min().unwrap_or(0)
}

fn find<'a>(step: &str, run: &'a RunSummary) -> Option<&'a StepSummary> {
    run.steps.iter().find(|found| found.name == step)
}
