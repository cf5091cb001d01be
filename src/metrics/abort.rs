//! Conditions that end a run early, and the one that did.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Measure, Scope};
use plimsoll_units::{Nanos, Quantity};

/// What ends a run once it has held for a while: `p99 > 2s for 10s`.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortCondition {
    /// As the author wrote it.
    pub text: String,
    /// Whose requests it speaks of.
    pub scope: Scope,
    /// A quantile of response times, their mean, or the error rate.
    pub measure: Measure,
    /// It holds above this.
    pub limit: Quantity,
    /// For how long it has to hold.
    pub sustained: Nanos,
}

/// A condition that ended its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AbortNote {
    /// The condition, as the author wrote it.
    pub condition: String,
    /// What was measured at last.
    pub value: Quantity,
    /// Over so many requests.
    pub requests: u64,
}

/// Prints `p99 > 2s for 10s: 2.31s at last, over 412 requests`.
impl fmt::Display for AbortNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { condition, value, requests } = self;
        write!(f, "{condition}: {value} at last, over {requests} requests")
    }
}
