//! Scaling signals of the stack file as the run goes on: quiet, holding, or firing.

use plimsoll_metrics::{Counts, Interval};
use plimsoll_scenario::stack::SignalSpec;
use plimsoll_units::{Nanos, RunTime};

/// A signal and what became of it.
#[derive(Debug, Clone)]
pub(super) struct SignalLive {
    pub(super) signal: SignalSpec,
    /// The last value of its metric, in base units; `None` where nothing observes it.
    pub(super) value: Option<f64>,
    /// Since when its condition holds.
    since: Option<RunTime>,
    now: RunTime,
}

/// What a signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignalState {
    /// Nothing tells its metric.
    NotObserved,
    /// Its condition does not hold.
    Quiet,
    /// Its condition has held for so long, which is not yet long enough.
    Holding(Nanos),
    /// It fires, since this moment.
    Firing(RunTime),
}

impl SignalLive {
    pub(super) const fn new(signal: SignalSpec) -> Self {
        Self { signal, value: None, since: None, now: RunTime::ZERO }
    }

    /// Takes in a second. `times` are its p50, p95 and p99 in milliseconds.
    pub(super) fn on_interval(&mut self, second: &Interval, times: Option<[f64; 3]>) {
        self.value = value(&self.signal, second, times);
        self.now = second.end;
        let threshold = self.signal.threshold.base();
        let holds = self.value.is_some_and(|value| {
            if self.signal.above { value > threshold } else { value < threshold }
        });
        self.since = if holds { self.since.or(Some(second.start)) } else { None };
    }

    pub(super) fn state(&self) -> SignalState {
        match (self.value, self.since) {
            (None, _) => SignalState::NotObserved,
            (_, None) => SignalState::Quiet,
            (_, Some(since)) if self.now.since(since) >= self.signal.sustained => {
                SignalState::Firing(since + self.signal.sustained)
            }
            (_, Some(since)) => SignalState::Holding(self.now.since(since)),
        }
    }
}

/// The signal's metric in base units: of a tier the mean over its replicas, as autoscalers take it.
fn value(signal: &SignalSpec, second: &Interval, times: Option<[f64; 3]>) -> Option<f64> {
    if !signal.tier.is_empty() {
        let of_tier = |r: &plimsoll_metrics::ReadingRef<'_>| {
            r.tier == signal.tier && r.metric == signal.metric
        };
        let values: Vec<f64> =
            second.readings.iter().filter(of_tier).filter_map(|r| Some(r.value?.base())).collect();
        return (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    }
    let quantile = |index: usize| times.map(|ms| ms[index] / 1e3);
    match signal.metric.as_str() {
        "p50" => quantile(0),
        "p95" => quantile(1),
        "p99" => quantile(2),
        "throughput" => Some(second.requests() as f64 / second.length().as_secs_f64().max(1e-9)),
        "error_rate" => Some(Counts::of(second).error_rate().get()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::Quantity;

    fn signal(metric: &str, above: bool, threshold: Quantity) -> SignalLive {
        SignalLive::new(SignalSpec {
            tier: String::new(),
            metric: metric.into(),
            above,
            threshold,
            sustained: Nanos::from_secs(3),
            text: String::new(),
        })
    }

    fn second(at: u64) -> Interval {
        let start = RunTime::ZERO + Nanos::from_secs(at);
        Interval { start, end: start + Nanos::from_secs(1), ..Interval::default() }
    }

    #[test]
    fn signal_fires_only_when_its_condition_held_long_enough_without_a_gap() {
        let limit = Quantity::Time(Nanos::from_millis(500));
        let mut p95 = signal("p95", true, limit);
        assert_eq!(p95.state(), SignalState::NotObserved);
        let mut seen = Vec::new();
        for (at, ms) in [600.0, 600.0, 400.0, 600.0, 600.0, 600.0, 600.0].iter().enumerate() {
            p95.on_interval(&second(at as u64), Some([1.0, *ms, 1.0]));
            seen.push(p95.state());
        }
        let holding = |s| SignalState::Holding(Nanos::from_secs(s));
        let firing = SignalState::Firing(RunTime::ZERO + Nanos::from_secs(6));
        let expected =
            [holding(1), holding(2), SignalState::Quiet, holding(1), holding(2), firing, firing];
        assert_eq!(seen, expected);
    }

    #[test]
    fn metric_that_nothing_tells_is_not_observed() {
        let mut queue = signal("queue_depth", true, Quantity::Count(1.0));
        queue.on_interval(&second(0), None);
        assert_eq!(queue.state(), SignalState::NotObserved);
    }
}
