//! Lines over an axis, with the judged part and the events of a run.

use super::super::extras::ReportError;
use super::super::figure::LegendEntry;
use super::super::model::Report;
use super::axis::Axis;
use super::canvas::{Canvas, ChartInk, ChartSize, themed};

/// A point of a line, or a gap.
pub(super) type LinePoint = Option<(f64, f64)>;

/// One line of a chart.
pub(super) struct ChartLine {
    pub(super) ink: u8,
    pub(super) label: String,
    pub(super) points: Vec<LinePoint>,
}

impl ChartLine {
    pub(super) fn new(ink: u8, label: impl Into<String>, points: Vec<LinePoint>) -> Self {
        Self { ink, label: label.into(), points }
    }

    pub(super) fn key(&self) -> LegendEntry {
        LegendEntry { class: self.ink.to_string(), label: self.label.clone() }
    }
}

pub(super) fn keys(lines: &[ChartLine]) -> Vec<LegendEntry> {
    lines.iter().map(ChartLine::key).collect()
}

/// The greatest height of some lines.
pub(super) fn greatest(lines: &[ChartLine]) -> f64 {
    let heights = lines.iter().flat_map(|line| line.points.iter().flatten().map(|&(_, y)| y));
    heights.fold(0.0, f64::max)
}

/// Draws on a canvas and gives the themed SVG.
pub(super) fn drawn(
    size: ChartSize,
    (x, y): (Axis, Axis),
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let mut buffer = String::new();
    let canvas = Canvas::new(&mut buffer, size, x, y);
    draw(&canvas)?;
    canvas.finish()?;
    Ok(themed(&buffer, size))
}

/// Draws lines over the time of the run, with the judged part and the events.
pub(super) fn over_time(
    report: &Report,
    size: ChartSize,
    y: Axis,
    lines: &[ChartLine],
) -> Result<String, ReportError> {
    let large = size.width >= ChartSize::LARGE.width;
    let x = Axis::run_time(report.duration.as_secs_f64(), if large { 6 } else { 3 });
    drawn(size, (x, y), |canvas| {
        if report.judged {
            let (from, to) = (report.shown.from.as_secs_f64(), report.shown.to.as_secs_f64());
            canvas.band(from, to, ChartInk::Judged)?;
        }
        canvas.axes()?;
        marks(report, canvas, large)?;
        lines.iter().try_for_each(|line| canvas.series(&line.points, ChartInk::Series(line.ink)))
    })
}

/// Events as upright lines with the number of their row; numbers that would overlap are left out.
fn marks(report: &Report, canvas: &Canvas<'_>, numbered: bool) -> Result<(), ReportError> {
    const MOST: usize = 60;
    let mut last_numbered: Option<f64> = None;
    for (index, event) in report.events.iter().take(MOST).enumerate() {
        let at = event.at.as_secs_f64();
        let free = last_numbered.is_none_or(|last| canvas.gap(last, at) >= 16.0);
        let label = if numbered && free { (index + 1).to_string() } else { String::new() };
        if !label.is_empty() {
            last_numbered = Some(at);
        }
        canvas.upright(at, &label, ChartInk::Event)?;
    }
    Ok(())
}
