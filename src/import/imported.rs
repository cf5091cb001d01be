//! What is asked of an import, and what comes of it.

use plimsoll_scenario::{Problem, ProblemKind, Span};
use plimsoll_units::Ratio;

use super::note::ImportNotes;

/// What the user chooses about an import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The system's name, already fit to be one: see [`super::system_name`].
    pub name: String,
    /// The folder that is written, as the comments in it name it.
    pub folder: String,
    /// The name of the file that is imported, without its folder.
    pub file: String,
    /// Hosts whose requests are kept; the first is the target. Where there are none, the importer finds it.
    pub hosts: Vec<String>,
    /// Replay at the recorded times, this many times as fast; access logs only.
    pub replay: Option<Ratio>,
    /// Open the pages of a recording in a real browser, too; recordings of browsers only.
    pub browser: bool,
}

/// The files of a new scenario folder, and notes about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Names and contents; `scenario.yaml` is the first.
    pub files: Vec<(String, String)>,
    /// What was left out or changed, and why.
    pub notes: ImportNotes,
}

/// A problem of an imported file.
pub(super) fn problem(span: Span, message: impl Into<String>, hint: Option<&str>) -> Problem {
    let kind = ProblemKind::Other { message: message.into(), hint: hint.map(str::to_owned) };
    Problem { span, kind }
}
