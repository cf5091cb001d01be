//! How to compare: what must be alike, which steps and metrics count, and how much is too much.

use super::super::regression::{EffectScale, EffectThreshold, Margin, RATIO_MIN};
use super::likeness::ComparisonRule;
use super::metric::GateMetric;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct GateRules {
    /// Whether unlike runs are refused.
    pub likeness: ComparisonRule,
    /// The metrics that are compared; empty for all.
    pub metrics: Vec<GateMetric>,
    /// The steps that are compared, by name; empty for all.
    pub steps: Vec<String>,
    /// The smallest rise of a time that counts, 0.05 for 5 %, where the user named one: then it must be ruled out.
    pub effect_min: Option<f64>,
}

impl Default for GateRules {
    /// Runs must be alike, everything is compared, from 5 % on, by what the runs can show.
    fn default() -> Self {
        Self {
            likeness: ComparisonRule::Required,
            metrics: vec![],
            steps: vec![],
            effect_min: None,
        }
    }
}

impl GateRules {
    /// Whether a metric of a step is compared.
    pub(super) fn counts(&self, step: &str, metric: GateMetric) -> bool {
        (self.steps.is_empty() || self.steps.iter().any(|name| name == step))
            && (self.metrics.is_empty() || self.metrics.contains(&metric))
    }

    /// Whether the user chose what decides.
    pub(super) fn choose(&self) -> bool {
        !self.steps.is_empty() || !self.metrics.is_empty()
    }

    /// The least rise of a time that counts: 0.05 for 5 %.
    pub(super) fn effect(&self) -> f64 {
        self.effect_min.unwrap_or(RATIO_MIN - 1.0)
    }

    /// Times are compared by ratio; shares, which are often zero, by difference.
    pub(super) fn yardstick(&self, metric: GateMetric) -> EffectThreshold {
        let margin = if self.effect_min.is_some() { Margin::Least } else { Margin::Spread };
        match metric {
            GateMetric::ErrorRate => {
                EffectThreshold { margin, ..EffectScale::Difference.yardstick() }
            }
            GateMetric::P50 | GateMetric::P95 | GateMetric::P99 | GateMetric::Mean => {
                EffectThreshold { scale: EffectScale::Ratio, least: 1.0 + self.effect(), margin }
            }
        }
    }
}
