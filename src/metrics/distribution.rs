//! Distributions of times: dense ones to record into, sparse ones to keep and send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::Nanos;

/// Three significant digits: a reported value is at most 0.1 % off.
const DIGITS: u8 = 3;
/// Ten hours. Longer values are clamped and counted.
const HIGHEST_NS: u64 = 36_000_000_000_000;

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
        for &(value, count) in &other.buckets {
            let _ = self.histogram.record_n(value.min(HIGHEST_NS), count);
        }
        self.sum_ns += other.sum_ns;
        if !other.is_empty() {
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
        SparseDistribution {
            buckets: self
                .histogram
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
            sum_ns: self.sum_ns,
            min: self.min(),
            max: self.max,
            clamped: self.clamped,
        }
    }
}

/// A distribution kept as its non-empty buckets: small, and lossless with respect to [`Distribution`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SparseDistribution {
    /// (value in nanoseconds, count), ascending by value.
    buckets: Vec<(u64, u64)>,
    sum_ns: u128,
    min: Nanos,
    max: Nanos,
    clamped: u64,
}

impl SparseDistribution {
    /// Whether no value was counted.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|&(_, count)| count).sum()
    }

    /// The exact mean; zero if empty.
    pub fn mean(&self) -> Nanos {
        match u128::from(self.count()) {
            0 => Nanos::ZERO,
            count => Nanos::new(u64::try_from(self.sum_ns / count).unwrap_or(u64::MAX)),
        }
    }

    /// The exact sum of all values in nanoseconds.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The exact greatest value; zero if empty.
    pub fn max(&self) -> Nanos {
        self.max
    }

    /// The value that a share `quantile` (0 to 1) of all values does not exceed; zero if empty.
    pub fn quantile(&self, quantile: f64) -> Nanos {
        let wanted = (quantile.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for &(value, count) in &self.buckets {
            seen += count;
            if seen >= wanted {
                return Nanos::new(value).min(self.max);
            }
        }
        self.max
    }

    /// The non-empty buckets: (value, count), ascending by value.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        self.buckets.iter().map(|&(value, count)| (Nanos::new(value), count))
    }

    /// Adds all values of `other`; both must stem from [`Distribution`]s.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        let mut buckets = Vec::with_capacity(self.buckets.len() + other.buckets.len());
        let mut theirs = other.buckets.iter().copied().peekable();
        for &(value, count) in &self.buckets {
            buckets.extend(std::iter::from_fn(|| theirs.next_if(|&(their, _)| their < value)));
            let same = theirs.next_if(|&(their, _)| their == value);
            buckets.push((value, count + same.map_or(0, |(_, count)| count)));
        }
        buckets.extend(theirs);
        self.buckets = buckets;
        self.sum_ns += other.sum_ns;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.clamped += other.clamped;
    }

    /// These values without those of `some`, bucket by bucket; `None` where `some` holds any that are not among
    /// them. The sum stays exact; least and greatest value are known to their bucket from now on.
    #[must_use]
    pub fn checked_sub(&self, some: &Self) -> Option<Self> {
        let mut taken = some.buckets.iter().copied().peekable();
        let mut buckets = Vec::with_capacity(self.buckets.len());
        for &(value, count) in &self.buckets {
            let less = taken.next_if(|&(other, _)| other == value).map_or(0, |(_, count)| count);
            match count.checked_sub(less)? {
                0 => {}
                left => buckets.push((value, left)),
            }
        }
        let sum_ns = self.sum_ns.checked_sub(some.sum_ns)?;
        let clamped = self.clamped.checked_sub(some.clamped)?;
        if taken.next().is_some() {
            return None;
        }
        let (Some(&(first, _)), Some(&(last, _))) = (buckets.first(), buckets.last()) else {
            return Some(Self::default());
        };
        let min = Nanos::new(bucket_start(first)).max(self.min);
        let max = if clamped > 0 { self.max } else { Nanos::new(last).min(self.max) };
        Some(Self { buckets, sum_ns, min, max, clamped })
    }

    /// Variable-length deltas: clamped, sum, min, max, then (value delta, count) pairs; base64.
    fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(16 + self.buckets.len() * 4);
        put_varint(&mut bytes, u128::from(self.clamped));
        put_varint(&mut bytes, self.sum_ns);
        put_varint(&mut bytes, u128::from(self.min.get()));
        put_varint(&mut bytes, u128::from(self.max.get()));
        let mut previous = 0;
        for &(value, count) in &self.buckets {
            put_varint(&mut bytes, u128::from(value - previous));
            put_varint(&mut bytes, u128::from(count));
            previous = value;
        }
        STANDARD_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD_NO_PAD.decode(text).ok()?;
        let mut rest = bytes.as_slice();
        let clamped = u64::try_from(take_varint(&mut rest)?).ok()?;
        let sum_ns = take_varint(&mut rest)?;
        let min = Nanos::new(u64::try_from(take_varint(&mut rest)?).ok()?);
        let max = Nanos::new(u64::try_from(take_varint(&mut rest)?).ok()?);
        let mut buckets = Vec::new();
        let mut value = 0_u64;
        while !rest.is_empty() {
            value = value.checked_add(u64::try_from(take_varint(&mut rest)?).ok()?)?;
            buckets.push((value, u64::try_from(take_varint(&mut rest)?).ok()?));
        }
        Some(Self { buckets, sum_ns, min, max, clamped })
    }
}

