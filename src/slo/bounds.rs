//! A measured value held against target and max.

use super::ObjectiveStatus;
use super::measured::Measured;
use crate::metrics::{Bound, Measure, Objective};
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
            (true, false) | (false, true) if spent(objective, estimate.base(), limit.base()) => {
                let text = format!(
                    "the run has failed {:.0} × as often as the max allows: no error in {} more would \
                     bring it back",
                    estimate.base() / limit.base(),
                    Nanos::from_secs_f64((length.as_secs_f64() * (SPENT - 1.0)).round())
                );
                return (ObjectiveStatus::Fail, joined(&note, &text));
            }
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

/// So many times the errors that a max allows cannot be waited away.
const SPENT: f64 = 10.0;

/// Whether an error rate is so far beyond its max that a run ten times as long without another error would
/// still exceed it. A few bursts make a wide interval, but running longer is then no way out: the budget
/// of errors is spent (Beyer et al., *Site Reliability Engineering*, 2016, chapter 3).
fn spent(objective: &Objective, estimate: f64, limit: f64) -> bool {
    matches!(objective.measure, Measure::ErrorRate) && limit > 0.0 && estimate >= SPENT * limit
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
        "the interval contains the max; run about {} longer to decide",
        Nanos::from_secs(rounded.max(10))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Scope;
    use crate::units::Ratio;

    fn status(measure: Measure, estimate: f64) -> ObjectiveStatus {
        let share = |value| Quantity::Share(Ratio::new(value));
        let objective = Objective {
            name: "row".into(),
            scope: Scope::Run,
            measure,
            bound: Bound::AtMost,
            target: None,
            limit: Some(share(0.01)),
        };
        let measured = Measured::value(share(estimate), Some((0.000_1, 0.95)), 1_600);
        compare(&objective, &measured, Nanos::from_secs(16)).0
    }

    #[test]
    fn errors_that_no_longer_run_can_make_good_fail() {
        assert_eq!(status(Measure::ErrorRate, 0.25), ObjectiveStatus::Fail);
        assert_eq!(status(Measure::ErrorRate, 0.02), ObjectiveStatus::Inconclusive);
        assert_eq!(status(Measure::Throughput, 0.25), ObjectiveStatus::Inconclusive);
    }
}
