//! The history of runs for a terminal: a list, and trends as sparklines.

use super::super::gate::words;
use super::super::history::{HistoryRow, describe, not_valid, sparkline};
use super::super::{format, wording};
use super::style::{Style, Tone};
use super::table::{Cell, Table};
use super::{NARROWEST, Screen, WIDEST, verdict_tone};
use crate::slo::gate::{Metric, Trend};

/// The runs, one a line, `width` columns wide (60 to 120).
pub fn list(rows: &[HistoryRow], style: Style, width: usize) -> String {
    let mut screen = Screen::new(style, width.clamp(NARROWEST, WIDEST));
    if rows.is_empty() {
        screen.line("no runs");
        return screen.text;
    }
    let heads = ["run", "system", "workload", "verdict", "<requests", "<p95", "<errors", ""];
    let mut table = Table::new(&heads);
    for row in rows {
        let conditions = &row.summary.conditions;
        let whole = row.summary.steps.first();
        let value = |metric| {
            let found = whole.and_then(|step| step.value(metric));
            Cell::plain(
                found.map_or_else(|| words::NONE.into(), |value| words::value(metric, value)),
            )
        };
        let verdict = wording::verdict(row.verdict);
        let verdict = format!("{} {verdict}", wording::verdict_symbol(row.verdict));
        table.row(vec![
            Cell::toned(Tone::Strong, format::line(&row.folder, 200)),
            Cell::plain(format::line(&conditions.name, 20)),
            Cell::plain(format::line(&conditions.workload, 16)),
            Cell::toned(verdict_tone(row.verdict), verdict),
            Cell::plain(format::count(whole.map_or(0, |step| step.requests))),
            value(Metric::P95),
            value(Metric::ErrorRate),
            Cell::toned(Tone::Accent, if row.promoted { "baseline".into() } else { String::new() }),
        ]);
    }
    screen.table(&table);
    screen.text
}

/// Trends of one system and workload, a line for each step, with the changes of its level.
pub fn trends(trends: &[Trend], runs: &[HistoryRow], style: Style, width: usize) -> String {
    const BARS: usize = 40;
    let mut screen = Screen::new(style, width.clamp(NARROWEST, WIDEST));
    let title = runs.first().map_or_else(String::new, |row| {
        let of = &row.summary.conditions;
        format!("{} · {}", format::line(&of.name, 60), format::line(&of.workload, 60))
    });
    let left_out = match not_valid(runs) {
        0 => String::new(),
        count => format!(", {count} of them not valid and left out"),
    };
    screen.section(&title, &format!("{} runs{left_out}", runs.len()));
    let mut table = Table::new(&["", "metric", "<runs", "<last", "newest right"]);
    for trend in trends {
        let values: Vec<f64> = trend.points.iter().map(|(_, value)| *value).collect();
        let last = values
            .last()
            .map_or_else(|| words::NONE.to_owned(), |value| words::value(trend.metric, *value));
        table.row(vec![
            Cell::plain(format::line(&trend.step, 40)),
            Cell::plain(words::metric_name(trend.metric).into()),
            Cell::plain(format::count(values.len() as u64)),
            Cell::toned(Tone::Strong, last),
            Cell::toned(Tone::Accent, sparkline(&values, BARS)),
        ]);
        for change in &trend.changes {
            table.note(format!("▲ {}", describe(trend, change, runs)));
        }
    }
    screen.table(&table);
    screen.text
}