/// Counts values straight into sparse buckets, the same that [`Distribution`] would use; for a few values it
/// is much cheaper.
impl FromIterator<Nanos> for SparseDistribution {
    fn from_iter<I: IntoIterator<Item = Nanos>>(values: I) -> Self {
        let mut sorted: Vec<Nanos> = values.into_iter().collect();
        sorted.sort_unstable();
        let mut sparse = Self {
            min: sorted.first().copied().unwrap_or_default(),
            max: sorted.last().copied().unwrap_or_default(),
            ..Self::default()
        };
        for value in sorted {
            sparse.sum_ns += u128::from(value.get());
            sparse.clamped += u64::from(value.get() > HIGHEST_NS);
            let bucket = bucket_end(value.get().min(HIGHEST_NS));
            match sparse.buckets.last_mut() {
                Some((last, count)) if *last == bucket => *count += 1,
                _ => sparse.buckets.push((bucket, 1)),
            }
        }
        sparse
    }
}

/// The greatest value of an HDR bucket with three digits: 2048 buckets of width 1, then 1024 for every
/// further power of two.
const fn bucket_end(ns: u64) -> u64 {
    let bits = u64::BITS - ns.leading_zeros();
    ns | ((1 << bits.saturating_sub(11)) - 1)
}

/// The least value of the bucket whose greatest is `end`.
const fn bucket_start(end: u64) -> u64 {
    let bits = u64::BITS - end.leading_zeros();
    end & !((1 << bits.saturating_sub(11)) - 1)
}

/// LEB128: seven bits a byte, least first.
fn put_varint(bytes: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0;
    for shift in (0..126).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u128::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

impl Serialize for SparseDistribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for SparseDistribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom("not a distribution"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_distribution_survives_text() {
        let mut dense = Distribution::new();
        for us in [1, 5, 5, 90, 1_000_000] {
            dense.record(Nanos::from_micros(us));
        }
        let sparse = dense.to_sparse();
        assert_eq!(SparseDistribution::decode(&sparse.encode()), Some(sparse.clone()));
        let mut back = Distribution::new();
        back.merge_sparse(&sparse);
        assert_eq!(back.to_sparse(), sparse);
        assert_eq!(back.mean(), dense.mean());
    }

    #[test]
    fn merge_is_the_same_in_any_order() {
        let (mut a, mut b) = (Distribution::new(), Distribution::new());
        for n in 1..500 {
            a.record(Nanos::from_micros(n * 7));
            b.record(Nanos::from_millis(n));
        }
        let mut ab = a.clone();
        ab.merge(&b);
        b.merge(&a);
        assert_eq!(ab.to_sparse(), b.to_sparse());
    }

    #[test]
    fn quantile_of_a_known_mixture_is_exact_to_three_digits() {
        let mut distribution = Distribution::new();
        distribution.record_n(Nanos::from_millis(1), 99);
        distribution.record_n(Nanos::from_millis(100), 1);
        assert!((distribution.quantile(0.99).as_millis_f64() - 1.0).abs() < 0.001);
        assert_eq!(distribution.quantile(1.0), Nanos::from_millis(100));
    }

    #[test]
    fn collected_values_meet_the_buckets_of_a_dense_distribution() {
        let values =
            (0..64).flat_map(|bits| [1_u64 << bits, (1 << bits) - 1, 0x5A5A_5A5A >> (bits / 2)]);
        let values: Vec<Nanos> = values.map(Nanos::new).collect();
        let mut dense = Distribution::new();
        for value in &values {
            dense.record(*value);
        }
        assert_eq!(values.into_iter().collect::<SparseDistribution>(), dense.to_sparse());
    }

    fn micros(values: &[u64]) -> SparseDistribution {
        values.iter().copied().map(Nanos::from_micros).collect()
    }

    #[test]
    fn difference_is_what_the_others_alone_would_have_given() {
        let all = micros(&[1, 5, 5, 90, 1_000_000]);
        let left = all.checked_sub(&micros(&[5, 1_000_000])).expect("they are among them");
        assert_eq!((left.count(), left.sum_ns()), (3, 96_000));
        assert!(left.buckets().eq(micros(&[1, 5, 90]).buckets()));
        // 90 µs lie in a bucket of 64 ns.
        assert!(left.max().get().abs_diff(90_000) < 64, "{}", left.max());
        assert_eq!(all.checked_sub(&all), Some(SparseDistribution::default()));
        assert_eq!(all.checked_sub(&SparseDistribution::default()), Some(all));
    }

    #[test]
    fn difference_refuses_what_is_not_among_the_values() {
        let all = micros(&[1, 5, 90]);
        for not_among in [micros(&[5, 5]), micros(&[7]), micros(&[1_000])] {
            assert_eq!(all.checked_sub(&not_among), None);
        }
    }

    #[test]
    fn bucket_starts_where_the_one_before_ends() {
        for value in [0, 1, 2_047, 2_048, 90_000, 1_234_567_890] {
            let end = bucket_end(value);
            assert_eq!(bucket_end(bucket_start(end)), end);
            let before = bucket_start(end).checked_sub(1);
            assert!(before.is_none_or(|before| bucket_end(before) == before), "{value}");
        }
    }

    #[test]
    fn decode_refuses_garbage() {
        assert_eq!(SparseDistribution::decode("%%"), None);
        assert_eq!(SparseDistribution::decode("/////w"), None);
    }
}
