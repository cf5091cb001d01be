//! What `capacity` can be asked.

use std::path::PathBuf;

use clap::Args;

use super::{FleetArgs, OutputArgs, key_value};
use crate::units::{Nanos, Ratio, WorkRate};

/// `plimsoll capacity`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct CapacityArgs {
    /// A scenario folder or file; with --resume, --verify and --simulate, the run's own.
    #[arg(required_unless_present_any = ["resume", "verify", "simulate"])]
    pub path: Option<PathBuf>,
    /// Where requests go, instead of the scenario's `target`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// The time that the search may take, warm-ups included.
    #[arg(long, value_name = "TIME", default_value = "20m")]
    pub within: Nanos,
    /// How the load is shaped and limited.
    #[command(flatten)]
    pub load: SearchLoadArgs,
    /// Change a value of the file: `--set http.timeout=5s`; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Replicas that are deployed now, where they differ from the stack file, and numbers to predict for: `api=1`,
    /// `api=1,2,4`; repeatable.
    #[arg(long, value_name = "TIER=N[,N…]", value_parser = tier_counts, conflicts_with_all = ["resume", "simulate"])]
    pub replicas: Vec<(String, Vec<u32>)>,
    /// Cores that each replica of a tier has now, where they differ from the stack file: `api=0.5`; repeatable.
    #[arg(long, value_name = "TIER=CORES", value_parser = tier_cores, conflicts_with_all = ["resume", "simulate"])]
    pub cores: Vec<(String, f64)>,
    /// The peak to plan for, `1000 req/s`; the stack file's forecast by default.
    #[arg(long, value_name = "RATE")]
    pub peak: Option<WorkRate>,
    /// How much the peak grows, `50%`; the stack file's forecast by default, none with --peak.
    #[arg(long, value_name = "SHARE")]
    pub growth: Option<Ratio>,
    /// Recommend without a spare replica (no N+1).
    #[arg(long)]
    pub no_spare: bool,
    /// Resume an interrupted search where it stopped.
    #[arg(long, value_name = "RUN", conflicts_with = "verify")]
    pub resume: Option<PathBuf>,
    /// Check a prediction of this run: measure the stack as deployed now (see --replicas and --cores) and print the error.
    #[arg(long, value_name = "RUN")]
    pub verify: Option<PathBuf>,
    /// Play the model of this run through a change, without any load: `"api=4 peak=1000 req/s lose=1"`.
    #[arg(long, value_name = "CHANGE", requires = "of", conflicts_with_all = ["resume", "verify", "agents"])]
    pub simulate: Option<String>,
    /// The run whose model --simulate plays.
    #[arg(long, value_name = "RUN")]
    pub of: Option<PathBuf>,
    /// Which agents play the steps.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Watch the search in the terminal UI: bracket, curve, what is measured next.
    #[arg(long, overrides_with = "no_tui", conflicts_with = "simulate")]
    pub tui: bool,
    /// Do not open the terminal UI; the default.
    #[arg(long, overrides_with = "tui")]
    pub no_tui: bool,
    /// Start even if the target cannot be reached.
    #[arg(long)]
    pub no_preflight: bool,
    /// Allow load on this host outside loopback and private ranges; it must be in `allow_hosts` too.
    #[arg(long, value_name = "HOST")]
    pub i_may_load: Vec<String>,
    /// Where and how results are given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How a search shapes and limits its load.
#[derive(Debug, Clone, Default, Args)]
pub struct SearchLoadArgs {
    /// The workload whose arrivals and think times are used; the scenario's first by default. The rates are
    /// the search's.
    #[arg(long, value_name = "NAME")]
    pub workload: Option<String>,
    /// Scale all think times: `10%` makes users ten times as quick.
    #[arg(long, value_name = "SHARE")]
    pub think: Option<Ratio>,
    /// The random seed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The first rate; a quarter of the workload's highest by default.
    #[arg(long, value_name = "RATE")]
    pub start: Option<WorkRate>,
    /// Never offer more than this.
    #[arg(long, value_name = "RATE")]
    pub max_rate: Option<WorkRate>,
    /// The shortest time that a step is held; a sixtieth of `--within` by default.
    #[arg(long, value_name = "TIME", value_parser = super::above_zero)]
    pub hold: Option<Nanos>,
    /// The maximum number of users; as many as the step may need by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_vus: Option<u32>,
    /// The number of worker threads; as few as carry the rate by default.
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
}

/// `api=1,2,4`: a tier and at least one number of replicas.
fn tier_counts(text: &str) -> Result<(String, Vec<u32>), String> {
    let (tier, counts) = key_value(text).map_err(|_| "expected TIER=N or TIER=N,N".to_owned())?;
    let count = |text: &str| match text.trim().parse() {
        Ok(count @ 1..) => Ok(count),
        _ => Err("the number of replicas must be at least 1".to_owned()),
    };
    let counts = counts.split(',').map(count).collect::<Result<Vec<u32>, String>>()?;
    Ok((tier, counts))
}

/// `api=0.5`: a tier and the cores of each of its replicas.
fn tier_cores(text: &str) -> Result<(String, f64), String> {
    let (tier, cores) = key_value(text).map_err(|_| "expected TIER=CORES".to_owned())?;
    match cores.trim().parse::<f64>() {
        Ok(cores) if cores > 0.0 && cores.is_finite() => Ok((tier, cores)),
        _ => Err("cores must be a number above 0, such as `0.5`".to_owned()),
    }
}
