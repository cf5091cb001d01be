//! The seconds of a run without readings, to be asked for at its end.

use plimsoll_units::{Nanos, RunTime};

/// The seconds of a run in which nothing was read from the sources that know the past.
#[derive(Debug)]
pub(super) struct Gaps {
    /// Seconds with a reading, as far as they are known one by one; later ones all have gaps.
    answered: Vec<bool>,
    /// Whether readings are farther apart than a second.
    sparse: bool,
}

/// Seconds that are known one by one: a day.
const SECONDS_KNOWN: usize = 86_400;

impl Gaps {
    /// None yet. `every` is the time from one reading to the next.
    pub(super) fn new(every: Nanos) -> Self {
        Self { answered: Vec::new(), sparse: every > Nanos::from_secs(1) }
    }

    /// A reading was taken at this time.
    pub(super) fn answered(&mut self, at: RunTime) {
        let second = (at.get() / 1_000_000_000) as usize;
        if second >= SECONDS_KNOWN || self.sparse {
            return;
        }
        if second >= self.answered.len() {
            self.answered.resize(second + 1, false);
        }
        self.answered[second] = true;
    }

    /// Whether the second of this time is one.
    pub(super) fn holds(&self, at: RunTime) -> bool {
        !self.answered.get((at.get() / 1_000_000_000) as usize).is_some_and(|answered| *answered)
    }

    /// The middle of the first one before `end`: a reading in the middle of a second covers most of it.
    pub(super) fn first(&self, end: RunTime) -> Option<RunTime> {
        let seconds = end.get() / 1_000_000_000;
        let second = |index: u64| RunTime::new(index * 1_000_000_000);
        let gap = (0..seconds).find(|index| self.holds(second(*index)))?;
        Some(second(gap) + Nanos::from_millis(600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_the_seconds_in_which_nothing_was_told() {
        let at = |tenths: u64| RunTime::new(tenths * 100_000_000);
        let mut gaps = Gaps::new(Nanos::from_secs(1));
        for tenths in [6, 16, 46] {
            gaps.answered(at(tenths));
        }
        assert_eq!(gaps.first(at(50)), Some(at(26)), "the middle of the third second");
        assert!(gaps.holds(at(39)) && !gaps.holds(at(40)) && gaps.holds(at(50)));
        assert_eq!(gaps.first(at(20)), None);
        let mut sparse = Gaps::new(Nanos::from_secs(5));
        sparse.answered(at(30));
        assert!(sparse.holds(at(30)), "what was read in time is kept when filed");
    }
}
