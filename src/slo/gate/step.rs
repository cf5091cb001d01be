//! The numbers of one step within a run.

use serde::{Deserialize, Serialize};

use super::super::statistics::order_statistics::least_count;
use super::metric::{CONFIDENCE, GateMetric};
use plimsoll_metrics::{Answers, Distribution, Tally};
use plimsoll_units::{Nanos, Ratio};

/// The numbers of one step within a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSummary {
    /// The step's name.
    pub name: String,
    /// How many requests ended.
    pub requests: u64,
    /// Median response time of successes; absent of too few requests (5).
    pub p50: Option<Nanos>,
    /// p95 of response time; absent of too few requests (59).
    pub p95: Option<Nanos>,
    /// p99 of response time; absent of too few requests (299).
    pub p99: Option<Nanos>,
    /// Mean response time; absent without requests.
    pub mean: Option<Nanos>,
    /// Failures among attempts, as [`Counts::error_rate`](plimsoll_metrics::Counts::error_rate) counts them; absent
    /// without attempts.
    pub error_rate: Option<Ratio>,
    /// The same of all requests, failures included, where a row of the SLO table asks for them (`of: all`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<TimeSummary>,
}

/// Response times in a few numbers, each within 0.1 % of the truth: as well as a log keeps them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSummary {
    /// The median; absent of too few requests (5).
    pub p50: Option<Nanos>,
    /// p95; absent of too few requests (59).
    pub p95: Option<Nanos>,
    /// p99; absent of too few requests (299).
    pub p99: Option<Nanos>,
    /// The mean, exactly; absent without requests.
    pub mean: Option<Nanos>,
}

impl TimeSummary {
    pub(super) fn of(times: &Distribution) -> Self {
        let quantile =
            |p: f64| (times.count() >= least_count(p, CONFIDENCE)).then(|| times.quantile(p));
        Self {
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            mean: (!times.is_empty()).then(|| times.mean()),
        }
    }

    fn value(&self, metric: GateMetric) -> Option<f64> {
        let time = match metric {
            GateMetric::P50 => self.p50,
            GateMetric::P95 => self.p95,
            GateMetric::P99 => self.p99,
            GateMetric::Mean => self.mean,
            GateMetric::ErrorRate => None,
        };
        time.map(Nanos::as_secs_f64)
    }
}

impl StepSummary {
    pub(super) fn of(name: &str, tally: &Tally) -> Self {
        let counts = &tally.counts;
        let TimeSummary { p50, p95, p99, mean } = TimeSummary::of(&tally.success_time());
        let error_rate = (counts.attempts() > 0).then(|| counts.error_rate());
        let requests = counts.requests;
        Self { name: name.to_owned(), requests, p50, p95, p99, mean, error_rate, all: None }
    }

    /// The value of `metric` over successes: seconds, or a share; `None` where the run was too short for it.
    pub fn value(&self, metric: GateMetric) -> Option<f64> {
        let Self { p50, p95, p99, mean, .. } = *self;
        match metric {
            GateMetric::ErrorRate => self.error_rate.map(Ratio::get),
            time => TimeSummary { p50, p95, p99, mean }.value(time),
        }
    }

    /// The value of `metric` over these requests; `None` where the summary does not hold it either.
    pub(super) fn value_of(&self, metric: GateMetric, of: Answers) -> Option<f64> {
        match (of, metric) {
            (
                Answers::All,
                GateMetric::P50 | GateMetric::P95 | GateMetric::P99 | GateMetric::Mean,
            ) => self.all?.value(metric),
            (Answers::Successes, _) | (_, GateMetric::ErrorRate) => self.value(metric),
        }
    }

    /// Whether some of its requests failed.
    pub(super) fn has_failures(&self) -> bool {
        self.error_rate.is_some_and(|rate| rate.get() > 0.0)
    }
}
