//! What the command line asks of a run.

use crate::cli;
use crate::plan::{Overrides, Shard};
use crate::units::Seed;

/// What only `run` can ask for.
pub(super) struct RunRequest<'a> {
    pub(super) target: Option<String>,
    pub(super) green: cli::SplitArgs,
    pub(super) settings: &'a [(String, String)],
    pub(super) shard: Option<Shard>,
    pub(super) tags: &'a [(String, String)],
    pub(super) preflight: bool,
    pub(super) may_load: &'a [String],
    /// The target is the simulator: it reports its tiers itself, whatever the stack file says.
    pub(super) simulated: bool,
}

pub(super) fn overrides(asked: &RunRequest<'_>, load: &cli::LoadArgs) -> Overrides {
    Overrides {
        workload: load.workload.clone(),
        target: asked.target.clone(),
        green: asked.green.green.clone(),
        green_shares: asked.green.shares(),
        duet: asked.green.duet.clone(),
        rate: load.rate,
        duration: load.duration,
        max_vus: load.max_vus,
        think: load.think,
        seed: load.seed.map(Seed::new),
        shard: asked.shard,
        no_setup: load.no_setup,
        no_teardown: load.no_teardown,
    }
}
