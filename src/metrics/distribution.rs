//! Distributions of times: dense ones to record into, sparse ones to keep and send.

use hdrhistogram::Histogram;

use super::sparse::{HIGHEST_NS, SparseDistribution, SparseValues};
use plimsoll_units::Nanos;

/// Three significant digits: a reported value is at most 0.1 % off.
const DIGITS: u8 = 3;

/// A distribution of times: an HDR histogram with an exact sum, least and greatest value.
#[derive(Debug, Clone)]
pub struct Distribution {
    histogram: Histogram<u64>,
    sum_ns: u128,
    min: Nanos,
    max: Nanos,
    clamped: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::new()
    }
}

impl Distribution {
    /// An empty distribution. Grows with the values recorded, to 300 KB at the most.
    pub fn new() -> Self {
        Self::with_digits(DIGITS)
    }

    /// An empty distribution with two significant digits, for phases: a tenth of the memory, 1 % off at the most.
    pub fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        let mut histogram = Histogram::new(digits).expect("0 to 5 digits are valid");
        histogram.auto(true);
        Self { histogram, sum_ns: 0, min: Nanos::MAX, max: Nanos::ZERO, clamped: 0 }
    }

    /// Counts one value. Values above ten hours are clamped and counted in [`Self::clamped`].
    pub fn record(&mut self, value: Nanos) {
        self.record_n(value, 1);
    }

    /// Counts `count` equal values.
    pub fn record_n(&mut self, value: Nanos, count: u64) {
        if count == 0 {
            return;
        }
        let ns = value.get().min(HIGHEST_NS);
        if ns != value.get() {
            self.clamped += count;
        }
        // Cannot fail: the histogram resizes itself and the value is bounded.
        let _ = self.histogram.record_n(ns, count);
        self.sum_ns += u128::from(value.get()) * u128::from(count);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Self) {
        // Cannot fail: this histogram resizes itself.
        let _ = self.histogram.add(&other.histogram);
        self.sum_ns += other.sum_ns;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.clamped += other.clamped;
    }

    /// Adds all values of a sparse distribution.
    pub fn merge_sparse(&mut self, other: &SparseDistribution) {
        let other = other.values();
        for &(value, count) in &other.buckets {
            let _ = self.histogram.record_n(value.min(HIGHEST_NS), count);
        }
        self.sum_ns += other.sum_ns;
        if !other.buckets.is_empty() {
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
        }
        self.clamped += other.clamped;
    }

    /// These values without those of `some`, bucket by bucket; all of them where `some` are not among them. See
    /// [`SparseDistribution::checked_sub`].
    #[must_use]
    pub fn without(&self, some: &Self) -> Self {
        if some.is_empty() {
            return self.clone();
        }
        let Some(left) = self.to_sparse().checked_sub(&some.to_sparse()) else {
            return self.clone();
        };
        let mut dense = Self::new();
        dense.merge_sparse(&left);
        dense
    }

    /// Forgets all values but keeps the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.sum_ns = 0;
        self.min = Nanos::MAX;
        self.max = Nanos::ZERO;
        self.clamped = 0;
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether no value was counted.
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// The exact mean; zero if empty.
    pub fn mean(&self) -> Nanos {
        match u128::from(self.count()) {
            0 => Nanos::ZERO,
            count => Nanos::new(u64::try_from(self.sum_ns / count).unwrap_or(u64::MAX)),
        }
    }

    /// The exact least value; zero if empty.
    pub fn min(&self) -> Nanos {
        if self.is_empty() { Nanos::ZERO } else { self.min }
    }

    /// The exact greatest value; zero if empty.
    pub fn max(&self) -> Nanos {
        self.max
    }

    /// How many values were above ten hours.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The value that a share `quantile` (0 to 1) of all values does not exceed, within 0.1 %; zero if empty.
    pub fn quantile(&self, quantile: f64) -> Nanos {
        Nanos::new(self.histogram.value_at_quantile(quantile)).min(self.max)
    }

    /// How many values do not exceed `value`, within 0.1 % of the value.
    pub fn count_at_most(&self, value: Nanos) -> u64 {
        let ns = value.get().min(HIGHEST_NS);
        if self.is_empty() { 0 } else { self.histogram.count_between(0, ns) }
    }

    /// The values as sparse buckets, ascending.
    pub fn to_sparse(&self) -> SparseDistribution {
        SparseDistribution::from(SparseValues {
            buckets: self
                .histogram
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
            sum_ns: self.sum_ns,
            min: self.min(),
            max: self.max,
            clamped: self.clamped,
        })
    }
}
