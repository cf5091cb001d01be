//! Scenario → Plan: names become indices, templates are compiled, rates become iterations per second.
//!
//! All that reading alone cannot see is checked here: names that nothing defines, flows that use themselves,
//! rates that the users cannot carry. Like reading, compiling goes on behind a problem, so that the author
//! sees everything at once.

mod body;
mod browser;
mod chosen;
mod closed;
mod data;
mod demand;
mod fingerprint;
mod flow;
mod http;
mod load;
mod names;
mod objective;
mod recorded;
mod request;
mod split;
mod template;
mod workload;

use jiff::civil::Date;

use self::flow::{FlowChoice, FlowCompiler};
use self::load::LoadCompiler;
use self::names::ADDRESS;
use self::split::SplitCompiler;
use self::template::TemplateCompiler;
use self::workload::PlayedLoad;
use super::{DEFAULT_SEED, HttpPlan, Overrides, Plan, TemplateSet};
use plimsoll_scenario::schema::Workload;
use plimsoll_scenario::{Loaded, Problem, ProblemKind, Problems, Scenario, SourceFiles, Span};
use plimsoll_units::{Nanos, Ratio};

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
    let found = problems.into_sorted();
    // Where nothing has a weight, nothing counts; that is said once.
    let weighs_nothing = found.iter().any(|one| one.kind == ProblemKind::WeightsZero);
    for problem in found {
        if weighs_nothing && problem.kind == ProblemKind::RateOfNothing {
            continue;
        }
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
    let mut data = data::read_all(scenario, sources, problems);
    let names = names::of(scenario, &data, problems);
    let set = TemplateSet::new(names, today, sources.texts().collect(), overrides.part());
    let templates = TemplateCompiler::new(&set, sources);
    let target = http::target(scenario, overrides, problems);
    let prefix = target.as_ref().map(|target| target.prefix.clone()).unwrap_or_default();
    let workload = load::choose(scenario, overrides, problems);
    let choice = FlowChoice::of(overrides, think(workload, overrides));
    let flows_of = |choice| FlowCompiler::new((scenario, &data), templates, prefix.clone(), choice);
    let mut flows = flows_of(choice);
    let (mut journeys, demands) = flows.journeys(problems);
    let given = flows.given().clone();
    let parts = flows.finish();
    let loads = LoadCompiler::new(scenario, &data, &demands, overrides);
    let played = workload.and_then(|chosen| workload::compile(chosen, &loads, problems));
    check_others(workload, &loads, choice, &flows_of, problems);
    let sides = workload.zip(played.as_ref()).zip(target.as_ref());
    let split = sides.and_then(|((workload, of), blue)| {
        SplitCompiler { scenario, workload, overrides, blue }.compile(&of.load, problems)
    });
    let changes_sides = split.as_ref().is_some_and(|split| !split.is_duet());
    let sessions = flow::session_plans(scenario, &parts.sessions, changes_sides);
    let visits = (workload, think(workload, overrides));
    let browsers = browser::compile(scenario, templates.after(Some(&given)), visits, problems);
    let objectives = objective::compile(scenario, &parts.steps, problems);
    let abort = objective::abort_conditions(scenario, &parts.steps, problems);
    let http = http::plan(scenario, sources, problems);
    if let Some(PlayedLoad { load, shares, .. }) = &played {
        load::note_wanted(&mut data, (load, shares), overrides);
    }
    let mut played = played?;
    chosen::keep_played(&mut journeys, &mut played);
    let PlayedLoad { load, demand, .. } = played;
    Some(Plan {
        name: scenario.name.value.clone(),
        workload: workload?.name.value.clone(),
        fingerprint: fingerprint::of(sources),
        seed: overrides.seed.unwrap_or(DEFAULT_SEED),
        shard: overrides.part(),
        target: target?,
        split,
        secrets: secrets(sources, &http),
        http,
        load,
        graceful_stop: workload.and_then(|of| of.graceful_stop).unwrap_or_default(),
        hooks: workload.map(load::hooks).unwrap_or_default(),
        scenarios: journeys,
        lifecycle: parts.lifecycle,
        iteration_time: Nanos::from_secs_f64(demand.seconds),
        abort,
        step_limits: objective::step_limits(&objectives, &parts.steps),
        objectives,
        steps: parts.steps,
        requests: parts.requests,
        streams: parts.streams,
        playbacks: parts.playbacks,
        sessions,
        browsers,
        address: templates.slot(ADDRESS),
        data: data.into(),
        templates: set,
        allow_hosts: allowed_hosts(scenario),
    })
}

