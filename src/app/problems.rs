//! All that is wrong with files, as the way a command ends.

use crate::scenario::{Problem, SourceFiles, render, render_ending, told};

use super::exit::{Exit, Failure};
use super::output::problem_colour;

/// Why a command could not be carried out: these problems, for people and for machines.
pub(super) fn failure(problems: &[Problem], sources: &SourceFiles) -> Failure {
    with_message(render(problems, sources, problem_colour()), problems, sources)
}

/// The same of a file that is imported.
pub(super) fn import_failure(problems: &[Problem], sources: &SourceFiles) -> Failure {
    let message = render_ending(problems, sources, problem_colour(), "nothing was written");
    with_message(message, problems, sources)
}

fn with_message(message: String, problems: &[Problem], sources: &SourceFiles) -> Failure {
    Failure { problems: told(problems, sources), ..Failure::new(Exit::Usage, message) }
}
