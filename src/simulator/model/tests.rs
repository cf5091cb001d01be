//! The model against queueing theory, in virtual time.

use std::collections::HashMap;
use std::sync::Arc;

use rand_distr::{Distribution, Exp1};

use super::*;
use plimsoll_units::{Bytes, Nanos, RandomStream, Ratio, RunTime, Seed};

const API: TierId = TierId(0);
const DB: TierId = TierId(1);

fn tier(name: &str, kind: ModelTierKind, cores: u32) -> ModelTierSpec {
    ModelTierSpec { cores: Some(cores), ..ModelTierSpec::new(name, kind) }
}

fn start(program: &CallProgram, tag: u64) -> CallStart {
    CallStart { program: program.clone(), tag, sticky: None, key: 0, safe: true }
}

fn visit(tier: TierId, law: ServiceTimeLaw) -> CallStep {
    CallStep::Visit { tier, law }
}

fn exponential(ms: f64) -> ServiceTimeLaw {
    ServiceTimeLaw::Exponential { mean: Nanos::from_secs_f64(ms / 1_000.0) }
}

fn second(s: f64) -> RunTime {
    RunTime::ZERO + Nanos::from_secs_f64(s)
}

/// Response times in seconds of `count` Poisson arrivals, in order of their ends, after a warm-up of one tenth.
fn play(model: &mut StackModelRun, program: &CallProgram, rate: f64, count: u64) -> Vec<f64> {
    let mut chance = Seed::new(3).stream(RandomStream::Arrivals, 0);
    let (mut now, mut begun, mut times) = (0.0, HashMap::new(), Vec::new());
    for tag in 0..count {
        let gap: f64 = Exp1.sample(&mut chance);
        now += gap / rate;
        begun.insert(tag, now);
        model.begin(second(now), start(program, tag));
        while let Some(finished) = model.next_finished() {
            let begin = begun.remove(&finished.tag).expect("begun once, finished once");
            if finished.tag >= count / 10 {
                times.push(finished.at.as_secs_f64() - begin);
            }
        }
    }
    times
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

fn quantile(times: &[f64], p: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(p * sorted.len() as f64) as usize]
}

fn assert_near(what: &str, measured: f64, truth: f64, tolerance: f64) {
    let error = measured / truth - 1.0;
    assert!(error.abs() <= tolerance, "{what}: {measured} against {truth}, {:.2} %", error * 100.0);
}

/// Erlang's C by the stable recursion over Erlang's B: B(0) = 1, B(k) = aB(k−1) / (k + aB(k−1)), with
/// a = λ/μ; then C = B / (1 − ρ(1 − B)).
fn erlang_c(c: u32, rho: f64) -> f64 {
    let offered = rho * f64::from(c);
    let blocked = (1..=c).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
    blocked / (1.0 - rho * (1.0 - blocked))
}

/// The mean and the 95th percentile of response time in M/M/c with service rate 1.
///
/// P(R > t) = (1 − C)e^(−t) + C[θe^(−t) − e^(−θt)]/(θ − 1), θ = c − λ.
fn mmc(c: u32, rho: f64) -> (f64, f64) {
    let (wait, theta) = (erlang_c(c, rho), f64::from(c) * (1.0 - rho));
    let tail = |t: f64| {
        let (e, f) = ((-t).exp(), (-theta * t).exp());
        let delayed = if (theta - 1.0).abs() < 1e-9 {
            e * (1.0 + t)
        } else {
            (theta * e - f) / (theta - 1.0)
        };
        (1.0 - wait) * e + wait * delayed
    };
    let (mut low, mut high) = (0.0, 1_000.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if tail(middle) > 0.05 { low = middle } else { high = middle }
    }
    (1.0 + wait / theta, low)
}

fn truth() -> serde_json::Value {
    let text = include_str!("../../../tests/data/mmc.json");
    serde_json::from_str(text).expect("valid JSON")
}

