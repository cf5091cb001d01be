//! A first scenario from what people have already: a browser's recording, a server's log, an API's description.
//!
//! Every importer makes a draft, which is written as a person would write it, and
//! [`ImportNote`]s: whatever was left out or changed is listed with its reason. Importing is pure; the same input
//! gives the same files, byte for byte.

mod access_log;
mod draft;
mod har;
mod names;
mod note;
mod openapi;
mod secrets;
mod text;
mod yaml;

pub use access_log::access_log;
pub use har::har;
pub use note::{ImportNote, ImportNotes};
pub use openapi::openapi;

use crate::scenario::{Problem, ProblemKind, Span};
use crate::units::Ratio;

/// What the user chooses about an import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The system's name, already fit to be one: see [`system_name`].
    pub name: String,
    /// The name of the file that is imported, without its folder.
    pub file: String,
    /// Hosts whose requests are kept; the first is the target. Where there are none, the importer finds it.
    pub hosts: Vec<String>,
    /// Replay at the recorded times, this many times as fast; access logs only.
    pub replay: Option<Ratio>,
}

/// The files of a new scenario folder, and notes about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Names and contents; `scenario.yaml` is the first.
    pub files: Vec<(String, String)>,
    /// What was left out or changed, and why.
    pub notes: ImportNotes,
}

/// A system's name from what a file is called: `Web Shop.har` → `web_shop`.
pub fn system_name(stem: &str) -> String {
    let name = names::snake(stem);
    if name.is_empty() { "imported".to_owned() } else { name }
}

/// A problem of an imported file.
fn problem(span: Span, message: impl Into<String>, hint: Option<&str>) -> Problem {
    let kind = ProblemKind::Other { message: message.into(), hint: hint.map(str::to_owned) };
    Problem { span, kind }
}
