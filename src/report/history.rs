//! The history of runs: rows of a list, sparklines, and a page of trends.

mod html;
mod rows;

pub use html::render as html;
pub use rows::{HistoryRow, lines};
pub(super) use rows::{describe, not_valid, sparkline};
