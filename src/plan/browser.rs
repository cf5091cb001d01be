//! Users with a real browser, as planned.

use super::{Delay, Template};
use plimsoll_scenario::schema::{BrowserNetwork, PageWait};
use plimsoll_units::Nanos;

/// Users with a real browser.
#[derive(Debug, Clone)]
pub struct BrowserPlan {
    /// Their name.
    pub name: String,
    /// How many, or how many at once where [`Self::every`] says when they begin.
    pub vus: u32,
    /// Time from the start of a flow to that of the next, over all users; none where each begins anew when it is done.
    pub every: Option<Nanos>,
    /// Whether they play beside the workload that is played.
    pub plays: bool,
    /// Whether cache and cookies outlive an iteration.
    pub is_warm: bool,
    /// For how long they play before the first arrival; zero for not at all.
    pub baseline: Nanos,
    /// A slower network than there is.
    pub network: BrowserNetwork,
    /// How many times as slow the processor is; at least 1.
    pub cpu_slowdown: f64,
    /// The longest time for one step.
    pub timeout: Nanos,
    /// Whether each page is pictured as it looked in its worst load under load.
    pub pictures_worst: bool,
    /// Headers that its requests carry beside a browser's own.
    pub headers: Vec<(http::HeaderName, Template)>,
    /// What a user does before its flow in each new context; its pages are not measured.
    pub login: Vec<PageStep>,
    /// What a user does; opens at least one page.
    pub flow: Vec<PageStep>,
}

/// A step of a browser.
#[derive(Debug, Clone)]
pub enum PageStep {
    /// Load a page.
    Open {
        /// Its name.
        page: String,
        /// Its URL: absolute, or below the target.
        url: Template,
        /// When the flow goes on.
        wait: PageWait,
    },
    /// Click an element.
    Click {
        /// The element.
        selector: String,
        /// The page that it leads to.
        page: Option<String>,
        /// When the flow goes on.
        wait: PageWait,
    },
    /// Type into an element.
    Type {
        /// The element.
        selector: String,
        /// What is typed.
        text: Template,
    },
    /// Do nothing for a while.
    Think(Delay),
}

impl PageStep {
    /// The page that it may load.
    pub fn page(&self) -> Option<&str> {
        match self {
            Self::Open { page, .. } => Some(page),
            Self::Click { page, .. } => page.as_deref(),
            Self::Type { .. } | Self::Think(_) => None,
        }
    }
}
