//! What `gate` and `compare` can be asked.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::slo::gate::GateMetric;
use crate::units::Ratio;

/// `plimsoll gate`
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The candidate: folders of runs, or folders that hold them.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// What to compare with: folders of runs, folders that hold them, or a baseline.json.
    #[arg(long, value_name = "RUN", num_args = 1..)]
    pub baseline: Vec<PathBuf>,
    /// How they are compared.
    #[command(flatten)]
    pub rules: GateRulesArgs,
    /// What is printed.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GateFormat,
    /// Write gate.html, gate.md, gate.json and gate-junit.xml into this folder as well.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// At risk fails with 99, and what is not measured is never a pass.
    #[arg(long)]
    pub strict: bool,
}

/// `plimsoll compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The baseline: a folder of a run, a folder that holds runs, or a baseline.json; with --interleave, a URL.
    #[arg(value_name = "A")]
    pub baseline: PathBuf,
    /// The candidate, likewise.
    #[arg(value_name = "B")]
    pub candidate: PathBuf,
    /// Load two targets in turns (A B, B A, …) with this scenario, and compare the runs.
    #[command(flatten)]
    pub interleave: InterleaveArgs,
    /// How they are compared.
    #[command(flatten)]
    pub rules: GateRulesArgs,
    /// What is printed.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GateFormat,
    /// Write a page with percentile curves and every change with its interval to this file as well.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Runs made for a comparison: in turns, so that whatever else changes meanwhile changes both sides.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --interleave")]
pub struct InterleaveArgs {
    /// Load the targets A and B in turns (A B, B A, …) with this scenario, and compare the runs.
    #[arg(long = "interleave", value_name = "SCENARIO")]
    pub scenario: Option<PathBuf>,
    /// The number of runs a side.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: u32,
    /// How the load is shaped.
    #[command(flatten)]
    pub load: super::LoadArgs,
    /// Change a value of the file: `--set http.timeout=5s`; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::key_value)]
    pub set: Vec<(String, String)>,
    /// Allow load on this host outside loopback and private ranges; it must be in `allow_hosts` too.
    #[arg(long, value_name = "HOST")]
    pub i_may_load: Vec<String>,
    /// The folder in which every run gets a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
}

/// How runs are compared.
#[derive(Debug, Clone, Args)]
pub struct GateRulesArgs {
    /// Decide by this metric: p50, p95, p99, mean or `error_rate`. By default the rows of the SLO table decide,
    /// and all else informs; repeatable.
    #[arg(long, value_name = "METRIC")]
    pub metric: Vec<GateMetric>,
    /// Decide by this step, or `all requests`; repeatable.
    #[arg(long, value_name = "NAME")]
    pub step: Vec<String>,
    /// The smallest rise of a time that counts, which must then be ruled out to pass. By default 5 % counts, and what
    /// the runs could have shown is told.
    #[arg(long, value_name = "SHARE")]
    pub effect: Option<Ratio>,
    /// Compare runs of different conditions too; the report says how they differ.
    #[arg(long)]
    pub unlike: bool,
    /// Show every metric in the terminal, not only those that changed.
    #[arg(long)]
    pub all: bool,
}

/// What a gate prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateFormat {
    /// For a terminal.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// Workflow commands that become annotations on GitHub.
    Github,
    /// `JUnit` XML: a test case for each objective, and each metric of a step.
    Junit,
    /// One verdict for machines.
    Json,
}
