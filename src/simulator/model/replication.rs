//! How far a standby is behind its primary.
//!
//! It follows at a fixed distance. While it does not apply, it falls behind by a second each second; when it goes on, it
//! applies several seconds of commits in a second until the distance is what it was.

use super::spec::ReplicationSpec;
use plimsoll_units::{Nanos, RunTime};

/// A standby at work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replication {
    spec: ReplicationSpec,
    /// It does not apply.
    stopped: bool,
    /// When it last stopped or went on, and how far it was behind then.
    since: (RunTime, Nanos),
}

impl Replication {
    /// A standby that follows.
    pub(super) fn new(spec: ReplicationSpec) -> Self {
        Self { spec, stopped: false, since: (RunTime::ZERO, spec.delay) }
    }

    /// The age of the oldest commit that it has not applied.
    pub(super) fn lag(&self, now: RunTime) -> Nanos {
        let (since, behind) = self.since;
        let passed = now.since(since);
        if self.stopped {
            return behind + passed;
        }
        let gained = passed.as_secs_f64() * (self.spec.catch_up - 1.0).max(0.0);
        behind.saturating_sub(Nanos::from_secs_f64(gained)).max(self.spec.delay)
    }

    /// Stops it, or lets it go on.
    pub(super) fn set_stopped(&mut self, now: RunTime, stopped: bool) {
        self.since = (now, self.lag(now));
        self.stopped = stopped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_secs(seconds)
    }

    /// Ten seconds without applying, then four seconds of commits in each: it gains three, so 10 s take 3.33 s.
    #[test]
    fn lag_grows_while_it_stands_and_shrinks_at_the_speed_of_catching_up() {
        let spec = ReplicationSpec { delay: Nanos::from_millis(20), catch_up: 4.0 };
        let mut standby = Replication::new(spec);
        assert_eq!(standby.lag(at(100)), spec.delay);
        standby.set_stopped(at(100), true);
        assert_eq!(standby.lag(at(110)), Nanos::from_millis(10_020));
        standby.set_stopped(at(110), false);
        assert_eq!(standby.lag(at(112)), Nanos::from_millis(4_020));
        assert_eq!(standby.lag(at(114)), spec.delay);
    }
}
