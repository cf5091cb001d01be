//! All that is wrong with files, as the way a command ends.

use crate::scenario::{Problem, SourceFiles, render, told};

use super::exit::{Exit, Failure};
use super::output::problem_colour;

/// Why a command could not be carried out: these problems, for people and for machines.
pub(super) fn failure(problems: &[Problem], sources: &SourceFiles) -> Failure {
    let message = render(problems, sources, problem_colour());
    Failure { problems: told(problems, sources), ..Failure::new(Exit::Usage, message) }
}
