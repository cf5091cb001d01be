//! The whole way in virtual time: seconds of a simulated stack as an engine would tell them, watched, noted,
//! written, read again, and concluded.

use super::*;
use crate::choice::RequiredCapacity;
use crate::des::{
    ServiceWork, SimulatedServiceTime, SimulatedStack, SimulatedTier, SimulatedWindow,
    StackSimulation, slo_max,
};
use crate::notes::{CapacityNote, LoadOrigin, SearchNote, StepNote, read};
use crate::search::{CapacitySearch, SearchAction, SearchPlan};
use crate::stack::{CapacityTier, LockScope};
use crate::watch::StepWatch;
use plimsoll_metrics::{CapacityLine, Distribution, Interval, Reading, StepId, StepInterval};
use plimsoll_units::{Bytes, Money, Nanos, Quantity, Rate, Ratio, RunTime, Seed};

const SECOND: Nanos = Nanos::from_secs(1);

fn sim(api: u32) -> SimulatedStack {
    let tiers = vec![
        SimulatedTier::cores("api", api, 4, Nanos::from_millis(40)),
        SimulatedTier::cores("db", 1, 4, Nanos::from_millis(16)),
    ];
    SimulatedStack { tiers, rate_limit: None }
}

fn described(api: u32) -> StackModel {
    let size = |cores: f64| ReplicaSize {
        cores,
        memory: Bytes::new(1 << 31),
        monthly_cost: Money::from_cents((cores * 1_000.0) as u64),
    };
    let tier = |name: &str, kind, replicas, most| CapacityTier {
        name: name.to_owned(),
        kind,
        replicas,
        replicas_max: most,
        size: size(4.0),
        sizes: vec![size(8.0)],
        reserved_cores: Ratio::new(1.0),
        reserved_memory: Ratio::new(1.0),
        balancing: crate::des::SimulatedBalancing::LeastConnections,
        pools: Vec::new(),
        connections_max: None,
        delay: None,
        lock: None,
    };
    StackModel {
        name: "tandem".to_owned(),
        tiers: vec![
            tier("api", CapacityTierKind::Api, api, 4),
            tier("db", CapacityTierKind::Database, 1, 1),
        ],
        rate_limit: None,
        signals: Vec::new(),
        quota: None,
        fixed_cost: Money::default(),
    }
}

fn slo_limits() -> Vec<SloLimit> {
    let p95 = SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(200) };
    vec![p95, SloLimit::ErrorRate { max: Ratio::new(0.01) }]
}

fn note(api: u32, need: Option<RequiredCapacity>) -> SearchNote {
    let plan = SearchPlan {
        slo_limits: slo_limits(),
        start: Rate::per_second(8.0),
        climb: 2.0,
        rate_max: Rate::per_second(1e4),
        hold: Nanos::from_secs(20),
        hold_max: Nanos::from_secs(240),
        warm_up: Nanos::from_secs(5),
        budget: Nanos::from_secs(1_000),
        cores: Vec::new(),
        seed: Seed::new(3),
    };
    let predict = vec![("api".to_owned(), 2)];
    let (stack, origin) = (described(api), LoadOrigin::default());
    SearchNote { plan, stack, need, predict, dispersion: 1.0, origin }
}

/// A second of the simulation as the engine tells one.
fn interval(start: RunTime, window: &SimulatedWindow) -> Interval {
    let mut times = Distribution::new();
    for (time, count) in window.response.pairs() {
        times.record_n(*time, *count);
    }
    let requests = window.response.count();
    let step = StepInterval { requests, response_time: times.to_sparse(), ..Default::default() };
    let readings = ["api", "db"].iter().zip(&window.tiers).map(|(tier, used)| Reading {
        tier: (*tier).to_owned(),
        metric: "cores".to_owned(),
        replica: String::new(),
        value: Some(Quantity::Count(used.cores_used)),
    });
    Interval {
        start,
        end: start + SECOND,
        in_flight: window.in_flight,
        vus_busy: 10_000,
        steps: [(StepId(0), step)].into(),
        readings: readings.collect(),
        ..Interval::default()
    }
}

