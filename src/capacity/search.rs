//! The search for SLO-max: which rate to measure next, and when enough is known.
//!
//! A state machine without clock or socket. Its only state is the list of steps measured so far, so a
//! search is resumed by giving it the steps of the interrupted one. It begins low, doubles until a rate
//! fails, lets the curve of response time propose the next rates, and ends with a rate that passes and
//! one that fails at most 5 % apart, the claim held once more and the failure shown 10 % above it. The
//! decisions stand in one table (`search/table.rs`), their numbers in one struct ([`SearchRules`]).

mod claim;
mod curve;
mod end;
mod evidence;
mod level;
mod outcome;
mod plan;
mod rules;
mod table;

use super::step::{StepPurpose, StepResult};
use evidence::{SearchEvidence, bracket};
use level::{Level, levels};
use plimsoll_units::{Nanos, Rate};
use table::SearchMove;

pub use claim::{FailureAbove, HeldRate};
pub use end::SearchEnd;
pub use outcome::{SearchLimit, SearchOutcome};
pub use plan::SearchPlan;
pub use rules::{RULES, SearchRules};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchAction {
    /// Play a steady step, then call [`CapacitySearch::on_step`].
    Measure {
        /// Arrivals to offer.
        rate: Rate,
        /// How long, without the warm-up.
        hold: Nanos,
        /// Why.
        purpose: StepPurpose,
    },
    /// Nothing more to measure.
    Done(Box<SearchOutcome>),
}

/// The table by which a search decides, in words: for each row what is known, and what is then done. The first
/// row that applies decides.
pub fn decisions() -> impl Iterator<Item = [&'static str; 2]> {
    table::TABLE.iter().map(|row| [row.known, row.done])
}

/// A search under way.
#[derive(Debug, Clone)]
pub struct CapacitySearch {
    plan: SearchPlan,
    steps: Vec<StepResult>,
    levels: Vec<Level>,
}

impl CapacitySearch {
    /// A search that has not measured anything yet.
    pub fn new(plan: SearchPlan) -> Self {
        Self::resume(plan, Vec::new())
    }

    /// A search that goes on from the steps of an interrupted one.
    pub fn resume(plan: SearchPlan, steps: Vec<StepResult>) -> Self {
        let levels = levels(&steps, &plan.slo_limits, &plan.cores);
        Self { plan, steps, levels }
    }

    /// Takes in the step that the last action asked for.
    pub fn on_step(&mut self, step: StepResult) {
        self.steps.push(step);
        self.levels = levels(&self.steps, &self.plan.slo_limits, &self.plan.cores);
    }

    /// All steps so far.
    pub fn steps(&self) -> &[StepResult] {
        &self.steps
    }

    /// The present bracket: the highest rate that seems to pass and the lowest that seems to fail.
    pub fn bracket(&self) -> (Option<Rate>, Option<Rate>) {
        let (pass, fail) = bracket(&self.levels, &self.plan.slo_limits);
        let rate = |level: Option<&Level>| level.map(|level| Rate::per_second(level.rate));
        (rate(pass), rate(fail))
    }

    /// What the steps so far say, for a search that is stopped before it is done.
    pub fn interrupted(&self) -> SearchOutcome {
        SearchOutcome::of(&self.evidence(RULES.resamples_of_outcome), SearchEnd::Interrupted)
    }

    /// Time that is left of the budget.
    pub fn remaining(&self) -> Nanos {
        self.plan.remaining(&self.steps)
    }

    /// What to measure next; the same until another step comes in.
    pub fn next_action(&self) -> SearchAction {
        match table::next(&self.evidence(RULES.resamples)) {
            SearchMove::Measure { rate, hold, purpose } => SearchAction::Measure {
                rate: Rate::per_second(rate.min(self.plan.rate_max.get())),
                hold: hold.min(self.remaining().saturating_sub(self.plan.warm_up)),
                purpose,
            },
            SearchMove::End(end) => {
                let evidence = self.evidence(RULES.resamples_of_outcome);
                SearchAction::Done(Box::new(SearchOutcome::of(&evidence, end)))
            }
        }
    }

    fn evidence(&self, resamples: usize) -> SearchEvidence<'_> {
        SearchEvidence::of(&self.plan, &self.steps, &self.levels, resamples)
    }
}

#[cfg(test)]
mod tests;
