//! Why the limit stands where it stands: demands, ceilings, and response times of other deployments.

mod ceilings;
mod demand;
mod fit;
mod predict;
mod steps;
mod unseen;

use serde::{Deserialize, Serialize};

use super::des::Balancing;
use super::regression::Estimate;
use super::stack::{Deployment, TierKind};
use super::step::Goal;
use crate::units::Rate;
use predict::Grid;

pub use ceilings::{Ceiling, Resource};
pub use steps::{LeftOut, LeftOutReason};
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
pub struct Hits {
    /// The lowest hit ratio of the steps that the model was fitted to.
    pub lowest: f64,
    /// The hit ratio of the latest steps: the one that demands are told for.
    pub latest: f64,
}

/// A pool of connections.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The tier that it leads to.
    pub to: String,
    /// Connections of each replica.
    pub limit: u32,
    /// How long a request holds one, in seconds, when nothing behind it waits.
    pub hold: f64,
}

/// Memory of one replica.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// Bytes without load.
    pub base: f64,
    /// Bytes for each request per second, over all replicas.
    pub per_rate: f64,
}

/// Something that serves one request at a time, however many replicas there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Serial {
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
    pub kind: TierKind,
    /// How requests find a replica.
    pub balancing: Balancing,
    /// What a request costs it; `None` where its CPU was not observed.
    pub demand: Option<Demand>,
    /// Its pools, as far as they were observed.
    pub pools: Vec<Pool>,
    /// Its memory, where observed.
    pub memory: Option<Memory>,
}

/// A stack as learnt from its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// In the stack's order.
    pub tiers: Vec<TierModel>,
    /// What must hold.
    pub goals: Vec<Goal>,
    /// What was deployed while measuring.
    pub present: Deployment,
    /// cs², the squared coefficient of variation of services, one for all tiers.
    pub spread: f64,
    /// The relative uncertainty of cs², one standard deviation.
    pub spread_error: f64,
    /// A lock or an external service, if the steps cannot be explained without one.
    pub serial: Option<Serial>,
    /// A limit at the edge.
    pub rate_limit: Option<Rate>,
    /// The highest rate that was measured steadily; twice that is extrapolation.
    pub tested_to: Rate,
    /// How far the model is off at steps that it was not fitted to.
    pub held_out: Option<HeldOut>,
    /// The cache's hit ratio, where it changed while measuring and demands depend on it.
    pub hits: Option<Hits>,
    /// The steps that the model was not fitted to, and why.
    pub left_out: Vec<LeftOut>,
    base: Base,
    unloaded: Grid,
}

/// The response times of the steps in which nobody waits much, and under which conditions they were measured.
#[derive(Debug, Clone, PartialEq)]
struct Base {
    grid: Grid,
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
    NoTimeGoal,
}

#[cfg(test)]
mod tests;
