//! Lines over an axis, and the events of a run.

use super::super::extras::ReportError;
use super::super::figure::{LegendEntry, LineData};
use super::super::model::Report;
use super::super::series::SeriesPoint;
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

    /// Its values at the moments of a clock, times `scale`.
    pub(super) fn data(&self, moments: &[SeriesPoint], scale: f64) -> LineData {
        LineData {
            ink: self.ink,
            label: self.label.clone(),
            values: aligned(&self.points, moments, scale),
        }
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

/// Events as upright lines with the number of their row; numbers that would overlap are left out.
pub(super) fn marks(
    report: &Report,
    canvas: &Canvas<'_>,
    numbered: bool,
) -> Result<(), ReportError> {
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

/// One value for each moment. Points and moments ascend; points between two moments do not happen.
fn aligned(points: &[LinePoint], moments: &[SeriesPoint], scale: f64) -> Vec<Option<f64>> {
    let mut points = points.iter().flatten().peekable();
    let at = |moment: &SeriesPoint| {
        let middle = moment.middle_s();
        while points.next_if(|(x, _)| *x < middle - 1e-6).is_some() {}
        let found = points.next_if(|(x, _)| *x < middle + 1e-6);
        found.map(|(_, y)| rounded(y * scale))
    };
    moments.iter().map(at).collect()
}

/// Four digits: what a histogram keeps, and as few bytes as that takes.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let unit = 10_f64.powf(value.abs().log10().floor() - 3.0);
    if unit >= 1.0 { (value / unit).round() * unit } else { (value / unit).round() / unit.recip() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::{Nanos, RunTime};

    #[test]
    fn values_stand_at_their_moments_and_gaps_stay_gaps() {
        let second = |n: u64| RunTime::ZERO + Nanos::from_secs(n);
        let moment =
            |n| SeriesPoint { start: second(n), end: second(n + 1), ..SeriesPoint::default() };
        let moments: Vec<SeriesPoint> = (0..5).map(moment).collect();
        let points = [Some((0.5, 1.0)), None, Some((2.5, 3.0)), Some((4.5, 5.0))];
        let values = aligned(&points, &moments, 10.0);
        assert_eq!(values, [Some(10.0), None, Some(30.0), None, Some(50.0)]);
    }

    #[test]
    fn four_digits_are_kept() {
        assert!((rounded(12_345.6) - 12_350.0).abs() < 1e-9);
        assert!((rounded(0.012_345_6) - 0.012_35).abs() < 1e-12);
        assert!(rounded(f64::NAN).abs() < f64::EPSILON);
    }
}
