//! Single requests: the slowest of each step and the first that failed, where their time went and what came back.

use serde::Serialize;

use super::format;
use super::model::Report;
use plimsoll_metrics::Exemplar;

/// A request as a row.
#[derive(Debug, Serialize)]
pub(super) struct ExemplarRow {
    pub(super) step: String,
    pub(super) at: String,
    pub(super) time: String,
    /// The status, or why it failed.
    pub(super) outcome: String,
    pub(super) spent: String,
    pub(super) correlation: String,
    pub(super) head: String,
    pub(super) body: String,
}

/// One row a request, by step.
pub(super) fn rows(report: &Report) -> Vec<ExemplarRow> {
    report.exemplars.iter().map(|one| row(report, one)).collect()
}

/// The slowest of each step that went well.
pub(super) fn slowest(report: &Report) -> Vec<ExemplarRow> {
    let mut last = None;
    let is_first = |one: &&Exemplar| {
        let is_first = one.class.is_none() && last != Some(one.step);
        last = Some(one.step);
        is_first
    };
    report.exemplars.iter().filter(is_first).map(|one| row(report, one)).collect()
}

fn row(report: &Report, one: &Exemplar) -> ExemplarRow {
    let status = one.status.to_string();
    ExemplarRow {
        step: format::line(&report.step_name(one.step), 40),
        at: format::moment(one.intended),
        time: format::time(one.response_time),
        outcome: match (one.class, one.status) {
            (None, _) => status,
            (Some(class), 0) => class.name().to_owned(),
            (Some(class), _) => format!("{status}, {}", class.name()),
        },
        spent: spent(one),
        correlation: format::line(&one.correlation, 60),
        head: one.head.clone(),
        body: one.body.clone(),
    }
}

/// Where its time went: the parts that took at least a hundredth of it.
pub(super) fn spent(one: &Exemplar) -> String {
    let phases = one.phases.iter().map(|(phase, time)| (phase.name(), *time));
    let parts = std::iter::once(("not sent", one.unsent)).chain(phases);
    let counts = parts.filter(|(_, time)| time.get() * 100 >= one.response_time.get().max(1));
    let told: Vec<String> =
        counts.map(|(name, time)| format!("{name} {}", format::time(time))).collect();
    told.join(", ")
}
