//! The bars of the capacity engine, measured in virtual time and printed; never a timed unit test.
//!
//! `cargo bench --bench capacity_bars [-- NAME…]`, where NAME is one of the sections below; `-- known KIND…` searches only
//! servers of whose names KIND is a part, `--steps` prints every step, and `--seed=N` searches with other seeds.
//!
//! `-- rehearsal [KIND…]` searches the servers of `sockets` in virtual time; `-- sockets [KIND…]` searches them over real
//! sockets and is played only where it is asked for: it takes five minutes a server, on a machine that does
//! little else; `--keep=FOLDER` keeps its logs, and on a machine that does more, `--by='chrt -r 20'` starts
//! servers and generators before all else. It loads 127.0.0.1 only.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod brute_force;
mod known;
mod recommendation;
mod sockets;

use std::path::PathBuf;

use plimsoll::capacity::des::{
    self, ServiceWork, SimulatedBalancing, SimulatedRateLimit, SimulatedServiceTime,
    SimulatedStack, SimulatedTier, StackSimulation, StepLoad,
};
use plimsoll::capacity::model::{CapacityModel, CeilingResource};
use plimsoll::capacity::search::{CapacitySearch, RULES, SearchAction, SearchOutcome, SearchPlan};
use plimsoll::capacity::slo_limits::SloLimit;
use plimsoll::capacity::stack::{
    CapacityTier, CapacityTierKind, ReplicaSize, StackModel, TierPool,
};
use plimsoll::capacity::step::{AbortRule, StepResult};
use plimsoll::units::{Bytes, Money, Nanos, RandomStream, Rate, Ratio, Seed};
use rand::RngExt;

type Section = (&'static str, fn(&Asked));

/// What the command line asks for besides sections.
struct Asked {
    /// Parts of names of kinds of server; all if empty.
    kinds: Vec<String>,
    /// Whether every step is printed.
    steps: bool,
    /// What is added to all seeds: other figures than those that were tuned on.
    seed: u64,
    /// Where the logs of real searches are kept, if they are.
    keep: Option<PathBuf>,
    /// What starts real servers and searches of them, `chrt -r 20` for instance; nothing if empty.
    by: Vec<String>,
}

const SECTIONS: &[Section] = &[
    ("slo_max", slo_max),
    ("replicas", replicas),
    ("bottleneck", bottleneck),
    ("recommendation", recommendation::recommendation),
    ("known", known::known),
    ("rehearsal", sockets::rehearsal),
    ("sockets", sockets::sockets),
];

/// What is played only where it is asked for, in earnest and not in virtual time.
const ON_REQUEST: &str = "sockets";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, name, how] = words.as_slice()
        && word == "serve-known"
    {
        if let Err(error) = sockets::serve(name, how) {
            println!("{error}");
        }
        return;
    }
    let is_section = |word: &String| SECTIONS.iter().any(|(name, _)| word == name);
    let steps = std::env::args().any(|word| word == "--steps");
    let seed = std::env::args().find_map(|word| word.strip_prefix("--seed=")?.parse().ok());
    let keep = std::env::args().find_map(|word| Some(PathBuf::from(word.strip_prefix("--keep=")?)));
    let by = std::env::args().find_map(|word| word.strip_prefix("--by=").map(str::to_owned));
    let by = by.iter().flat_map(|by| by.split_whitespace()).map(str::to_owned).collect();
    let words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (wanted, kinds): (Vec<String>, Vec<String>) = words.partition(is_section);
    let asked = Asked { kinds, steps, seed: seed.unwrap_or_default(), keep, by };
    for (name, section) in SECTIONS {
        let is_usual = wanted.is_empty() && *name != ON_REQUEST;
        if is_usual || wanted.iter().any(|word| word == name) {
            println!("## {name}");
            section(&asked);
        }
    }
}

fn quantile(p: f64, max_ms: u64) -> SloLimit {
    SloLimit::Quantile { p: Ratio::new(p), max: Nanos::from_millis(max_ms) }
}

