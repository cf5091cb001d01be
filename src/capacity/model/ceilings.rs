//! What each resource can carry, and which one gives out first.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fitted::{CapacityModel, SerialResource};
use crate::stack::{CapacityTierKind, LockScope, TierDeployment};
use plimsoll_units::Rate;

/// What can give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CeilingResource {
    /// A tier's cores.
    Cpu,
    /// A pool of connections that a tier holds.
    Pool,
    /// A tier's memory.
    Memory,
    /// A limit at the edge.
    RateLimit,
    /// Something that one request at a time goes through; CPU stays low while response times grow.
    Lock,
    /// A service of somebody else.
    External,
}

impl Ceiling {
    /// Whether bigger or more replicas can widen it.
    pub fn is_for_sale(&self) -> bool {
        match self.resource {
            CeilingResource::Cpu | CeilingResource::Pool | CeilingResource::Memory => true,
            CeilingResource::Lock => self.scope == Some(LockScope::Replica),
            CeilingResource::RateLimit | CeilingResource::External => false,
        }
    }

    /// Whether it is a lock of which nobody says who shares it.
    pub fn is_of_unknown_scope(&self) -> bool {
        self.resource == CeilingResource::Lock && self.scope.is_none()
    }
}

impl fmt::Display for Ceiling {
    /// What gives out and where: `api, CPU` or `api, connection pool to db`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tier.is_empty() {
            write!(f, "{}, ", self.tier)?;
        }
        f.write_str(match self.resource {
            CeilingResource::Cpu => "CPU",
            CeilingResource::Pool => "connection pool",
            CeilingResource::Memory => "memory",
            CeilingResource::RateLimit => "rate limit at the edge",
            CeilingResource::Lock => "lock or other serial section",
            CeilingResource::External => "external service",
        })?;
        match self.scope {
            Some(LockScope::Replica) => f.write_str(" of each replica")?,
            Some(LockScope::Shared) => f.write_str(" that all replicas share")?,
            None => {}
        }
        self.to.as_ref().map_or(Ok(()), |to| write!(f, " to {to}"))
    }
}

/// The highest rate that one resource carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The tier; empty for the edge's limit, or where nothing observed which tier it is.
    pub tier: String,
    /// What gives out.
    pub resource: CeilingResource,
    /// The tier that the pool leads to, if it is a pool that gives out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who shares it, if it is a lock and the stack file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<LockScope>,
    /// At which rate.
    pub rate: Rate,
}

/// Cores are full at this share: beyond it queues explode with the slightest disturbance.
const CPU_FULL: f64 = 0.95;
/// A pool is full at this share (Running's alert threshold).
const POOL_FULL: f64 = 0.8;
/// Memory is full at this share of a replica.
const MEMORY_FULL: f64 = 0.9;

impl CapacityModel {
    /// All ceilings of `deployment`, the lowest first: the bottleneck, then the next one.
    ///
    /// Cores and pools count as full a little before they are. A rate that the present deployment was held at shows
    /// that they were not.
    pub fn ceilings(&self, deployment: &[TierDeployment]) -> Vec<Ceiling> {
        let mut all = self.planned_ceilings(deployment);
        if self.present == *deployment {
            let held = Rate::per_second(self.held);
            all.iter_mut().filter(|one| one.rate < held).for_each(|one| one.rate = held);
        }
        all
    }

    fn planned_ceilings(&self, deployment: &[TierDeployment]) -> Vec<Ceiling> {
        let mut all = Vec::new();
        let mut push = |tier: &str, resource, rate: f64| {
            let (tier, rate) = (tier.to_owned(), Rate::per_second(rate));
            all.push(Ceiling { tier, resource, to: None, scope: None, rate });
        };
        let mut pools = Vec::new();
        for (tier, deployed) in self.tiers.iter().zip(deployment) {
            let replicas = f64::from(deployed.replicas);
            if let Some(demand) = tier.demand.filter(|demand| demand.seconds.value > 0.0) {
                let cores = CPU_FULL * deployed.cores * replicas - demand.background * replicas;
                push(&tier.name, CeilingResource::Cpu, cores / demand.seconds.value);
            }
            for pool in &tier.pools {
                let usable = POOL_FULL * f64::from(pool.limit) * replicas;
                let rate = Rate::per_second(usable / pool.hold);
                let (tier, to) = (tier.name.clone(), Some(pool.to.clone()));
                let resource = CeilingResource::Pool;
                pools.push(Ceiling { tier, resource, to, scope: None, rate });
            }
            if let Some(memory) = tier.memory.filter(|memory| memory.per_rate > 0.0) {
                let room = MEMORY_FULL * deployed.memory.get() as f64 - memory.base;
                push(&tier.name, CeilingResource::Memory, room * replicas / memory.per_rate);
            }
        }
        if let Some(limit) = self.rate_limit {
            push("", CeilingResource::RateLimit, limit.get());
        }
        if let Some(SerialResource { demand, tier, scope }) = self.serial {
            let found = tier.map(|index| &self.tiers[index]);
            let external = found.is_some_and(|tier| tier.kind == CapacityTierKind::External);
            let resource = if external { CeilingResource::External } else { CeilingResource::Lock };
            let rate = CPU_FULL * self.serial_growth(deployment) / demand;
            let tier = found.map_or("", |tier| &tier.name).to_owned();
            let rate = Rate::per_second(rate);
            pools.push(Ceiling { tier, resource, to: None, scope, rate });
        }
        all.append(&mut pools);
        all.sort_by(|a, b| a.rate.get().total_cmp(&b.rate.get()));
        all
    }
}
