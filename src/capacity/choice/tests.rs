//! The choice on stacks whose answer follows from arithmetic.

use super::*;
use crate::des::{
    ServiceWork, SimulatedBalancing, SimulatedRateLimit, SimulatedServiceTime, SimulatedStack,
    SimulatedTier, StackSimulation, StepLoad,
};
use crate::output::{ScalingDirection, assemble};
use crate::regression::Estimate;
use crate::render;
use crate::search::{FailureAbove, HeldRate, SearchEnd, SearchLimit};
use crate::slo_limits::SloLimit;
use crate::stack::{CapacityTier, CapacityTierKind, ReplicaSize, ScalingSignal, StackQuota};
use crate::step::{AbortRule, StepPurpose, StepResult};
use plimsoll_units::{Bytes, Money, Nanos, Rate, Ratio, Seed};

const GIB: u64 = 1 << 30;

fn slo_limit() -> SloLimit {
    SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(200) }
}

/// Steps at eight rates, played on the simulation.
fn measured(stack: &SimulatedStack, top: f64) -> Vec<StepResult> {
    let mut simulation = StackSimulation::new(stack, Seed::new(9));
    let rule = AbortRule::for_slo_limits(&[slo_limit()]);
    [0.08, 0.16, 0.3, 0.5, 0.65, 0.8, 0.9, 1.0]
        .iter()
        .map(|share| {
            let load = StepLoad {
                rate: Rate::per_second(share * top),
                warm_up: Nanos::from_secs(10),
                hold: Nanos::from_secs(90),
                purpose: StepPurpose::Refine,
            };
            simulation.measure(stack, &load, &rule)
        })
        .collect()
}

fn found(rate: f64) -> SearchOutcome {
    SearchOutcome {
        slo_max: Some(Estimate { value: rate, low: 0.98 * rate, high: 1.02 * rate }),
        pass: Some(Rate::per_second(0.98 * rate)),
        fail: Some(Rate::per_second(1.02 * rate)),
        confirmed: true,
        held: Some(HeldRate { rate: Rate::per_second(0.98 * rate), hold: Nanos::from_secs(40) }),
        failure_above: Some(FailureAbove::Shown(Rate::per_second(1.02 * rate))),
        time_needed: None,
        breach_shown: true,
        limit: Some(SearchLimit::ResponseTime),
        end: SearchEnd::Complete,
    }
}

fn tier(name: &str, kind: CapacityTierKind, replicas: (u32, u32), cores: &[u32]) -> CapacityTier {
    let size = |cores: u32| ReplicaSize {
        cores: f64::from(cores),
        memory: Bytes::new(u64::from(cores) * GIB),
        monthly_cost: Money::from_cents(u64::from(cores) * 1_500),
    };
    CapacityTier {
        name: name.to_owned(),
        kind,
        replicas: replicas.0,
        replicas_max: replicas.1,
        size: size(cores[0]),
        sizes: cores[1..].iter().map(|cores| size(*cores)).collect(),
        reserved_cores: Ratio::new(1.0),
        reserved_memory: Ratio::new(1.0),
        balancing: SimulatedBalancing::LeastConnections,
        pools: Vec::new(),
        connections_max: None,
        delay: None,
        lock: None,
    }
}

/// One API replica of 4 cores at 40 ms, one database of 4 cores at 16 ms: ../shared ground truth's tandem.
fn tandem() -> (SimulatedStack, StackModel, f64) {
    let simulated = SimulatedStack {
        tiers: vec![
            SimulatedTier::cores("api", 1, 4, Nanos::from_millis(40)),
            SimulatedTier::cores("db", 1, 4, Nanos::from_millis(16)),
        ],
        rate_limit: None,
    };
    let described = StackModel {
        name: "tandem".to_owned(),
        tiers: vec![
            tier("api", CapacityTierKind::Api, (1, 6), &[4]),
            tier("db", CapacityTierKind::Database, (1, 1), &[4, 8]),
        ],
        rate_limit: None,
        signals: Vec::new(),
        quota: None,
        fixed_cost: Money::default(),
    };
    (simulated, described, 78.0)
}

fn need(peak: f64) -> RequiredCapacity {
    RequiredCapacity {
        peak: Rate::per_second(peak),
        growth: Ratio::new(0.0),
        confidence: Ratio::new(0.95),
        n_plus_1: false,
        seed: Seed::new(4),
    }
}

