//! What the leader in the cluster is asked, read by the same definition that will read it there.

use clap::Parser as _;

use crate::cli::{CapacityArgs, Cli, CliCommand, KubernetesArgs, RunArgs};
use crate::plan::{Overrides, Plan};
use crate::units::Nanos;

use super::super::asked::{FleetRole, RunRequest, overrides};
use super::super::capacity::{load_origin, search_overrides};
use super::super::exit::{Exit, Failure};

/// Where pods write their reports.
pub(super) const REPORTS: &str = "/reports";

/// The words of the leader's command line, which finds the scenario at `path` and NATS at `nats`.
pub(super) fn leader_words(args: &KubernetesArgs, path: &str, nats: &str) -> Vec<String> {
    let command = if args.capacity { "capacity" } else { "run" };
    let mut words = vec![command.to_owned(), path.to_owned()];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    add("--agents", args.agents.to_string());
    add("--wait", args.wait.to_string());
    add("--out", REPORTS.to_owned());
    add("--nats", nats.to_owned());
    if let Some(target) = &args.target {
        add("--target", target.clone());
    }
    for host in &args.i_may_load {
        add("--i-may-load", host.clone());
    }
    words.extend(args.options.iter().cloned());
    words
}

/// What the leader plays.
pub(super) enum LeaderCommand {
    Run(Box<RunArgs>),
    Search(Box<CapacityArgs>),
}

impl LeaderCommand {
    /// As the command line asks for it.
    ///
    /// # Errors
    /// Where options behind `--` are none of the leader's, or need a terminal.
    pub(super) fn of(args: &KubernetesArgs) -> Result<Self, Failure> {
        let path = args.path.display().to_string();
        let words = leader_words(args, &path, "nats://nats:4222");
        let asked = Cli::try_parse_from(std::iter::once("plimsoll".to_owned()).chain(words));
        match asked.map(|cli| cli.command) {
            Ok(Some(CliCommand::Run(run))) if !run.tui => Ok(Self::Run(run)),
            Ok(Some(CliCommand::Capacity(search))) if !search.tui => Ok(Self::Search(search)),
            Ok(_) => Err(refused("the leader has no terminal: leave out `--tui`")),
            Err(error) => {
                let text = error.to_string();
                let why = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
                let command = if args.capacity { "capacity" } else { "run" };
                let why = format!("options after `--` are those of `plimsoll {command}`: {why}");
                Err(refused(&why))
            }
        }
    }

    /// Values of the file that it changes.
    pub(super) fn settings(&self) -> &[(String, String)] {
        match self {
            Self::Run(run) => &run.set,
            Self::Search(search) => &search.set,
        }
    }

    /// What it asks for beside the file.
    pub(super) fn overrides(&self) -> Overrides {
        match self {
            Self::Run(run) => overrides(&asked(run), &run.load),
            Self::Search(search) => search_overrides(&load_origin(search), search.load.seed),
        }
    }

    /// How long its load lasts at the most.
    pub(super) fn duration(&self, plan: &Plan) -> Nanos {
        match self {
            Self::Run(_) => plan.load.duration(),
            Self::Search(search) => search.within,
        }
    }
}

fn asked(run: &RunArgs) -> RunRequest<'_> {
    RunRequest {
        of_url: None,
        target: run.target.clone(),
        green: run.green.clone(),
        settings: &run.set,
        shard: None,
        tags: &run.tag,
        preflight: false,
        may_load: &run.i_may_load,
        simulated: false,
        role: FleetRole::Alone,
        browsers: false,
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("error: {why}"))
}