/// A log in the making.
#[derive(Default)]
struct Log {
    intervals: Vec<Interval>,
    notes: Vec<CapacityLine>,
    now: RunTime,
}

impl Log {
    fn search(&mut self, stack: &SimulatedStack, note: &SearchNote, seed: u64) {
        self.notes.push(CapacityNote::Search(Box::new(note.clone())).to_line());
        let mut search = CapacitySearch::new(note.plan.clone());
        let mut simulation = StackSimulation::new(stack, Seed::new(seed));
        while let SearchAction::Measure { rate, hold, purpose } = search.next_action() {
            simulation.set_rate(rate);
            let step = self.step(&mut simulation, (rate, hold), note.plan.warm_up, purpose);
            self.notes.push(CapacityNote::Step(step.clone()).to_line());
            search.on_step(step.result(&self.intervals, note));
        }
    }

    fn step(
        &mut self,
        simulation: &mut StackSimulation,
        (rate, hold): (Rate, Nanos),
        warm_up: Nanos,
        purpose: crate::step::StepPurpose,
    ) -> StepNote {
        let mut watch = StepWatch::new(&slo_limits(), rate);
        let (began, mut aborted) = (self.now, None);
        while self.now < began + warm_up + hold && aborted.is_none() {
            let second = interval(self.now, &simulation.advance(SECOND));
            aborted = watch.on_interval(&second);
            self.intervals.push(second);
            self.now = self.now + SECOND;
        }
        let (to, mut left) = (self.now, 1);
        simulation.set_rate(Rate::ZERO);
        while left > 0 {
            left = simulation.advance(SECOND).in_flight;
            self.now = self.now + SECOND;
        }
        let from = if aborted.is_some() { began } else { began + warm_up };
        StepNote {
            purpose,
            offered: rate,
            warm_up,
            began,
            from,
            to,
            aborted,
            others: None,
            invalid: None,
        }
    }
}

#[test]
fn log_of_a_search_and_its_check_tells_capacity_bottleneck_and_the_error_of_the_prediction() {
    let need = RequiredCapacity {
        peak: Rate::per_second(150.0),
        growth: Ratio::new(0.0),
        confidence: Ratio::new(0.95),
        n_plus_1: false,
        seed: Seed::new(1),
    };
    let mut log = Log::default();
    log.search(&sim(1), &note(1, Some(need)), 5);
    log.search(&sim(2), &note(2, None), 6);
    let searches = read(&log.notes, &log.intervals).expect("notes of this version");
    assert_eq!(searches.len(), 2);
    let found = findings(&searches).expect("a search");
    let truth = slo_max(&sim(1), &slo_limits(), 400_000, Seed::new(9)).expect("reachable").get();
    let section = &found.section;
    let measured = section.slo_max_per_s.expect("something passed");
    // The limit is an estimate, the claim lies below it by what is left open.
    let limit = section.limit_per_s.expect("a curve");
    assert!((limit / truth - 1.0).abs() < 0.03, "{limit}, truth {truth}");
    assert!((0.95..1.01).contains(&(measured / truth)), "{measured}, truth {truth}");
    assert!(section.confirmed);
    let bottleneck = section.bottleneck.as_ref().expect("a model");
    assert_eq!(bottleneck.tier, "api");
    // 40 ms of CPU a request, as the simulation has it.
    let demand = section.tiers[0].demand_ms.expect("observed");
    assert!((demand / 40.0 - 1.0).abs() < 0.03, "{demand}");
    let check = &section.verified[0];
    assert_eq!(check.tiers[0].replicas, 2);
    assert!(check.error.abs() < 0.06, "{check:?}");
    assert!((section.predicted[0].slo_max_per_s - check.predicted_per_s).abs() < 1e-6);
    // With three replicas the database is next, and a fourth gains nothing.
    let of = |replicas: u32| {
        section
            .scaled
            .iter()
            .find(|row| row.replicas == replicas && row.cores < 5.0)
            .expect("shown")
    };
    assert_eq!(of(3).bottleneck.as_ref().map(|c| c.tier.as_str()), Some("db"));
    assert!(of(4).slo_max_per_s < 1.06 * of(3).slo_max_per_s, "{:?} {:?}", of(4), of(3));
    assert!(section.curve.len() > 6 && section.curve.iter().any(|point| !point.passed));
    assert!(section.recommendation.is_some());
}

