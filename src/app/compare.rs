//! `plimsoll compare`: two sides set against each other, without an SLO verdict.

use std::slice;

use crate::cli;
use crate::report::gate::GateReport;
use crate::slo::Strictness;

use super::exit::{Exit, Failure};
use super::gate::{compare_sides, hint, print};
use super::history;

/// Compares as the command line asks; the exit code tells whether B regressed against A.
pub(super) fn compare(args: &cli::Compare) -> Result<Exit, Failure> {
    let baseline = history::summaries(slice::from_ref(&args.baseline))?;
    let candidate = history::summaries(slice::from_ref(&args.candidate))?;
    let compared = compare_sides(&baseline, &candidate, &args.rules)?;
    let conditions = candidate.first().or(baseline.first()).map(|run| &run.conditions);
    let report = GateReport {
        system: conditions.map(|of| of.name.clone()).unwrap_or_default(),
        workload: conditions.map(|of| of.workload.clone()).unwrap_or_default(),
        strictness: Strictness::Normal,
        runs: vec![],
        compared,
    };
    print(&report, args.format)?;
    hint(&report);
    Ok(Exit::Judged(report.exit_code()))
}