#[test]
fn formulas_of_these_tests_agree_with_the_tables() {
    for row in truth()["erlang_c"].as_array().expect("rows") {
        let (c, rho) = (row["c"].as_u64().expect("c") as u32, row["rho"].as_f64().expect("rho"));
        assert_near("C", erlang_c(c, rho), row["C"].as_f64().expect("C"), 1e-9);
    }
    for row in truth()["mmc"].as_array().expect("rows") {
        let (c, mu) = (row["c"].as_u64().expect("c") as u32, row["mu"].as_f64().expect("mu"));
        let (mean, p95) = mmc(c, row["rho"].as_f64().expect("rho"));
        assert_near("R", mean / mu, row["R"].as_f64().expect("R"), 1e-9);
        assert_near("p95", p95 / mu, row["R_q"]["0.95"].as_f64().expect("p95"), 1e-6);
    }
}

/// Goal: what a run against the simulator should find is what queueing theory says.
/// Method: Poisson arrivals at utilisation .5, .7 and .85 of one tier with exponential service of 10 ms.
#[test]
fn one_tier_agrees_with_mmc() {
    for (c, count) in [(1, 300_000), (4, 200_000)] {
        for rho in [0.5, 0.7, 0.85] {
            let mut model =
                StackModelRun::new(&[tier("api", ModelTierKind::Api, c)], &[], Seed::new(11));
            let program: CallProgram = Arc::new([visit(API, exponential(10.0))]);
            let rate = rho * f64::from(c) * 100.0;
            let times = play(&mut model, &program, rate, count);
            let (mean_truth, p95_truth) = mmc(c, rho);
            assert_near("mean", mean(&times) * 100.0, mean_truth, 0.03);
            assert_near("p95", quantile(&times, 0.95) * 100.0, p95_truth, 0.05);
            let state = model.tiers().next().expect("one tier");
            let elapsed = count as f64 / rate;
            let busy = state.replicas[0].busy.as_secs_f64() / elapsed / f64::from(c);
            assert_near("utilisation", busy, rho, 0.01);
            let visits = state.durations;
            assert!(visits.count() > count - 100 && visits.count() <= count);
            let mean = visits.sum().as_secs_f64() / visits.count() as f64;
            assert_near("mean of the histogram", mean * 100.0, mean_truth, 0.03);
        }
    }
}

#[test]
fn busy_time_is_exact_in_the_middle_of_a_service() {
    let mut model = StackModelRun::new(&[tier("api", ModelTierKind::Api, 2)], &[], Seed::new(1));
    let program: CallProgram =
        Arc::new([visit(API, ServiceTimeLaw::Constant(Nanos::from_millis(100)))]);
    for tag in 0..3 {
        model.begin(second(0.0), start(&program, tag));
    }
    let busy_at = |model: &mut StackModelRun, s: f64| {
        model.advance(second(s));
        let replica = model.tiers().next().expect("one tier").replicas[0];
        (replica.busy.as_millis_f64(), replica.busy_cores, replica.waiting)
    };
    assert_eq!(busy_at(&mut model, 0.05), (100.0, 2, 1));
    assert_eq!(busy_at(&mut model, 0.15), (250.0, 1, 0));
    assert_eq!(busy_at(&mut model, 9.0), (300.0, 0, 0));
}

/// Goal: adding replicas helps until the shared database binds, at the known rates.
#[test]
fn tandem_meets_its_slo_just_at_the_known_rates() {
    let known = truth()["tandem_slo_max"].clone();
    for replicas in [1, 2, 3, 5] {
        let api = ModelTierSpec { replicas, ..tier("api", ModelTierKind::Api, 4) };
        let mut model =
            StackModelRun::new(&[api, tier("db", ModelTierKind::Db, 4)], &[], Seed::new(5));
        let program: CallProgram =
            Arc::new([visit(API, exponential(40.0)), visit(DB, exponential(16.0))]);
        let rate = known[replicas as usize - 1].as_f64().expect("a rate");
        let p95_at =
            |model: &mut StackModelRun, rate| quantile(&play(model, &program, rate, 150_000), 0.95);
        let p95 = p95_at(&mut model, rate);
        assert!((0.185..0.215).contains(&p95), "{replicas} replicas at {rate}/s: p95 {p95}");
    }
}

