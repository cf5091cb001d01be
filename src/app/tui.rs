//! The terminal UI's other half: carries out what it asks for.
//!
//! The screen has a thread of its own, at low priority. The run hands it news over a bounded channel with
//! `try_send`: where the terminal stalls, pictures are lost, and neither the load nor the log ever waits.

mod compared;
mod places;
mod screen;
mod search;

use std::io::{IsTerminal as _, stdin, stdout};
use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use crate::cli;
use crate::plan::Shard;
use crate::slo::Strictness;
use crate::tui::{Command, ComparedRuns, FinishedRun, Launch, LaunchOrigin, Message, StartedRun};

use super::demo::{DemoStack, visitors};
use super::drive::{StopSignals, drive};
use super::exit::{Exit, Failure};
use super::export::{ExportingObserver, RunExports};
use super::output::say;
use super::report::{OutcomeFormat, RunConclusion, conclude, judged, strictness};
use super::run::{PreparedRun, RunRequest, exit_of, prepare, runtime};
use super::{embedded, files};
use screen::RunScreen;
pub(super) use search::{SearchScreen, refused_without_terminal};

/// Whether there is a terminal that can be drawn on and typed at.
pub(super) fn is_possible() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stdin().is_terminal() && stdout().is_terminal() && !dumb
}

/// `plimsoll`: choose, run, read, again.
pub(super) fn launcher() -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let output = cli::OutputArgs {
        out: PathBuf::from("reports"),
        strict: false,
        quiet: false,
        format: cli::ResultFormat::Text,
    };
    let mut session = UiSession::open(runtime, output)?;
    session.look_around();
    session.serve()?;
    session.close()
}

/// `plimsoll run --tui`: the live view of one run, and the launcher behind it.
pub(super) fn run(args: &cli::RunArgs) -> Result<Exit, Failure> {
    refused_without_terminal()?;
    let runtime = runtime()?;
    let job = RequestedRun::of(args);
    // What is wrong with the files is better read on a plain terminal.
    let ready = job.ready(&runtime, &args.output.out)?;
    ready.exports.announcement().iter().for_each(|told| say(told));
    let mut session = UiSession::open(runtime, args.output.clone())?;
    session.play(job, ready)?;
    session.serve()?;
    session.close()
}

/// A run that was asked for, complete enough to be made again.
struct RequestedRun {
    origin: LaunchOrigin,
    target: Option<String>,
    green: cli::SplitArgs,
    settings: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    shard: Option<Shard>,
    preflight: bool,
    may_load: Vec<String>,
    load: cli::LoadArgs,
    export: cli::ExportArgs,
}

/// A run that can start, with the stack it needs.
struct ReadyRun {
    prepared: PreparedRun,
    exports: RunExports,
    /// Ends when the run has.
    stack: Option<DemoStack>,
}

impl RequestedRun {
    fn of(args: &cli::RunArgs) -> Self {
        Self {
            origin: LaunchOrigin::Folder(args.path.clone()),
            target: args.target.clone(),
            green: args.green.clone(),
            settings: args.set.clone(),
            tags: args.tag.clone(),
            shard: args.shard,
            preflight: !args.no_preflight,
            may_load: args.i_may_load.clone(),
            load: args.load.clone(),
            export: args.export.clone(),
        }
    }

    fn launched(launch: Launch) -> Self {
        Self {
            origin: launch.origin,
            target: launch.target,
            green: cli::SplitArgs::default(),
            settings: launch.settings,
            tags: launch.tags,
            shard: None,
            preflight: true,
            may_load: Vec::new(),
            load: cli::LoadArgs {
                workload: launch.workload,
                rate: launch.rate,
                duration: launch.duration,
                think: launch.think,
                seed: launch.seed,
                ..cli::LoadArgs::default()
            },
            export: cli::ExportArgs::default(),
        }
    }

    fn ready(&self, runtime: &Runtime, out: &Path) -> Result<ReadyRun, Failure> {
        let (mut settings, mut tags) = (self.settings.clone(), self.tags.clone());
        let (path, stack) = match &self.origin {
            LaunchOrigin::Folder(path) => (path.clone(), None),
            LaunchOrigin::Demo(system) if self.target.is_none() => {
                settings.extend(visitors());
                tags.push(("stack".to_owned(), "simulated".to_owned()));
                let as_written = crate::cli::StackChangeArgs::default();
                (embedded::folder(system), Some(DemoStack::start(system, &as_written)?))
            }
            LaunchOrigin::Demo(system) => (embedded::folder(system), None),
        };
        let own = stack.as_ref().map(|stack| stack.url.clone());
        let asked = RunRequest {
            simulated: own.is_some(),
            target: self.target.clone().or(own),
            green: self.green.clone(),
            settings: &settings,
            shard: self.shard,
            tags: &tags,
            preflight: self.preflight,
            may_load: &self.may_load,
        };
        let prepared = prepare(runtime, &path, &asked, &self.load, out)?;
        let exports = RunExports::open(&self.export, &prepared.header, prepared.folder.path())?;
        Ok(ReadyRun { prepared, exports, stack })
    }
}

