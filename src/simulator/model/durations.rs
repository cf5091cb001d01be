//! How long visits took, in the buckets of a Prometheus histogram.

use plimsoll_units::Nanos;

/// Upper bounds in microseconds; a last bucket holds the rest. Steps of 1, 2, 5 are what dashboards use.
const BOUNDS_US: [u64; 16] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000,
];

/// Visits by duration: from asking for a connection or a core until the core was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    counts: [u64; BOUNDS_US.len()],
    count: u64,
    sum: Nanos,
}

impl Durations {
    pub(super) fn record(&mut self, span: Nanos) {
        let bucket = BOUNDS_US.partition_point(|bound| Nanos::from_micros(*bound) < span);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.sum += span;
    }

    /// For each bound, how many visits took no longer, as Prometheus counts.
    pub fn cumulative(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let below = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS_US.iter().map(|bound| Nanos::from_micros(*bound)).zip(below)
    }

    /// All visits.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their durations, added up.
    pub fn sum(&self) -> Nanos {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visit_counts_in_every_bucket_that_holds_it() {
        let mut durations = Durations::default();
        for us in [50, 100, 101, 30_000_000] {
            durations.record(Nanos::from_micros(us));
        }
        let counts: Vec<u64> = durations.cumulative().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[1], counts[15], durations.count()), (2, 3, 3, 4));
        assert_eq!(durations.sum(), Nanos::from_micros(30_000_251));
    }
}
