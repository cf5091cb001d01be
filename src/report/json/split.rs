//! Blue and green, for machines.

use serde_json::{Value, json};

use super::values::{by_name, failed_times, number, rounded, times};
use plimsoll_metrics::{Side, Tally};
use plimsoll_slo::{BlueGreen, Contrast, ContrastBasis, ContrastRow, ShareResult, SideValue};

/// The object `blue_green`: absent from the result of a run that was not split.
pub(super) fn value(found: &BlueGreen) -> Value {
    let mut value = json!({
        "blue": found.blue,
        "green": found.green,
        "requests": { "blue": found.requests[0], "green": found.requests[1] },
        "shares": found.shares.iter().map(share).collect::<Vec<_>>(),
    });
    if found.duet {
        value["duet"] = json!(true);
    }
    value
}

fn share(share: &ShareResult) -> Value {
    let sides = Side::ALL.into_iter().zip(&share.sides);
    json!({
        "green_share": share.part.share.get(),
        "from_s": rounded(share.part.from.as_secs_f64()),
        "to_s": rounded(share.part.until.as_secs_f64()),
        "judged_s": rounded(share.span.as_secs_f64()),
        "sides": by_name(sides.map(|(side, totals)| (side.name().to_owned(), totals_of(totals)))),
        "comparison": share.contrast.as_ref().map(contrast),
    })
}

fn totals_of(totals: &Tally) -> Value {
    let classes = totals.counts.failures();
    let classes = classes.iter().map(|(class, count)| (class.name().to_owned(), json!(count)));
    let rate = (totals.counts.attempts() > 0).then(|| exact(totals.counts.error_rate().get()));
    json!({
        "iterations": totals.counts.arrivals.started,
        "requests": totals.counts.requests,
        "response_time_ms": times(&totals.success_time()),
        "failed_response_time_ms": failed_times(totals),
        "errors": { "rate": rate, "by_class": by_name(classes) },
    })
}

fn contrast(contrast: &Contrast) -> Value {
    json!({
        "against": match contrast.against {
            ContrastBasis::Pairs => "blue_in_the_same_arrivals",
            ContrastBasis::SameSeconds => "blue_in_the_same_seconds",
            ContrastBasis::Before => "blue_before",
        },
        "verdict": contrast.verdict().key(),
        "measures": by_name(contrast.rows.iter().map(|row| (row.name.to_owned(), measure(row)))),
    })
}

/// Times in milliseconds, shares as they are. The effect is green / blue of a time, green − blue of a share.
fn measure(row: &ContrastRow) -> Value {
    let kind = if row.is_ratio { "ratio" } else { "difference" };
    let mut value = json!({
        "blue": known(&row.blue),
        "green": known(&row.green),
        "effect": row.effect.map(|effect| json!({
            "kind": kind,
            "value": exact(effect.value),
            "interval": [exact(effect.lower), exact(effect.upper)],
        })),
        "verdict": row.verdict.key(),
        "note": row.note,
    });
    if let Some(saved) = row.saved {
        value["times_as_long_in_turns"] = json!(exact(saved));
    }
    value
}

fn known(known: &SideValue) -> Value {
    json!({
        "estimate": known.estimate.map(number),
        "interval": known.interval.map(|(low, high)| [number(low), number(high)]),
    })
}

/// Nine decimals.
fn exact(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
