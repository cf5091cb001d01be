//! What goes wrong with a browser.

use plimsoll_plan::PageMilestone;
use plimsoll_units::{Bytes, Nanos};

/// Why a page could not be played.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BrowserError {
    /// No browser on this machine.
    #[error(
        "no Chromium found ({0}); install it (Debian, Ubuntu: apt-get install chromium; macOS: brew install \
         --cask chromium) or name it in the environment: PLIMSOLL_CHROMIUM=/path/of/chromium"
    )]
    Missing(String),
    /// The scenario's `http` has a setting that browsers cannot follow.
    #[error("browsers cannot follow `{0}`: their pages would come another way than the load")]
    Setting(&'static str),
    /// It did not start.
    #[error("Chromium did not start: {0}")]
    Start(String),
    /// The process ended, or closed its pipe.
    #[error("the browser is gone")]
    Gone,
    /// The page's renderer crashed.
    #[error("the page crashed")]
    Crashed,
    /// It refused a call.
    #[error("the browser refused: {0}")]
    Refused(String),
    /// The page does not answer: its script keeps it busy.
    #[error("the page did not answer within {0}")]
    TimedOut(Nanos),
    /// A template could not be rendered.
    #[error("{0}")]
    Template(String),
    /// What comes before the flow failed.
    #[error("the login failed: {0}")]
    Login(Box<Self>),
    /// The page could not be loaded.
    #[error("the page did not load: {0}{hint}", hint = hint(.0))]
    Navigation(String),
    /// The document did not come as far as it should.
    #[error(
        "no `{until}` within {limit}: something that the page needs has not come, or its scripts do not end"
    )]
    NotLoaded {
        /// What was waited for.
        until: PageMilestone,
        /// For how long.
        limit: Nanos,
    },
    /// A click opened a window of its own, which nobody measures.
    #[error("the click opened another window, which is not measured")]
    OtherWindow,
    /// What was opened is a file to keep.
    #[error("it is a download, and no page")]
    Download,
    /// The page closed itself.
    #[error("the page closed itself")]
    Closed,
    /// A selector, or another script of ours, that the page does not take.
    #[error("{0}")]
    Script(String),
    /// The page's answer makes no sense: its scripts have changed what ours needs.
    #[error("the page's figures cannot be read")]
    Unreadable,
    /// An element could not be used in time.
    #[error("{}", fault.told(selector))]
    Element {
        /// What was looked for.
        selector: String,
        /// What is wrong with it.
        fault: ElementFault,
    },
    /// Its processes took more memory than pages may.
    #[error("the browser took {0} of memory")]
    Memory(Bytes),
}

/// Why an element could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementFault {
    /// None matches.
    Missing,
    /// It takes no room.
    Hidden,
    /// It cannot be scrolled into the window.
    Outside,
    /// It is disabled.
    Disabled,
    /// It takes no keys.
    NoInput,
    /// Something else would be hit: its name.
    Covered(String),
}

impl ElementFault {
    /// By the words of `element.js`.
    pub(super) fn of(word: &str, by: Option<String>) -> Self {
        match word {
            "hidden" => Self::Hidden,
            "outside" => Self::Outside,
            "disabled" => Self::Disabled,
            "unfit" => Self::NoInput,
            "covered" => Self::Covered(by.unwrap_or_default()),
            _ => Self::Missing,
        }
    }

    fn told(&self, selector: &str) -> String {
        match self {
            Self::Missing => format!("no element matches `{selector}`"),
            Self::Hidden => format!("`{selector}` is hidden"),
            Self::Outside => format!("`{selector}` is outside the window"),
            Self::Disabled => format!("`{selector}` is disabled"),
            Self::NoInput => format!("`{selector}` takes no keys"),
            Self::Covered(by) => format!("`{selector}` is covered by `{by}`"),
        }
    }
}

/// What a person can do about an error of the network, as Chromium names it.
fn hint(error: &str) -> &'static str {
    match error {
        "net::ERR_NAME_NOT_RESOLVED" => {
            " (pages reach the target's host, and those of `allow_hosts` that the run may load)"
        }
        "net::ERR_ABORTED" => " (an answer without content, or a download)",
        "net::ERR_INVALID_AUTH_CREDENTIALS" => {
            " (status 401: the server asks for a password; `headers: { authorization: … }` says one)"
        }
        "net::ERR_CERT_AUTHORITY_INVALID" => {
            " (`http: { tls: { ca: … } }` names who vouches for it; `insecure: true` takes any)"
        }
        _ => "",
    }
}
