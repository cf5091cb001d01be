//! What the command line changes of a scenario.

use super::Shard;
use plimsoll_units::{Nanos, Ratio, Seed, WorkRate};

/// What the command line changes.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Which workload; the first of the file if not given.
    pub workload: Option<String>,
    /// Where requests go.
    pub target: Option<String>,
    /// A second target.
    pub green: Option<String>,
    /// Its shares of the arrivals, each for an equal part of what is judged; what the stages say if empty.
    pub green_shares: Vec<Ratio>,
    /// A second target that plays every arrival as well; shares mean nothing then.
    pub duet: Option<String>,
    /// The highest rate. All stages are scaled so that the workload keeps its shape.
    pub rate: Option<WorkRate>,
    /// How long it lasts as a whole. All stages are scaled so that the workload keeps its shape.
    pub duration: Option<Nanos>,
    /// The maximum number of users.
    pub max_vus: Option<u32>,
    /// The share of think times that users take: 0.1 makes them ten times as quick.
    pub think: Option<Ratio>,
    /// Everything random follows from it.
    pub seed: Option<Seed>,
    /// Which part of the arrivals is ours.
    pub shard: Option<Shard>,
    /// The setup is not played: somebody else has done what it does.
    pub no_setup: bool,
    /// The teardown is not played.
    pub no_teardown: bool,
}

/// The seed of a run that gives none: the same for all, so that runs can be compared.
pub const DEFAULT_SEED: Seed = Seed::new(1);

impl Overrides {
    /// Which part of the arrivals is ours; all of them where nothing is said.
    pub fn part(&self) -> Shard {
        self.shard.unwrap_or(Shard::WHOLE)
    }
}
