//! The command line: what can be asked. No logic in here.

mod capacity;
mod deploy;
mod export;
mod fleet;
mod gate;
mod import;
mod init;
mod load;
mod merge;
mod output;
mod report;
mod request;
mod runs;
mod split;
mod topics;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::plan::Shard;
use crate::units::{Nanos, Ratio};

pub use capacity::{CapacityArgs, SearchLoadArgs};
pub use deploy::{DeployArgs, DeployPlace, KubernetesArgs};
pub use export::ExportArgs;
pub use fleet::{AgentArgs, FleetArgs, NatsLoginArgs};
pub use gate::{CompareArgs, GateArgs, GateFormat, GateRulesArgs, InterleaveArgs};
pub use import::{ImportArgs, ImportFolderArgs, ImportFrom};
pub use init::InitArgs;
pub use load::LoadArgs;
pub use merge::MergeArgs;
pub use output::{OutputArgs, ResultFormat};
pub use report::{ReportArgs, SignOffArgs};
pub use request::UrlArgs;
pub use runs::{
    DemoteArgs, ListArgs, PromoteArgs, PruneArgs, RunFilterArgs, RunsArgs, RunsCommand, TrendArgs,
};
pub use split::SplitArgs;
pub use topics::{HelpTopic, TOPICS};
use values::{above_zero, key_value, shard, tier_count, tier_share, token_ttl};

/// How much does it carry, and what do we buy next?
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    about = "Load testing and capacity planning: how much does it carry, and what do we buy next?",
    help_template = "{about}\n\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}",
    before_help = EXAMPLES,
    after_help = EXIT_CODES,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Which colours the terminal UI has; by default those for the terminal's ground, where it tells.
    #[arg(long, global = true, value_name = "THEME", help_heading = "Terminal")]
    pub theme: Option<ThemeChoice>,
    /// Show nothing but ASCII in the terminal, as the locale `C` does.
    #[arg(long, global = true, help_heading = "Terminal")]
    pub ascii: bool,
    /// Leave the mouse to the terminal: the terminal UI is used by keys alone.
    #[arg(long, global = true, help_heading = "Terminal")]
    pub no_mouse: bool,
    /// What to do. Without it, the terminal UI opens.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

/// The commands that `--help` shows first.
pub const EXAMPLES: &str = "\
Examples:
  plimsoll demo                                     a simulated system under load, judged; nothing to install
  plimsoll run scenarios/shop --rate \"50 req/s\"     put load on a target, judge it, write the reports
  plimsoll capacity scenarios/shop --within 10m     how much does it carry, and what to buy for more

`plimsoll help exit-codes`, `help scenario` and `help slo` explain more.";

/// The exit codes, as `--help` documents them.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  pass (also at risk, with a warning; see --strict)
    1  internal or I/O error; the target cannot be reached
    2  bad command line or file
   96  refused for safety: the target is not loopback or private and not allowed
   97  the measurement is not valid, or inconclusive, or the setup failed: never a pass
   98  regression against the baseline
   99  an objective's max was exceeded
  130  interrupted; what was measured until then is written";

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Put load on a simulated system, judge it and report; nothing to install
    Demo(DemoArgs),
    /// Validate scenario files; with --once, send one iteration of each scenario and print every exchange
    Check(CheckArgs),
    /// Write a commented scenario folder to begin with; it plays against `plimsoll simulate` of the same folder
    Init(InitArgs),
    /// Run a workload or a URL, judge it by the SLO table and write the reports
    Run(Box<RunArgs>),
    /// Find the highest rate within the SLO table, the bottleneck there, and what to buy for more
    Capacity(Box<CapacityArgs>),
    /// Rebuild the reports of runs from their run.jsonl; with --sign-off, make one document of them
    Report(ReportArgs),
    /// Merge the logs of a run's shards into one run, judge it and write its reports
    Merge(MergeArgs),
    /// Wait at a NATS server for a leader (`run --agents`) and play a part of its run
    Agent(AgentArgs),
    /// Print what runs agents and their leader elsewhere: manifests for Kubernetes
    Deploy(DeployArgs),
    /// Judge runs for CI: by the SLO table, and against a baseline
    Gate(GateArgs),
    /// Compare two sides step by step: runs, baseline files, or two targets loaded in turns
    Compare(CompareArgs),
    /// The history of runs: list, trend, promote to a baseline, prune
    Runs(RunsArgs),
    /// Mark a moment of a run in progress: `plimsoll mark reports/ais "replica 2 stopped"`
    Mark(MarkArgs),
    /// Serve the simulated stack of a scenario folder over real HTTP
    Simulate(SimulateArgs),
    /// Write a first scenario from a recording, an access log, a description of an API or another tool's plan
    Import(ImportArgs),
    /// Print the JSON Schema of a kind of file, for editors, or of what is written, for scripts
    Schema {
        /// Of what.
        #[arg(default_value = "scenario")]
        of: SchemaKind,
        /// The page of docs/reference/ instead.
        #[arg(long, hide = true)]
        reference: bool,
    },
    /// Show how exact figures are on this machine, and which rate it can offer; takes a minute
    Prove(ProveArgs),
    /// Explain a command, or a topic: exit-codes, scenario, slo
    Help(HelpArgs),
    /// Print the manual page; with --out, write a page for each command
    Man {
        /// The folder into which pages go: `plimsoll.1`, `plimsoll-run.1`, …
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Print a completion script for a shell
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// The colours of the terminal UI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ThemeChoice {
    /// For a dark ground.
    Dark,
    /// For a light ground.
    Light,
    /// The sixteen that the terminal defines.
    #[value(name = "16")]
    Sixteen,
    /// No colours.
    None,
}

