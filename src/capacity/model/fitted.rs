//! A stack as learnt from its steps: what a request costs each tier, and what holds requests up.

use serde::{Deserialize, Serialize};

use super::contradiction::Contradiction;
use super::grid::TimeGrid;
use super::steps::ExcludedStep;
use crate::des::SimulatedBalancing;
use crate::regression::Estimate;
use crate::slo_limits::SloLimit;
use crate::stack::{CapacityTierKind, Deployment, LockScope, TierDeployment};
use plimsoll_units::Rate;

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

/// Something that serves one request at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SerialResource {
    /// Seconds a request.
    pub demand: f64,
    /// Index of the tier in which requests wait for it, where that was observed, or the stack file says so.
    pub tier: Option<usize>,
    /// Who shares it; all replicas where nobody says.
    pub scope: Option<LockScope>,
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
    /// What the stack file says and the steps refute.
    pub contradictions: Vec<Contradiction>,
    /// The highest rate that was held at rest within every objective: no resource of the present deployment is full
    /// below it.
    pub(super) held: f64,
    /// How far the model is off at steps that it was not fitted to.
    pub held_out: Option<HeldOut>,
    /// The cache's hit ratio, where it changed while measuring and demands depend on it.
    pub hits: Option<CacheHits>,
    /// The steps that the model was not fitted to, and why.
    pub left_out: Vec<ExcludedStep>,
    pub(super) base: BaseResponse,
    pub(super) unloaded: TimeGrid,
}

/// The response times of the steps in which nobody waits much, and under which conditions they were measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BaseResponse {
    pub(super) grid: TimeGrid,
    /// Mean rate by requests, per second.
    pub(super) rate: f64,
    /// Mean hit ratio by requests.
    pub(super) hits: Option<f64>,
}

impl CapacityModel {
    /// The model if that were known of what serves one request at a time.
    #[must_use]
    pub fn with_serial(&self, serial: SerialResource) -> Self {
        Self { serial: Some(serial), ..self.clone() }
    }

    /// How many times as much the serial resource carries in `deployment` as it did while measuring.
    pub(super) fn serial_growth(&self, deployment: &[TierDeployment]) -> f64 {
        let own = self.serial.filter(|serial| serial.scope == Some(LockScope::Replica));
        own.and_then(|serial| serial.tier).map_or(1.0, |tier| {
            f64::from(deployment[tier].replicas) / f64::from(self.present[tier].replicas)
        })
    }
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

/// The mean error at steps that the model was not fitted to, all of them near the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Steps that were held out.
    pub steps: usize,
    /// Mean of |ln(predicted/measured)| of the judged response time.
    pub time: f64,
    /// Mean of |ln(rate/measured rate)| for the rate at which the model has the measured response time; only
    /// steps in which requests wait tell one. Near the limit one per cent of the rate doubles a response time, so
    /// this is what errs in SLO-max.
    pub rate: Option<f64>,
}
