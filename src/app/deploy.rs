//! `plimsoll deploy`: what runs agents and their leader elsewhere.

mod cluster;
mod kubernetes;
mod network;
mod pod;
mod shipped;
mod yaml;

use clap::Parser as _;

use crate::cli::{Cli, CliCommand, DeployArgs, DeployPlace, KubernetesArgs, RunArgs};

use super::exit::{Exit, Failure};
use super::output::{say, write_out};

use cluster::ClusterRun;
use kubernetes::run_words;
use shipped::ShippedScenario;

/// Prints what the command line asks for.
pub(super) fn deploy(args: &DeployArgs) -> Result<Exit, Failure> {
    match &args.place {
        DeployPlace::Kubernetes(args) => kubernetes(args),
    }
}

fn kubernetes(args: &KubernetesArgs) -> Result<Exit, Failure> {
    let run = run_args(args)?;
    let scenario = ShippedScenario::read(args, &run)?;
    let run = ClusterRun { args, scenario: &scenario };
    let documents = run.manifests().map_err(|why| refused(&why))?;
    if args.target_label.is_empty() {
        say(
            "warning: nothing keeps agents off the target's nodes\nhint: `--target-label app=shop` names the pods that serve",
        );
    }
    let texts: Vec<String> = documents.iter().map(yaml::text).collect();
    write_out(&texts.join("---\n")).map(|()| Exit::Pass)
}

/// What the leader is asked, read by the same definition that will read it there.
fn run_args(args: &KubernetesArgs) -> Result<RunArgs, Failure> {
    let path = args.path.display().to_string();
    let words =
        ["plimsoll".to_owned()].into_iter().chain(run_words(args, &path, "nats://nats:4222"));
    match Cli::try_parse_from(words) {
        Ok(Cli { command: Some(CliCommand::Run(run)), .. }) if !run.tui => Ok(*run),
        Ok(_) => Err(refused("the leader has no terminal: leave out `--tui`")),
        Err(error) => {
            let text = error.to_string();
            let why = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
            Err(refused(&format!("options after `--` are those of `plimsoll run`: {why}")))
        }
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("error: {why}"))
}
