//! Who watches a search: lines on a plain terminal, or the screen.

use crate::capacity::search::{CapacitySearch, SearchOutcome};
use crate::capacity::slo_limits::SloLimit;
use crate::capacity::step::{StepPurpose, StepResult};
use crate::engine::SteeringCommand;
use crate::metrics::Interval;
use crate::units::{Nanos, Rate};

#[cfg(feature = "tui")]
use super::super::tui::SearchScreen;
use super::progress::SearchProgress;

/// Observes everything, and may ask for a stop or a mark.
pub(super) enum SearchObserver {
    Lines(SearchProgress),
    #[cfg(feature = "tui")]
    Screen(Box<SearchScreen>),
}

impl SearchObserver {
    /// A step begins that lasts `length`.
    pub(super) fn begins(&mut self, step: (Rate, StepPurpose), length: Nanos) {
        match self {
            Self::Lines(lines) => lines.begins(step, length),
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.begins(step, length),
        }
    }

    /// One second of it is over.
    pub(super) fn second(&mut self, second: &Interval) {
        match self {
            Self::Lines(lines) => lines.second(second),
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.second(second),
        }
    }

    /// A step is over.
    pub(super) fn step(
        &mut self,
        step: &StepResult,
        invalid: Option<&str>,
        slo_limits: &[SloLimit],
    ) {
        match self {
            Self::Lines(lines) => lines.step(step, invalid, slo_limits),
            // What the search knows of it is shown next.
            #[cfg(feature = "tui")]
            Self::Screen(_) => {}
        }
    }

    /// What is known by now.
    pub(super) fn known(&mut self, search: &CapacitySearch) {
        match self {
            Self::Lines(lines) => lines.bracket(search),
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.follow(search),
        }
    }

    /// The search has come to its end.
    pub(super) fn ends(&mut self, outcome: &SearchOutcome) {
        match self {
            Self::Lines(_) => {}
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.ends(outcome),
        }
        #[cfg(not(feature = "tui"))]
        let _ = outcome;
    }

    /// A signal came.
    pub(super) fn stopping(&mut self) {
        match self {
            Self::Lines(_) => SearchProgress::stopping(),
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.stopping(),
        }
    }

    /// Something to know about the search.
    pub(super) fn note(&mut self, text: &str) {
        match self {
            Self::Lines(_) => super::super::output::say(&format!("note: {text}")),
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.note(text),
        }
    }

    /// Awaits what the user does. May be dropped while it waits.
    pub(super) async fn next_steering(&mut self) -> SteeringCommand {
        match self {
            Self::Lines(_) => std::future::pending().await,
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.next_steering().await,
        }
    }
}
