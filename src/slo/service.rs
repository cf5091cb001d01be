//! What was served and what was not, as availability and uptime count it.

use plimsoll_metrics::{Counts, Interval};

/// Counts of the requests that a row speaks of, within one interval.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UptimeCounts {
    /// Requests that ended.
    pub(super) requests: u64,
    /// Those of them that failed.
    pub(super) failed: u64,
    /// Those that failed because there was no service: not 4xx, not throttled, not a failed check.
    pub(super) unserved: u64,
}

impl UptimeCounts {
    /// What an interval served and did not serve, of all steps.
    pub(super) fn of(interval: &Interval) -> Self {
        Self::of_service(&Counts::of(interval))
    }

    /// What was served and what was not; a broken script is neither.
    pub(super) fn of_service(counts: &Counts) -> Self {
        let unserved = counts.unserved();
        Self { requests: counts.served() + unserved, failed: counts.failed(), unserved }
    }

    /// Requests alone, without what was given up.
    pub(super) fn of_requests(counts: &Counts) -> Self {
        let Counts { requests, .. } = *counts;
        let unserved = requests - counts.served();
        Self { requests, failed: counts.failed_requests(), unserved }
    }

    /// Requests, and what was given up as one more each.
    pub(super) fn of_attempts(counts: &Counts) -> Self {
        let (requests, failed) = (counts.attempts(), counts.failed());
        Self { requests, failed, unserved: counts.unserved() }
    }
}
