//! Choices dealt out in fair order: what iterations play comes out as the weights say, in an order that tells nothing.
//!
//! With a draw of its own for every arrival, the requests of a run would vary by chance: by 2 % where one in three of
//! 1,000 iterations is three times as long. So the arrivals of a stage take turns, each number from 0 to n − 1 once,
//! in an order that the seed shuffles, and what an arrival plays follows from its turn. Neighbours in time are as
//! independent as cards from one deck, while the deck as a whole has each kind in its exact share. A sequence that is
//! fair at every moment would be fairer still, but wrong: a scenario that comes regularly queues less than one
//! that comes by chance.

use plimsoll_schedule::Arrival;
use plimsoll_units::{RandomStream, Seed};

/// How many choices of an iteration are dealt out; later ones are drawn independently.
pub(super) const CHOICES: usize = 8;

/// Fractions of the square roots of the first eight primes in units of 2⁻⁶⁴ (FIPS 180-4, §5.3.5). Multiples of such
/// a number spread evenly between 0 and 1, and so do multiples of several at once (H. Weyl, "Über die
/// Gleichverteilung von Zahlen mod. Eins", 1916).
const STEPS: [u64; CHOICES] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// Rounds of the shuffle. Four make a permutation that none can tell from one by chance (M. Luby, C. Rackoff, "How to
/// construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput. 17, 1988).
const ROUNDS: u64 = 4;

/// An arrival's turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Its place in the shuffled order.
    place: u64,
    /// Of so many; 0 where it stands in no stage.
    of: u64,
    /// What all of one stage share.
    seed: Seed,
}

impl Turn {
    /// The turn of `arrival` under a run's seed.
    pub(super) fn of(seed: Seed, arrival: &Arrival) -> Self {
        if arrival.of == 0 {
            let seed = seed.derive(RandomStream::Turns, 0);
            return Self { place: seed.bits(arrival.index), of: 0, seed };
        }
        // The number of the stage's first arrival tells stages apart; none has the number 0 here.
        let first = arrival.index.wrapping_sub(arrival.nth);
        let seed = seed.derive(RandomStream::Turns, first.wrapping_add(1));
        Self { place: shuffled(arrival.nth, arrival.of, seed), of: arrival.of, seed }
    }

    /// A number in [0, 1) by which the scenario is chosen.
    pub(super) fn scenario(&self) -> f64 {
        if self.of == 0 {
            return fraction(self.place);
        }
        // All of a stage are moved by the same part of a place, so that no number is preferred over many seeds.
        let within = fraction(self.seed.bits(ROUNDS));
        let share = (self.place as f64 + within) / self.of as f64;
        // Rounding up must not make it 1.
        share.min(1.0 - f64::EPSILON)
    }

    /// A number in [0, 1) for the `choice`-th choice within the iteration, below [`CHOICES`].
    pub(super) fn choice(&self, choice: usize) -> f64 {
        let offset = self.seed.bits(ROUNDS + 1 + choice as u64);
        fraction(self.place.wrapping_mul(STEPS[choice]).wrapping_add(offset))
    }
}

/// 64 bits as a number in [0, 1). 53 of them are what a double holds.
fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The place of `nth` in a shuffled order of `of`.
///
/// A Feistel network shuffles the numbers of as many bits as `of` has. What comes out beyond `of` is put in again until
/// it does not, which shuffles the rest (J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
fn shuffled(nth: u64, of: u64, seed: Seed) -> u64 {
    let bits = of.saturating_sub(1).checked_ilog2().map_or(0, |top| top + 1);
    let low_bits = bits / 2;
    let (low_mask, high_mask) = (ones(low_bits), ones(bits - low_bits));
    let mut place = nth;
    loop {
        let (mut right, mut left) = (place & low_mask, place >> low_bits);
        for round in (0..ROUNDS).step_by(2) {
            left ^= Seed::new(seed.bits(round)).bits(right) & high_mask;
            right ^= Seed::new(seed.bits(round + 1)).bits(left) & low_mask;
        }
        place = left << low_bits | right;
        // A number beyond all of its stage, which rounding may leave, need not come back.
        if place < of || nth >= of {
            return place;
        }
    }
}

/// So many ones.
const fn ones(bits: u32) -> u64 {
    if bits == 0 { 0 } else { u64::MAX >> (64 - bits) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use plimsoll_units::RunTime;

    fn turns(of: u64, seed: u64) -> impl Iterator<Item = Turn> {
        let turn = move |nth| {
            let arrival = Arrival { index: 50 + nth, intended: RunTime::ZERO, nth, of };
            Turn::of(Seed::new(seed), &arrival)
        };
        (0..of).map(turn)
    }

    proptest! {
        #[test]
        fn everyone_of_a_stage_has_a_turn_of_its_own(of in 1_u64..3_000, seed in any::<u64>()) {
            let mut places: Vec<u64> = turns(of, seed).map(|turn| turn.place).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..of).collect::<Vec<_>>());
        }

        /// Goal: prove that every share of the scenarios, and of each choice, comes out to an arrival or two.
        /// The discrepancy of n multiples of these numbers is below 3 + 3·ln n (partial quotients up to 8).
        #[test]
        fn shares_come_out_as_the_weights_say(
            of in 1_u64..5_000, seed in any::<u64>(), share in 0.0_f64..1.0, choice in 0..CHOICES,
        ) {
            let expected = share * of as f64;
            let scenario = turns(of, seed).filter(|turn| turn.scenario() < share).count() as f64;
            prop_assert!((scenario - expected).abs() <= 1.0 + 1e-6, "{scenario} for {expected}");
            let chosen = turns(of, seed).filter(|turn| turn.choice(choice) < share).count() as f64;
            let allowed = 3.0 + 3.0 * (of as f64).ln();
            prop_assert!((chosen - expected).abs() <= allowed, "{chosen} for {expected}");
        }
    }

    /// Goal: prove that neighbours in time are independent, so that a scenario's own arrivals stay Poisson.
    /// Method: 20 % of 200,000 arrivals in windows of 50: the variance of their number is that of 50 independent
    /// draws, 8, to 4 standard errors; and the lag-one correlation is 0.
    #[test]
    fn neighbours_are_as_independent_as_cards_of_a_deck() {
        for seed in [1, 2, 3] {
            let drawn: Vec<f64> =
                turns(200_000, seed).map(|turn| f64::from(turn.scenario() < 0.2)).collect();
            let counts = drawn.chunks(50).map(|window| window.iter().sum::<f64>());
            let variance = counts.map(|count| (count - 10.0).powi(2)).sum::<f64>() / 4_000.0;
            assert!((variance - 8.0).abs() < 8.0 * 4.0 * (2.0_f64 / 4_000.0).sqrt(), "{variance}");
            let products = drawn.windows(2).map(|pair| (pair[0] - 0.2) * (pair[1] - 0.2));
            let correlation = products.sum::<f64>() / 200_000.0 / 0.16;
            assert!(correlation.abs() < 4.0 / 200_000.0_f64.sqrt(), "{correlation}");
        }
    }
}
