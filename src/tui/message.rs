//! What the UI is told, and what it asks for.

use std::path::PathBuf;

use crossterm::event::KeyEvent;
use ratatui::layout::{Position, Size};

use plimsoll_load::engine::{Steering, SteeringCommand};
use plimsoll_metrics::{Event, Interval, PageLoad, RunHeader};
use plimsoll_report::Report;
use plimsoll_scenario::stack::SignalSpec;

use super::comparison::Diff;
use super::launch::{Launch, LaunchChoice};
use super::past_runs::{ComparedRuns, PastRun};
use super::search_view::SearchView;

/// The messages to the UI.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has this size.
    Resize(Size),
    /// The mouse was clicked, or its wheel turned.
    Pointer(PointerEvent),
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
    /// A real browser loaded a page.
    Page(Box<PageLoad>),
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
    /// A signal asks for the terminal.
    Suspend,
    /// Leave.
    Quit,
}

/// What was done with the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointerEvent {
    /// What it is.
    pub kind: PointerEventKind,
    /// Where on the screen.
    pub at: Position,
}

/// What can be done with the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerEventKind {
    /// The left button was pressed.
    Click,
    /// The wheel was turned up by a notch.
    WheelUp,
    /// The wheel was turned down by a notch.
    WheelDown,
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
    /// Give the terminal back and stop, until the shell lets the process go on.
    Suspend,
    /// Leave.
    Quit,
}
