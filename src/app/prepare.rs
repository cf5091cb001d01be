//! A run that can start: its plan is compiled, its target answers, its log is open.

use std::cell::RefCell;
use std::collections::BTreeMap;
#[cfg(not(feature = "fleet"))]
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli;
use crate::engine::{RunOptions, most_workers, prepare_limits, workers_for};
use crate::metrics::{Event, EventKind, Measure, Objective, RunHeader, RunLine, Scope};
use crate::observe::WatchPlan;
use crate::plan::{Hook, Pick, Plan, UsedUp};
use crate::scenario::stack::SignalSpec;
use crate::scenario::{FileAccess, Loaded, load_from, scenario_file};
use crate::units::{Nanos, RunTime};

use super::asked::{FleetRole, RunRequest, overrides};
use super::compiled::{permit_for, plan_of, tls_for};
use super::conditions::HeaderConditions;
use super::exit::{Exit, Failure};
use super::files::RunFolder;
#[cfg(feature = "fleet")]
use super::fleet::{Gathering, Leading};
use super::header::header;
use super::hooks::HookPlan;
use super::lifecycle::{SetUp, leave_nothing, set_up};
use super::merge::facts;
use super::output::say;
use super::preflight::look_ahead;
use super::proxies::unused_proxies;
use super::reach::out_of_reach;
use super::url::{keep, load_url};
use super::{browsing, files, mask, sources};

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
    /// What users with a real browser may reach; none where they do not play.
    pub(super) browser_hosts: Option<Vec<String>>,
    /// What is in the log already, and worth saying.
    pub(super) warnings: Vec<Event>,
    /// Whether nothing more goes to green once it fails too often.
    pub(super) rollback: bool,
    /// What is done to the stack meanwhile, and where marks come from.
    pub(super) outside: HookPlan,
    /// When it begins, by this machine's monotonic clock; as soon as it can where nobody has agreed on it.
    pub(super) start: Option<Nanos>,
    /// A hash of all that shards of one run have in common, secrets included.
    #[cfg_attr(not(feature = "fleet"), expect(dead_code, reason = "no agents in this build"))]
    pub(super) plan_hash: String,
    /// The agents that play it; none where this process does.
    #[cfg(feature = "fleet")]
    pub(super) agents: Option<Leading>,
    #[cfg(not(feature = "fleet"))]
    #[expect(dead_code, reason = "no agents in this build")]
    pub(super) agents: Option<Infallible>,
}

/// Loads and checks all that a run needs, and opens its log.
pub(super) fn prepare(
    runtime: &tokio::runtime::Runtime,
    path: &Path,
    asked: &RunRequest<'_>,
    load_args: &cli::LoadArgs,
    out: &Path,
) -> Result<PreparedRun, Failure> {
    let role = asked.role;
    let read = FileRecord::default();
    let loaded = loaded(path, asked, &read);
    let (plan, watch) = plan_of(&loaded, &overrides(asked, load_args), role.stack_programs())?;
    soon_used_up(&plan);
    let mut plan = Arc::new(plan);
    let permit = permit_for(&plan, asked.may_load);
    let limit = prepare_limits(&plan)
        .map_err(|error| Failure::new(Exit::Error, format!("error: {error}")))?;
    can_roll_back(&plan, asked)?;
    let tls = tls_for(&plan)?;
    let workers = load_args.workers.unwrap_or_else(|| workers(&plan, asked));
    let workers = workers.clamp(1, most_workers(&plan));
    let options = RunOptions { workers, tls, permit, connections: limit.most };
    let mut told = unused_proxies(&plan, &files::variable);
    told.extend(out_of_reach(&plan));
    if asked.preflight {
        told.extend(look_ahead(runtime, &plan, &options)?);
    }
    let browser_hosts = browsing::hosts(&plan, asked)?;
    let watching = sources::chosen(watch, &loaded, (&plan, &options.tls), asked.simulated);
    let watch = watched(runtime, role, watching);
    let set_up = runtime.block_on(set_up_by(role, &mut plan, &options))?;
    let started = role.started();
    let conditions = HeaderConditions::of(&loaded, &plan, asked, load_args);
    let whole = RunHeader {
        clock_error: role.clock_error(),
        ..header(&plan, started, workers, conditions)
    };
    let plan_hash = plan_hash(&whole);
    let header = mask::header(whole);
    leave_to_leader(role, &mut plan)?;
    let leading = if set_up.is_load_due() { role } else { FleetRole::Alone };
    let gathered = runtime.block_on(gathered(leading, (&header, &plan_hash, &plan), read));
    let agents = runtime.block_on(leave_nothing(&mut plan, &options, gathered))?;
    let mut folder = RunFolder::create(out, &plan.name, started)?;
    asked.of_url.map_or(Ok(()), |scenario| keep(scenario, &folder))?;
    folder.append(&RunLine::Run(header.clone()))?;
    set_up.note(&mut folder)?;
    let short = limit.is_short().then(|| limit.to_string());
    let warnings: Vec<Event> = told.into_iter().chain(short).map(warning).collect();
    for event in &warnings {
        folder.append(&RunLine::Event(event.clone()))?;
    }
    let signals = loaded.scenario.and_then(|of| of.stack).map_or_else(Vec::new, |of| of.signals);
    let hooks = if role.looks_after_the_stack() { hooks(&plan, &load_args.mark) } else { vec![] };
    let outside = HookPlan {
        hooks,
        folder: scenario_file(path).parent().unwrap_or(Path::new("")).to_owned(),
        run: folder.path().to_owned(),
        target: plan.target.url(),
    };
    Ok(PreparedRun {
        plan,
        options,
        header,
        folder,
        set_up,
        watch,
        signals,
        browser_hosts,
        warnings,
        rollback: asked.green.green_rollback,
        outside,
        start: None,
        plan_hash,
        agents,
    })
}

