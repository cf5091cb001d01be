//! The drawing of one trend: a point a run, what each run was allowed, and where the level changed.

use std::fmt::Write as _;

use super::super::format;
use super::super::gate::words;
use super::rows::{HistoryRow, bounds, run_of};
use plimsoll_slo::gate::{GateMetric, MetricTrend};
use plimsoll_units::{Nanos, Quantity, Ratio};

/// The drawing's own units; the style sheet's text sizes go with this width.
const WIDTH: f64 = 2160.0;
const HEIGHT: f64 = 760.0;
/// The field of the chart inside it: left, right, top, bottom.
const FIELD: (f64, f64, f64, f64) = (250.0, 2100.0, 40.0, 650.0);
/// Where the labels of the axis of time stand.
const FOOT: f64 = 726.0;
/// A max this many times as high as all values would press them to the ground: it is told, not drawn.
const LIMIT_NEAR: f64 = 3.0;

/// `2026-05-04 09:30`, UTC; what is no time is not shown.
pub(super) fn day_and_time(run: &HistoryRow) -> String {
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
pub(super) fn label(metric: GateMetric, value: f64) -> String {
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

/// Where runs and values lie.
struct HistoryScale {
    /// The last point's number.
    last: usize,
    /// How much a tick is, and how many there are.
    tick: (f64, f64),
}

impl HistoryScale {
    fn of(trend: &MetricTrend, limits: &[Option<f64>]) -> Self {
        let high = trend.points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let near = limits.iter().flatten().filter(|limit| **limit <= high * LIMIT_NEAR);
        let high = near.fold(high, |high, limit| high.max(*limit));
        // Where nothing is above zero, one per cent is as good as any height.
        let step = tick(if high > 0.0 && high.is_finite() { high * 1.03 } else { 0.03 });
        let ticks = (high * 1.03 / step).ceil().max(1.0);
        Self { last: trend.points.len().saturating_sub(1), tick: (step, ticks) }
    }

    fn x(&self, at: f64) -> f64 {
        let (left, right, ..) = FIELD;
        match self.last {
            0 => f64::midpoint(left, right),
            last => left + 30.0 + at / last as f64 * (right - left - 60.0),
        }
    }

    fn y(&self, value: f64) -> f64 {
        let (.., top, bottom) = FIELD;
        bottom - value / (self.tick.0 * self.tick.1) * (bottom - top)
    }

    fn holds(&self, value: f64) -> bool {
        value <= self.tick.0 * self.tick.1
    }
}

/// Numbers, units and dates only: nothing foreign gets into the drawing.
pub(super) fn chart(trend: &MetricTrend, runs: &[HistoryRow]) -> String {
    let limits: Vec<Option<f64>> =
        (0..trend.points.len()).map(|at| bounds(trend, at, runs).1).collect();
    let scale = HistoryScale::of(trend, &limits);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\">");
    axis(&mut svg, trend.metric, &scale);
    maxima(&mut svg, trend.metric, &limits, &scale);
    let (.., top, bottom) = FIELD;
    // Writing to a string cannot fail.
    for change in &trend.changes {
        let at = scale.x(change.index as f64 - 0.5);
        let _ = write!(
            svg,
            "<line class=\"se\" stroke-width=\"6\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
        );
    }
    line_and_dots(&mut svg, trend, runs, &scale);
    let (left, right, ..) = FIELD;
    let ends = [(0, "start", left), (scale.last, "end", right)];
    for (at, anchor, place) in ends.into_iter().take(scale.last + 1) {
        let text = run_of(trend, at, runs).map_or_else(String::new, day_and_time);
        let _ = write!(
            svg,
            "<text class=\"fl\" x=\"{place}\" y=\"{FOOT}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }
    svg.push_str("</svg>");
    svg
}

fn axis(svg: &mut String, metric: GateMetric, scale: &HistoryScale) {
    let (left, right, ..) = FIELD;
    let (step, ticks) = scale.tick;
    for index in 0..=ticks as u32 {
        let value = step * f64::from(index);
        let (at, text) = (scale.y(value), label(metric, value));
        let _ = write!(
            svg,
            "<line class=\"sg\" stroke-width=\"4\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"fl\" x=\"{:.0}\" y=\"{at:.1}\" dy=\"0.35em\" text-anchor=\"end\">{text}</text>",
            left - 24.0
        );
    }
}

/// The max over the runs that had it: a line for each stretch, since tables change; the newest is named.
fn maxima(svg: &mut String, metric: GateMetric, limits: &[Option<f64>], scale: &HistoryScale) {
    let (left, right, ..) = FIELD;
    let mut from = 0;
    for stretch in limits.chunk_by(|a, b| a == b) {
        let to = from + stretch.len();
        if let Some(max) = stretch[0].filter(|max| scale.holds(*max)) {
            let is_newest = to == limits.len();
            let x1 = if from == 0 { left } else { scale.x(from as f64 - 0.5) };
            let x2 = if is_newest { right } else { scale.x(to as f64 - 0.5) };
            let y = scale.y(max);
            let _ = write!(
                svg,
                "<line class=\"sm\" stroke-width=\"6\" x1=\"{x1:.1}\" x2=\"{x2:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
            if is_newest {
                let text = label(metric, max);
                let _ = write!(
                    svg,
                    "<text class=\"fm\" x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">max {text}</text>",
                    y - 14.0
                );
            }
        }
        from = to;
    }
}

fn line_and_dots(svg: &mut String, trend: &MetricTrend, runs: &[HistoryRow], scale: &HistoryScale) {
    let places: Vec<(f64, f64)> = trend
        .points
        .iter()
        .enumerate()
        .map(|(at, (_, value))| (scale.x(at as f64), scale.y(*value)))
        .collect();
    let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(
        svg,
        "<polyline class=\"s1\" fill=\"none\" stroke-width=\"6\" points=\"{}\"/>",
        line.join(" ")
    );
    for (at, (x, y)) in places.into_iter().enumerate() {
        let (when, value) =
            (run_of(trend, at, runs).map_or_else(String::new, day_and_time), trend.points[at].1);
        let _ = write!(
            svg,
            "<circle class=\"f1\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"11\"><title>{when}: {}</title></circle>",
            words::value(trend.metric, value)
        );
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