/// What came from the environment, and what proves who asks a proxy; longest first.
fn secrets(sources: &SourceFiles, http: &HttpPlan) -> Vec<String> {
    let of_proxy = http.proxy.iter().flat_map(|proxy| &proxy.secrets);
    let mut secrets: Vec<String> = sources.secrets.iter().chain(of_proxy).cloned().collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// The share of think times that users of a workload take.
fn think(workload: Option<&Workload>, overrides: &Overrides) -> f64 {
    overrides.think.or_else(|| workload?.think).map_or(1.0, Ratio::get)
}

/// The workloads that are not played are checked as well, as they stand in the file.
fn check_others<'a>(
    played: Option<&Workload>,
    loads: &LoadCompiler<'_>,
    choice: FlowChoice,
    flows_of: &dyn Fn(FlowChoice) -> FlowCompiler<'a>,
    problems: &mut Problems,
) {
    let as_written = Overrides::default();
    let is_other = |other: &&Workload| played.is_none_or(|played| played.name != other.name);
    for other in loads.scenario.workloads.iter().filter(is_other) {
        // Quicker users watch for a shorter time, and so ask for less.
        let choice = FlowChoice { think: think(Some(other), &as_written), ..choice };
        let (_, journeys) = flows_of(choice).journeys(&mut Problems::default());
        let (overrides, journeys) = (&as_written, journeys.as_slice());
        let loads = LoadCompiler { overrides, journeys, is_played: false, ..loads.clone() };
        workload::compile(other, &loads, problems);
    }
}

fn allowed_hosts(scenario: &Scenario) -> Vec<String> {
    scenario.allow_hosts.iter().map(|host| host.value.to_ascii_lowercase()).collect()
}

/// Whether a problem is not merely what another one left behind: a step that could not be read captures
/// nothing, a data set that could not be read has no columns.
fn stands_alone(problem: &Problem, loaded: &Loaded) -> bool {
    if loaded.problems.iter().any(|cause| problem.span.contains(cause.span)) {
        return false;
    }
    match &problem.kind {
        ProblemKind::NoRequests { .. } | ProblemKind::RateOfNothing => false,
        // All weights are known unless a scenario is no mapping, or stands in a file that could not be read.
        ProblemKind::WeightsZero => loaded.problems.iter().all(|cause| keeps_weights(&cause.kind)),
        ProblemKind::UnknownColumn { known, .. } => !known.is_empty(),
        ProblemKind::UnknownName { name, .. } | ProblemKind::UsedBeforeCapture { name } => {
            !is_written(name, problem.span, loaded)
        }
        _ => true,
    }
}

/// Whether a problem leaves the weights of scenarios known.
fn keeps_weights(kind: &ProblemKind) -> bool {
    !matches!(
        kind,
        ProblemKind::WrongShape { expected: "a scenario" | "a mapping of names", .. }
            | ProblemKind::FileUnreadable { .. }
            | ProblemKind::FileNotText { .. }
            | ProblemKind::FileNotYaml { .. }
            | ProblemKind::IncludeCycle { .. }
            | ProblemKind::TooManyIncludes { .. }
    )
}

/// Whether `name:` is written somewhere else than at `used`, so that it would be known if its part had been read.
fn is_written(name: &str, used: Span, loaded: &Loaded) -> bool {
    let is_used_at = |text: &str, at: usize| {
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line as u32, column as u32) == (used.line, used.column)
    };
    let written = |text: &str| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].trim_start();
            after.starts_with(':')
                && !before.is_some_and(char::is_alphanumeric)
                && !is_used_at(text, at)
        })
    };
    loaded.sources.iter().next().is_some_and(|source| written(&source.text))
        || loaded.sources.iter().any(|source| source.text.contains(&format!("name: {name}")))
}

#[cfg(test)]
mod tests;
