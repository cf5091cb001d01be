//! A measured value held against target and max.

use super::ObjectiveStatus;
use super::measured::Measured;
use crate::metrics::{Bound, Objective};
use crate::units::{Nanos, Quantity};

/// Holds a measured value against max and target.
///
/// Inconclusive only where the interval straddles the max; against the target the estimate decides.
pub(super) fn compare(
    objective: &Objective,
    measured: &Measured,
    length: Nanos,
) -> (ObjectiveStatus, String) {
    let note = measured.note.clone();
    let Some(estimate) = measured.estimate.filter(|_| !measured.unproven) else {
        return (ObjectiveStatus::NotMeasured, note);
    };
    // Seen from the good side: positive is beyond the bound.
    let sign = match objective.bound {
        Bound::AtMost => 1.0,
        Bound::AtLeast => -1.0,
    };
    let beyond = |value: f64, bound: Quantity| sign * (value - bound.base()) > 0.0;
    if let Some(limit) = objective.limit {
        let (lower, upper) = measured.interval.unwrap_or((estimate.base(), estimate.base()));
        match (beyond(lower, limit), beyond(upper, limit)) {
            (true, true) => return (ObjectiveStatus::Fail, note),
            (false, false) => {}
            (true, false) | (false, true) => {
                let advice = longer(estimate.base(), (lower, upper), limit.base(), length);
                return (ObjectiveStatus::Inconclusive, joined(&note, &advice));
            }
        }
    }
    let note = match measured.interval {
        None if objective.limit.is_some_and(|limit| limit.base() > 0.0) => {
            joined(&note, "too few seconds for an interval: the estimate decides")
        }
        _ => note,
    };
    match objective.target {
        Some(target) if beyond(estimate.base(), target) => (ObjectiveStatus::AtRisk, note),
        _ => (ObjectiveStatus::Pass, note),
    }
}

fn joined(note: &str, more: &str) -> String {
    if note.is_empty() { more.to_owned() } else { format!("{note}; {more}") }
}

/// How much longer to run until the interval leaves `limit` out: its width shrinks with the root of the
/// time.
fn longer(estimate: f64, interval: (f64, f64), limit: f64, length: Nanos) -> String {
    let reach = if limit > estimate { interval.1 - estimate } else { estimate - interval.0 };
    let gap = (limit - estimate).abs();
    let factor = if gap > 0.0 { (reach / gap).powi(2) } else { f64::INFINITY };
    let seconds = length.as_secs_f64() * (factor - 1.0).max(0.1);
    if !seconds.is_finite() || seconds > 86_400.0 {
        return "the interval contains the max, and the value is too close to it to tell apart by \
                running longer: treat it as at its limit"
            .to_owned();
    }
    let step = if seconds > 120.0 { 60 } else { 10 };
    let rounded = (seconds.ceil() as u64).div_ceil(step) * step;
    format!(
        "the interval contains the max; run about {} longer to tell",
        Nanos::from_secs(rounded.max(10))
    )
}