/// Goal: a stall is charged to everyone who arrives in it. Truth: P(R > t) = (s − t)/D.
#[test]
fn freeze_makes_arrivals_wait_until_it_ends() {
    let every = Some(Nanos::from_secs(10));
    let freeze = FaultAction::Freeze { span: Nanos::from_secs(1), every };
    let fault = Fault { at: second(5.0), action: freeze };
    let mut model =
        StackModelRun::new(&[tier("api", ModelTierKind::Api, 1)], &[fault], Seed::new(1));
    let program: CallProgram = Arc::new([visit(API, ServiceTimeLaw::Constant(Nanos::ZERO))]);
    let mut ends = HashMap::new();
    for tag in 0..50_000 {
        model.begin(second(tag as f64 / 500.0), start(&program, tag));
        while let Some(finished) = model.next_finished() {
            ends.insert(finished.tag, finished.at.as_secs_f64());
        }
    }
    model.advance(second(101.0));
    while let Some(finished) = model.next_finished() {
        ends.insert(finished.tag, finished.at.as_secs_f64());
    }
    let times: Vec<f64> = (0..50_000).map(|tag| ends[&tag] - tag as f64 / 500.0).collect();
    assert_near("p95", quantile(&times, 0.95), 0.5, 0.01);
    assert_near("p99", quantile(&times, 0.99), 0.9, 0.01);
    assert_near("p99.9", quantile(&times, 0.999), 0.99, 0.01);
}

#[test]
fn freeze_says_when_to_ask_again() {
    let freeze = FaultAction::Freeze { span: Nanos::from_secs(1), every: None };
    let fault = Fault { at: second(5.0), action: freeze };
    let mut model =
        StackModelRun::new(&[tier("api", ModelTierKind::Api, 1)], &[fault], Seed::new(1));
    let program: CallProgram =
        Arc::new([visit(API, ServiceTimeLaw::Constant(Nanos::from_millis(200)))]);
    model.begin(second(4.9), start(&program, 1));
    model.advance(second(5.5));
    assert_eq!(model.next_finished(), None);
    assert_eq!(model.next_due(), Some(second(6.1)));
    model.advance(second(6.1));
    assert_eq!(model.next_finished().map(|finished| finished.at), Some(second(6.1)));
}

fn two_replicas(failover: Failover, faults: &[Fault]) -> (StackModelRun, CallProgram) {
    let api = ModelTierSpec { replicas: 2, failover, ..tier("api", ModelTierKind::Api, 1) };
    let program: CallProgram =
        Arc::new([visit(API, ServiceTimeLaw::Constant(Nanos::from_millis(100)))]);
    (StackModelRun::new(&[api], faults, Seed::new(1)), program)
}

fn outcomes(model: &mut StackModelRun) -> HashMap<u64, (CallOutcome, RunTime)> {
    std::iter::from_fn(|| model.next_finished()).map(|f| (f.tag, (f.outcome, f.at))).collect()
}

const KILL_FIRST: FaultAction = FaultAction::Kill { tier: API, replica: 0 };

#[test]
fn death_interrupts_what_the_replica_holds() {
    let kill = Fault { at: second(0.05), action: KILL_FIRST };
    let (mut model, program) = two_replicas(Failover::default(), &[kill]);
    // Round among equals: 0 → first, 1 → second, 2 → first (in its queue); 2 must not be repeated.
    for tag in 0..3 {
        model.begin(second(0.0), CallStart { safe: tag != 2, ..start(&program, tag) });
    }
    model.advance(second(1.0));
    let outcomes = outcomes(&mut model);
    assert_eq!(
        outcomes[&0],
        (CallOutcome::Done, second(0.2)),
        "went behind 1 on the second replica"
    );
    assert_eq!(outcomes[&1], (CallOutcome::Done, second(0.1)));
    assert_eq!(outcomes[&2], (CallOutcome::Failed { status: 502 }, second(0.05)));
    let state = model.tiers().next().expect("one tier");
    assert_eq!(state.replicas[0].busy, Nanos::from_millis(50), "half a service was done");
    assert_eq!(state.connections, 0);
}

