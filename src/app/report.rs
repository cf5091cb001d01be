//! `plimsoll report`: the reports again, from the run log alone.

use std::path::Path;

use crate::cli;
use crate::metrics::RunLog;
use crate::report::{Extra, Report, render_all, terminal};
use crate::slo::{Judgement, Strictness, judge};

use super::exit::{Exit, Failure};
use super::files;
use super::output::{say, style, width, write_out};

/// Rebuilds the reports of a run.
pub(super) fn report(args: &cli::Report) -> Result<Exit, Failure> {
    let (log, folder) = files::read_log(&args.run)?;
    let strictness = strictness(args.strict);
    let judgement = finish(&log, &folder, strictness, false)?;
    Ok(Exit::of(&judgement, strictness))
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
    let judgement = conclude(log, folder, strictness)?;
    tell(&Report::new(log, &judgement), folder, quiet);
    Ok(judgement)
}

/// Judges a log and writes its reports.
pub(super) fn conclude(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
) -> Result<Judgement, Failure> {
    let judgement = judge(log, strictness);
    let extra = Extra { strict: strictness == Strictness::Strict, ..Extra::default() };
    let rendered = render_all(log, &judgement, &extra)
        .map_err(|error| Failure::while_doing("cannot render the reports", &error))?;
    files::write_reports(folder, &rendered)?;
    Ok(judgement)
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