fn fit(simulated: &SimulatedStack, described: &StackModel, top: f64) -> CapacityModel {
    CapacityModel::fit(described, &[slo_limit()], &measured(simulated, top), None)
        .expect("eight steps")
}

fn with_api(stack: &StackModel, replicas: u32) -> Deployment {
    let mut deployment = stack.present();
    deployment[0].replicas = replicas;
    deployment
}

/// Truth, simulated: 77.4, 172.9, 221.2, 222.7, 222.7 req/s for one to five API replicas.
#[test]
fn model_predicts_the_tandem_and_says_that_the_database_binds_from_three() {
    let (simulated, described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let slo_max: Vec<f64> = (1..=5).map(|k| model.slo_max(&with_api(&described, k))).collect();
    for (found, truth) in slo_max.iter().zip([77.4, 172.9, 221.2, 222.7, 222.7]) {
        assert!((found / truth - 1.0).abs() < 0.05, "{slo_max:?}");
    }
    let binding = |k| model.ceilings(&with_api(&described, k))[0].tier.clone();
    assert_eq!([1, 2, 3, 4].map(binding), ["api", "api", "db", "db"]);
    assert!(slo_max[3] / slo_max[2] < 1.03, "a fourth replica gains nothing: {slo_max:?}");
}

#[test]
fn model_as_a_simulation_carries_what_the_model_says() {
    let (simulated, described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let two = with_api(&described, 2);
    let played = crate::des::slo_max(&model.simulated(&two), &[slo_limit()], 400_000, Seed::new(2));
    let played = played.expect("carries something").get();
    assert!((played / model.slo_max(&two) - 1.0).abs() < 0.05, "{played}");
}

#[test]
fn choice_adds_replicas_while_the_api_binds_and_grows_the_database_when_it_does() {
    let (simulated, described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let choose = |peak| choose(&model, &described, &found(top), &need(peak));
    let more = choose(150.0);
    assert_eq!(more.recommendation.kind, ScalingDirection::Horizontal, "{:?}", more.recommendation);
    assert_eq!(more.deployment.expect("to buy")[0].replicas, 2);
    let both = choose(300.0);
    assert_eq!(both.recommendation.kind, ScalingDirection::Both, "{:?}", both.recommendation);
    let none = choose(60.0);
    assert_eq!((none.recommendation.kind, none.deployment), (ScalingDirection::Neither, None));
}

/// Goal: prove that a recommendation which hangs on less than a measurement knows is told as a tie, and no other.
/// Method: two replicas carry 172.9/s; the need goes from far below that to just around it.
#[test]
fn choice_tells_a_tie_where_less_decides_than_two_searches_may_differ_by() {
    let (simulated, described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let choose = |peak| choose(&model, &described, &found(top), &need(peak)).recommendation;
    let clear = choose(150.0);
    assert_eq!((clear.tiers[0].replicas, clear.tie), (2, None));
    let close = choose(172.0);
    let tie = close.tie.expect("another search may say 2");
    assert_eq!(close.tiers[0].replicas, 3);
    let others: Vec<u32> = tie.others.iter().map(|other| other.tiers[0].replicas).collect();
    assert_eq!(others, [2]);
    assert!((0.02..0.12).contains(&tie.open), "{}", tie.open);
    let carried = choose(165.0);
    assert_eq!(carried.tiers[0].replicas, 2);
    let others = carried.tie.expect("another search may say 3").others;
    assert_eq!((others[0].tiers[0].replicas, others[0].monthly_cost), (3, Some(240.0)));
    let (section, _) = assemble(&described, Some(&model), &found(top), Some(&need(172.0)));
    let said = render::terminal(&section);
    assert!(said.contains("tie: another search may as well recommend api 2×4, db 1×4"), "{said}");
}

#[test]
fn choice_with_a_spare_replica_buys_one_more() {
    let (simulated, described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let spare = RequiredCapacity { n_plus_1: true, ..need(150.0) };
    let chosen = choose(&model, &described, &found(top), &spare);
    assert_eq!(chosen.deployment.expect("to buy")[0].replicas, 3);
    let two = chosen.options.iter().find(|row| row.tiers[0].replicas == 2).expect("looked at");
    assert_eq!((two.status, two.n_plus_1), (OptionStatus::Rejected, false));
    assert!(two.reason.contains("loss of a replica of api"), "{}", two.reason);
}

#[test]
fn choice_stays_below_the_scaling_signal() {
    let (simulated, mut described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let above = Ratio::new(0.7);
    described.signals =
        vec![ScalingSignal::Cpu { tier: None, above, lasting: Nanos::from_secs(120) }];
    // Two replicas carry 150/s, but at 75 % CPU.
    let chosen = choose(&model, &described, &found(top), &need(150.0));
    assert_eq!(chosen.deployment.expect("to buy")[0].replicas, 3);
}

#[test]
fn choice_never_exceeds_the_quota_and_says_so() {
    let (simulated, mut described, top) = tandem();
    let model = fit(&simulated, &described, top);
    described.quota = Some(StackQuota { cores: Some(12.0), ..StackQuota::default() });
    let chosen = choose(&model, &described, &found(top), &need(300.0));
    assert_eq!(
        (chosen.recommendation.kind, &chosen.deployment),
        (ScalingDirection::Neither, &None)
    );
    assert!(
        chosen.recommendation.reason.contains("quota allows 12"),
        "{:?}",
        chosen.recommendation
    );
}

#[test]
fn choice_buys_nothing_against_a_lock_an_external_service_or_a_rate_limit() {
    let (mut simulated, mut described, _) = tandem();
    simulated.tiers[0].replicas = 3;
    simulated.tiers[1].lock =
        Some(SimulatedServiceTime::Exponential { mean: Nanos::from_millis(12) });
    described.tiers[0].replicas = 3;
    let model = fit(&simulated, &described, 62.0);
    let lock = model.ceilings(&model.present)[0].clone();
    assert_eq!(lock.resource, crate::model::CeilingResource::Lock, "{lock:?}");
    assert_eq!(lock.tier, "db");
    let chosen = choose(&model, &described, &found(60.0), &need(120.0));
    assert_eq!(chosen.recommendation.kind, ScalingDirection::Neither);
    assert!(chosen.recommendation.reason.contains("lock"), "{:?}", chosen.recommendation);
    described.rate_limit = Some(Rate::per_second(100.0));
    let (simulated, ..) = tandem();
    let limited = SimulatedStack {
        rate_limit: Some(SimulatedRateLimit { rate: Rate::per_second(100.0), burst: 20 }),
        ..simulated
    };
    described.tiers[0].replicas = 1;
    let model = fit(&limited, &described, 78.0);
    let chosen = choose(&model, &described, &found(78.0), &need(150.0));
    assert!(chosen.recommendation.reason.contains("rate limit"), "{:?}", chosen.recommendation);
}

/// Goal: prove that who shares a lock decides whether replicas are bought, and that nobody is told what was not told.
/// Method: one stack whose API lets one request at a time through, measured with one replica.
#[test]
fn lock_of_each_replica_is_widened_by_more_of_them() {
    use crate::stack::LockScope;
    let (mut simulated, mut described, _) = tandem();
    simulated.tiers[0] = SimulatedTier::cores("api", 1, 4, Nanos::from_millis(4));
    simulated.tiers[0].lock =
        Some(SimulatedServiceTime::Exponential { mean: Nanos::from_millis(12) });
    let chosen = |scope: Option<LockScope>, described: &mut StackModel| {
        described.tiers[0].lock = scope;
        let model = fit(&simulated, described, 62.0);
        let lock = model.ceilings(&model.present)[0].clone();
        assert_eq!((lock.tier.as_str(), lock.scope), ("api", scope), "{lock:?}");
        let (section, choice) = assemble(described, Some(&model), &found(60.0), Some(&need(110.0)));
        let asks = section.caveats().iter().any(|(name, _)| *name == "question");
        (choice.expect("a peak").recommendation, asks, model)
    };
    let (untold, asks, _) = chosen(None, &mut described);
    assert_eq!((untold.kind, asks), (ScalingDirection::Neither, true));
    assert!(untold.reason.ends_with("widen it, if all replicas share it"), "{untold:?}");
    let (shared, asks, _) = chosen(Some(LockScope::Shared), &mut described);
    assert_eq!((shared.kind, asks), (ScalingDirection::Neither, false));
    assert!(shared.reason.ends_with("widen it"), "{shared:?}");
    let (own, asks, model) = chosen(Some(LockScope::Replica), &mut described);
    assert_eq!((own.kind, asks), (ScalingDirection::Horizontal, false), "{own:?}");
    let mut twice = model.present.clone();
    twice[0].replicas = 2;
    let growth = model.slo_max(&twice) / model.slo_max(&model.present);
    assert!((1.9..=2.1).contains(&growth), "{growth}");
}

/// Goal: prove that the values for an autoscaler follow from what was measured.
/// Method: one API replica of 4 cores, 40 ms a request, held at 76 req/s; pods request half of their cores.
#[test]
fn autoscaler_is_told_targets_bounds_and_what_it_survives() {
    use crate::autoscaling::AutoscalingAdvice;
    let (simulated, mut described, top) = tandem();
    described.tiers[0].reserved_cores = Ratio::new(0.5);
    described.tiers[0].delay = Some(Nanos::from_secs(90));
    let model = fit(&simulated, &described, top);
    let advice = AutoscalingAdvice::of(&model, &described, 76.0).expect("the API grows");
    assert_eq!((advice.tier.as_str(), advice.replicas_min), ("api", 2));
    // 0.8 · 76 req/s · 40 ms = 2.43 of the 2 cores that a pod requests.
    assert!((advice.requests_per_replica - 60.8).abs() < 1e-9, "{advice:?}");
    let cpu = advice.cpu_percent.expect("cores give out");
    assert!((117..=126).contains(&cpu), "{advice:?}");
    // From three replicas on the database binds.
    assert_eq!(advice.replicas_max, 3, "{advice:?}");
    // 15.2 req/s in 2 minutes.
    assert!((advice.ramp_per_minute - 7.6).abs() < 1e-9, "{advice:?}");
    let hpa = advice.hpa().expect("by CPU");
    assert!(hpa.contains(&format!("averageUtilization: {cpu} ")), "{hpa}");
    assert!(hpa.contains("# - more than 3 replicas carry no more: db, CPU is full then"), "{hpa}");
    assert!(advice.keda().contains("threshold: \"60.8\""), "{}", advice.keda());

    described.tiers[0].replicas_max = 1;
    assert_eq!(AutoscalingAdvice::of(&model, &described, 76.0), None);
}

#[test]
fn model_names_a_saturated_external_service() {
    let (mut simulated, mut described, _) = tandem();
    simulated.tiers[0].replicas = 3;
    let mut stripe = SimulatedTier::external("stripe", SimulatedServiceTime::of_spread(0.05, 0.3));
    stripe.work = ServiceWork::External(Some(4));
    simulated.tiers.push(stripe);
    described.tiers[0].replicas = 3;
    described.tiers.push(tier("stripe", CapacityTierKind::External, (1, 1), &[1]));
    let model = fit(&simulated, &described, 70.0);
    let first = model.ceilings(&model.present)[0].clone();
    assert_eq!(first.tier, "stripe", "{first:?}");
    assert_eq!(first.resource, crate::model::CeilingResource::External);
}

#[test]
fn capacity_section_keeps_its_shape_and_survives_json() {
    let (simulated, described, top) = tandem();
    let model = fit(&simulated, &described, top);
    let (section, _) = assemble(&described, Some(&model), &found(top), Some(&need(150.0)));
    let json = serde_json::to_value(&section).expect("serialises");
    for key in [
        "slo_max_per_s",
        "interval",
        "bottleneck",
        "next_bottleneck",
        "tiers",
        "options",
        "recommendation",
        "alert_rate_per_s",
        "verified",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["recommendation"]["kind"], "HORIZONTAL");
    assert_eq!(json["bottleneck"]["tier"], "api");
    let again: crate::output::CapacitySection = serde_json::from_value(json).expect("reads back");
    assert_eq!(again, section);
    let (terminal, markdown) = (render::terminal(&section), render::markdown(&section));
    assert!(terminal.starts_with("SLO-max 76.4 req/s, held for 40s, confirmed\n"), "{terminal}");
    let limit = "limit: estimated at 78.0 req/s, 95 % interval 76.4 to 79.6 req/s\n";
    assert!(terminal.contains(limit), "{terminal}");
    assert!(terminal.contains("failure above: it fails at 79.6 req/s\n"), "{terminal}");
    assert!(terminal.contains("HORIZONTAL: api 2×4, db 1×4"), "{terminal}");
    assert!(markdown.contains("| api | 39.83 ms [39.23, 40.42] |"), "{markdown}");
}
