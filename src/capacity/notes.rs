//! What a search writes into the run log, and how searches are read from it again.
//!
//! The seconds of a run hold all that was measured. The notes between them say which seconds make which
//! step, so a search is resumed, reported and checked from `run.jsonl` alone.

use serde::{Deserialize, Serialize};

use super::choice::RequiredCapacity;
use super::search::{CapacitySearch, SearchAction, SearchOutcome, SearchPlan};
use super::stack::StackModel;
use super::step::{AbortReason, StepPurpose, StepResult, StepVerdict};
use plimsoll_metrics::{CapacityLine, Interval};
use plimsoll_units::{Nanos, Rate, Ratio, RunTime};

/// One line of notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityNote {
    /// A search begins. The first of a log is the search itself; others check its predictions.
    Search(Box<SearchNote>),
    /// A step of the last search ended.
    Step(StepNote),
}

/// What is searched, on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchNote {
    /// What must hold, and how much time there is.
    pub plan: SearchPlan,
    /// The stack as deployed while measuring.
    pub stack: StackModel,
    /// What the stack has to carry, where that is known.
    pub need: Option<RequiredCapacity>,
    /// Replicas that predictions were asked for.
    #[serde(default)]
    pub predict: Vec<(String, u32)>,
    /// The variance of the number of requests over its mean; see [`StepResult::dispersion`].
    pub dispersion: f64,
    /// What is needed to go on with the search later.
    pub origin: LoadOrigin,
}

/// Where the load of a search comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadOrigin {
    /// The path of the scenario.
    pub path: String,
    /// The target that was given instead of the scenario's.
    pub target: Option<String>,
    /// The workload that was asked for.
    pub workload: Option<String>,
    /// The share of think times that users take, where given.
    pub think: Option<Ratio>,
    /// `--set`.
    pub settings: Vec<(String, String)>,
}

/// Which seconds make a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepNote {
    /// Why it was played.
    pub purpose: StepPurpose,
    /// What was offered, requests per second.
    pub offered: Rate,
    /// Time spent besides the hold: warming up, draining, settling.
    pub warm_up: Nanos,
    /// Where the load began.
    pub began: RunTime,
    /// Where the hold began, after the warm-up.
    pub from: RunTime,
    /// Where it ended.
    pub to: RunTime,
    /// Why it was stopped early, if it was.
    pub aborted: Option<AbortReason>,
    /// The verdict on objectives that are not SLO limits.
    pub others: Option<StepVerdict>,
    /// Why it speaks of the generator and not of the stack, if it does.
    #[serde(rename = "spoilt")]
    pub invalid: Option<String>,
}

impl CapacityNote {
    /// The note as a line of the log.
    pub fn to_line(&self) -> CapacityLine {
        CapacityLine::of(self)
    }
}

impl StepNote {
    /// The step, made of those `intervals` that lie in its hold.
    pub fn result(&self, intervals: &[Interval], search: &SearchNote) -> StepResult {
        let inside = |second: &&Interval| second.start >= self.from && second.end <= self.to;
        let hold: Vec<Interval> = intervals.iter().filter(inside).cloned().collect();
        StepResult {
            others: self.others,
            aborted: self.aborted,
            valid: self.invalid.is_none(),
            dispersion: search.dispersion,
            ..StepResult::observed(self.purpose, (self.offered, self.warm_up), &hold, &search.stack)
        }
    }
}

/// A search as the log has it.
#[derive(Debug, Clone)]
pub struct LoggedSearch {
    /// What was searched.
    pub note: SearchNote,
    /// Its steps as noted.
    pub notes: Vec<StepNote>,
    /// Its steps as measured.
    pub steps: Vec<StepResult>,
}

impl LoggedSearch {
    /// The search, ready to go on.
    pub fn search(&self) -> CapacitySearch {
        CapacitySearch::resume(self.note.plan.clone(), self.steps.clone())
    }

    /// What it found; where it is not done yet, what is known so far.
    pub fn outcome(&self) -> SearchOutcome {
        let search = self.search();
        match search.next_action() {
            SearchAction::Done(outcome) => *outcome,
            SearchAction::Measure { .. } => search.interrupted(),
        }
    }
}

/// The searches of a log: its notes and its seconds.
///
/// # Errors
/// Where a line is not a note of this version.
pub fn read(
    notes: &[CapacityLine],
    intervals: &[Interval],
) -> Result<Vec<LoggedSearch>, serde_json::Error> {
    let mut searches: Vec<LoggedSearch> = Vec::new();
    for line in notes {
        match (line.note()?, searches.last_mut()) {
            (CapacityNote::Search(note), _) => {
                searches.push(LoggedSearch { note: *note, notes: Vec::new(), steps: Vec::new() });
            }
            (CapacityNote::Step(step), Some(last)) => {
                last.steps.push(step.result(intervals, &last.note));
                last.notes.push(step);
            }
            // A step without a search belongs to nothing.
            (CapacityNote::Step(_), None) => {}
        }
    }
    Ok(searches)
}
