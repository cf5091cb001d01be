//! A run that can start: its plan is compiled, its target answers, its log is open.

use std::path::Path;
use std::sync::Arc;

use crate::cli;
use crate::engine::{RunOptions, most_workers, prepare_limits, workers_for};
use crate::metrics::{Event, EventKind, Measure, Objective, RunHeader, RunLine, Scope};
use crate::observe::WatchPlan;
use crate::plan::{Hook, Plan};
use crate::scenario::stack::SignalSpec;
use crate::scenario::{load, scenario_file};
use crate::units::{Nanos, RunTime};

use super::asked::{RunRequest, overrides};
use super::compiled::{permit_for, plan_of, tls_for};
use super::conditions::HeaderConditions;
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::header::header;
use super::hooks::HookPlan;
use super::lifecycle::{SetUp, set_up};
use super::preflight::look_ahead;
use super::proxies::unused_proxies;
use super::{files, mask, sources, wall};

/// A run that can start: everything is checked, the target answers, the log is open.
pub(super) struct PreparedRun {
    pub(super) plan: Arc<Plan>,
    pub(super) options: RunOptions,
    pub(super) header: RunHeader,
    pub(super) folder: RunFolder,
    /// What was done before.
    pub(super) set_up: SetUp,
    /// How the stack's own metrics are read.
    pub(super) watch: WatchPlan,
    /// When the stack would scale, as its file says.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only the screen shows it"))]
    pub(super) signals: Vec<SignalSpec>,
    /// What is in the log already, and worth saying.
    pub(super) warnings: Vec<Event>,
    /// Whether nothing more goes to green once it fails too often.
    pub(super) rollback: bool,
    /// What is done to the stack meanwhile, and where marks come from.
    pub(super) outside: HookPlan,
}

/// Loads and checks all that a run needs, and opens its log.
pub(super) fn prepare(
    runtime: &tokio::runtime::Runtime,
    path: &Path,
    asked: &RunRequest<'_>,
    load_args: &cli::LoadArgs,
    out: &Path,
) -> Result<PreparedRun, Failure> {
    let loaded = load(path, asked.settings, &files::read, &files::variable);
    let (plan, watch) = plan_of(&loaded, &overrides(asked, load_args))?;
    let mut plan = Arc::new(plan);
    let permit = permit_for(&plan, asked.may_load);
    let limit = prepare_limits(&plan)
        .map_err(|error| Failure::new(Exit::Error, format!("error: {error}")))?;
    can_roll_back(&plan, asked)?;
    let tls = tls_for(&plan)?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let workers = load_args
        .workers
        .unwrap_or_else(|| workers_for(&plan, cores))
        .clamp(1, most_workers(&plan));
    let options = RunOptions { workers, tls, permit, connections: limit.most };
    let mut told = unused_proxies(&plan, &files::variable);
    if asked.preflight {
        told.extend(look_ahead(runtime, &plan, &options)?);
    }
    let watch =
        runtime.block_on(sources::chosen(watch, &loaded, (&plan, &options.tls), asked.simulated));
    let set_up = runtime.block_on(set_up(&mut plan, &options))?;
    let started = wall::now();
    let mut folder = RunFolder::create(out, &plan.name, started)?;
    let conditions = HeaderConditions::of(&loaded, &plan, asked, load_args);
    let header = mask::header(header(&plan, started, workers, conditions));
    folder.append(&RunLine::Run(header.clone()))?;
    set_up.note(&mut folder)?;
    let short = limit.is_short().then(|| limit.to_string());
    let warnings: Vec<Event> = told.into_iter().chain(short).map(warning).collect();
    for event in &warnings {
        folder.append(&RunLine::Event(event.clone()))?;
    }
    let stack = loaded.scenario.and_then(|scenario| scenario.stack);
    let signals = stack.map_or_else(Vec::new, |stack| stack.signals);
    let outside = HookPlan {
        hooks: hooks(&plan, &load_args.mark),
        folder: scenario_file(path).parent().unwrap_or(Path::new("")).to_owned(),
        run: folder.path().to_owned(),
        target: plan.target.url(),
    };
    let rollback = asked.green.green_rollback;
    Ok(PreparedRun {
        plan,
        options,
        header,
        folder,
        set_up,
        watch,
        signals,
        warnings,
        rollback,
        outside,
    })
}

/// What is worth saying of a run before it begins.
fn warning(text: String) -> Event {
    mask::event(Event { at: RunTime::ZERO, kind: EventKind::Warning(text) })
}

/// Going back to blue needs a green, and a row that says when.
fn can_roll_back(plan: &Plan, asked: &RunRequest<'_>) -> Result<(), Failure> {
    let is_bound = |row: &Objective| {
        row.measure == Measure::ErrorRate && row.scope == Scope::Run && row.limit.is_some()
    };
    if !asked.green.green_rollback || (plan.split.is_some() && plan.objectives.iter().any(is_bound))
    {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "error: `--green-rollback` has nothing to go by\nhint: it needs `--green` with a share, and a row such as \
         `slo: { error_rate: { max: 1% } }`",
    ))
}

/// The hooks of the workload and the marks of the command line, by time.
pub(super) fn hooks(plan: &Plan, marks: &[(String, Nanos)]) -> Vec<Hook> {
    let planned = marks.iter().map(|(mark, at)| Hook {
        at: RunTime::ZERO + *at,
        mark: mark.clone(),
        run: None,
    });
    let mut hooks: Vec<Hook> = plan.hooks.iter().cloned().chain(planned).collect();
    hooks.sort_by_key(|hook| hook.at);
    hooks
}
