//! Reports: one model of a finished run, and one renderer a format.
//!
//! [`Report`] is built once from the run log and its judgement; every format reads only the model, so
//! that two formats can never disagree about a number. Everything here is a pure function that returns
//! text or bytes: the same log gives the same bytes, today and in a year.

pub mod agents;
pub mod gate;
pub mod history;
pub mod html;
pub mod json;
pub mod junit;
pub mod live;
pub mod markdown;
pub mod schemas;
pub mod sign_off;
mod stack;
pub mod terminal;

pub mod ascii;
mod baseline;
mod capacity;
#[cfg(feature = "charts")]
mod charts;
#[cfg(test)]
mod conformance;
mod exemplars;
mod extras;
mod facts;
mod figure;
mod forest;
pub mod format;
mod histogram;
pub mod mark_rows;
mod marks;
mod model;
mod pages;
mod pooled;
mod rows;
mod series;
pub mod sparkline;
mod split;
mod stack_figure;
#[cfg(test)]
mod tests;
mod totals;
pub mod wording;

use plimsoll_capacity::autoscaling::AutoscalingAdvice;

pub use baseline::BaselineRange;
pub use extras::{ReportError, ReportExtras};
pub use marks::{MarkChange, MarkSide};
pub use model::{Report, RunCompletion};
pub use pooled::HeatRows;
pub use pooled::heat_shade;
pub use series::{RunSeries, SeriesPoint, StackSeries, StepPoint, StepSeries};
pub use totals::PartTotals;
pub use totals::is_enough;

/// Renders the files of a run's folder: (file name, content), in a fixed order.
///
/// # Errors
/// Only where a renderer itself is broken; see [`ReportError`].
pub fn render_all(
    report: &Report,
    extra: &ReportExtras,
) -> Result<Vec<(&'static str, Vec<u8>)>, ReportError> {
    let mut files = vec![
        ("result.json", json::render(report, extra).into_bytes()),
        ("report.md", markdown::render(report, extra).into_bytes()),
        ("junit.xml", junit::render(report, extra)?.into_bytes()),
        ("report.html", html::render(report, extra)?.into_bytes()),
    ];
    let advice = extra.capacity.as_ref().and_then(|found| found.autoscaling.as_ref());
    files.extend(
        advice.and_then(AutoscalingAdvice::hpa).map(|text| ("hpa.yaml", text.into_bytes())),
    );
    files.extend(advice.map(|advice| ("keda.yaml", advice.keda().into_bytes())));
    Ok(files)
}
