//! The part of a run on which times are judged.

use serde::{Deserialize, Serialize};

use plimsoll_metrics::Interval;
use plimsoll_units::RunTime;

/// The part of a run on which times are judged, so that tables show what objectives speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteadyPeriod {
    /// Where each judged stage begins and ends, without the warm-up; oldest first. What lies between, such as
    /// a ramp from one rate to the next, is not judged.
    pub stages: Vec<(RunTime, RunTime)>,
    /// The part of the drain that holds the answers to requests of the last stage.
    pub tail: Option<(RunTime, RunTime)>,
}

impl SteadyPeriod {
    /// Whether an interval lies within a judged stage.
    pub fn holds(&self, interval: &Interval) -> bool {
        self.stages.iter().any(|stage| is_within(interval, *stage))
    }

    /// Whether an interval holds the last answers of the last stage.
    pub fn ends_in(&self, interval: &Interval) -> bool {
        self.tail.is_some_and(|tail| is_within(interval, tail))
    }
}

fn is_within(interval: &Interval, (from, to): (RunTime, RunTime)) -> bool {
    interval.start >= from && interval.end <= to
}
