//! What came out of measuring one row of the SLO table, before it is held against target and max.

use crate::units::Quantity;

/// Confidence of every interval.
pub(super) const CONFIDENCE: f64 = 0.95;

/// A measured value, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// The estimate, if there is one.
    pub(super) estimate: Option<Quantity>,
    /// Its interval in the estimate's base units, if there are enough batches.
    pub(super) interval: Option<(f64, f64)>,
    /// How many values stand behind it.
    pub(super) samples: u64,
    /// What the reader should know.
    pub(super) note: String,
    /// Whether the value cannot support a judgement although there is one: the run is too short to prove it.
    pub(super) unproven: bool,
}

impl Measured {
    /// A value with its interval.
    pub(super) fn value(estimate: Quantity, interval: Option<(f64, f64)>, samples: u64) -> Self {
        Self { estimate: Some(estimate), interval, samples, note: String::new(), unproven: false }
    }

    /// No value, and why.
    pub(super) fn nothing(samples: u64, note: String) -> Self {
        Self { estimate: None, interval: None, samples, note, unproven: false }
    }

    /// The same with a note.
    pub(super) fn with_note(mut self, note: String) -> Self {
        self.note = note;
        self
    }
}
