//! `plimsoll report`: the reports again, from the run log alone.

use std::path::Path;

use crate::cli;
use crate::metrics::RunLog;
use crate::report::{Extra, Report, render_all, terminal};
use crate::slo::{Judgement, Strictness, judge};

use super::exit::{Exit, Failure};
use super::files;
use super::history;
use super::output::{say, style, width, write_out};
use super::sign_off::sign_off;

/// Rebuilds the reports of runs, or makes one document of them.
pub(super) fn report(args: &cli::Report) -> Result<Exit, Failure> {
    if args.sign_off.wanted {
        return sign_off(args);
    }
    let strictness = strictness(args.strict);
    let mut worst = Exit::Pass;
    for run in history::named(&args.runs)? {
        let judgement = finish(&run.log, &run.folder, strictness, false)?;
        worst = worst.worse(Exit::of(&judgement, strictness));
    }
    Ok(worst)
}

/// How strict `--strict` is.
pub(super) const fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Strict } else { Strictness::Normal }
}

/// Judges a log, writes its reports and prints the summary.
pub(super) fn finish(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
    quiet: bool,
) -> Result<Judgement, Failure> {
    let report = conclude(log, folder, strictness)?;
    tell(&report, folder, quiet);
    Ok(report.judgement)
}

/// Judges a log and writes its reports.
pub(super) fn conclude(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
) -> Result<Report, Failure> {
    let report = Report::new(log, &judge(log, strictness));
    // What a capacity search left in the folder stays in the reports.
    let capacity = files::capacity_of(folder);
    let extra = Extra { capacity, strict: strictness == Strictness::Strict };
    let rendered = render_all(&report, &extra)
        .map_err(|error| Failure::while_doing("cannot render the reports", &error))?;
    files::write_reports(folder, &rendered)?;
    Ok(report)
}

/// Prints the summary.
pub(super) fn tell(report: &Report, folder: &Path, quiet: bool) {
    if quiet {
        write_out(&terminal::answer_line(report, style()));
    } else {
        write_out(&terminal::summary(report, style(), width()));
    }
    say(&format!("reports: {}", folder.join("report.html").display()));
}
