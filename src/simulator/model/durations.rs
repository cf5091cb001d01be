//! How long visits took, in the buckets of a Prometheus histogram.

use plimsoll_units::Nanos;

/// Ten steps a decade, by the preferred numbers of ISO 3 (R10): a quantile read off them is at most a quarter too high.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];
/// Decades from 0.1 ms to 10 s.
const DECADES: usize = 5;

/// Upper bounds in microseconds; a last bucket holds the rest.
const BOUNDS_US: [u64; STEPS.len() * DECADES + 1] = {
    let mut bounds = [10_000_000; STEPS.len() * DECADES + 1];
    let (mut at, mut unit) = (0, 1);
    while at < STEPS.len() * DECADES {
        bounds[at] = STEPS[at % STEPS.len()] * unit;
        at += 1;
        if at.is_multiple_of(STEPS.len()) {
            unit *= 10;
        }
    }
    bounds
};

/// How many visits fell into each bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DurationCounts([u64; BOUNDS_US.len()]);

impl Default for DurationCounts {
    fn default() -> Self {
        Self([0; BOUNDS_US.len()])
    }
}

/// Visits by duration: from asking for a connection or a core until the core was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    counts: DurationCounts,
    count: u64,
    sum: Nanos,
}

impl Durations {
    pub(super) fn record(&mut self, span: Nanos) {
        let bucket = BOUNDS_US.partition_point(|bound| Nanos::from_micros(*bound) < span);
        if let Some(count) = self.counts.0.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.sum += span;
    }

    /// For each bound, how many visits took no longer, as Prometheus counts.
    pub fn cumulative(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let below = self.counts.0.iter().scan(0, |sum, count| {
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
        assert_eq!((counts[0], counts[1], counts[BOUNDS_US.len() - 1]), (2, 3, 3));
        assert_eq!(durations.count(), 4);
        assert!(BOUNDS_US.is_sorted_by(|a, b| a < b && b * 4 <= a * 5 + a / 8), "{BOUNDS_US:?}");
        assert_eq!(durations.sum(), Nanos::from_micros(30_000_251));
    }
}
