//! One steady step of a capacity run: what was offered, what came back, what the stack used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::slo_limits::SloLimit;
use plimsoll_slo::{
    FailureCounts, ObjectiveStatus, error_rate_status, mean_status, quantile_status,
};
use plimsoll_units::{Bytes, Nanos, Rate, Ratio};

/// A step with a greater share of throttled requests met a rate limit.
const THROTTLED: f64 = 0.01;

/// Whether an objective holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepVerdict {
    /// It holds, beyond doubt.
    Pass,
    /// It does not, beyond doubt.
    Fail,
    /// The interval contains the limit.
    Inconclusive,
}

/// Why a step is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPurpose {
    /// The lowest rate: what a response costs when nobody waits.
    Baseline,
    /// Doubling, or halving, until one rate passes and one fails.
    Bracket,
    /// Narrowing the bracket.
    Refine,
    /// Holding the claimed rate.
    Confirm,
    /// Showing the failure 10 % above the claim.
    Breach,
}

impl StepPurpose {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Bracket => "bracket",
            Self::Refine => "refine",
            Self::Confirm => "confirm",
            Self::Breach => "breach",
        }
    }
}

/// Why a step was stopped before its end, to protect the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbortReason {
    /// Requests pile up faster than they are answered.
    InFlightRunaway,
    /// Too many requests fail.
    ErrorBurst,
}

/// A short span inside a step. All batches of one step are equally long, whole seconds for instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Response times of the requests that succeeded.
    pub response: Histogram,
    /// Requests that failed, throttled ones apart.
    pub errors: u64,
    /// Requests refused by a rate limit.
    pub throttled: u64,
}

impl Batch {
    /// Whether `limit` is kept by `batches` in order, judged like the same row of any run.
    pub fn verdict(batches: &[&Self], limit: &SloLimit) -> StepVerdict {
        let times: Vec<&Histogram> = batches.iter().map(|batch| &batch.response).collect();
        let failures = |batch: &&Self| FailureCounts {
            failed: batch.errors,
            attempts: batch.response.count() + batch.errors,
        };
        let status = match limit {
            SloLimit::Quantile { p, max } => quantile_status(&times, p.get(), *max),
            SloLimit::Mean { max } => mean_status(&times, *max),
            SloLimit::ErrorRate { max } => {
                let failures: Vec<FailureCounts> = batches.iter().map(failures).collect();
                match error_rate_status(&failures, *max) {
                    // A step is too short to prove a small error rate; that says nothing against its rate.
                    ObjectiveStatus::NotMeasured if failures.iter().all(|one| one.failed == 0) => {
                        ObjectiveStatus::Pass
                    }
                    status => status,
                }
            }
        };
        match status {
            ObjectiveStatus::Pass | ObjectiveStatus::AtRisk => StepVerdict::Pass,
            ObjectiveStatus::Fail => StepVerdict::Fail,
            ObjectiveStatus::Inconclusive | ObjectiveStatus::NotMeasured => {
                StepVerdict::Inconclusive
            }
        }
    }
}

/// What one tier used during a step, where something observes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TierUse {
    /// The tier's name in the stack file.
    pub tier: String,
    /// Mean number of cores at work, over all replicas.
    pub cores_used: Option<f64>,
    /// Mean number of requests in the tier or in what it calls.
    pub in_flight: Option<f64>,
    /// Mean number of connections in use of each pool that this tier holds, over all replicas, by the tier that
    /// the pool leads to.
    pub connections: BTreeMap<String, f64>,
    /// Memory in use, over all replicas.
    pub memory: Option<Bytes>,
}

/// A step as measured, without its warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// Why it was played: the purpose of the action that asked for it.
    pub purpose: StepPurpose,
    /// Intended arrivals.
    pub offered: Rate,
    /// Warm-up that was played and cut.
    pub warm_up: Nanos,
    /// The span that the batches cover.
    pub duration: Nanos,
    /// The variance of the number of requests in a span over its mean: 1 where they arrive one by one, more
    /// where journeys bring several each.
    pub dispersion: f64,
    /// The step in equal spans.
    pub batches: Vec<Batch>,
    /// The verdict on objectives that are not SLO limits (of single steps, of the stack's metrics).
    pub others: Option<StepVerdict>,
    /// What the tiers used.
    pub tiers: Vec<TierUse>,
    /// The share of its look-ups that the stack's cache answered, where something observes it.
    #[serde(default)]
    pub hit_ratio: Option<f64>,
    /// Whether it was stopped early.
    pub aborted: Option<AbortReason>,
    /// False when the generator spoiled the measurement: such a step enters no fit and no verdict.
    pub valid: bool,
}

impl StepResult {
    /// Requests answered with success per second.
    pub fn achieved(&self) -> Rate {
        Rate::of(self.batches.iter().map(|batch| batch.response.count()).sum(), self.duration)
    }

