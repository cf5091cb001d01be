//! Why the limit stands where it stands: demands, ceilings, and response times of other deployments.

mod ceilings;
mod fit;
mod predict;

use super::des::Balancing;
use super::regression::Estimate;
use super::stack::{Deployment, TierKind};
use super::step::Goal;
use crate::units::Rate;
use predict::Grid;

pub use ceilings::{Ceiling, Resource};

/// What one request costs a tier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// D, core-seconds a request, with its interval.
    pub seconds: Estimate,
    /// Cores that each replica uses without any request.
    pub background: f64,
}

/// A pool of connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pool {
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
    /// Its pool, where it has one and it was observed.
    pub pool: Option<Pool>,
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
    /// The mean relative error of predictions for steps that the fit had not seen.
    pub held_out_error: Option<f64>,
    base: Grid,
    base_rate: f64,
    unloaded: Grid,
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