#[test]
fn dead_replica_refuses_until_the_balancer_knows() {
    let failover = Failover { retry: false, detect: Nanos::from_secs(2), ..Failover::default() };
    let revive = FaultAction::Revive { tier: API, replica: 0 };
    let faults =
        [Fault { at: second(1.0), action: KILL_FIRST }, Fault { at: second(6.0), action: revive }];
    let (mut model, program) = two_replicas(failover, &faults);
    for tag in 0..40 {
        model.begin(second(tag as f64 * 0.2), start(&program, tag));
    }
    model.advance(second(10.0));
    let failed: Vec<u64> = outcomes(&mut model)
        .into_iter()
        .filter(|(_, (outcome, _))| *outcome != CallOutcome::Done)
        .map(|(tag, _)| tag)
        .collect();
    assert_eq!(failed.len(), 5, "every other one between 1 s and 3 s: {failed:?}");
    assert!(failed.iter().all(|tag| (5..15).contains(tag)));
    let state = model.tiers().next().expect("one tier");
    assert!(state.replicas[0].served > 3, "the first replica serves again after 6 s");
}

#[test]
fn nobody_left_answers_unavailable() {
    let kill = |replica| {
        let action = FaultAction::Kill { tier: API, replica };
        Fault { at: second(0.0), action }
    };
    let (mut model, program) = two_replicas(Failover::default(), &[kill(0), kill(1)]);
    model.begin(second(1.0), start(&program, 1));
    assert_eq!(outcomes(&mut model)[&1].0, CallOutcome::Failed { status: 503 });
}

#[test]
fn pool_lets_only_so_many_through() {
    let pool = Some(ModelPoolSpec { of: API, size: 2, idle: 1 });
    let db = ModelTierSpec { pool, ..tier("db", ModelTierKind::Db, 8) };
    let mut model =
        StackModelRun::new(&[tier("api", ModelTierKind::Api, 8), db], &[], Seed::new(1));
    let constant = |ms| ServiceTimeLaw::Constant(Nanos::from_millis(ms));
    let program: CallProgram = Arc::new([visit(API, constant(0)), visit(DB, constant(100))]);
    for tag in 0..5 {
        model.begin(second(0.0), start(&program, tag));
    }
    model.advance(second(0.05));
    let state = model.tiers().nth(1).expect("the database");
    assert_eq!((state.connections, state.pool_waiting), (2, 3));
    model.advance(second(1.0));
    let last = outcomes(&mut model).values().map(|(_, at)| *at).max();
    assert_eq!(last, Some(second(0.3)));
    assert_eq!(model.tiers().nth(1).expect("the database").connections, 1, "the idle one stays");
}

#[test]
fn cache_spares_the_tiers_behind_it() {
    let spec = CacheSpec { max_memory: Bytes::new(1_000), entry: Bytes::new(10) };
    let cache = ModelTierSpec { cache: Some(spec), ..tier("cache", ModelTierKind::Cache, 1) };
    let tiers = [tier("api", ModelTierKind::Api, 1), tier("db", ModelTierKind::Db, 1), cache];
    let mut model = StackModelRun::new(&tiers, &[], Seed::new(1));
    let (at, ttl) = (TierId(2), Nanos::from_secs(60));
    let query = visit(DB, ServiceTimeLaw::Constant(Nanos::from_millis(1)));
    let program: CallProgram =
        Arc::new([CallStep::Lookup { tier: at, hit: 3 }, query, CallStep::Keep { tier: at, ttl }]);
    for tag in 0..100 {
        let key = tag % 4;
        model.begin(second(tag as f64), CallStart { key, ..start(&program, tag) });
    }
    model.advance(second(200.0));
    let hits = std::iter::from_fn(|| model.next_finished());
    let hits = hits.filter(|finished| finished.cache_hit == Some(true)).count();
    let cache = model.tiers().nth(2).and_then(|tier| tier.cache).expect("a cache");
    // Asked every 4 s, kept for 60 s: misses at 0, 64 (and 60 is when the first has just gone stale).
    assert_eq!((hits as u64, cache.misses), (cache.hits, 100 - cache.hits));
    assert_eq!(model.tiers().nth(1).expect("the database").replicas[0].served, cache.misses);
    assert_eq!(cache.misses, 8);
}

