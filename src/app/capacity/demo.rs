//! `plimsoll demo SYSTEM --capacity`: a search on a simulated stack, and its prediction checked on another.

use crate::capacity::section::SectionFindings;
use crate::cli;
use crate::units::Nanos;

use super::super::embedded;
use super::super::exit::{Exit, Failure};
use super::super::output::say;
use super::super::runtime::runtime;
use super::super::simulated_stack::{DemoStack, visitors};
use super::{begun, checking, conclusion, play, spoken};

/// The search and the check of its prediction together take less than five minutes.
const SEARCH: Nanos = Nanos::from_secs(185);

const CHECK: Nanos = Nanos::from_secs(90);

/// Searches, then checks what the model says of one replica more.
pub(in super::super) fn demo(args: &cli::DemoArgs) -> Result<Exit, Failure> {
    let system = args.system.name();
    let runtime = runtime()?;
    let stack = DemoStack::start(system, &cli::StackChangeArgs::default())?;
    if !args.output.quiet {
        say(&format!("demo {system}: a simulated stack answers at {}", stack.url));
    }
    let mut asked = asked(args, &stack.url);
    let mut campaign = begun(&runtime, &asked)?;
    runtime.block_on(campaign.site.look(true));
    let (left, folder) = play(&runtime, campaign)?;
    drop(stack);
    let found = conclusion(&folder, &args.output)?;
    let check = found.findings().and_then(one_more).filter(|_| !left.is_interrupted());
    let Some((tier, replicas)) = check else {
        return spoken(&found, &folder, &args.output, left);
    };
    say(&format!("checking the model's prediction for {tier} with {replicas} replicas"));
    let other =
        cli::StackChangeArgs { replicas: vec![(tier.clone(), replicas)], ..Default::default() };
    let stack = DemoStack::start(system, &other)?;
    asked.target = Some(stack.url.clone());
    asked.within = CHECK;
    asked.replicas = vec![(tier, vec![replicas])];
    let mut campaign = checking(&runtime, &asked, &folder)?;
    runtime.block_on(campaign.site.look(true));
    let (left, folder) = play(&runtime, campaign)?;
    let found = conclusion(&folder, &args.output)?;
    spoken(&found, &folder, &args.output, left)
}

/// The bottleneck's tier with one replica more than deployed, or one fewer where that is the most.
fn one_more(found: &SectionFindings) -> Option<(String, u32)> {
    let tier = &found.section.scaled.first()?.tier;
    let stack = &found.model.as_ref()?.present;
    let index = found.model.as_ref()?.tiers.iter().position(|known| known.name == *tier)?;
    let now = stack[index].replicas;
    let most = found.section.scaled.iter().map(|row| row.replicas).max()?;
    let other = if now < most { now + 1 } else { now - 1 };
    (other > 0).then(|| (tier.clone(), other))
}

fn asked(args: &cli::DemoArgs, url: &str) -> cli::CapacityArgs {
    let load = &args.load;
    cli::CapacityArgs {
        path: Some(embedded::folder(args.system.name())),
        target: Some(url.to_owned()),
        within: SEARCH,
        load: cli::SearchLoadArgs {
            workload: Some(load.workload.clone().unwrap_or_else(|| "demo".to_owned())),
            think: load.think,
            seed: load.seed,
            max_vus: load.max_vus,
            workers: load.workers,
            ..cli::SearchLoadArgs::default()
        },
        set: visitors().to_vec(),
        replicas: Vec::new(),
        cores: Vec::new(),
        peak: None,
        growth: None,
        no_spare: false,
        resume: None,
        verify: None,
        simulate: None,
        of: None,
        fleet: cli::FleetArgs::default(),
        no_preflight: false,
        tui: false,
        no_tui: false,
        i_may_load: Vec::new(),
        output: args.output.clone(),
    }
}
