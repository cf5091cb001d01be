//! The agents of a merged run.

use super::super::agents;
use super::super::model::Report;
use super::page::{MarkdownPage, cell};

/// A page of more is read by nobody; `result.json` has all.
const MOST: usize = 100;

/// Nothing where the run was not merged.
pub(super) fn section(page: &mut MarkdownPage, report: &Report) {
    let (rows, left) = agents::rows(report, MOST);
    if rows.is_empty() {
        return;
    }
    page.heading(2, "Agents");
    let heads: Vec<String> =
        agents::HEADS.iter().map(|head| format!("{head}:")).chain(["note".to_owned()]).collect();
    let body: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.cells.into_iter().chain([row.note]).collect()).collect();
    page.table(&heads.iter().map(String::as_str).collect::<Vec<_>>(), &body);
    if let Some(others) = agents::others(left) {
        page.paragraph(&format!("\n{}.", cell(&others)));
    }
}