#[test]
fn slow_tier_and_error_burst_last_as_long_as_they_are_told() {
    let at = |s, action| Fault { at: second(s), action };
    let faults = [
        at(1.0, FaultAction::Slow { tier: API, factor: 3.0 }),
        at(2.0, FaultAction::Slow { tier: API, factor: 1.0 }),
        at(3.0, FaultAction::Errors { tier: API, share: 1.0, status: 500 }),
        at(4.0, FaultAction::Errors { tier: API, share: 0.0, status: 500 }),
    ];
    let (mut model, program) = two_replicas(Failover::default(), &faults);
    for tag in 0..5 {
        model.begin(second(tag as f64 + 0.5), start(&program, tag));
    }
    model.advance(second(9.0));
    let outcomes = outcomes(&mut model);
    let spans: Vec<f64> =
        (0..5).map(|tag| outcomes[&tag].1.as_secs_f64() - tag as f64 - 0.5).collect();
    assert_near("before", spans[0], 0.1, 1e-6);
    assert_near("slow", spans[1], 0.3, 1e-6);
    assert_near("after", spans[2], 0.1, 1e-6);
    assert_eq!(outcomes[&3].0, CallOutcome::Failed { status: 500 });
    assert_eq!(outcomes[&4].0, CallOutcome::Done);
}

#[test]
fn scaler_adds_a_replica_after_its_delay_and_removes_it_when_idle() {
    let scaler = ScalerSpec {
        min: 1,
        max: 2,
        out_above: Ratio::new(0.7),
        out_for: Nanos::from_secs(3),
        in_below: Ratio::new(0.2),
        in_for: Nanos::from_secs(5),
        delay: Nanos::from_secs(4),
    };
    let api = ModelTierSpec { scaler: Some(scaler), ..tier("api", ModelTierKind::Api, 1) };
    let mut model = StackModelRun::new(&[api], &[], Seed::new(1));
    let program: CallProgram =
        Arc::new([visit(API, ServiceTimeLaw::Constant(Nanos::from_millis(90)))]);
    let listed = |model: &StackModelRun| {
        let state = model.tiers().next().expect("one tier");
        state.replicas.iter().filter(|replica| replica.listed && replica.up).count()
    };
    for tag in 0..100 {
        model.begin(second(tag as f64 * 0.1), start(&program, tag));
        // Busy 90 %: ordered at 3 s, ready at 7 s.
        assert_eq!(listed(&model), if tag < 70 { 1 } else { 2 }, "at {} s", tag as f64 * 0.1);
    }
    model.advance(second(30.0));
    assert_eq!(listed(&model), 1);
}

/// Goal: a rolling update that drains first loses nothing, one that does not loses what cannot be repeated.
#[test]
fn rolling_update_loses_only_what_it_does_not_drain() {
    let lost = |drain: f64| -> Vec<u64> {
        let at = |s, action| Fault { at: second(s), action };
        let faults: Vec<Fault> = (0..2)
            .flat_map(|replica| {
                let begin = 1.0 + 6.0 * f64::from(replica);
                [
                    at(begin, FaultAction::Drain { tier: API, replica }),
                    at(begin + drain, FaultAction::Kill { tier: API, replica }),
                    at(begin + drain + 2.0, FaultAction::Revive { tier: API, replica }),
                ]
            })
            .collect();
        let (mut model, program) = two_replicas(Failover::default(), &faults);
        // Two at a time and 40 ms before each fault, so that both replicas are at work when it strikes.
        for tag in 0..120 {
            let now = second((tag / 2) as f64 * 0.25 - 0.04 + 0.25);
            model.begin(now, CallStart { safe: false, ..start(&program, tag) });
        }
        model.advance(second(60.0));
        let outcomes = outcomes(&mut model);
        assert_eq!(outcomes.len(), 120, "every request is answered");
        let failed = outcomes.into_iter().filter(|(_, (outcome, _))| *outcome != CallOutcome::Done);
        failed.map(|(tag, _)| tag).collect()
    };
    assert_eq!(lost(2.0), Vec::<u64>::new());
    assert_eq!(lost(0.0).len(), 2, "what each replica had at hand when it was cut off");
}

