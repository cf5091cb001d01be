//! A timer finer than tokio's, whose wheel turns once a millisecond.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use plimsoll_units::RunTime;

/// The clock of one serving: monotonic time since it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServingClock {
    begin_ns: u64,
}

impl ServingClock {
    /// A clock that begins now.
    pub(super) fn start() -> Self {
        Self { begin_ns: monotonic_ns() }
    }

    /// Time since it began.
    pub(super) fn now(self) -> RunTime {
        RunTime::new(monotonic_ns().saturating_sub(self.begin_ns))
    }
}

fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One timer for all deadlines: whoever keeps them in order arms it for the first.
#[derive(Debug)]
pub(super) struct DeadlineTimer {
    fd: AsyncFd<OwnedFd>,
    clock: ServingClock,
}

impl DeadlineTimer {
    /// A timer that is not armed. Needs a tokio runtime with I/O.
    pub(super) fn new(clock: ServingClock) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "an `OwnedFd` keeps the promise that its successor wants `unsafe` for"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { fd, clock })
    }

    /// Lets [`expired`](Self::expired) return at `due`; a time that has passed counts as now.
    pub(super) fn arm(&self, due: RunTime) -> io::Result<()> {
        // The kernel takes a value of zero for "never".
        let at = self.clock.begin_ns.saturating_add(due.get()).max(1);
        let (seconds, rest) = (at / 1_000_000_000, at % 1_000_000_000);
        let value = Timespec { tv_sec: seconds.cast_signed(), tv_nsec: rest.cast_signed() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }

    /// Waits until the armed time.
    pub(super) async fn expired(&self) -> io::Result<()> {
        loop {
            let mut ready = self.fd.readable().await?;
            let mut count = [0; 8];
            let read = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut count)?));
            match read {
                Ok(done) => return done.map(|_| ()),
                Err(_would_block) => {}
            }
        }
    }
}
