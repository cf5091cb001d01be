//! The thread that owns the terminal, and the two channels to it.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, process, thread};

use tokio::sync::mpsc;

use crate::engine::{Steering, SteeringCommand};
use crate::metrics::{Event, Interval, PageLoad, RunEnd};
use crate::tui;
use crate::tui::{Command, KeySource, Keyboard, Message, Model, Theme};

use super::super::audience::RunObserver;
use super::super::exit::{Exit, Failure};
use super::super::look::{colours, wants_ascii, wants_mouse};
use super::super::output::say;
use super::super::signals::{StopSignals, SuspendSignal, suspend};

/// News on its way to the screen: a minute of seconds and what happened in it. What comes while it is full
/// is lost to the screen, and only to the screen.
const FEED: usize = 128;

/// Keys on their way to the run: more than fingers press in the moments in which nobody listens.
const COMMANDS: usize = 64;

/// How often the end of the thread is looked for.
const GLANCE: Duration = Duration::from_millis(20);

/// The screen, as the rest of the program sees it.
pub(super) struct RunScreen {
    /// Ends with the screen.
    feed: Option<SyncSender<Message>>,
    commands: mpsc::Receiver<Command>,
    thread: Option<JoinHandle<io::Result<()>>>,
    leaving: bool,
}

impl RunScreen {
    /// Takes the terminal over.
    pub(super) fn open() -> Result<Self, Failure> {
        Self::start(show)
    }

    /// Starts the thread that shows the messages it receives.
    fn start<F>(show: F) -> Result<Self, Failure>
    where
        F: FnOnce(&Receiver<Message>, &mpsc::Sender<Command>) -> io::Result<()> + Send + 'static,
    {
        let (feed, inbox) = sync_channel(FEED);
        let (asked, commands) = mpsc::channel(COMMANDS);
        let thread = thread::Builder::new()
            .name("screen".to_owned())
            .spawn(move || show(&inbox, &asked))
            .map_err(|error| Failure::while_doing("cannot start the screen", &error))?;
        Ok(Self { feed: Some(feed), commands, thread: Some(thread), leaving: false })
    }

    /// Hands a message on, if the channel has room for it.
    pub(super) fn print(&mut self, message: Message) {
        if let Some(feed) = &self.feed {
            let _ = feed.try_send(message);
        }
    }

    /// Awaits what the user asks for. A screen that is gone asks to leave.
    pub(super) async fn next_command(&mut self) -> Command {
        self.commands.recv().await.unwrap_or(Command::Quit)
    }

    /// Whether the user wants to leave as soon as the run has ended.
    pub(super) const fn wants_to_leave(&self) -> bool {
        self.leaving
    }

    /// Ends the thread and gives the terminal back. A terminal that does not take its output is waited for,
    /// until a signal says that this is enough.
    pub(super) async fn close(&mut self) -> Result<(), Failure> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // The thread finds the end of the feed behind what is still in it, and leaves.
        self.feed = None;
        let mut signals = StopSignals::new()?;
        while !thread.is_finished() {
            tokio::select! {
                () = tokio::time::sleep(GLANCE) => {}
                () = signals.next() => {
                    tui::release();
                    // A message would have to wait for the terminal as well.
                    return Err(Failure::new(Exit::Interrupted, ""));
                }
            }
        }
        let outcome = thread.join().map_err(|_| {
            Failure::new(Exit::Error, "error: the terminal UI failed; the log is complete")
        })?;
        outcome.map_err(|error| Failure::while_doing("cannot use the terminal", &error))
    }
}

/// Where something went wrong the terminal is given back as well, before anything is said on it.
impl Drop for RunScreen {
    fn drop(&mut self) {
        const LOOKS: u32 = 100;
        self.feed = None;
        for _ in 0..LOOKS {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return;
            }
            thread::park_timeout(GLANCE);
        }
    }
}

/// The thread: the load comes first, so it is the nicest of all.
fn show(inbox: &Receiver<Message>, asked: &mpsc::Sender<Command>) -> io::Result<()> {
    // On Linux this speaks of the calling thread alone. Without the right to it the screen works as well.
    let _ = rustix::process::nice(10);
    let mut model = Model::new(Theme::new(colours(), wants_ascii()), wants_mouse());
    let suspend_signal = SuspendSignal::listen()?;
    let mut screen = tui::TerminalScreen::open(wants_mouse())?;
    tui::run(&mut screen, &mut TerminalKeys(suspend_signal), &mut model, inbox, &mut |command| {
        let command = match command {
            Command::Suspend => return suspend(),
            Command::Edit(file) => {
                edit(&file);
                Command::Rescan
            }
            other => other,
        };
        // A full channel means that nobody will listen for a while: the key is lost, as on a busy terminal.
        let _ = asked.try_send(command);
    })
}

/// The keyboard, and the signal that asks for the terminal.
struct TerminalKeys(SuspendSignal);

impl KeySource for TerminalKeys {
    fn next(&mut self, within: Duration) -> io::Result<Option<Message>> {
        if self.0.came() { Ok(Some(Message::Suspend)) } else { Keyboard.next(within) }
    }
}

/// Opens the user's editor and waits for it.
fn edit(file: &Path) {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(std::env::var_os);
    let editor = editor.unwrap_or_else(|| "vi".into());
    // `EDITOR` may hold arguments, as in `code --wait`; only a shell knows how they are meant.
    let outcome = process::Command::new("sh")
        .arg("-c")
        .arg(format!("{} \"$1\"", editor.to_string_lossy()))
        .arg("sh")
        .arg(file)
        .status();
    if let Err(error) = outcome {
        say(&format!("error: cannot open the editor: {error}"));
    }
}

impl RunObserver for RunScreen {
    fn on_interval(&mut self, interval: Interval) {
        self.print(Message::Interval(Box::new(interval)));
    }

    fn on_page(&mut self, load: PageLoad) {
        self.print(Message::Page(Box::new(load)));
    }

    fn on_event(&mut self, event: Event) {
        self.print(Message::Event(event));
    }

    fn on_steering(&mut self, steering: Steering) {
        self.print(Message::Steered(steering));
    }

    fn on_signal(&mut self) {
        self.leaving = true;
        self.print(Message::Notice(
            "a signal stops the run; requests in flight get 5 s".to_owned(),
        ));
    }

    fn on_end(&mut self, _: &RunEnd) {}

    async fn next_steering(&mut self) -> SteeringCommand {
        loop {
            match self.commands.recv().await {
                Some(Command::Steer(command)) => return command,
                Some(Command::StopAndQuit | Command::Quit) => {
                    self.leaving = true;
                    return SteeringCommand::Stop;
                }
                Some(_) => {}
                // The load never depends on the screen: without one, the run goes on and signals stop it.
                None => {
                    self.leaving = true;
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
