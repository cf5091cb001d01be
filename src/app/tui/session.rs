//! The time from the first screen to the last: carries out what the screen asks for.

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use crate::cli;
use crate::slo::Strictness;
use crate::tui::{Command, ComparedRuns, FinishedRun, Message, StartedRun};

use super::super::conclusion::{OutcomeFormat, RunConclusion, conclude, judged, strictness};
use super::super::drive::drive;
use super::super::exit::{Exit, Failure, exit_of};
use super::super::export::ExportingObserver;
use super::super::files;
use super::super::output::say;
use super::super::signals::StopSignals;
use super::job::{ReadyRun, RequestedRun};
use super::screen::RunScreen;
use super::{compared, places};

/// What a run came to, for the plain terminal.
pub(in crate::app) struct LastRun {
    pub(in crate::app) found: RunConclusion,
    pub(in crate::app) folder: PathBuf,
    pub(in crate::app) exit: Exit,
}

/// The time from the first screen to the last.
pub(super) struct UiSession {
    pub(super) runtime: Runtime,
    pub(super) screen: RunScreen,
    pub(super) output: cli::OutputArgs,
    /// For "run again".
    last_job: Option<RequestedRun>,
    /// The last run: what is printed to the plain terminal at the end.
    pub(super) last: Option<LastRun>,
    /// What is still to be said once the terminal is plain again.
    unsaid: Vec<String>,
    leaving: bool,
}

impl UiSession {
    pub(super) fn open(runtime: Runtime, output: cli::OutputArgs) -> Result<Self, Failure> {
        Ok(Self::on(RunScreen::open()?, runtime, output))
    }

    /// On a screen that is open already.
    pub(super) fn on(screen: RunScreen, runtime: Runtime, output: cli::OutputArgs) -> Self {
        let leaving = screen.wants_to_leave();
        Self { runtime, screen, output, last_job: None, last: None, unsaid: vec![], leaving }
    }

    fn strictness(&self) -> Strictness {
        strictness(self.output.strict)
    }

    /// Carries out commands until the user leaves or a signal comes.
    pub(super) fn serve(&mut self) -> Result<(), Failure> {
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
            // The screen's own thread opens an editor and stands aside; steering without a run has no effect.
            Command::Nothing | Command::Steer(_) | Command::Edit(_) | Command::Suspend => {}
        }
        Ok(())
    }

    /// What can be run, and what was.
    pub(super) fn look_around(&mut self) {
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
    pub(super) fn play(&mut self, job: RequestedRun, ready: ReadyRun) -> Result<(), Failure> {
        let ReadyRun { mut prepared, mut exports, stack } = ready;
        self.last_job = Some(job);
        let folder = prepared.folder.path().to_owned();
        self.screen.print(Message::Begun(Box::new(StartedRun {
            header: prepared.header.clone(),
            folder: folder.display().to_string(),
            signals: prepared.signals.clone(),
        })));
        for told in exports.announcements() {
            self.screen.print(Message::Notice(told));
        }
        for warning in prepared.warnings.drain(..) {
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
        self.last = Some(LastRun { found, folder, exit });
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

    pub(super) fn show_found(&mut self, found: &RunConclusion, folder: &Path, opened: bool) {
        let finished = FinishedRun {
            report: found.report.clone(),
            folder: folder.display().to_string(),
            capacity: found.capacity(),
            opened,
        };
        self.screen.print(Message::Finished(Box::new(finished)));
    }

    /// Gives the terminal back and prints on it what the last run came to.
    pub(super) fn close(mut self) -> Result<Exit, Failure> {
        self.runtime.block_on(self.screen.close())?;
        self.unsaid.iter().for_each(|told| say(told));
        Ok(match self.last {
            Some(LastRun { found, folder, exit }) => {
                let format = OutcomeFormat::of(self.output.quiet, self.output.format);
                found.print(&folder, format, exit)?
            }
            None => Exit::Pass,
        })
    }
}
