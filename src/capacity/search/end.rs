//! Why a search ended.

use serde::{Deserialize, Serialize};

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// Pass and fail are close, the claim was held, the failure above it was looked for.
    Complete,
    /// The time is up; the interval says what is known.
    BudgetSpent,
    /// Every rate up to the highest allowed passes.
    NoLimitFound,
    /// Even a small part of the first rate fails.
    NeverWithin,
    /// The generator, not the stack, gave out.
    GeneratorLimit,
    /// The claim failed again and again when held.
    NotConfirmed,
    /// The user stopped it.
    Interrupted,
}

impl SearchEnd {
    /// What a reader must know of a search that ended so; none where nothing is amiss.
    pub const fn caution(self) -> Option<&'static str> {
        match self {
            Self::Complete | Self::NoLimitFound => None,
            Self::BudgetSpent => Some(
                "the time ran out before pass and fail came within 5 %: allow more with --within",
            ),
            Self::NeverWithin => Some("even the lowest rate misses an objective"),
            Self::GeneratorLimit => Some(
                "the load generator reached its limit before the stack: this is not the stack's capacity",
            ),
            Self::NotConfirmed => Some("the claimed rate failed when it was held again"),
            Self::Interrupted => {
                Some("the search was stopped before it was done: resume it with --resume")
            }
        }
    }
}
