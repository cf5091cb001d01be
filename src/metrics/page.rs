//! Page loads of real browsers, as the browser measured them.

use serde::{Deserialize, Serialize};

use plimsoll_units::{Bytes, Nanos, Quantity, RunTime, words};

words! {
    /// A figure of one page load. Times count from the start of the navigation unless it says otherwise.
    ///
    /// Definitions: web.dev/articles/{ttfb,fcp,lcp,cls,inp,tbt,tti}, W3C Navigation Timing 2.
    pub enum PageFigure {
        /// Time to first byte of the document.
        Ttfb = "ttfb",
        /// First contentful paint.
        Fcp = "fcp",
        /// Largest contentful paint, until the first input.
        Lcp = "lcp",
        /// Cumulative layout shift: the worst session window. A score without unit.
        Cls = "cls",
        /// Interaction to next paint: the 98th percentile of a page's interactions.
        Inp = "inp",
        /// Total blocking time: what long tasks have beyond 50 ms each, between FCP and TTI.
        Tbt = "tbt",
        /// Time to interactive, by the definition that Lighthouse gave up in version 10.
        Tti = "tti",
        /// `DOMContentLoaded` has been handled.
        Dcl = "dcl",
        /// `load` has been handled.
        Load = "load",
    }
}

impl PageFigure {
    /// The quantile of page loads that is meant where a row names none: the field's limits are for it
    /// (web.dev/articles/vitals).
    pub const QUANTILE: f64 = 0.75;

    /// The tier whose rows real browsers measure, where no source tells them.
    pub const TIER: &str = "frontend";

    /// The figure that a row `frontend.NAME` means.
    pub fn of_row(name: &str) -> Option<Self> {
        Some(match name {
            "page_load" => Self::Load,
            "time_to_first_byte" => Self::Ttfb,
            "first_contentful_paint" => Self::Fcp,
            "largest_contentful_paint" => Self::Lcp,
            "cumulative_layout_shift" => Self::Cls,
            "interaction_to_next_paint" => Self::Inp,
            "total_blocking_time" => Self::Tbt,
            "time_to_interactive" => Self::Tti,
            "dom_content_loaded" => Self::Dcl,
            _ => return Self::from_word(name),
        })
    }
}

words! {
    /// Why a page load says nothing about the stack.
    pub enum PageDoubt {
        /// The browser painted long after it had everything it needed.
        PaintedLate = "painted late",
        /// The page was not in the foreground.
        Hidden = "hidden",
    }
}

/// A resource that a page loaded, for a picture of what waited for what. Times from the start of the navigation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageResource {
    /// Path, without query.
    pub path: String,
    /// What asked for it: `img`, `script`, `link`, `fetch`.
    pub kind: String,
    /// When it was asked for.
    pub start: Nanos,
    /// When its first byte came; zero where another host does not tell.
    pub first_byte: Nanos,
    /// When its last byte came.
    pub end: Nanos,
}

/// One page load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PageLoad {
    /// When the navigation began; zero while the stack was idle.
    pub at: RunTime,
    /// The page's name.
    pub page: String,
    /// Whether it was loaded before the first arrival, to be set beside the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
    /// What was measured, in the order of [`PageFigure::ALL`]; figures that the page has not are left out.
    pub times: Vec<(PageFigure, Nanos)>,
    /// Layout shift, a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cls: Option<f64>,
    /// Status of the document; 0 where none came.
    pub status: u16,
    /// Bytes of all resources on the wire, as far as their hosts let pages know.
    pub bytes: Bytes,
    /// Documents and resources.
    pub requests: u32,
    /// Errors of the page's own scripts.
    #[serde(default)]
    pub script_errors: u32,
    /// Other hosts that the page wanted and was not let to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// Why the page failed: it did not load, an element was missing, the renderer crashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Why its figures do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<PageDoubt>,
    /// What was painted largest: `img#hero`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub largest: String,
    /// What it loaded, in order; at most 60.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<PageResource>,
}

impl PageLoad {
    /// A time of the load, whether it counts or not.
    pub fn time(&self, figure: PageFigure) -> Option<Nanos> {
        self.times.iter().find(|(known, _)| *known == figure).map(|(_, time)| *time)
    }

    /// A figure, if the page has it and it counts.
    pub fn figure(&self, figure: PageFigure) -> Option<Quantity> {
        if self.failure.is_some() || self.doubt.is_some() {
            return None;
        }
        if figure == PageFigure::Cls {
            return self.cls.map(Quantity::Count);
        }
        self.time(figure).map(Quantity::Time)
    }
}

/// What a page looked like in the worst of its loads under load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePicture {
    /// The page's name.
    pub page: String,
    /// When the navigation began.
    pub at: RunTime,
    /// What the load took, by the figure that loads are compared by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<(PageFigure, Nanos)>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The picture: JPEG in base64.
    pub jpeg: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_front_end_mean_figures_of_pages() {
        assert_eq!(PageFigure::of_row("page_load"), Some(PageFigure::Load));
        assert_eq!(PageFigure::of_row("cumulative_layout_shift"), Some(PageFigure::Cls));
        assert_eq!(PageFigure::of_row("lcp"), Some(PageFigure::Lcp));
        assert_eq!(PageFigure::of_row("cpu"), None);
    }
}
