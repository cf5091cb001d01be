//! How far one monotonic clock is from another, by exchanges of four timestamps.
//!
//! An agent sends at t₁ (its clock), the leader receives at t₂ and answers at t₃ (the leader's), the agent receives at t₄.
//! The offset is θ = ((t₂ − t₁) + (t₃ − t₄)) / 2, the round trip δ = (t₄ − t₁) − (t₃ − t₂), and however unlike both ways
//! are, θ is at most δ/2 off (RFC 5905, sections 8 and 10: the exchange of least delay is kept).

use serde::{Deserialize, Serialize};

use plimsoll_units::Nanos;

/// The fastest crystals gain so many nanoseconds a second on the slowest: 100 ppm, twice what each may be off.
const DRIFT_MAX: f64 = 100e-6;
/// So many estimates are kept to find the drift: one every ten seconds, ten minutes in all.
const KEPT: usize = 60;

/// The four timestamps of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockExchange {
    /// t₁, by this clock.
    pub asked: Nanos,
    /// t₂, by the other clock.
    pub received: Nanos,
    /// t₃, by the other clock.
    pub answered: Nanos,
    /// t₄, by this clock.
    pub returned: Nanos,
}

/// What is to be added to this clock to read the other, and how far that may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockEstimate {
    /// Nanoseconds to add to this clock.
    pub offset_ns: i64,
    /// At the most so far off.
    pub error: Nanos,
    /// The round trip of the exchange.
    pub round_trip: Nanos,
    /// When it was made, by this clock.
    pub at: Nanos,
}

impl ClockExchange {
    /// What this exchange says.
    pub fn estimate(self) -> ClockEstimate {
        let signed = |time: Nanos| i128::from(time.get());
        let there = signed(self.received) - signed(self.asked);
        let back = signed(self.answered) - signed(self.returned);
        let offset = (there + back).div_euclid(2);
        let round_trip = self
            .returned
            .saturating_sub(self.asked)
            .saturating_sub(self.answered.saturating_sub(self.received));
        ClockEstimate {
            offset_ns: i64::try_from(offset).unwrap_or(i64::MAX),
            // Half a nanosecond is lost by rounding.
            error: Nanos::new(round_trip.get().div_ceil(2) + 1),
            round_trip,
            at: self.returned,
        }
    }
}

impl ClockEstimate {
    /// This clock's reading when the other one reads `other`.
    pub fn here(&self, other: Nanos) -> Nanos {
        let time = i128::from(other.get()) - i128::from(self.offset_ns);
        Nanos::new(u64::try_from(time.max(0)).unwrap_or(u64::MAX))
    }
}

/// Keeps the best of each round of exchanges.
#[derive(Debug, Clone, Default)]
pub struct ClockFilter {
    /// The best of the round under way.
    best: Option<ClockEstimate>,
    /// The best of each round before.
    rounds: Vec<ClockEstimate>,
}

impl ClockFilter {
    /// One more exchange of this round.
    pub fn add(&mut self, exchange: ClockExchange) {
        let estimate = exchange.estimate();
        if self.best.is_none_or(|best| estimate.round_trip < best.round_trip) {
            self.best = Some(estimate);
        }
    }

    /// Ends a round. Returns its best estimate; `None` where no exchange came through.
    pub fn end_round(&mut self) -> Option<ClockEstimate> {
        let best = self.best.take()?;
        if self.rounds.len() == KEPT {
            self.rounds.remove(1);
        }
        self.rounds.push(best);
        Some(best)
    }

    /// How much the other clock gains on this one, as a share of the time: the slope of a straight line through the
    /// estimates, each weighted by the inverse square of its error. `None` before there are three.
    pub fn drift(&self) -> Option<f64> {
        let first = self.rounds.first().filter(|_| self.rounds.len() >= 3)?;
        let points = self.rounds.iter().map(|round| {
            let x = round.at.saturating_sub(first.at).as_secs_f64();
            let y = (round.offset_ns - first.offset_ns) as f64 / 1e9;
            (x, y, round.error.as_secs_f64().max(1e-9).powi(-2))
        });
        let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, y, weight) in points {
            w += weight;
            wx += weight * x;
            wy += weight * y;
            wxx += weight * x * x;
            wxy += weight * x * y;
        }
        let spread = w * wxx - wx * wx;
        (spread > 0.0).then(|| (w * wxy - wx * wy) / spread)
    }

    /// How far the first estimate may be off at `at`, if nobody corrects it: its own error, and what the clocks drift
    /// apart.
    pub fn error_at(&self, at: Nanos) -> Option<Nanos> {
        let first = self.rounds.first()?;
        let drift = self.drift().map_or(DRIFT_MAX, f64::abs);
        let since = at.saturating_sub(first.at).get() as f64;
        Some(first.error + Nanos::new((since * drift) as u64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An exchange with a clock that is `offset` ahead, over ways of so many nanoseconds.
    fn exchange(offset: i64, (there, held, back): (u64, u64, u64), asked: u64) -> ClockExchange {
        let other = |time: u64| Nanos::new(time.checked_add_signed(offset).expect("in range"));
        ClockExchange {
            asked: Nanos::new(asked),
            received: other(asked + there),
            answered: other(asked + there + held),
            returned: Nanos::new(asked + there + held + back),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Goal: prove that the true offset always lies within the error told, however unlike the ways are.
        #[test]
        fn offset_is_off_by_no_more_than_its_error(
            offset in -1_000_000_000_000_i64..1_000_000_000_000,
            ways in (0_u64..1_000_000_000, 0_u64..1_000_000_000, 0_u64..1_000_000_000),
        ) {
            let estimate = exchange(offset, ways, 2_000_000_000_000).estimate();
            prop_assert!(estimate.offset_ns.abs_diff(offset) <= estimate.error.get());
            prop_assert_eq!(estimate.round_trip.get(), ways.0 + ways.2);
        }
    }

    #[test]
    fn round_keeps_the_exchange_of_least_delay() {
        let mut filter = ClockFilter::default();
        for (there, back) in [(9_000_000, 100_000), (200_000, 210_000), (50_000, 8_000_000)] {
            filter.add(exchange(5_000_000, (there, 1_000, back), 1_000_000_000));
        }
        let best = filter.end_round().expect("three exchanges");
        assert_eq!(best.round_trip, Nanos::from_micros(410));
        assert!(best.offset_ns.abs_diff(5_000_000) <= 5_000, "{}", best.offset_ns);
        assert_eq!(
            best.here(Nanos::new(1_005_005_000 - 10_000)).get().abs_diff(999_995_000),
            5_000
        );
        assert_eq!(filter.end_round(), None);
    }

    #[test]
    fn drift_is_found_and_widens_the_error() {
        let mut filter = ClockFilter::default();
        // The other clock gains 40 µs a second.
        for round in 0..10_u64 {
            let gained = 40_000 * 10 * round.cast_signed();
            filter.add(exchange(gained, (100_000, 0, 100_000), (round * 10 + 1) * 1_000_000_000));
            filter.end_round();
        }
        let drift = filter.drift().expect("ten rounds");
        assert!((drift - 40e-6).abs() < 1e-7, "{drift}");
        let error = filter.error_at(Nanos::from_secs(61)).expect("an estimate");
        // 100 µs of the first exchange, and a minute of drift.
        assert!(error.get().abs_diff(2_500_000) < 20_000, "{error}");
    }
}