/// How many workers the plan needs on this machine, where browsers get a core of their own if there is more than one.
fn workers(plan: &Plan, asked: &RunRequest<'_>) -> u32 {
    let cores = cores() - u32::from(browsing::plays(plan, asked));
    workers_for(plan, cores.max(1))
}

/// The cores of this machine that this process may use.
fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// Plays the setup, where this process does.
async fn set_up_by(
    role: FleetRole<'_>,
    plan: &mut Arc<Plan>,
    options: &RunOptions,
) -> Result<SetUp, Failure> {
    if role.looks_after_the_stack() { set_up(plan, options).await } else { Ok(SetUp::default()) }
}

/// How the stack is looked after, where this process does.
fn watched(
    runtime: &tokio::runtime::Runtime,
    role: FleetRole<'_>,
    watching: impl Future<Output = WatchPlan>,
) -> WatchPlan {
    if role.looks_after_the_stack() { runtime.block_on(watching) } else { WatchPlan::default() }
}

/// Leaves to the leader of an agent what is done once.
#[cfg(feature = "fleet")]
fn leave_to_leader(role: FleetRole<'_>, plan: &mut Arc<Plan>) -> Result<(), Failure> {
    let FleetRole::Agent(work) = role else { return Ok(()) };
    work.leave_to_leader(Arc::make_mut(plan))
        .map_err(|error| Failure::while_doing("what the leader's setup has captured", &error))
}

/// No leader in a build without them.
#[cfg(not(feature = "fleet"))]
#[expect(clippy::unnecessary_wraps, reason = "with agents, it can fail")]
fn leave_to_leader(_: FleetRole<'_>, _: &mut Arc<Plan>) -> Result<(), Failure> {
    Ok(())
}

/// What is worth saying of a run before it begins.
fn warning(text: String) -> Event {
    mask::event(Event { at: RunTime::ZERO, kind: EventKind::Warning(text) })
}

/// A hash of all that shards of one run have in common, secrets included, which the log has masked.
pub(super) fn plan_hash(header: &RunHeader) -> String {
    let whole = RunHeader { shard: (0, 1), ..header.clone() };
    let text = format!("{:?}", facts(&whole));
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!(
        "{:032x}",
        digest.as_ref().iter().take(16).fold(0, |all: u128, &byte| all << 8 | u128::from(byte))
    )
}

/// The scenario that is asked for, its files noted in `read`.
fn loaded(path: &Path, asked: &RunRequest<'_>, read: &FileRecord) -> Loaded {
    let role = asked.role;
    let reading = |path: &Path| read.read(role, path);
    let access = FileAccess { read: &reading, ..role.files() };
    asked.of_url.map_or_else(
        || load_from(path, asked.settings, access, &files::variable),
        |scenario| load_url(scenario, asked.settings),
    )
}

/// The files of a scenario, kept as they are read where agents need them too.
#[derive(Default)]
pub(super) struct FileRecord(RefCell<BTreeMap<PathBuf, Vec<u8>>>);

impl FileRecord {
    /// What was read so far, where agents need it too.
    pub(super) fn files(self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.0.into_inner()
    }

    /// Reads a file as `role` does.
    pub(super) fn read(&self, role: FleetRole<'_>, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = role.read(path)?;
        if matches!(role, FleetRole::Leader(_)) {
            self.0.borrow_mut().insert(path.to_owned(), bytes.clone());
        }
        Ok(bytes)
    }
}

/// The agents that play it; none where this process does.
#[cfg(feature = "fleet")]
async fn gathered(
    role: FleetRole<'_>,
    (header, plan_hash, plan): (&RunHeader, &str, &Plan),
    read: FileRecord,
) -> Result<Option<Leading>, Failure> {
    let FleetRole::Leader(args) = role else { return Ok(None) };
    let (files, given) = (&read.files(), plan.lifecycle.told());
    let gathering = Gathering { args, header, plan_hash, files, given, step: None, pulse: None };
    gathering.gather().await.map(Some)
}

/// No agents play it in a build without them.
#[cfg(not(feature = "fleet"))]
#[expect(clippy::unused_async, reason = "with agents, it waits for them")]
async fn gathered(
    role: FleetRole<'_>,
    _: (&RunHeader, &str, &Plan),
    _: FileRecord,
) -> Result<Option<Infallible>, Failure> {
    match role {
        FleetRole::Alone => Ok(None),
        FleetRole::Leader(_) => Err(Failure::without_fleet()),
    }
}

/// Says ahead where a run that may end when its data are used up will do so.
fn soon_used_up(plan: &Plan) {
    for set in plan.data.iter().filter(|set| set.pick == Pick::Once(UsedUp::Stop)) {
        let rows = set.rows.len() as u64;
        if let Some(wanted) = set.wanted.filter(|wanted| *wanted > rows) {
            say(&format!(
                "note: `{}` has {rows} rows for {wanted} arrivals that ask for one: the run ends when they are used up",
                set.name
            ));
        }
    }
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
