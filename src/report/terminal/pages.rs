//! Pages in real browsers, in a terminal.

use super::super::model::Report;
use super::super::pages;
use super::super::rows::NONE;
use super::lines::SummaryLines;
use super::table::{TableCell, TextTable};
use plimsoll_metrics::PageFigure;

/// The p75 of each figure a page; nothing where no page was loaded.
pub(super) fn section(screen: &mut SummaryLines, report: &Report) {
    let views = pages::views(report);
    if views.is_empty() {
        return;
    }
    screen.section("PAGES", "p75 over the loads in real browsers under load");
    let has = |figure: &&PageFigure| {
        let known =
            |view: &pages::PageView| view.rows.iter().any(|row| row.figure == figure.word());
        views.iter().any(known)
    };
    let figures: Vec<&str> = PageFigure::ALL.iter().filter(has).map(|it| it.word()).collect();
    let heads: Vec<String> = ["page".to_owned(), "<loads".to_owned()]
        .into_iter()
        .chain(figures.iter().map(|figure| format!("<{figure}")))
        .collect();
    let mut table = TextTable::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for (view, page) in views.iter().zip(&report.pages) {
        let value = |figure: &&str| {
            let row = view.rows.iter().find(|row| row.figure == **figure);
            let known = row.filter(|row| !row.estimate.starts_with("n/a"));
            known.map_or(NONE.to_owned(), |row| row.estimate.clone())
        };
        let cells = [view.name.clone(), page.loads.to_string()];
        let cells = cells.into_iter().chain(figures.iter().map(value));
        table.row(cells.map(TableCell::plain).collect());
        for note in &view.notes {
            table.note(note.replace('`', ""));
        }
    }
    for remark in pages::remarks(report) {
        table.note(remark.replace('`', ""));
    }
    screen.table(&table);
}
