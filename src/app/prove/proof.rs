//! What cases came to.

use super::cases::{KnownFigure, ProofCase};

/// What a case came to.
pub(super) struct ProvedCase {
    pub(super) case: &'static ProofCase,
    pub(super) rows: Vec<ProvedRow>,
    /// The 99th percentile of the generator's lag, in milliseconds.
    pub(super) lag_p99_ms: Option<f64>,
}

/// A figure, as it is and as it was reported.
pub(super) struct ProvedRow {
    pub(super) truth: &'static KnownFigure,
    /// Nothing where it was not measured.
    pub(super) reported: Option<f64>,
}

impl ProvedRow {
    /// The error as a share of the truth.
    pub(super) fn error(&self) -> Option<f64> {
        Some(self.reported? / self.truth.value - 1.0)
    }

    pub(super) fn holds(&self) -> bool {
        self.error().is_some_and(|error| error.abs() <= self.truth.within)
    }
}

/// The highest rate that was offered validly, and the lag there.
pub(super) struct ProvedRate {
    /// In requests a second; none where even the lowest was not.
    pub(super) highest: Option<f64>,
    pub(super) lag_p99_ms: Option<f64>,
    /// Whether a higher rate was tried and not offered validly.
    pub(super) is_bounded: bool,
}
