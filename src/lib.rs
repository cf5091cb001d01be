//! plimsoll: load testing and capacity planning.
//!
//! Folders name the stages through which data flows; `ARCHITECTURE.md` has the table of layers, and
//! `tests/tidy.rs` keeps the arrows between them pointing down.

pub use plimsoll_units as units;

pub use plimsoll_metrics as metrics;
pub use plimsoll_scenario as scenario;

pub use plimsoll_capacity as capacity;
pub use plimsoll_import as import;
pub use plimsoll_plan as plan;
pub use plimsoll_schedule as schedule;
pub use plimsoll_slo as slo;
pub use plimsoll_user as user;

pub use plimsoll_load::transport;
pub use plimsoll_observe as observe;
pub use plimsoll_simulator as simulator;

pub use plimsoll_browser as browser;

#[cfg(feature = "fleet")]
pub use plimsoll_fleet as fleet;
pub use plimsoll_load::engine;

pub use plimsoll_report as report;

#[cfg(feature = "tui")]
pub use plimsoll_tui as tui;

pub mod app;
pub mod cli;
