//! Throughput against response time, with the line that may not be crossed.

use super::axis::{Axis, RATE, TIME};
use super::canvas::{ChartInk, ChartSize};
use super::line::{ChartLine, drawn, greatest, keys};
use crate::capacity::output::CurvePoint;
use crate::report::ReportError;
use crate::report::capacity::CapacityView;
use crate::report::figure::{Figure, LegendEntry};

/// The curve measured by a search; nothing where none was recorded.
pub(in crate::report) fn curve(capacity: &CapacityView) -> Result<Option<Figure>, ReportError> {
    let mut steps = capacity.curve.clone();
    if steps.is_empty() {
        return Ok(None);
    }
    steps.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    let line = |ink, label, ms: fn(&CurvePoint) -> f64| {
        let place = |step: &CurvePoint| Some((step.rate_per_s, ms(step) / 1e3));
        ChartLine::new(ink, label, steps.iter().map(place).collect())
    };
    let lines = [
        line(2, "p99", |step| step.p99_ms),
        line(3, "p95", |step| step.p95_ms),
        line(1, "p50", |step| step.p50_ms),
    ];
    let fastest = steps.iter().map(|step| step.rate_per_s).fold(0.0, f64::max);
    let x = Axis::linear(fastest.max(capacity.slo_max.unwrap_or(0.0)), RATE, 6);
    let y = Axis::linear(greatest(&lines), TIME, 4);
    let svg = drawn(ChartSize::LARGE, (x, y), |canvas| {
        canvas.axes()?;
        if let Some(slo_max) = capacity.slo_max {
            canvas.upright(slo_max, "SLO-max", ChartInk::Limit)?;
        }
        lines
            .iter()
            .try_for_each(|line| canvas.series(&line.points, ChartInk::Series(line.ink)))?;
        let failed = steps.iter().filter(|step| !step.passed);
        failed
            .into_iter()
            .try_for_each(|step| canvas.dot((step.rate_per_s, step.p99_ms / 1e3), ChartInk::Limit))
    })?;
    let mut keys = keys(&lines);
    if steps.iter().any(|step| !step.passed) {
        keys.push(LegendEntry { class: "m".into(), label: "an objective failed".into() });
    }
    Ok(Some(Figure {
        title: "Response time against rate".into(),
        about: "Each point is one measured step.".into(),
        keys,
        svg,
        ..Figure::default()
    }))
}
