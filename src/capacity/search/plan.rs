//! What a search is given.

use serde::{Deserialize, Serialize};

use crate::slo_limits::SloLimit;
use crate::step::StepResult;
use plimsoll_units::{Nanos, Rate, Seed};

/// What to search, and how much time it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPlan {
    /// What must hold; at least one.
    #[serde(rename = "goals")]
    pub slo_limits: Vec<SloLimit>,
    /// The first rate; should be far below the limit.
    pub start: Rate,
    /// By how much each step exceeds the last while none has failed: 2 where nothing is known of the limit,
    /// less where it is expected soon.
    pub climb: f64,
    /// Never offer more than this.
    pub rate_max: Rate,
    /// How long a step is held at least.
    pub hold: Nanos,
    /// How long a step is held at most.
    pub hold_max: Nanos,
    /// Warm-up before each step; counts against the budget.
    pub warm_up: Nanos,
    /// Time for the whole search.
    pub budget: Nanos,
    /// Cores of each tier, all replicas together, where known: the use of them tells how far a climb may go.
    #[serde(default)]
    pub cores: Vec<(String, f64)>,
    /// For resampling.
    pub seed: Seed,
}

impl SearchPlan {
    /// Time that `steps` left of the budget.
    pub(super) fn remaining(&self, steps: &[StepResult]) -> Nanos {
        let spent = steps.iter().map(|step| step.duration + step.warm_up).sum();
        self.budget.saturating_sub(spent)
    }

    /// A hold of about `seconds`, within what is allowed.
    pub(super) fn hold_of(&self, seconds: f64) -> Nanos {
        Nanos::from_secs_f64(seconds).clamp(self.hold, self.hold_max)
    }
}
