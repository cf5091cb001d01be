//! The servers of `sockets` in virtual time: the same laws and the same search, without sockets and without waiting.

use std::collections::BTreeMap;

use plimsoll::capacity::Histogram;
use plimsoll::capacity::model::CapacityModel;
use plimsoll::capacity::search::{CapacitySearch, SearchAction, SearchOutcome};
use plimsoll::capacity::slo_limits::SloLimit;
use plimsoll::capacity::step::{AbortReason, AbortRule, Batch, StepPurpose, StepResult, TierUse};
use plimsoll::units::{Nanos, RandomStream, Rate, Ratio, Seed};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::super::known::{five_minutes, print_steps};
use super::is_asked;
use super::kinds::{SocketServer, servers};
use super::law::{KnownState, RequestFate, ServerGauges};
use super::truth::truth;
use crate::Asked;

const SECOND: u64 = 1_000_000_000;

/// A server that is searched, at some moment of virtual time.
struct Rehearsal<'a> {
    server: &'a SocketServer,
    state: KnownState,
    now: u64,
    random: Pcg64Mcg,
}

/// A second of a step as it comes in.
#[derive(Default)]
struct PlayedSecond {
    times: Vec<(Nanos, u64)>,
    refused: [u64; 2],
    arrived: u64,
    left: u64,
}

/// Each server searched five times in five minutes of virtual time.
pub(crate) fn rehearsal(asked: &Asked) {
    const RUNS: u64 = 5;
    let (mut within, mut above, mut named, mut confirmed, mut all) = (0, 0, 0, 0, 0);
    for (index, server) in servers().iter().enumerate() {
        if !is_asked(server, asked) {
            continue;
        }
        let truth = truth(server);
        print!("{:26} truth {truth:7.1}/s  claimed", server.name);
        let mut wrong = Vec::new();
        for run in 0..RUNS {
            let seed = 100 * index as u64 + run + 1_000_000 * asked.seed;
            let (steps, outcome) = search(server, seed);
            if asked.steps {
                print_steps(&limits(server)[0], &steps);
            }
            let error = outcome.held.map_or(f64::NAN, |held| held.rate.get() / truth - 1.0);
            let stack = server.stack_model();
            let model = CapacityModel::fit(&stack, &limits(server), &steps, outcome.rate_limit());
            let full = model.ok().and_then(|model| model.ceilings(&model.present).first().cloned());
            let is_named = full.as_ref().is_some_and(|full| full.resource == server.bottleneck);
            within += usize::from((-0.03..=0.01).contains(&error));
            above += usize::from(error > 0.01);
            named += usize::from(is_named);
            confirmed += usize::from(outcome.confirmed);
            all += 1;
            print!(" {:+.1}{}", 100.0 * error, if outcome.confirmed { "" } else { "?" });
            if !is_named {
                wrong.push(full.map_or_else(|| "nothing".to_owned(), |full| full.to_string()));
            }
        }
        println!(" %  {}", wrong.join("; "));
    }
    println!(
        "{all} searches: claim within −3 … +1 % of the truth {within}, more than 1 % above {above}, right bottleneck \
         {named}, confirmed {confirmed} (?: not)"
    );
}

fn limits(server: &SocketServer) -> [SloLimit; 2] {
    let max = Nanos::from_secs_f64(server.p95_ms / 1e3);
    [
        SloLimit::Quantile { p: Ratio::new(0.95), max },
        SloLimit::ErrorRate { max: Ratio::new(server.errors_max) },
    ]
}

fn search(server: &SocketServer, seed: u64) -> (Vec<StepResult>, SearchOutcome) {
    let mut plan = five_minutes(limits(server)[0], seed);
    plan.slo_limits = limits(server).to_vec();
    plan.cores = server.stack_model().cores();
    let rule = AbortRule::for_slo_limits(&plan.slo_limits);
    let warm_up = plan.warm_up;
    let mut search = CapacitySearch::new(plan);
    let mut played = Rehearsal {
        server,
        state: KnownState::new(server.law, Seed::new(seed)),
        now: 0,
        random: Seed::new(seed).stream(RandomStream::Arrivals, 0),
    };
    loop {
        match search.next_action() {
            SearchAction::Measure { rate, hold, purpose } => {
                let mut step = played.step((rate, warm_up, hold), &rule);
                step.purpose = purpose;
                search.on_step(step);
            }
            SearchAction::Done(outcome) => return (search.steps().to_vec(), *outcome),
        }
    }
}

