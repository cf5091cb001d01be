//! `plimsoll capacity`: the highest rate within the SLO table, and what to buy for more.

pub(super) mod demo;
mod drive;
mod observer;
mod played;
mod progress;
mod result;
mod search_scenario;
mod what_if;

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use crate::capacity::choice::RequiredCapacity;
use crate::capacity::notes::{CapacityNote, LoadOrigin, LoggedSearch, SearchNote};
use crate::capacity::search::{CapacitySearch, RULES, SearchPlan};
use crate::capacity::slo_limits::SloLimit;
use crate::capacity::stack::{Deployed, ReplicaSize, StackModel, TierDeployment};
use crate::cli;
use crate::metrics::{RunLine, RunLog};
use crate::plan::DEFAULT_SEED;
use crate::slo::default_error_rows;
use crate::transport::Clock;
use crate::units::{Nanos, Rate, Ratio, Seed};

use super::asked::FleetRole;
use super::conclusion::{OutcomeFormat, RunConclusion, conclude, strictness};
use super::conditions::{HeaderConditions, is_secret};
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::header::header;
use super::output::say;
use super::preflight::look_ahead;
use super::prepare::FileRecord;
use super::proxies::unused_proxies;
use super::runtime::runtime;
#[cfg(feature = "tui")]
use super::tui::{LastRun, SearchScreen, refused_without_terminal as refused_without_screen};
use super::{files, wall};

use drive::{SearchExit, SearchRun};
use observer::SearchObserver;
use played::SearchAgents;
use progress::SearchProgress;
pub(super) use result::SearchResults;
use result::{earlier, no_search};
pub(super) use search_scenario::{
    SearchLimits, SearchScenario, SearchSource, search_overrides, without_stack,
};

/// The deployment that a recommendation has to meet with this probability (DESIGN §8).
const CONFIDENCE: f64 = 0.95;

/// Searches, goes on with a search, checks a prediction, or plays a change, as the command line asks.
pub(super) fn capacity(args: &cli::CapacityArgs) -> Result<Exit, Failure> {
    if let (Some(change), Some(run)) = (&args.simulate, &args.of) {
        return what_if::play(change, run);
    }
    let on_screen = args.tui && !args.no_tui;
    if on_screen {
        refused_without_screen()?;
    }
    let runtime = runtime()?;
    let mut campaign = match (&args.resume, &args.verify) {
        (Some(run), _) => resumed(&runtime, args, run)?,
        (None, Some(run)) => checking(&runtime, args, run)?,
        (None, None) => begun(&runtime, args)?,
    };
    runtime.block_on(campaign.site.look(false));
    if on_screen {
        return play_on_screen(runtime, campaign, &args.output);
    }
    let (left, folder) = play(&runtime, campaign)?;
    let found = conclusion(&folder, &args.output)?;
    spoken(&found, &folder, &args.output, left)
}

/// Plays a search to its end. Says how it was left, and where its log is.
fn play(runtime: &Runtime, mut campaign: SearchRun) -> Result<(SearchExit, PathBuf), Failure> {
    let left = runtime.block_on(campaign.play())?;
    Ok((left, campaign.folder.path().to_owned()))
}

/// Plays a search on the screen, and shows there what it came to.
#[cfg(feature = "tui")]
fn play_on_screen(
    runtime: tokio::runtime::Runtime,
    mut campaign: SearchRun,
    output: &cli::OutputArgs,
) -> Result<Exit, Failure> {
    let slo_limits = campaign.note.plan.slo_limits.clone();
    let header = &campaign.header;
    let mut screen = SearchScreen::open(&header.name, &header.target, slo_limits)?;
    screen.follow(&campaign.search);
    campaign.watcher = SearchObserver::Screen(Box::new(screen));
    let left = runtime.block_on(campaign.play())?;
    let folder = campaign.folder.path().to_owned();
    let found = conclusion(&folder, output)?;
    let exit = if left.is_interrupted() { Exit::Interrupted } else { found.exit };
    match campaign.watcher {
        SearchObserver::Screen(screen) => {
            screen.conclude(runtime, output, LastRun { found, folder, exit })
        }
        SearchObserver::Lines(_) => spoken(&found, &folder, output, left),
    }
}

