//! The declarations of `simulation.yaml`.

pub(super) mod answer;
pub(super) mod fault;
pub(super) mod route;
pub(super) mod simulation;
pub(super) mod tier;
pub(super) mod values;
