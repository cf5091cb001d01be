//! What `deploy` can be asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::{above_zero, dns_label, key_value};
use crate::units::Nanos;

/// `plimsoll deploy`
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Where.
    #[command(subcommand)]
    pub place: DeployPlace,
}

/// Where agents can be deployed.
#[derive(Debug, Subcommand)]
pub enum DeployPlace {
    /// Print manifests of a run in a cluster: `plimsoll deploy kubernetes … | kubectl apply --server-side -f -`
    Kubernetes(Box<KubernetesArgs>),
}

/// `plimsoll deploy kubernetes`
#[derive(Debug, Args)]
pub struct KubernetesArgs {
    /// A scenario folder or file.
    pub path: PathBuf,
    /// The number of agents, each on a node of its own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub agents: u32,
    /// Search for capacity with the agents, instead of one run.
    #[arg(long)]
    pub capacity: bool,
    /// Where requests go, instead of the scenario's `target`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// A label of the target's pods: no agent runs on a node of theirs, and agents may reach them; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub target_label: Vec<(String, String)>,
    /// A further port that agents may reach, wherever it is; repeatable.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub egress_port: Vec<u16>,
    /// Allow load on this host outside loopback and private ranges; it must be in `allow_hosts` too.
    #[arg(long, value_name = "HOST")]
    pub i_may_load: Vec<String>,
    /// A Secret with values of `${…}`; repeatable.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub secret: Vec<String>,
    /// A `ConfigMap` with values of `${…}`; repeatable.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub config_map: Vec<String>,
    /// The image that agents and leader run.
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = concat!("plimsoll:", env!("CARGO_PKG_VERSION")),
        help_heading = "Cluster"
    )]
    pub image: String,
    /// What the objects of the cluster are called; after the scenario by default.
    #[arg(long, value_name = "NAME", value_parser = dns_label, help_heading = "Cluster")]
    pub name: Option<String>,
    /// The namespace; kubectl's own by default.
    #[arg(long, value_name = "NAME", value_parser = dns_label, help_heading = "Cluster")]
    pub namespace: Option<String>,
    /// Cores of each agent.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..=256),
        help_heading = "Cluster"
    )]
    pub cpu: u32,
    /// Memory of each agent in MiB.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 1_024,
        value_parser = clap::value_parser!(u32).range(64..=1_048_576),
        help_heading = "Cluster"
    )]
    pub memory: u32,
    /// A `PersistentVolumeClaim` for the reports; without one they end with the leader's pod, but for what it printed.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub claim: Option<String>,
    /// How long pods may take to start.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5m",
        value_parser = above_zero,
        help_heading = "Cluster"
    )]
    pub wait: Nanos,
    /// Use this NATS server; one of the run's own is deployed otherwise.
    #[arg(long, value_name = "URL", help_heading = "NATS")]
    pub nats: Option<String>,
    /// A Secret whose key `nats.creds` (JWT and seed) lets into that server.
    #[arg(long, value_name = "NAME", requires = "nats", help_heading = "NATS")]
    pub nats_secret: Option<String>,
    /// The image of the run's own NATS server.
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "nats:2.10-alpine",
        conflicts_with = "nats",
        help_heading = "NATS"
    )]
    pub nats_image: String,
    /// Options of the leader's `plimsoll run`, with --capacity of its `plimsoll capacity`: `-- --workload peak --duration 10m`.
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}
