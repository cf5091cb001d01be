//! What `runs` can be asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;

use crate::slo::gate::GateMetric;

/// `plimsoll runs`
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// What to do; list by default.
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
    /// What to list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest last
    List(ListArgs),
    /// Show a metric of each step from run to run, and where its level changed
    Trend(TrendArgs),
    /// Write runs into a baseline.json and keep them from being pruned
    Promote(PromoteArgs),
    /// Let promoted runs be pruned again
    Demote(DemoteArgs),
    /// Delete old runs, except unfinished ones and those of a baseline
    Prune(PruneArgs),
}

/// The folder that holds runs, where none is named.
const FOLDER: &str = "reports";

/// Which runs are meant.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunFilterArgs {
    /// The folder that holds the runs.
    #[arg(long = "in", value_name = "DIR", default_value = FOLDER)]
    pub folder: PathBuf,
    /// Only this system.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only this workload.
    #[arg(long, value_name = "NAME")]
    pub workload: Option<String>,
    /// Only runs with this verdict; repeatable.
    #[arg(long, value_name = "VERDICT", value_parser = ["pass", "at_risk", "inconclusive", "fail", "not_valid"])]
    pub verdict: Vec<String>,
    /// Only runs from this day on (UTC), `2026-01-31`.
    #[arg(long, value_name = "DATE")]
    pub since: Option<Date>,
    /// Only runs before this day (UTC).
    #[arg(long, value_name = "DATE")]
    pub before: Option<Date>,
}

impl RunFilterArgs {
    /// The filter of a subcommand; what stands before the subcommand's name fills in what it leaves open.
    #[must_use]
    pub fn within(&self, outer: &Self) -> Self {
        let is_open = self.folder.as_os_str() == FOLDER;
        Self {
            folder: if is_open { outer.folder.clone() } else { self.folder.clone() },
            name: self.name.clone().or_else(|| outer.name.clone()),
            workload: self.workload.clone().or_else(|| outer.workload.clone()),
            verdict: if self.verdict.is_empty() { &outer.verdict } else { &self.verdict }.clone(),
            since: self.since.or(outer.since),
            before: self.before.or(outer.before),
        }
    }

    /// Whether nothing was asked for.
    pub fn is_open(&self) -> bool {
        let Self { folder, name, workload, verdict, since, before } = self;
        let named = [name, workload].into_iter().any(Option::is_some);
        let dated = [since, before].into_iter().any(Option::is_some);
        folder.as_os_str() == FOLDER && verdict.is_empty() && !named && !dated
    }
}

/// `plimsoll runs list`
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Which runs.
    #[command(flatten)]
    pub filter: RunFilterArgs,
    /// Only the newest N.
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Print JSON, one run a line.
    #[arg(long)]
    pub json: bool,
}

/// `plimsoll runs trend`
#[derive(Debug, Args)]
pub struct TrendArgs {
    /// Which runs.
    #[command(flatten)]
    pub filter: RunFilterArgs,
    /// What to follow: p50, p95, p99, mean or `error_rate`.
    #[arg(long, value_name = "METRIC", default_value = "p95")]
    pub metric: GateMetric,
    /// Only this step, or `all requests`; repeatable.
    #[arg(long, value_name = "NAME")]
    pub step: Vec<String>,
    /// Write a page with a chart for each step to this file as well.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `plimsoll runs promote`
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// Folders of runs, or folders that hold them.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Where the baseline is written.
    #[arg(long, value_name = "FILE", default_value = "baseline.json")]
    pub to: PathBuf,
}

/// `plimsoll runs demote`
#[derive(Debug, Args)]
pub struct DemoteArgs {
    /// Folders of runs, or folders that hold them.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
}

/// `plimsoll runs prune`
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Which runs.
    #[command(flatten)]
    pub filter: RunFilterArgs,
    /// Keep the newest N of each system and workload.
    #[arg(long, value_name = "N")]
    pub keep: usize,
    /// Baselines whose runs are kept, besides promoted ones; repeatable.
    #[arg(long, value_name = "FILE")]
    pub baseline: Vec<PathBuf>,
    /// Delete; without it, what would be deleted is only printed.
    #[arg(long)]
    pub yes: bool,
}
