//! The program as a user runs it, against real servers on loopback.
//!
//! These tests run one at a time (`.config/nextest.toml`): they measure.

mod counts;
mod failures;
mod harness;
mod truth;
