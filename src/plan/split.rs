//! Two targets for one run: which side each arrival goes to.
//!
//! The schedule knows nothing of it: the same arrivals come at the same times whatever the share. Which of
//! them go to green follows from their number alone, so any number of workers and shards agree without
//! talking to each other.

use super::Target;
use plimsoll_metrics::{Side, SplitInfo, SplitPart, Variant};
use plimsoll_units::{RandomStream, Ratio, RunTime, Seed};

/// A second target, and the share of the arrivals that goes to it.
#[derive(Debug, Clone)]
pub struct Split {
    /// The second target; the first is the plan's.
    pub green: Target,
    /// Green's share over time; at least one part, in order, from the beginning of the run to its end.
    parts: Vec<SplitPart>,
    /// Green is an arrival whose turn is below it, one a part.
    bounds: Vec<u128>,
    offset: u64,
    is_duet: bool,
}

/// `SplitMix64`: a number that looks drawn by chance, and is the same for the same one.
const fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Split {
    /// Splits between the plan's target and `green`, by the shares of `parts`.
    pub fn new(green: Target, parts: Vec<SplitPart>, seed: Seed) -> Self {
        let whole = 2.0_f64.powi(64);
        let bounds = parts.iter().map(|part| (part.share.get() * whole) as u128).collect();
        let offset = (seed.uniform(RandomStream::Split, 0) * whole) as u64;
        Self { green, parts, bounds, offset, is_duet: false }
    }

    /// Both targets play every arrival until `end`. [`Self::variant`] tells which of them is asked first, half of the
    /// time green: what is sent second waits for the first to be on its way.
    pub fn duet(green: Target, end: RunTime, seed: Seed) -> Self {
        let whole = SplitPart { from: RunTime::ZERO, until: end, share: Ratio::new(0.5) };
        Self { is_duet: true, ..Self::new(green, vec![whole], seed) }
    }

    /// Whether both targets play every arrival.
    pub const fn is_duet(&self) -> bool {
        self.is_duet
    }

    /// The side of arrival `index`, which begins at `at`: thrown for each on its own, as a balancer that knows nothing of
    /// its servers would. So the arrivals of each side are a Poisson process where all are (J. Kingman, *Poisson
    /// Processes*, 1993, §5.1); sides that took turns would queue less than they do in life. An arrival that is green at
    /// one share is so at any greater one.
    pub fn variant(&self, index: u64, at: RunTime) -> Variant {
        self.at_turn(mixed(index ^ self.offset), at)
    }

    /// The side of user `number` of a closed model, whose iteration begins at `at`. Users are few and stay: their turns
    /// are multiples of the golden ratio, of which only the fraction is kept, so that green has its share of any number of
    /// them (H. Weyl, "Über die Gleichverteilung von Zahlen mod. Eins", 1916; D. Knuth, *The Art of Computer Programming*
    /// 3, §6.4).
    pub fn variant_of_user(&self, number: u64, at: RunTime) -> Variant {
        self.at_turn(number.wrapping_mul(GOLDEN).wrapping_add(self.offset), at)
    }

    fn at_turn(&self, turn: u64, at: RunTime) -> Variant {
        let last = self.parts.len().saturating_sub(1);
        let part = self.parts.iter().position(|part| at < part.until).unwrap_or(last);
        let is_green = self.bounds.get(part).is_some_and(|&bound| u128::from(turn) < bound);
        let side = if is_green { Side::Green } else { Side::Blue };
        Variant { part: part as u16, side }
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// What the log holds of it.
    pub fn info(&self) -> SplitInfo {
        SplitInfo { green: self.green.url(), parts: self.parts.clone(), duet: self.is_duet }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(shares: &[f64], seed: u64) -> Split {
        let green = Target { tls: false, host: "127.0.0.1".into(), port: 1, prefix: String::new() };
        let second = |at: usize| RunTime::new(at as u64 * 1_000_000_000);
        let parts = shares.iter().enumerate().map(|(at, &share)| SplitPart {
            from: second(at),
            until: second(at + 1),
            share: Ratio::new(share),
        });
        Split::new(green, parts.collect(), Seed::new(seed))
    }

    fn is_green(split: &Split, index: u64, at: RunTime) -> bool {
        split.variant(index, at).side == Side::Green
    }

    proptest! {
        /// Goal: prove that green gets its share of every stretch of arrivals, and of what each worker plays, and no more
        /// evenly than chance. Method: counts of blocks of 20 have the binomial mean and variance, each within five
        /// standard deviations of its estimate.
        #[test]
        fn arrivals_are_dealt_by_chance_in_every_stretch_and_to_every_worker(
            share in 0.05_f64..=0.95, seed in any::<u64>(), first in 0_u64..1 << 40, workers in 1_u64..8,
        ) {
            let (split, blocks, size) = (split(&[share], seed), 400_u64, 20_u64);
            let green = |block: u64| {
                let arrivals = (block * size)..(block * size + size);
                arrivals.filter(|n| is_green(&split, first + n * workers, RunTime::ZERO)).count()
            };
            let counts: Vec<f64> = (0..blocks).map(|block| green(block) as f64).collect();
            let (count, expected) = (blocks as f64, share * size as f64);
            let variance = expected * (1.0 - share);
            let mean = counts.iter().sum::<f64>() / count;
            prop_assert!((mean - expected).abs() <= 5.0 * (variance / count).sqrt(), "{mean}");
            let spread = counts.iter().map(|n| (n - expected).powi(2)).sum::<f64>() / count;
            // The kurtosis of a binomial law is 3 + (1 - 6pq) / npq (Johnson, Kemp & Kotz 2005, §3.2).
            let kurtosis = 3.0 + (1.0 - 6.0 * share * (1.0 - share)) / variance;
            let of_spread = variance * ((kurtosis - 1.0) / count).sqrt();
            prop_assert!((spread - variance).abs() <= 5.0 * of_spread, "{spread} of {variance}");
        }

        /// Goal: prove that green gets its share of any number of users that stay. The discrepancy of n multiples of the
        /// golden ratio is below 1 + 2.1·ln n (Niederreiter 1992, §3).
        #[test]
        fn users_are_dealt_evenly(share in 0.0_f64..=1.0, seed in any::<u64>(), count in 1_u64..2_000) {
            let split = split(&[share], seed);
            let side = |number| split.variant_of_user(number, RunTime::ZERO).side;
            let green = (0..count).filter(|number| side(*number) == Side::Green).count();
            let off = (green as f64 - share * count as f64).abs();
            prop_assert!(off <= 1.0 + 2.1 * (count as f64).ln(), "{green} of {count} at {share}");
        }
    }

    #[test]
    fn nothing_and_everything_are_exact() {
        let split = split(&[0.0, 1.0], 3);
        let late = RunTime::new(1_500_000_000);
        assert!((0..10_000).all(|n| !is_green(&split, n, RunTime::ZERO)));
        assert!((0..10_000).all(|n| is_green(&split, n, late)));
        assert_eq!(split.variant(7, RunTime::new(9_000_000_000)).part, 1);
    }

    #[test]
    fn green_at_one_share_stays_green_at_a_greater_one() {
        let split = split(&[0.01, 0.1, 0.5], 8);
        let at = |part: u64| RunTime::new(part * 1_000_000_000);
        for n in 0..5_000 {
            let green = [0, 1, 2].map(|part| is_green(&split, n, at(part)));
            assert!(green.is_sorted(), "{n}: {green:?}");
        }
    }
}
