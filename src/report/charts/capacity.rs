//! Throughput against response time, with the line that may not be crossed.

use std::fmt::Write as _;

use super::axis::{Axis, RATE, TIME};
use super::canvas::{Canvas, ChartInk, ChartSize};
use super::line::drawn;
use crate::ReportError;
use crate::capacity::CapacityView;
use crate::figure::{Figure, LegendEntry};
use plimsoll_capacity::output::CurvePoint;

/// What lies higher than so many times the limit is drawn at the upper edge: how slow a drowning stack is depends on how
/// long it was watched.
const TOP: f64 = 3.0;

/// Ink, name, and the value of a step in milliseconds.
type DrawnQuantile = (u8, &'static str, fn(&CurvePoint) -> f64);

/// The quantiles that are drawn, each with its ink.
const QUANTILES: [DrawnQuantile; 3] = [
    (2, "p99", |step| step.p99_ms),
    (3, "p95", |step| step.p95_ms),
    (1, "p50", |step| step.p50_ms),
];

/// The curve measured by a search; nothing where none was recorded.
pub(crate) fn curve(capacity: &CapacityView) -> Result<Option<Figure>, ReportError> {
    let steps = &capacity.curve;
    if steps.is_empty() {
        return Ok(None);
    }
    let measured = steps.iter().flat_map(|step| QUANTILES.map(|(_, _, ms)| ms(step) / 1e3));
    let highest = measured.fold(0.0, f64::max);
    let limit = capacity.model_line.as_ref().map(|line| line.limit_ms / 1e3);
    let top = limit.map_or(highest, |limit| highest.min(TOP * limit).max(1.2 * limit));
    let fastest = steps.iter().map(|step| step.rate_per_s).fold(0.0, f64::max);
    let x = Axis::linear(fastest.max(capacity.slo_max.unwrap_or(0.0)), RATE, 6);
    let svg = drawn(ChartSize::LARGE, (x, Axis::linear(top, TIME, 4)), |canvas| {
        if let Some([low, high]) = capacity.interval {
            canvas.band(low, high, ChartInk::Judged)?;
        }
        canvas.axes()?;
        lines(capacity, fastest, canvas)?;
        steps.iter().try_for_each(|step| points(step, canvas))
    })?;
    Ok(Some(Figure {
        title: "Response time against rate".into(),
        about: about(capacity),
        keys: keys(capacity),
        svg,
        ..Figure::default()
    }))
}

/// The claim, the limit, and what the model says.
fn lines(capacity: &CapacityView, fastest: f64, canvas: &Canvas<'_>) -> Result<(), ReportError> {
    if let Some(slo_max) = capacity.slo_max {
        canvas.upright(slo_max, "SLO-max", ChartInk::Limit)?;
    }
    let Some(line) = &capacity.model_line else { return Ok(()) };
    let limit = line.limit_ms / 1e3;
    canvas.series(&[Some((0.0, limit)), Some((fastest, limit))], ChartInk::Limit)?;
    let model: Vec<_> = line.points.iter().map(|[rate, ms]| Some((*rate, ms / 1e3))).collect();
    canvas.series(&model, ChartInk::Series(4))
}

/// One step: what failed in the colour of the limit, what was not at rest in that of events.
fn points(step: &CurvePoint, canvas: &Canvas<'_>) -> Result<(), ReportError> {
    QUANTILES.iter().try_for_each(|(own, _, ms)| {
        let ink = match (step.passed, step.not_at_rest) {
            (false, _) => ChartInk::Limit,
            (true, Some(_)) => ChartInk::Event,
            (true, None) => ChartInk::Series(*own),
        };
        canvas.dot((step.rate_per_s, ms(step) / 1e3), ink)
    })
}

fn about(capacity: &CapacityView) -> String {
    let mut about = "Each dot is a quantile of one measured step.".to_owned();
    if capacity.interval.is_some() {
        about.push_str(" The tinted band is the 95 % interval of the limit.");
    }
    if let Some(line) = &capacity.model_line {
        let _ = write!(
            about,
            " The level line is the max of {}; dots at the upper edge lie beyond {TOP} times that.",
            line.measure
        );
    }
    about
}

fn keys(capacity: &CapacityView) -> Vec<LegendEntry> {
    let key = |class: &str, label: String| LegendEntry { class: class.into(), label };
    let mut keys: Vec<LegendEntry> = QUANTILES
        .iter()
        .map(|(ink, label, _)| key(&ink.to_string(), (*label).to_owned()))
        .collect();
    if let Some(line) = capacity.model_line.as_ref().filter(|line| !line.points.is_empty()) {
        keys.push(key("4", format!("{} by the model", line.measure)));
    }
    if capacity.curve.iter().any(|step| !step.passed) {
        keys.push(key("m", "an objective failed".into()));
    }
    if capacity.curve.iter().any(|step| step.passed && step.not_at_rest.is_some()) {
        keys.push(key("e", "within, but not at rest".into()));
    }
    keys
}
