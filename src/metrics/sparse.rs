//! A distribution as its non-empty buckets, in memory or left in the run log that it was read from.
//!
//! A long log holds far more buckets than memory should. Of such a log, a distribution keeps only how many values it
//! has, their sum, and where its text stands; whoever asks for the buckets reads them again, for as long as they are
//! looked at.

mod codec;
mod counts;
mod kept;
mod values;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use plimsoll_units::Nanos;

use kept::KeptValues;

pub use counts::BucketCounts;
pub use kept::LogSource;
pub(super) use kept::reading;
pub(super) use values::{HIGHEST_NS, SparseValues};

/// A distribution kept as its non-empty buckets: small, and lossless with respect to [`super::Distribution`].
#[derive(Debug, Clone, Default)]
pub struct SparseDistribution(SparseForm);

/// Where the values are.
#[derive(Debug, Clone, Default)]
enum SparseForm {
    /// There are none.
    #[default]
    Empty,
    /// In memory.
    Here(Box<SparseValues>),
    /// In the log.
    Kept(Box<KeptValues>),
    /// Partly in the log: made of others when it is asked.
    Combined(Box<CombinedValues>),
}

/// Made of two others when it is asked.
#[derive(Debug, Clone)]
struct CombinedValues {
    first: SparseDistribution,
    second: SparseDistribution,
    /// Whether the second is taken away; it is among the first.
    is_difference: bool,
    count: u64,
    sum_ns: u128,
}

impl CombinedValues {
    fn read(&self) -> SparseValues {
        let (first, second) = (self.first.values(), self.second.values());
        if self.is_difference {
            return first.checked_sub(&second).unwrap_or_default();
        }
        let mut sum = first.into_owned();
        sum.merge(&second);
        sum
    }
}

impl From<SparseValues> for SparseDistribution {
    fn from(values: SparseValues) -> Self {
        Self(if values == SparseValues::default() {
            SparseForm::Empty
        } else {
            SparseForm::Here(Box::new(values))
        })
    }
}

impl PartialEq for SparseDistribution {
    fn eq(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

impl Eq for SparseDistribution {}

impl SparseDistribution {
    /// The values themselves, read where they are not in memory.
    pub(super) fn values(&self) -> Cow<'_, SparseValues> {
        match &self.0 {
            SparseForm::Empty => Cow::Owned(SparseValues::default()),
            SparseForm::Here(values) => Cow::Borrowed(values),
            SparseForm::Kept(kept) => Cow::Owned(kept.read()),
            SparseForm::Combined(combined) => Cow::Owned(combined.read()),
        }
    }

    /// Whether its values are looked up anew each time.
    const fn is_elsewhere(&self) -> bool {
        match self.0 {
            SparseForm::Empty | SparseForm::Here(_) => false,
            SparseForm::Kept(_) | SparseForm::Combined(_) => true,
        }
    }

    /// The same with its values in memory, for whoever asks it several times.
    pub fn in_memory(&self) -> Cow<'_, Self> {
        if self.is_elsewhere() {
            Cow::Owned(Self::from(self.values().into_owned()))
        } else {
            Cow::Borrowed(self)
        }
    }

    /// Whether no value was counted.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            SparseForm::Empty => true,
            SparseForm::Here(values) => values.buckets.is_empty(),
            SparseForm::Kept(_) | SparseForm::Combined(_) => self.count() == 0,
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        match &self.0 {
            SparseForm::Empty => 0,
            SparseForm::Here(values) => values.count(),
            SparseForm::Kept(kept) => kept.count(),
            SparseForm::Combined(combined) => combined.count,
        }
    }

    /// The exact sum of all values in nanoseconds.
    pub fn sum_ns(&self) -> u128 {
        match &self.0 {
            SparseForm::Empty => 0,
            SparseForm::Here(values) => values.sum_ns,
            SparseForm::Kept(kept) => kept.sum_ns(),
            SparseForm::Combined(combined) => combined.sum_ns,
        }
    }

    /// The exact mean; zero if empty.
    pub fn mean(&self) -> Nanos {
        match u128::from(self.count()) {
            0 => Nanos::ZERO,
            count => Nanos::new(u64::try_from(self.sum_ns() / count).unwrap_or(u64::MAX)),
        }
    }

    /// The exact greatest value; zero if empty.
    pub fn max(&self) -> Nanos {
        self.values().max
    }

    /// The value that a share `quantile` (0 to 1) of all values does not exceed; zero if empty.
    pub fn quantile(&self, quantile: f64) -> Nanos {
        self.values().quantile(quantile)
    }

    /// The non-empty buckets: (value, count), ascending by value.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let values = self.values();
        (0..values.buckets.len()).map(move |at| {
            let (value, count) = values.buckets[at];
            (Nanos::new(value), count)
        })
    }

    /// Adds all values of `other`; both must stem from [`super::Distribution`]s.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        match &mut self.0 {
            SparseForm::Here(values) if !values.buckets.is_empty() => values.merge(&other.values()),
            SparseForm::Kept(_) | SparseForm::Combined(_) => {
                let combined = CombinedValues {
                    count: self.count() + other.count(),
                    sum_ns: self.sum_ns() + other.sum_ns(),
                    first: self.clone(),
                    second: other.clone(),
                    is_difference: false,
                };
                self.0 = SparseForm::Combined(Box::new(combined));
            }
            SparseForm::Empty | SparseForm::Here(_) => self.clone_from(other),
        }
    }

    /// These values without those of `some`, bucket by bucket; `None` where `some` holds any that are not among
    /// them. The sum stays exact; least and greatest value are known to their bucket from now on.
    #[must_use]
    pub fn checked_sub(&self, some: &Self) -> Option<Self> {
        let left = self.values().checked_sub(&some.values())?;
        if !self.is_elsewhere() {
            return Some(Self::from(left));
        }
        let (count, sum_ns) = (left.count(), left.sum_ns);
        let (first, second) = (self.clone(), some.clone());
        let combined = CombinedValues { count, sum_ns, first, second, is_difference: true };
        Some(Self(SparseForm::Combined(Box::new(combined))))
    }

    #[cfg(test)]
    fn encode(&self) -> String {
        codec::encode(&self.values())
    }

    #[cfg(test)]
    fn decode(text: &str) -> Option<Self> {
        codec::decode(text).map(Self::from)
    }
}

/// Counts values straight into sparse buckets, the same that [`super::Distribution`] would use; for a few values it
/// is much cheaper.
impl FromIterator<Nanos> for SparseDistribution {
    fn from_iter<I: IntoIterator<Item = Nanos>>(values: I) -> Self {
        Self::from(values.into_iter().collect::<SparseValues>())
    }
}

impl Serialize for SparseDistribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&codec::encode(&self.values()))
    }
}

impl<'de> Deserialize<'de> for SparseDistribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DistributionText)
    }
}

/// Reads a distribution's text, in place where it stands in a log.
struct DistributionText;

impl<'de> de::Visitor<'de> for DistributionText {
    type Value = SparseDistribution;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a distribution")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<SparseDistribution, E> {
        let values = codec::decode(text).ok_or_else(|| E::custom("not a distribution"))?;
        Ok(match KeptValues::of(text, &values) {
            Some(kept) => SparseDistribution(SparseForm::Kept(Box::new(kept))),
            None => SparseDistribution::from(values),
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SparseDistribution, E> {
        let values = codec::decode(text).ok_or_else(|| E::custom("not a distribution"))?;
        Ok(SparseDistribution::from(values))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Distribution;
    use super::values::{bucket_end, bucket_start};
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
