//! What a user is given to play.

use plimsoll_metrics::{ScenarioId, Variant};
use plimsoll_schedule::Arrival;
use plimsoll_units::RunTime;

/// What an iteration plays, and on which side of a run that is split.
#[derive(Debug, Clone, Copy)]
pub(super) struct IterationRole {
    pub(super) scenario: ScenarioId,
    pub(super) variant: Option<Variant>,
}

/// One iteration to be played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) role: IterationRole,
    pub(super) arrival: Arrival,
}

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IterationEnd {
    /// At this time, all the way through or at a failed step.
    Done(RunTime),
    /// Cut off because the run stops.
    Unfinished,
}
