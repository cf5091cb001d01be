//! How to compare: what must be alike, which steps and metrics count, and how much is too much.

use super::super::regression::{EffectScale, EffectThreshold, RATIO_MIN};
use super::likeness::ComparisonRule;
use super::summary::GateMetric;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct GateRules {
    /// Whether unlike runs are refused.
    pub likeness: ComparisonRule,
    /// The metrics that count.
    pub metrics: Vec<GateMetric>,
    /// The steps that count, by name; empty for all.
    pub steps: Vec<String>,
    /// The smallest rise of a time that counts, 0.05 for 5 %.
    pub effect_min: f64,
}

impl Default for GateRules {
    /// Runs must be alike, everything counts, from 5 % on.
    fn default() -> Self {
        Self {
            likeness: ComparisonRule::Required,
            metrics: GateMetric::ALL.to_vec(),
            steps: vec![],
            effect_min: RATIO_MIN - 1.0,
        }
    }
}

impl GateRules {
    /// Whether a step counts.
    pub(super) fn counts(&self, step: &str) -> bool {
        self.steps.is_empty() || self.steps.iter().any(|name| name == step)
    }

    /// Times are compared by ratio; shares, which are often zero, by difference.
    pub(super) fn yardstick(&self, metric: GateMetric) -> EffectThreshold {
        match metric {
            GateMetric::ErrorRate => EffectScale::Difference.yardstick(),
            GateMetric::P50 | GateMetric::P95 | GateMetric::P99 | GateMetric::Mean => {
                EffectThreshold { scale: EffectScale::Ratio, least: 1.0 + self.effect_min }
            }
        }
    }
}
