//! A level that changes over time, and its exact integral.

use plimsoll_units::RunTime;

/// How many cores are busy (or requests wait), with the time integral since the beginning.
///
/// Because the integral is carried along at each change, busy time is exact at any moment that it is read:
/// half-done services count for the half that is done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BusyMeter {
    level: u32,
    since: RunTime,
    integral_ns: u64,
    peak: u32,
}

impl BusyMeter {
    /// The level now.
    pub(super) fn level(self) -> u32 {
        self.level
    }

    /// The highest level so far.
    pub(super) fn peak(self) -> u32 {
        self.peak
    }

    /// Sets the level from `now` on.
    pub(super) fn set(&mut self, now: RunTime, level: u32) {
        self.integral_ns = self.integral(now);
        self.since = now;
        self.level = level;
        self.peak = self.peak.max(level);
    }

    /// Adds one.
    pub(super) fn rise(&mut self, now: RunTime) {
        self.set(now, self.level.saturating_add(1));
    }

    /// Takes one away.
    pub(super) fn fall(&mut self, now: RunTime) {
        debug_assert!(self.level > 0, "a level fell below zero");
        self.set(now, self.level.saturating_sub(1));
    }

    /// Level × time in nanoseconds, from the beginning until `now`.
    pub(super) fn integral(self, now: RunTime) -> u64 {
        self.integral_ns
            .saturating_add(u64::from(self.level).saturating_mul(now.since(self.since).get()))
    }
}
