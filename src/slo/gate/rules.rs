//! How to compare: what must be alike, which steps and metrics count, and how much is too much.

use super::super::regression::{RATIO_MIN, Scale, Yardstick};
use super::likeness::Likeness;
use super::summary::Metric;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Whether unlike runs are refused.
    pub likeness: Likeness,
    /// The metrics that count.
    pub metrics: Vec<Metric>,
    /// The steps that count, by name; empty for all.
    pub steps: Vec<String>,
    /// The least rise of a time that counts, 0.05 for 5 %.
    pub effect_min: f64,
}

impl Default for Rules {
    /// Runs must be alike, everything counts, from 5 % on.
    fn default() -> Self {
        Self {
            likeness: Likeness::Required,
            metrics: Metric::ALL.to_vec(),
            steps: vec![],
            effect_min: RATIO_MIN - 1.0,
        }
    }
}

impl Rules {
    /// Whether a step counts.
    pub(super) fn counts(&self, step: &str) -> bool {
        self.steps.is_empty() || self.steps.iter().any(|name| name == step)
    }

    /// Times are compared by ratio; shares, which are often zero, by difference.
    pub(super) fn yardstick(&self, metric: Metric) -> Yardstick {
        match metric {
            Metric::ErrorRate => Scale::Difference.yardstick(),
            Metric::P50 | Metric::P95 | Metric::P99 | Metric::Mean => {
                Yardstick { scale: Scale::Ratio, least: 1.0 + self.effect_min }
            }
        }
    }
}
