//! What agents and their leader can be asked.

use std::path::PathBuf;

use clap::Args;

use super::values::above_zero;
use crate::units::Nanos;

/// `plimsoll agent`
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The NATS server: `nats://host:4222`, or `tls://` for TLS.
    #[arg(long, value_name = "URL")]
    pub nats: String,
    /// How to get in.
    #[command(flatten)]
    pub login: NatsLoginArgs,
    /// Play this shard, from 1; any by default, in a Job the one of its completion index.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub number: Option<u32>,
    /// Keep trying to reach a NATS server that is not there yet, and give up where no run has begun within this time.
    #[arg(long, value_name = "TIME", value_parser = above_zero)]
    pub wait: Option<Nanos>,
    /// End after one run; otherwise it waits for the next.
    #[arg(long)]
    pub once: bool,
    /// The number of worker threads; as few as carry the rate by default.
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Allow load on this host outside loopback and private ranges; it must be in `allow_hosts` too.
    #[arg(long, value_name = "HOST")]
    pub i_may_load: Vec<String>,
    /// The folder in which every run gets a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
}

/// A run that agents play.
#[derive(Debug, Clone, Default, Args)]
pub struct FleetArgs {
    /// Lead this many agents, which play the load; needs --nats.
    #[arg(
        long,
        value_name = "N",
        requires = "nats",
        value_parser = clap::value_parser!(u32).range(1..=100_000),
        help_heading = "Agents"
    )]
    pub agents: Option<u32>,
    /// The NATS server where agents wait.
    #[arg(long, value_name = "URL", requires = "agents", help_heading = "Agents")]
    pub nats: Option<String>,
    /// Run with as few as this many agents, each with a greater part; by default all must come.
    #[arg(
        long,
        value_name = "N",
        requires = "agents",
        value_parser = clap::value_parser!(u32).range(1..=100_000),
        help_heading = "Agents"
    )]
    pub min_agents: Option<u32>,
    /// How long to wait for agents, 2m by default; where it is given, also for a NATS server that is not there yet.
    #[arg(long, value_name = "TIME", requires = "agents", value_parser = above_zero, help_heading = "Agents")]
    pub wait: Option<Nanos>,
    /// How to get in.
    #[command(flatten)]
    pub login: NatsLoginArgs,
}

/// How to get into a NATS server.
#[derive(Debug, Clone, Default, Args)]
pub struct NatsLoginArgs {
    /// A file with a token for the NATS server.
    #[arg(long, value_name = "FILE", help_heading = "Agents")]
    pub nats_token: Option<PathBuf>,
    /// A file with an NKEY seed for the NATS server.
    #[arg(long, value_name = "FILE", help_heading = "Agents")]
    pub nats_nkey: Option<PathBuf>,
    /// A credentials file (JWT and seed) for the NATS server.
    #[arg(long, value_name = "FILE", help_heading = "Agents")]
    pub nats_credentials: Option<PathBuf>,
    /// Certificate authorities (PEM) to trust for the NATS server; TLS is required then.
    #[arg(long, value_name = "FILE", help_heading = "Agents")]
    pub nats_ca: Option<PathBuf>,
    /// The client's certificate chain (PEM) for the NATS server.
    #[arg(long, value_name = "FILE", requires = "nats_key", help_heading = "Agents")]
    pub nats_cert: Option<PathBuf>,
    /// The key of that certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "nats_cert", help_heading = "Agents")]
    pub nats_key: Option<PathBuf>,
}