/// The time from the first screen to the last.
struct UiSession {
    runtime: Runtime,
    screen: RunScreen,
    output: cli::OutputArgs,
    /// For "run again".
    last_job: Option<RequestedRun>,
    /// The last run: what the plain terminal is told at the end.
    last: Option<(RunConclusion, PathBuf, Exit)>,
    /// What is still to be said once the terminal is plain again.
    unsaid: Vec<String>,
    leaving: bool,
}

impl UiSession {
    fn open(runtime: Runtime, output: cli::OutputArgs) -> Result<Self, Failure> {
        let screen = RunScreen::open()?;
        Ok(Self {
            runtime,
            screen,
            output,
            last_job: None,
            last: None,
            unsaid: vec![],
            leaving: false,
        })
    }

    fn strictness(&self) -> Strictness {
        strictness(self.output.strict)
    }

    /// Carries out commands until the user leaves or a signal comes.
    fn serve(&mut self) -> Result<(), Failure> {
        while !self.leaving {
            let command = {
                let _inside = self.runtime.enter();
                let mut signals = StopSignals::new()?;
                let screen = &mut self.screen;
                self.runtime.block_on(async {
                    tokio::select! {
                        command = screen.next_command() => command,
                        () = signals.next() => Command::Quit,
                    }
                })
            };
            self.carry_out(command)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Quit | Command::StopAndQuit => self.leaving = true,
            Command::Rescan => self.look_around(),
            Command::Open(folder) => self.show(&folder),
            Command::Compare(sides) => self.compare(&sides),
            Command::Launch(launch) => return self.start(RequestedRun::launched(*launch)),
            Command::Again => {
                if let Some(job) = self.last_job.take() {
                    return self.start(job);
                }
            }
            // An editor is opened by the screen's own thread; steering without a run has no effect.
            Command::Nothing | Command::Steer(_) | Command::Edit(_) => {}
        }
        Ok(())
    }

    /// What can be run, and what was.
    fn look_around(&mut self) {
        self.screen.print(Message::Places(places::find(Path::new("."))));
        self.screen.print(Message::History(places::history(&self.output.out)));
    }

    fn start(&mut self, job: RequestedRun) -> Result<(), Failure> {
        match job.ready(&self.runtime, &self.output.out) {
            Ok(ready) => self.play(job, ready),
            Err(failure) => {
                self.screen.print(Message::Refused(places::without_colours(&failure.message)));
                self.last_job = Some(job);
                Ok(())
            }
        }
    }

    /// Plays a run to its end and shows what it came to.
    fn play(&mut self, job: RequestedRun, ready: ReadyRun) -> Result<(), Failure> {
        let ReadyRun { mut prepared, mut exports, stack } = ready;
        self.last_job = Some(job);
        let folder = prepared.folder.path().to_owned();
        self.screen.print(Message::Begun(Box::new(StartedRun {
            header: prepared.header.clone(),
            folder: folder.display().to_string(),
            signals: prepared.signals.clone(),
        })));
        if let Some(told) = exports.announcement() {
            self.screen.print(Message::Notice(told));
        }
        if let Some(warning) = prepared.warning.take() {
            self.screen.print(Message::Event(warning));
        }
        let mut observer = ExportingObserver { observer: &mut self.screen, exports: &mut exports };
        let reason = self.runtime.block_on(drive(&mut prepared, &mut observer))?;
        drop(stack);
        let (log, folder) = files::read_log(&folder)?;
        let found = conclude(&log, &folder, self.strictness())?;
        let exit = exit_of(reason, &found.report.judgement, self.strictness());
        self.unsaid.extend(exports.close(&found.report, exit));
        if self.screen.wants_to_leave() {
            self.leaving = true;
        } else {
            self.look_around();
            self.show_found(&found, &folder, false);
        }
        self.last = Some((found, folder, exit));
        Ok(())
    }

    /// Shows a run of the history.
    fn show(&mut self, folder: &Path) {
        let found = files::read_log(folder)
            .and_then(|(log, folder)| Ok((judged(&log, &folder, self.strictness())?, folder)));
        match found {
            Ok((found, folder)) => {
                let found = found.concluded(self.strictness());
                self.show_found(&found, &folder, true);
            }
            Err(failure) => self.screen.print(Message::Refused(failure.message)),
        }
    }

    /// Sets two sides of the history against each other.
    fn compare(&mut self, sides: &ComparedRuns) {
        self.screen.print(match compared::compare(sides) {
            Ok(diff) => Message::Compared(Box::new(diff)),
            Err(failure) => Message::Refused(places::without_colours(&failure.message)),
        });
    }

    fn show_found(&mut self, found: &RunConclusion, folder: &Path, opened: bool) {
        let finished = FinishedRun {
            report: found.report.clone(),
            folder: folder.display().to_string(),
            capacity: found.capacity(),
            opened,
        };
        self.screen.print(Message::Finished(Box::new(finished)));
    }

    /// Gives the terminal back and prints on it what the last run came to.
    fn close(mut self) -> Result<Exit, Failure> {
        self.runtime.block_on(self.screen.close())?;
        self.unsaid.iter().for_each(|told| say(told));
        Ok(match self.last {
            Some((found, folder, exit)) => {
                found.print(&folder, OutcomeFormat::of(self.output.quiet, self.output.format))?;
                exit
            }
            None => Exit::Pass,
        })
    }
}
