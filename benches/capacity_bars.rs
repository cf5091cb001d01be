//! The bars of the capacity engine, measured in virtual time and printed; never a timed unit test.
//!
//! `cargo bench --bench capacity_bars [-- NAME…]`, where NAME is one of the sections below.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use plimsoll::capacity::des::{self, Balancing, Law, SimStack, SimTier, Simulation};
use plimsoll::capacity::search::{Search, SearchAction, SearchOutcome, SearchPlan};
use plimsoll::capacity::step::{AbortRule, Goal, StepResult};
use plimsoll::units::{Nanos, Rate, Ratio, Seed};

type Section = (&'static str, fn());

const SECTIONS: &[Section] = &[("slo_max", slo_max)];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("## {name}");
            section();
        }
    }
}

fn quantile(p: f64, max_ms: u64) -> Goal {
    Goal::Quantile { p: Ratio::new(p), max: Nanos::from_millis(max_ms) }
}

fn stack(tiers: Vec<SimTier>) -> SimStack {
    SimStack { tiers, rate_limit: None }
}

fn plan(goal: Goal, start: f64, seed: u64) -> SearchPlan {
    SearchPlan {
        goals: vec![goal],
        start: Rate::per_second(start),
        rate_max: Rate::per_second(1e6),
        hold: Nanos::from_secs(20),
        hold_max: Nanos::from_secs(300),
        warm_up: Nanos::from_secs(5),
        budget: Nanos::from_secs(1_200),
        seed: Seed::new(seed),
    }
}

/// Searches a simulated stack as the engine would a real one.
fn search(stack: &SimStack, plan: SearchPlan, seed: u64) -> (Vec<StepResult>, SearchOutcome) {
    let (rule, warm_up) = (AbortRule::for_goals(&plan.goals), plan.warm_up);
    let mut search = Search::new(plan);
    let mut simulation = Simulation::new(stack, Seed::new(seed));
    loop {
        match search.next_action() {
            SearchAction::Measure { rate, hold, purpose } => {
                let step = simulation.measure(stack, (rate, hold, purpose), warm_up, &rule);
                search.on_step(step);
            }
            SearchAction::Done(outcome) => return (search.steps().to_vec(), *outcome),
        }
    }
}

fn cores(name: &str, replicas: u32, cores: u32, service_us: u64) -> SimTier {
    SimTier::cores(name, replicas, cores, Nanos::from_micros(service_us))
}

fn spread(mut tier: SimTier, cv2: f64) -> SimTier {
    tier.service = Law::of_spread(tier.service.mean(), cv2);
    tier
}

fn balanced(mut tier: SimTier, balancing: Balancing) -> SimTier {
    tier.balancing = balancing;
    tier
}

/// Ten stacks, twenty searches each.
fn slo_max() {
    let cases = [
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
            stack(vec![balanced(cores("api", 3, 2, 6_000), Balancing::Random)]),
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
                SimTier::external("stripe", Law::of_spread(0.05, 0.1)),
            ]),
            quantile(0.95, 250),
            30.0,
        ),
        (stack(vec![cores("api", 1, 8, 20_000)]), Goal::Mean { max: Nanos::from_millis(50) }, 20.0),
    ];
    let (mut covered, mut within, mut complete, mut all, mut confirmed) = (0, 0, 0, 0, 0);
    let mut worst = 0.0_f64;
    for (index, (stack, goal, start)) in cases.iter().enumerate() {
        let truth = des::slo_max(stack, &[*goal], 8_000_000, Seed::new(99)).map_or(0.0, Rate::get);
        let (mut off, mut wide, mut spent, mut hits) = (Vec::new(), 0.0, 0.0, 0);
        for run in 0..20 {
            let seed = 1_000 * index as u64 + run;
            let (steps, outcome) = search(stack, plan(*goal, *start, seed), seed);
            let Some(found) = outcome.slo_max else { continue };
            let error = found.value / truth - 1.0;
            off.push(error);
            wide += (found.high - found.low) / found.value / 2.0 / 20.0;
            spent +=
                steps.iter().map(|s| (s.duration + s.warm_up).as_secs_f64()).sum::<f64>() / 20.0;
            hits += usize::from(found.low <= truth && truth <= found.high);
            within += usize::from(error.abs() <= 0.03);
            worst = worst.max(error.abs());
            let done = outcome.end == plimsoll::capacity::search::SearchEnd::Complete;
            complete += usize::from(done);
            confirmed += usize::from(outcome.confirmed && outcome.breach_shown);
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
         confirmed and breached {confirmed}",
        worst * 100.0,
        100.0 * f64::from(covered as u32) / f64::from(all as u32)
    );
}
