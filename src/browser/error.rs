//! What goes wrong with a browser.

use crate::units::Nanos;

/// Why a page could not be played.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BrowserError {
    /// No browser on this machine.
    #[error(
        "no Chromium found ({0}); install it (Debian, Ubuntu: apt-get install chromium; macOS: brew install \
         --cask chromium) or name it in the environment: PLIMSOLL_CHROMIUM=/path/of/chromium"
    )]
    Missing(String),
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
    /// A step took longer than it may.
    #[error("not done within {0}")]
    TimedOut(Nanos),
    /// A template could not be rendered.
    #[error("{0}")]
    Template(String),
    /// The page could not be loaded.
    #[error("the page did not load: {0}")]
    Navigation(String),
    /// No element matches.
    #[error("no element matches `{0}`")]
    NoElement(String),
}
