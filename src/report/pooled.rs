//! Times of many small distributions pooled: cheaper than a dense histogram a point of a chart.

use std::sync::LazyLock;

use crate::metrics::SparseDistribution;
use crate::units::Nanos;

/// Values of several distributions together. Sort before you ask.
#[derive(Debug, Default)]
pub(super) struct PooledTimes {
    /// (value, count), several of one value possible.
    buckets: Vec<(Nanos, u64)>,
    count: u64,
    /// The exact greatest value.
    pub(super) max: Nanos,
}

impl PooledTimes {
    pub(super) fn add(&mut self, times: &SparseDistribution) {
        if times.is_empty() {
            return;
        }
        self.buckets.extend(times.buckets());
        self.count += times.count();
        self.max = self.max.max(times.max());
    }

    pub(super) fn sort(&mut self) {
        self.buckets.sort_unstable();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value that a share `q` (0 to 1) of all values does not exceed; zero if empty.
    pub(super) fn quantile(&self, q: f64) -> Nanos {
        let wanted = (q.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for &(value, count) in &self.buckets {
            seen += count;
            if seen >= wanted {
                return value.min(self.max);
            }
        }
        self.max
    }

    /// p99, of what is not sorted yet; absent where there are no values.
    pub(super) fn p99(&mut self) -> Option<Nanos> {
        self.sort();
        (!self.is_empty()).then(|| self.quantile(0.99))
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
    pub(super) fn add(&mut self, times: &PooledTimes) {
        for &(value, count) in &times.buckets {
            self.0[ENDS.partition_point(|&end| end < value.get())] += count;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Distribution;

    #[test]
    fn pooled_times_give_the_quantiles_of_a_merged_histogram() {
        let mut dense = Distribution::new();
        let mut pooled = PooledTimes::default();
        for part in 1..=5_u64 {
            let mut times = Distribution::new();
            for n in 0..200 {
                times.record(Nanos::from_micros(part * 137 + n * n * part));
            }
            dense.merge(&times);
            pooled.add(&times.to_sparse());
        }
        pooled.sort();
        for q in [0.0, 0.1, 0.5, 0.95, 0.99, 0.999, 1.0] {
            let (one, other) = (pooled.quantile(q).get() as f64, dense.quantile(q).get() as f64);
            assert!((one / other - 1.0).abs() < 0.002, "{q}: {one} and {other}");
        }
        assert_eq!(pooled.max, dense.max());
        let mut rows = HeatRows::default();
        rows.add(&pooled);
        assert_eq!(rows.rows().map(|(_, _, count)| count).sum::<u64>(), 1_000);
        assert!(rows.rows().all(|(low, high, _)| low < high));
    }

    #[test]
    fn nothing_pooled_has_no_quantile() {
        assert_eq!(PooledTimes::default().p99(), None);
    }
}