fn stack(tiers: Vec<SimulatedTier>) -> SimulatedStack {
    SimulatedStack { tiers, rate_limit: None }
}

fn plan(slo_limit: SloLimit, start: f64, seed: u64) -> SearchPlan {
    SearchPlan {
        slo_limits: vec![slo_limit],
        start: Rate::per_second(start),
        climb: 2.0,
        rate_max: Rate::per_second(1e6),
        hold: Nanos::from_secs(20),
        hold_max: Nanos::from_secs(1_200 / RULES.longest_share),
        warm_up: Nanos::from_secs(5),
        budget: Nanos::from_secs(1_200),
        cores: Vec::new(),
        seed: Seed::new(seed),
    }
}

/// Searches a simulated stack as the engine would a real one.
fn search(
    stack: &SimulatedStack,
    mut plan: SearchPlan,
    seed: u64,
) -> (Vec<StepResult>, SearchOutcome) {
    let (rule, warm_up) = (AbortRule::for_slo_limits(&plan.slo_limits), plan.warm_up);
    plan.cores = described(stack).cores();
    let mut search = CapacitySearch::new(plan);
    let mut simulation = StackSimulation::new(stack, Seed::new(seed));
    loop {
        match search.next_action() {
            SearchAction::Measure { rate, hold, purpose } => {
                let step =
                    simulation.measure(stack, &StepLoad { rate, warm_up, hold, purpose }, &rule);
                search.on_step(step);
            }
            SearchAction::Done(outcome) => return (search.steps().to_vec(), *outcome),
        }
    }
}

fn cores(name: &str, replicas: u32, cores: u32, service_us: u64) -> SimulatedTier {
    SimulatedTier::cores(name, replicas, cores, Nanos::from_micros(service_us))
}

fn spread(mut tier: SimulatedTier, cv2: f64) -> SimulatedTier {
    tier.service = SimulatedServiceTime::of_spread(tier.service.mean(), cv2);
    tier
}

fn balanced(mut tier: SimulatedTier, balancing: SimulatedBalancing) -> SimulatedTier {
    tier.balancing = balancing;
    tier
}

type Case = (SimulatedStack, SloLimit, f64);

/// Ten stacks with the goal and the first rate of their searches.
fn slo_max_cases() -> [Case; 10] {
    [
        (stack(vec![cores("api", 1, 4, 10_000)]), quantile(0.95, 100), 20.0),
        (stack(vec![cores("api", 1, 1, 10_000)]), quantile(0.95, 200), 10.0),
        (
            stack(vec![cores("api", 1, 4, 40_000), cores("db", 1, 4, 16_000)]),
            quantile(0.95, 200),
            8.0,
        ),
        (
            stack(vec![cores("api", 3, 2, 12_000), cores("db", 1, 4, 5_000)]),
            quantile(0.99, 200),
            25.0,
        ),
        (stack(vec![spread(cores("api", 2, 2, 8_000), 3.0)]), quantile(0.95, 100), 25.0),
        (stack(vec![spread(cores("api", 2, 2, 8_000), 0.0)]), quantile(0.95, 60), 25.0),
        (
            stack(vec![balanced(cores("api", 3, 2, 6_000), SimulatedBalancing::Random)]),
            quantile(0.95, 60),
            40.0,
        ),
        (
            stack(vec![cores("api", 4, 2, 3_000), cores("db", 1, 8, 2_000)]),
            quantile(0.99, 60),
            100.0,
        ),
        (
            stack(vec![
                cores("edge", 1, 2, 1_000),
                cores("api", 3, 2, 9_000),
                cores("db", 1, 4, 4_000),
                SimulatedTier::external("stripe", SimulatedServiceTime::of_spread(0.05, 0.1)),
            ]),
            quantile(0.95, 250),
            30.0,
        ),
        (
            stack(vec![cores("api", 1, 8, 20_000)]),
            SloLimit::Mean { max: Nanos::from_millis(50) },
            20.0,
        ),
    ]
}

