//! Where the time of each step's requests went: its phases, one behind the other.

use std::fmt::Write as _;

use serde::Serialize;

use crate::figure::LegendEntry;
use crate::{Report, format};
use plimsoll_metrics::{Phase, StepInfo, Tally};
use plimsoll_units::Nanos;

/// The phases of one step.
#[derive(Debug, Serialize)]
pub(super) struct PhaseRow {
    name: String,
    /// Our own SVG.
    bar: String,
    /// One a phase, in the order of [`Phase::ALL`].
    times: Vec<String>,
    all: String,
}

/// A series' number in the style sheet for each phase.
const INKS: [u8; 6] = [4, 5, 3, 7, 1, 2];

/// What the colours mean.
pub(super) fn keys() -> Vec<LegendEntry> {
    let key = |(phase, ink): (Phase, u8)| LegendEntry {
        class: ink.to_string(),
        label: phase.name().to_owned(),
    };
    Phase::ALL.into_iter().zip(INKS).map(key).collect()
}

/// One row a step that made requests, in the scenario's order; empty where no phase was recorded.
pub(super) fn rows(report: &Report) -> Vec<PhaseRow> {
    let is_request = |id: &plimsoll_metrics::StepId| {
        let info = report.header.steps.get(usize::from(id.0));
        !info.is_some_and(StepInfo::is_logical)
    };
    let steps: Vec<(String, Vec<f64>)> = report
        .step_ids()
        .into_iter()
        .filter(is_request)
        .filter_map(|id| Some((report.step_name(id), means(report.shown.steps.get(&id)?))))
        .filter(|(_, means)| means.iter().any(|&mean| mean > 0.0))
        .collect();
    let most = steps.iter().map(|(_, means)| means.iter().sum()).fold(0.0, f64::max);
    steps
        .into_iter()
        .map(|(name, means)| PhaseRow {
            name: format::line(&name, 80),
            bar: bar(&means, most),
            times: means.iter().map(|&mean| time(mean)).collect(),
            all: time(means.iter().sum()),
        })
        .collect()
}

/// The mean of each phase over all requests, in nanoseconds.
fn means(tally: &Tally) -> Vec<f64> {
    let requests = tally.counts.requests.max(1) as f64;
    let mean = |phase: Phase| {
        let times = tally.phases.get(&phase);
        times.map_or(0.0, |times| times.mean().get() as f64 * times.count() as f64 / requests)
    };
    Phase::ALL.into_iter().map(mean).collect()
}

fn time(ns: f64) -> String {
    if ns < 0.5 { "–".to_owned() } else { format::time(Nanos::new(ns as u64)) }
}

/// Lengths in per cent of the longest.
fn bar(means: &[f64], most: f64) -> String {
    let mut svg = "<svg class=\"bar\" aria-hidden=\"true\">".to_owned();
    let mut from = 0.0;
    for (mean, ink) in means.iter().zip(INKS) {
        let width = mean / most * 100.0;
        if width >= 0.05 {
            // Writing to a string cannot fail.
            let _ = write!(
                svg,
                "<rect class=\"f{ink}\" x=\"{from:.1}%\" width=\"{width:.1}%\" height=\"100%\"/>"
            );
        }
        from += width;
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;

    /// The fixture's requests wait nine tenths of their time and receive for a twentieth; they open no connection.
    #[test]
    fn phases_are_means_over_all_requests_of_a_step() {
        let report = Report::new(&fixture::log(), &fixture::pass());
        let rows = rows(&report);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["airports", "search", "login"]);
        for row in &rows {
            assert_eq!(row.times[..4], ["–", "–", "–", "–"], "{row:?}");
            assert_eq!(row.bar.matches("<rect").count(), 2, "{row:?}");
        }
        let longest = rows.iter().filter(|row| row.bar.contains("width=\"94.")).count();
        assert_eq!(longest, 1, "{rows:?}");
    }
}
