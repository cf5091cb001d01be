//! Counts by bucket: to ask many distributions together, for one stretch of a run after the other.
//!
//! A chart asks thousands of times what tens of distributions together have as their median or their p99. To sort their
//! buckets each time costs far more than to count them where they belong, and only buckets that hold anything are looked
//! at afterwards.

use plimsoll_units::Nanos;

use super::SparseDistribution;

/// The values of several distributions, counted by bucket. Keeps its memory when it is cleared.
#[derive(Debug, Default)]
pub struct BucketCounts {
    /// By number of the bucket.
    counts: Vec<u64>,
    /// A bit for each bucket that holds anything.
    occupied: Vec<u64>,
    count: u64,
    max: Nanos,
}

impl BucketCounts {
    /// Adds all values of a distribution.
    pub fn add(&mut self, times: &SparseDistribution) {
        let values = times.values();
        for &(value, count) in &values.buckets {
            self.count_in_bucket(value, count);
        }
        self.max = self.max.max(values.max);
    }

    /// Adds values of one bucket; the greatest one is told by [`Self::raise_max`].
    pub fn add_bucket(&mut self, (value, count): (Nanos, u64)) {
        self.count_in_bucket(value.get(), count);
    }

    /// The greatest value is at least `max`.
    pub fn raise_max(&mut self, max: Nanos) {
        self.max = self.max.max(max);
    }

    fn count_in_bucket(&mut self, value: u64, count: u64) {
        let index = number(value);
        if index >= self.counts.len() {
            let words = index / WORD + 1;
            self.counts.resize(words * WORD, 0);
            self.occupied.resize(words, 0);
        }
        self.counts[index] += count;
        self.occupied[index / WORD] |= 1 << (index % WORD);
        self.count += count;
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        for (word, counts) in self.occupied.iter_mut().zip(self.counts.chunks_exact_mut(WORD)) {
            if *word != 0 {
                counts.fill(0);
                *word = 0;
            }
        }
        self.count = 0;
        self.max = Nanos::ZERO;
    }

    /// Whether there are no values.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many values there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The exact greatest value; zero if empty.
    pub const fn max(&self) -> Nanos {
        self.max
    }

    /// The non-empty buckets: (value, count), ascending by value.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let words = self.occupied.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(move |(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                let index = at * WORD + bit;
                Some((Nanos::new(end(index)), self.counts[index]))
            })
        })
    }

    /// The values that shares (0 to 1, ascending) of all values do not exceed; zero if empty.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Nanos; N] {
        let mut found = [self.max; N];
        let mut wanted = shares
            .map(|share| (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64)
            .into_iter()
            .zip(&mut found)
            .peekable();
        let mut seen = 0;
        for (value, count) in self.buckets() {
            seen += count;
            while let Some((_, slot)) = wanted.next_if(|(wanted, _)| seen >= *wanted) {
                *slot = value.min(self.max);
            }
            if wanted.peek().is_none() {
                break;
            }
        }
        found
    }
}

/// Buckets of one word of bits.
const WORD: usize = u64::BITS as usize;

/// The number of the bucket that a value falls into, see [`super::values::bucket_end`].
const fn number(ns: u64) -> usize {
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(11);
    (shift as usize * 1_024) + (ns >> shift) as usize
}

/// The greatest value of a bucket.
const fn end(number: usize) -> u64 {
    let shift = (number / 1_024).saturating_sub(1);
    let place = (number - shift * 1_024) as u64;
    ((place + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::super::values::{HIGHEST_NS, bucket_end};
    use super::*;
    use crate::Distribution;

    #[test]
    fn buckets_are_numbered_without_gaps_by_their_ends() {
        for number_of in 0..40_000 {
            let value = end(number_of);
            assert_eq!((number(value), bucket_end(value)), (number_of, value));
            assert_eq!(number(value + 1), number_of + 1);
        }
        assert!(number(HIGHEST_NS) < 40_000);
    }

    #[test]
    fn counted_values_give_the_quantiles_of_a_merged_histogram() {
        let mut counts = BucketCounts::default();
        // What was counted before and cleared leaves no trace.
        counts.add(&[3, 70_000, 5_000_000_000].map(Nanos::new).into_iter().collect());
        for round in 1..=3_u64 {
            counts.clear();
            let mut dense = Distribution::new();
            for part in 1..=5_u64 {
                let mut times = Distribution::new();
                for n in 0..200 {
                    times.record(Nanos::from_micros(round * part * 137 + n * n * part));
                }
                dense.merge(&times);
                counts.add(&times.to_sparse());
            }
            let (asked, sparse) = ([0.0, 0.1, 0.5, 0.95, 0.99, 0.999, 1.0], dense.to_sparse());
            assert_eq!(counts.quantiles(asked), asked.map(|share| sparse.quantile(share)));
            assert_eq!(counts.max(), dense.max());
            assert!(counts.buckets().eq(sparse.buckets()));
        }
    }

    #[test]
    fn nothing_counted_has_no_quantile() {
        let counts = BucketCounts::default();
        assert!(counts.is_empty());
        assert_eq!(counts.quantiles([0.5, 0.99]), [Nanos::ZERO; 2]);
        assert_eq!(counts.buckets().count(), 0);
    }
}
