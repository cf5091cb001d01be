//! Times of many distributions together: of a step over a stretch of a chart, and as the rows of a heat map.

use std::sync::LazyLock;

use plimsoll_metrics::{BucketCounts, SparseDistribution};
use plimsoll_units::Nanos;

/// Values of several distributions together, as long as more of them come. For a few it is much smaller than counts of
/// all buckets would be.
#[derive(Debug, Default)]
pub(super) struct PooledTimes {
    /// (value, count), several of one value possible.
    buckets: Vec<(Nanos, u64)>,
    max: Nanos,
    /// How many buckets there were when they were last folded.
    folded: usize,
}

/// Buckets from which on equal ones are folded.
const MANY: usize = 8_192;

impl PooledTimes {
    pub(super) fn add(&mut self, times: &SparseDistribution) {
        if times.is_empty() {
            return;
        }
        self.buckets.extend(times.buckets());
        self.max = self.max.max(times.max());
        if self.buckets.len() > MANY.max(2 * self.folded) {
            self.fold();
        }
    }

    /// Makes one of buckets that hold the same value.
    fn fold(&mut self) {
        self.buckets.sort_unstable();
        self.buckets.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
        self.folded = self.buckets.len();
    }

    /// Counts them in `counts`, which forget what they held.
    pub(super) fn count_into(&self, counts: &mut BucketCounts) {
        counts.clear();
        self.buckets.iter().for_each(|&bucket| counts.add_bucket(bucket));
        counts.raise_max(self.max);
    }
}

/// Rows of a heat map: eight to a power of ten from 10 µs to 100 s, and one for what is above.
const ROWS: usize = 57;

/// The upper ends of all rows but the last, in nanoseconds.
static ENDS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let end = |row: usize| (1e4 * 10_f64.powf(row as f64 / 8.0)).round() as u64;
    (0..ROWS - 1).map(end).collect()
});

/// Counts by range of time.
#[derive(Debug, Clone)]
pub struct HeatRows([u64; ROWS]);

impl Default for HeatRows {
    fn default() -> Self {
        Self([0; ROWS])
    }
}

impl HeatRows {
    pub(super) fn of(times: &BucketCounts) -> Self {
        let mut rows = Self::default();
        for (value, count) in times.buckets() {
            rows.0[ENDS.partition_point(|&end| end < value.get())] += count;
        }
        rows
    }

    /// Adds the counts of another stretch.
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "only charts show it"))]
    pub(super) fn merge(&mut self, other: &Self) {
        for (own, more) in self.0.iter_mut().zip(other.0) {
            *own += more;
        }
    }

    /// (lower end, upper end, count) of each row, fastest first. The last one has no end of its own; it is as high as the
    /// others.
    #[cfg_attr(not(feature = "charts"), expect(dead_code, reason = "only charts show it"))]
    pub(super) fn rows(&self) -> impl Iterator<Item = (Nanos, Nanos, u64)> + '_ {
        let step = 10_f64.powf(0.125);
        self.0.iter().enumerate().map(move |(row, &count)| {
            let beyond = || (ENDS[ROWS - 2] as f64 * step) as u64;
            let end = ENDS.get(row).copied().unwrap_or_else(beyond);
            let start = row.checked_sub(1).map_or((end as f64 / step) as u64, |row| ENDS[row]);
            (Nanos::new(start), Nanos::new(end), count)
        })
    }
}

/// The shade of a cell of a heat map by its share of a column: from 1 (few) to 5 (most), each for about four times the
/// share of the one before; 0 is nothing.
pub fn heat_shade(count: u64, all: u64) -> u8 {
    match count as f64 / all.max(1) as f64 {
        _ if count == 0 => 0,
        share if share < 0.01 => 1,
        share if share < 0.05 => 2,
        share if share < 0.15 => 3,
        share if share < 0.40 => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::Distribution;

    /// However many are added, memory stays bounded, and nothing is lost by that.
    #[test]
    fn pooled_times_give_the_quantiles_of_a_merged_histogram() {
        let mut dense = Distribution::new();
        let mut pooled = PooledTimes::default();
        for part in 1..=300_u64 {
            let mut times = Distribution::new();
            for n in 0..200 {
                times.record(Nanos::from_micros(part % 7 * 137 + n * n * (part % 5)));
            }
            dense.merge(&times);
            pooled.add(&times.to_sparse());
            assert!(pooled.buckets.len() <= 2 * MANY, "{}", pooled.buckets.len());
        }
        let mut counts = BucketCounts::default();
        pooled.count_into(&mut counts);
        let (asked, sparse) = ([0.0, 0.1, 0.5, 0.95, 0.99, 0.999, 1.0], dense.to_sparse());
        assert_eq!(counts.quantiles(asked), asked.map(|share| sparse.quantile(share)));
        let rows = HeatRows::of(&counts);
        assert_eq!(rows.rows().map(|(_, _, count)| count).sum::<u64>(), 60_000);
        assert!(rows.rows().all(|(low, high, _)| low < high));
    }
}
