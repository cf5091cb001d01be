//! The charts of an HTML report, as inline SVG.

mod axis;
mod canvas;
mod capacity;
mod line;
mod run;
mod spread;
mod stack;
mod steps;
mod time;

pub(super) use capacity::curve;
pub(super) use spread::compared;

use super::figure::Figures;
use super::{Report, ReportError};

/// Draws all charts of a run.
pub(super) fn all(report: &Report) -> Result<Figures, ReportError> {
    if report.series.points.is_empty() {
        return Ok(Figures::default());
    }
    let (steps, steps_left_out) = steps::figures(report)?;
    Ok(Figures {
        run: run::figures(report)?,
        spread: spread::figures(report)?,
        stack: stack::figures(report)?,
        steps,
        steps_left_out,
    })
}
