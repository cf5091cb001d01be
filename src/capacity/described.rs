//! The stack file in the terms of capacity: what it says about sizes, limits and costs.

use super::des::SimulatedBalancing;
use super::stack::{
    CapacityTier, CapacityTierKind, Deployed, LockScope, ReplicaSize, ScalingSignal, StackModel,
    StackQuota, TierPool,
};
use plimsoll_scenario::stack::{self as file, Stack};
use plimsoll_units::{Bytes, Money, Quantity, Rate, RateUnit, Ratio};

impl StackModel {
    /// What `stack` says. `deployed` tells what really ran where that differs from the file
    /// (`--replicas api=1 --cores api=0.5`).
    pub fn described(stack: &Stack, deployed: &Deployed) -> Self {
        Self {
            name: stack.name.clone(),
            tiers: stack.tiers.iter().map(|tier| described(tier, deployed)).collect(),
            rate_limit: stack
                .tiers
                .iter()
                .filter_map(limit)
                .reduce(|a, b| if b < a { b } else { a }),
            signals: stack.signals.iter().filter_map(signal).collect(),
            quota: quota(stack),
            fixed_cost: stack.costs.iter().fold(Money::default(), |sum, (_, cost)| sum.plus(*cost)),
        }
    }
}

fn described(tier: &file::StackTier, deployed: &Deployed) -> CapacityTier {
    let name = &tier.name.value;
    let replicas = deployed.replicas_of(name).unwrap_or(tier.replicas).max(1);
    let size = size(tier, deployed.cores_of(name));
    let reserved = tier.requests.unwrap_or(tier.size);
    let share = |part: Option<f64>, whole: Option<f64>| match (part, whole) {
        (Some(part), Some(whole)) if whole > 0.0 => Ratio::new(part / whole),
        _ => Ratio::new(1.0),
    };
    let bytes = |memory: Option<Bytes>| memory.map(|memory| memory.get() as f64);
    CapacityTier {
        name: tier.name.value.clone(),
        kind: kind(tier.kind),
        replicas,
        replicas_max: tier.scale.out_max.unwrap_or(replicas).max(replicas),
        size,
        sizes: sizes(tier, size),
        reserved_cores: share(reserved.cores, tier.size.cores),
        reserved_memory: share(bytes(reserved.memory), bytes(tier.size.memory)),
        balancing: balancing(tier.balancing),
        pools: tier
            .pools
            .iter()
            .map(|pool| TierPool { to: pool.to.value.clone(), connections: pool.connections })
            .collect(),
        connections_max: tier.connections,
        delay: tier.scale.delay,
        lock: tier.lock.map(|scope| match scope {
            file::LockScopeSpec::Replica => LockScope::Replica,
            file::LockScopeSpec::Shared => LockScope::Shared,
        }),
    }
}

const fn kind(kind: file::TierKind) -> CapacityTierKind {
    match kind {
        file::TierKind::Edge => CapacityTierKind::Edge,
        file::TierKind::Api => CapacityTierKind::Api,
        file::TierKind::Db => CapacityTierKind::Database,
        file::TierKind::Cache => CapacityTierKind::Cache,
        file::TierKind::Queue => CapacityTierKind::Queue,
        file::TierKind::Worker => CapacityTierKind::Worker,
        file::TierKind::External => CapacityTierKind::External,
    }
}

/// A cookie that pins many users to replicas spreads their requests as chance does.
const fn balancing(balancing: file::TierBalancing) -> SimulatedBalancing {
    match balancing {
        file::TierBalancing::RoundRobin => SimulatedBalancing::RoundRobin,
        file::TierBalancing::LeastConnections => SimulatedBalancing::LeastConnections,
        file::TierBalancing::Random | file::TierBalancing::Sticky => SimulatedBalancing::Random,
    }
}

/// The present size: the file's, or one with as many `cores` as told, at the price of the listed size with
/// as many, else in proportion.
fn size(tier: &file::StackTier, cores: Option<f64>) -> ReplicaSize {
    let memory = tier.size.memory.unwrap_or_default();
    let filed = tier.size.cores.unwrap_or(1.0);
    let present = ReplicaSize { cores: filed, memory, monthly_cost: tier.cost.unwrap_or_default() };
    let Some(cores) = cores else { return present };
    let listed = tier.scale.sizes.iter().find(|option| option.size.cores == Some(cores));
    let monthly_cost = listed.and_then(|option| option.cost);
    ReplicaSize {
        cores,
        memory,
        monthly_cost: monthly_cost.unwrap_or_else(|| present.priced(cores)),
    }
}

/// The sizes that the file lists; where it only gives the largest, doublings up to it. A size without a
/// cost of its own costs in proportion to its cores.
fn sizes(tier: &file::StackTier, present: ReplicaSize) -> Vec<ReplicaSize> {
    if !tier.scale.sizes.is_empty() {
        let listed = tier.scale.sizes.iter().map(|option| {
            let cores = option.size.cores.unwrap_or(present.cores);
            let memory = option.size.memory.unwrap_or(present.memory);
            ReplicaSize {
                cores,
                memory,
                monthly_cost: option.cost.unwrap_or_else(|| present.priced(cores)),
            }
        });
        return listed.collect();
    }
    let Some(largest) = tier.scale.up else { return Vec::new() };
    let most = largest.cores.unwrap_or(present.cores);
    let mut sizes = Vec::new();
    let mut cores = present.cores * 2.0;
    while cores <= most * (1.0 + 1e-9) && cores > 0.0 {
        let times = cores / present.cores;
        let grown = (present.memory.get() as f64 * times) as u64;
        let memory = largest.memory.map_or(grown, |most| grown.min(most.get()));
        sizes.push(ReplicaSize {
            cores,
            memory: Bytes::new(memory),
            monthly_cost: present.priced(cores),
        });
        cores *= 2.0;
    }
    sizes
}

/// A limit for all addresses together. One per address binds the generator, not the users.
fn limit(tier: &file::StackTier) -> Option<Rate> {
    let limit = tier.rate_limit.filter(|limit| !limit.per_address)?;
    (limit.rate.unit == RateUnit::Requests).then_some(limit.rate.rate)
}

fn signal(signal: &file::SignalSpec) -> Option<ScalingSignal> {
    let tier = Some(signal.tier.clone()).filter(|tier| !tier.is_empty());
    match (signal.metric.as_str(), signal.threshold) {
        ("cpu", Quantity::Share(above)) if signal.above => {
            Some(ScalingSignal::Cpu { tier, above, lasting: signal.sustained })
        }
        ("throughput" | "request_rate", Quantity::Rate(above)) if signal.above => {
            Some(ScalingSignal::RequestRate { above })
        }
        _ => None,
    }
}

fn quota(stack: &Stack) -> Option<StackQuota> {
    let limits = stack.quota;
    let quota = StackQuota {
        cores: limits.limits_cores,
        memory: limits.limits_memory,
        reserved_cores: limits.requests_cores,
        reserved_memory: limits.requests_memory,
        pods: limits.replicas,
        tiers: Vec::new(),
    };
    (quota != StackQuota::default()).then_some(quota)
}
