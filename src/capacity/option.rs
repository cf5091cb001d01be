//! An option as it is shown: which replicas, what they carry and cost, and why not.

use serde::{Deserialize, Serialize};

use plimsoll_units::Bytes;

/// Seconds of a month of 30 days, for which prices are.
const MONTH_S: f64 = 30.0 * 86_400.0;

/// US dollars a million requests, where `rate` requests a second come all month.
pub(super) fn cost_per_million(monthly_cost: f64, rate: f64) -> f64 {
    monthly_cost / (rate * MONTH_S / 1e6)
}

/// What a deployment costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeploymentCost {
    /// US dollars a month.
    pub monthly: f64,
    /// US dollars a million requests, if SLO-max lasted all month.
    pub per_million_requests: f64,
}

impl DeploymentCost {
    /// Of a deployment that carries `slo_max` requests a second; `None` where it has no price, or carries nothing.
    pub fn of(monthly: f64, slo_max: f64) -> Option<Self> {
        let is_known = monthly > 0.0 && slo_max > 0.0;
        is_known.then(|| Self { monthly, per_million_requests: cost_per_million(monthly, slo_max) })
    }
}

/// What to do to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ScalingDirection {
    /// Bigger replicas.
    Vertical,
    /// More replicas.
    Horizontal,
    /// Bigger and more.
    Both,
    /// Nothing to buy.
    Neither,
}

/// What became of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionStatus {
    /// The one to buy.
    Recommended,
    /// It would do.
    Feasible,
    /// It will not do.
    Rejected,
}

/// One tier of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierChoice {
    /// Its name.
    pub tier: String,
    /// Replicas.
    pub replicas: u32,
    /// Cores of one.
    pub cores: f64,
    /// Memory of one.
    pub memory: Bytes,
}

/// One deployment that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionRow {
    /// What it consists of, external services apart.
    pub tiers: Vec<TierChoice>,
    /// How it differs from the present one.
    pub kind: ScalingDirection,
    /// The highest rate within every objective, predicted.
    pub slo_max_per_s: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// The probability of meeting every objective at the planned rate.
    pub p_slo_met: f64,
    /// US dollars a month.
    pub monthly_cost: f64,
    /// US dollars a million requests, if the peak lasted all month.
    pub cost_per_million_requests: f64,
    /// Whether it survives the loss of one replica of any tier that can have more than one.
    pub n_plus_1: bool,
    /// What became of it.
    pub status: OptionStatus,
    /// Why.
    pub reason: String,
    /// Whether the rate lies beyond twice what was measured.
    pub unverified: bool,
}

/// What to buy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// In one word.
    pub kind: ScalingDirection,
    /// The deployment.
    pub tiers: Vec<TierChoice>,
    /// US dollars a month.
    pub monthly_cost: f64,
    /// Why.
    pub reason: String,
    /// What another search might as well recommend; absent where the measurement leaves too little open for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie: Option<RecommendationTie>,
}

/// Deployments between which the measurement does not decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecommendationTie {
    /// How far two searches of the same stack may lie apart, as a share of the rate.
    pub open: f64,
    /// The others, cheapest first.
    pub others: Vec<TiedDeployment>,
}

/// A deployment that another search might recommend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TiedDeployment {
    /// What it consists of, external services apart; empty where nothing within the limits would do then.
    pub tiers: Vec<TierChoice>,
    /// US dollars a month; absent where nothing would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cost: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 req/s are 259.2 million requests in 30 days.
    #[test]
    fn cost_of_a_million_requests_is_that_of_a_month_at_slo_max() {
        let cost = DeploymentCost::of(324.0, 100.0).expect("a price");
        assert!((cost.per_million_requests - 1.25).abs() < 1e-9, "{cost:?}");
        assert_eq!(DeploymentCost::of(0.0, 100.0), None, "no prices in the stack file");
        assert_eq!(DeploymentCost::of(324.0, 0.0), None, "nothing passed");
    }
}
