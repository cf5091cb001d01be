//! Whether the programs that a stack file names are there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use plimsoll_scenario::{Problem, ProblemKind, Problems, Stack};

/// What is wrong with the programs that a stack's sources start; `path` is what `PATH` says.
pub fn missing_programs(stack: &Stack, path: &str) -> Vec<Problem> {
    let mut problems = Problems::default();
    let commands = stack.tiers.iter().flat_map(|tier| &tier.observe.commands);
    for program in commands.filter_map(|command| command.run.first()) {
        if program.value.is_empty() {
            continue;
        }
        let places: Vec<PathBuf> = match located(&program.value, &stack.folder) {
            Some(place) => vec![place],
            None => path.split(':').map(|folder| Path::new(folder).join(&program.value)).collect(),
        };
        let is_file = |place: &&PathBuf| place.is_file();
        let found: Vec<&PathBuf> = places.iter().filter(is_file).collect();
        if found.iter().any(|place| is_executable(place)) {
            continue;
        }
        let (message, hint) = if found.is_empty() {
            let hint =
                "a path is named from this file's folder; any other name is looked for in PATH";
            (format!("there is no program `{}`", program.value), hint)
        } else {
            (format!("`{}` is not executable", program.value), "give it the right: `chmod +x`")
        };
        let kind = ProblemKind::Other { message, hint: Some(hint.to_owned()) };
        problems.report(program.span, kind);
    }
    problems.into_sorted()
}

/// The path of a program that is named by one, whole so that it holds wherever the program runs.
pub(super) fn located(program: &str, folder: &Path) -> Option<PathBuf> {
    let named = program.contains('/').then(|| folder.join(program))?;
    Some(std::path::absolute(&named).unwrap_or(named))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
}
