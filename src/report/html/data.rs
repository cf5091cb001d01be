//! The data of a page's charts, beside the pictures: JSON, deflated, in base64.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Serialize;

use crate::Report;
use crate::figure::{Figures, PageChart};
use crate::series::SeriesPoint;

/// What the script draws from.
#[derive(Serialize)]
struct PageData {
    /// The middles of all points, in seconds: of the run in detail, and of steps and the stack.
    clocks: [Vec<f64>; 2],
    /// How long the run lasted, in seconds.
    to: f64,
    /// From when to when it was judged.
    judged: Option<[f64; 2]>,
    /// When something happened, in the order of the list of events.
    events: Vec<f64>,
    charts: Vec<PageChart>,
}

/// Takes the data out of `figures`, each of which gets the number of its chart. Empty where none has any.
pub(super) fn packed(report: &Report, figures: &mut Figures) -> String {
    let mut charts = vec![];
    for figure in figures.all_mut() {
        if let Some(data) = figure.data.take() {
            figure.chart = Some(charts.len());
            charts.push(data);
        }
    }
    if charts.is_empty() {
        return String::new();
    }
    let middles = |points: &[SeriesPoint]| points.iter().map(tenth).collect();
    let shown = &report.shown;
    let data = PageData {
        clocks: [middles(&report.series.fine), middles(&report.series.points)],
        to: report.duration.as_secs_f64(),
        judged: report.judged.then(|| [shown.from.as_secs_f64(), shown.to.as_secs_f64()]),
        events: report.events.iter().map(|event| event.at.as_secs_f64()).collect(),
        charts,
    };
    deflated(&serde_json::to_string(&data).unwrap_or_default())
}

/// Its middle to a tenth of a second, which is more than a chart shows.
fn tenth(point: &SeriesPoint) -> f64 {
    (point.middle_s() * 10.0).round() / 10.0
}

fn deflated(text: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    STANDARD.encode(packed.unwrap_or_default())
}
