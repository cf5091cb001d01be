//! Marks as tables show them: one figure a row, before and after.

use serde::Serialize;

use super::gate::words;
use super::marks::{MarkChange, MarkSide};
use super::model::Report;
use super::{format, rows};
use plimsoll_slo::regression::EffectScale;
use plimsoll_units::Rate;

/// A mark as tables show it.
#[derive(Debug, Serialize)]
pub struct MarkTable {
    /// `0:15 cache flushed`.
    pub mark: String,
    /// `10 s before, 15 s after`.
    pub about: String,
    /// Its figures.
    pub rows: Vec<MarkRow>,
}

/// One figure on both sides.
#[derive(Debug, Serialize)]
pub struct MarkRow {
    /// Its name.
    pub figure: &'static str,
    /// Before the mark, with its unit.
    pub before: String,
    /// From the mark on.
    pub after: String,
    /// Their difference.
    pub change: String,
}

/// What a reader must know of such a table.
pub const ABOUT: &str = "one run: a change may be chance";

/// All marks that can be compared.
pub fn tables(report: &Report) -> Vec<MarkTable> {
    report.marks.iter().map(table).collect()
}

fn table(change: &MarkChange) -> MarkTable {
    let (before, after) = (&change.before, &change.after);
    let rate = |side: &MarkSide| Rate::of(side.counts.requests, side.span);
    let errors = |side: &MarkSide| side.counts.error_rate();
    let mut rows = vec![MarkRow {
        figure: "req/s",
        before: format::rate(rate(before)),
        after: format::rate(rate(after)),
        change: ratio(rate(before).get(), rate(after).get()),
    }];
    for (index, figure) in ["p50", "p95", "p99"].into_iter().enumerate() {
        let sides = [before, after].map(|side| side.times[index]);
        let [was, is] = sides.map(|time| time.map_or_else(|| "n/a".to_owned(), format::time));
        let change = match sides {
            [Some(was), Some(is)] => ratio(was.as_secs_f64(), is.as_secs_f64()),
            _ => rows::NONE.to_owned(),
        };
        rows.push(MarkRow { figure, before: was, after: is, change });
    }
    rows.push(MarkRow {
        figure: "errors",
        before: format::share(errors(before)),
        after: format::share(errors(after)),
        change: words::change(errors(after).get() - errors(before).get(), EffectScale::Difference),
    });
    let seconds = |side: &MarkSide| format::duration(side.span);
    MarkTable {
        mark: format!("{} {}", format::moment(change.at), format::line(&change.text, 80)),
        about: format!("{} before, {} after", seconds(before), seconds(after)),
        rows,
    }
}

fn ratio(before: f64, after: f64) -> String {
    if before > 0.0 {
        words::change(after / before, EffectScale::Ratio)
    } else {
        rows::NONE.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::{Counts, ErrorClass};
    use plimsoll_units::{Nanos, RunTime};

    fn side(requests: u64, failed: u64, times: [Option<u64>; 3]) -> MarkSide {
        let mut counts = Counts { requests, ..Counts::default() };
        if failed > 0 {
            counts.errors = [(ErrorClass::Http5xx, failed)].into();
        }
        let times = times.map(|ms| ms.map(Nanos::from_millis));
        MarkSide { span: Nanos::from_secs(5), counts, times }
    }

    #[test]
    fn each_figure_stands_on_both_sides_with_its_change() {
        let change = MarkChange {
            at: RunTime::ZERO + Nanos::from_secs(75),
            text: "cache flushed".into(),
            before: side(500, 0, [Some(10), Some(16), None]),
            after: side(400, 40, [Some(20), Some(12), Some(15)]),
        };
        let MarkTable { mark, about, rows } = table(&change);
        assert_eq!(mark, "1:15 cache flushed");
        assert_eq!(about, "5 s before, 5 s after");
        let said: Vec<[&str; 4]> =
            rows.iter().map(|row| [row.figure, &row.before, &row.after, &row.change]).collect();
        assert_eq!(
            said,
            [
                ["req/s", "100.0", "80.0", "−20.0 %"],
                ["p50", "10.0 ms", "20.0 ms", "+100.0 %"],
                ["p95", "16.0 ms", "12.0 ms", "−25.0 %"],
                ["p99", "n/a", "15.0 ms", "–"],
                ["errors", "0 %", "10.0 %", "+10.00 pp"],
            ]
        );
    }
}
