//! `plimsoll run`: a workload from file to verdict.

pub(super) mod repeat;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli;
use crate::engine::{PreflightError, RunOptions, preflight, prepare_limits, workers_for};
use crate::metrics::{Event, EventKind, Measure, Objective, RunHeader, RunLine, Scope, StopReason};
use crate::observe::WatchPlan;
use crate::plan::{Hook, Overrides, Plan, Shard, Target, compile};
use crate::scenario::stack::SignalSpec;
use crate::scenario::{Loaded, Problem, load, render, scenario_file};
use crate::slo::{Judgement, Strictness};
use crate::transport::{HostPermit, TlsSetup};
use crate::units::{Nanos, RunTime, Seed};

use super::conditions::HeaderConditions;
use super::drive::{RunObserver as _, drive};
use super::exit::{Exit, Failure};
use super::export::{ExportingObserver, RunExports};
use super::files::{self, RunFolder};
use super::header::header;
use super::hooks::HookPlan;
use super::observing;
use super::output::{problem_colour, say};
use super::progress::RunProgress;
use super::report::{OutcomeFormat, RunConclusion, conclude, strictness};
use super::wall;

/// Runs a workload as the command line asks.
pub(super) fn run(args: &cli::RunArgs) -> Result<Exit, Failure> {
    if args.tui && !args.no_tui {
        return on_screen(args);
    }
    let asked = RunRequest {
        target: args.target.clone(),
        green: args.green.clone(),
        settings: &args.set,
        shard: args.shard,
        tags: &args.tag,
        preflight: !args.no_preflight,
        may_load: &args.i_may_load,
        simulated: false,
    };
    repeat::repeated(args.repeat, &args.load, |load| {
        run_scenario(&args.path, &asked, load, (&args.output, &args.export))
    })
}

#[cfg(feature = "tui")]
fn on_screen(args: &cli::RunArgs) -> Result<Exit, Failure> {
    super::tui::run(args)
}

#[cfg(not(feature = "tui"))]
fn on_screen(_: &cli::RunArgs) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Usage, "error: this build has no terminal UI; leave out `--tui`"))
}

/// What only `run` can ask for.
pub(super) struct RunRequest<'a> {
    pub(super) target: Option<String>,
    pub(super) green: cli::SplitArgs,
    pub(super) settings: &'a [(String, String)],
    pub(super) shard: Option<Shard>,
    pub(super) tags: &'a [(String, String)],
    pub(super) preflight: bool,
    pub(super) may_load: &'a [String],
    /// The target is the simulator: it tells of its tiers itself, whatever the stack file says.
    pub(super) simulated: bool,
}

/// Loads, checks, runs, judges and reports.
pub(super) fn run_scenario(
    path: &Path,
    asked: &RunRequest<'_>,
    load_args: &cli::LoadArgs,
    outlets: (&cli::OutputArgs, &cli::ExportArgs),
) -> Result<Exit, Failure> {
    let played = play(path, asked, load_args, outlets)?;
    let output = outlets.0;
    played.concluded.print(&played.folder, OutcomeFormat::of(output.quiet, output.format))?;
    Ok(played.exit)
}

/// A run that was played to its end, its reports written.
pub(super) struct PlayedRun {
    pub(super) exit: Exit,
    pub(super) folder: PathBuf,
    pub(super) concluded: RunConclusion,
}

/// The same without a word about its outcome.
pub(super) fn play(
    path: &Path,
    asked: &RunRequest<'_>,
    load_args: &cli::LoadArgs,
    (output, export): (&cli::OutputArgs, &cli::ExportArgs),
) -> Result<PlayedRun, Failure> {
    let runtime = runtime()?;
    let mut prepared = prepare(&runtime, path, asked, load_args, &output.out)?;
    let mut exports = RunExports::open(export, &prepared.header, prepared.folder.path())?;
    exports.announcement().iter().for_each(|told| say(told));
    let mut progress = RunProgress::new(prepared.plan.load.duration(), output.quiet);
    if let Some(warning) = prepared.warning.take() {
        progress.on_event(warning);
    }
    let mut observer = ExportingObserver { observer: &mut progress, exports: &mut exports };
    let reason = runtime.block_on(drive(&mut prepared, &mut observer))?;
    let (log, folder) = files::read_log(prepared.folder.path())?;
    let strictness = strictness(output.strict);
    let concluded = conclude(&log, &folder, strictness)?;
    let exit = exit_of(reason, &concluded.report.judgement, strictness);
    exports.close(&concluded.report, exit).iter().for_each(|lost| say(lost));
    Ok(PlayedRun { exit, folder, concluded })
}

/// How the process ends after a run.
pub(super) fn exit_of(reason: StopReason, judgement: &Judgement, strictness: Strictness) -> Exit {
    match reason {
        StopReason::Interrupted => Exit::Interrupted,
        StopReason::Finished | StopReason::Aborted => Exit::of(judgement, strictness),
    }
}

