//! Metrics of the stack itself, as the run's observers read them.

use std::collections::BTreeMap;

use super::measured::{CONFIDENCE, Measured};
use super::statistics::batches::{self, BatchPart};
use super::window::JudgedWindow;
use plimsoll_metrics::{Bound, EventKind, Objective, ReadingRef};
use plimsoll_units::Quantity;

/// Replicas that differ from their mean by more than this share are loaded unevenly.
const UNEVEN: f64 = 0.2;

/// The mean over the steady seconds of the readings that `matches` picks.
///
/// Of several replicas the one that is worst in the sense of the objective is judged, because a limit
/// per instance is broken as soon as one instance breaks it; where replicas differ by more than 20 % of
/// their mean the note says so.
pub(super) fn measure(
    window: &JudgedWindow<'_>,
    objective: &Objective,
    matches: impl Fn(ReadingRef<'_>) -> bool,
) -> Measured {
    let asked = objective.limit.or(objective.target);
    let (mut replicas, mut kind) = (BTreeMap::<&str, Vec<BatchPart>>::new(), None);
    let mut asked_for = 0;
    for interval in window.steady() {
        let values = interval.readings.iter().filter(|reading| matches(*reading));
        let values = values.inspect(|_| asked_for += 1);
        let known = values.filter_map(|r| r.value.map(|value| (r, value)));
        for (reading, value) in known.filter(|(_, value)| value.base().is_finite()) {
            kind.get_or_insert(value);
            replicas
                .entry(reading.replica)
                .or_default()
                .push(BatchPart { value: value.base(), weight: 1.0 });
        }
    }
    let Some(kind) = kind else {
        return Measured::nothing(0, without_data(window, objective, asked_for > 0));
    };
    if let Some(asked) = asked.filter(|asked| asked.kind() != kind.kind()) {
        return Measured::nothing(
            0,
            format!(
                "n/a: the source gives a {}, the table asks for a {}",
                kind.kind(),
                asked.kind()
            ),
        );
    }
    judge_worst(&replicas, kind, objective.bound)
}

/// Whether `reading` is of `metric`, told in what the table asks for.
///
/// A table may ask for memory in bytes or as a share of the limit; sources give both, under names of their own.
pub(super) fn tells(reading: ReadingRef<'_>, metric: &str, asked: Option<Quantity>) -> bool {
    use Quantity::{Share, Size};
    let name = reading.metric;
    if name == metric {
        return !matches!((asked, reading.value), (Some(Size(_)), Some(Share(_))));
    }
    match (asked, reading.value) {
        (Some(Size(_)), Some(Size(_))) => name.strip_suffix("_used") == Some(metric),
        (Some(Share(_)), Some(Share(_))) => metric.strip_suffix("_share") == Some(name),
        _ => false,
    }
}

/// Why there is no value: nobody looks, or whoever looked saw nothing, for a reason that an event told.
fn without_data(window: &JudgedWindow<'_>, objective: &Objective, was_asked_for: bool) -> String {
    let name = &objective.name;
    if !was_asked_for {
        return format!("n/a: nothing observes {name}");
    }
    let tier = name.split('.').next().unwrap_or_default();
    let mut troubles = window.log.events.iter().filter_map(|event| match &event.kind {
        EventKind::SourceError(source) => Some(source),
        _ => None,
    });
    match troubles.rfind(|source| source.tier == tier) {
        Some(trouble) => format!("n/a: no data; {trouble}"),
        None => format!("n/a: no data for {name}"),
    }
}

fn judge_worst(
    replicas: &BTreeMap<&str, Vec<BatchPart>>,
    kind: Quantity,
    bound: Bound,
) -> Measured {
    let estimates: Vec<_> = replicas
        .iter()
        .filter_map(|(name, parts)| Some((*name, batches::estimate(parts)?, parts.len() as u64)))
        .collect();
    let order = |a: f64, b: f64| match bound {
        Bound::AtMost => a.total_cmp(&b),
        Bound::AtLeast => b.total_cmp(&a),
    };
    let worst = estimates.iter().max_by(|a, b| order(a.1.value, b.1.value));
    let Some((name, estimate, samples)) = worst else {
        return Measured::nothing(0, "n/a: no reading".to_owned());
    };
    let mean = estimates.iter().map(|e| e.1.value).sum::<f64>() / estimates.len() as f64;
    let note = if (estimate.value - mean).abs() > UNEVEN * mean.abs() {
        format!(
            "uneven: replica {name} is at {}, the mean of {} is {}",
            kind.with_base(estimate.value),
            estimates.len(),
            kind.with_base(mean)
        )
    } else {
        String::new()
    };
    let quantity = kind.with_base(estimate.value);
    // A share that never exceeded the whole will not; CPU over a quota can, and does.
    let within = replicas.values().flatten().all(|part| part.value <= 1.0);
    let most = if within && matches!(kind, Quantity::Share(_)) { 1.0 } else { f64::INFINITY };
    let interval = estimate.interval(CONFIDENCE);
    let interval = interval.map(|(lower, upper)| (lower.max(0.0), upper.min(most)));
    Measured::value(quantity, interval, *samples).with_note(note)
}
