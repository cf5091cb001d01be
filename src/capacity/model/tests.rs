//! The fit on steps whose truth is known.

use std::collections::BTreeMap;

use super::*;
use crate::des::SimulatedBalancing;
use crate::histogram::Histogram;
use crate::slo_limits::SloLimit;
use crate::stack::{CapacityTier, CapacityTierKind, ReplicaSize, StackModel, TierPool};
use crate::step::{Batch, StepPurpose, StepResult, TierUse};
use plimsoll_units::{Bytes, Money, Nanos, Rate, Ratio};

fn p95() -> SloLimit {
    SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(200) }
}

fn tier(name: &str, kind: CapacityTierKind, replicas_max: u32) -> CapacityTier {
    CapacityTier {
        name: name.to_owned(),
        kind,
        replicas: 1,
        replicas_max,
        size: ReplicaSize {
            cores: 4.0,
            memory: Bytes::new(1 << 30),
            monthly_cost: Money::default(),
        },
        sizes: Vec::new(),
        reserved_cores: Ratio::new(1.0),
        reserved_memory: Ratio::new(1.0),
        balancing: SimulatedBalancing::LeastConnections,
        pools: Vec::new(),
        connections_max: None,
        delay: None,
        lock: None,
    }
}

fn stack(tiers: Vec<CapacityTier>) -> StackModel {
    StackModel {
        name: "known".to_owned(),
        tiers,
        rate_limit: None,
        signals: Vec::new(),
        quota: None,
        fixed_cost: Money::default(),
    }
}

/// Twenty seconds in which each second's answers take a little around its mean (milliseconds).
fn step(rate: f64, means_ms: impl Fn(u64) -> f64, tiers: Vec<TierUse>) -> StepResult {
    let batch = |second: u64| {
        let time = |index: u64| {
            let share = 0.8 + 0.4 * (index as f64 + 0.5) / rate;
            (Nanos::from_secs_f64(share * means_ms(second) / 1e3), 1)
        };
        let response = Histogram::from_pairs((0..rate as u64).map(time));
        Batch { response, errors: 0, throttled: 0 }
    };
    StepResult {
        purpose: StepPurpose::Refine,
        offered: Rate::per_second(rate),
        warm_up: Nanos::from_secs(2),
        duration: Nanos::from_secs(20),
        dispersion: 1.0,
        batches: (0..20).map(batch).collect(),
        others: None,
        tiers,
        hit_ratio: None,
        aborted: None,
        valid: true,
    }
}

fn cores(tier: &str, cores: f64) -> TierUse {
    TierUse { tier: tier.to_owned(), cores_used: Some(cores), ..TierUse::default() }
}

/// Goal: prove that the time a connection is held is known where the lowest steps have few readings of the pool.
/// Method: 6 connections held for 15 ms; six readings at 20, 40 and 80 req/s found half of what was in use on average,
/// as they do one time in ten.
#[test]
fn fit_to_few_readings_of_a_pool_tells_how_long_a_connection_is_held() {
    let mut api = tier("api", CapacityTierKind::Api, 4);
    api.pools = vec![TierPool { to: "db".to_owned(), connections: 6 }];
    let described = stack(vec![api, tier("db", CapacityTierKind::Database, 1)]);
    let played = [20.0, 40.0, 80.0, 160.0, 300.0, 340.0, 360.0].map(|rate| {
        let seen = if rate < 100.0 { 0.5 } else { 1.0 };
        let mut used = cores("api", 0.000_2 * rate);
        used.connections = BTreeMap::from([("db".to_owned(), seen * 0.015 * rate)]);
        let mut step = step(rate, |_| 15.0 + 200.0 / (400.0 - rate), vec![used]);
        step.batches.truncate(6);
        step.duration = Nanos::from_secs(6);
        step
    });
    let model = CapacityModel::fit(&described, &[p95()], &played, None).expect("seven rates");
    let hold = 1e3 * model.tiers[0].pools[0].hold;
    assert!((13.0..15.5).contains(&hold), "{hold} ms");
}

