//! Non-empty buckets in memory.

use plimsoll_units::Nanos;

/// Ten hours. Longer values are clamped and counted.
pub(crate) const HIGHEST_NS: u64 = 36_000_000_000_000;

/// The non-empty buckets of a distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SparseValues {
    /// (value in nanoseconds, count), ascending by value.
    pub(crate) buckets: Vec<(u64, u64)>,
    pub(crate) sum_ns: u128,
    pub(crate) min: Nanos,
    pub(crate) max: Nanos,
    pub(crate) clamped: u64,
}

impl SparseValues {
    /// How many values there are.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().map(|&(_, count)| count).sum()
    }

    /// The value that a share `quantile` (0 to 1) of all values does not exceed; zero if empty.
    pub(super) fn quantile(&self, quantile: f64) -> Nanos {
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

    /// Adds `other`; neither is empty.
    pub(super) fn merge(&mut self, other: &Self) {
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

    /// These values without those of `some`; `None` where it holds any that are not among them.
    pub(super) fn checked_sub(&self, some: &Self) -> Option<Self> {
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
}

impl FromIterator<Nanos> for SparseValues {
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
pub(super) const fn bucket_end(ns: u64) -> u64 {
    let bits = u64::BITS - ns.leading_zeros();
    ns | ((1 << bits.saturating_sub(11)) - 1)
}

/// The least value of the bucket whose greatest is `end`.
pub(super) const fn bucket_start(end: u64) -> u64 {
    let bits = u64::BITS - end.leading_zeros();
    end & !((1 << bits.saturating_sub(11)) - 1)
}
