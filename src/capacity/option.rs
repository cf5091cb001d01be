//! An option as it is shown: which replicas, what they carry and cost, and why not.

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

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
}
