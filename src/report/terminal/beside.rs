//! What happened beside the load: the stack's own metrics, availability, events.

use super::super::model::Report;
use super::super::rows;
use super::super::stack::{self, IncidentRow, StackTierRow};
use super::lines::SummaryLines;
use super::style::TextTone;
use super::table::{TableCell, TextTable};

/// More events than this are left to the reports.
const MOST_EVENTS: usize = 12;

/// The columns of an event's moment and kind.
const EVENT_LEAD: usize = 8 + 2 + 12 + 2;

/// One row a tier; nothing where nothing was observed.
pub(super) fn stack(screen: &mut SummaryLines, report: &Report) {
    let tiers = stack::tiers(report);
    if tiers.is_empty() {
        return;
    }
    screen.section("STACK", "its own metrics, means over the judged part");
    let mut table = table(&StackTierRow::HEADS);
    for row in &tiers {
        table.row(row.cells().map(|text| TableCell::plain(text.to_owned())).to_vec());
        if !row.note.is_empty() {
            table.note(row.note.clone());
        }
    }
    screen.table(&table);
}

/// What was served, what the probes saw, and every incident.
pub(super) fn availability(screen: &mut SummaryLines, report: &Report) {
    let facts = stack::availability(report);
    if facts.is_empty() {
        return;
    }
    screen.section("AVAILABILITY", "of the whole run, to the second");
    let width = facts.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    for (key, text) in facts {
        let key = screen.paint(TextTone::Faint, &format!("{key:<width$}"));
        screen.beside((&format!("{key}  "), width + 2), TextTone::Plain, &text);
    }
    let incidents = stack::incidents(report);
    if incidents.is_empty() {
        return;
    }
    screen.blank();
    let mut table = table(&IncidentRow::HEADS);
    for row in &incidents {
        table.row(row.cells().map(|text| TableCell::plain(text.to_owned())).to_vec());
        if !row.mark.is_empty() {
            table.note(format!("after {}", row.mark));
        }
    }
    screen.table(&table);
}

/// Marks, hooks, warnings; nothing where nothing happened.
pub(super) fn events(screen: &mut SummaryLines, report: &Report) {
    let events = rows::events(report);
    if events.is_empty() {
        return;
    }
    screen.section("EVENTS", "");
    for event in events.iter().take(MOST_EVENTS) {
        let at = screen.paint(TextTone::Faint, &format!("{:>8}", event.at));
        let lead = format!("{at}  {:<12}  ", event.kind);
        if screen.width >= EVENT_LEAD + 30 {
            screen.beside((&lead, EVENT_LEAD), TextTone::Plain, &event.text);
        } else {
            screen.line(&format!("  {lead}"));
            screen.beside((&" ".repeat(4), 4), TextTone::Plain, &event.text);
        }
    }
    if events.len() > MOST_EVENTS {
        let more = format!("{} more stand in the reports", events.len() - MOST_EVENTS);
        screen.line(&format!("  {}", screen.paint(TextTone::Faint, &more)));
    }
}

/// A table whose first column is text and whose others are figures.
fn table(heads: &[&str]) -> TextTable {
    let aligned: Vec<String> = heads
        .iter()
        .enumerate()
        .map(|(index, head)| if index == 0 { String::new() } else { format!("<{head}") })
        .collect();
    TextTable::new(&aligned.iter().map(String::as_str).collect::<Vec<_>>())
}
