//! What the command line asks of a run.

#[cfg(feature = "fleet")]
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
#[cfg(feature = "fleet")]
use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli;
use crate::import::UrlScenario;
#[cfg(feature = "fleet")]
use crate::plan::Plan;
use crate::plan::{Overrides, Shard};
use crate::scenario::FileAccess;
use crate::units::{Nanos, Seed};

#[cfg(feature = "fleet")]
use super::mask;
use super::sources::StackPrograms;
use super::{files, wall};

/// What only `run` can ask for.
pub(super) struct RunRequest<'a> {
    pub(super) target: Option<String>,
    pub(super) green: cli::SplitArgs,
    pub(super) settings: &'a [(String, String)],
    pub(super) shard: Option<Shard>,
    pub(super) tags: &'a [(String, String)],
    pub(super) preflight: bool,
    pub(super) may_load: &'a [String],
    /// The scenario of a URL, where no file was named.
    pub(super) of_url: Option<&'a UrlScenario>,
    /// The target is the simulator: it reports its tiers itself, whatever the stack file says.
    pub(super) simulated: bool,
    /// Whether users with a real browser play, where the file has some.
    pub(super) browsers: bool,
    /// Whether agents play it, or it is an agent's.
    pub(super) role: FleetRole<'a>,
}

/// The part of this process in a run.
#[derive(Clone, Copy)]
pub(super) enum FleetRole<'a> {
    /// It plays all that the command line asks for.
    Alone,
    /// Agents play it.
    #[cfg_attr(not(feature = "fleet"), expect(dead_code, reason = "no agents in this build"))]
    Leader(&'a cli::FleetArgs),
    /// It plays what a leader has sent.
    #[cfg(feature = "fleet")]
    Agent(&'a AgentWork),
}

/// What a leader has sent to an agent.
#[cfg(feature = "fleet")]
pub(super) struct AgentWork {
    /// The files of the scenario.
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    /// When the run began by the leader's clock on the wall.
    pub(super) started: Timestamp,
    /// How far this clock may be off the leader's at the most.
    pub(super) clock_error: Nanos,
    /// What the leader's setup has captured.
    pub(super) given: Vec<(u16, String)>,
}

#[cfg(feature = "fleet")]
impl AgentWork {
    /// Leaves to the leader what is done once, and what is judged by all agents' numbers together.
    pub(super) fn leave_to_leader(&self, plan: &mut Plan) -> Result<(), serde_json::Error> {
        plan.abort.clear();
        plan.lifecycle.take_over(&self.given)?;
        mask::learn(&plan.given_secrets());
        Ok(())
    }
}

impl<'a> FleetRole<'a> {
    /// As the options of the command line have it.
    pub(super) const fn of(args: &'a cli::FleetArgs) -> Self {
        if args.agents.is_some() { Self::Leader(args) } else { Self::Alone }
    }

    /// Reads a file of the scenario: from this machine, or from what a leader has sent, and from nowhere else.
    pub(super) fn read(self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Alone | Self::Leader(_) => files::read(path),
            #[cfg(feature = "fleet")]
            Self::Agent(work) => work.files.get(path).cloned().ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "the leader has not sent it")
            }),
        }
    }

    /// How files are reached: what agents are to send is sent to them, whole.
    pub(super) fn files(self) -> FileAccess<'static> {
        match self {
            Self::Alone => files::access(),
            _ => FileAccess::whole(&files::read),
        }
    }

    /// When the run began by the clock on the wall.
    pub(super) fn started(self) -> Timestamp {
        match self {
            Self::Alone | Self::Leader(_) => wall::now(),
            #[cfg(feature = "fleet")]
            Self::Agent(work) => work.started,
        }
    }

    /// How far this clock may be off the leader's at the most; none where there is no leader.
    pub(super) const fn clock_error(self) -> Option<Nanos> {
        match self {
            Self::Alone | Self::Leader(_) => None,
            #[cfg(feature = "fleet")]
            Self::Agent(work) => Some(work.clock_error),
        }
    }

    /// Which machine starts the programs that a stack file names: the one that observes the stack.
    pub(super) const fn stack_programs(self) -> StackPrograms {
        if self.looks_after_the_stack() { StackPrograms::Here } else { StackPrograms::Elsewhere }
    }

    /// Whether setup and teardown are played, hooks run, marks set and the stack observed here: not on each of many
    /// machines.
    pub(super) const fn looks_after_the_stack(self) -> bool {
        match self {
            Self::Alone | Self::Leader(_) => true,
            #[cfg(feature = "fleet")]
            Self::Agent(_) => false,
        }
    }
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
