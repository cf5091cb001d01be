//! How much the stack carries, what binds it, and what to buy next.
//!
//! Everything here is arithmetic on what was measured: the search decides which rate to measure next,
//! the model says why that rate is the limit, and the choice says which deployment carries the peak for
//! the least money. Nothing here opens a socket or reads a clock, so each claim can be checked against
//! published tables and against a simulator whose truth is known.

pub mod autoscaler;
pub mod autoscaling;
pub mod choice;
pub mod des;
mod described;
mod histogram;
pub mod lock_scope;
pub mod model;
pub mod mva;
pub mod notes;
mod observed;
mod option;
pub mod output;
pub mod queueing;
pub mod regression;
pub mod render;
pub mod search;
pub mod section;
pub mod slo_limits;
pub mod stack;
pub mod step;
pub mod usl;
pub mod watch;
pub mod what_if;

pub use histogram::Histogram;
