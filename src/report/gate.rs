//! The gate's answer in every format: what a pipeline, a reviewer and a program each read.
//!
//! [`GateReport`] is built once; the formats only read it, so that they can never disagree.

mod answer;
mod changes;
mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod objectives;
pub mod words;

pub use answer::{BaselineComparison, ComparedTimes, GateReport, GatedRun};
pub use github::render as github;
pub use html::render as html;
pub use json::render as json;
pub use junit::render as junit;
pub use markdown::render as markdown;

pub(super) use changes::ComparisonChanges;
pub(super) use objectives::objectives;

#[cfg(test)]
mod tests;
