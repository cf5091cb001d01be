//! The agents of a merged run.

use super::super::agents;
use super::super::model::Report;
use super::lines::SummaryLines;
use super::style::TextTone;
use super::table::{TableCell, TextTable};

/// More would push everything else off the screen.
const MOST: usize = 20;

/// Nothing where the run was not merged.
pub(super) fn section(screen: &mut SummaryLines, report: &Report) {
    let (rows, left) = agents::rows(report, MOST);
    if rows.is_empty() {
        return;
    }
    screen.section("AGENTS", "");
    let heads: Vec<String> = agents::HEADS.iter().map(|head| format!("<{head}")).collect();
    let mut table = TextTable::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        let tone = if row.is_doubted { TextTone::Bad } else { TextTone::Plain };
        table.row(row.cells.into_iter().map(|text| TableCell::toned(tone, text)).collect());
        if !row.note.is_empty() {
            table.note(row.note);
        }
    }
    if let Some(others) = agents::others(left) {
        table.note(others);
    }
    screen.table(&table);
}
