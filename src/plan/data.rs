//! Data sets: rows that feed templates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::Value;

pub use plimsoll_scenario::schema::UsedUp;

/// How a row is picked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pick {
    /// The next row, for each iteration that asks for one; from the first again when all are dealt.
    Sequential,
    /// Like sequential, over an order shuffled by the seed.
    Shuffle,
    /// Any row, equally likely.
    Uniform,
    /// Row of rank `k` with weight `1 / k^exponent`.
    Zipf(f64),
    /// One row a user, never twice.
    Unique,
    /// The next row, for each arrival that asks for one, and never again.
    Once(UsedUp),
}

/// Rows that feed templates.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name by which templates ask for it.
    pub name: String,
    /// The columns.
    pub columns: Vec<String>,
    /// The rows, each with one value a column; at least one.
    pub rows: Vec<Box<[Value]>>,
    /// How a row is picked.
    pub pick: Pick,
    /// How many rows have been dealt, by all workers of the run.
    pub dealt: DealtRows,
    /// How many iterations of the whole load are expected to ask for a row; none where responses decide it.
    pub wanted: Option<u64>,
}

/// Counts rows that are dealt, for all workers of a run. Nobody waits for another.
#[derive(Debug, Clone, Default)]
pub struct DealtRows(Arc<AtomicU64>);

impl DealtRows {
    /// The number of the next row, from 0.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