/// `plimsoll prove`
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The folder in which every run gets a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
    /// What is printed: a table, or one JSON document.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ResultFormat,
}

/// `plimsoll help`
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command, or one of the topics exit-codes, scenario and slo.
    #[arg(value_name = "COMMAND or TOPIC")]
    pub of: Vec<String>,
}

/// What there are schemas of: the files of a scenario folder, and what is written for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// scenario.yaml.
    Scenario,
    /// stack.yaml.
    Stack,
    /// simulation.yaml.
    Simulation,
    /// result.json, and `--format json` of `run`, `demo`, `report` and `merge`.
    Result,
    /// What `capacity` found: capacity.json.
    Capacity,
    /// gate.json, and `gate --format json`.
    Gate,
    /// The lines of `--events`.
    Events,
    /// `check --format json`.
    Check,
    /// `prove --format json`.
    Prove,
}

/// `plimsoll demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which system.
    #[arg(default_value = "ais")]
    pub system: System,
    /// Find its capacity instead: the highest rate within the SLO table, what to buy, and the predictions checked.
    #[arg(long, conflicts_with_all = [
        "rate", "duration", "repeat", "retry_invalid", "faults", "replicas", "cores", "slow", "token_ttl",
    ])]
    pub capacity: bool,
    /// Play users with a real browser as well, where the system has some; needs Chromium.
    #[arg(long)]
    pub browsers: bool,
    /// How the simulated stack is changed.
    #[command(flatten)]
    pub stack: StackChangeArgs,
    /// How the load is shaped.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Make this many runs, each with its own seed, for a gate to compare.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: u32,
    /// Repeat a run that is not valid, at most this often; discarded runs stay on disk but are never compared.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub retry_invalid: u32,
    /// What is told while it runs.
    #[command(flatten)]
    pub export: ExportArgs,
    /// Where and how results are given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The systems that can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// AIS Aviation: flight search and booking.
    Ais,
    /// `AlAwael` ERP.
    Alawael,
    /// Plataforma Running: training coach.
    Running,
    /// `TravelSense` v2: trip planning.
    Travelsense,
    /// Triple Technologies: video courses.
    Triple,
}

impl System {
    /// The name of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ais => "ais",
            Self::Alawael => "alawael",
            Self::Running => "running",
            Self::Travelsense => "travelsense",
            Self::Triple => "triple",
        }
    }
}

/// `plimsoll check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scenario folders or files; simulation.yaml and stack.yaml beside them are checked as well.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Send one iteration of each scenario and print every exchange.
    #[arg(long, conflicts_with = "format")]
    pub once: bool,
    /// What is printed: a line for each path, or one JSON document with every problem (`plimsoll schema check`).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ResultFormat,
    /// Where requests go with --once, instead of the scenario's `target`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Change a value of the file: `--set http.timeout=5s`; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// The random seed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Allow load on this host outside loopback and private ranges; it must be in `allow_hosts` too.
    #[arg(long, value_name = "HOST")]
    pub i_may_load: Vec<String>,
}

