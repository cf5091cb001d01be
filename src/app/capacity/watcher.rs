//! Who watches a search: lines on a plain terminal, or the screen.

use crate::capacity::search::{Search, SearchOutcome};
use crate::capacity::step::{Goal, Purpose, StepResult};
use crate::engine::Act;
use crate::metrics::Interval;
use crate::units::{Nanos, Rate};

#[cfg(feature = "tui")]
use super::super::tui::OnScreen;
use super::progress::Progress;

/// Is told of everything, and may ask for a stop or a mark.
pub(super) enum Watcher {
    Lines(Progress),
    #[cfg(feature = "tui")]
    Screen(Box<OnScreen>),
}

impl Watcher {
    /// A step begins that lasts `length`.
    pub(super) fn begins(&mut self, step: (Rate, Purpose), length: Nanos) {
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
    pub(super) fn step(&mut self, step: &StepResult, spoilt: Option<&str>, goals: &[Goal]) {
        match self {
            Self::Lines(lines) => lines.step(step, spoilt, goals),
            // What the search knows of it is shown next.
            #[cfg(feature = "tui")]
            Self::Screen(_) => {}
        }
    }

    /// What is known by now.
    pub(super) fn known(&mut self, search: &Search) {
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
            Self::Lines(_) => Progress::stopping(),
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
    pub(super) async fn next_act(&mut self) -> Act {
        match self {
            Self::Lines(_) => std::future::pending().await,
            #[cfg(feature = "tui")]
            Self::Screen(screen) => screen.next_act().await,
        }
    }
}
