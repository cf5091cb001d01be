//! What a run came to: the verdict, what the measurement is worth, and every row of the SLO table.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, ValidityStatus};
use super::{Cause, HighestRate, ObservedRateLimit};
use crate::metrics::{Interval, Objective};
use crate::units::{Nanos, Quantity, RunTime};

/// Whether the measurement can be trusted, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The worst of all findings.
    pub status: ValidityStatus,
    /// All tests, passed ones included.
    pub findings: Vec<Finding>,
    /// The stack's in-flight or response time grew without end: the load exceeds what it carries.
    pub overloaded: bool,
    /// Throttled answers dominate, or a rate is pinned while the stack idles: the edge's limit was measured, not
    /// the stack's capacity.
    pub rate_limited: bool,
    /// That limit, where the run tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<ObservedRateLimit>,
    /// Where the generator could not send what it was to send: the highest rate that would have been valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_rate: Option<HighestRate>,
}

impl Validity {
    /// The messages of the tests that did not pass, the worst first.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        let with = |status| self.findings.iter().filter(move |finding| finding.status == status);
        let all = with(ValidityStatus::NotValid).chain(with(ValidityStatus::Suspect));
        all.map(|finding| finding.message.as_str())
    }
}

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

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// What explains most of it; absent of a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether the measurement can be trusted.
    pub validity: Validity,
    /// All rows of the SLO table, in the scenario's order.
    pub objectives: Vec<JudgedObjective>,
    /// Whether that table is the default one, because the scenario has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_default_table: bool,
    /// Whether it is of a part of a run: killed, interrupted, cut off, or merged without some shards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The part of the run that was judged.
    pub steady: SteadyPeriod,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The part of a run on which times are judged, so that tables show what objectives speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteadyPeriod {
    /// Where each judged stage begins and ends, without the warm-up; oldest first. What lies between, such as
    /// a ramp from one rate to the next, is not judged.
    pub stages: Vec<(RunTime, RunTime)>,
    /// The part of the drain that holds the answers to requests of the last stage.
    pub tail: Option<(RunTime, RunTime)>,
}

impl SteadyPeriod {
    /// Whether an interval lies within a judged stage.
    pub fn holds(&self, interval: &Interval) -> bool {
        self.stages.iter().any(|stage| is_within(interval, *stage))
    }

    /// Whether an interval holds the last answers of the last stage.
    pub fn ends_in(&self, interval: &Interval) -> bool {
        self.tail.is_some_and(|tail| is_within(interval, tail))
    }
}

fn is_within(interval: &Interval, (from, to): (RunTime, RunTime)) -> bool {
    interval.start >= from && interval.end <= to
}