/// Ten stacks, twenty searches each.
fn slo_max(asked: &Asked) {
    let cases = slo_max_cases();
    let (mut covered, mut within, mut complete, mut all, mut confirmed) = (0, 0, 0, 0, 0);
    let (mut close, mut claimed, mut claimed_above) = (0, 0, 0);
    let mut worst = 0.0_f64;
    for (index, (stack, slo_limit, start)) in cases.iter().enumerate() {
        let truth =
            des::slo_max(stack, &[*slo_limit], 8_000_000, Seed::new(99)).map_or(0.0, Rate::get);
        let (mut off, mut wide, mut spent, mut hits) = (Vec::new(), 0.0, 0.0, 0);
        for run in 0..20 {
            let seed = 1_000 * index as u64 + run + 1_000_000 * asked.seed;
            let (steps, outcome) = search(stack, plan(*slo_limit, *start, seed), seed);
            let Some(found) = outcome.slo_max else { continue };
            let error = found.value / truth - 1.0;
            off.push(error);
            wide += (found.high - found.low) / found.value / 2.0 / 20.0;
            spent +=
                steps.iter().map(|s| (s.duration + s.warm_up).as_secs_f64()).sum::<f64>() / 20.0;
            hits += usize::from(found.low <= truth && truth <= found.high);
            within += usize::from(error.abs() <= 0.03);
            worst = worst.max(error.abs());
            let claim = outcome.held.map_or(0.0, |held| held.rate.get()) / truth - 1.0;
            claimed += usize::from((-0.05..=0.01).contains(&claim));
            claimed_above += usize::from(claim > 0.01);
            let done = outcome.end == plimsoll::capacity::search::SearchEnd::Complete;
            complete += usize::from(done);
            let is_shown = outcome.confirmed && outcome.breach_shown;
            confirmed += usize::from(is_shown);
            let bracket = outcome.pass.zip(outcome.fail);
            let is_close = bracket.is_some_and(|(p, f)| f.get() <= 1.05001 * p.get());
            close += usize::from(is_close);
            if asked.steps && !(is_shown && is_close && error.abs() <= 0.03) {
                known::print_steps(slo_limit, &steps);
                println!(
                    "stack {index}, run {run}: limit {:.1} [{:.1}, {:.1}], confirmed {}, failure shown {}, pass and fail \
                     {bracket:?}, {:?}",
                    found.value,
                    found.low,
                    found.high,
                    outcome.confirmed,
                    outcome.breach_shown,
                    outcome.end
                );
            }
            all += 1;
        }
        covered += hits;
        let bias = off.iter().sum::<f64>() / off.len() as f64;
        let rms = (off.iter().map(|e| e * e).sum::<f64>() / off.len() as f64).sqrt();
        println!(
            "stack {index}: truth {truth:8.1}/s  bias {:+.2} %  rms {:.2} %  half-width {:.2} %  \
             covered {hits}/20  {spent:.0} s",
            bias * 100.0,
            rms * 100.0,
            wide * 100.0
        );
    }
    println!(
        "{all} runs: within 3 % {within}, worst {:.1} %, covered {covered} ({:.1} %), complete {complete}, \
         pass and fail at most 5 % apart {close}, confirmed and breached {confirmed}; claims within −5 … +1 % \
         {claimed}, more than 1 % above {claimed_above}",
        worst * 100.0,
        100.0 * f64::from(covered as u32) / f64::from(all as u32)
    );
}

