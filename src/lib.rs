//! plimsoll: load testing and capacity planning.
//!
//! Folders name the stages through which data flows; `ARCHITECTURE.md` has the table of layers, and
//! `tests/tidy.rs` keeps the arrows between them pointing down.

pub mod units;

pub mod metrics;
pub mod scenario;

pub mod capacity;
pub mod import;
pub mod plan;
pub mod schedule;
pub mod slo;
pub mod user;

pub mod observe;
pub mod simulator;
pub mod transport;

pub mod browser;

pub mod engine;
#[cfg(feature = "fleet")]
pub mod fleet;

pub mod report;

#[cfg(feature = "tui")]
pub mod tui;

pub mod app;
pub mod cli;