#[cfg(not(feature = "tui"))]
fn refused_without_screen() -> Result<(), Failure> {
    Err(Failure::new(Exit::Usage, "error: this build has no terminal UI; leave out `--tui`"))
}

#[cfg(not(feature = "tui"))]
fn play_on_screen(
    runtime: tokio::runtime::Runtime,
    campaign: SearchRun,
    output: &cli::OutputArgs,
) -> Result<Exit, Failure> {
    let (left, folder) = play(&runtime, campaign)?;
    spoken(&conclusion(&folder, output)?, &folder, output, left)
}

/// Writes the reports of the log in `folder`.
fn conclusion(folder: &Path, output: &cli::OutputArgs) -> Result<RunConclusion, Failure> {
    let (log, folder) = files::read_log(folder)?;
    conclude(&log, &folder, strictness(output.strict))
}

/// Prints what a search came to, and says how the process ends.
fn spoken(
    found: &RunConclusion,
    folder: &Path,
    output: &cli::OutputArgs,
    left: SearchExit,
) -> Result<Exit, Failure> {
    let exit = if left.is_interrupted() { Exit::Interrupted } else { found.exit };
    let exit = found.print(folder, OutcomeFormat::of(output.quiet, output.format), exit)?;
    if left.is_interrupted() {
        say(&format!("resume with: plimsoll capacity --resume {}", folder.display()));
    }
    Ok(exit)
}

/// Where the command line has the load of a new search come from.
pub(super) fn load_origin(args: &cli::CapacityArgs) -> LoadOrigin {
    let path = args.path.as_deref().unwrap_or(Path::new("."));
    LoadOrigin {
        path: path.display().to_string(),
        target: args.target.clone(),
        workload: args.load.workload.clone(),
        think: args.load.think,
        settings: args.set.clone(),
    }
}

/// A new search.
fn begun(runtime: &Runtime, args: &cli::CapacityArgs) -> Result<SearchRun, Failure> {
    let origin = load_origin(args);
    let (site, read) = open(runtime, args, &origin)?;
    let stack = site.stack(&now(args))?;
    let need = need(args, &site);
    let plan = plan(args, &site, &stack)?;
    let note = SearchNote {
        plan,
        stack,
        need,
        predict: predict(args),
        dispersion: dispersion(&site),
        origin: without_secrets(origin),
    };
    let started = wall::now();
    let facts = note.stack.tiers.iter().map(|tier| (tier.name.clone(), deployed(tier)));
    let forecast_peak = need.map(|need| need.rate());
    let conditions = HeaderConditions { facts: facts.collect(), forecast_peak };
    let header = header(&site.plan, started, site.options.workers, conditions);
    let mut folder = RunFolder::create(&args.output.out, &site.plan.name, started)?;
    folder.append(&RunLine::Run(header.clone()))?;
    folder.append(&RunLine::Capacity(CapacityNote::Search(Box::new(note.clone())).to_line()))?;
    Ok(SearchRun {
        search: CapacitySearch::new(note.plan.clone()),
        watcher: SearchObserver::Lines(SearchProgress::new(args.output.quiet, 0)),
        clock: Clock::starting_in(Nanos::ZERO),
        before: Nanos::ZERO,
        agents: agents(args, read),
        site,
        folder,
        header,
        note,
    })
}

/// The variance of the number of requests in a long span over its mean.
fn dispersion(site: &SearchScenario) -> f64 {
    let scenarios = site.plan.scenarios.iter();
    dispersion_of(scenarios.map(|scenario| (scenario.weight, scenario.requests_per_iteration)))
}

/// The same of journeys with weights and mean numbers of requests: of journeys that begin one by one it is E[m²]/E[m]. The
/// spread of a journey's own number is not known; one of several requests is taken to vary by as much as it brings,
/// one of a single request not at all.
fn dispersion_of(journeys: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (squares, requests) = journeys.fold((0.0, 0.0), |(squares, requests), (weight, mean)| {
        let each = if mean > 1.0 { 2.0 * mean } else { 1.0 };
        (squares + weight * mean * each, requests + weight * mean)
    });
    if requests > 0.0 { (squares / requests).max(1.0) } else { 1.0 }
}

