//! The difference between two targets that met the same arrivals in the same seconds.
//!
//! What disturbs a machine disturbs both of them at once, so it cancels within each second, whereas targets
//! that take turns each meet their own disturbances. (J. Bulej et al., "Duet benchmarking: improving
//! measurement accuracy in the cloud", 2020.) Neighbouring seconds still depend on each other: the differences
//! are batched as all else is (see [`super::batches`]).

use super::batches::{self, BatchPart};
use super::laws::student_quantile;
use super::mover::IntervalEstimate;

/// What both targets came to in one stretch of time, on a scale on which effects add up: the logarithm of a
/// quantile, a share of failures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedValue {
    /// The first target's, which is the yardstick.
    pub one: f64,
    /// The second target's.
    pub other: f64,
}

/// By how much the second target exceeds the first, with its interval at `confidence`; `None` of fewer than
/// five stretches. They follow each other in time and are of equal length.
pub fn difference(pairs: &[PairedValue], confidence: f64) -> Option<IntervalEstimate> {
    let part = |pair: &PairedValue| BatchPart { value: pair.other - pair.one, weight: 1.0 };
    let parts: Vec<BatchPart> = pairs.iter().map(part).collect();
    let found = batches::estimate(&parts)?;
    let reach = found.error? * student_quantile(f64::midpoint(1.0, confidence), found.freedom());
    let value = found.value;
    Some(IntervalEstimate { lower: value - reach, value, upper: value + reach })
}

/// How many times as long two targets that take turns, each with half of the time, would have to be loaded to know the
/// difference as well: 2 (σ₁² + σ₂²) / σ², of the errors of either target alone and of the paired difference. `None` of
/// fewer than five stretches, or where the differences do not vary. Turns that are short against the waves of the
/// machine cancel a part of them, so it is an upper estimate.
pub fn saved(pairs: &[PairedValue]) -> Option<f64> {
    let error = |value: &dyn Fn(&PairedValue) -> f64| {
        let part = |pair: &PairedValue| BatchPart { value: value(pair), weight: 1.0 };
        batches::estimate(&pairs.iter().map(part).collect::<Vec<_>>())?.error
    };
    let [one, other] = [error(&|pair| pair.one)?, error(&|pair| pair.other)?];
    let paired = error(&|pair| pair.other - pair.one)?;
    (paired > 0.0).then(|| 2.0 * (one * one + other * other) / (paired * paired))
}

#[cfg(test)]
mod tests {
    use super::super::{mean, median, variance};
    use super::*;
    use plimsoll_units::{RandomStream, Seed};
    use rand_distr::{Distribution as _, StandardNormal};

    /// A machine whose level wanders, and two targets on it.
    #[derive(Clone, Copy)]
    struct Machine {
        /// Deviation of the machine's level, which both targets share; of logarithms.
        shared: f64,
        /// Deviation of each target's own seconds.
        own: f64,
    }

    const SECONDS: usize = 200;
    const TRIALS: u64 = 400;
    /// Correlation of the machine's level from one second to the next.
    const MEMORY: f64 = 0.9;
    /// The second target is slower by so much.
    const EFFECT: f64 = 0.05;

    impl Machine {
        /// The level of each of so many seconds: an autoregressive process at rest.
        fn levels(self, rng: &mut rand_pcg::Pcg64Mcg, seconds: usize) -> Vec<f64> {
            let mut level: f64 = StandardNormal.sample(rng);
            (0..seconds)
                .map(|_| {
                    let step: f64 = StandardNormal.sample(rng);
                    level = MEMORY * level + (1.0 - MEMORY * MEMORY).sqrt() * step;
                    self.shared * level
                })
                .collect()
        }

        fn second(self, rng: &mut rand_pcg::Pcg64Mcg, level: f64) -> f64 {
            let own: f64 = StandardNormal.sample(rng);
            level + self.own * own
        }

        /// Both at once, over half the time that turns take.
        fn duet(self, rng: &mut rand_pcg::Pcg64Mcg) -> Vec<PairedValue> {
            let levels = self.levels(rng, SECONDS);
            let pair = |level: f64| PairedValue {
                one: self.second(rng, level),
                other: self.second(rng, level) + EFFECT,
            };
            levels.into_iter().map(pair).collect()
        }

        /// Ten runs in turns, A B B A …: the difference of the means of five runs a side.
        fn turns(self, rng: &mut rand_pcg::Pcg64Mcg) -> f64 {
            const RUNS: usize = 10;
            let levels = self.levels(rng, 2 * SECONDS);
            let mut sides = [vec![], vec![]];
            for (at, run) in levels.chunks(2 * SECONDS / RUNS).enumerate() {
                let seconds: Vec<f64> = run.iter().map(|level| self.second(rng, *level)).collect();
                sides[usize::from(matches!(at % 4, 1 | 2))].push(mean(&seconds));
            }
            mean(&sides[1]) + EFFECT - mean(&sides[0])
        }
    }

    /// Goal: prove that the interval covers, and that pairing saves what the targets share.
    /// Method: 400 duets of 200 s, and as many series in turns of twice the length, on machines that wander less
    /// and more. `benches/results/` has the printed figures.
    #[test]
    #[expect(clippy::print_stdout, reason = "the figures are what a reader of the test wants")]
    fn pairing_saves_what_both_targets_share() {
        for (shared, least_saved) in [(0.0, 1.5), (0.05, 10.0), (0.1, 8.0), (0.2, 30.0)] {
            let machine = Machine { shared, own: 0.05 };
            let (mut paired, mut in_turns, mut covered) = (vec![], vec![], 0_u64);
            let mut told = vec![];
            for trial in 0..TRIALS {
                let mut rng = Seed::new(5).stream(RandomStream::Bootstrap, trial);
                let pairs = machine.duet(&mut rng);
                let found = difference(&pairs, 0.95).expect("enough seconds");
                told.push(super::saved(&pairs).expect("they vary"));
                covered += u64::from(found.lower <= EFFECT && EFFECT <= found.upper);
                paired.push(found.value);
                in_turns.push(machine.turns(&mut rng));
            }
            let [duet, turns] = [&paired, &in_turns].map(|values| variance(values).sqrt());
            // Errors fall with the root of time, and turns took twice as long.
            let saved = 2.0 * (turns / duet).powi(2);
            let coverage = covered as f64 / TRIALS as f64;
            println!(
                "| {:.0} % | {:.2} % | {:.2} % | {saved:.0} | {:.1} % |",
                shared * 100.0,
                duet * 100.0,
                turns * 100.0,
                coverage * 100.0
            );
            assert!(saved > least_saved, "{shared}: {saved}");
            // What a single duet tells of it is of the right size.
            let told = median(&told);
            assert!((0.7..3.0).contains(&(told / saved)), "{shared}: {told} told, {saved} saved");
            assert!((0.92..=0.98).contains(&coverage), "{shared}: {coverage}");
            assert!((mean(&paired) - EFFECT).abs() < 0.001, "{shared}");
        }
    }

    #[test]
    fn few_seconds_have_no_interval() {
        let pair = PairedValue { one: 1.0, other: 1.1 };
        assert_eq!(difference(&[pair; 4], 0.95), None);
        let found = difference(&[pair; 20], 0.95).expect("enough");
        assert!((found.value - 0.1).abs() < 1e-12 && found.upper - found.lower < 1e-9);
    }
}
