//! Blue and green: a row a share and side, and what the comparison came to.

use super::super::model::Report;
use super::super::split::{self, SideRow};
use super::lines::SummaryLines;
use super::style::TextTone;
use super::table::{TableCell, TextTable};

/// Nothing where the run was not split.
pub(super) fn section(screen: &mut SummaryLines, report: &Report) {
    let Some(view) = split::view(report) else { return };
    screen.section("BLUE AND GREEN", view.about);
    for (side, text) in &view.sides {
        screen.fact(side, text);
    }
    let heads = SideRow::HEADS.iter().enumerate();
    let heads: Vec<String> =
        heads.map(|(at, head)| if at < 2 { (*head).into() } else { format!("<{head}") }).collect();
    let mut table = TextTable::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for share in &view.shares {
        for row in &share.rows {
            let mut cells: Vec<TableCell> =
                row.cells().map(|text| TableCell::plain(text.to_owned())).to_vec();
            if row.failed
                && let Some(last) = cells.last_mut()
            {
                *last = TableCell::toned(TextTone::Bad, row.errors.clone());
            }
            table.row(cells);
        }
        if !share.found.is_empty() {
            table.note(share.found.clone());
        }
        table.note(format!("{} {}", share.symbol, share.answer));
    }
    screen.table(&table);
}
