//! How the run went: what changed at its marks, and its figures over time as rows of bars.

use super::super::format;
use super::super::mark_rows;
use super::super::model::Report;
use super::super::series::SeriesPoint;
use super::super::sparkline::bars_from_zero;
use super::lines::SummaryLines;
use super::style::TextTone;
use super::table::{TableCell, TextTable};
use plimsoll_units::{Nanos, Rate, Ratio};

/// More marks than these are left to the reports.
const MOST_MARKS: usize = 4;

/// What changed at each mark; nothing without marks.
pub(super) fn marks(screen: &mut SummaryLines, report: &Report) {
    let all = mark_rows::tables(report);
    if all.is_empty() {
        return;
    }
    screen.section("BEFORE AND AFTER A MARK", mark_rows::ABOUT);
    for mark in all.iter().take(MOST_MARKS) {
        screen.text(TextTone::Strong, &mark.mark);
        let mut table = TextTable::new(&["", "<before", "<after", "<change"]);
        for row in &mark.rows {
            table.row(vec![
                TableCell::plain(row.figure.to_owned()),
                TableCell::plain(row.before.clone()),
                TableCell::toned(TextTone::Strong, row.after.clone()),
                TableCell::plain(row.change.clone()),
            ]);
        }
        table.note(mark.about.clone());
        screen.table(&table);
    }
    if all.len() > MOST_MARKS {
        let more = format!("{} more stand in the reports", all.len() - MOST_MARKS);
        screen.line(&format!("  {}", screen.paint(TextTone::Faint, &more)));
    }
}

/// A figure of a stretch of the run.
type SeriesValue<'a> = &'a dyn Fn(&[SeriesPoint]) -> Option<f64>;

/// Columns of a row beside its bars: indent and name, least and greatest value.
const BESIDE: usize = 2 + 8 + 1 + 2 + 20;

/// Columns of bars that are more than one looks at.
const MOST_BARS: usize = 80;

/// Rate, response times and errors over the run; nothing of a run too short to have a course.
pub(super) fn series(screen: &mut SummaryLines, report: &Report) {
    const FEW: usize = 5;
    let points = &report.series.points;
    if points.len() < FEW {
        return;
    }
    let room = screen.width.saturating_sub(BESIDE).min(MOST_BARS);
    let together = points.len().div_ceil(room).max(1);
    let each = format::duration(report.series.bucket * together as u64);
    let aside = format!("a column is {each}; of times the greatest");
    screen.section("OVER TIME", &aside);
    let time = |index: usize| {
        move |points: &[SeriesPoint]| {
            let times = points.iter().filter_map(|point| Some(point.response_time?[index]));
            times.max().map(Nanos::as_secs_f64)
        }
    };
    let time_of = |value: f64| format::time(Nanos::from_secs_f64(value));
    let stretches: Vec<&[SeriesPoint]> = points.chunks(together).collect();
    let mut row = |name: &str, value: SeriesValue<'_>, told: &dyn Fn(f64) -> String| {
        let values: Vec<Option<f64>> = stretches.iter().map(|points| value(points)).collect();
        line(screen, (name, &values), told);
    };
    row("req/s", &|points| Some(rate(points)), &|value| format::rate(Rate::per_second(value)));
    row("p50", &time(0), &time_of);
    row("p99", &time(2), &time_of);
    if report.whole.run.counts.failed_requests() > 0 {
        row("errors", &errors, &|value| format::share(Ratio::new(value)));
    }
}

fn rate(points: &[SeriesPoint]) -> f64 {
    let requests = points.iter().map(|point| point.requests).sum();
    let span: Nanos = points.iter().map(SeriesPoint::span).sum();
    Rate::of(requests, span).get()
}

fn errors(points: &[SeriesPoint]) -> Option<f64> {
    let failed = points.iter().map(|point| point.failed).sum();
    let requests: u64 = points.iter().map(|point| point.requests).sum();
    (requests > 0).then(|| Ratio::of(failed, requests).get())
}

fn line(
    screen: &mut SummaryLines,
    (name, values): (&str, &[Option<f64>]),
    told: &dyn Fn(f64) -> String,
) {
    let known = || values.iter().flatten().copied();
    let (least, most) =
        (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    if !least.is_finite() {
        return;
    }
    let bars = screen.paint(TextTone::Accent, &bars_from_zero(values.iter().copied()));
    let (least, most) = (told(least), told(most));
    let range = if least == most { most } else { format!("{least} … {most}") };
    screen.line(&format!("  {name:<8} {bars}  {range}"));
}
