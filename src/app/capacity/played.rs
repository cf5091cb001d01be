//! A step under way, on this machine or on agents.

use std::collections::BTreeMap;
#[cfg(feature = "fleet")]
use std::path::Path;
use std::path::PathBuf;
#[cfg(feature = "fleet")]
use std::sync::Arc;

use crate::cli;
#[cfg(feature = "fleet")]
use crate::engine::RunOptions;
use crate::engine::{EngineError, Run, RunEvent, SteeringCommand};
#[cfg(feature = "fleet")]
use crate::fleet::LedSearchStep;
use crate::metrics::Interval;
#[cfg(feature = "fleet")]
use crate::plan::Plan;
use crate::transport::Clock;

#[cfg(feature = "fleet")]
use super::super::conditions::HeaderConditions;
use super::super::exit::Failure;
#[cfg(feature = "fleet")]
use super::super::fleet::{Gathering, LeaderPulse, LedStep, StepLog};
#[cfg(feature = "fleet")]
use super::super::header::header;
#[cfg(feature = "fleet")]
use super::super::prepare::plan_hash;
#[cfg(feature = "fleet")]
use super::super::{mask, wall};

/// A step under way.
pub(super) enum PlayedStep {
    Here(Box<Run>),
    #[cfg(feature = "fleet")]
    Led(Box<LedStep>),
}

impl PlayedStep {
    /// The clock of the step.
    pub(super) fn clock(&self) -> Clock {
        match self {
            Self::Here(run) => run.clock(),
            #[cfg(feature = "fleet")]
            Self::Led(step) => step.clock(),
        }
    }

    /// What happens next; `None` once it is over. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RunEvent>>, Failure> {
        match self {
            Self::Here(run) => {
                let failed = |error: EngineError| Failure::while_doing("the step failed", &error);
                run.next().await.map_err(failed)
            }
            #[cfg(feature = "fleet")]
            Self::Led(step) => Ok(step.next().await),
        }
    }

    /// Has it done at once, or on all agents at one moment.
    pub(super) async fn order(&mut self, command: SteeringCommand) {
        match self {
            Self::Here(run) => {
                command.carry_out(&run.control());
            }
            #[cfg(feature = "fleet")]
            Self::Led(step) => step.order(command).await,
        }
    }

    /// Whether its seconds are a coarse view, and all of them come at its end.
    pub(super) const fn is_coarse(&self) -> bool {
        match self {
            Self::Here(_) => false,
            #[cfg(feature = "fleet")]
            Self::Led(_) => true,
        }
    }

    /// All seconds of agents in full, and why they are not those of all agents, where they are not.
    pub(super) async fn finish(self) -> Result<Option<(Vec<Interval>, Option<String>)>, Failure> {
        match self {
            Self::Here(_) => Ok(None),
            #[cfg(feature = "fleet")]
            Self::Led(step) => {
                let StepLog { intervals, lacking } = step.finish().await?;
                Ok(Some((intervals, lacking)))
            }
        }
    }
}

/// The agents that play the steps of a search.
#[cfg_attr(not(feature = "fleet"), expect(dead_code, reason = "no agents in this build"))]
pub(super) struct SearchAgents {
    pub(super) args: cli::FleetArgs,
    /// All files that make the scenario.
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    /// Whether they reach the target before each step.
    pub(super) preflight: bool,
    /// Says that the search lives, from its first step to its end, and so keeps the agents for it.
    #[cfg(feature = "fleet")]
    pub(super) pulse: Option<Arc<LeaderPulse>>,
}

#[cfg(feature = "fleet")]
impl SearchAgents {
    /// Finds the agents and has them begin `step`, which `plan` is the whole of.
    pub(super) async fn begin(
        &mut self,
        step: LedSearchStep,
        (plan, options): (&Plan, &RunOptions),
        folder: &Path,
    ) -> Result<PlayedStep, Failure> {
        let folder = folder.join(format!("step{}", step.index));
        let whole = header(plan, wall::now(), options.workers, HeaderConditions::default());
        let gathering = Gathering {
            args: &self.args,
            header: &mask::header(whole.clone()),
            plan_hash: &plan_hash(&whole),
            files: &self.files,
            given: plan.lifecycle.told(),
            step: Some(step),
            pulse: self.pulse.clone(),
        };
        let leading = gathering.gather().await?;
        self.pulse = Some(leading.pulse.clone());
        Ok(PlayedStep::Led(Box::new(LedStep::start(leading, plan, folder).await?)))
    }
}
