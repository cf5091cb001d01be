//! A step of a run in the terms of capacity: its seconds as batches, its readings as use of the tiers.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::stack::{StackModel, TierKind, TierPool};
use super::step::{Batch, Purpose, StepResult, TierUse};
use crate::metrics::{ErrorClass, Interval};
use crate::units::{Bytes, Nanos, Rate};

impl StepResult {
    /// The step that `intervals` show, its warm-up already cut. Whether it is valid, was aborted, or
    /// misses objectives judged elsewhere is for the caller to set.
    pub fn observed(
        purpose: Purpose,
        (offered, warm_up): (Rate, Nanos),
        intervals: &[Interval],
        stack: &StackModel,
    ) -> Self {
        Self {
            purpose,
            offered,
            warm_up,
            duration: intervals.iter().map(Interval::length).sum(),
            dispersion: 1.0,
            batches: intervals.iter().map(batch).collect(),
            others: None,
            tiers: stack.tiers.iter().map(|tier| used(&tier.name, stack, intervals)).collect(),
            hit_ratio: hit_ratio(stack, intervals),
            aborted: None,
            valid: true,
        }
    }
}

fn batch(interval: &Interval) -> Batch {
    let class = |wanted: ErrorClass| -> u64 {
        interval.steps.values().filter_map(|step| step.errors.get(&wanted)).sum()
    };
    let throttled = class(ErrorClass::Throttled);
    let times = interval.steps.values().flat_map(|step| step.response_time.buckets());
    let finished = Histogram::from_pairs(times);
    let failed = interval.failed();
    // A run records the times of failed requests among the others. Within any error objective they are
    // too few to matter; where they are many, the step fails by its errors.
    let response = finished.thinned(finished.count().saturating_sub(failed));
    Batch { response, errors: failed.saturating_sub(throttled), throttled }
}

/// The hit ratio of the first cache that tells one. A database has one of its own, of disk blocks.
fn hit_ratio(stack: &StackModel, intervals: &[Interval]) -> Option<f64> {
    let mut caches = stack.tiers.iter().filter(|tier| tier.kind == TierKind::Cache);
    caches.find_map(|tier| mean_of_replicas(&tier.name, "hit_ratio", intervals))
}

fn used(tier: &str, stack: &StackModel, intervals: &[Interval]) -> TierUse {
    let sum = |metric: &str| sum_of_replicas(tier, metric, intervals);
    // Where only a share is known, the stack file says of how many cores.
    let from_share = || {
        let tier = stack.tiers.iter().find(|known| known.name == tier)?;
        let mean = mean_of_replicas(&tier.name, "cpu", intervals)?;
        Some(mean * tier.size.cores * f64::from(tier.replicas))
    };
    TierUse {
        tier: tier.to_owned(),
        cores_used: sum("cores").or_else(from_share),
        in_flight: sum("in_flight"),
        connections: connections(tier, stack, intervals),
        memory: sum("memory_used").map(|bytes| Bytes::new(bytes.max(0.0) as u64)),
    }
}

/// Connections in use of each pool that `tier` holds. Where the pool itself is not read, the tier behind it knows: a
/// database its connections at work, any other the requests in it, if nobody else holds a pool to it.
fn connections(tier: &str, stack: &StackModel, intervals: &[Interval]) -> BTreeMap<String, f64> {
    let pools = stack.tiers.iter().find(|known| known.name == tier).map_or(&[][..], |t| &t.pools);
    let alone = |to: &str| {
        let holders = stack.tiers.iter().filter(|tier| tier.pools.iter().any(|pool| pool.to == to));
        holders.count() == 1
    };
    let used = |pool: &TierPool| {
        let own = sum_of_replicas(tier, "pool_used", intervals).filter(|_| pools.len() == 1);
        let behind =
            |metric: &str| sum_of_replicas(&pool.to, metric, intervals).filter(|_| alone(&pool.to));
        let used = own.or_else(|| behind("connections_active")).or_else(|| behind("in_flight"))?;
        Some((pool.to.clone(), used))
    };
    pools.iter().filter_map(used).collect()
}

/// The mean over time of each replica's readings.
fn by_replica(tier: &str, metric: &str, intervals: &[Interval]) -> Vec<f64> {
    let mut replicas: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    let readings = intervals.iter().flat_map(|interval| &interval.readings);
    for reading in readings.filter(|r| r.tier == tier && r.metric == metric) {
        if let Some(value) = reading.value {
            let entry = replicas.entry(&reading.replica).or_default();
            entry.0 += value.base();
            entry.1 += 1;
        }
    }
    replicas.values().map(|(sum, count)| sum / f64::from(*count)).collect()
}

fn sum_of_replicas(tier: &str, metric: &str, intervals: &[Interval]) -> Option<f64> {
    let replicas = by_replica(tier, metric, intervals);
    (!replicas.is_empty()).then(|| replicas.iter().sum())
}

fn mean_of_replicas(tier: &str, metric: &str, intervals: &[Interval]) -> Option<f64> {
    let replicas = by_replica(tier, metric, intervals);
    (!replicas.is_empty()).then(|| replicas.iter().sum::<f64>() / replicas.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Reading;
    use crate::units::{Quantity, RunTime};

    #[test]
    fn observed_step_adds_replicas_and_averages_seconds() {
        let reading = |replica: &str, value| Reading {
            tier: "api".to_owned(),
            metric: "cores".to_owned(),
            replica: replica.to_owned(),
            value,
        };
        let second = |start: u64, a, b| Interval {
            start: RunTime::new(start * 1_000_000_000),
            end: RunTime::new((start + 1) * 1_000_000_000),
            readings: vec![reading("1", a), reading("2", b)],
            ..Interval::default()
        };
        let count = |cores| Some(Quantity::Count(cores));
        // A missing reading is not a zero.
        let intervals = [second(0, count(1.0), count(0.5)), second(1, count(2.0), None)];
        let used = sum_of_replicas("api", "cores", &intervals);
        assert_eq!(used, Some(2.0));
        assert_eq!(sum_of_replicas("db", "cores", &intervals), None);
    }
}
