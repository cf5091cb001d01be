//! A judged row of the SLO table, and the verdict on all of them.

use serde::{Deserialize, Serialize};

use plimsoll_metrics::Objective;
use plimsoll_units::{Nanos, Quantity};

/// How an objective came out. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveStatus {
    /// The target is met.
    Pass,
    /// The run cannot prove it, or nothing observes it.
    NotMeasured,
    /// Between target and max.
    AtRisk,
    /// The interval straddles the max.
    Inconclusive,
    /// Beyond the max.
    Fail,
}

/// One judged row of the SLO table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedObjective {
    /// The row.
    pub objective: Objective,
    /// Whether the scenario's table lacks it, and it is judged because no row there speaks of these errors. Not set
    /// where the whole table is the default one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_default: bool,
    /// The estimate; absent where it could not be measured.
    pub estimate: Option<Quantity>,
    /// The 95 % interval, where there are enough batches for one. It covers what the generator's lag may have added.
    pub interval: Option<(Quantity, Quantity)>,
    /// What the generator's lag may have added; absent where that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LagEffect>,
    /// How many values stand behind it.
    pub samples: u64,
    /// How it came out.
    pub status: ObjectiveStatus,
    /// How much longer the run would have to be to tell; absent where it tells, or where time is no help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_time: Option<MoreTime>,
    /// Why it is not measured or inconclusive, and how much longer to run; empty otherwise.
    pub note: String,
}

/// What of a measured time may be the generator's lag and not the stack's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LagEffect {
    /// The estimate without whatever may be lag: the truth lies between it and the estimate.
    pub lower: Quantity,
    /// Whether the row is inconclusive by lag: a punctual generator would have told.
    pub decides: bool,
}

/// How much longer a run would have to be to tell. Ordered by how much it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoreTime {
    /// By about so long.
    About(Nanos),
    /// By more than a day: the value is at its limit.
    TooLong,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every target is met.
    Pass,
    /// A target is missed, no max is.
    AtRisk,
    /// An interval straddles a max: run longer.
    Inconclusive,
    /// A max is exceeded.
    Fail,
    /// The measurement cannot support a verdict.
    NotValid,
}
