//! What a deployment has to carry.

use serde::{Deserialize, Serialize};

use plimsoll_units::{Rate, Ratio, Seed};

use super::super::option::ScalingDirection;
use super::super::stack::Deployment;

/// What the deployment has to carry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RequiredCapacity {
    /// The highest arrival rate expected today, requests per second.
    pub peak: Rate,
    /// By how much it grows within the time planned for; 0.5 is half as much again.
    pub growth: Ratio,
    /// The probability with which every objective has to hold, 0.95 unless told otherwise.
    pub confidence: Ratio,
    /// Whether it has to hold with one replica of any tier lost.
    pub n_plus_1: bool,
    /// For Monte Carlo.
    pub seed: Seed,
}

impl RequiredCapacity {
    /// The rate that is planned for: peak × (1 + growth).
    pub fn rate(&self) -> Rate {
        self.peak.times(1.0 + self.growth.get())
    }
}

/// How a deployment differs from the present one.
pub(super) fn kind(present: &Deployment, deployment: &Deployment) -> ScalingDirection {
    let bigger = present.iter().zip(deployment).any(|(now, then)| then.cores > now.cores);
    let more = present.iter().zip(deployment).any(|(now, then)| then.replicas > now.replicas);
    match (bigger, more) {
        (true, true) => ScalingDirection::Both,
        (true, false) => ScalingDirection::Vertical,
        (false, true) => ScalingDirection::Horizontal,
        (false, false) => ScalingDirection::Neither,
    }
}