/// What the stack file of a simulated stack would say: sizes double twice, up to eight replicas.
fn described(stack: &SimulatedStack) -> StackModel {
    let behind =
        stack.tiers.iter().skip(1).map(|tier| tier.name.as_str()).chain(std::iter::once(""));
    let tiers = stack.tiers.iter().zip(behind).map(|(tier, behind)| {
        let cores = match tier.work {
            ServiceWork::Cores(cores) => cores,
            ServiceWork::External(_) => 1,
        };
        let size = |times: u32| ReplicaSize {
            cores: f64::from(cores * times),
            memory: Bytes::new(1 << 31),
            monthly_cost: Money::from_cents(u64::from(1_500 * cores * times)),
        };
        let external = matches!(tier.work, ServiceWork::External(_));
        let single = external || tier.name == "db";
        CapacityTier {
            name: tier.name.clone(),
            kind: match tier.name.as_str() {
                "db" => CapacityTierKind::Database,
                "edge" => CapacityTierKind::Edge,
                _ if external => CapacityTierKind::External,
                _ => CapacityTierKind::Api,
            },
            replicas: tier.replicas,
            replicas_max: if single { tier.replicas } else { 8 },
            size: size(1),
            sizes: if external { Vec::new() } else { vec![size(2), size(4)] },
            reserved_cores: Ratio::new(1.0),
            reserved_memory: Ratio::new(1.0),
            balancing: tier.balancing,
            pools: tier
                .pool
                .map(|connections| TierPool { to: behind.to_owned(), connections })
                .into_iter()
                .collect(),
            connections_max: None,
            delay: None,
            lock: None,
        }
    });
    StackModel {
        name: "simulated".to_owned(),
        tiers: tiers.collect(),
        rate_limit: None,
        signals: Vec::new(),
        quota: None,
        fixed_cost: Money::default(),
    }
}

