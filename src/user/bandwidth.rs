//! How fast segments come, as a player estimates it to choose its variant.
//!
//! The estimate and the margins are those of hls.js: two exponentially weighted means, of which the lower counts, and
//! more room asked for before a switch up than before one down.

use plimsoll_units::Nanos;

/// Half-lives of the two means, in seconds of loading (`abrEwmaFastVoD`, `abrEwmaSlowVoD`).
const HALF_LIVES: [f64; 2] = [3.0, 9.0];
/// A segment that came sooner says no more than that it came (`minDelayMs_`).
const TIME_MIN: f64 = 0.05;
/// The share of the estimate that a variant may use to be kept (`abrBandWidthFactor`), and to be gone up to
/// (`abrBandWidthUpFactor`).
const KEEP: f64 = 0.95;
const GO_UP: f64 = 0.7;

/// An estimate of the bandwidth.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BandwidthEstimate {
    /// Weighted means so far in bit/s, not yet corrected for their short history.
    means: [f64; 2],
    /// Seconds of loading so far.
    weight: f64,
}

impl BandwidthEstimate {
    /// Counts a segment of `bytes` that took `time`.
    pub(super) fn add(&mut self, bytes: u64, time: Nanos) {
        let seconds = time.as_secs_f64().max(TIME_MIN);
        let rate = bytes as f64 * 8.0 / seconds;
        for (mean, half_life) in self.means.iter_mut().zip(HALF_LIVES) {
            let old = 0.5_f64.powf(seconds / half_life);
            *mean = rate * (1.0 - old) + *mean * old;
        }
        self.weight += seconds;
    }

    /// The bandwidth in bit/s; none before the first segment.
    fn get(&self) -> Option<f64> {
        let corrected =
            |(mean, half_life): (&f64, f64)| mean / (1.0 - 0.5_f64.powf(self.weight / half_life));
        let both = self.means.iter().zip(HALF_LIVES).map(corrected);
        (self.weight > 0.0).then(|| both.fold(f64::INFINITY, f64::min))
    }

    /// Which of the variants with these bandwidths (bit/s) to play, now that it plays `current`.
    pub(super) fn choose(&self, bandwidths: &[u64], current: usize) -> usize {
        let Some(estimate) = self.get() else { return current };
        let best = |room: f64| {
            let fits = bandwidths.iter().enumerate().filter(|(_, rate)| **rate as f64 <= room);
            fits.max_by_key(|(at, rate)| (**rate, std::cmp::Reverse(*at))).map(|(at, _)| at)
        };
        let rate = bandwidths.get(current).copied().unwrap_or(u64::MAX);
        if let Some(up) = best(estimate * GO_UP).filter(|up| bandwidths[*up] > rate) {
            return up;
        }
        if rate as f64 <= estimate * KEEP {
            return current;
        }
        let lowest = || bandwidths.iter().enumerate().min_by_key(|(_, rate)| **rate);
        best(estimate * KEEP).or_else(|| lowest().map(|(at, _)| at)).unwrap_or(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIANTS: [u64; 3] = [2_000_000, 500_000, 8_000_000];

    #[test]
    fn variant_follows_the_bandwidth() {
        let mut estimate = BandwidthEstimate::default();
        assert_eq!(estimate.choose(&VARIANTS, 0), 0, "nothing is known yet");
        // 20 Mbit/s.
        estimate.add(2_500_000, Nanos::from_secs(1));
        assert_eq!(estimate.choose(&VARIANTS, 0), 2);
        // 1 Mbit/s for half a minute.
        estimate.add(3_750_000, Nanos::from_secs(30));
        assert_eq!(estimate.choose(&VARIANTS, 2), 1);
        assert_eq!(
            estimate.choose(&[9_000_000, 8_000_000], 0),
            1,
            "the lowest of all that are too much"
        );
    }

    #[test]
    fn going_up_takes_more_room_than_staying() {
        let mut estimate = BandwidthEstimate::default();
        // 2.5 Mbit/s: 2 Mbit/s can be kept, and not gone up to.
        estimate.add(312_500, Nanos::from_secs(1));
        assert_eq!(estimate.choose(&VARIANTS, 0), 0);
        assert_eq!(estimate.choose(&VARIANTS, 1), 1);
    }
}
