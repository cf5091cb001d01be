//! Charts over the time of the run: the picture, what is told of it in words, and the data behind it.

use super::super::extras::ReportError;
use super::super::figure::{Figure, LegendEntry, PageChart};
use super::super::model::Report;
use super::axis::Axis;
use super::canvas::{ChartInk, ChartSize};
use super::line::{ChartLine, drawn, keys, marks, rounded};
use crate::format;
use plimsoll_units::Quantity;

/// A chart over time, ready to be drawn.
pub(super) struct TimeChart {
    pub(super) title: String,
    pub(super) about: String,
    pub(super) size: ChartSize,
    pub(super) y: Axis,
    /// The kind of the values, whatever its own value.
    pub(super) kind: Quantity,
    pub(super) lines: Vec<ChartLine>,
    /// The same in detail, where there is more than a picture shows.
    pub(super) fine: Vec<ChartLine>,
    /// Bounds of the SLO table, in base units.
    pub(super) limits: Vec<f64>,
    /// From where to where a baseline's p95 reached, in base units.
    pub(super) band: Option<(f64, f64)>,
    pub(super) step: Option<String>,
    /// Whether a key tells the lines apart.
    pub(super) keyed: bool,
}

impl TimeChart {
    pub(super) fn figure(self, report: &Report) -> Result<Figure, ReportError> {
        let svg = self.picture(report)?;
        let (spoken, keys) = (self.spoken(), self.keys());
        let data = self.data(report);
        Ok(Figure {
            title: self.title,
            about: self.about,
            spoken,
            keys,
            svg,
            data: Some(data),
            chart: None,
        })
    }

    /// What tells the lines apart, and what the band is.
    fn keys(&self) -> Vec<LegendEntry> {
        let mut keys = if self.keyed { keys(&self.lines) } else { vec![] };
        if self.keyed && self.band.is_some() {
            keys.push(LegendEntry { class: "b".into(), label: "p95 of the baseline".into() });
        }
        keys
    }

    fn is_large(&self) -> bool {
        self.size.width >= ChartSize::LARGE.width
    }

    /// Lines over the time of the run, with the judged part, the bounds and the events.
    fn picture(&self, report: &Report) -> Result<String, ReportError> {
        let large = self.is_large();
        let x = Axis::run_time(report.duration.as_secs_f64(), if large { 6 } else { 3 });
        drawn(self.size, (x, self.y.clone()), |canvas| {
            if report.judged {
                let (from, to) = (report.shown.from.as_secs_f64(), report.shown.to.as_secs_f64());
                canvas.band(from, to, ChartInk::Judged)?;
            }
            if let Some(up) = self.band {
                canvas.range(up, ChartInk::Baseline)?;
            }
            canvas.axes()?;
            marks(report, canvas, large)?;
            for &limit in &self.limits {
                let label = format!("max {}", format::bound(self.kind.with_base(limit)));
                canvas.level(limit, &label, ChartInk::Limit)?;
            }
            let mut lines = self.lines.iter();
            lines.try_for_each(|line| canvas.series(&line.points, ChartInk::Series(line.ink)))
        })
    }

    /// `Response time. p99: 3 ms to 40 ms. p50: 1 ms to 2 ms.`
    fn spoken(&self) -> String {
        let told = |value| format::estimate(self.kind.with_base(value));
        let mut text = format!("{}.", self.title);
        for line in &self.lines {
            let values = || line.points.iter().flatten().map(|&(_, y)| y);
            let least = values().fold(f64::INFINITY, f64::min);
            let most = values().fold(f64::NEG_INFINITY, f64::max);
            if least.is_finite() {
                text = format!("{text} {}: {} to {}.", line.label, told(least), told(most));
            }
        }
        for &limit in &self.limits {
            text = format!("{text} The max of an objective: {}.", told(limit));
        }
        if let Some((low, high)) = self.band {
            text = format!("{text} The p95 of the baseline: {} to {}.", told(low), told(high));
        }
        text
    }

    fn data(&self, report: &Report) -> PageChart {
        let in_detail = !self.fine.is_empty();
        let (lines, clock) = if in_detail { (&self.fine, 0) } else { (&self.lines, 1) };
        let moments = if in_detail { &report.series.fine } else { &report.series.points };
        let (unit, scale) = unit(self.kind);
        PageChart {
            unit,
            log: self.y.is_logarithmic(),
            large: self.is_large(),
            clock,
            step: self.step.clone(),
            lines: lines.iter().map(|line| line.data(moments, scale)).collect(),
            limits: self.limits.iter().map(|limit| rounded(limit * scale)).collect(),
            band: self
                .band
                .iter()
                .flat_map(|&(low, high)| [low, high])
                .map(|end| rounded(end * scale))
                .collect(),
        }
    }
}

/// The name of a unit in a chart's data, and by what base units are multiplied.
const fn unit(kind: Quantity) -> (&'static str, f64) {
    match kind {
        Quantity::Time(_) => ("time", 1e6),
        Quantity::Rate(_) => ("rate", 1.0),
        Quantity::Share(_) => ("share", 1.0),
        Quantity::Size(_) => ("size", 1.0),
        Quantity::Count(_) | Quantity::Money(_) => ("count", 1.0),
    }
}
