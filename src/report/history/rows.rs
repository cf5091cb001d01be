//! The rows of a history of runs, and what a trend says of them.

use serde_json::json;

use super::super::gate::words;
use super::super::sparkline::BARS;
use super::super::wording;
use plimsoll_metrics::Objective;
use plimsoll_slo::gate::{MetricTrend, RunSummary};
use plimsoll_slo::statistics::change_points::ChangePoint;
use plimsoll_slo::{ValidityStatus, Verdict};

/// One run of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// Where it is.
    pub folder: String,
    /// Its numbers.
    pub summary: RunSummary,
    /// What it came to; none while it goes on.
    pub verdict: Option<Verdict>,
    /// Whether it belongs to a baseline and is never pruned.
    pub promoted: bool,
    /// Its SLO table.
    pub objectives: Vec<Objective>,
}

/// The runs for machines: a JSON object a line.
pub fn lines(rows: &[HistoryRow]) -> String {
    let line = |row: &HistoryRow| {
        let object = json!({
            "run": row.folder,
            "started_utc": row.summary.started_utc,
            "name": row.summary.conditions.name,
            "workload": row.summary.conditions.workload,
            "verdict": row.verdict.map(wording::verdict_key),
            "validity": row.verdict.map(|_| wording::validity_key(row.summary.validity)),
            "baseline": row.promoted,
            "scenario_hash": row.summary.conditions.scenario_hash,
            "seed": row.summary.conditions.seed,
            "all_requests": row.summary.steps.first(),
        });
        format!("{object}\n")
    };
    rows.iter().map(line).collect()
}

/// Values as a row of bars, lowest to highest; only the newest `most` of them.
pub(crate) fn sparkline(values: &[f64], most: usize) -> String {
    let shown = &values[values.len().saturating_sub(most)..];
    let low = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let high = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| {
        // Where all values are alike, none is low or high.
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        BARS[((share * 8.0) as usize).min(7)]
    };
    shown.iter().map(bar).collect()
}

/// `▲ rose by 20.1 % at the run of 2026-05-04T09:30:00Z: 100 ms → 120 ms (p = 0.00012)`.
pub(crate) fn describe(trend: &MetricTrend, change: &ChangePoint, runs: &[HistoryRow]) -> String {
    let started =
        run_of(trend, change.index, runs).map_or("?", |row| row.summary.started_utc.as_str());
    let (symbol, verb) =
        if change.mean_after >= change.mean_before { ("▲", "rose") } else { ("▼", "fell") };
    let by = if change.mean_before > 0.0 {
        format!(" by {:.1} %", change.change().abs() * 100.0)
    } else {
        String::new()
    };
    format!(
        "{symbol} {verb}{by} at the run of {started}: {} → {} ({})",
        words::value(trend.metric, change.mean_before),
        words::value(trend.metric, change.mean_after),
        words::p_is(change.p)
    )
}

/// The run of a trend's point.
pub(super) fn run_of<'a>(
    trend: &MetricTrend,
    point: usize,
    runs: &'a [HistoryRow],
) -> Option<&'a HistoryRow> {
    trend.points.get(point).and_then(|(run, _)| runs.get(*run))
}

/// What the run of a trend's point was allowed: target and max.
pub(super) fn bounds(
    trend: &MetricTrend,
    point: usize,
    runs: &[HistoryRow],
) -> (Option<f64>, Option<f64>) {
    run_of(trend, point, runs).map_or((None, None), |run| trend.bounds(&run.objectives))
}

/// The newest run's target and max, and how many runs were above the max of their own time; none without a max.
pub(crate) fn limits(trend: &MetricTrend, runs: &[HistoryRow]) -> TrendLimits {
    let is_above = |(at, (_, value)): (usize, &(usize, f64))| {
        bounds(trend, at, runs).1.is_some_and(|max| *value > max)
    };
    let (target, max) = bounds(trend, trend.points.len().saturating_sub(1), runs);
    TrendLimits {
        target,
        max,
        above: trend.points.iter().enumerate().filter(|one| is_above(*one)).count(),
    }
}

/// How a trend lies to the SLO table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrendLimits {
    /// What the newest run should keep.
    pub(crate) target: Option<f64>,
    /// What it must keep.
    pub(crate) max: Option<f64>,
    /// How many runs did not keep theirs.
    pub(crate) above: usize,
}

/// How many runs say nothing because their measurement is not valid.
pub(crate) fn not_valid(rows: &[HistoryRow]) -> usize {
    rows.iter().filter(|row| row.summary.validity == ValidityStatus::NotValid).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparkline_spans_its_values_and_keeps_the_newest() {
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 8.0], 10), "▁▂▃█");
        assert_eq!(sparkline(&[9.0, 1.0, 2.0], 2), "▁█");
        assert_eq!(sparkline(&[5.0, 5.0], 9), "▅▅");
        assert_eq!(sparkline(&[], 9), "");
    }
}
