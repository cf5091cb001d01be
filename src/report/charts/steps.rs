//! One small chart a step: p50 and p99 over time.

use super::axis::{Axis, TIME};
use super::canvas::ChartSize;
use super::line::{ChartLine, LinePoint, greatest, over_time};
use crate::metrics::{StepId, StepInfo};
use crate::report::figure::Figure;
use crate::report::series::StepPoint;
use crate::report::{Report, ReportError, format};
use crate::units::Nanos;

/// More charts than this nobody reads, and the page would outgrow its bar.
const MOST: usize = 60;

/// A chart for each step that was reached, those with most requests if there are too many, and how many were left out.
pub(super) fn figures(report: &Report) -> Result<(Vec<Figure>, usize), ReportError> {
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
    let figures = reached.into_iter().map(|id| figure(report, id)).collect::<Result<_, _>>()?;
    Ok((figures, left_out))
}

fn figure(report: &Report, id: StepId) -> Result<Figure, ReportError> {
    let points = report.series.steps.get(&id).map_or(&[][..], Vec::as_slice);
    let lines = [
        ChartLine::new(2, "p99", with_gaps(points, report.series.step_bucket, |point| point.p99)),
        ChartLine::new(1, "p50", with_gaps(points, report.series.step_bucket, |point| point.p50)),
    ];
    let y = Axis::linear(greatest(&lines), TIME, 3);
    let failed: u64 = points.iter().map(|point| point.failed).sum();
    let requests: u64 = points.iter().map(|point| point.requests).sum();
    let failures =
        if failed > 0 { format!(", {} failed", format::count(failed)) } else { String::new() };
    let info = report.header.steps.get(usize::from(id.0));
    // A poll or a playback is a time over several requests, and none itself.
    let noun = if info.is_some_and(StepInfo::is_logical) { "times" } else { "requests" };
    Ok(Figure {
        title: format::line(&report.step_name(id), 60),
        about: format!("{} {noun}{failures}", format::count(requests)),
        keys: vec![],
        svg: over_time(report, ChartSize::SMALL, y, &lines)?,
    })
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
