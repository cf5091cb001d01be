//! What was done once for a run: before its load, and behind it.

use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, words};

words! {
    /// The two moments at which something is done once for a run.
    pub enum LifecyclePart {
        /// Before the first arrival.
        Setup = "setup",
        /// Behind the last answer.
        Teardown = "teardown",
    }
}

/// What a setup or teardown came to. Nothing of it is among the figures of the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleNote {
    /// Which of the two.
    pub part: LifecyclePart,
    /// How long it took.
    pub took: Nanos,
    /// The steps that sent requests, in the order of the first of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<LifecycleStep>,
    /// Why it did not reach its end, without secrets; absent where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The shard that played it, from 1; absent where the run was not merged from several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
}

/// The requests of one step of a setup or teardown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleStep {
    /// The step's name.
    pub name: String,
    /// How many it sent.
    pub requests: u64,
    /// How many of them failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// The sum of their service times.
    pub time: Nanos,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl LifecycleNote {
    /// One of which nothing is known yet.
    pub const fn begun(part: LifecyclePart) -> Self {
        Self { part, took: Nanos::ZERO, steps: vec![], failure: None, shard: None }
    }

    /// How many requests it sent.
    pub fn requests(&self) -> u64 {
        self.steps.iter().map(|step| step.requests).sum()
    }

    /// How many of them failed.
    pub fn failed(&self) -> u64 {
        self.steps.iter().map(|step| step.failed).sum()
    }

    /// Counts a request of the step `name`.
    pub fn count(&mut self, name: &str, service_time: Nanos, is_failed: bool) {
        let at = self.steps.iter().position(|step| step.name == name).unwrap_or_else(|| {
            let name = name.to_owned();
            self.steps.push(LifecycleStep { name, requests: 0, failed: 0, time: Nanos::ZERO });
            self.steps.len() - 1
        });
        let step = &mut self.steps[at];
        step.requests += 1;
        step.failed += u64::from(is_failed);
        step.time += service_time;
    }
}