#[test]
fn fit_to_a_filling_cache_tells_demand_at_the_latest_hit_ratio() {
    // 2 ms always and 10 ms a miss, while the hit ratio rises with time and the rate with it.
    let rates = [20.0, 40.0, 80.0, 160.0, 200.0, 180.0, 190.0, 200.0];
    let hits = [0.2, 0.3, 0.45, 0.6, 0.7, 0.8, 0.86, 0.9];
    let steps: Vec<StepResult> = rates
        .iter()
        .zip(hits)
        .enumerate()
        .map(|(index, (rate, hit))| {
            let noise = if index % 2 == 0 { 1.01 } else { 0.99 };
            let used = rate * (0.002 + 0.010 * (1.0 - hit)) * noise;
            let mut step = step(*rate, |_| 20.0, vec![cores("db", used)]);
            step.hit_ratio = Some(hit);
            step
        })
        .collect();
    let stack = stack(vec![tier("db", CapacityTierKind::Database, 1)]);
    let model = CapacityModel::fit(&stack, &[p95()], &steps, None).expect("steps at rest");
    let hits = model.hits.expect("they changed");
    assert!((hits.lowest - 0.2).abs() < 1e-9 && (hits.latest - 0.88).abs() < 1e-9, "{hits:?}");
    let demand = model.tiers[0].demand.expect("observed");
    let wanted = 0.002 + 0.010 * 0.12;
    assert!((demand.seconds.value / wanted - 1.0).abs() < 0.03, "{demand:?}");
    assert!(demand.seconds.low < wanted && wanted < demand.seconds.high, "{demand:?}");
    assert!((demand.per_miss / 0.010 - 1.0).abs() < 0.05, "{demand:?}");
    let empty = model.at_lowest_hits().tiers[0].demand.expect("observed").seconds.value;
    assert!((empty / 0.010 - 1.0).abs() < 0.05, "{empty}");
}

#[test]
fn fit_leaves_out_steps_that_are_not_at_rest_and_says_why() {
    let used = |rate: f64| vec![cores("api", 0.01 * rate)];
    let mut steps: Vec<StepResult> =
        [50.0, 100.0, 200.0, 300.0].map(|rate| step(rate, |_| 20.0, used(rate))).into();
    // Five per cent more than is answered: every second adds 50 ms to what all wait.
    steps.push(step(390.0, |second| 20.0 + 50.0 * second as f64 / 5.0, used(390.0)));
    steps.push(step(420.0, |_| 700.0, used(400.0)));
    let mut late = step(250.0, |_| 20.0, used(250.0));
    late.valid = false;
    steps.push(late);
    let stack = stack(vec![tier("api", CapacityTierKind::Api, 4)]);
    let model = CapacityModel::fit(&stack, &[p95()], &steps, None).expect("four rates at rest");
    let found: Vec<(f64, StepExclusion)> =
        model.left_out.iter().map(|step| (step.rate_per_s, step.reason)).collect();
    let (moving, over) = (StepExclusion::Moving, StepExclusion::Overloaded);
    assert_eq!(found, [(390.0, moving), (420.0, over), (250.0, StepExclusion::Invalid)]);
}

#[test]
fn each_pool_has_a_ceiling_of_its_own_that_is_named() {
    let mut api = tier("api", CapacityTierKind::Api, 4);
    api.pools = [("db", 20), ("cache", 4)]
        .map(|(to, connections)| TierPool { to: to.to_owned(), connections })
        .into();
    let steps: Vec<StepResult> = [20.0, 40.0, 80.0, 160.0]
        .map(|rate| {
            let mut used = cores("api", 0.001 * rate);
            // A connection to the database is held for 20 ms, one to the cache for 10.
            used.connections =
                BTreeMap::from([("db".to_owned(), 0.02 * rate), ("cache".to_owned(), 0.01 * rate)]);
            step(rate, |_| 30.0, vec![used])
        })
        .into();
    let model =
        CapacityModel::fit(&stack(vec![api]), &[p95()], &steps, None).expect("steps at rest");
    let ceilings = model.ceilings(&model.present);
    let told: Vec<String> = ceilings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["api, connection pool to cache", "api, connection pool to db", "api, CPU"],
        "{ceilings:?}"
    );
    // 80 % of the connections, for as long as each is held.
    assert!((ceilings[0].rate.get() - 320.0).abs() < 1e-6, "{ceilings:?}");
    assert!((ceilings[1].rate.get() - 800.0).abs() < 1e-6, "{ceilings:?}");
}

