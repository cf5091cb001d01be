//! Why the limit stands where it stands: demands, ceilings, and response times of other deployments.

mod ceilings;
mod demand;
mod fit;
mod predict;
mod steps;
mod unseen;

use serde::{Deserialize, Serialize};

use super::des::SimulatedBalancing;
use super::regression::Estimate;
use super::stack::{CapacityTierKind, Deployment};
use super::step::SloLimit;
use crate::units::Rate;
use predict::TimeGrid;

pub use ceilings::{Ceiling, CeilingResource};
pub use steps::{ExcludedStep, ExclusionReason};
pub use unseen::HeldOut;

/// What one request costs a tier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// D, core-seconds a request, with its interval. Where a cache filled, at its latest hit ratio.
    pub seconds: Estimate,
    /// Core-seconds a request more if no request hit the cache instead of all of them.
    pub per_miss: f64,
    /// Cores that each replica uses without any request.
    pub background: f64,
}

/// A cache that filled, or emptied, while the steps were measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CacheHits {
    /// The lowest hit ratio of the steps that the model was fitted to.
    pub lowest: f64,
    /// The hit ratio of the latest steps: the one that demands are given for.
    pub latest: f64,
}

/// A pool of connections.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolModel {
    /// The tier that it leads to.
    pub to: String,
    /// Connections of each replica.
    pub limit: u32,
    /// How long a request holds one, in seconds, when nothing behind it waits.
    pub hold: f64,
}

/// Memory of one replica.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryModel {
    /// Bytes without load.
    pub base: f64,
    /// Bytes for each request per second, over all replicas.
    pub per_rate: f64,
}

/// Something that serves one request at a time, however many replicas there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SerialResource {
    /// Seconds a request.
    pub demand: f64,
    /// Index of the tier in which requests wait for it, where that was observed.
    pub tier: Option<usize>,
}

/// What was learnt about one tier.
#[derive(Debug, Clone, PartialEq)]
pub struct TierModel {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: CapacityTierKind,
    /// How requests find a replica.
    pub balancing: SimulatedBalancing,
    /// What a request costs it; `None` where its CPU was not observed.
    pub demand: Option<Demand>,
    /// Its pools, as far as they were observed.
    pub pools: Vec<PoolModel>,
    /// Its memory, where observed.
    pub memory: Option<MemoryModel>,
}

/// A stack as learnt from its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct CapacityModel {
    /// In the stack's order.
    pub tiers: Vec<TierModel>,
    /// What must hold.
    pub slo_limits: Vec<SloLimit>,
    /// What was deployed while measuring.
    pub present: Deployment,
    /// cs², the squared coefficient of variation of services, one for all tiers.
    pub spread: f64,
    /// The relative uncertainty of cs², one standard deviation.
    pub spread_error: f64,
    /// A lock or an external service, if the steps cannot be explained without one.
    pub serial: Option<SerialResource>,
    /// A limit at the edge.
    pub rate_limit: Option<Rate>,
    /// The highest rate that was measured steadily; twice that is extrapolation.
    pub tested_to: Rate,
    /// How far the model is off at steps that it was not fitted to.
    pub held_out: Option<HeldOut>,
    /// The cache's hit ratio, where it changed while measuring and demands depend on it.
    pub hits: Option<CacheHits>,
    /// The steps that the model was not fitted to, and why.
    pub left_out: Vec<ExcludedStep>,
    base: BaseResponse,
    unloaded: TimeGrid,
}

/// The response times of the steps in which nobody waits much, and under which conditions they were measured.
#[derive(Debug, Clone, PartialEq)]
struct BaseResponse {
    grid: TimeGrid,
    /// Mean rate by requests, per second.
    rate: f64,
    /// Mean hit ratio by requests.
    hits: Option<f64>,
}

/// Why no model can be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Too little to learn from.
    #[error("a model needs steady steps at 3 different rates, found {found}; measure more steps")]
    TooFewSteps {
        /// Different rates found.
        found: usize,
    },
    /// Nothing to predict.
    #[error(
        "no objective is about response time; add one such as `p95: {{ max: 500ms }}` to `slo`"
    )]
    NoTimeLimit,
}

#[cfg(test)]
mod tests;
