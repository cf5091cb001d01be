//! The terminal UI: messages come in, the model changes, the view is drawn, commands go out.
//!
//! [`update`] is the only writer of the [`Model`], [`view`] only reads it, and neither does I/O. The run
//! sends its messages over a bounded channel and never waits for this thread: a stalled terminal loses
//! pictures, not load.

mod ascii;
mod capacity;
mod comparison;
mod diff;
mod footer;
mod frame;
mod history;
mod keys;
mod launch;
mod launcher;
mod live;
mod message;
mod model;
mod page;
mod past_runs;
mod pointer;
mod prompt;
mod results;
mod scrolled;
mod search_view;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use crossterm::event;
use crossterm::event::{KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Size};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

pub use comparison::Diff;
pub use launch::{Launch, LaunchChoice, LaunchOrigin, WorkloadInfo};
pub use message::{Command, FinishedRun, Message, PointerEvent, PointerEventKind, StartedRun};
pub use model::Model;
pub use past_runs::{ComparedRuns, PastRun};
pub use search_view::{SearchStep, SearchView, StepOutcome, StepUnderWay};
pub use terminal::{TerminalScreen, release, restore};
pub use theme::{Theme, ThemeColours};
pub use update::update;
pub use view::view;

/// How often keys and messages are looked for: quick for a finger, nothing for a processor.
const GLANCE: Duration = Duration::from_millis(50);

/// Where keys come from.
pub trait KeySource {
    /// The next key, act of the mouse or change of size, if there is one within this time.
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
        // crossterm reads a terminal that was closed for ever: it is asked only where something is there.
        await_input(Duration::ZERO)?;
        if !event::poll(Duration::ZERO)? {
            await_input(within)?;
            if !event::poll(Duration::ZERO)? {
                return Ok(None);
            }
        }
        Ok(match event::read()? {
            event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
            event::Event::Mouse(event) => pointer_event(event).map(Message::Pointer),
            event::Event::Resize(width, height) => Some(Message::Resize(Size::new(width, height))),
            _ => None,
        })
    }
}

/// Waits until there is something to read, at most so long.
///
/// # Errors
/// Where the terminal was closed.
fn await_input(within: Duration) -> io::Result<()> {
    // One that was closed is none any more: it is asked for once.
    static IS_TERMINAL: OnceLock<bool> = OnceLock::new();
    let input = io::stdin();
    let watched = usize::from(*IS_TERMINAL.get_or_init(|| input.is_terminal()));
    let mut ready = [PollFd::new(&input, PollFlags::IN)];
    let time = Timespec::try_from(within).ok();
    match poll(&mut ready[..watched], time.as_ref()) {
        Ok(_) if ready[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => {
            Err(io::Error::new(io::ErrorKind::BrokenPipe, "the terminal was closed"))
        }
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What the UI makes of the mouse: the left button and the wheel.
fn pointer_event(event: MouseEvent) -> Option<PointerEvent> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => PointerEventKind::Click,
        MouseEventKind::ScrollUp => PointerEventKind::WheelUp,
        MouseEventKind::ScrollDown => PointerEventKind::WheelDown,
        _ => return None,
    };
    Some(PointerEvent { kind, at: Position::new(event.column, event.row) })
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
    update(model, Message::Resize(screen.size()?));
    loop {
        screen.draw(model)?;
        for message in await_messages(keys, inbox)? {
            match update(model, message) {
                Command::Nothing => {}
                Command::Quit => {
                    obey(Command::Quit);
                    return Ok(());
                }
                outside @ (Command::Edit(_) | Command::Suspend) => {
                    screen.suspended(|| obey(outside))?;
                }
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
