//! Figures as `result.json` has them: times in milliseconds, rounded to the microsecond.

use serde_json::{Map, Value, json};

use plimsoll_metrics::{Distribution, Tally};
use plimsoll_units::{Nanos, Quantity};

/// Three decimals: microseconds of a number of milliseconds.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

pub(super) fn ms(span: Nanos) -> f64 {
    rounded(span.as_millis_f64())
}

pub(super) fn by_name(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect::<Map<_, _>>())
}

/// A quantity in the unit that [`unit`] names.
pub(super) fn number(quantity: Quantity) -> f64 {
    match quantity {
        Quantity::Time(span) => ms(span),
        Quantity::Share(share) => (share.get() * 1e9).round() / 1e9,
        Quantity::Rate(_) | Quantity::Size(_) | Quantity::Count(_) | Quantity::Money(_) => {
            rounded(quantity.base())
        }
    }
}

pub(super) const fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Time(_) => "ms",
        Quantity::Share(_) => "ratio",
        Quantity::Rate(_) => "per_s",
        Quantity::Size(_) => "bytes",
        Quantity::Count(_) => "count",
        Quantity::Money(_) => "usd",
    }
}

/// The seven figures of a distribution of times; all `null` if it is empty.
pub(super) fn times(times: &Distribution) -> Value {
    let some = !times.is_empty();
    let quantile = |q| some.then(|| ms(times.quantile(q)));
    json!({
        "mean": some.then(|| ms(times.mean())),
        "p50": quantile(0.5),
        "p90": quantile(0.9),
        "p95": quantile(0.95),
        "p99": quantile(0.99),
        "p999": quantile(0.999),
        "max": some.then(|| ms(times.max())),
    })
}

/// The same of failed requests; `null` where none failed.
pub(super) fn failed_times(totals: &Tally) -> Value {
    if totals.failed_time.is_empty() { Value::Null } else { times(&totals.failed_time) }
}