/// `plimsoll run`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A scenario folder or file; or a URL, which is sent 10 req/s for 30s where `--rate` and `--duration` say nothing.
    #[arg(value_name = "PATH|URL")]
    pub path: PathBuf,
    /// What is sent to a URL.
    #[command(flatten)]
    pub request: UrlArgs,
    /// Where requests go, instead of the scenario's `target`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// How arrivals are split over two targets.
    #[command(flatten)]
    pub green: SplitArgs,
    /// How the load is shaped.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Change a value of the file: `--set http.timeout=5s`; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Play only part I of N of the arrivals (from 1): N generators together play the whole.
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "agents")]
    pub shard: Option<Shard>,
    /// Which agents play it.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// A condition to record with the run: `--tag api=3`; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub tag: Vec<(String, String)>,
    /// Start even if the target cannot be reached.
    #[arg(long)]
    pub no_preflight: bool,
    /// Leave out the users with a real browser (`browsers:`).
    #[arg(long)]
    pub no_browsers: bool,
    /// Allow load on this host outside loopback and private ranges; it must be in `allow_hosts` too.
    #[arg(long, value_name = "HOST")]
    pub i_may_load: Vec<String>,
    /// Make this many runs, each with its own seed, for a gate to compare.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: u32,
    /// Repeat a run that is not valid, at most this often; discarded runs stay on disk but are never compared.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub retry_invalid: u32,
    /// Watch and steer the run in the terminal UI.
    #[arg(long, overrides_with = "no_tui", conflicts_with_all = ["repeat", "retry_invalid"])]
    pub tui: bool,
    /// Do not open the terminal UI; the default.
    #[arg(long, overrides_with = "tui")]
    pub no_tui: bool,
    /// What is told while it runs.
    #[command(flatten)]
    pub export: ExportArgs,
    /// Where and how results are given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `plimsoll mark`
#[derive(Debug, Args)]
pub struct MarkArgs {
    /// The folder of the run, or one that holds runs: the newest is used.
    pub run: PathBuf,
    /// What happened.
    #[arg(required = true)]
    pub text: Vec<String>,
}

/// `plimsoll simulate`
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// A folder with simulation.yaml, or the file.
    pub path: PathBuf,
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The random seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How the stack is changed.
    #[command(flatten)]
    pub stack: StackChangeArgs,
    /// Write a line of JSON for every request to this file.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Serve HTTPS with this certificate chain (PEM); needs --key.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Stop after this time at the latest.
    #[arg(long, value_name = "TIME")]
    pub stop_after: Option<Nanos>,
}

/// Another deployment of a simulated stack, and what happens to it.
#[derive(Debug, Clone, Default, Args)]
pub struct StackChangeArgs {
    /// Play a timeline of faults of the simulation, by its name; repeatable.
    #[arg(long, value_name = "NAME")]
    pub faults: Vec<String>,
    /// Replicas of a tier: `--replicas api=3`; repeatable.
    #[arg(long, value_name = "TIER=N", value_parser = tier_count)]
    pub replicas: Vec<(String, u32)>,
    /// Cores of each replica of a tier: `--cores db=8`; repeatable.
    #[arg(long, value_name = "TIER=N", value_parser = tier_count)]
    pub cores: Vec<(String, u32)>,
    /// Slow down a tier without telling the run: what a gate should find. `--slow db=10%`.
    #[arg(long, value_name = "TIER=SHARE", value_parser = tier_share)]
    pub slow: Vec<(String, Ratio)>,
    /// How long a kind of token is valid: `--token-ttl playback=5s`; repeatable.
    #[arg(long, value_name = "TOKEN=TIME", value_parser = token_ttl)]
    pub token_ttl: Vec<(String, Nanos)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screen_and_repetition_exclude_each_other() {
        let is_understood = |options: &[&str]| {
            let words = ["plimsoll", "run", "a.yaml"].iter().chain(options);
            Cli::try_parse_from(words).is_ok()
        };
        assert!(is_understood(&["--tui"]) && is_understood(&["--repeat", "5"]));
        assert!(!is_understood(&["--tui", "--repeat", "5"]));
    }

    #[test]
    fn nothing_is_refused_where_a_file_would_refuse_it() {
        let of = |words: &[&str]| Cli::try_parse_from([&["plimsoll"][..], words].concat());
        for option in ["--duration=0s", "--max-vus=0", "--max-vus=1000001"] {
            let error = of(&["run", "a.yaml", option]).expect_err(option);
            assert_eq!(error.exit_code(), 2, "{option}");
        }
        for option in ["--hold=0s", "--max-vus=0"] {
            assert!(of(&["capacity", "a.yaml", option]).is_err(), "{option}");
        }
        assert!(of(&["run", "a.yaml", "--duration=1ms", "--max-vus=1"]).is_ok());
    }
}