#[test]
fn log_that_breaks_off_is_told_as_interrupted_and_goes_on_with_the_same_step() {
    let mut log = Log::default();
    log.search(&sim(1), &note(1, None), 5);
    let whole = read(&log.notes, &log.intervals).expect("notes");
    log.notes.truncate(6);
    let searches = read(&log.notes, &log.intervals).expect("notes");
    let outcome = searches[0].outcome();
    assert_eq!(outcome.end, crate::search::SearchEnd::Interrupted);
    let SearchAction::Measure { rate, .. } = searches[0].search().next_action() else {
        panic!("done after five steps")
    };
    assert_eq!(rate, whole[0].notes[5].offered);
}

/// A stack whose API has cores to spare and lets one request at a time through, in each replica or in all together.
fn locked(api: u32, scope: LockScope) -> SimulatedStack {
    let service = SimulatedServiceTime::Constant { mean: Nanos::from_millis(5) };
    let slots = SimulatedTier { replicas: api, ..SimulatedTier::external("api", service) };
    let shared = SimulatedTier {
        lock: Some(service),
        ..SimulatedTier::cores("api", api, 4, Nanos::from_millis(1))
    };
    let api = match scope {
        LockScope::Replica => SimulatedTier { work: ServiceWork::External(Some(1)), ..slots },
        LockScope::Shared => shared,
    };
    let db = SimulatedTier::cores("db", 1, 4, Nanos::from_millis(1));
    SimulatedStack { tiers: vec![api, db], rate_limit: None }
}

/// Goal: prove that a search with other replicas tells who shares a lock, whatever the stack file says of it, and that what
/// is bought follows from it.
/// Method: one replica is searched and two are, of a lock of each kind; the truth for two is 200 or 400/s.
#[test]
fn search_with_other_replicas_tells_who_shares_a_lock() {
    let cases = [
        (LockScope::Replica, None),
        (LockScope::Replica, Some(LockScope::Shared)),
        (LockScope::Shared, None),
    ];
    for (scope, told) in cases {
        let note = |api| {
            let mut note = note(api, None);
            note.stack.tiers[0].lock = told;
            note.plan.hold = Nanos::from_secs(6);
            note.plan.budget = Nanos::from_secs(150);
            note
        };
        let mut log = Log::default();
        log.search(&locked(1, scope), &note(1), 5);
        let alone = read(&log.notes, &log.intervals).expect("notes of this version");
        assert_eq!(findings(&alone).expect("a search").section.lock, None, "nothing tells");
        log.search(&locked(2, scope), &note(2), 6);
        let searches = read(&log.notes, &log.intervals).expect("notes of this version");
        let section = findings(&searches).expect("a search").section;
        let lock = section.lock.as_ref().expect("it tells");
        assert_eq!((lock.scope, lock.told, lock.replicas), (scope, told, [1, 2]), "{lock}");
        let full = section.bottleneck.as_ref().expect("a model");
        assert_eq!((full.scope, full.is_of_unknown_scope()), (Some(scope), false));
        assert_eq!(lock.to_string().contains("wrong to say `scope: shared`"), told.is_some());
        let two = section.predicted[0].slo_max_per_s;
        assert!((two / lock.measured_per_s - 1.0).abs() < 0.06, "{two}, {lock}");
        assert!(section.caveats().iter().any(|(name, said)| *name == "lock" && !said.is_empty()));
    }
}