impl Rehearsal<'_> {
    /// One step, stopped early where `rule` says so; the server is empty afterwards.
    fn step(
        &mut self,
        (rate, warm_up, hold): (Rate, Nanos, Nanos),
        rule: &AbortRule,
    ) -> StepResult {
        let seconds = (warm_up + hold).get() / SECOND;
        let began = self.now;
        let mut arrivals: Vec<u64> = (0..(rate.get() * seconds as f64).round() as u64)
            .map(|_| began + (self.random.random::<f64>() * (seconds * SECOND) as f64) as u64)
            .collect();
        arrivals.sort_unstable();
        let mut all: Vec<PlayedSecond> = Vec::new();
        let mut gauges = Vec::new();
        let mut arrivals = arrivals.into_iter().peekable();
        for second in 1..=seconds {
            let until = began + second * SECOND;
            while let Some(at) = arrivals.next_if(|at| *at < until) {
                self.arrive(at, began, &mut all);
            }
            gauges.push(self.state.gauges(until));
        }
        all.resize_with(all.len().max(seconds as usize), PlayedSecond::default);
        let cut = (warm_up.get() / SECOND) as usize;
        let stopped = stopped(&all[..seconds as usize], rate, rule);
        let end = stopped.map_or(seconds as usize, |(end, _)| end.max(cut + 1));
        // Whatever waits has gone by then.
        self.now = began + (all.len() as u64 + 1) * SECOND;
        let held = &all[cut..end];
        StepResult {
            purpose: StepPurpose::Refine,
            offered: rate,
            warm_up,
            duration: Nanos::new(held.len() as u64 * SECOND),
            dispersion: 1.0,
            batches: held.iter().map(PlayedSecond::batch).collect(),
            others: None,
            tiers: self.used(&gauges[cut - 1..end]),
            hit_ratio: None,
            aborted: stopped.map(|(_, why)| why),
            valid: true,
        }
    }

    fn arrive(&mut self, at: u64, began: u64, all: &mut Vec<PlayedSecond>) {
        let mut second = |at: u64| {
            let index = ((at - began) / SECOND) as usize;
            while all.len() <= index {
                all.push(PlayedSecond::default());
            }
            index
        };
        let came = second(at);
        match self.state.arrive(at) {
            RequestFate::Answered(end) => {
                let gone = second(end);
                // To 50 µs, as a recorder has its buckets.
                all[gone].times.push((Nanos::new((end - at).next_multiple_of(50_000)), 1));
                all[gone].left += 1;
            }
            RequestFate::Refused(status) => {
                all[came].refused[usize::from(status == 429)] += 1;
                all[came].left += 1;
            }
        }
        all[came].arrived += 1;
    }

    /// What is read of the server once a second, as a search reads it.
    fn used(&self, gauges: &[ServerGauges]) -> Vec<TierUse> {
        let spans = (gauges.len() - 1).max(1) as f64;
        let mean = |of: fn(&ServerGauges) -> usize| {
            gauges[1..].iter().map(|gauge| of(gauge) as f64).sum::<f64>() / spans
        };
        let cores = (gauges[gauges.len() - 1].cpu_s - gauges[0].cpu_s) / spans;
        let api = TierUse {
            tier: "api".to_owned(),
            cores_used: Some(cores),
            in_flight: Some(mean(|gauge| gauge.in_flight)),
            connections: match self.server.told.pool {
                Some(_) => [("db".to_owned(), mean(|gauge| gauge.busy))].into(),
                None => BTreeMap::new(),
            },
            memory: None,
        };
        let db = TierUse { tier: "db".to_owned(), ..TierUse::default() };
        std::iter::once(api).chain(self.server.told.database.then_some(db)).collect()
    }
}

/// After how many seconds `rule` stops a step, and why.
fn stopped(all: &[PlayedSecond], rate: Rate, rule: &AbortRule) -> Option<(usize, AbortReason)> {
    let (mut present, mut in_flight) = (0, Vec::new());
    all.iter().enumerate().find_map(|(index, second)| {
        present += second.arrived;
        present -= second.left;
        in_flight.push(present);
        let answered = second.times.len() as u64;
        Some((index + 1, rule.judge(rate, &in_flight, second.refused[0], answered)?))
    })
}

impl PlayedSecond {
    fn batch(&self) -> Batch {
        let [errors, throttled] = self.refused;
        Batch { response: Histogram::from_pairs(self.times.iter().copied()), errors, throttled }
    }
}
