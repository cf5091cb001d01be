//! How load is offered: an open model of arrivals, or a closed one of users.

use crate::units::{Nanos, Rate};

/// Which part of all arrivals is ours: `index` of `count`, from 0. Arrival `n` belongs to shard `n mod count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

/// How load is offered.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// Arrivals at intended times, whatever the responses.
    Open(OpenLoad),
    /// A fixed number of users, each waiting for its responses.
    Closed(ClosedLoad),
}

impl Load {
    /// How long new iterations are started.
    pub fn duration(&self) -> Nanos {
        match self {
            Self::Open(open) => open.stages.iter().map(|stage| stage.duration).sum(),
            Self::Closed(closed) => closed.duration,
        }
    }

    /// The most users that may exist at once, over all shards.
    pub fn max_vus(&self) -> u32 {
        match self {
            Self::Open(open) => open.max_vus,
            Self::Closed(closed) => closed.vus,
        }
    }

    /// The highest rate asked for, iterations per second over all shards; zero for a closed model.
    pub fn peak(&self) -> Rate {
        match self {
            Self::Open(open) => open
                .stages
                .iter()
                .flat_map(|stage| [stage.from, stage.to])
                .fold(Rate::ZERO, |peak, rate| if rate > peak { rate } else { peak }),
            Self::Closed(_) => Rate::ZERO,
        }
    }
}

/// The law of the gaps between arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrivalLaw {
    /// Exponential gaps: independent users.
    Poisson,
    /// Equal gaps.
    Constant,
}

/// An open workload.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenLoad {
    /// The law of the gaps.
    pub arrivals: ArrivalLaw,
    /// In order; at least one.
    pub stages: Vec<Stage>,
    /// The most users that may exist at once, over all shards. Arrivals beyond it are dropped and counted.
    pub max_vus: u32,
}

/// A stage of an open workload. Rates are iterations per second over all shards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The rate at its beginning.
    pub from: Rate,
    /// The rate at its end; equal to `from` where it holds.
    pub to: Rate,
    /// How long it lasts.
    pub duration: Nanos,
    /// Whether the run is judged on it.
    pub judged: bool,
}

/// A closed workload.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedLoad {
    /// How many users, over all shards.
    pub vus: u32,
    /// The least time from one iteration's start to the next of the same user; zero for none.
    pub pace: Nanos,
    /// How long new iterations are started.
    pub duration: Nanos,
}
