//! Real browsers as a second kind of user: few, beside the load, each page measured by the browser itself.
//!
//! One Chromium process, driven over pipes by the `DevTools` protocol; each user has a context of its own in it. The
//! client is small on purpose: it knows some twenty methods and skips what it does not know, so that a new version of
//! the browser breaks nothing. What a page took comes from one script that every document runs first (`vitals.js`);
//! no event of the network is asked for.

mod acting;
mod connection;
mod error;
mod figures;
mod message;
mod page;
mod picture;
mod process;
mod process_tree;
mod starts;
mod visitor;

pub use error::{BrowserError, ElementFault};
pub use picture::WorstPages;
pub use process::{Browser, BrowserOptions, find_program};
pub use process_tree::ProcessTreeUse;
pub use starts::FlowStarts;
pub use visitor::{BrowserUser, VisitContext};