#[test]
fn sticky_client_returns_to_its_replica() {
    let (balancing, replicas) = (ModelBalancing::Sticky, 3);
    let api = ModelTierSpec { replicas, balancing, ..tier("api", ModelTierKind::Api, 1) };
    let mut model = StackModelRun::new(&[api], &[], Seed::new(1));
    let program: CallProgram =
        Arc::new([visit(API, ServiceTimeLaw::Constant(Nanos::from_millis(1)))]);
    let mut serve = |tag: u64, sticky| {
        model.begin(second(tag as f64), CallStart { sticky, ..start(&program, tag) });
        model.advance(second(tag as f64 + 0.5));
        model.next_finished().expect("served").sticky
    };
    assert_eq!([serve(0, None), serve(1, None)], [Some(0), Some(1)]);
    assert_eq!(
        [serve(2, Some(0)), serve(3, Some(0)), serve(4, Some(2))],
        [Some(0), Some(0), Some(2)]
    );
}

#[test]
fn same_seed_plays_the_same() {
    let run = || {
        let mut model =
            StackModelRun::new(&[tier("api", ModelTierKind::Api, 2)], &[], Seed::new(9));
        let program: CallProgram = Arc::new([visit(API, exponential(10.0))]);
        play(&mut model, &program, 150.0, 5_000)
    };
    assert_eq!(run(), run());
}

/// Goal: prove that disk, network, pool and standby are told as the visits and the timeline make them.
/// Method: three requests of 1 ms at the API hold three of four connections to the database for 10 s; its standby
/// stands still from 1 s to 3 s and then applies two seconds of commits in each.
#[test]
fn tier_tells_what_visits_and_the_timeline_make_of_its_resources() {
    let bytes = Bytes::new;
    let disk = DiskSpec { size: bytes(10_000), base: bytes(1_000), per_visit: bytes(100) };
    let network = NetworkSpec { limit: bytes(50_000), per_visit: bytes(500) };
    let delay = Nanos::from_millis(20);
    let api = ModelTierSpec {
        disk: Some(disk),
        network: Some(network),
        ..tier("api", ModelTierKind::Api, 1)
    };
    let db = ModelTierSpec {
        pool: Some(ModelPoolSpec { of: API, size: 4, idle: 1 }),
        replication: Some(ReplicationSpec { delay, catch_up: 2.0 }),
        ..tier("db", ModelTierKind::Db, 8)
    };
    let lag = |at, stops| Fault { at: second(at), action: FaultAction::Lag { tier: DB, stops } };
    let mut model =
        StackModelRun::new(&[api, db], &[lag(1.0, true), lag(3.0, false)], Seed::new(1));
    let constant = |ms| ServiceTimeLaw::Constant(Nanos::from_millis(ms));
    let program: CallProgram = [visit(API, constant(1)), visit(DB, constant(10_000))].into();
    (0..3).for_each(|tag| model.begin(second(0.0), start(&program, tag)));
    model.advance(second(2.0));
    let tiers: Vec<TierState<'_>> = model.tiers().collect();
    let replica = tiers[0].replicas[0];
    assert_eq!(replica.disk, Some((bytes(1_300), bytes(10_000))));
    assert_eq!(replica.network, Some((bytes(1_500), bytes(50_000))));
    assert_eq!((tiers[0].pool, tiers[1].pool), (None, Some((3, 4))));
    assert_eq!(tiers[1].replication_lag, Some(Nanos::from_millis(1_020)));
    model.advance(second(4.0));
    let lag = model.tiers().nth(1).and_then(|tier| tier.replication_lag);
    assert_eq!(lag, Some(Nanos::from_millis(1_020)), "2.02 s at 3 s, a second less at 4 s");
    model.advance(second(9.0));
    let lag = model.tiers().nth(1).and_then(|tier| tier.replication_lag);
    assert_eq!(lag, Some(delay));
}
