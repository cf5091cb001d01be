//! `plimsoll report`: the reports again, from the run log alone.

use crate::cli;

use super::conclusion::{OutcomeFormat, conclude, strictness};
use super::exit::{Exit, Failure};
use super::history;
use super::sign_off::sign_off;

/// Rebuilds the reports of runs, or makes one document of them.
pub(super) fn report(args: &cli::ReportArgs) -> Result<Exit, Failure> {
    if args.sign_off.wanted {
        return sign_off(args);
    }
    let strictness = strictness(args.strict);
    let mut worst = Exit::Pass;
    for run in history::named(&args.runs)? {
        let concluded = conclude(&run.log, &run.folder, strictness)?;
        let format = OutcomeFormat::of(false, args.format);
        worst = worst.worse(concluded.print(&run.folder, format, concluded.exit)?);
    }
    Ok(worst)
}