/// A run that can start: everything is checked, the target answers, the log is open.
pub(super) struct PreparedRun {
    pub(super) plan: Arc<Plan>,
    pub(super) options: RunOptions,
    pub(super) header: RunHeader,
    pub(super) folder: RunFolder,
    /// How the stack's own metrics are read.
    pub(super) watch: WatchPlan,
    /// When the stack would scale, as its file says.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only the screen shows it"))]
    pub(super) signals: Vec<SignalSpec>,
    /// What is in the log already, and worth saying.
    pub(super) warning: Option<Event>,
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
    let plan = Arc::new(plan);
    let permit = permit_for(&plan, asked.may_load);
    let limit = prepare_limits(&plan)
        .map_err(|error| Failure::new(Exit::Error, format!("error: {error}")))?;
    can_roll_back(&plan, asked)?;
    let tls = tls_for(&plan)?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let workers = load_args.workers.unwrap_or_else(|| workers_for(&plan, cores)).clamp(1, 64);
    let options = RunOptions { workers, tls, permit, connections: limit.most };
    if asked.preflight {
        look_ahead(runtime, &plan, &options)?;
    }
    let watch =
        runtime.block_on(observing::chosen(watch, &loaded, (&plan, &options.tls), asked.simulated));
    let started = wall::now();
    let mut folder = RunFolder::create(out, &plan.name, started)?;
    let conditions = HeaderConditions::of(&loaded, &plan, asked, load_args);
    let header = header(&plan, started, workers, conditions);
    folder.append(&RunLine::Run(header.clone()))?;
    let warning = limit.is_short().then(|| {
        let kind = EventKind::Warning(limit.to_string());
        Event { at: RunTime::ZERO, kind }
    });
    if let Some(event) = &warning {
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
    Ok(PreparedRun { plan, options, header, folder, watch, signals, warning, rollback, outside })
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
fn hooks(plan: &Plan, marks: &[(String, Nanos)]) -> Vec<Hook> {
    let planned = marks.iter().map(|(mark, at)| Hook {
        at: RunTime::ZERO + *at,
        mark: mark.clone(),
        run: None,
    });
    let mut hooks: Vec<Hook> = plan.hooks.iter().cloned().chain(planned).collect();
    hooks.sort_by_key(|hook| hook.at);
    hooks
}

/// A runtime for everything but the load: signals, the coordinator, the preflight.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::while_doing("cannot start a runtime", &error))
}

fn overrides(asked: &RunRequest<'_>, load: &cli::LoadArgs) -> Overrides {
    Overrides {
        workload: load.workload.clone(),
        target: asked.target.clone(),
        green: asked.green.green.clone(),
        green_shares: asked.green.shares(),
        rate: load.rate,
        duration: load.duration,
        max_vus: load.max_vus,
        think: load.think,
        seed: load.seed.map(Seed::new),
        shard: asked.shard,
    }
}

/// The plan and what is read of the stack, or all that is wrong with them.
pub(super) fn plan_of(
    loaded: &Loaded,
    overrides: &Overrides,
) -> Result<(Plan, WatchPlan), Failure> {
    let plan = compile(loaded, overrides, wall::today());
    match (plan, observing::described(loaded)) {
        (Ok(plan), Ok(watch)) => Ok((plan, watch)),
        (plan, watch) => {
            let mut problems = plan.err().unwrap_or_default();
            problems.extend(watch.err().unwrap_or_default());
            problems.sort_by_key(|problem| problem.span);
            Err(problems_failure(&problems, loaded))
        }
    }
}

fn problems_failure(problems: &[Problem], loaded: &Loaded) -> Failure {
    Failure::new(Exit::Usage, render(problems, &loaded.sources, problem_colour()))
}

/// Hosts that both the scenario and the command line allow.
pub(super) fn permit_for(plan: &Plan, may_load: &[String]) -> HostPermit {
    let both = |host: &&String| may_load.iter().any(|allowed| allowed.eq_ignore_ascii_case(host));
    HostPermit::new(plan.allow_hosts.iter().filter(both).cloned().collect())
}

/// The TLS configuration of the plan.
pub(super) fn tls_for(plan: &Plan) -> Result<TlsSetup, Failure> {
    TlsSetup::new(&plan.http.tls, plan.http.version)
        .map_err(|error| Failure::new(Exit::Usage, format!("error: {error}")))
}

/// Opens one connection to each target before anything is sent.
pub(super) fn look_ahead(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    options: &RunOptions,
) -> Result<(), Failure> {
    let green = plan.split.as_ref().map(|split| &split.green);
    let mut targets = std::iter::once(&plan.target).chain(green);
    targets.try_for_each(|target| reach(runtime, plan, target, options))
}

fn reach(
    runtime: &tokio::runtime::Runtime,
    plan: &Arc<Plan>,
    target: &Target,
    options: &RunOptions,
) -> Result<(), Failure> {
    let probing = preflight((plan, target), &options.tls, &options.permit);
    match tokio::task::LocalSet::new().block_on(runtime, probing) {
        Ok(_) => Ok(()),
        Err(PreflightError::Refused(why)) => Err(Failure::new(
            Exit::Refused,
            format!(
                "refused: {why}\nhint: list the host under `allow_hosts` in the scenario and say \
                 `--i-may-load {}`; nothing was sent",
                target.host
            ),
        )),
        Err(PreflightError::Unreachable(error)) => {
            let mut message =
                format!("error: the target {} cannot be reached: {error}", target.url());
            if let Some(hint) = hint_for(&error) {
                message.push_str("\nhint: ");
                message.push_str(hint);
            }
            message.push_str("\nnothing was sent");
            Err(Failure::new(Exit::Error, message))
        }
    }
}

fn hint_for(error: &crate::transport::TransportError) -> Option<&'static str> {
    use crate::metrics::ErrorClass;
    match error.class {
        ErrorClass::Refused => Some(
            "is it running there? `--target URL` sends the load elsewhere, `--no-preflight` starts anyway",
        ),
        ErrorClass::Dns => Some("check the spelling of the host in `target`"),
        ErrorClass::Tls => Some(
            "for a certificate of your own, give its authority: `http: { tls: { ca: ca.pem } }`; \
             `insecure: true` trusts anyone",
        ),
        _ => None,
    }
}
