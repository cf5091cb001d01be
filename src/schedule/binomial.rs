//! How many of n things fall into the lower half of an interval in which each has its place by chance.

use rand_distr::{Binomial, Distribution as _};

use plimsoll_units::Seed;

/// Up to so many, each has a random bit of its own: 32 words take less time than one draw by rejection.
const BY_BITS: u64 = 2_048;

/// A binomial number of `count` trials at ½, the same whenever `node` of `seed` is asked again.
pub(super) fn halve(count: u64, seed: Seed, node: u64) -> u64 {
    let bits = seed.bits(node);
    match count {
        0..=63 => u64::from((bits & ((1 << count) - 1)).count_ones()),
        64..=BY_BITS => {
            let words = Seed::new(bits);
            let whole: u32 = (0..count / 64).map(|word| words.bits(word).count_ones()).sum();
            let rest = words.bits(count / 64) & ((1 << (count % 64)) - 1);
            u64::from(whole + rest.count_ones())
        }
        // ½ is a probability, so there is no error.
        _ => Binomial::new(count, 0.5)
            .map_or(count / 2, |law| law.sample(&mut Seed::new(bits).generator())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: prove that all three ways of drawing have a binomial's mean n/2 and variance n/4.
    /// Method: 20,000 draws each; the standard errors are √(n/4/20,000) and a hundredth of the variance.
    #[test]
    fn halves_have_the_mean_and_the_variance_of_a_binomial() {
        for count in [1_u64, 20, 63, 64, 200, 2_048, 2_049, 1_000_000, 70_000_000_000] {
            let draws: Vec<f64> = (0..20_000)
                .map(|node| halve(count, Seed::new(7), node) as f64 - count as f64 / 2.0)
                .collect();
            let variance = count as f64 / 4.0;
            let mean = draws.iter().sum::<f64>() / 2e4;
            let spread = draws.iter().map(|draw| draw * draw).sum::<f64>() / 2e4;
            assert!(mean.abs() < 4.0 * (variance / 2e4).sqrt(), "{count}: {mean}");
            assert!((spread / variance - 1.0).abs() < 0.04, "{count}: {spread} for {variance}");
        }
    }
}
