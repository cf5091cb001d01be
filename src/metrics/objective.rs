//! Objectives: the rows of an SLO table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Answers, PageFigure, Phase};
use plimsoll_units::{Nanos, Quantity, words};

/// What an objective speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole run.
    Run,
    /// One scenario, by name.
    Scenario(String),
    /// One step, by name.
    Step(String),
    /// Several steps together, by tag (`static`, `api`).
    Tag(String),
    /// Several steps together, by name.
    Steps(Vec<String>),
    /// A page of real browsers, by name.
    Page(String),
}

/// So many steps are named.
const STEPS_NAMED: usize = 3;

/// Prints `run`, `scenario booking`, `step login`, `tag static`, `steps browse, search`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::Scenario(name) => write!(f, "scenario {name}"),
            Self::Step(name) => write!(f, "step {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Steps(names) => {
                let named = names.iter().take(STEPS_NAMED).map(String::as_str).collect::<Vec<_>>();
                write!(f, "steps {}", named.join(", "))?;
                match names.len() - named.len() {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Page(name) => write!(f, "page {name}"),
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A quantile (0 to 1) of response time.
    ResponseTime(f64),
    /// The mean response time.
    MeanResponseTime,
    /// A quantile of one phase.
    Phase(Phase, f64),
    /// A quantile of the time of whole iterations (scenario scope).
    IterationTime(f64),
    /// Failed requests among all requests.
    ErrorRate,
    /// Share of time and requests served.
    Uptime,
    /// Requests answered per second.
    Throughput,
    /// A metric of the stack: tier and name.
    Observed(String, String),
    /// A quantile of a figure over page loads.
    Page(PageFigure, f64),
    /// A measure that has a name of its own.
    Custom(CustomMeasure),
}

words! {
    /// Measures that are neither a time nor a share of requests.
    pub enum CustomMeasure {
        /// The longest time until the service was well again after something happened to it.
        Recover = "recover",
        /// Failed requests per second.
        Failures = "failures",
        /// Arrivals that started among those that fell due.
        AchievedRate = "achieved_rate",
        /// Iterations without a failure and with every step within its max, among those that ended.
        Goodput = "goodput",
        /// Events or messages per second over all open streams.
        MessageRate = "message_rate",
        /// How long pictures stood still over how long they moved.
        RebufferRatio = "rebuffer_ratio",
    }
}

/// Which side of the bound is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Lower is better: times, errors, memory.
    AtMost,
    /// Higher is better: uptime, throughput, hit ratio.
    AtLeast,
}

/// One row of the SLO table. An error rate without target and limit says that these errors are not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The row's key as written: `p95`, `error_rate`, `db.connections`.
    pub name: String,
    /// What it speaks of.
    pub scope: Scope,
    /// What is measured.
    pub measure: Measure,
    /// Which side is good.
    pub bound: Bound,
    /// What the team wants; missing it is "at risk".
    pub target: Option<Quantity>,
    /// What must never be exceeded (or undercut, for [`Bound::AtLeast`]); missing it is "fail".
    pub limit: Option<Quantity>,
    /// Whose times are held against it, where it speaks of response times.
    #[serde(default, skip_serializing_if = "Answers::is_default")]
    pub of: Answers,
}

impl Objective {
    /// Whether it says that errors are not judged: `error_rate: off`.
    pub fn is_off(&self) -> bool {
        self.measure == Measure::ErrorRate && self.target.is_none() && self.limit.is_none()
    }

    /// The most that it allows a quantile of the whole run's response time, with that quantile, 0 to 1; none where it
    /// speaks of something else or has no max.
    pub fn max_of_quantile(&self) -> Option<(f64, Nanos)> {
        match (&self.measure, self.limit, self.bound, &self.scope) {
            (&Measure::ResponseTime(q), Some(Quantity::Time(max)), Bound::AtMost, Scope::Run) => {
                Some((q, max))
            }
            _ => None,
        }
    }
}
