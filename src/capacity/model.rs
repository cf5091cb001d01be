//! Why the limit stands where it stands: demands, ceilings, and response times of other deployments.

mod ceilings;
mod contradiction;
mod demand;
mod fit;
mod fitted;
mod grid;
mod predict;
mod resolve;
mod steps;
mod unseen;

pub use ceilings::{Ceiling, CeilingResource};
pub use contradiction::Contradiction;
pub use fitted::{
    CacheHits, CapacityModel, Demand, FitError, HeldOut, MemoryModel, PoolModel, SerialResource,
    TierModel,
};
pub use steps::{ExcludedStep, StepExclusion};
pub(crate) use steps::{exclusion, is_at_rest, is_growing};

#[cfg(test)]
mod tests;
