//! `plimsoll run`: a workload from file to verdict.

pub(super) mod repeat;

use std::path::{Path, PathBuf};

use crate::cli;
use crate::plan::Plan;
use crate::slo::ValidityStatus;
use crate::units::Bytes;

use super::asked::{FleetRole, RunRequest};
use super::audience::RunObserver as _;
use super::conclusion::{OutcomeFormat, RunConclusion, conclude, strictness};
use super::drive::drive;
use super::exit::{Exit, Failure, exit_of};
use super::export::{ExportingObserver, RunExports};
use super::files;
use super::output::say;
use super::prepare::prepare;
use super::progress::RunProgress;
use super::runtime::runtime;
use super::talk;
use super::url::scenario_of_url;
use repeat::{RepeatPlan, RunEnding};

/// Runs a workload as the command line asks.
pub(super) fn run(args: &cli::RunArgs) -> Result<Exit, Failure> {
    if args.tui && !args.no_tui {
        return on_screen(args);
    }
    let of_url = scenario_of_url(args)?;
    let asked = RunRequest {
        of_url: of_url.as_ref(),
        target: args.target.clone(),
        green: args.green.clone(),
        settings: &args.set,
        shard: args.shard,
        tags: &args.tag,
        preflight: !args.no_preflight,
        may_load: &args.i_may_load,
        simulated: false,
        role: FleetRole::of(&args.fleet),
        browsers: !args.no_browsers,
    };
    let series = RepeatPlan { times: args.repeat, retries: args.retry_invalid };
    repeat::repeated(series, &args.load, |load| {
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

/// Loads, checks, runs, judges and reports.
pub(super) fn run_scenario(
    path: &Path,
    asked: &RunRequest<'_>,
    load_args: &cli::LoadArgs,
    outlets: (&cli::OutputArgs, &cli::ExportArgs),
) -> Result<RunEnding, Failure> {
    let played = play(path, asked, load_args, outlets)?;
    let output = outlets.0;
    let format = OutcomeFormat::of(output.quiet, output.format);
    let exit = played.concluded.print(&played.folder, format, played.exit)?;
    Ok(PlayedRun { exit, ..played }.ending())
}

/// What an idle user with an open connection takes, sockets in the kernel aside (`benches/`: the bar is 15 KiB).
const IDLE_USER: u64 = 16 << 10;

/// How much memory the run may take, whatever servers send.
fn memory(plan: &Plan) -> String {
    let users = u64::from(plan.load.max_vus()) * u64::from(plan.plays());
    let plural = if users == 1 {
        "user with an open connection takes"
    } else {
        "users with open connections take"
    };
    format!(
        "memory: {users} {plural} some {}; responses and streams under way at most {} \
         (`http.max_memory`)",
        Bytes::new(users * IDLE_USER),
        plan.max_memory(),
    )
}

/// A run that was played to its end, its reports written.
pub(super) struct PlayedRun {
    pub(super) exit: Exit,
    pub(super) folder: PathBuf,
    pub(super) concluded: RunConclusion,
}

impl PlayedRun {
    fn ending(self) -> RunEnding {
        let validity = &self.concluded.report.judgement.validity;
        let not_valid = (validity.status == ValidityStatus::NotValid)
            .then(|| validity.reasons().next().unwrap_or_default().to_owned());
        RunEnding { exit: self.exit, folder: self.folder, not_valid }
    }
}

/// The same without a word about its outcome.
pub(super) fn play(
    path: &Path,
    asked: &RunRequest<'_>,
    load_args: &cli::LoadArgs,
    (output, export): (&cli::OutputArgs, &cli::ExportArgs),
) -> Result<PlayedRun, Failure> {
    talk::never_wait();
    let runtime = runtime()?;
    let mut prepared = prepare(&runtime, path, asked, load_args, &output.out)?;
    let mut exports = RunExports::open(export, &prepared.header, prepared.folder.path())?;
    exports.announcements().iter().for_each(|told| say(told));
    prepared.set_up.told().iter().filter(|_| !output.quiet).for_each(|told| say(told));
    let asked = prepared.header.iterations_to_play();
    let mut progress = RunProgress::new(prepared.plan.load.duration(), asked, output.quiet);
    if !output.quiet {
        say(&memory(&prepared.plan));
    }
    prepared.warnings.drain(..).for_each(|warning| progress.on_event(warning));
    let mut observer = ExportingObserver { observer: &mut progress, exports: &mut exports };
    let reason = runtime.block_on(drive(&mut prepared, &mut observer))?;
    let (log, folder) = files::read_log(prepared.folder.path())?;
    let strictness = strictness(output.strict);
    let concluded = conclude(&log, &folder, strictness)?;
    let exit = exit_of(reason, &concluded.report.judgement, strictness);
    exports.close(&concluded.report, exit).iter().for_each(|lost| say(lost));
    Ok(PlayedRun { exit, folder, concluded })
}