#[test]
fn single_point_is_a_tier_of_ours_that_cannot_be_scaled_out() {
    assert!(tier("edge", CapacityTierKind::Edge, 1).is_single_point());
    assert!(!tier("cache", CapacityTierKind::Cache, 6).is_single_point());
    assert!(!tier("payment", CapacityTierKind::External, 1).is_single_point());
    assert!(tier("cache", CapacityTierKind::Cache, 6).may_have_spare());
}

/// Steps at rest of an API whose `connections` are used for 24 ms a request by their metric, up to 200 req/s.
fn pooled(connections: u32, used: impl Fn(f64) -> f64) -> CapacityModel {
    let mut api = tier("api", CapacityTierKind::Api, 4);
    api.pools = vec![TierPool { to: "db".to_owned(), connections }];
    let steps: Vec<StepResult> = [25.0, 50.0, 100.0, 150.0, 200.0]
        .map(|rate| {
            let mut tier = cores("api", 0.001 * rate);
            tier.connections = BTreeMap::from([("db".to_owned(), used(rate))]);
            step(rate, |_| 30.0, vec![tier])
        })
        .into();
    CapacityModel::fit(&stack(vec![api]), &[p95()], &steps, None).expect("steps at rest")
}

#[test]
fn no_resource_is_full_below_a_rate_that_was_held() {
    // The metric errs by a fifth at low rates: by it, four connections would be full at 134 req/s.
    let model = pooled(4, |rate| (0.024 * rate).min(3.9));
    assert!(model.contradictions.is_empty(), "{:?}", model.contradictions);
    let ceilings = model.ceilings(&model.present);
    assert_eq!(ceilings[0].to_string(), "api, connection pool to db");
    assert!(ceilings[0].rate.get() >= 200.0, "{ceilings:?}");
}

#[test]
fn stack_file_that_the_measurement_refutes_is_named_and_nothing_is_concluded() {
    // Five connections were seen in use where the file allows two.
    let model = pooled(2, |rate| 0.025 * rate);
    let told: Vec<String> = model.contradictions.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(
            "api has 2.0 connections to db by the stack file, but 200 req/s were held"
        ),
        "{told:?}"
    );
    let full = model.ceilings(&model.present);
    assert!(full.iter().all(|one| one.resource != CeilingResource::Pool), "{full:?}");

    // The file gives 4 cores; 6 were at work.
    let steps: Vec<StepResult> = [50.0, 100.0, 200.0]
        .map(|rate| step(rate, |_| 20.0, vec![cores("api", 0.03 * rate)]))
        .into();
    let api = tier("api", CapacityTierKind::Api, 4);
    let model = CapacityModel::fit(&stack(vec![api]), &[p95()], &steps, None).expect("at rest");
    assert_eq!(model.contradictions.len(), 1);
    assert_eq!(model.contradictions[0].what, "cores");
    assert!(model.ceilings(&model.present).is_empty());
}

/// Goal: prove that a slow growth is seen long before it exceeds a wide limit.
/// Method: 1.5 % more than is served adds 15 ms to what all wait, every second, up to a sixth of the limit.
#[test]
fn step_whose_times_grow_towards_the_limit_is_not_at_rest() {
    let wide = SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_secs(2) };
    let grows = step(203.0, |second| 40.0 + 15.0 * second as f64, vec![]);
    assert!(grows.seems_within(&[wide]));
    assert_eq!(exclusion(&grows, &[wide]), Some(StepExclusion::Moving));
    // As much at once, and no more, is where it comes to rest.
    let steady = step(190.0, |second| 40.0 + 15.0 * (second % 4) as f64, vec![]);
    assert!(is_at_rest(&steady, &[wide]));
}
