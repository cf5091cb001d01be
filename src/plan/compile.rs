//! Scenario → Plan: names become indices, templates are compiled, rates become iterations per second.
//!
//! All that reading alone cannot see is checked here: names that nothing defines, flows that use themselves,
//! rates that the users cannot carry. Like reading, compiling goes on behind a problem, so that the author
//! sees everything at once.

mod body;
mod data;
mod fingerprint;
mod flow;
mod http;
mod load;
mod objective;
mod recorded;
mod request;
mod split;
mod template;

use std::collections::BTreeMap;

use jiff::civil::Date;

use self::flow::FlowCompiler;
use self::template::TemplateCompiler;
use super::{CaptureSlot, Dataset, Plan, Shard, TemplateNames, TemplateSet};
use crate::scenario::schema::Workload;
use crate::scenario::{
    Loaded, Problem, ProblemKind, Problems, Scenario, SourceFiles, Span, Spanned,
};
use crate::units::{Nanos, Ratio, Seed, WorkRate};

/// What the command line changes.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Which workload; the first of the file if not given.
    pub workload: Option<String>,
    /// Where requests go.
    pub target: Option<String>,
    /// A second target.
    pub green: Option<String>,
    /// Its shares of the arrivals, each for an equal part of what is judged; what the stages say if empty.
    pub green_shares: Vec<Ratio>,
    /// A second target that plays every arrival as well; shares mean nothing then.
    pub duet: Option<String>,
    /// The highest rate. All stages are scaled so that the workload keeps its shape.
    pub rate: Option<WorkRate>,
    /// How long it lasts as a whole. All stages are scaled so that the workload keeps its shape.
    pub duration: Option<Nanos>,
    /// The maximum number of users.
    pub max_vus: Option<u32>,
    /// The share of think times that users take: 0.1 makes them ten times as quick.
    pub think: Option<Ratio>,
    /// Everything random follows from it.
    pub seed: Option<Seed>,
    /// Which part of the arrivals is ours.
    pub shard: Option<Shard>,
}

/// The seed of a run that gives none: the same for all, so that runs can be compared.
pub const DEFAULT_SEED: Seed = Seed::new(1);

/// Makes the plan of a scenario. `today` is what `date()` in templates counts from.
///
/// # Errors
/// Everything that is wrong, with what reading the files found already, by place.
pub fn compile(loaded: &Loaded, overrides: &Overrides, today: Date) -> Result<Plan, Vec<Problem>> {
    let Some(scenario) = &loaded.scenario else { return Err(loaded.problems.clone()) };
    let mut problems = Problems::default();
    let plan = plan(scenario, &loaded.sources, overrides, today, &mut problems);
    let mut all = Problems::default();
    let read_well = loaded.problems.is_empty();
    for problem in loaded.problems.iter().cloned() {
        all.report(problem.span, problem.kind);
    }
    for problem in problems.into_sorted() {
        if read_well || stands_alone(&problem, loaded) {
            all.report(problem.span, problem.kind);
        }
    }
    match (all.is_empty(), plan) {
        (true, Some(plan)) => Ok(plan),
        _ => Err(all.into_sorted()),
    }
}

