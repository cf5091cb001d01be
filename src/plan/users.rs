//! The users of a closed workload: how many there are at each moment, and what they play together.

use super::DealtRows;
use plimsoll_units::{Nanos, RunTime};

/// A closed workload.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedLoad {
    /// The most users at once, over all shards.
    pub vus: u32,
    /// How many there are, in order; at least one stage.
    pub stages: Vec<VuStage>,
    /// The least time from one iteration's start to the next of the same user; zero for none.
    pub pace: Nanos,
    /// How long new iterations are started.
    pub duration: Nanos,
    /// What all of them play together, where that is bounded.
    pub iterations: Option<SharedIterations>,
}

/// A stage of a closed workload. The number of users goes from one to the other in a straight line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VuStage {
    /// How many there are at its beginning.
    pub from: u32,
    /// How many there are at its end.
    pub to: u32,
    /// How long it lasts.
    pub duration: Nanos,
    /// Whether the run is judged on it.
    pub judged: bool,
}

/// Iterations that all users play together: whoever is free takes the next one.
#[derive(Debug, Clone)]
pub struct SharedIterations {
    /// How many, over all shards.
    pub of: u32,
    /// How many were taken, by all workers.
    pub taken: DealtRows,
}

impl PartialEq for SharedIterations {
    fn eq(&self, other: &Self) -> bool {
        self.of == other.of
    }
}

impl VuStage {
    /// The line between its numbers of users, `at` a moment behind its beginning.
    fn line(&self, at: Nanos) -> f64 {
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        from + (to - from) * (at.as_secs_f64() / self.duration.as_secs_f64())
    }
}

impl ClosedLoad {
    /// So many users for so long.
    pub fn steady(vus: u32, duration: Nanos, pace: Nanos) -> Self {
        let stages = vec![VuStage { from: vus, to: vus, duration, judged: true }];
        Self { vus, stages, pace, duration, iterations: None }
    }

    /// How many users there are at `at`; none behind the last stage.
    pub fn users_at(&self, at: RunTime) -> u32 {
        let mut start = RunTime::ZERO;
        for stage in &self.stages {
            if at < start + stage.duration {
                // User n is there while the line is above n + ½.
                return (stage.line(at.since(start)) - 0.5).ceil() as u32;
            }
            start = start + stage.duration;
        }
        0
    }

    /// When, from `now` on, user `number` is there; `None` where it does not come any more.
    ///
    /// Users come and go by their number: the n-th, from 0, is there while the line of the stages is above n + ½.
    pub fn next_presence(&self, number: u64, now: RunTime) -> Option<RunTime> {
        let threshold = number as f64 + 0.5;
        let mut start = RunTime::ZERO;
        for stage in &self.stages {
            let end = start + stage.duration;
            if now < end {
                let begin = start.max(now);
                if stage.line(begin.since(start)) > threshold {
                    return Some(begin);
                }
                let (from, to) = (f64::from(stage.from), f64::from(stage.to));
                if to > threshold {
                    let share = (threshold - from) / (to - from);
                    let span = stage.duration.as_secs_f64() * share;
                    // Just above the line, so that it is there when it is asked again.
                    return Some(begin.max(start + Nanos::from_secs_f64(span) + Nanos::new(1)));
                }
            }
            start = end;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(from: u32, to: u32, seconds: u64) -> VuStage {
        VuStage { from, to, duration: Nanos::from_secs(seconds), judged: true }
    }

    fn load(stages: Vec<VuStage>) -> ClosedLoad {
        let duration = stages.iter().map(|stage| stage.duration).sum();
        let vus = stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(1);
        ClosedLoad { vus, stages, pace: Nanos::ZERO, duration, iterations: None }
    }

    fn at(seconds: f64) -> RunTime {
        RunTime::ZERO + Nanos::from_secs_f64(seconds)
    }

    #[test]
    fn users_come_one_after_the_other_and_leave_in_turn() {
        let wave = load(vec![stage(0, 10, 10), stage(10, 10, 5), stage(10, 0, 10), stage(4, 4, 5)]);
        let when = |number, seconds| {
            wave.next_presence(number, at(seconds)).map(|at| (at.as_secs_f64() * 1e3).round() / 1e3)
        };
        assert_eq!([when(0, 0.0), when(9, 0.0), when(10, 0.0)], [Some(0.5), Some(9.5), None]);
        assert_eq!([when(9, 12.0), when(9, 15.4), when(9, 15.6)], [Some(12.0), Some(15.4), None]);
        assert_eq!(
            [when(0, 24.4), when(0, 24.6), when(3, 23.0)],
            [Some(24.4), Some(25.0), Some(25.0)]
        );
        assert_eq!(when(0, 30.0), None);
    }

    proptest! {
        /// Goal: as many users are there at any moment as the line of the stages says.
        #[test]
        fn as_many_users_are_there_as_the_stages_say(
            ends in prop::collection::vec((0_u32..40, 1_u64..20), 1..5), share in 0.0_f64..1.0,
        ) {
            let mut from = 0;
            let stages: Vec<VuStage> = ends.iter().map(|&(to, seconds)| {
                let ramp = stage(from, to, seconds);
                from = to;
                ramp
            }).collect();
            let wave = load(stages);
            let now = at(wave.duration.as_secs_f64() * share);
            let there = (0..50).filter(|&n| wave.next_presence(n, now) == Some(now)).count();
            prop_assert_eq!(there, wave.users_at(now) as usize);
        }
    }
}
