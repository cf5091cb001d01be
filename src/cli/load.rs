//! Options of the load.

use clap::Args;

use super::values::{above_zero, planned_mark, rate_above_zero};
use crate::units::{Nanos, Ratio, WorkRate};

/// How the load is shaped.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct LoadArgs {
    /// The workload to run; the scenario's first by default.
    #[arg(long, value_name = "NAME")]
    pub workload: Option<String>,
    /// The highest rate, `300 req/s` or `40 iter/s`; ramps keep their shape.
    #[arg(long, value_name = "RATE", value_parser = rate_above_zero)]
    pub rate: Option<WorkRate>,
    /// The duration, `90s` or `5m`; stages keep their shares.
    #[arg(long, value_name = "TIME", value_parser = above_zero)]
    pub duration: Option<Nanos>,
    /// The maximum number of users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_vus: Option<u32>,
    /// Scale all think times: `10%` makes users ten times as quick.
    #[arg(long, value_name = "SHARE")]
    pub think: Option<Ratio>,
    /// The random seed; the same seed sends the same requests.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The number of worker threads; as few as carry the rate by default.
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Do not play the scenario's `setup`: another generator has, or it was done by hand.
    #[arg(long)]
    pub no_setup: bool,
    /// Do not play the scenario's `teardown`.
    #[arg(long)]
    pub no_teardown: bool,
    /// Mark a moment of the run in advance: `--mark "cache flushed@30s"`; repeatable.
    #[arg(long, value_name = "TEXT@TIME", value_parser = planned_mark)]
    pub mark: Vec<(String, Nanos)>,
}