fn plan(
    scenario: &Scenario,
    sources: &SourceFiles,
    overrides: &Overrides,
    today: Date,
    problems: &mut Problems,
) -> Option<Plan> {
    let data: Vec<Dataset> =
        scenario.data.iter().map(|file| data::read(file, sources, problems)).collect();
    let names = names(scenario, &data, problems);
    let set = TemplateSet::new(names, today);
    let templates = TemplateCompiler::new(&set, sources);
    let target = http::target(scenario, overrides, problems);
    let prefix = target.as_ref().map(|target| target.prefix.clone()).unwrap_or_default();
    let workload = load::choose(scenario, overrides, problems);
    let think = |workload: Option<&Workload>, overrides: &Overrides| {
        overrides.think.or_else(|| workload?.think).map_or(1.0, Ratio::get)
    };
    let mut flows =
        FlowCompiler::new((scenario, &data), templates, prefix.clone(), think(workload, overrides));
    let (journeys, demand) = flows.journeys(problems);
    let shares = flows.shares_of_data(&journeys);
    let parts = flows.finish();
    let loads = load::LoadCompiler {
        overrides,
        demand,
        files: &scenario.data,
        data: &data,
        shares: &shares,
        scenario,
        is_played: true,
    };
    let load = workload.and_then(|workload| loads.compile(workload, problems));
    // The other workloads are checked as well, as they stand in the file.
    let as_written = Overrides::default();
    for other in &scenario.workloads {
        if workload.is_none_or(|chosen| chosen.name != other.name) {
            // Quicker users watch for a shorter time, and so ask for less.
            let share = think(Some(other), &as_written);
            let mut flows = FlowCompiler::new((scenario, &data), templates, prefix.clone(), share);
            let (_, demand) = flows.journeys(&mut Problems::default());
            load::LoadCompiler { overrides: &as_written, demand, is_played: false, ..loads }
                .compile(other, problems);
        }
    }
    let split = workload
        .zip(load.as_ref())
        .zip(target.as_ref())
        .and_then(|(played, blue)| split::compile(scenario, played, overrides, blue, problems));
    let changes_sides = split.as_ref().is_some_and(|split| !split.is_duet());
    let sessions = flow::session_plans(scenario, &parts.sessions, changes_sides);
    let objectives = objective::compile(scenario, &parts.steps, problems);
    Some(Plan {
        name: scenario.name.value.clone(),
        workload: workload?.name.value.clone(),
        fingerprint: fingerprint::of(sources),
        seed: overrides.seed.unwrap_or(DEFAULT_SEED),
        shard: overrides.shard.unwrap_or(Shard::WHOLE),
        target: target?,
        split,
        http: http::plan(scenario),
        load: load?,
        hooks: workload.map(load::hooks).unwrap_or_default(),
        scenarios: journeys,
        iteration_time: Nanos::from_secs_f64(demand.seconds),
        steps: parts.steps,
        requests: parts.requests,
        streams: parts.streams,
        playbacks: parts.playbacks,
        sessions,
        address: templates.slot(ADDRESS),
        data,
        templates: set,
        objectives,
        allow_hosts: allowed_hosts(scenario),
        secrets: sources.secrets.clone(),
    })
}

fn allowed_hosts(scenario: &Scenario) -> Vec<String> {
    scenario.allow_hosts.iter().map(|host| host.value.to_ascii_lowercase()).collect()
}

/// The name, that no template can write, of the address that a user is forwarded for.
const ADDRESS: &str = "\u{0}address";

/// The names that templates may use: data sets, and everything that any step captures.
fn names(scenario: &Scenario, data: &[Dataset], problems: &mut Problems) -> TemplateNames {
    let datasets: BTreeMap<String, (u16, Vec<String>)> = data
        .iter()
        .enumerate()
        .map(|(position, set)| (set.name.clone(), (position as u16, set.columns.clone())))
        .collect();
    let mut slots = BTreeMap::new();
    for name in flow::captured_names(scenario) {
        let reserved = TemplateNames::BUILT_IN.contains(&name.value.as_str());
        if reserved || datasets.contains_key(&name.value) {
            problems.report(name.span, ProblemKind::NameTwice { name: name.value.clone() });
        }
        let next = CaptureSlot(slots.len() as u16);
        slots.entry(name.value.clone()).or_insert(next);
    }
    let address = (!scenario.http.forwarded_for.is_empty()).then(|| ADDRESS.to_owned());
    for name in flow::hidden_names(scenario).into_iter().chain(address) {
        let next = CaptureSlot(slots.len() as u16);
        slots.entry(name).or_insert(next);
    }
    TemplateNames { datasets, slots }
}

/// Whether a problem is not merely what another one left behind: a step that could not be read captures
/// nothing, a data set that could not be read has no columns.
fn stands_alone(problem: &Problem, loaded: &Loaded) -> bool {
    if loaded.problems.iter().any(|cause| problem.span.contains(cause.span)) {
        return false;
    }
    match &problem.kind {
        ProblemKind::NoRequests { .. } | ProblemKind::RateOfNothing | ProblemKind::WeightsZero => {
            false
        }
        ProblemKind::UnknownColumn { known, .. } => !known.is_empty(),
        ProblemKind::UnknownName { name, .. } | ProblemKind::UsedBeforeCapture { name } => {
            !written_as_key(name, loaded)
        }
        _ => true,
    }
}

/// Whether `name:` is written somewhere, so that it would be known if its part had been read.
fn written_as_key(name: &str, loaded: &Loaded) -> bool {
    let written = |text: &str| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].trim_start();
            after.starts_with(':') && !before.is_some_and(char::is_alphanumeric)
        })
    };
    loaded.sources.iter().next().is_some_and(|source| written(&source.text))
        || loaded.sources.iter().any(|source| source.text.contains(&format!("name: {name}")))
}

/// A name from a text that is not in a file.
fn on_command_line(text: &str) -> Spanned<String> {
    Spanned::new(text.to_owned(), Span::COMMAND_LINE)
}

#[cfg(test)]
mod tests;
