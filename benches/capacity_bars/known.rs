//! Servers of known truth, each searched as a user would with five minutes: what is claimed must be true, and the
//! bottleneck right.

use plimsoll::capacity::des::{
    self, ServiceWork, SimulatedRateLimit, SimulatedServiceTime, SimulatedStack, SimulatedTier,
    StackSimulation, StepLoad,
};
use plimsoll::capacity::model::{CapacityModel, CeilingResource};
use plimsoll::capacity::search::{CapacitySearch, RULES, SearchAction, SearchOutcome, SearchPlan};
use plimsoll::capacity::slo_limits::SloLimit;
use plimsoll::capacity::stack::{
    CapacityTier, CapacityTierKind, ReplicaSize, StackModel, TierPool,
};
use plimsoll::capacity::step::{AbortRule, StepResult};
use plimsoll::units::{Bytes, Money, Nanos, Rate, Ratio, Seed};

use super::{Asked, quantile};

/// A server, what must hold, and what gives out first.
struct KnownServer {
    name: &'static str,
    stack: SimulatedStack,
    limit: SloLimit,
    /// Whether the stack file tells of pools.
    pools_told: bool,
    bottleneck: CeilingResource,
}

fn constant(ms: u64) -> SimulatedServiceTime {
    SimulatedServiceTime::of_spread(Nanos::from_millis(ms).as_secs_f64(), 0.0)
}

fn slots(name: &str, count: u32, ms: u64) -> SimulatedTier {
    let mut tier = SimulatedTier::external(name, constant(ms));
    tier.work = ServiceWork::External(Some(count));
    tier
}

fn cores(replicas: u32, cores: u32, us: u64) -> SimulatedTier {
    SimulatedTier::cores("api", replicas, cores, Nanos::from_micros(us))
}

fn pooled(replicas: u32, connections: u32) -> Vec<SimulatedTier> {
    let mut api = cores(replicas, 8, 500);
    api.pool = Some(connections);
    vec![api, SimulatedTier::external("db", constant(20))]
}

fn servers() -> Vec<KnownServer> {
    let known = |name, tiers, limit, pools_told, bottleneck| KnownServer {
        name,
        stack: SimulatedStack { tiers, rate_limit: None },
        limit,
        pools_told,
        bottleneck,
    };
    let mut locked = cores(2, 8, 1_000);
    locked.lock = Some(constant(5));
    let mut tailed = cores(2, 2, 8_000);
    tailed.service = SimulatedServiceTime::of_spread(0.008, 2.5);
    let p99 = quantile(0.99, 250);
    let (cpu, pool) = (CeilingResource::Cpu, CeilingResource::Pool);
    let mut constant_cores = cores(1, 1, 4_000);
    constant_cores.service = constant(4);
    let mut limited = known(
        "rate limit",
        vec![cores(1, 8, 5_000)],
        quantile(0.95, 200),
        true,
        CeilingResource::RateLimit,
    );
    limited.stack.rate_limit =
        Some(SimulatedRateLimit { rate: Rate::per_second(150.0), burst: 20 });
    vec![
        known(
            "slots × time",
            vec![slots("api", 4, 20)],
            quantile(0.95, 100),
            true,
            CeilingResource::Lock,
        ),
        known(
            "slots × time, tight",
            vec![slots("api", 4, 20)],
            quantile(0.95, 40),
            true,
            CeilingResource::Lock,
        ),
        known("M/M/4", vec![cores(1, 4, 20_000)], quantile(0.95, 200), true, cpu),
        known("M/D/1", vec![constant_cores], quantile(0.95, 60), true, cpu),
        known("lock", vec![locked], quantile(0.95, 100), true, CeilingResource::Lock),
        known("pool, told", pooled(1, 4), quantile(0.95, 100), true, pool),
        known("pool, not told", pooled(1, 4), quantile(0.95, 100), false, CeilingResource::Lock),
        known("pool of each replica", pooled(2, 2), quantile(0.95, 100), true, pool),
        known("p99 of a long tail", vec![tailed], p99, true, cpu),
        limited,
        known("one slow core", vec![cores(1, 1, 25_000)], quantile(0.95, 300), true, cpu),
        known(
            "two tiers",
            vec![cores(1, 4, 40_000), slots("db", 9, 16)],
            quantile(0.95, 200),
            true,
            cpu,
        ),
    ]
}

/// What a user's five minutes on the command line make.
pub(super) fn five_minutes(limit: SloLimit, seed: u64) -> SearchPlan {
    SearchPlan {
        slo_limits: vec![limit],
        start: Rate::per_second(20.0),
        climb: RULES.climb,
        rate_max: Rate::per_second(RULES.rate_max),
        hold: Nanos::from_secs(6),
        hold_max: Nanos::from_secs(30),
        warm_up: Nanos::from_secs(2),
        budget: Nanos::from_secs(300),
        cores: Vec::new(),
        seed: Seed::new(seed),
    }
}