    /// The standard deviation of the number of requests that arrive during the step.
    pub fn arrivals_deviation(&self) -> f64 {
        (self.dispersion * self.offered.get() * self.duration.as_secs_f64()).sqrt()
    }

    /// All response times.
    pub fn response(&self) -> Histogram {
        Histogram::merged(self.batches.iter().map(|batch| &batch.response))
    }

    /// What the tier named `tier` used.
    pub fn tier(&self, tier: &str) -> Option<&TierUse> {
        self.tiers.iter().find(|used| used.tier == tier)
    }

    /// Whether a rate limit at the edge answered more than 1 % of its requests.
    pub fn is_throttled(&self) -> bool {
        self.throttled_share() > THROTTLED
    }

    /// Whether its own figures meet `slo_limits`, certain or not, and it kept up.
    pub fn seems_within(&self, slo_limits: &[SloLimit]) -> bool {
        let response = self.response();
        let errors: u64 = self.batches.iter().map(|batch| batch.errors).sum();
        let meets = |slo_limit: &SloLimit| match (slo_limit, slo_limit.limit()) {
            (SloLimit::ErrorRate { max }, _) => {
                Ratio::of(errors, errors + response.count()).get() <= max.get()
            }
            (_, Some(limit)) => slo_limit.measure(&response) <= limit,
            (_, None) => true,
        };
        self.aborted.is_none()
            && self.others != Some(StepVerdict::Fail)
            && !self.is_throttled()
            && slo_limits.iter().all(meets)
    }

    /// Refused requests among all.
    pub fn throttled_share(&self) -> f64 {
        let throttled: u64 = self.batches.iter().map(|batch| batch.throttled).sum();
        let answered: u64 =
            self.batches.iter().map(|batch| batch.response.count() + batch.errors).sum();
        Ratio::of(throttled, throttled + answered).get()
    }
}

/// When to stop a step that can only fail, so that the search does not harm the stack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbortRule {
    /// The tightest response-time limit among the SLO limits.
    pub limit: Nanos,
    /// The share of failures that stops a step; throttled requests do not count.
    pub errors_max: Ratio,
}

impl AbortRule {
    /// The rule for `slo_limits`: ten times the limit of the error rate, but at least 20 %.
    pub fn for_slo_limits(slo_limits: &[SloLimit]) -> Self {
        let limit = slo_limits.iter().filter_map(SloLimit::limit).fold(10.0, f64::min);
        let errors = slo_limits.iter().map(|slo_limit| match slo_limit {
            SloLimit::ErrorRate { max } => max.get() * 10.0,
            SloLimit::Quantile { .. } | SloLimit::Mean { .. } => 0.0,
        });
        let errors_max = Ratio::new(errors.fold(0.2, f64::max).min(0.5));
        Self { limit: Nanos::from_secs_f64(limit), errors_max }
    }

    /// Whether to stop now. `in_flight` has one value a second since the step began, the latest last;
    /// `errors` and `answered` are those of the last second.
    ///
    /// By Little's law N = X·R, so more than 5 × limit × rate requests in flight mean a mean response time
    /// of five times the limit. Near the knee that happens for a moment; for ten seconds, or four times
    /// as much at once, it does not come back while the rate lasts.
    pub fn judge(
        &self,
        offered: Rate,
        in_flight: &[u64],
        errors: u64,
        answered: u64,
    ) -> Option<AbortReason> {
        let piled = (5.0 * self.limit.as_secs_f64() * offered.get()).max(50.0);
        let above = |times: f64| move |count: &u64| *count as f64 > times * piled;
        let lasting = in_flight.len() >= 10 && in_flight.iter().rev().take(10).all(above(1.0));
        if lasting || in_flight.last().is_some_and(above(4.0)) {
            return Some(AbortReason::InFlightRunaway);
        }
        let burst = errors >= 10 && Ratio::of(errors, errors + answered) > self.errors_max;
        burst.then_some(AbortReason::ErrorBurst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abort_rule_stops_a_runaway_and_an_error_burst_only() {
        let rule = AbortRule::for_slo_limits(&[
            SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(200) },
            SloLimit::ErrorRate { max: Ratio::new(0.01) },
        ]);
        let rate = Rate::per_second(100.0);
        assert_eq!(rule.judge(rate, &[120; 9], 3, 90), None);
        assert_eq!(rule.judge(rate, &[120; 10], 0, 90), Some(AbortReason::InFlightRunaway));
        assert_eq!(rule.judge(rate, &[90, 401], 0, 90), Some(AbortReason::InFlightRunaway));
        assert_eq!(rule.judge(rate, &[20], 30, 70), Some(AbortReason::ErrorBurst));
    }
}
