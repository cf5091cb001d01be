//! A step of a search for capacity, played by agents: coarse seconds while it goes on, all of it once it is over.

use std::fs;
use std::path::PathBuf;

use crate::engine::{RunEvent, SteeringCommand};
use crate::metrics::{Interval, RunHeader, RunLine};
use crate::plan::Plan;
use crate::transport::Clock;

use super::super::exit::Failure;
use super::gather::Leading;
use super::lead::Leader;

/// A step under way.
pub(in crate::app) struct LedStep {
    leader: Leader,
    /// Where the agents' logs come, until they are merged.
    folder: PathBuf,
}

/// What agents have measured in a step.
pub(in crate::app) struct StepLog {
    /// All seconds, bucket by bucket.
    pub(in crate::app) intervals: Vec<Interval>,
    /// Why they are not those of all agents.
    pub(in crate::app) lacking: Option<String>,
}

impl LedStep {
    /// Tells all agents when it begins.
    ///
    /// # Errors
    /// Where one of them does not hear it.
    pub(in crate::app) async fn start(
        leading: Leading,
        plan: &Plan,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let leader = Leader::start(leading, plan, &folder).await?;
        Ok(Self { leader, folder })
    }

    /// The clock of the step.
    pub(in crate::app) const fn clock(&self) -> Clock {
        self.leader.clock
    }

    /// What happens next; `None` once all agents have ended. May be dropped while it waits.
    pub(in crate::app) async fn next(&mut self) -> Option<Vec<RunEvent>> {
        while self.leader.events.is_empty() {
            if self.leader.is_over() {
                return None;
            }
            self.leader.proceed().await;
        }
        Some(std::mem::take(&mut self.leader.events))
    }

    /// Has all agents do something at one moment.
    pub(in crate::app) async fn order(&mut self, command: SteeringCommand) {
        self.leader.steer(command).await;
    }

    /// Merges what the agents have measured.
    ///
    /// # Errors
    /// Where none has sent its log, or one cannot be read.
    pub(in crate::app) async fn finish(mut self) -> Result<StepLog, Failure> {
        let merged = self.leader.merged(&self.folder)?;
        let lacking = lacking(&merged.header);
        let mut intervals = vec![];
        merged.write(&[], &mut |line| {
            if let RunLine::Interval(interval) = line {
                intervals.push(interval.clone());
            }
            Ok(())
        })?;
        self.leader.forget().await;
        // Its seconds stand in the log of the search from now on.
        let _ = fs::remove_dir_all(&self.folder);
        Ok(StepLog { intervals, lacking })
    }
}

/// Which agent did not play all of its part, or not as it should.
fn lacking(merged: &RunHeader) -> Option<String> {
    if let Some(number) = merged.without.first() {
        return Some(format!("agent {number} has sent nothing"));
    }
    merged.shards.iter().find_map(|shard| {
        let absence = shard.absences.first().map(ToString::to_string);
        let why = absence.or_else(|| shard.doubt.clone())?;
        Some(format!("agent {}: {why}", shard.number))
    })
}
