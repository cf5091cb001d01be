//! One arrival: when an iteration is to begin, and where it stands among all others.

use plimsoll_units::RunTime;

/// The intended start of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number among all arrivals of the run, over all shards, from 0. Numbers follow time to the millisecond; a
    /// change of the stages leaves out a few.
    pub index: u64,
    /// When it is due.
    pub intended: RunTime,
    /// Its number among the arrivals of its stage, from 0.
    pub nth: u64,
    /// How many arrivals its stage has over all shards; 0 for an arrival that stands in no stage.
    pub of: u64,
}

impl Arrival {
    /// One that stands in no stage: what a user of a closed model starts, or a single trial.
    pub const fn alone(index: u64, intended: RunTime) -> Self {
        Self { index, intended, nth: 0, of: 0 }
    }
}
