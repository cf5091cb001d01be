//! Which page is shown, and how the user looks at it.

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
