//! Response times as counts: the form in which steps reach the search and the model.

use serde::{Deserialize, Serialize};

use plimsoll_slo::Buckets;
use plimsoll_units::Nanos;

/// Sub-buckets per power of two: 512 keep a value within 0.1 % (half a bucket).
const BITS: u32 = 9;

/// Response times with their counts, in ascending order of time; each value stands for its bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(Vec<(Nanos, u64)>);

impl Histogram {
    /// A histogram of `pairs`, which may come in any order and repeat; empty counts are dropped.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (Nanos, u64)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|pair| pair.1 > 0).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 += if same { later.1 } else { 0 };
            same
        });
        Self(pairs)
    }

    /// All of `parts` in one.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::from_pairs(parts.into_iter().flat_map(|part| part.0.iter().copied()))
    }

    /// The same shape with `keep` counts in all, at most as many as there are.
    #[must_use]
    pub fn thinned(&self, keep: u64) -> Self {
        let total = self.count().max(1);
        let share = |below: u64| {
            (u128::from(below) * u128::from(keep.min(total)) / u128::from(total)) as u64
        };
        let mut below = 0;
        let pairs = self.0.iter().map(|(time, count)| {
            let before = share(below);
            below += count;
            (*time, share(below) - before)
        });
        Self::from_pairs(pairs)
    }

    /// The pairs, ascending.
    pub fn pairs(&self) -> &[(Nanos, u64)] {
        &self.0
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|pair| pair.1).sum()
    }

    /// The mean in seconds; NaN when empty.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.0.iter().map(|(time, count)| time.as_secs_f64() * *count as f64).sum();
        sum / self.count() as f64
    }

    /// The time in seconds that a share `p` does not exceed, interpolated inside the bucket; NaN when empty.
    pub fn quantile(&self, p: f64) -> f64 {
        let target = p * self.count() as f64;
        let mut below = 0.0;
        let mut previous = self.0.first().map_or(f64::NAN, |pair| pair.0.as_secs_f64());
        for (time, count) in &self.0 {
            let reached = below + *count as f64;
            let here = time.as_secs_f64();
            if reached >= target {
                return previous + (here - previous) * ((target - below) / *count as f64);
            }
            (below, previous) = (reached, here);
        }
        previous
    }
}

impl Buckets for &Histogram {
    fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> {
        self.0.iter().copied()
    }
}

/// A histogram that is being filled: one addition a value, no allocation.
#[derive(Debug, Clone)]
pub(super) struct HistogramBuilder(Vec<u32>);

impl HistogramBuilder {
    pub(super) fn new() -> Self {
        Self(vec![0; index(u64::MAX) + 1])
    }

    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.0[index(nanoseconds)] += 1;
    }

    /// What was counted; begins again from nothing.
    pub(super) fn take(&mut self) -> Histogram {
        let pairs = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(index, count)| (Nanos::new(middle(index)), u64::from(*count)))
            .collect();
        self.0.fill(0);
        Histogram(pairs)
    }
}

fn index(value: u64) -> usize {
    let shift = (value | 1).ilog2().saturating_sub(BITS);
    ((u64::from(shift) << BITS) + (value >> shift)) as usize
}

fn middle(index: usize) -> u64 {
    let shift = ((index >> BITS) as u32).saturating_sub(1);
    let low = (index as u64 - (u64::from(shift) << BITS)) << shift;
    low + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builder_keeps_every_value_within_a_tenth_of_a_percent() {
        let mut builder = HistogramBuilder::new();
        for exponent in 0..63 {
            for value in [1_u64 << exponent, (1 << exponent) + (1 << exponent) / 3] {
                builder.record(value);
                let found = builder.take().pairs()[0].0.get();
                assert!(found.abs_diff(value) as f64 <= 0.001 * value as f64, "{value}: {found}");
            }
        }
    }

    #[test]
    fn thinned_histogram_keeps_its_shape_and_exactly_the_asked_count() {
        let pairs = (1..=100).map(|ms| (Nanos::from_millis(ms), 7));
        let thinned = Histogram::from_pairs(pairs).thinned(333);
        assert_eq!(thinned.count(), 333);
        assert!((thinned.quantile(0.5) - 0.05).abs() < 0.002, "{}", thinned.quantile(0.5));
    }

    #[test]
    fn histogram_merges_repeated_values() {
        let part = |ms, count| Histogram::from_pairs([(Nanos::from_millis(ms), count)]);
        let whole = Histogram::merged([&part(5, 2), &part(3, 1), &part(5, 4)]);
        assert_eq!(whole.pairs(), [(Nanos::from_millis(3), 1), (Nanos::from_millis(5), 6)]);
        assert_eq!(whole.count(), 7);
    }
}
