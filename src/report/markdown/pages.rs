//! Pages in real browsers, as Markdown.

use super::super::model::Report;
use super::super::pages::{self, PageRow};
use super::page::{MarkdownPage, cell};

/// A table a page; nothing where no page was loaded.
pub(super) fn section(page: &mut MarkdownPage, report: &Report) {
    let views = pages::views(report);
    if views.is_empty() {
        return;
    }
    page.heading(2, "Pages");
    page.paragraph(pages::ABOUT);
    let remarks = pages::remarks(report);
    if !remarks.is_empty() {
        page.list(&remarks);
        page.text.push('\n');
    }
    for view in views {
        page.heading(3, &format!("{}: {}", view.name, view.loads));
        if !view.notes.is_empty() {
            page.list(&view.notes);
            page.text.push('\n');
        }
        let [figure, loads, p75, interval, target, max, status, idle, loaded] = PageRow::HEADS;
        let figures = [loads, p75, interval, target, max, status, idle, loaded];
        let heads =
            figures.map(|head| if head == status { head.to_owned() } else { format!("{head}:") });
        // Bounds and a status that no row of the SLO table gives are no columns.
        let is_shown = |head: &str| view.judged || ![target, max, status].contains(&head);
        let heads: Vec<&str> = std::iter::once(figure)
            .chain(heads.iter().map(String::as_str))
            .filter(|head| is_shown(head.trim_end_matches(':')))
            .collect();
        let cells = |row: &PageRow| {
            let cells = PageRow::HEADS.into_iter().zip(row.cells());
            cells.filter(|(head, _)| is_shown(head)).map(|(_, cell)| cell).collect()
        };
        let body: Vec<Vec<String>> = view.rows.iter().map(cells).collect();
        page.table(&heads, &body);
        if !view.waterfall.is_empty() {
            page.text.push('\n');
            page.paragraph(&format!("{}:", cell(&view.about_waterfall)));
            let row = |row: &pages::WaterfallRow| {
                vec![row.path.clone(), row.kind.clone(), row.start.clone(), row.took.clone()]
            };
            let body: Vec<Vec<String>> = view.waterfall.iter().map(row).collect();
            page.table(&["what", "kind", "asked for at:", "took:"], &body);
        }
    }
}
