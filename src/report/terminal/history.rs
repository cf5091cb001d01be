//! The history of runs for a terminal: a list, and trends as sparklines.

use super::super::gate::words;
use super::super::history::{HistoryRow, describe, limits, not_valid, sparkline};
use super::super::{format, wording};
use super::lines::{NARROWEST, SummaryLines, WIDEST, verdict_tone};
use super::style::{TerminalStyle, TextTone};
use super::table::{TableCell, TextTable};
use plimsoll_slo::gate::{GateMetric, MetricTrend};

/// The runs, one a line, `width` columns wide (40 to 120).
pub fn list(rows: &[HistoryRow], style: TerminalStyle, width: usize) -> String {
    let mut screen = SummaryLines::new(style, width.clamp(NARROWEST, WIDEST));
    if rows.is_empty() {
        screen.line("no runs");
        return screen.text;
    }
    let heads = ["run", "system", "workload", "verdict", "<requests", "<p95", "<errors", ""];
    let mut table = TextTable::new(&heads);
    for row in rows {
        let conditions = &row.summary.conditions;
        let whole = row.summary.steps.first();
        let value = |metric| {
            let found = whole.and_then(|step| step.value(metric));
            TableCell::plain(
                found.map_or_else(|| words::NONE.into(), |value| words::value(metric, value)),
            )
        };
        let verdict = match row.verdict {
            Some(verdict) => TableCell::toned(
                verdict_tone(verdict),
                format!("{} {}", wording::verdict_symbol(verdict), wording::verdict(verdict)),
            ),
            None => TableCell::toned(TextTone::Accent, "going on".into()),
        };
        table.row(vec![
            TableCell::toned(TextTone::Strong, format::line(&row.folder, 200)),
            TableCell::plain(format::line(&conditions.name, 20)),
            TableCell::plain(format::line(&conditions.workload, 16)),
            verdict,
            TableCell::plain(format::count(whole.map_or(0, |step| step.requests))),
            value(GateMetric::P95),
            value(GateMetric::ErrorRate),
            TableCell::toned(
                TextTone::Accent,
                if row.promoted { "baseline".into() } else { String::new() },
            ),
        ]);
    }
    screen.table(&table);
    screen.text
}

/// Trends of one system and workload, a line for each step, with the changes of its level.
pub fn trends(
    trends: &[MetricTrend],
    runs: &[HistoryRow],
    style: TerminalStyle,
    width: usize,
) -> String {
    const BARS: usize = 40;
    let mut screen = SummaryLines::new(style, width.clamp(NARROWEST, WIDEST));
    let title = runs.first().map_or_else(String::new, |row| {
        let of = &row.summary.conditions;
        format!("{} · {}", format::line(&of.name, 60), format::line(&of.workload, 60))
    });
    let left_out = match not_valid(runs) {
        0 => String::new(),
        count => format!(", {count} of them not valid and left out"),
    };
    screen.section(&title, &format!("{}{left_out}", format::counted(runs.len() as u64, "run")));
    let bounded = trends.iter().any(|trend| limits(trend, runs).max.is_some());
    let heads: &[&str] = if bounded {
        &["", "metric", "<runs", "<last", "<max", "<above", "newest right"]
    } else {
        &["", "metric", "<runs", "<last", "newest right"]
    };
    let mut table = TextTable::new(heads);
    for trend in trends {
        let values: Vec<f64> = trend.points.iter().map(|(_, value)| *value).collect();
        let last = values
            .last()
            .map_or_else(|| words::NONE.to_owned(), |value| words::value(trend.metric, *value));
        let mut cells = vec![
            TableCell::plain(format::line(&trend.step, 40)),
            TableCell::plain(words::metric_name(trend.metric).into()),
            TableCell::plain(format::count(values.len() as u64)),
            TableCell::toned(TextTone::Strong, last),
        ];
        if bounded {
            cells.extend(limit_cells(trend, runs));
        }
        cells.push(TableCell::toned(TextTone::Accent, sparkline(&values, BARS)));
        table.row(cells);
        for change in &trend.changes {
            table.note(describe(trend, change, runs));
        }
    }
    screen.table(&table);
    screen.text
}

/// The newest run's max, and how many runs were above theirs.
fn limit_cells(trend: &MetricTrend, runs: &[HistoryRow]) -> [TableCell; 2] {
    let limits = limits(trend, runs);
    let max =
        limits.max.map_or_else(|| words::NONE.to_owned(), |max| words::value(trend.metric, max));
    let tone = if limits.above > 0 { TextTone::Bad } else { TextTone::Plain };
    let above = if limits.max.is_some() || limits.above > 0 {
        format::count(limits.above as u64)
    } else {
        words::NONE.to_owned()
    };
    [TableCell::plain(max), TableCell::toned(tone, above)]
}
