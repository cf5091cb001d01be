//! Think times.

use rand::RngExt;
use rand_distr::{Distribution as _, Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;

use plimsoll_plan::Delay;
use plimsoll_units::Nanos;

/// Draws one delay.
pub(super) fn draw(delay: Delay, chance: &mut Pcg64Mcg) -> Nanos {
    match delay {
        Delay::Constant(span) => span,
        Delay::Uniform(low, high) => {
            Nanos::new(chance.random_range(low.get()..=high.get().max(low.get())))
        }
        Delay::Exponential(mean) => {
            let drawn: f64 = Exp1.sample(chance);
            Nanos::from_secs_f64(drawn * mean.as_secs_f64())
        }
        Delay::Normal(mean, deviation) => {
            let drawn: f64 = StandardNormal.sample(chance);
            Nanos::from_secs_f64(mean.as_secs_f64() + drawn * deviation.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::{RandomStream, Seed};

    fn mean_of(delay: Delay) -> f64 {
        let mut chance = Seed::new(5).stream(RandomStream::Iteration, 0);
        (0..20_000).map(|_| draw(delay, &mut chance).as_secs_f64()).sum::<f64>() / 20_000.0
    }

    #[test]
    fn every_law_has_its_mean() {
        let (two, five) = (Nanos::from_secs(2), Nanos::from_secs(5));
        for delay in [
            Delay::Constant(five),
            Delay::Uniform(two, Nanos::from_secs(8)),
            Delay::Exponential(five),
            Delay::Normal(five, Nanos::from_secs(1)),
        ] {
            let mean = mean_of(delay);
            assert!((mean - delay.mean().as_secs_f64()).abs() < 0.15, "{delay:?}: {mean}");
        }
    }
}
