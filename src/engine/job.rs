//! What a user is given to play.

use crate::metrics::{Lot, ScenarioId};
use crate::schedule::Arrival;

/// What an iteration plays, and on which side of a run that is split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    pub(super) scenario: ScenarioId,
    pub(super) lot: Option<Lot>,
}

/// One iteration to be played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) role: Role,
    pub(super) arrival: Arrival,
}
