//! The trends as one page: a small chart for each step, with its limits and its changes of level, and all changes side by
//! side. No script, no other file.

use serde::Serialize;

use super::super::forest::{ForestRow, ForestScale};
use super::super::gate::words;
use super::super::html::{STYLE, fill, policy};
use super::super::{ReportError, format};
use super::chart::{chart, day_and_time, label};
use super::rows::{HistoryRow, TrendLimits, describe, limits, not_valid, run_of};
use plimsoll_slo::gate::{GateMetric, MetricTrend};
use plimsoll_slo::regression::EffectScale;
use plimsoll_slo::statistics::change_points::ChangePoint;

const PAGE: &str = include_str!("page.html");

#[derive(Serialize)]
struct HistoryPage {
    style: &'static str,
    policy: String,
    title: String,
    span: String,
    about: String,
    /// Those that got worse first, the greatest first.
    changes: Vec<HistoryChange>,
    steps: Vec<HistoryStep>,
}

#[derive(Serialize)]
struct HistoryStep {
    name: String,
    range: String,
    svg: String,
    changes: Vec<String>,
}

/// A change of level as a row of the forest plot.
#[derive(Serialize)]
struct HistoryChange {
    name: String,
    at: String,
    before: String,
    after: String,
    change: String,
    interval: String,
    /// Markup of our own.
    plot: String,
    /// By how much it got worse, for the order.
    #[serde(skip)]
    row: ForestRow,
}

/// Renders the page.
///
/// # Errors
/// Where the page's template fails.
pub fn render(trends: &[MetricTrend], runs: &[HistoryRow]) -> Result<String, ReportError> {
    let conditions = runs.first().map(|row| &row.summary.conditions);
    let title = conditions.map_or_else(
        || "No runs".to_owned(),
        |of| {
            let counted = format::counted(runs.len() as u64, "run");
            format!("{} · {} · trend of {counted}", of.name, of.workload)
        },
    );
    let span = match (runs.first(), runs.last()) {
        (Some(first), Some(last)) => {
            format!("{} to {} UTC", day_and_time(first), day_and_time(last))
        }
        _ => String::new(),
    };
    let left_out = match not_valid(runs) {
        0 => String::new(),
        1 => " One run is not valid and left out.".to_owned(),
        count => format!(" {count} runs are not valid and left out."),
    };
    let follows_errors = trends.first().is_some_and(|one| one.metric == GateMetric::ErrorRate);
    let least = if follows_errors { "" } else { ", at least 5 %" };
    let about = format!(
        "One point is one run, in the order of time. A dashed upright line is a change of level (E-divisive, \
         p ≤ 0.001{least}), a line across the max of the SLO table as each run had it.{left_out}"
    );
    let page = HistoryPage {
        style: STYLE,
        policy: policy::of(&[STYLE], &[]),
        title: format::line(&title, 160),
        span,
        about,
        changes: changes(trends, runs),
        steps: trends.iter().map(|trend| step(trend, runs)).collect(),
    };
    fill(PAGE, &page)
}

fn step(trend: &MetricTrend, runs: &[HistoryRow]) -> HistoryStep {
    let values = || trend.points.iter().map(|(_, value)| *value);
    let told = |value| words::value(trend.metric, value);
    let range = match trend.points.last() {
        None => "no run has it".to_owned(),
        Some((_, last)) => {
            let low = values().fold(f64::INFINITY, f64::min);
            let high = values().fold(f64::NEG_INFINITY, f64::max);
            let limits = allowed(trend, limits(trend, runs));
            format!("last {}, least {}, most {}{limits}", told(*last), told(low), told(high))
        }
    };
    HistoryStep {
        name: words::subject(trend.followed()),
        range,
        svg: chart(trend, runs),
        changes: trend.changes.iter().map(|change| describe(trend, change, runs)).collect(),
    }
}

/// `; target 50 ms, max 80 ms, exceeded by 2 of 30 runs`.
fn allowed(trend: &MetricTrend, limits: TrendLimits) -> String {
    let told = |name: &str, bound: Option<f64>| {
        bound.map(|bound| format!("{name} {}", label(trend.metric, bound)))
    };
    let bounds = [told("target", limits.target), told("max", limits.max)];
    let mut told: Vec<String> = bounds.into_iter().flatten().collect();
    if limits.max.is_some() || limits.above > 0 {
        let all = format::counted(trend.points.len() as u64, "run");
        told.push(match limits.above {
            0 => "never exceeded".to_owned(),
            above => format!("exceeded by {above} of {all}"),
        });
    }
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

/// All changes of all steps; whose that of times is a ratio and that of error rates a difference.
fn changes(trends: &[MetricTrend], runs: &[HistoryRow]) -> Vec<HistoryChange> {
    let all = trends.iter().flat_map(|trend| {
        trend.changes.iter().filter_map(|change| change_row(trend, change, runs))
    });
    let mut all: Vec<HistoryChange> = all.collect();
    all.sort_by(|a, b| b.row.effect.total_cmp(&a.row.effect));
    let scale = ForestScale::of(&all.iter().map(|one| one.row).collect::<Vec<_>>());
    for one in &mut all {
        one.plot = scale.plot(one.row);
    }
    all
}

/// `None` where the ratio to a level of zero is asked for.
fn change_row(
    trend: &MetricTrend,
    change: &ChangePoint,
    runs: &[HistoryRow],
) -> Option<HistoryChange> {
    let row = if trend.metric == GateMetric::ErrorRate {
        ForestRow {
            effect: change.mean_after - change.mean_before,
            interval: change.interval.map(|of| of.difference),
            scale: EffectScale::Difference,
        }
    } else {
        ForestRow {
            effect: (change.mean_before > 0.0).then(|| 1.0 + change.change())?,
            interval: change.interval.and_then(|of| of.ratio),
            scale: EffectScale::Ratio,
        }
    };
    Some(HistoryChange {
        name: words::subject(trend.followed()),
        at: run_of(trend, change.index, runs).map_or_else(String::new, day_and_time),
        before: words::value(trend.metric, change.mean_before),
        after: words::value(trend.metric, change.mean_after),
        change: words::change(row.effect, row.scale),
        interval: words::range(row.interval, row.scale),
        plot: String::new(),
        row,
    })
}
