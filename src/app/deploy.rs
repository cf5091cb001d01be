//! `plimsoll deploy`: what runs agents and their leader elsewhere.

mod cluster;
mod kubernetes;
mod leader;
mod network;
mod pod;
mod shipped;
mod yaml;

use crate::cli::{DeployArgs, DeployPlace, KubernetesArgs};

use super::exit::{Exit, Failure};
use super::output::{say, write_out};

use cluster::ClusterRun;
use leader::LeaderCommand;
use shipped::ShippedScenario;

/// Prints what the command line asks for.
pub(super) fn deploy(args: &DeployArgs) -> Result<Exit, Failure> {
    match &args.place {
        DeployPlace::Kubernetes(args) => kubernetes(args),
    }
}

fn kubernetes(args: &KubernetesArgs) -> Result<Exit, Failure> {
    let command = LeaderCommand::of(args)?;
    let scenario = ShippedScenario::read(args, &command)?;
    let load = command.duration(&scenario.plan);
    let run = ClusterRun { args, scenario: &scenario, load };
    let documents = run.manifests().map_err(|why| refused(&why))?;
    if args.target_label.is_empty() {
        say(
            "warning: nothing keeps agents off the target's nodes\nhint: `--target-label app=shop` names the pods that serve",
        );
    }
    let texts: Vec<String> = documents.iter().map(yaml::text).collect();
    write_out(&texts.join("---\n")).map(|()| Exit::Pass)
}

fn refused(why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("error: {why}"))
}
