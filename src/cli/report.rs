//! What `report` can be asked.

use std::path::PathBuf;

use clap::Args;

use crate::units::Rate;

/// `plimsoll report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folders of runs, folders that hold them, or logs (run.jsonl).
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// At risk fails with 99, and what is not measured is never a pass.
    #[arg(long)]
    pub strict: bool,
    /// Runs, folders of runs or a baseline.json whose p95 is drawn behind the response times of report.html; repeatable.
    #[arg(long, value_name = "BASELINE", conflicts_with = "wanted")]
    pub baseline: Vec<PathBuf>,
    /// What is printed.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: super::ResultFormat,
    /// One document before a launch instead.
    #[command(flatten)]
    pub sign_off: SignOffArgs,
}

/// The sign-off document.
#[derive(Debug, Args)]
pub struct SignOffArgs {
    /// Write one document to be signed before a launch: sign-off.md and sign-off.html, of all the runs.
    #[arg(long = "sign-off")]
    pub wanted: bool,
    /// Print sign-off.html to sign-off.pdf as well, by an installed Chromium or Chrome.
    #[arg(long, requires = "wanted")]
    pub pdf: bool,
    /// Where the document is written; the folder of the last run by default.
    #[arg(long, value_name = "DIR", requires = "wanted")]
    pub out: Option<PathBuf>,
    /// The run, result.json or capacity.json with the capacity result; by default, what the runs hold.
    #[arg(long, value_name = "PATH", requires = "wanted")]
    pub capacity: Option<PathBuf>,
    /// The forecast peak to carry, growth included, `1500 req/s`; by default, the stack file's.
    #[arg(long, value_name = "RATE", requires = "wanted", value_parser = requests_per_second)]
    pub peak: Option<Rate>,
    /// A fact about the stack that the runs cannot know: `--fact postgres=15.4`; repeatable.
    #[arg(long, value_name = "KEY=VALUE", requires = "wanted", value_parser = super::key_value)]
    pub fact: Vec<(String, String)>,
    /// Who signs; Engineering, Operations and Product by default; repeatable.
    #[arg(long, value_name = "ROLE", requires = "wanted")]
    pub signer: Vec<String>,
}

/// A rate in requests: what iterations mean is not known here.
fn requests_per_second(text: &str) -> Result<Rate, String> {
    use crate::units::{RateUnit, WorkRate};
    match text.parse::<WorkRate>() {
        Ok(WorkRate { rate, unit: RateUnit::Requests }) if rate.get() > 0.0 => Ok(rate),
        Ok(_) => Err("expected requests per second above 0, such as `1500 req/s`".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
