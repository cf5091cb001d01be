//! A scenario that is to be played elsewhere: its files, and what its environment must bring.
//!
//! It is checked here as far as it can be without that environment. Nothing of this machine's environment gets in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::KubernetesArgs;
use crate::plan::Plan;
use crate::scenario::{Loaded, ProblemKind, load, scenario_file};

use super::super::capacity::without_stack;
use super::super::compiled::plan_of;
use super::super::exit::{Exit, Failure};
use super::super::files;
use super::super::sources::StackPrograms;
use super::leader::LeaderCommand;

/// Stands for a value that only the cluster has.
const UNKNOWN: &str = "1";

/// A scenario with all that makes it.
pub(super) struct ShippedScenario {
    pub(super) plan: Plan,
    /// The name of the scenario's file.
    pub(super) file: String,
    /// All files, by their paths below its folder.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl ShippedScenario {
    /// Reads and checks it.
    ///
    /// # Errors
    /// Where something is wrong with it, files lie outside its folder, or nothing brings the values it needs.
    pub(super) fn read(args: &KubernetesArgs, command: &LeaderCommand) -> Result<Self, Failure> {
        let read = RefCell::new(BTreeMap::new());
        let reading = |path: &Path| {
            let bytes = files::read(path)?;
            read.borrow_mut().insert(path.to_owned(), bytes.clone());
            Ok(bytes)
        };
        let required = missing(&load(&args.path, command.settings(), &reading, &|_| None));
        if !required.is_empty() && args.secret.is_empty() && args.config_map.is_empty() {
            let names: Vec<String> = required.iter().map(|name| format!("`{name}`")).collect();
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "error: the scenario needs {} from its environment\nhint: `--secret NAME` or `--config-map NAME` says \
                     where the cluster has values of `${{…}}`",
                    names.join(", ")
                ),
            ));
        }
        let given = |name: &str| {
            let is_required = required.iter().any(|it| it == name);
            is_required.then(|| files::variable(name).unwrap_or_else(|| UNKNOWN.to_owned()))
        };
        let loaded = load(&args.path, command.settings(), &reading, &given);
        let plan = plan_of(&loaded, &command.overrides(), StackPrograms::Elsewhere);
        let (plan, _) = plan.map_err(|failure| with_unknown(failure, &required))?;
        if matches!(command, LeaderCommand::Search(_)) && !describes_stack(&loaded) {
            return Err(without_stack());
        }
        let path = scenario_file(&args.path);
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { plan, file, files: below(&folder, read.into_inner())? })
    }
}

fn describes_stack(loaded: &Loaded) -> bool {
    loaded.scenario.as_ref().is_some_and(|scenario| scenario.stack.is_some())
}

/// The names of variables without which the scenario is none.
fn missing(loaded: &Loaded) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for problem in &loaded.problems {
        if let ProblemKind::EnvironmentMissing { name, .. } = &problem.kind
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    names
}

/// Says where a value that nobody knows here may be the cause.
fn with_unknown(failure: Failure, required: &[String]) -> Failure {
    let unknown: Vec<&str> =
        required.iter().map(String::as_str).filter(|it| files::variable(it).is_none()).collect();
    if unknown.is_empty() {
        return failure;
    }
    let names = unknown.join(", ");
    let hint = format!(
        "hint: values that only the cluster has were taken as `{UNKNOWN}`: {names}; set them here, to any that could be"
    );
    Failure { message: format!("{}\n{hint}", failure.message), ..failure }
}

/// The files by their paths below a folder.
fn below(
    folder: &Path,
    read: BTreeMap<PathBuf, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    for (path, bytes) in read {
        let inside = path.strip_prefix(folder).ok().filter(|it| !it.starts_with(".."));
        let Some(inside) = inside.and_then(Path::to_str) else {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "error: `{}` lies outside the scenario's folder, which is all that the cluster gets",
                    path.display()
                ),
            ));
        };
        files.insert(inside.to_owned(), bytes);
    }
    Ok(files)
}
