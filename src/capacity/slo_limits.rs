//! The SLO table in the terms of the search.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use plimsoll_metrics::{Bound, Measure, Objective, Scope};
use plimsoll_units::{Nanos, Quantity, Ratio};

/// An objective whose max the search holds the stack to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SloLimit {
    /// A share `p` of the response times stays within `max`.
    Quantile {
        /// The share, 0.95 for the p95.
        p: Ratio,
        /// The longest time allowed.
        max: Nanos,
    },
    /// The mean response time stays within `max`.
    Mean {
        /// The longest mean allowed.
        max: Nanos,
    },
    /// The share of failed requests stays within `max`.
    ErrorRate {
        /// The largest share allowed.
        max: Ratio,
    },
}

impl SloLimit {
    /// The largest response time allowed in seconds; `None` for SLO limits that are not about time.
    pub fn limit(&self) -> Option<f64> {
        match self {
            Self::Quantile { max, .. } | Self::Mean { max } => Some(max.as_secs_f64()),
            Self::ErrorRate { .. } => None,
        }
    }

    /// The name of its figure, as tables have it: `p95`, `p99.9`, `mean`, `error rate`.
    pub fn figure(&self) -> String {
        match self {
            Self::Quantile { p, .. } => {
                let digits = format!("{:.3}", p.get() * 100.0);
                format!("p{}", digits.trim_end_matches('0').trim_end_matches('.'))
            }
            Self::Mean { .. } => "mean".to_owned(),
            Self::ErrorRate { .. } => "error rate".to_owned(),
        }
    }

    /// What this SLO limit judges, in seconds; NaN for SLO limits that are not about time or without a sample.
    pub fn measure(&self, response: &Histogram) -> f64 {
        match self {
            Self::Quantile { p, .. } => response.quantile(p.get()),
            Self::Mean { .. } => response.mean(),
            Self::ErrorRate { .. } => f64::NAN,
        }
    }

    /// The variance of ln(what this judges) over a long time T of a queue in heavy traffic, times T in units of the
    /// queue's own time: 2 for the mean, more for quantiles far out.
    ///
    /// Of reflected Brownian motion with drift −1 and variance 1, whose stationary law is exponential with mean 1/2. The
    /// time average of a function f has the asymptotic variance ∫ u′² dπ with ½u″ − u′ = −(f − f̄) (P. Glynn and
    /// S. Meyn 1996). For f = 1{x > q}, of which a share s = 1 − p is above q = ln(1/s)/2:
    /// u′ = s(e²ˣ − 1) below q and 1 − s above, and the quantile's error is that of the share over the density 2s.
    pub fn heavy_traffic_variance(&self) -> f64 {
        let Self::Quantile { p, .. } = self else { return 2.0 };
        let above = (1.0 - p.get()).clamp(1e-6, 0.999);
        let quantile = -above.ln() / 2.0;
        let below = (1.0 / above - above) / 2.0 - 2.0 * quantile;
        let share = 2.0 * above.powi(2) * below + (1.0 - above).powi(2) * above;
        share / (2.0 * above * quantile).powi(2)
    }

    /// The SLO limit of `objective`; `None` where it has no max, or where it
    /// speaks of a part of the run or of something else than response times and errors.
    pub fn of(objective: &Objective) -> Option<Self> {
        if objective.scope != Scope::Run || objective.bound != Bound::AtMost {
            return None;
        }
        match (&objective.measure, objective.limit?) {
            (Measure::ResponseTime(p), Quantity::Time(max)) => {
                Some(Self::Quantile { p: Ratio::new(*p), max })
            }
            (Measure::MeanResponseTime, Quantity::Time(max)) => Some(Self::Mean { max }),
            (Measure::ErrorRate, Quantity::Share(max)) => Some(Self::ErrorRate { max }),
            _ => None,
        }
    }

    /// All SLO limits of an SLO table.
    pub fn all(objectives: &[Objective]) -> Vec<Self> {
        objectives.iter().filter_map(Self::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean in closed form, and p95 and p99 by the integrals of the same equation, done by hand.
    #[test]
    fn heavy_traffic_variance_is_that_of_reflected_brownian_motion() {
        let max = Nanos::from_millis(100);
        let of = |p| SloLimit::Quantile { p: Ratio::new(p), max }.heavy_traffic_variance();
        assert!((SloLimit::Mean { max }.heavy_traffic_variance() - 2.0).abs() < 1e-12);
        assert!((of(0.95) - 3.56).abs() < 0.01, "{}", of(0.95));
        assert!((of(0.99) - 8.9).abs() < 0.05, "{}", of(0.99));
    }

    #[test]
    fn figures_have_the_names_that_tables_have() {
        let max = Nanos::from_millis(100);
        let quantile = |p| SloLimit::Quantile { p: Ratio::new(p), max }.figure();
        assert_eq!([0.5, 0.95, 0.999, 0.9995].map(quantile), ["p50", "p95", "p99.9", "p99.95"]);
        assert_eq!(SloLimit::Mean { max }.figure(), "mean");
        assert_eq!(SloLimit::ErrorRate { max: Ratio::new(0.01) }.figure(), "error rate");
    }
}
