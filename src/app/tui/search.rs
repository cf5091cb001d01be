//! A search for SLO-max on the screen: what it tells, and what is shown when it is over.

use std::path::PathBuf;

use tokio::runtime::Runtime;

use crate::capacity::search::{Search, SearchOutcome};
use crate::capacity::step::{Goal, Purpose};
use crate::cli;
use crate::engine::Act;
use crate::metrics::Interval;
use crate::tui::{Message, SearchView};
use crate::units::{Nanos, Rate};

use super::super::drive::Audience as _;
use super::super::exit::{Exit, Failure};
use super::super::report::Concluded;
use super::screen::Screen;
use super::{Session, is_possible};

/// The screen of a search under way.
pub(in crate::app) struct OnScreen {
    screen: Screen,
    view: SearchView,
}

impl OnScreen {
    /// Takes the terminal over for a search on `name`.
    pub(in crate::app) fn open(
        name: &str,
        target: &str,
        goals: Vec<Goal>,
    ) -> Result<Self, Failure> {
        let mut screen = Screen::open()?;
        let view = SearchView::new(name, target, goals);
        screen.tell(Message::Search(Box::new(view.clone())));
        Ok(Self { screen, view })
    }

    /// What is known by now.
    pub(in crate::app) fn follow(&mut self, search: &Search) {
        self.view.follow(search, search.remaining());
        self.show();
    }

    /// A step begins that lasts `length`.
    pub(in crate::app) fn begins(&mut self, (rate, purpose): (Rate, Purpose), length: Nanos) {
        self.view.begin(purpose, rate, length);
        self.show();
    }

    /// One second of it is over.
    pub(in crate::app) fn second(&mut self, second: &Interval) {
        self.screen.tell(Message::Interval(Box::new(second.clone())));
    }

    /// The search has come to its end.
    pub(in crate::app) fn ends(&mut self, outcome: &SearchOutcome) {
        self.view.end(outcome.clone());
        self.show();
    }

    /// A signal came.
    pub(in crate::app) fn stopping(&mut self) {
        self.screen.on_signal();
    }

    /// Something to know about the search.
    pub(in crate::app) fn note(&mut self, text: &str) {
        self.screen.tell(Message::Notice(text.to_owned()));
    }

    /// Awaits what the user does.
    pub(in crate::app) async fn next_act(&mut self) -> Act {
        self.screen.next_act().await
    }

    fn show(&mut self) {
        self.screen.tell(Message::Search(Box::new(self.view.clone())));
    }

    /// Shows what the search came to until the user leaves; then the plain terminal is told.
    pub(in crate::app) fn conclude(
        self,
        runtime: Runtime,
        output: &cli::Output,
        last: (Concluded, PathBuf, Exit),
    ) -> Result<Exit, Failure> {
        let Self { screen, view } = self;
        let leaving = screen.wants_to_leave();
        let mut session = Session {
            runtime,
            screen,
            output: output.clone(),
            last_job: None,
            last: None,
            unsaid: vec![],
            leaving,
        };
        session.look_around();
        session.show_found(&last.0, &last.1, true);
        session.screen.tell(Message::Search(Box::new(view)));
        session.last = Some(last);
        session.serve()?;
        session.close()
    }
}

/// Refuses where there is no terminal.
pub(in crate::app) fn refused_without_terminal() -> Result<(), Failure> {
    if is_possible() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "error: `--tui` needs a terminal to draw on and a keyboard; leave it out here",
    ))
}
