//! What the UI knows. Written by `update` alone, read by the views.

use super::capacity::SearchView;
use super::diff::Diff;
use super::history::History;
use super::launcher::Launcher;
use super::live::LiveRun;
use super::prompt::Prompt;
use super::results::ResultsPage;
use super::theme::Theme;

/// Which page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Launcher,
    Live,
    After,
    History,
    Diff,
    Capacity,
}

/// A panel of the live page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Rate,
    Times,
    Slo,
    Steps,
    Errors,
    Events,
    Heat,
    Stack,
}

impl Panel {
    const ALL: [Self; 8] = [
        Self::Times,
        Self::Slo,
        Self::Steps,
        Self::Heat,
        Self::Errors,
        Self::Events,
        Self::Stack,
        Self::Rate,
    ];

    pub(super) fn next(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|panel| *panel == self).unwrap_or(0);
        let at = (at.cast_signed() + by).rem_euclid(Self::ALL.len().cast_signed());
        Self::ALL[at.cast_unsigned()]
    }
}

/// What the table of steps is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortBy {
    Order,
    Rate,
    P95,
    P99,
    Errors,
}

impl SortBy {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Order => Self::Rate,
            Self::Rate => Self::P95,
            Self::P95 => Self::P99,
            Self::P99 => Self::Errors,
            Self::Errors => Self::Order,
        }
    }
}

/// How much of the past the charts show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartSpan {
    All,
    FiveMinutes,
    OneMinute,
}

impl ChartSpan {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::All => Self::FiveMinutes,
            Self::FiveMinutes => Self::OneMinute,
            Self::OneMinute => Self::All,
        }
    }
}

/// How the user looks at the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct ViewOptions {
    pub(super) panel: Panel,
    pub(super) zoomed: bool,
    pub(super) sort: SortBy,
    pub(super) span: ChartSpan,
    /// Lines scrolled down in the chosen panel.
    pub(super) scroll: usize,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self {
            panel: Panel::Times,
            zoomed: false,
            sort: SortBy::Order,
            span: ChartSpan::All,
            scroll: 0,
        }
    }
}

/// A question that a key must answer first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Stop the run and leave?
    Leave,
}

/// All that the UI knows.
#[derive(Debug)]
pub struct Model {
    pub(super) theme: Theme,
    pub(super) page: Page,
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
    /// A model that shows the launcher, still empty.
    pub fn new(theme: Theme) -> Self {
        Self {
            theme,
            page: Page::Launcher,
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
}
