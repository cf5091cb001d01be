//! One small chart a step: p50 and p99 over time.

use super::axis::{Axis, TIME};
use super::canvas::ChartSize;
use super::line::{ChartLine, LinePoint, greatest};
use super::time::TimeChart;
use crate::baseline::BaselineRange;
use crate::figure::{Figure, LineData};
use crate::series::StepPoint;
use crate::{Report, ReportError, format};
use plimsoll_metrics::{StepId, StepInfo};
use plimsoll_units::Nanos;

/// More charts than this nobody reads, and the page would outgrow its bar.
const MOST: usize = 60;

/// A chart for each step that was reached, those with most requests if there are too many, and how many were left out.
pub(super) fn figures(
    report: &Report,
    baseline: Option<&BaselineRange>,
) -> Result<(Vec<Figure>, usize), ReportError> {
    let requests =
        |id: &StepId| report.whole.steps.get(id).map_or(0, |totals| totals.counts.requests);
    let mut reached: Vec<StepId> =
        report.step_ids().into_iter().filter(|id| requests(id) > 0).collect();
    let left_out = reached.len().saturating_sub(MOST);
    if left_out > 0 {
        reached.sort_by_key(|id| (std::cmp::Reverse(requests(id)), *id));
        reached.truncate(MOST);
        reached.sort();
    }
    let figures =
        reached.into_iter().map(|id| figure(report, baseline, id)).collect::<Result<_, _>>()?;
    Ok((figures, left_out))
}

fn figure(
    report: &Report,
    baseline: Option<&BaselineRange>,
    id: StepId,
) -> Result<Figure, ReportError> {
    let points = report.series.steps.get(&id).map_or(&[][..], Vec::as_slice);
    let lines = quantiles(points, report.series.step_bucket);
    let failed: u64 = points.iter().map(|point| point.failed).sum();
    let requests: u64 = points.iter().map(|point| point.requests).sum();
    let failures =
        if failed > 0 { format!(", {} failed", format::count(failed)) } else { String::new() };
    let info = report.header.steps.get(usize::from(id.0));
    // A poll or a playback is a time over several requests, and none itself.
    let noun = if info.is_some_and(StepInfo::is_logical) { "times" } else { "requests" };
    let name = report.step_name(id);
    let band = baseline.and_then(|of| of.p95_of(&name));
    let band = band.map(|(low, high)| (low.as_secs_f64(), high.as_secs_f64()));
    let most = band.map_or(0.0, |(_, high)| high).max(greatest(&lines));
    let chart = TimeChart {
        title: format::line(&name, 60),
        about: format!("{} {noun}{failures}", format::count(requests)),
        size: ChartSize::SMALL,
        y: Axis::linear(most, TIME, 3),
        kind: TIME,
        lines,
        fine: vec![],
        limits: vec![],
        band,
        step: Some(format::line(&name, STEP_NAME)),
        keyed: false,
    };
    let mut figure = chart.figure(report)?;
    if let Some(data) = &mut figure.data {
        data.lines = fine(report, id);
    }
    Ok(figure)
}

/// Longest name of a step in the data: as long as in the tables.
const STEP_NAME: usize = 160;

fn quantiles(points: &[StepPoint], bucket: Nanos) -> Vec<ChartLine> {
    vec![
        ChartLine::new(2, "p99", with_gaps(points, bucket, |point| point.p99)),
        ChartLine::new(1, "p50", with_gaps(points, bucket, |point| point.p50)),
    ]
}

/// In the detail of the run's picture, with how many requests there were and how many of them failed.
fn fine(report: &Report, id: StepId) -> Vec<LineData> {
    let series = &report.series;
    let points = series.steps_fine.get(&id).map_or(&[][..], Vec::as_slice);
    let mut lines = quantiles(points, series.bucket);
    let count = |count: fn(&StepPoint) -> u64| {
        points.iter().map(|point| Some((point.middle_s, count(point) as f64))).collect()
    };
    lines.push(ChartLine::new(0, "requests", count(|point| point.requests)));
    if points.iter().any(|point| point.failed > 0) {
        lines.push(ChartLine::new(0, "failed", count(|point| point.failed)));
    }
    // Times in microseconds, counts as they are.
    let scale = |line: &ChartLine| if line.ink == 0 { 1.0 } else { 1e6 };
    lines.iter().map(|line| line.data(&series.points, scale(line))).collect()
}

/// A step may rest for a while; its line must not pretend that it went on.
fn with_gaps(
    points: &[StepPoint],
    bucket: Nanos,
    value: fn(&StepPoint) -> Nanos,
) -> Vec<LinePoint> {
    let mut places = vec![];
    let mut last: Option<f64> = None;
    for point in points {
        if last.is_some_and(|last| point.middle_s - last > 1.5 * bucket.as_secs_f64()) {
            places.push(None);
        }
        places.push(Some((point.middle_s, value(point).as_secs_f64())));
        last = Some(point.middle_s);
    }
    places
}
