//! The history of runs: rows of a list, sparklines, and a page of trends.

mod chart;
mod html;
mod rows;
#[cfg(test)]
mod tests;

pub use html::render as html;
pub use rows::{HistoryRow, lines};
pub(super) use rows::{describe, limits, not_valid, sparkline};
