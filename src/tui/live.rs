//! A run as the live page knows it: bounded in memory, whatever the length of the run.

pub(super) mod charts;
mod context;
mod errors;
mod events;
pub(super) mod header;
mod heat;
mod layout;
mod lean;
mod past;
mod run;
mod signals;
pub(super) mod slo;
mod stack;
mod steps;

pub(super) use layout::{draw, panel_at, scroll_max};
pub(super) use past::{HEAT_ROWS, heat_bounds};
pub(super) use run::{LiveRun, MetricGauge, RECENT, RunState, StepLive};
