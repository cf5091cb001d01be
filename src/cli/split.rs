//! A second target for a run, and its share of the arrivals.

use clap::Args;

use crate::units::Ratio;

/// How arrivals are split over two targets.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct SplitArgs {
    /// A second target, beside that of the scenario: a share of the same arrivals goes there, and both are compared
    /// (docs/blue-green.md).
    #[arg(long, value_name = "URL")]
    pub green: Option<String>,
    /// The share of the arrivals that goes to green: `--green-share 10%`.
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "canary")]
    pub green_share: Option<Ratio>,
    /// One share after the other, each for an equal part of the run and judged by itself:
    /// `--canary 1%,10%,50%,100%`.
    #[arg(long, value_name = "SHARES", value_parser = share, value_delimiter = ',')]
    pub canary: Vec<Ratio>,
    /// Send nothing more to green once its errors exceed the max of `error_rate` beyond doubt.
    #[arg(long, conflicts_with = "agents")]
    pub green_rollback: bool,
    /// A second target: every arrival is played against both at the same moment, with the same scenario and data, and
    /// the two are compared (docs/blue-green.md).
    #[arg(long, value_name = "URL", conflicts_with_all = ["green", "green_share", "canary", "green_rollback"])]
    pub duet: Option<String>,
}

impl SplitArgs {
    /// The shares in their order; empty where the scenario says.
    pub fn shares(&self) -> Vec<Ratio> {
        self.green_share.into_iter().chain(self.canary.iter().copied()).collect()
    }
}

fn share(text: &str) -> Result<Ratio, String> {
    match text.parse::<Ratio>() {
        Ok(share) if share.get() > 1.0 => Err("a share is at most 100%".to_owned()),
        Ok(share) => Ok(share),
        Err(error) => Err(error.to_string()),
    }
}
