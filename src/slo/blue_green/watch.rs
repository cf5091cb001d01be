//! During the run: does green fail more often than is allowed, for certain?

use crate::statistics::batches::RatioEstimate;
use crate::statistics::proportion;
use plimsoll_metrics::{Bound, Counts, Interval, Measure, Objective, RunHeader, Scope, Side};
use plimsoll_units::{Ratio, RunTime};

/// Looking every second makes chance many: an hour of looks at this confidence errs once in thirty runs at the
/// most (Bonferroni).
const CONFIDENCE: f64 = 1.0 - 2e-5;

/// Watches green's errors, second by second.
#[derive(Debug, Clone)]
pub struct GreenWatch {
    max: Ratio,
    part: u16,
    since: RunTime,
    failed: u64,
    attempts: u64,
    told: bool,
}

/// Green fails too often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GreenFailing {
    /// The end of the second in which it became certain.
    pub at: RunTime,
    /// Where counting began: with green's present share.
    pub since: RunTime,
    /// Failures since then.
    pub failed: u64,
    /// Out of so many requests.
    pub attempts: u64,
    /// What is allowed.
    pub max: Ratio,
}

impl GreenWatch {
    /// For a run that is split and has an `error_rate` with a max for the whole run; none for any other.
    pub fn of(header: &RunHeader) -> Option<Self> {
        header.split.as_ref()?;
        let is_meant = |row: &&Objective| {
            row.measure == Measure::ErrorRate
                && row.scope == Scope::Run
                && row.bound == Bound::AtMost
        };
        let max = header.objectives.iter().find(is_meant)?.limit?;
        Some(Self {
            max: Ratio::new(max.base()),
            part: 0,
            since: RunTime::ZERO,
            failed: 0,
            attempts: 0,
            told: false,
        })
    }

    /// Hears of one more second. Tells once in a run, when it has become certain.
    pub fn on_interval(&mut self, interval: &Interval) -> Option<GreenFailing> {
        for side in interval.sides.iter().filter(|side| side.side == Side::Green) {
            if side.part > self.part {
                (self.part, self.since) = (side.part, interval.start);
                (self.failed, self.attempts) = (0, 0);
            }
            let counts = Counts::of_side(side);
            self.failed += counts.failed();
            self.attempts += counts.attempts();
        }
        if self.told || self.failed == 0 {
            return None;
        }
        let value = self.failed as f64 / self.attempts as f64;
        let share = RatioEstimate { value, error: None, batches: 0 };
        let (certain, _) = proportion::interval(&share, self.attempts, CONFIDENCE);
        if certain <= self.max.get() {
            return None;
        }
        self.told = true;
        let Self { max, since, failed, attempts, .. } = *self;
        Some(GreenFailing { at: interval.end, since, failed, attempts, max })
    }
}
