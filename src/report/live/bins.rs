//! Response times in a few fixed bins, as monitoring systems take them.

use plimsoll_metrics::SparseDistribution;
use plimsoll_units::Nanos;

/// The upper ends of the bins in milliseconds: 1, 2.5, 5 a decade, and up to a minute. What is slower stands
/// in one more bin.
const ENDS_MS: [f64; 16] =
    [1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 10e3, 15e3, 30e3, 60e3];

/// How many values fell in each bin. Values are exact to 0.1 %, so one this close to a bin's end may stand
/// in the next bin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bins {
    counts: [u64; ENDS_MS.len() + 1],
    sum_ns: u128,
}

impl Bins {
    /// Adds all values of `times`.
    pub(super) fn absorb(&mut self, times: &SparseDistribution) {
        self.sum_ns += times.sum_ns();
        for (value, count) in times.buckets() {
            self.counts[bin(value)] += count;
        }
    }

    /// Adds one value.
    pub(super) fn add(&mut self, value: Nanos) {
        self.sum_ns += u128::from(value.get());
        self.counts[bin(value)] += 1;
    }

    /// How many values there are.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in seconds.
    pub(super) fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// The values of each bin, those below it not counted; one more than [`Bins::ends`].
    pub(super) const fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The upper ends of all bins but the last, in seconds.
    pub(super) fn ends() -> impl Iterator<Item = f64> {
        ENDS_MS.iter().map(|ms| ms / 1e3)
    }
}

fn bin(value: Nanos) -> usize {
    let ms = value.as_millis_f64();
    ENDS_MS.iter().position(|&end| ms <= end).unwrap_or(ENDS_MS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_stands_in_the_first_bin_whose_end_it_does_not_exceed() {
        let mut bins = Bins::default();
        let times = [500_000, 3_000_000, 4_000_000, 70_000_000_000].map(Nanos::new);
        bins.absorb(&times.into_iter().collect());
        assert_eq!((bins.counts()[0], bins.counts()[2], bins.counts()[16]), (1, 2, 1));
        assert_eq!(bins.count(), 4);
        assert!((bins.sum_seconds() - 70.007_5).abs() < 1e-9);
    }
}
