//! A search for SLO-max on the screen: its progress, and what is shown when it is over.

use tokio::runtime::Runtime;

use crate::capacity::search::{CapacitySearch, SearchOutcome};
use crate::capacity::slo_limits::SloLimit;
use crate::capacity::step::StepPurpose;
use crate::cli;
use crate::engine::SteeringCommand;
use crate::metrics::Interval;
use crate::tui::{Message, SearchView};
use crate::units::{Nanos, Rate};

use super::super::audience::RunObserver as _;
use super::super::exit::{Exit, Failure};
use super::screen::RunScreen;
use super::session::{LastRun, UiSession};

/// The screen of a search under way.
pub(in crate::app) struct SearchScreen {
    screen: RunScreen,
    view: SearchView,
}

impl SearchScreen {
    /// Takes the terminal over for a search on `name`.
    pub(in crate::app) fn open(
        name: &str,
        target: &str,
        slo_limits: Vec<SloLimit>,
    ) -> Result<Self, Failure> {
        let mut screen = RunScreen::open()?;
        let view = SearchView::new(name, target, slo_limits);
        screen.print(Message::Search(Box::new(view.clone())));
        Ok(Self { screen, view })
    }

    /// What is known by now.
    pub(in crate::app) fn follow(&mut self, search: &CapacitySearch) {
        self.view.follow(search, search.remaining());
        self.show();
    }

    /// A step begins that lasts `length`.
    pub(in crate::app) fn begins(&mut self, (rate, purpose): (Rate, StepPurpose), length: Nanos) {
        self.view.begin(purpose, rate, length);
        self.show();
    }

    /// One second of it is over.
    pub(in crate::app) fn second(&mut self, second: &Interval) {
        self.screen.print(Message::Interval(Box::new(second.clone())));
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
        self.screen.print(Message::Notice(text.to_owned()));
    }

    /// Awaits what the user does.
    pub(in crate::app) async fn next_steering(&mut self) -> SteeringCommand {
        self.screen.next_steering().await
    }

    fn show(&mut self) {
        self.screen.print(Message::Search(Box::new(self.view.clone())));
    }

    /// Shows what the search came to until the user leaves; then it is printed to the plain terminal.
    pub(in crate::app) fn conclude(
        self,
        runtime: Runtime,
        output: &cli::OutputArgs,
        last: LastRun,
    ) -> Result<Exit, Failure> {
        let Self { screen, view } = self;
        let mut session = UiSession::on(screen, runtime, output.clone());
        session.look_around();
        session.show_found(&last.found, &last.folder, true);
        session.screen.print(Message::Search(Box::new(view)));
        session.last = Some(last);
        session.serve()?;
        session.close()
    }
}
