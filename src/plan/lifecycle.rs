//! What is done once for a run: a setup before its load, a teardown behind it.

use minijinja::Value;

use super::value::{value_of, write_json};
use super::{CaptureSlot, Program};
use plimsoll_metrics::{LifecyclePart, StepInfo};
use plimsoll_units::Nanos;

/// What is done once for a run.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Before the first arrival.
    pub setup: Option<LifecyclePlan>,
    /// Behind the last answer.
    pub teardown: Option<LifecyclePlan>,
    /// The steps that no scenario has. Their ids go on behind those of the plan.
    pub steps: Vec<StepInfo>,
    /// What the setup has captured: every user begins an iteration with it. Empty until it was played.
    pub given: Vec<(CaptureSlot, Value)>,
}

/// A setup or teardown, compiled.
#[derive(Debug, Clone)]
pub struct LifecyclePlan {
    /// What its user does.
    pub program: Program,
    /// The longest time for all of it.
    pub timeout: Nanos,
    /// Where it keeps what it captures.
    pub slots: Vec<CaptureSlot>,
}

impl LifecyclePlan {
    /// How long it may take where the file does not say.
    pub const TIMEOUT: Nanos = Nanos::from_secs(60);
}

impl Lifecycle {
    /// What the setup has captured, as JSON by its slot, for those who play the load on other machines.
    pub fn told(&self) -> Vec<(u16, String)> {
        let told = |(slot, value): &(CaptureSlot, Value)| {
            let mut json = vec![];
            write_json(value, &mut json);
            (slot.0, String::from_utf8_lossy(&json).into_owned())
        };
        self.given.iter().map(told).collect()
    }

    /// Takes what a setup on another machine has [`told`](Self::told); neither part is played here.
    ///
    /// # Errors
    /// Where a value is no JSON.
    pub fn take_over(&mut self, told: &[(u16, String)]) -> Result<(), serde_json::Error> {
        let given = told
            .iter()
            .map(|(slot, json)| Ok((CaptureSlot(*slot), value_of(&serde_json::from_str(json)?))));
        self.given = given.collect::<Result<_, serde_json::Error>>()?;
        (self.setup, self.teardown) = (None, None);
        Ok(())
    }

    /// One of the two, if the scenario has it.
    pub const fn part(&self, part: LifecyclePart) -> Option<&LifecyclePlan> {
        match part {
            LifecyclePart::Setup => self.setup.as_ref(),
            LifecyclePart::Teardown => self.teardown.as_ref(),
        }
    }
}
