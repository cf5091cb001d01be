//! What cases came to, for people and for machines.

use std::fmt::Write as _;

use serde_json::{Value, json as json_value};

use super::proof::{ProvedCase, ProvedRate, ProvedRow};

/// The schema of the document.
const SCHEMA: &str = "plimsoll.prove/1";

/// The table, with a last line that says what it comes to.
pub(super) fn text(cases: &[ProvedCase], rate: &ProvedRate) -> String {
    let mut out = format!(
        "{:<44}{:>12}{:>12}{:>9}{:>8}{:>12}\n",
        "", "truth", "reported", "error", "bar", "lag p99"
    );
    for case in cases {
        let lag = case.lag_p99_ms.map_or("–".to_owned(), |lag| format!("{lag:.2} ms"));
        let _ = writeln!(out, "{:<85}{lag:>12}", case.case.name);
        for row in &case.rows {
            let _ = writeln!(out, "{}", line(row));
        }
    }
    let _ = writeln!(out, "\n{}", offered(rate));
    let off = cases.iter().flat_map(|case| &case.rows).filter(|row| !row.holds()).count();
    let all = cases.iter().map(|case| case.rows.len()).sum::<usize>();
    let _ = if off == 0 {
        writeln!(out, "All {all} figures are as exact as they should be.")
    } else {
        writeln!(
            out,
            "{off} of {all} figures are off: something else takes this machine's time (see the lag). Try again when it is quiet."
        )
    };
    out
}

fn line(row: &ProvedRow) -> String {
    let what = row.truth.pointer.rsplit('/').next().unwrap_or_default();
    let shown = |value: f64| match row.truth.unit {
        "" => format!("{value:.0}"),
        unit => format!("{value:.1} {unit}"),
    };
    let reported = row.reported.map_or("–".to_owned(), shown);
    let error = row.error().map_or("–".to_owned(), |error| format!("{:+.2} %", error * 100.0));
    let bar = format!("{:.0} %", row.truth.within * 100.0);
    let mark = if row.holds() { "" } else { "  off" };
    format!("  {what:<42}{:>12}{reported:>12}{error:>9}{bar:>8}{mark}", shown(row.truth.value))
}

fn offered(rate: &ProvedRate) -> String {
    let Some(highest) = rate.highest else {
        return "This machine offers not even the lowest rate validly.".to_owned();
    };
    let lag = rate.lag_p99_ms.map_or(String::new(), |lag| format!(", lag p99 {lag:.2} ms"));
    let more = if rate.is_bounded { "" } else { " and more" };
    format!(
        "This machine offers {highest:.0} req/s{more} validly{lag}, with the simulated server on the same cores."
    )
}

/// The same for machines.
pub(super) fn json(cases: &[ProvedCase], rate: &ProvedRate, holds: bool) -> String {
    let row = |row: &ProvedRow| {
        json_value!({
            "figure": row.truth.pointer.rsplit('/').next().unwrap_or_default(),
            "unit": if row.truth.unit.is_empty() { "requests" } else { row.truth.unit },
            "truth": row.truth.value,
            "reported": row.reported,
            "error": row.error(),
            "bar": row.truth.within,
            "holds": row.holds(),
        })
    };
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            json_value!({
                "name": case.case.name,
                "schedule_lag_p99_ms": case.lag_p99_ms,
                "rows": case.rows.iter().map(row).collect::<Vec<_>>(),
            })
        })
        .collect();
    let document = json_value!({
        "schema": SCHEMA,
        "holds": holds,
        "cases": cases,
        "highest_valid_rate": {
            "requests_per_s": rate.highest,
            "schedule_lag_p99_ms": rate.lag_p99_ms,
            "is_bounded": rate.is_bounded,
        },
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::super::cases::CASES;
    use super::*;
    use crate::report::schemas::OutputSchema;
    use plimsoll_fixture::assert_described;

    /// The first case, as exact as it should be or with a mean that is so much too high.
    fn proved(off: f64) -> Vec<ProvedCase> {
        let case = &CASES[0];
        let reported =
            |at: usize, truth: f64| Some(if at == 0 { truth * (1.0 + off) } else { truth });
        let rows = case
            .truths
            .iter()
            .enumerate()
            .map(|(at, truth)| ProvedRow { truth, reported: reported(at, truth.value) });
        vec![ProvedCase { case, rows: rows.collect(), lag_p99_ms: Some(0.21) }]
    }

    fn rate(highest: Option<f64>) -> ProvedRate {
        ProvedRate { highest, lag_p99_ms: Some(0.3), is_bounded: highest.is_some() }
    }

    #[test]
    fn table_says_what_is_off() {
        let well = text(&proved(0.049), &rate(Some(20_000.0)));
        assert!(well.contains("All 3 figures are as exact as they should be."), "{well}");
        assert!(
            well.contains("This machine offers 20000 req/s validly, lag p99 0.30 ms"),
            "{well}"
        );
        let off = text(&proved(0.06), &rate(None));
        assert!(off.contains("1 of 3 figures are off"), "{off}");
        assert!(off.lines().any(|line| line.contains("+6.00 %") && line.ends_with("off")), "{off}");
        assert!(off.contains("not even the lowest rate"), "{off}");
    }

    #[test]
    fn document_fits_the_schema_that_is_printed() {
        for rate in [rate(None), rate(Some(2_000.0))] {
            let document = json(&proved(0.0), &rate, true);
            assert_described(
                OutputSchema::Prove.text(),
                &serde_json::from_str(&document).expect("JSON"),
            );
        }
    }
}
