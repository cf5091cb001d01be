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

use super::baseline::BaselineRange;
use super::figure::Figures;
use super::{Report, ReportError};

/// Draws all charts of a run, those of response times over the range of a baseline.
pub(super) fn all(
    report: &Report,
    baseline: Option<&BaselineRange>,
) -> Result<Figures, ReportError> {
    if report.series.points.is_empty() {
        return Ok(Figures::default());
    }
    let (steps, steps_left_out) = steps::figures(report, baseline)?;
    Ok(Figures {
        run: run::figures(report, baseline)?,
        spread: spread::figures(report)?,
        stack: stack::figures(report)?,
        steps,
        steps_left_out,
    })
}
