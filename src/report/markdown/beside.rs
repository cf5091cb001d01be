//! What happened beside the load: the stack's own metrics and availability.

use super::super::model::Report;
use super::super::stack::{self, IncidentRow, StackTierRow};
use super::page::MarkdownPage;

/// One row a tier; nothing where nothing was observed.
pub(super) fn stack(page: &mut MarkdownPage, report: &Report) {
    let tiers = stack::tiers(report);
    if tiers.is_empty() {
        return;
    }
    page.heading(2, "Stack");
    let cells = |row: &StackTierRow| -> Vec<String> {
        row.cells().into_iter().chain([row.note.as_str()]).map(str::to_owned).collect()
    };
    page.table(&heads(&StackTierRow::HEADS, "note"), &tiers.iter().map(cells).collect::<Vec<_>>());
}

/// What was served, what the probes saw, and every incident.
pub(super) fn availability(page: &mut MarkdownPage, report: &Report) {
    let facts = stack::availability(report);
    if facts.is_empty() {
        return;
    }
    page.heading(2, "Availability");
    page.facts(&facts);
    let incidents = stack::incidents(report);
    if incidents.is_empty() {
        return;
    }
    page.text.push('\n');
    let cells = |row: &IncidentRow| -> Vec<String> {
        row.cells().into_iter().chain([row.mark.as_str()]).map(str::to_owned).collect()
    };
    let heads = heads(&IncidentRow::HEADS, "after");
    page.table(&heads, &incidents.iter().map(cells).collect::<Vec<_>>());
}

/// The names of figures are aligned like them, to the right.
fn heads<'a>(figures: &[&'a str], last: &'a str) -> Vec<&'a str> {
    figures.iter().copied().chain([last]).collect()
}
