//! One estimator of a row for whoever asks: a run's verdict, a gate, a step of a search for capacity.
//!
//! A search that judged its steps by rules of its own would claim rates that a run then fails, or the other way
//! round. So a row is measured and held against its max here, from its seconds alone.

use super::measured::{CONFIDENCE, Measured};
use super::statistics::batches::{self, BatchPart};
use super::statistics::{order_statistics, proportion};
use super::times::{self, Buckets};
use super::{ObjectiveStatus, bounds};
use plimsoll_metrics::{Bound, Measure, Objective, Scope};
use plimsoll_units::{Nanos, Quantity, Ratio};

/// Failures among attempts within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailureCounts {
    /// Those that failed.
    pub failed: u64,
    /// All of them.
    pub attempts: u64,
}

/// Whether a quantile of the times of `seconds` is within `max`. `p` is from 0 to 1.
pub fn quantile_status(seconds: &[impl Buckets], p: f64, max: Nanos) -> ObjectiveStatus {
    let measured = times::quantile(seconds, p);
    status(Measure::ResponseTime(p), &measured, Quantity::Time(max))
}

/// Whether the mean of the times of `seconds` is within `max`.
pub fn mean_status(seconds: &[impl Buckets], max: Nanos) -> ObjectiveStatus {
    status(Measure::MeanResponseTime, &times::mean(seconds), Quantity::Time(max))
}

/// Whether the error rate over `seconds` is within `max`.
pub fn error_rate_status(seconds: &[FailureCounts], max: Ratio) -> ObjectiveStatus {
    let measured = error_rate(seconds, Some(max.get()));
    status(Measure::ErrorRate, &measured, Quantity::Share(max))
}

fn status(measure: Measure, measured: &Measured, max: Quantity) -> ObjectiveStatus {
    let objective = Objective {
        name: String::new(),
        scope: Scope::Run,
        measure,
        bound: Bound::AtMost,
        target: None,
        limit: Some(max),
        of: plimsoll_metrics::Answers::default(),
    };
    bounds::compare(&objective, measured, Nanos::ZERO).status
}

/// Failures among attempts with their interval, held against a max where there is one: without a single failure the
/// question is only whether there were enough attempts to prove it.
pub(super) fn error_rate(seconds: &[FailureCounts], max: Option<f64>) -> Measured {
    let part = |second: &FailureCounts| BatchPart {
        value: second.failed as f64,
        weight: second.attempts as f64,
    };
    let parts: Vec<BatchPart> = seconds.iter().map(part).collect();
    let attempts: u64 = seconds.iter().map(|second| second.attempts).sum();
    let failed: u64 = seconds.iter().map(|second| second.failed).sum();
    let Some(found) = batches::estimate(&parts) else {
        return Measured::nothing(0, "n/a (n=0): no request ended".to_owned());
    };
    let interval = proportion::interval(&found, attempts, CONFIDENCE);
    let estimate = Quantity::Share(Ratio::new(found.value));
    let mut measured = Measured::value(estimate, Some(interval), attempts);
    if failed == 0 && max.is_some_and(|max| max <= 0.0) {
        // "No error at all" speaks of this run; no run could prove it of all others.
        measured.interval = None;
        return measured;
    }
    if let Some(max) = max.filter(|max| failed == 0 && interval.1 > *max) {
        let needed = order_statistics::least_count(1.0 - max, CONFIDENCE);
        measured.unproven = true;
        measured.note = format!(
            "none of {attempts} failed, which does not prove {}; {needed} requests would",
            Ratio::new(max)
        );
    }
    measured
}