type NamedCase = (&'static str, SimulatedStack, SloLimit, f64);

/// Stacks with one replica of the API.
fn replica_cases() -> [NamedCase; 9] {
    let tandem = vec![cores("api", 1, 4, 40_000), cores("db", 1, 4, 16_000)];
    [
        ("tandem", stack(tandem), quantile(0.95, 200), 8.0),
        ("one tier", stack(vec![cores("api", 1, 2, 10_000)]), quantile(0.95, 100), 10.0),
        (
            "p99",
            stack(vec![cores("api", 1, 4, 5_000), cores("db", 1, 8, 2_000)]),
            quantile(0.99, 80),
            50.0,
        ),
        (
            "long tail",
            stack(vec![spread(cores("api", 1, 4, 10_000), 2.5)]),
            quantile(0.95, 100),
            20.0,
        ),
        (
            "constant",
            stack(vec![spread(cores("api", 1, 4, 10_000), 0.0)]),
            quantile(0.95, 60),
            20.0,
        ),
        (
            "random",
            stack(vec![balanced(cores("api", 1, 4, 8_000), SimulatedBalancing::Random)]),
            quantile(0.95, 80),
            20.0,
        ),
        (
            "in turn",
            stack(vec![balanced(cores("api", 1, 2, 8_000), SimulatedBalancing::RoundRobin)]),
            quantile(0.95, 80),
            20.0,
        ),
        ("one core", stack(vec![cores("api", 1, 1, 6_000)]), quantile(0.95, 60), 10.0),
        (
            "external",
            stack(vec![
                cores("api", 1, 4, 9_000),
                cores("db", 1, 4, 2_000),
                SimulatedTier::external("stripe", SimulatedServiceTime::of_spread(0.05, 0.1)),
            ]),
            quantile(0.95, 250),
            20.0,
        ),
    ]
}

/// SLO-max with 2, 3, 4 replicas of the API, predicted from a search with one.
fn replicas(_: &Asked) {
    let cases = replica_cases();
    let (mut within, mut all) = (0, 0);
    for (name, now, slo_limit, start) in &cases {
        let (steps, outcome) = search(now, plan(*slo_limit, *start, 5), 5);
        let model =
            CapacityModel::fit(&described(now), &[*slo_limit], &steps, None).expect("enough steps");
        let found = outcome.slo_max.expect("passed").value;
        let own = model.slo_max(&model.present);
        print!(
            "{name:9} spread {:.2} held-out {:.1} % now {:+.1} %",
            model.spread,
            100.0 * model.held_out.map_or(f64::NAN, |held_out| held_out.time),
            100.0 * (own / found - 1.0)
        );
        for count in 2..=4 {
            let mut then = now.clone();
            then.tiers[0].replicas = count;
            let mut deployment = model.present.clone();
            deployment[0].replicas = count;
            let truth =
                des::slo_max(&then, &[*slo_limit], 2_000_000, Seed::new(7)).map_or(0.0, Rate::get);
            let predicted = model.slo_max(&deployment);
            let error = predicted / truth - 1.0;
            let next = model.ceilings(&deployment)[0].tier.clone();
            print!("  k={count} {truth:.1} → {predicted:.1} ({:+.1} %, {next})", 100.0 * error);
            within += usize::from(error.abs() <= 0.05);
            all += 1;
        }
        println!();
    }
    println!("within 5 %: {within} of {all}");
}

/// Stacks with a known binding resource: is it named?
fn bottleneck(_: &Asked) {
    let (mut right, mut all) = (0, 0);
    for index in 0..28 {
        let mut random = Seed::new(31).stream(RandomStream::Simulator, index);
        let mut draw = |low: f64, high: f64| low + (high - low) * random.random::<f64>();
        let api_us = draw(6_000.0, 14_000.0);
        let (count, size) = (1 + (index % 3) as u32, 2 + 2 * (index % 2) as u32);
        // The API alone would carry this much.
        let api_rate = f64::from(count * size) * 1e6 / api_us;
        // The other tiers carry at least half as much again, unless they are to bind.
        let ease = draw(1.5, 2.5);
        let with_capacity = |name: &str, cores_each: u32, capacity: f64| {
            cores(name, 1, cores_each, (f64::from(cores_each) * 1e6 / capacity) as u64)
        };
        let tight = draw(0.4, 0.7) * api_rate;
        let mut tiers = vec![
            with_capacity("edge", 2, if index % 7 == 1 { tight } else { ease * api_rate }),
            cores("api", count, size, api_us as u64),
            with_capacity("db", 4, if index % 7 == 2 { tight } else { ease * api_rate }),
        ];
        let mut limit = None;
        let wanted = match index % 7 {
            0 => ("api", CeilingResource::Cpu),
            1 => ("edge", CeilingResource::Cpu),
            2 => ("db", CeilingResource::Cpu),
            3 => {
                tiers.push(SimulatedTier::external(
                    "stripe",
                    SimulatedServiceTime::of_spread(0.04, 0.3),
                ));
                let hold = 0.04 + tiers[2].service.mean();
                tiers[1].pool = Some((tight * hold / f64::from(count)).max(1.0) as u32);
                ("api", CeilingResource::Pool)
            }
            4 => {
                tiers[2].lock = Some(SimulatedServiceTime::Exponential {
                    mean: Nanos::from_secs_f64(1.0 / tight),
                });
                ("db", CeilingResource::Lock)
            }
            5 => {
                let mut external = SimulatedTier::external(
                    "stripe",
                    SimulatedServiceTime::of_spread(4.0 / tight, 0.3),
                );
                external.work = ServiceWork::External(Some(4));
                tiers.push(external);
                ("stripe", CeilingResource::External)
            }
            _ => {
                limit = Some(SimulatedRateLimit { rate: Rate::per_second(tight), burst: 20 });
                ("", CeilingResource::RateLimit)
            }
        };
        let stack = SimulatedStack { tiers, rate_limit: limit };
        let slo_limit = quantile(0.95, 250);
        let (steps, outcome) = search(&stack, plan(slo_limit, api_rate / 30.0, index), index);
        let model =
            CapacityModel::fit(&described(&stack), &[slo_limit], &steps, outcome.rate_limit());
        let found = model.map(|model| model.ceilings(&model.present)[0].clone());
        let named = found.as_ref().is_ok_and(|c| (c.tier.as_str(), c.resource) == wanted);
        right += usize::from(named);
        all += 1;
        if !named {
            println!("stack {index}: {wanted:?}, named {found:?}, search {outcome:?}");
        }
    }
    println!("named {right} of {all}");
}
