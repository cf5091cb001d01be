//! The terminal UI: messages come in, the model changes, the view is drawn, commands go out.
//!
//! [`update`] is the only writer of the [`Model`], [`view`] only reads it, and neither does I/O. The run
//! sends its messages over a bounded channel and never waits for this thread: a stalled terminal loses
//! pictures, not load.

mod capacity;
mod diff;
mod frame;
mod history;
mod keys;
mod launcher;
mod live;
mod model;
mod prompt;
mod results;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use crossterm::event::{self, KeyEvent, KeyEventKind};

pub use capacity::{SearchStep, SearchView, StepOutcome, StepUnderWay};
pub use diff::{ComparedRuns, Diff};
pub use history::PastRun;
pub use launcher::{Launch, LaunchChoice, LaunchOrigin, WorkloadInfo};
pub use model::Model;
pub use terminal::{TerminalScreen, release, restore};
pub use theme::Theme;
pub use update::update;
pub use view::view;

use crate::engine::{Steering, SteeringCommand};
use crate::metrics::{Event, Interval, RunHeader};
use crate::report::Report;
use crate::scenario::stack::SignalSpec;

/// The messages to the UI.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size.
    Resize,
    /// The folders that can be run.
    Places(Vec<LaunchChoice>),
    /// The runs that were made, newest first.
    History(Vec<PastRun>),
    /// A run begins.
    Begun(Box<StartedRun>),
    /// A search for SLO-max begins, or has measured another step.
    Search(Box<SearchView>),
    /// One second of the run is complete.
    Interval(Box<Interval>),
    /// Something happened in the run.
    Event(Event),
    /// The stages in force after a steering command.
    Steered(Steering),
    /// The run is over, or a past one was opened.
    Finished(Box<FinishedRun>),
    /// Two sides were compared.
    Compared(Box<Diff>),
    /// A run could not begin or broke off.
    Refused(String),
    /// Something short to say.
    Notice(String),
    /// Leave.
    Quit,
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct StartedRun {
    /// The first line of its log.
    pub header: RunHeader,
    /// Where its files are written.
    pub folder: String,
    /// When the stack would scale, as its file says.
    pub signals: Vec<SignalSpec>,
}

/// A run that is over.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// What it came to.
    pub report: Report,
    /// Where its files are.
    pub folder: String,
    /// What a search for SLO-max found, as a terminal shows it; empty for a plain run.
    pub capacity: String,
    /// Whether it was read from its files: then it cannot be run again from here.
    pub opened: bool,
}

/// What the UI asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Nothing.
    Nothing,
    /// Steer, mark or stop the run.
    Steer(SteeringCommand),
    /// Stop the run and leave when it has drained.
    StopAndQuit,
    /// Start a run.
    Launch(Box<Launch>),
    /// The same run again.
    Again,
    /// Open this file in the user's editor, then look again.
    Edit(PathBuf),
    /// Look again what can be run and what was.
    Rescan,
    /// Show the run in this folder.
    Open(PathBuf),
    /// Compare these runs.
    Compare(ComparedRuns),
    /// Leave.
    Quit,
}

/// How often keys and messages are looked for: quick for a finger, nothing for a processor.
const GLANCE: Duration = Duration::from_millis(50);

/// Where keys come from.
pub trait KeySource {
    /// The next key or change of size, if there is one within this time.
    ///
    /// # Errors
    /// Where the terminal cannot be read.
    fn next(&mut self, within: Duration) -> io::Result<Option<Message>>;
}

/// The keys of the terminal that the process was started on.
#[derive(Debug)]
pub struct Keyboard;

impl KeySource for Keyboard {
    fn next(&mut self, within: Duration) -> io::Result<Option<Message>> {
        if !event::poll(within)? {
            return Ok(None);
        }
        Ok(match event::read()? {
            event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
            event::Event::Resize(..) => Some(Message::Resize),
            _ => None,
        })
    }
}

/// Shows the model until the user leaves. `obey` carries out commands; it must not wait, except for an editor.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn run<W: Write>(
    screen: &mut TerminalScreen<W>,
    keys: &mut dyn KeySource,
    model: &mut Model,
    inbox: &Receiver<Message>,
    obey: &mut dyn FnMut(Command),
) -> io::Result<()> {
    loop {
        screen.draw(model)?;
        for message in await_messages(keys, inbox)? {
            match update(model, message) {
                Command::Nothing => {}
                Command::Quit => {
                    obey(Command::Quit);
                    return Ok(());
                }
                edit @ Command::Edit(_) => screen.suspended(|| obey(edit))?,
                command => obey(command),
            }
        }
    }
}

/// Waits for keys and messages. Intervals that queued up while the terminal was slow are drawn once.
fn await_messages(keys: &mut dyn KeySource, inbox: &Receiver<Message>) -> io::Result<Vec<Message>> {
    let mut messages = Vec::new();
    while messages.is_empty() {
        messages.extend(keys.next(GLANCE)?);
        loop {
            match inbox.try_recv() {
                Ok(message) => messages.push(message),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    messages.push(Message::Quit);
                    break;
                }
            }
        }
    }
    Ok(messages)
}
