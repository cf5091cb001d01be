//! `plimsoll init`

use std::path::PathBuf;

use clap::Args;

/// `plimsoll init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where the files are written; made where it is not there.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}
