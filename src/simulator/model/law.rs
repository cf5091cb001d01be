//! Laws of service time.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;

use plimsoll_units::Nanos;

/// How long one visit keeps a core busy. All spans are for one core of a healthy replica.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ServiceTimeLaw {
    /// Always the same.
    Constant(Nanos),
    /// Exponential with this mean; its coefficient of variation is 1.
    Exponential {
        /// The mean.
        mean: Nanos,
    },
    /// Lognormal: a long tail, as service times in life have.
    Lognormal {
        /// The mean of the time itself, not of its logarithm.
        mean: Nanos,
        /// Standard deviation divided by mean; 0 is constant.
        cv: f64,
    },
    /// Uniform between two spans.
    Uniform {
        /// The shortest.
        low: Nanos,
        /// The longest.
        high: Nanos,
    },
}

impl ServiceTimeLaw {
    /// The mean, which is the demand of the visit.
    pub fn mean(self) -> Nanos {
        match self {
            Self::Constant(mean) | Self::Exponential { mean } | Self::Lognormal { mean, .. } => {
                mean
            }
            Self::Uniform { low, high } => Nanos::new(low.get().midpoint(high.get())),
        }
    }

    /// Draws one service time.
    pub fn sample(self, chance: &mut Pcg64Mcg) -> Nanos {
        match self {
            Self::Constant(span) => span,
            Self::Exponential { mean } => {
                let unit: f64 = Exp1.sample(chance);
                scaled(mean, unit)
            }
            Self::Lognormal { mean, cv } => {
                // Of a lognormal with parameters μ and σ: mean = exp(μ + σ²/2), CV² = exp(σ²) − 1.
                let variance = (cv * cv).ln_1p();
                let normal: f64 = StandardNormal.sample(chance);
                scaled(mean, (variance.sqrt() * normal - variance / 2.0).exp())
            }
            Self::Uniform { low, high } => {
                Nanos::new(chance.random_range(low.get()..=high.get().max(low.get())))
            }
        }
    }
}

/// `span` times `factor`.
pub(super) fn scaled(span: Nanos, factor: f64) -> Nanos {
    Nanos::from_secs_f64(span.as_secs_f64() * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::{RandomStream, Seed};

    fn moments(law: ServiceTimeLaw) -> (f64, f64) {
        let mut chance = Seed::new(1).stream(RandomStream::Simulator, 0);
        let draws: Vec<f64> =
            (0..200_000).map(|_| law.sample(&mut chance).as_millis_f64()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance =
            draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn laws_have_the_mean_and_spread_they_promise() {
        let ms = Nanos::from_millis;
        let cases = [
            (ServiceTimeLaw::Constant(ms(5)), 5.0, 0.0),
            (ServiceTimeLaw::Exponential { mean: ms(5) }, 5.0, 1.0),
            (ServiceTimeLaw::Lognormal { mean: ms(5), cv: 0.8 }, 5.0, 0.8),
            // Standard deviation of a uniform law: width / √12.
            (ServiceTimeLaw::Uniform { low: ms(2), high: ms(8) }, 5.0, 6.0 / 12_f64.sqrt() / 5.0),
        ];
        for (law, mean, cv) in cases {
            let (measured_mean, measured_cv) = moments(law);
            assert!((measured_mean / mean - 1.0).abs() < 0.01, "{law:?}: mean {measured_mean}");
            assert!((measured_cv - cv).abs() < 0.02, "{law:?}: cv {measured_cv}");
            assert_eq!(law.mean(), ms(5));
        }
    }
}