/// Adds the settings that are given again: those that the log does not hold.
fn set_again(origin: &mut LoadOrigin, args: &cli::CapacityArgs) {
    let new = |setting: &&(String, String)| !origin.settings.contains(setting);
    let new: Vec<(String, String)> = args.set.iter().filter(new).cloned().collect();
    origin.settings.extend(new);
}

/// Settings that must not reach a log have to be given again to go on.
fn without_secrets(mut origin: LoadOrigin) -> LoadOrigin {
    origin.settings.retain(|(path, value)| !is_secret(path, value));
    origin
}

fn deployed(tier: &crate::capacity::stack::CapacityTier) -> String {
    format!("{} × {} cores", tier.replicas, tier.size.cores)
}

/// Goes on with the last search of a log.
fn resumed(runtime: &Runtime, args: &cli::CapacityArgs, run: &Path) -> Result<SearchRun, Failure> {
    let (log, folder, mut searches) = earlier(run)?;
    let last = searches.pop().ok_or_else(|| no_search(run))?;
    let mut origin = last.note.origin.clone();
    set_again(&mut origin, args);
    origin.target = args.target.clone().or(origin.target);
    let (site, read) = open(runtime, args, &origin)?;
    unchanged(&site, &log)?;
    say(&format!("resuming after {} steps", last.steps.len()));
    Ok(SearchRun {
        search: last.search(),
        watcher: SearchObserver::Lines(SearchProgress::new(args.output.quiet, last.steps.len())),
        clock: Clock::starting_in(Nanos::ZERO),
        before: log.duration() + Nanos::from_secs(1),
        agents: agents(args, read),
        site,
        folder: RunFolder::reopen(&folder)?,
        header: log.header,
        note: last.note,
    })
}

/// Checks what the model of a log says of the present deployment.
fn checking(runtime: &Runtime, args: &cli::CapacityArgs, run: &Path) -> Result<SearchRun, Failure> {
    let (log, folder, searches) = earlier(run)?;
    let first = searches.first().ok_or_else(|| no_search(run))?;
    let mut origin = first.note.origin.clone();
    set_again(&mut origin, args);
    origin.target = args.target.clone().or(origin.target);
    let (site, read) = open(runtime, args, &origin)?;
    unchanged(&site, &log)?;
    let stack = stack_to_check(args, first, &searches)?;
    let found = crate::capacity::section::findings(&searches);
    let model = found.and_then(|found| found.model);
    let predicted = model.as_ref().map(|model| model.slo_max(&stack.present()));
    let Some((model, predicted)) = model.zip(predicted).filter(|(_, rate)| *rate > 0.0) else {
        return Err(Failure::new(Exit::Usage, "error: this run has no model to check"));
    };
    say(&format!("predicted: {} req/s with {}", predicted.round(), words(&stack)));
    // The cache of the changed stack may be empty again.
    let coldest = model.at_lowest_hits().slo_max(&stack.present());
    let plan = SearchPlan {
        start: Rate::per_second(RULES.check_start * coldest),
        climb: if coldest < RULES.check_cold * predicted {
            RULES.check_climb_cold
        } else {
            RULES.check_climb
        },
        budget: args.within,
        cores: stack.cores(),
        ..first.note.plan.clone()
    };
    let note = SearchNote {
        plan,
        stack,
        need: None,
        predict: Vec::new(),
        dispersion: dispersion(&site),
        origin: without_secrets(origin),
    };
    let mut folder = RunFolder::reopen(&folder)?;
    folder.append(&RunLine::Capacity(CapacityNote::Search(Box::new(note.clone())).to_line()))?;
    Ok(SearchRun {
        search: CapacitySearch::new(note.plan.clone()),
        watcher: SearchObserver::Lines(SearchProgress::new(args.output.quiet, 0)),
        clock: Clock::starting_in(Nanos::ZERO),
        before: log.duration() + Nanos::from_secs(1),
        agents: agents(args, read),
        site,
        folder,
        header: log.header,
        note,
    })
}

