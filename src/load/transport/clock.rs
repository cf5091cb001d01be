//! The run's clock: nanoseconds since the run began.

use rustix::time::{ClockId, Timespec, clock_gettime};

use plimsoll_units::{Nanos, RunTime};

#[cfg(test)]
use super::simulated::World;

/// Reads the monotonic clock and counts from the run's beginning. All workers of a run share one origin.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The monotonic clock's reading at the run's beginning, in nanoseconds.
    origin_ns: u64,
}

impl Clock {
    /// A clock whose run begins `delay` from now, so that workers are ready by then.
    pub fn starting_in(delay: Nanos) -> Self {
        Self { origin_ns: monotonic_ns() + delay.get() }
    }

    /// A clock whose run begins when the machine's monotonic clock reads `monotonic`.
    pub const fn beginning_at(monotonic: Nanos) -> Self {
        Self { origin_ns: monotonic.get() }
    }

    /// Time since the run began; zero before.
    pub fn now(self) -> RunTime {
        RunTime::new(monotonic_ns().saturating_sub(self.origin_ns))
    }

    /// The run's time when the machine's monotonic clock read `monotonic`; zero before the run.
    pub fn at(self, monotonic: Nanos) -> RunTime {
        RunTime::new(monotonic.get().saturating_sub(self.origin_ns))
    }

    /// The time of day at the run's beginning, in nanoseconds since 1970.
    pub fn unix_start(self) -> i64 {
        let ahead = i128::from(self.origin_ns) - i128::from(monotonic_ns());
        i64::try_from(i128::from(unix_ns()) + ahead).unwrap_or(i64::MAX)
    }

    /// The monotonic clock's reading at `time`, for timers.
    pub(super) fn monotonic(self, time: RunTime) -> Timespec {
        let ns = self.origin_ns.saturating_add(time.get());
        Timespec {
            tv_sec: (ns / 1_000_000_000).cast_signed(),
            tv_nsec: (ns % 1_000_000_000).cast_signed(),
        }
    }
}

/// Seconds since 1970, which servers' dates are held against.
pub(super) fn unix_seconds() -> i64 {
    #[cfg(test)]
    if let Some(world) = World::current() {
        return (world.read_clock().get() / 1_000_000_000).cast_signed();
    }
    clock_gettime(ClockId::Realtime).tv_sec
}

/// Nanoseconds since 1970.
fn unix_ns() -> i64 {
    #[cfg(test)]
    if World::current().is_some() {
        return unix_seconds() * 1_000_000_000;
    }
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// CPU time that this thread has used.
pub fn thread_cpu() -> Nanos {
    as_nanos(clock_gettime(ClockId::ThreadCPUTime))
}

/// CPU time that this process has used.
pub fn process_cpu() -> Nanos {
    as_nanos(clock_gettime(ClockId::ProcessCPUTime))
}

fn monotonic_ns() -> u64 {
    monotonic().get()
}

/// The machine's monotonic clock, the same for all processes on it.
pub fn monotonic() -> Nanos {
    #[cfg(test)]
    if let Some(world) = World::current() {
        return world.read_clock();
    }
    as_nanos(clock_gettime(ClockId::Monotonic))
}

fn as_nanos(time: Timespec) -> Nanos {
    Nanos::new(time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
}
