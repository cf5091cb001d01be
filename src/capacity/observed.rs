//! A step of a run in the terms of capacity: its seconds as batches, its readings as use of the tiers.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::stack::{CapacityTierKind, StackModel, TierPool};
use super::step::{Batch, StepPurpose, StepResult, TierUse};
use plimsoll_metrics::{Counts, ErrorClass, Interval, StepInterval};
use plimsoll_units::{Bytes, Nanos, Rate};

impl StepResult {
    /// The step that `intervals` show, its warm-up already cut. Whether it is valid, was aborted, or
    /// misses objectives judged elsewhere is for the caller to set.
    pub fn observed(
        purpose: StepPurpose,
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
    let counts = Counts::of(interval);
    let throttled = counts.failed_by(ErrorClass::Throttled);
    let times = interval.steps.values().map(StepInterval::times);
    let successes: Vec<_> = times.map(|times| times.successes()).collect();
    let response = Histogram::from_pairs(successes.iter().flat_map(|times| times.buckets()));
    // Logs of old versions do not tell the times of failures apart. Within any error objective they are too few to
    // matter; where they are many, the step fails by its errors.
    let response = response.thinned(counts.successes());
    Batch { response, errors: counts.failed().saturating_sub(throttled), throttled }
}

/// The hit ratio of the first cache that tells one. A database has one of its own, of disk blocks.
fn hit_ratio(stack: &StackModel, intervals: &[Interval]) -> Option<f64> {
    let mut caches = stack.tiers.iter().filter(|tier| tier.kind == CapacityTierKind::Cache);
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

/// Connections in use of each pool that `tier` holds, from the share of the pool in use. Where nobody tells that, the
/// tier behind knows: a database its connections at work, any other the requests in it, if nobody else holds a pool to
/// it.
fn connections(tier: &str, stack: &StackModel, intervals: &[Interval]) -> BTreeMap<String, f64> {
    let Some(holder) = stack.tiers.iter().find(|known| known.name == tier) else {
        return BTreeMap::new();
    };
    let alone = |to: &str| {
        let holders = stack.tiers.iter().filter(|tier| tier.pools.iter().any(|pool| pool.to == to));
        holders.count() == 1
    };
    let used = |pool: &TierPool| {
        let size = f64::from(pool.connections * holder.replicas);
        let share = |of: &str| mean_of_replicas(of, "pool_used", intervals);
        let own = || share(tier).filter(|_| holder.pools.len() == 1).map(|share| share * size);
        let behind = || {
            let sum = |metric| sum_of_replicas(&pool.to, metric, intervals);
            let told = share(&pool.to).map(|share| share * size);
            let told = told.or_else(|| sum("connections_active")).or_else(|| sum("in_flight"));
            told.filter(|_| alone(&pool.to))
        };
        Some((pool.to.clone(), own().or_else(behind)?))
    };
    holder.pools.iter().filter_map(used).collect()
}

/// The mean over time of each replica's readings.
fn by_replica(tier: &str, metric: &str, intervals: &[Interval]) -> Vec<f64> {
    let mut replicas: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    let readings = intervals.iter().flat_map(|interval| interval.readings.iter());
    for reading in readings.filter(|r| r.tier == tier && r.metric == metric) {
        if let Some(value) = reading.value {
            let entry = replicas.entry(reading.replica).or_default();
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
    use crate::des::SimulatedBalancing;
    use crate::slo_limits::SloLimit;
    use crate::stack::{CapacityTier, ReplicaSize};
    use crate::step::StepVerdict;
    use plimsoll_metrics::{
        ArrivalCounts, ArrivalProcess, Bound, Measure, Objective, Reading, RunEnd, RunHeader,
        RunLog, Scope, StepId, StepInterval, StopReason,
    };
    use plimsoll_slo::{ObjectiveStatus, Strictness, judge};
    use plimsoll_units::{Money, Quantity, RandomStream, Ratio, RunTime, Seed};
    use rand::RngExt as _;
    use rand_distr::{Distribution as _, Exp};

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
            readings: vec![reading("1", a), reading("2", b)].into(),
            ..Interval::default()
        };
        let count = |cores| Some(Quantity::Count(cores));
        // A missing reading is not a zero.
        let intervals = [second(0, count(1.0), count(0.5)), second(1, count(2.0), None)];
        let used = sum_of_replicas("api", "cores", &intervals);
        assert_eq!(used, Some(2.0));
        assert_eq!(sum_of_replicas("db", "cores", &intervals), None);
    }

    #[test]
    fn pools_are_read_as_shares_and_else_from_the_tier_behind() {
        let tier = |name: &str, pools: &[(&str, u32)]| CapacityTier {
            name: name.to_owned(),
            kind: CapacityTierKind::Api,
            replicas: 3,
            replicas_max: 3,
            size: ReplicaSize { cores: 1.0, memory: Bytes::new(1), monthly_cost: Money::default() },
            sizes: Vec::new(),
            reserved_cores: Ratio::new(1.0),
            reserved_memory: Ratio::new(1.0),
            balancing: SimulatedBalancing::LeastConnections,
            pools: pools
                .iter()
                .map(|(to, connections)| TierPool {
                    to: (*to).to_owned(),
                    connections: *connections,
                })
                .collect(),
            connections_max: None,
            delay: None,
            lock: None,
        };
        let stack = StackModel {
            name: String::new(),
            tiers: vec![tier("api", &[("db", 20), ("cache", 10), ("queue", 5)])],
            rate_limit: None,
            signals: Vec::new(),
            quota: None,
            fixed_cost: Money::default(),
        };
        let reading = |tier: &str, metric: &str, value| Reading {
            tier: tier.to_owned(),
            metric: metric.to_owned(),
            replica: String::new(),
            value: Some(value),
        };
        let second = Interval {
            readings: vec![
                reading("db", "pool_used", Quantity::Share(Ratio::new(0.25))),
                reading("cache", "in_flight", Quantity::Count(4.0)),
            ]
            .into(),
            ..Interval::default()
        };
        let used = connections("api", &stack, &[second]);
        let wanted = [("cache".to_owned(), 4.0), ("db".to_owned(), 15.0)];
        assert_eq!(used.into_iter().collect::<Vec<_>>(), wanted);
    }

    /// A minute at 50 requests a second: exponential times about 20 ms, one in `failing` requests failed.
    fn minute(seed: u64, failing: u64) -> Vec<Interval> {
        let mut rng = Seed::new(seed).stream(RandomStream::Simulator, 0);
        let law = Exp::new(50.0).expect("positive");
        let second = |start: u64| {
            let times = (0..50).map(|_| Nanos::from_secs_f64(law.sample(&mut rng))).collect();
            let failed = (0..50).filter(|_| rng.random_range(0..failing) == 0).count() as u64;
            let errors = [(ErrorClass::Http5xx, failed)].into();
            let step = StepInterval {
                requests: 50,
                response_time: times,
                errors,
                ..StepInterval::default()
            };
            Interval {
                start: RunTime::new(start * 1_000_000_000),
                end: RunTime::new((start + 1) * 1_000_000_000),
                arrivals: ArrivalCounts {
                    intended: 50,
                    started: 50,
                    completed: 50,
                    ..ArrivalCounts::default()
                },
                steps: [(StepId(0), step)].into(),
                ..Interval::default()
            }
        };
        (0..60).map(second).collect()
    }

    fn row(measure: Measure, max: Quantity) -> Objective {
        let (name, scope) = (String::new(), Scope::Run);
        Objective {
            name,
            scope,
            measure,
            bound: Bound::AtMost,
            target: None,
            limit: Some(max),
            of: plimsoll_metrics::Answers::default(),
        }
    }

    /// What a run, or a gate, says of the row, in the words of a search.
    fn verdict_of_a_run(intervals: &[Interval], row: Objective) -> StepVerdict {
        let rate = Rate::per_second(50.0);
        let header = RunHeader {
            arrivals: ArrivalProcess::Constant,
            objectives: vec![row],
            ..RunHeader::holding(rate, Nanos::from_secs(60))
        };
        let at = RunTime::ZERO + Nanos::from_secs(60);
        let end = Some(RunEnd { at, reason: StopReason::Finished });
        let log = RunLog { intervals: intervals.to_vec(), end, ..RunLog::begun(header) };
        match judge(&log, Strictness::Normal).objectives[0].status {
            ObjectiveStatus::Pass | ObjectiveStatus::AtRisk => StepVerdict::Pass,
            ObjectiveStatus::Fail => StepVerdict::Fail,
            ObjectiveStatus::Inconclusive | ObjectiveStatus::NotMeasured => {
                StepVerdict::Inconclusive
            }
        }
    }

    /// Goal: prove that a run, a gate (which judges its runs like any) and a search say the same of the same data.
    /// Method: maxima far from the truth and so near to it that chance decides, for times and for errors.
    #[test]
    fn run_gate_and_search_say_the_same_of_the_same_row() {
        let stack = StackModel {
            name: String::new(),
            tiers: vec![],
            rate_limit: None,
            signals: vec![],
            quota: None,
            fixed_cost: Money::default(),
        };
        let mut seen = [0; 3];
        for seed in 0..12 {
            let asked = (Rate::per_second(50.0), Nanos::ZERO);
            let times = minute(seed, u64::MAX);
            let errors = minute(seed, 50);
            for share in [0.8, 0.97, 1.0, 1.03, 1.25] {
                let p95 = Nanos::from_secs_f64(share * 0.059_9);
                let mean = Nanos::from_secs_f64(share * 0.02);
                let failed = Ratio::new(share * 0.02);
                let cases = [
                    (
                        &times,
                        SloLimit::Quantile { p: Ratio::new(0.95), max: p95 },
                        row(Measure::ResponseTime(0.95), Quantity::Time(p95)),
                    ),
                    (
                        &times,
                        SloLimit::Mean { max: mean },
                        row(Measure::MeanResponseTime, Quantity::Time(mean)),
                    ),
                    (
                        &errors,
                        SloLimit::ErrorRate { max: failed },
                        row(Measure::ErrorRate, Quantity::Share(failed)),
                    ),
                ];
                for (intervals, limit, row) in cases {
                    let step = StepResult::observed(StepPurpose::Confirm, asked, intervals, &stack);
                    let batches: Vec<&Batch> = step.batches.iter().collect();
                    let found = Batch::verdict(&batches, &limit);
                    assert_eq!(found, verdict_of_a_run(intervals, row), "{limit:?}, seed {seed}");
                    seen[found as usize] += 1;
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
    }
}