fn described(server: &KnownServer) -> StackModel {
    let behind = server.stack.tiers.iter().skip(1).map(Some).chain([None]);
    let tiers = server.stack.tiers.iter().zip(behind).map(|(tier, behind)| {
        let cores = match tier.work {
            ServiceWork::Cores(cores) => cores,
            ServiceWork::External(_) => 1,
        };
        let mut described = tier_of(tier, f64::from(cores));
        let pool = tier.pool.zip(behind).filter(|_| server.pools_told);
        described.pools = pool
            .map(|(connections, to)| TierPool { to: to.name.clone(), connections })
            .into_iter()
            .collect();
        described
    });
    StackModel {
        name: "known".to_owned(),
        tiers: tiers.collect(),
        rate_limit: None,
        signals: Vec::new(),
        quota: None,
        fixed_cost: Money::default(),
    }
}

fn tier_of(tier: &SimulatedTier, cores: f64) -> CapacityTier {
    let (memory, monthly_cost) = (Bytes::new(1 << 30), Money::default());
    CapacityTier {
        name: tier.name.clone(),
        kind: CapacityTierKind::Api,
        replicas: tier.replicas,
        replicas_max: 8,
        size: ReplicaSize { cores, memory, monthly_cost },
        sizes: Vec::new(),
        reserved_cores: Ratio::new(1.0),
        reserved_memory: Ratio::new(1.0),
        balancing: tier.balancing,
        pools: Vec::new(),
        connections_max: None,
        delay: None,
        lock: None,
    }
}

fn search(server: &KnownServer, seed: u64) -> (Vec<StepResult>, SearchOutcome) {
    let mut plan = five_minutes(server.limit, seed);
    plan.cores = described(server).cores();
    let rule = AbortRule::for_slo_limits(&plan.slo_limits);
    let (mut search, warm_up) = (CapacitySearch::new(plan), Nanos::from_secs(2));
    let mut simulation = StackSimulation::new(&server.stack, Seed::new(seed));
    loop {
        match search.next_action() {
            SearchAction::Measure { rate, hold, purpose } => {
                let load = StepLoad { rate, warm_up, hold, purpose };
                let mut step = simulation.measure(&server.stack, &load, &rule);
                if !server.pools_told {
                    step.tiers.iter_mut().for_each(|tier| tier.connections.clear());
                }
                search.on_step(step);
            }
            SearchAction::Done(outcome) => return (search.steps().to_vec(), *outcome),
        }
    }
}

/// Every step of a search, a line each.
pub(super) fn print_steps(limit: &SloLimit, steps: &[StepResult]) {
    println!();
    for step in steps {
        println!(
            "    {:8} {:8.2}/s for {:3.0} s: answered {:8.2}/s, {:.1} ms, {}{}",
            step.purpose.word(),
            step.offered.get(),
            step.duration.as_secs_f64(),
            step.achieved().get(),
            1e3 * limit.measure(&step.response()),
            if step.seems_within(&[*limit]) { "within" } else { "exceeds" },
            if step.aborted.is_some() { ", stopped" } else { "" }
        );
    }
}

/// Twelve kinds of server, each searched five times in five minutes of virtual time.
pub(super) fn known(asked: &Asked) {
    const RUNS: u64 = 5;
    let (mut within, mut above, mut named, mut full_below, mut all) = (0, 0, 0, 0, 0);
    let (mut covered, mut confirmed) = (0, 0);
    let is_asked = |server: &KnownServer| {
        asked.kinds.is_empty() || asked.kinds.iter().any(|kind| server.name.contains(kind.as_str()))
    };
    for (index, server) in servers().iter().enumerate().filter(|(_, server)| is_asked(server)) {
        let truth = des::slo_max(&server.stack, &[server.limit], 4_000_000, Seed::new(9));
        let truth = truth.map_or(0.0, Rate::get);
        print!("{:22} truth {truth:7.1}/s  claimed", server.name);
        let mut wrong = Vec::new();
        for run in 0..RUNS {
            let seed = 100 * index as u64 + run + 1_000_000 * asked.seed;
            let (steps, outcome) = search(server, seed);
            if asked.steps {
                print_steps(&server.limit, &steps);
            }
            let held = outcome.held.map_or(0.0, |held| held.rate.get());
            let error = held / truth - 1.0;
            let limit = outcome.rate_limit();
            let model = CapacityModel::fit(&described(server), &[server.limit], &steps, limit);
            let full = model.ok().and_then(|model| model.ceilings(&model.present).first().cloned());
            let is_named = full.as_ref().is_some_and(|full| full.resource == server.bottleneck);
            let is_below = full.as_ref().is_some_and(|full| full.rate.get() < 0.999 * held);
            within += usize::from((-0.03..=0.01).contains(&error));
            above += usize::from(error > 0.01);
            named += usize::from(is_named);
            full_below += usize::from(is_below);
            let interval =
                outcome.slo_max.filter(|found| found.low <= truth && truth <= found.high);
            covered += usize::from(interval.is_some());
            confirmed += usize::from(outcome.confirmed);
            all += 1;
            print!(" {:+.1}{}", 100.0 * error, if outcome.confirmed { "" } else { "?" });
            if !is_named {
                wrong.push(full.map_or_else(|| "nothing".to_owned(), |full| full.to_string()));
            }
        }
        println!(" %  {}", wrong.join(", "));
    }
    println!(
        "{all} searches: claim within −3 … +1 % of the truth {within}, more than 1 % above {above}, right bottleneck \
         {named}, a resource full below the claim {full_below}, interval covers the truth {covered}, confirmed \
         {confirmed} (?: not)"
    );
}
