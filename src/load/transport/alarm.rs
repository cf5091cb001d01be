//! What wakes a worker: a timerfd, the seam between its timers and the machine's.
//!
//! tokio's timer has a wheel of 1 ms, too coarse for arrivals.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

#[cfg(test)]
use super::simulated::{SimulatedAlarm, World};

/// An alarm clock. Outside tests there is one kind, and telling kinds apart costs nothing.
#[derive(Debug)]
pub(super) enum Alarm {
    Timer(AsyncFd<OwnedFd>),
    /// In a simulated world.
    #[cfg(test)]
    Simulated(SimulatedAlarm),
}

impl Alarm {
    /// An alarm that is not set. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// Where the system has no descriptor left for it.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(test)]
        if let Some(world) = World::current() {
            return Ok(Self::Simulated(SimulatedAlarm::new(world)));
        }
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "an `OwnedFd` is what its safe use asks for; the successor is unsafe"
        )]
        let fd = AsyncFd::new(fd)?;
        Ok(Self::Timer(fd))
    }

    /// Sets it to the monotonic clock's reading `at`, which may have passed; forgets an earlier setting.
    ///
    /// # Errors
    /// Where the system refuses the timer.
    pub(super) fn set(&self, at: Timespec) -> io::Result<()> {
        match self {
            Self::Timer(fd) => {
                let never = Timespec { tv_sec: 0, tv_nsec: 0 };
                let when = Itimerspec { it_interval: never, it_value: at };
                timerfd_settime(fd, TimerfdTimerFlags::ABSTIME, &when)?;
            }
            #[cfg(test)]
            Self::Simulated(alarm) => alarm.set(at),
        }
        Ok(())
    }

    /// Ready once it has gone off; now and then earlier.
    ///
    /// # Errors
    /// Where the system refuses the timer.
    pub(super) async fn rung(&self) -> io::Result<()> {
        match self {
            // The descriptor is edge-triggered and set anew before every sleep, so it need not be read.
            Self::Timer(fd) => fd.readable().await?.clear_ready(),
            #[cfg(test)]
            Self::Simulated(alarm) => alarm.rung().await,
        }
        Ok(())
    }
}
