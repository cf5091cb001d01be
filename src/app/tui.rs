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
use crate::tui::{Begun, Command, Finished, Launch, Message, Origin, Sides};

use super::demo::{Stack, visitors};
use super::drive::{Signals, drive};
use super::exit::{Exit, Failure};
use super::export::{Exported, Exports};
use super::output::say;
use super::report::{Concluded, Voice, conclude, judged, strictness};
use super::run::{Asked, Prepared, exit_of, prepare, runtime};
use super::{embedded, files};
use screen::Screen;
pub(super) use search::{OnScreen, refused_without_terminal};

/// Whether there is a terminal that can be drawn on and typed at.
pub(super) fn is_possible() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stdin().is_terminal() && stdout().is_terminal() && !dumb
}

/// `plimsoll`: choose, run, read, again.
pub(super) fn launcher() -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let output = cli::Output {
        out: PathBuf::from("reports"),
        strict: false,
        quiet: false,
        format: cli::ResultFormat::Text,
    };
    let mut session = Session::open(runtime, output)?;
    session.look_around();
    session.serve()?;
    session.close()
}

/// `plimsoll run --tui`: the live view of one run, and the launcher behind it.
pub(super) fn run(args: &cli::Run) -> Result<Exit, Failure> {
    refused_without_terminal()?;
    let runtime = runtime()?;
    let job = Job::of(args);
    // What is wrong with the files is better read on a plain terminal.
    let ready = job.ready(&runtime, &args.output.out)?;
    ready.exports.announcement().iter().for_each(|told| say(told));
    let mut session = Session::open(runtime, args.output.clone())?;
    session.play(job, ready)?;
    session.serve()?;
    session.close()
}

/// A run that was asked for, complete enough to be made again.
struct Job {
    origin: Origin,
    target: Option<String>,
    green: cli::Green,
    settings: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    shard: Option<Shard>,
    preflight: bool,
    may_load: Vec<String>,
    load: cli::Load,
    export: cli::Export,
}

/// A run that can start, with the stack it needs.
struct Ready {
    prepared: Prepared,
    exports: Exports,
    /// Ends when the run has.
    stack: Option<Stack>,
}

impl Job {
    fn of(args: &cli::Run) -> Self {
        Self {
            origin: Origin::Folder(args.path.clone()),
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
            green: cli::Green::default(),
            settings: launch.settings,
            tags: launch.tags,
            shard: None,
            preflight: true,
            may_load: Vec::new(),
            load: cli::Load {
                workload: launch.workload,
                rate: launch.rate,
                duration: launch.duration,
                think: launch.think,
                seed: launch.seed,
                ..cli::Load::default()
            },
            export: cli::Export::default(),
        }
    }

    fn ready(&self, runtime: &Runtime, out: &Path) -> Result<Ready, Failure> {
        let (mut settings, mut tags) = (self.settings.clone(), self.tags.clone());
        let (path, stack) = match &self.origin {
            Origin::Folder(path) => (path.clone(), None),
            Origin::Demo(system) if self.target.is_none() => {
                settings.extend(visitors());
                tags.push(("stack".to_owned(), "simulated".to_owned()));
                let as_written = crate::cli::StackChanges::default();
                (embedded::folder(system), Some(Stack::start(system, &as_written)?))
            }
            Origin::Demo(system) => (embedded::folder(system), None),
        };
        let own = stack.as_ref().map(|stack| stack.url.clone());
        let asked = Asked {
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
        let exports = Exports::open(&self.export, &prepared.header, prepared.folder.path())?;
        Ok(Ready { prepared, exports, stack })
    }
}

/// The time from the first screen to the last.
struct Session {
    runtime: Runtime,
    screen: Screen,
    output: cli::Output,
    /// For "run again".
    last_job: Option<Job>,
    /// The last run: what the plain terminal is told at the end.
    last: Option<(Concluded, PathBuf, Exit)>,
    /// What is still to be said once the terminal is plain again.
    unsaid: Vec<String>,
    leaving: bool,
}

impl Session {
    fn open(runtime: Runtime, output: cli::Output) -> Result<Self, Failure> {
        let screen = Screen::open()?;
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
                let mut signals = Signals::new()?;
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
            Command::Launch(launch) => return self.start(Job::launched(*launch)),
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
        self.screen.tell(Message::Places(places::find(Path::new("."))));
        self.screen.tell(Message::History(places::history(&self.output.out)));
    }

    fn start(&mut self, job: Job) -> Result<(), Failure> {
        match job.ready(&self.runtime, &self.output.out) {
            Ok(ready) => self.play(job, ready),
            Err(failure) => {
                self.screen.tell(Message::Refused(places::without_colours(&failure.message)));
                self.last_job = Some(job);
                Ok(())
            }
        }
    }

    /// Plays a run to its end and shows what it came to.
    fn play(&mut self, job: Job, ready: Ready) -> Result<(), Failure> {
        let Ready { mut prepared, mut exports, stack } = ready;
        self.last_job = Some(job);
        let folder = prepared.folder.path().to_owned();
        self.screen.tell(Message::Begun(Box::new(Begun {
            header: prepared.header.clone(),
            folder: folder.display().to_string(),
            signals: prepared.signals.clone(),
        })));
        if let Some(told) = exports.announcement() {
            self.screen.tell(Message::Notice(told));
        }
        if let Some(warning) = prepared.warning.take() {
            self.screen.tell(Message::Event(warning));
        }
        let mut audience = Exported { audience: &mut self.screen, exports: &mut exports };
        let reason = self.runtime.block_on(drive(&mut prepared, &mut audience))?;
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
            Err(failure) => self.screen.tell(Message::Refused(failure.message)),
        }
    }

    /// Sets two sides of the history against each other.
    fn compare(&mut self, sides: &Sides) {
        self.screen.tell(match compared::compare(sides) {
            Ok(diff) => Message::Compared(Box::new(diff)),
            Err(failure) => Message::Refused(places::without_colours(&failure.message)),
        });
    }

    fn show_found(&mut self, found: &Concluded, folder: &Path, opened: bool) {
        let finished = Finished {
            report: found.report.clone(),
            folder: folder.display().to_string(),
            capacity: found.capacity(),
            opened,
        };
        self.screen.tell(Message::Finished(Box::new(finished)));
    }

    /// Gives the terminal back and prints on it what the last run came to.
    fn close(mut self) -> Result<Exit, Failure> {
        self.runtime.block_on(self.screen.close())?;
        self.unsaid.iter().for_each(|told| say(told));
        Ok(match self.last {
            Some((found, folder, exit)) => {
                found.tell(&folder, Voice::of(self.output.quiet, self.output.format))?;
                exit
            }
            None => Exit::Pass,
        })
    }
}
