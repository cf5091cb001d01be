//! Why the limit stands where it stands: demands, ceilings, and response times of other deployments.

mod ceilings;
mod demand;
mod fit;
mod fitted;
mod grid;
mod predict;
mod steps;
mod unseen;

pub use ceilings::{Ceiling, CeilingResource};
pub use fitted::{
    CacheHits, CapacityModel, Demand, FitError, HeldOut, MemoryModel, PoolModel, SerialResource,
    TierModel,
};
pub use steps::{ExcludedStep, ExclusionReason};

#[cfg(test)]
mod tests;
