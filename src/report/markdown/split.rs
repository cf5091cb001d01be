//! Blue and green.

use super::super::model::Report;
use super::super::split::{self, SideRow};
use super::page::{MarkdownPage, cell};

/// A row a share and side, and what each comparison came to; nothing where the run was not split.
pub(super) fn section(page: &mut MarkdownPage, report: &Report) {
    let Some(view) = split::view(report) else { return };
    page.heading(2, "Blue and green");
    let mut about = format!("{}.", view.about);
    if let Some(first) = about.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    page.paragraph(&about);
    page.facts(&view.sides);
    page.text.push('\n');
    let heads: Vec<String> = SideRow::HEADS
        .iter()
        .enumerate()
        .map(|(at, head)| if at < 2 { (*head).to_owned() } else { format!("{head}:") })
        .collect();
    let rows = view.shares.iter().flat_map(|share| &share.rows);
    let body: Vec<Vec<String>> = rows.map(|row| row.cells().map(str::to_owned).to_vec()).collect();
    page.table(&heads.iter().map(String::as_str).collect::<Vec<_>>(), &body);
    page.text.push('\n');
    for share in &view.shares {
        let at = share.rows.first().map_or("", |row| row.share.as_str());
        let found = match share.found.as_str() {
            "" => String::new(),
            found => format!(" — {}", cell(found)),
        };
        let (symbol, answer) = (share.symbol, cell(&share.answer));
        page.add(format_args!("- {at}: **{symbol} {answer}**{found}\n"));
    }
}
