//! Options of what is written and printed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where and how results are given.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// The folder in which every run gets a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
    /// At risk fails with 99, and what is not measured is never a pass.
    #[arg(long)]
    pub strict: bool,
    /// Print only the verdict, problems and where the reports are.
    #[arg(long, short)]
    pub quiet: bool,
    /// What is printed at the end.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ResultFormat,
}

/// How a run's outcome is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// A summary for a terminal.
    #[default]
    Text,
    /// The result as JSON, for machines.
    Json,
}
