//! The trends as one page: a small chart for each step, with its changes of level. No script, no other file.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::gate::words;
use super::super::html::{STYLE, fill, policy};
use super::super::{ReportError, format};
use super::rows::{HistoryRow, describe, not_valid};
use plimsoll_slo::gate::{GateMetric, MetricTrend};
use plimsoll_units::{Nanos, Quantity, Ratio};

/// The drawing's own units; the style sheet's text sizes go with this width.
const WIDTH: f64 = 2160.0;
const HEIGHT: f64 = 760.0;
/// The field of the chart inside it: left, right, top, bottom.
const FIELD: (f64, f64, f64, f64) = (250.0, 2100.0, 40.0, 650.0);
/// Where the labels of the axis of time stand.
const FOOT: f64 = 726.0;

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>{{ title }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<main>
<header class="top"><h1>{{ title }}</h1><div class="soft">{{ span }}</div></header>
<p class="about">{{ about }}</p>
<div class="figures">
{% for step in steps %}
<figure><figcaption><h3>{{ step.name }}</h3><div class="about">{{ step.range }}</div></figcaption>
<div class="picture" role="img" aria-label="{{ step.name }}: {{ step.range }}{% for change in step.changes %}; {{ change }}{% endfor %}">{{ step.svg|safe }}</div>
{% for change in step.changes %}<p class="told">▲ {{ change }}</p>{% endfor %}
</figure>
{% endfor %}
</div>
</main>
</body>
</html>
"#;

#[derive(Serialize)]
struct HistoryPage {
    style: &'static str,
    policy: String,
    title: String,
    span: String,
    about: String,
    steps: Vec<HistoryStep>,
}

#[derive(Serialize)]
struct HistoryStep {
    name: String,
    range: String,
    svg: String,
    changes: Vec<String>,
}

/// Renders the page.
///
/// # Errors
/// Where the page's template fails.
pub fn render(trends: &[MetricTrend], runs: &[HistoryRow]) -> Result<String, ReportError> {
    let conditions = runs.first().map(|row| &row.summary.conditions);
    let title = conditions.map_or_else(
        || "No runs".to_owned(),
        |of| format!("{} · {} · trend of {} runs", of.name, of.workload, runs.len()),
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
    let about = format!(
        "One point is one run, in the order of time. A dashed upright line is a change of level (E-divisive, \
         p ≤ 0.001, at least 5 %).{left_out}"
    );
    let page = HistoryPage {
        style: STYLE,
        policy: policy::of(&[STYLE], &[]),
        title: format::line(&title, 160),
        span,
        about,
        steps: trends.iter().map(|trend| step(trend, runs)).collect(),
    };
    fill(PAGE, &page)
}

fn step(trend: &MetricTrend, runs: &[HistoryRow]) -> HistoryStep {
    let values = || trend.points.iter().map(|(_, value)| *value);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let told = |value| words::value(trend.metric, value);
    let range = match trend.points.last() {
        None => "no run has it".to_owned(),
        Some((_, last)) => {
            format!("last {}, least {}, most {}", told(*last), told(low), told(high))
        }
    };
    HistoryStep {
        name: words::subject(trend.followed()),
        range,
        svg: chart(trend, high, runs),
        changes: trend.changes.iter().map(|change| describe(trend, change, runs)).collect(),
    }
}

/// `2026-05-04 09:30`, UTC; what is no time is not shown.
fn day_and_time(run: &HistoryRow) -> String {
    let started: Option<jiff::Timestamp> = run.summary.started_utc.parse().ok();
    started.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that fits three times into `high`.
fn tick(high: f64) -> f64 {
    let least = high / 3.0;
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * 0.999).unwrap_or(least)
}

/// A round value as short as it can be.
fn label(metric: GateMetric, value: f64) -> String {
    if value <= 0.0 {
        return "0".to_owned();
    }
    format::bound(match metric {
        GateMetric::ErrorRate => Quantity::Share(Ratio::new(value)),
        GateMetric::P50 | GateMetric::P95 | GateMetric::P99 | GateMetric::Mean => {
            Quantity::Time(Nanos::from_secs_f64(value))
        }
    })
}

/// Numbers, units and dates only: nothing foreign gets into the drawing.
fn chart(trend: &MetricTrend, high: f64, runs: &[HistoryRow]) -> String {
    let (left, right, top, bottom) = FIELD;
    // Where nothing is above zero, one per cent is as good as any height.
    let step = tick(if high > 0.0 && high.is_finite() { high * 1.03 } else { 0.03 });
    let ticks = (high.max(0.0) * 1.03 / step).ceil().max(1.0);
    let last = trend.points.len().saturating_sub(1);
    let x = |at: usize| match last {
        0 => f64::midpoint(left, right),
        last => left + 30.0 + at as f64 / last as f64 * (right - left - 60.0),
    };
    let y = |value: f64| bottom - value / (step * ticks) * (bottom - top);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\">");
    // Writing to a string cannot fail.
    for index in 0..=ticks as u32 {
        let value = step * f64::from(index);
        let (at, text) = (y(value), label(trend.metric, value));
        let _ = write!(
            svg,
            "<line class=\"sg\" stroke-width=\"4\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"fl\" x=\"{:.0}\" y=\"{at:.1}\" dy=\"0.35em\" text-anchor=\"end\">{text}</text>",
            left - 24.0
        );
    }
    for change in &trend.changes {
        let at = f64::midpoint(x(change.index.saturating_sub(1)), x(change.index));
        let _ = write!(
            svg,
            "<line class=\"se\" stroke-width=\"6\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
        );
    }
    line_and_dots(&mut svg, trend, (&x, &y));
    let of_run = |at: usize| trend.points.get(at).and_then(|(run, _)| runs.get(*run));
    let ends = [(0, "start"), (last, "end")];
    for (at, anchor) in ends.into_iter().take(last + 1) {
        let text = of_run(at).map_or_else(String::new, day_and_time);
        let place = if anchor == "start" { left } else { right };
        let _ = write!(
            svg,
            "<text class=\"fl\" x=\"{place}\" y=\"{FOOT}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Places a value or a run's number in the drawing.
type HistoryScale<'a, T> = &'a dyn Fn(T) -> f64;

fn line_and_dots(
    svg: &mut String,
    trend: &MetricTrend,
    (x, y): (HistoryScale<'_, usize>, HistoryScale<'_, f64>),
) {
    let places: Vec<(f64, f64)> =
        trend.points.iter().enumerate().map(|(at, (_, value))| (x(at), y(*value))).collect();
    let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(
        svg,
        "<polyline class=\"s1\" fill=\"none\" stroke-width=\"6\" points=\"{}\"/>",
        line.join(" ")
    );
    for (x, y) in places {
        let _ = write!(svg, "<circle class=\"f1\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"11\"/>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_greatest_value() {
        for (high, step) in [(0.053, 0.02), (1.0, 0.5), (0.3, 0.1), (0.007, 0.0025)] {
            assert!((tick(high) - step).abs() < 1e-12, "{high}: {}", tick(high));
        }
    }
}
