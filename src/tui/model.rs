//! What the UI knows. Written by `update` alone, read by the views.

use ratatui::layout::Size;

use super::FinishedRun;
use super::comparison::Diff;
use super::launch::Launcher;
use super::live::LiveRun;
use super::page::{Page, Question, ViewOptions};
use super::past_runs::History;
use super::prompt::Prompt;
use super::search_view::SearchView;
use super::theme::Theme;

/// All that the UI knows.
#[derive(Debug)]
pub struct Model {
    pub(super) theme: Theme,
    /// The size of the terminal, once it is known.
    pub(super) screen: Size,
    /// Whether the terminal tells what is done with the mouse.
    pub(super) has_mouse: bool,
    pub(super) page: Page,
    /// Where the user was before, the last page last.
    pub(super) trail: Vec<Page>,
    pub(super) look: ViewOptions,
    pub(super) launcher: Launcher,
    pub(super) live: Option<LiveRun>,
    pub(super) search: Option<SearchView>,
    pub(super) after: Option<ResultsPage>,
    pub(super) history: History,
    pub(super) diff: Option<Diff>,
    pub(super) prompt: Option<Prompt>,
    pub(super) question: Option<Question>,
    /// Something short to say until the next key, or for a few seconds of a run.
    pub(super) notice: String,
    pub(super) notice_seconds: u32,
    /// A refusal, as many lines as it needs, until the next key.
    pub(super) refusal: String,
    /// The help, and how far it is scrolled.
    pub(super) help: Option<usize>,
    /// Whether the page of a finished run shows its charts instead of the verdict.
    pub(super) charts_after: bool,
}

impl Model {
    /// A model that shows the launcher, still empty, on a terminal with or without a mouse.
    pub fn new(theme: Theme, has_mouse: bool) -> Self {
        Self {
            theme,
            screen: Size::ZERO,
            has_mouse,
            page: Page::Launcher,
            trail: vec![],
            look: ViewOptions::default(),
            launcher: Launcher::default(),
            live: None,
            search: None,
            after: None,
            history: History::default(),
            diff: None,
            prompt: None,
            question: None,
            notice: String::new(),
            notice_seconds: 0,
            refusal: String::new(),
            help: None,
            charts_after: false,
        }
    }

    /// What the page comes to with what is there.
    pub(super) fn shown(&self) -> ScreenContent<'_> {
        match (self.page, &self.live, &self.after) {
            (Page::Live, Some(run), _) => ScreenContent::Live(run),
            (Page::After, Some(run), Some(_)) if self.charts_after => ScreenContent::Live(run),
            (Page::After, _, Some(after)) => ScreenContent::Results(after),
            (Page::History, ..) => ScreenContent::History,
            (Page::Diff, ..) => {
                self.diff.as_ref().map_or(ScreenContent::History, ScreenContent::Diff)
            }
            (Page::Capacity, ..) => {
                self.search.as_ref().map_or(ScreenContent::Launcher, ScreenContent::Capacity)
            }
            (Page::Launcher | Page::Live | Page::After, ..) => ScreenContent::Launcher,
        }
    }

    /// Shows another page, and keeps the way back.
    pub(super) fn go(&mut self, page: Page) {
        if page == Page::Launcher {
            self.trail.clear();
        } else if page != self.page {
            // A page that was on the way is gone back to, and not put on top of it.
            match self.trail.iter().position(|known| *known == page) {
                Some(at) => self.trail.truncate(at),
                None => self.trail.push(self.page),
            }
        }
        self.page = page;
        self.look.scroll = 0;
    }

    /// Shows the page before; a run under way is none to go back to once it is over.
    pub(super) fn go_back(&mut self) {
        let is_gone = |page: &Page| match page {
            Page::Live => true,
            Page::Capacity => self.search.is_none(),
            Page::After => self.after.is_none(),
            Page::Diff => self.diff.is_none(),
            Page::Launcher | Page::History => false,
        };
        while self.trail.last().is_some_and(is_gone) {
            self.trail.pop();
        }
        self.page = self.trail.pop().unwrap_or(Page::Launcher);
        self.look.scroll = 0;
    }
}

/// What is on the screen.
#[derive(Debug, Clone, Copy)]
pub(super) enum ScreenContent<'a> {
    Launcher,
    Live(&'a LiveRun),
    Results(&'a ResultsPage),
    History,
    Diff(&'a Diff),
    Capacity(&'a SearchView),
}

/// A run that is over.
#[derive(Debug)]
pub(super) struct ResultsPage {
    pub(super) finished: FinishedRun,
}

impl ResultsPage {
    pub(super) const fn new(finished: FinishedRun) -> Self {
        Self { finished }
    }
}
