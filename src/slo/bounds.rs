//! A measured value held against target and max.

use super::measured::Measured;
use super::{MoreTime, ObjectiveStatus};
use plimsoll_metrics::{Bound, Measure, Objective};
use plimsoll_units::{Nanos, Quantity};

/// What holding a value against its bounds came to.
pub(super) struct BoundComparison {
    pub(super) status: ObjectiveStatus,
    /// How much longer the run would have to be to tell.
    pub(super) more_time: Option<MoreTime>,
    /// Whether the generator's lag is why nothing can be told.
    pub(super) by_lag: bool,
    pub(super) note: String,
}

impl BoundComparison {
    fn of(status: ObjectiveStatus, note: String) -> Self {
        Self { status, more_time: None, by_lag: false, note }
    }
}

/// Holds a measured value against max and target.
///
/// What the generator's lag may have added is an interval like that of chance: a row passes if even the upper bound
/// of both passes, and fails if even the lower bound fails. Inconclusive only where the max lies between; against the
/// target the estimate decides.
pub(super) fn compare(
    objective: &Objective,
    measured: &Measured,
    length: Nanos,
) -> BoundComparison {
    let note = measured.note.clone();
    let Some(estimate) = measured.estimate.filter(|_| !measured.unproven) else {
        let more_time = measured.more_time;
        return BoundComparison {
            more_time,
            ..BoundComparison::of(ObjectiveStatus::NotMeasured, note)
        };
    };
    // Seen from the good side: positive is beyond the bound.
    let sign = match objective.bound {
        Bound::AtMost => 1.0,
        Bound::AtLeast => -1.0,
    };
    let beyond = |value: f64, bound: Quantity| sign * (value - bound.base()) > 0.0;
    if let Some(limit) = objective.limit {
        match side(measured, |value| beyond(value, limit)) {
            BoundSide::Beyond => return BoundComparison::of(ObjectiveStatus::Fail, note),
            BoundSide::Within => {}
            BoundSide::Straddling { .. } if spent(objective, estimate.base(), limit.base()) => {
                let text = format!(
                    "the run has failed {:.0} × as often as the max allows: no error in {} more would \
                     bring it back",
                    estimate.base() / limit.base(),
                    Nanos::from_secs_f64((length.as_secs_f64() * (SPENT - 1.0)).round())
                );
                return BoundComparison::of(ObjectiveStatus::Fail, joined(&note, &text));
            }
            BoundSide::Straddling { by_lag: true } => {
                let text =
                    "the generator was late, and the max lies within what that may have added";
                let found = BoundComparison::of(ObjectiveStatus::Inconclusive, joined(&note, text));
                return BoundComparison { by_lag: true, ..found };
            }
            BoundSide::Straddling { by_lag: false } => {
                let interval = measured.interval.unwrap_or((estimate.base(), estimate.base()));
                let more = longer(estimate.base(), interval, limit.base(), length);
                let text = advice(more);
                let found =
                    BoundComparison::of(ObjectiveStatus::Inconclusive, joined(&note, &text));
                return BoundComparison { more_time: Some(more), ..found };
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
        Some(target) if beyond(estimate.base(), target) => {
            let lower = measured.without_lag.map_or(estimate.base(), |lower| lower.estimate);
            let may_be_met = !beyond(lower, target);
            let text = "the generator was late, and without that the target may be met";
            let note = if may_be_met { joined(&note, text) } else { note };
            BoundComparison::of(ObjectiveStatus::AtRisk, note)
        }
        _ => BoundComparison::of(ObjectiveStatus::Pass, note),
    }
}

/// On which side of a bound a value lies, chance and lag included.
enum BoundSide {
    Within,
    Beyond,
    Straddling {
        /// Whether either end of the lag alone would tell.
        by_lag: bool,
    },
}

fn side(measured: &Measured, is_beyond: impl Fn(f64) -> bool) -> BoundSide {
    let estimate = measured.estimate.map_or(0.0, Quantity::base);
    let upper = measured.interval.unwrap_or((estimate, estimate));
    let lower = measured.without_lag.map_or(upper, |without| without.interval);
    let of = |(low, high): (f64, f64)| (is_beyond(low), is_beyond(high));
    let (lower, upper) = (of(lower), of(upper));
    match (lower, upper) {
        ((true, true), (true, true)) => BoundSide::Beyond,
        ((false, false), (false, false)) => BoundSide::Within,
        _ => BoundSide::Straddling { by_lag: lower.0 == lower.1 || upper.0 == upper.1 },
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
fn longer(estimate: f64, interval: (f64, f64), limit: f64, length: Nanos) -> MoreTime {
    let reach = if limit > estimate { interval.1 - estimate } else { estimate - interval.0 };
    let gap = (limit - estimate).abs();
    let factor = if gap > 0.0 { (reach / gap).powi(2) } else { f64::INFINITY };
    let seconds = length.as_secs_f64() * (factor - 1.0).max(0.1);
    if !seconds.is_finite() || seconds > 86_400.0 {
        return MoreTime::TooLong;
    }
    let step = if seconds > 120.0 { 60 } else { 10 };
    let rounded = (seconds.ceil() as u64).div_ceil(step) * step;
    MoreTime::About(Nanos::from_secs(rounded.max(10)))
}

fn advice(more: MoreTime) -> String {
    match more {
        MoreTime::About(time) => {
            format!("the interval contains the max; run about {time} longer to decide")
        }
        MoreTime::TooLong => {
            "the interval contains the max, and the value is too close to it to tell apart by \
                              running longer: treat it as at its limit"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::Scope;
    use plimsoll_units::Ratio;

    fn status(measure: Measure, estimate: f64) -> ObjectiveStatus {
        let share = |value| Quantity::Share(Ratio::new(value));
        let objective = Objective {
            name: "row".into(),
            scope: Scope::Run,
            measure,
            bound: Bound::AtMost,
            target: None,
            limit: Some(share(0.01)),
            of: plimsoll_metrics::Answers::default(),
        };
        let measured = Measured::value(share(estimate), Some((0.000_1, 0.95)), 1_600);
        compare(&objective, &measured, Nanos::from_secs(16)).status
    }

    #[test]
    fn errors_that_no_longer_run_can_make_good_fail() {
        assert_eq!(status(Measure::ErrorRate, 0.25), ObjectiveStatus::Fail);
        assert_eq!(status(Measure::ErrorRate, 0.02), ObjectiveStatus::Inconclusive);
        assert_eq!(status(Measure::Throughput, 0.25), ObjectiveStatus::Inconclusive);
    }

    /// A p95 against a max of 500 ms, in milliseconds: what was measured, and the same without lag.
    fn late(upper: (f64, f64), lower: (f64, f64)) -> BoundComparison {
        let time = |ms: f64| Quantity::Time(Nanos::from_secs_f64(ms / 1e3));
        let value = |(low, high): (f64, f64)| {
            let middle = f64::midpoint(low, high);
            Measured::value(time(middle), Some((low / 1e3, high / 1e3)), 1_000)
        };
        let objective = Objective {
            name: "p95".into(),
            scope: Scope::Run,
            measure: Measure::ResponseTime(0.95),
            bound: Bound::AtMost,
            target: None,
            limit: Some(time(500.0)),
            of: plimsoll_metrics::Answers::default(),
        };
        compare(&objective, &value(upper).down_to(&value(lower)), Nanos::from_secs(60))
    }

    #[test]
    fn lag_is_in_doubt_only_where_the_max_lies_within_it() {
        use ObjectiveStatus::{Fail, Inconclusive, Pass};
        let statuses = |upper, lower| {
            let found = late(upper, lower);
            (found.status, found.by_lag, found.more_time.is_some())
        };
        assert_eq!(statuses((450.0, 490.0), (20.0, 40.0)), (Pass, false, false));
        assert_eq!(statuses((700.0, 900.0), (510.0, 600.0)), (Fail, false, false));
        // A punctual generator would have told: one way or the other.
        assert_eq!(statuses((510.0, 600.0), (400.0, 450.0)), (Inconclusive, true, false));
        assert_eq!(statuses((480.0, 600.0), (400.0, 450.0)), (Inconclusive, true, false));
        assert_eq!(statuses((510.0, 600.0), (450.0, 520.0)), (Inconclusive, true, false));
        // Nor would that have told.
        assert_eq!(statuses((480.0, 600.0), (470.0, 590.0)), (Inconclusive, false, true));
    }
}
