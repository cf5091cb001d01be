//! What the stack is made of, as far as capacity and cost depend on it.

use serde::{Deserialize, Serialize};

use super::des::SimulatedBalancing;
use plimsoll_units::{Bytes, Money, Nanos, Rate, Ratio};

/// What a tier does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityTierKind {
    /// Balancer, gateway, TLS.
    Edge,
    /// The application.
    Api,
    /// A database.
    Database,
    /// A cache.
    Cache,
    /// A message queue.
    Queue,
    /// Background workers.
    Worker,
    /// Somebody else's service: no money of ours makes it faster.
    External,
}

/// Who goes through the same lock, or whatever else few requests at a time pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockScope {
    /// The requests of one replica: more replicas carry more.
    Replica,
    /// Those of all replicas.
    Shared,
}

/// A size that one replica can have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReplicaSize {
    /// Cores; a part of a core is allowed.
    pub cores: f64,
    /// Memory.
    pub memory: Bytes,
    /// What one replica of this size costs a month.
    pub monthly_cost: Money,
}

impl ReplicaSize {
    /// What a replica with `cores` costs where cost goes in proportion to cores.
    pub fn priced(&self, cores: f64) -> Money {
        let cents = self.monthly_cost.cents() as f64 * cores / self.cores;
        Money::from_cents(cents.round() as u64)
    }
}

/// A pool of connections that each replica of a tier holds to another tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierPool {
    /// The tier that it leads to.
    pub to: String,
    /// Connections of one replica at most.
    pub connections: u32,
}

/// One tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityTier {
    /// Its name in the stack file.
    pub name: String,
    /// What it does.
    pub kind: CapacityTierKind,
    /// Replicas while the steps were measured.
    pub replicas: u32,
    /// The most replicas there may be; equal to `replicas` where the tier cannot be scaled out.
    pub replicas_max: u32,
    /// The size while the steps were measured.
    pub size: ReplicaSize,
    /// The bigger sizes that may be bought, ascending; empty where the tier cannot be scaled up.
    pub sizes: Vec<ReplicaSize>,
    /// The share of its cores that a replica reserves (Kubernetes: requests over limits).
    pub reserved_cores: Ratio,
    /// The share of its memory that a replica reserves.
    pub reserved_memory: Ratio,
    /// How requests find a replica.
    pub balancing: SimulatedBalancing,
    /// The pools that each replica holds, one for each tier that it calls through one.
    #[serde(default)]
    pub pools: Vec<TierPool>,
    /// Connections that this tier accepts from all replicas of its callers.
    pub connections_max: Option<u32>,
    /// How long until a new replica serves.
    #[serde(default)]
    pub delay: Option<Nanos>,
    /// Who shares what requests wait for here besides cores and pools, where the stack file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockScope>,
}

/// What makes somebody, or an autoscaler, add capacity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingSignal {
    /// A tier's CPU above a share of its cores.
    Cpu {
        /// The tier; every tier with cores if `None`.
        tier: Option<String>,
        /// The share.
        above: Ratio,
        /// For how long.
        lasting: Nanos,
    },
    /// The stack's arrival rate above this.
    RequestRate {
        /// Requests a second.
        above: Rate,
    },
}

/// What all replicas together may not exceed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StackQuota {
    /// Cores.
    pub cores: Option<f64>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// Cores that replicas may reserve.
    pub reserved_cores: Option<f64>,
    /// Memory that replicas may reserve.
    pub reserved_memory: Option<Bytes>,
    /// Replicas, all tiers together.
    pub pods: Option<u32>,
    /// The tiers that count; every tier that is not external if empty.
    pub tiers: Vec<String>,
}

/// A whole stack, in the order in which a request meets its tiers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StackModel {
    /// Its name.
    pub name: String,
    /// At least one tier.
    pub tiers: Vec<CapacityTier>,
    /// A limit at the edge for all requests together.
    pub rate_limit: Option<Rate>,
    /// Scaling signals.
    pub signals: Vec<ScalingSignal>,
    /// A quota.
    pub quota: Option<StackQuota>,
    /// What is paid a month whatever the deployment.
    pub fixed_cost: Money,
}

/// What is deployed now, where that differs from the stack file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deployed {
    /// Replicas of a tier, at least 1.
    pub replicas: Vec<(String, u32)>,
    /// Cores of each replica of a tier, above 0.
    pub cores: Vec<(String, f64)>,
}

impl Deployed {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.replicas.is_empty() && self.cores.is_empty()
    }

    /// The tiers that it speaks of, each with the option that named it.
    pub fn tiers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let replicas = self.replicas.iter().map(|(tier, _)| ("--replicas", tier.as_str()));
        replicas.chain(self.cores.iter().map(|(tier, _)| ("--cores", tier.as_str())))
    }

    /// The replicas of `tier`, if said.
    pub fn replicas_of(&self, tier: &str) -> Option<u32> {
        self.replicas.iter().find(|(name, _)| name == tier).map(|(_, replicas)| *replicas)
    }

    /// The cores of each replica of `tier`, if said.
    pub fn cores_of(&self, tier: &str) -> Option<f64> {
        self.cores.iter().find(|(name, _)| name == tier).map(|(_, cores)| *cores)
    }
}

/// How many replicas of which size a tier has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TierDeployment {
    /// Replicas.
    pub replicas: u32,
    /// Cores of one replica.
    pub cores: f64,
    /// Memory of one replica.
    pub memory: Bytes,
    /// Cost of one replica a month.
    pub monthly_cost: Money,
}

/// One choice for all tiers, in the order of the stack's tiers.
pub type Deployment = Vec<TierDeployment>;

impl TierDeployment {
    /// `replicas` of `size`.
    pub const fn of(replicas: u32, size: ReplicaSize) -> Self {
        Self { replicas, cores: size.cores, memory: size.memory, monthly_cost: size.monthly_cost }
    }
}

impl CapacityTier {
    /// Whether it has, or may be given, a replica to lose.
    ///
    /// This is the rule of N+1: a tier that may have several replicas must carry the peak with one of them lost,
    /// so it needs two at least, be it an API or a cache. One that cannot be scaled out is a single point: that is
    /// no reason against a deployment, as no money changes it, but a risk that is reported.
    pub fn may_have_spare(&self) -> bool {
        self.replicas.max(self.replicas_max) > 1
    }

    /// Whether its loss stops the service, whatever is bought. Services of others are theirs to replicate.
    pub fn is_single_point(&self) -> bool {
        self.kind != CapacityTierKind::External && !self.may_have_spare()
    }
}

impl StackModel {
    /// What was deployed while the steps were measured.
    pub fn present(&self) -> Deployment {
        self.tiers.iter().map(|tier| TierDeployment::of(tier.replicas, tier.size)).collect()
    }

    /// Cores of each tier, all replicas together, while the steps were measured; services of others have none.
    pub fn cores(&self) -> Vec<(String, f64)> {
        let own = self.tiers.iter().filter(|tier| tier.kind != CapacityTierKind::External);
        own.map(|tier| (tier.name.clone(), f64::from(tier.replicas) * tier.size.cores)).collect()
    }

    /// What a deployment costs a month.
    pub fn monthly_cost(&self, deployment: &[TierDeployment]) -> Money {
        deployment
            .iter()
            .map(|tier| tier.monthly_cost.times(u64::from(tier.replicas)))
            .fold(self.fixed_cost, Money::plus)
    }
}
