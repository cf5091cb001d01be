//! What `merge` can be asked.

use std::path::PathBuf;

use clap::Args;

/// `plimsoll merge`
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Folders or logs (run.jsonl) of the shards of one run, in any order.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Where the reports are written: `<DIR>/<name>/<time>/`.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub out: PathBuf,
    /// Leave shards out, by their numbers from 1; the run is suspect then: `--without 3,7`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub without: Vec<u32>,
    /// At risk fails with 99, and what is not measured is never a pass.
    #[arg(long)]
    pub strict: bool,
    /// What is printed.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: super::output::ResultFormat,
}