/// The stack as it is deployed now: `--replicas` and `--cores`, or what was recommended.
fn stack_to_check(
    args: &cli::CapacityArgs,
    first: &LoggedSearch,
    searches: &[LoggedSearch],
) -> Result<StackModel, Failure> {
    let mut stack = first.note.stack.clone();
    let deployed = now(args);
    if deployed.is_empty() {
        let found = crate::capacity::section::findings(searches);
        let Some(deployment) = found.and_then(|found| found.deployment) else {
            return Err(Failure::new(
                Exit::Usage,
                "error: this run recommends nothing to check\nhint: say what is deployed now, \
                 `--replicas api=3` or `--cores api=2`",
            ));
        };
        for (tier, deployed) in stack.tiers.iter_mut().zip(deployment) {
            let TierDeployment { replicas, cores, memory, monthly_cost } = deployed;
            tier.replicas = replicas;
            tier.size = ReplicaSize { cores, memory, monthly_cost };
        }
        return Ok(stack);
    }
    let unknown =
        deployed.tiers().find(|(_, name)| stack.tiers.iter().all(|tier| tier.name != *name));
    if let Some((option, name)) = unknown {
        let why = format!("error: `{option}`: no tier is called `{name}`");
        return Err(Failure::new(Exit::Usage, why));
    }
    for tier in &mut stack.tiers {
        tier.replicas = deployed.replicas_of(&tier.name).unwrap_or(tier.replicas);
        if let Some(cores) = deployed.cores_of(&tier.name) {
            let ReplicaSize { memory, .. } = tier.size;
            tier.size = ReplicaSize { cores, memory, monthly_cost: tier.size.priced(cores) };
        }
    }
    Ok(stack)
}

fn words(stack: &StackModel) -> String {
    let tiers = stack.tiers.iter().map(|tier| format!("{} {}", tier.name, deployed(tier)));
    tiers.collect::<Vec<_>>().join(", ")
}

fn unchanged(site: &SearchScenario, log: &RunLog) -> Result<(), Failure> {
    if site.plan.fingerprint == log.header.scenario_hash {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "error: the scenario has changed since, so its steps cannot be compared\nhint: begin a new search",
    ))
}

/// What the command line says is deployed now.
fn now(args: &cli::CapacityArgs) -> Deployed {
    let first = |(tier, counts): &(String, Vec<u32>)| Some((tier.clone(), *counts.first()?));
    Deployed {
        replicas: args.replicas.iter().filter_map(first).collect(),
        cores: args.cores.clone(),
    }
}

/// The replicas that predictions are asked for.
fn predict(args: &cli::CapacityArgs) -> Vec<(String, u32)> {
    let later = |(tier, counts): &(String, Vec<u32>)| -> Vec<(String, u32)> {
        counts.iter().skip(1).map(|count| (tier.clone(), *count)).collect()
    };
    args.replicas.iter().flat_map(later).collect()
}

/// The scenario, checked, and its target, reached.
fn open(
    runtime: &Runtime,
    args: &cli::CapacityArgs,
    origin: &LoadOrigin,
) -> Result<(SearchScenario, FileRecord), Failure> {
    let role = FleetRole::of(&args.fleet);
    #[cfg(not(feature = "fleet"))]
    if matches!(role, FleetRole::Leader(_)) {
        return Err(Failure::without_fleet());
    }
    let limits = SearchLimits { workers: args.load.workers, max_vus: args.load.max_vus };
    let read = FileRecord::default();
    let source = SearchSource { origin, seed: args.load.seed, role, read: &read };
    let site = SearchScenario::open(&source, limits, &args.i_may_load)?;
    // What is wrong with the command line is reported first.
    site.stack(&now(args))?;
    for sentence in unused_proxies(&site.plan, &files::variable) {
        say(&format!("warning: {sentence}"));
    }
    if !args.no_preflight {
        let told = look_ahead(runtime, &site.plan, &site.options)?;
        for sentence in told {
            say(&format!("warning: {sentence}"));
        }
    }
    Ok((site, read))
}

