//! `plimsoll report`: the reports again, from the run log alone.

use crate::cli;
use crate::report::BaselineRange;
use crate::slo::gate::{ConditionMismatch, RunSummary, alike};

use super::conclusion::{OutcomeFormat, conclude_beside, strictness};
use super::exit::{Exit, Failure};
use super::history;
use super::output::say;
use super::sign_off::sign_off;

/// Rebuilds the reports of runs, or makes one document of them.
pub(super) fn report(args: &cli::ReportArgs) -> Result<Exit, Failure> {
    if args.sign_off.wanted {
        return sign_off(args);
    }
    let strictness = strictness(args.strict);
    let baseline = history::summaries(&args.baseline)?;
    let range = (!baseline.is_empty()).then(|| BaselineRange::of(&baseline));
    let mut worst = Exit::Pass;
    for run in history::named(&args.runs)? {
        if range.is_some() {
            warn_if_unlike(&baseline, &RunSummary::of(&run.log));
        }
        let concluded = conclude_beside(&run.log, &run.folder, strictness, range.clone())?;
        let format = OutcomeFormat::of(false, args.format);
        worst = worst.worse(concluded.print(&run.folder, format, concluded.exit)?);
    }
    Ok(worst)
}

/// Response times of another load or system behind those of the run would mislead: they are drawn as asked, and told.
fn warn_if_unlike(baseline: &[RunSummary], run: &RunSummary) {
    let unlike = alike(baseline, std::slice::from_ref(run));
    let mut conditions =
        unlike.iter().filter(|one| matches!(one, ConditionMismatch::Condition { .. }));
    if let Some(first) = conditions.next() {
        say(&format!("warning: the baseline was made under unlike conditions: {first}"));
    }
}
