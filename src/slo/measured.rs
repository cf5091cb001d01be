//! What came out of measuring one row of the SLO table, before it is held against target and max.

use super::MoreTime;
use plimsoll_units::{Quantity, Ratio};

/// Confidence of every interval.
pub(super) const CONFIDENCE: f64 = 0.95;

/// A measured value, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// The estimate, if there is one.
    pub(super) estimate: Option<Quantity>,
    /// Its interval in the estimate's base units, if there are enough batches.
    pub(super) interval: Option<(f64, f64)>,
    /// The same without the time that the generator's lag may have added: estimate and interval; absent where that
    /// is nothing.
    pub(super) without_lag: Option<LowerEstimate>,
    /// How many values stand behind it.
    pub(super) samples: u64,
    /// What the reader should know.
    pub(super) note: String,
    /// How much longer to run for a value, where there is none yet.
    pub(super) more_time: Option<MoreTime>,
    /// Whether the value cannot support a judgement although there is one: the run is too short to prove it.
    pub(super) unproven: bool,
}

impl Measured {
    /// A value with its interval.
    pub(super) fn value(estimate: Quantity, interval: Option<(f64, f64)>, samples: u64) -> Self {
        Self { estimate: Some(estimate), interval, samples, ..Self::nothing(0, String::new()) }
    }

    /// No value, and why.
    pub(super) fn nothing(samples: u64, note: String) -> Self {
        Self {
            estimate: None,
            interval: None,
            without_lag: None,
            samples,
            note,
            more_time: None,
            unproven: false,
        }
    }

    /// What is left of the whole, where a share was measured.
    pub(super) fn complement(self) -> Self {
        let rest = |share: f64| 1.0 - share;
        let estimate = self.estimate.map(|share| Quantity::Share(Ratio::new(rest(share.base()))));
        let interval = self.interval.map(|(low, high)| (rest(high), rest(low)));
        Self { estimate, interval, ..self }
    }

    /// The same with a note.
    pub(super) fn with_note(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    /// The interval that covers chance and lag alike: from the lower end without lag to the upper end with it.
    pub(super) fn whole_interval(&self) -> Option<(f64, f64)> {
        let (low, high) = self.interval?;
        let without = self.without_lag.map_or((low, high), |without| without.interval);
        Some((low.min(without.0), high.max(without.1)))
    }

    /// The same, bounded from below by `lower`: what was measured less the generator's lag.
    pub(super) fn down_to(mut self, lower: &Self) -> Self {
        if let (Some(estimate), Some(_)) = (lower.estimate, self.estimate) {
            let estimate = estimate.base();
            let interval = lower.interval.unwrap_or((estimate, estimate));
            self.without_lag = Some(LowerEstimate { estimate, interval });
        }
        self
    }
}

/// An estimate with its interval, in base units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LowerEstimate {
    pub(super) estimate: f64,
    pub(super) interval: (f64, f64),
}