/// The agents that the command line asks for.
fn agents(args: &cli::CapacityArgs, read: FileRecord) -> Option<SearchAgents> {
    let files = read.files();
    let preflight = !args.no_preflight;
    args.fleet.agents.map(|_| SearchAgents {
        args: args.fleet.clone(),
        files,
        preflight,
        #[cfg(feature = "fleet")]
        pulse: None,
    })
}

/// What the stack has to carry, if anybody has said so.
fn need(args: &cli::CapacityArgs, site: &SearchScenario) -> Option<RequiredCapacity> {
    let forecast = site.forecast();
    let (peak, growth) = match (args.peak, forecast) {
        (Some(peak), _) => (peak, 0.0),
        (None, Some(forecast)) => forecast,
        (None, None) => return None,
    };
    Some(RequiredCapacity {
        peak: site.requests(peak),
        growth: args.growth.unwrap_or(Ratio::new(growth)),
        confidence: Ratio::new(CONFIDENCE),
        n_plus_1: !args.no_spare,
        seed: seed(args),
    })
}

fn seed(args: &cli::CapacityArgs) -> Seed {
    args.load.seed.map_or(DEFAULT_SEED, Seed::new)
}

fn plan(
    args: &cli::CapacityArgs,
    site: &SearchScenario,
    stack: &StackModel,
) -> Result<SearchPlan, Failure> {
    let names = site.plan.scenarios.iter().map(|scenario| scenario.name.as_str());
    let default = default_error_rows(&site.plan.objectives, &site.plan.steps, names);
    let slo_limits = SloLimit::all(&[site.plan.objectives.as_slice(), &default].concat());
    if site.plan.objectives.iter().all(|objective| objective.limit.is_none()) {
        return Err(Failure::new(
            Exit::Usage,
            "error: no objective has a max, so no rate is too high\nhint: write `slo: { p95: { max: 500ms } }`",
        ));
    }
    let shortest =
        Nanos::from_secs_f64(args.within.as_secs_f64() / RULES.steps_in_budget).max(RULES.hold_min);
    let hold = args.load.hold.unwrap_or(shortest);
    // Journeys have to be under way in all their steps before requests come at their full rate.
    let iterations = RULES.warm_up_iterations * site.plan.iteration_time.as_secs_f64();
    let warm_up = (RULES.warm_up_share * hold.as_secs_f64()).max(iterations);
    let [shortest, longest] = RULES.warm_up_seconds;
    let start = args.load.start.map(|rate| site.requests(rate));
    let start = start.unwrap_or_else(|| site.workload_peak().times(RULES.start_share));
    let rate_max = args.load.max_rate.map(|rate| site.requests(rate));
    Ok(SearchPlan {
        slo_limits,
        start: if start > Rate::ZERO { start } else { Rate::per_second(RULES.start) },
        climb: RULES.climb,
        rate_max: rate_max.unwrap_or(Rate::per_second(RULES.rate_max)),
        hold,
        hold_max: (hold * RULES.hold_stretch)
            .min(Nanos::new(args.within.get() / RULES.longest_share))
            .max(hold),
        warm_up: Nanos::from_secs_f64(warm_up.clamp(shortest, longest)),
        budget: args.within,
        cores: stack.cores(),
        seed: seed(args),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_come_one_by_one_are_no_more_uneven_than_their_arrivals() {
        let of = |journeys: &[(f64, f64)]| dispersion_of(journeys.iter().copied());
        assert!((of(&[(1.0, 1.0)]) - 1.0).abs() < 1e-12);
        assert!((of(&[(1.0, 4.0)]) - 8.0).abs() < 1e-12);
        // Of 13 requests, one comes alone and twelve in journeys: (1 · 1 + 12 · 24) / 13.
        assert!((of(&[(1.0, 1.0), (1.0, 12.0)]) - 289.0 / 13.0).abs() < 1e-12);
        assert!((of(&[(1.0, 0.0)]) - 1.0).abs() < 1e-12, "no request at all");
    }
}
