//! What the mouse points at, by the same layout that the page is drawn in.

use ratatui::layout::Position;

use super::model::{Model, ScreenContent};
use super::page::Panel;
use super::{history, launcher, live, view};

/// What stands at a position of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointedAt {
    /// An entry of the launcher's list.
    Choice(usize),
    /// A run of the history.
    Run(usize),
    /// A panel of the live page.
    Panel(Panel),
    /// Anything else.
    Page,
}

/// What stands at a position of the screen as it is drawn now.
pub(super) fn pointed_at(model: &Model, at: Position) -> PointedAt {
    let Some(page) = view::page_area(model.screen).filter(|page| page.contains(at)) else {
        return PointedAt::Page;
    };
    let found = match model.shown() {
        ScreenContent::Launcher => launcher::choice_at(model, page, at).map(PointedAt::Choice),
        ScreenContent::History => history::run_at(model, page, at).map(PointedAt::Run),
        ScreenContent::Live(run) => live::panel_at(model, run, page, at).map(PointedAt::Panel),
        ScreenContent::Results(_) | ScreenContent::Diff(_) | ScreenContent::Capacity(_) => None,
    };
    found.unwrap_or(PointedAt::Page)
}
