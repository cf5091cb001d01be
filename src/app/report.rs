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
    let judgement = judge(log, strictness);
    let rendered = render_all(log, &judgement, &Extra::default())
        .map_err(|error| Failure::while_doing("cannot render the reports", &error))?;
    files::write_reports(folder, &rendered)?;
    let report = Report::new(log, &judgement);
    let summary = terminal::summary(&report, style(), width());
    if quiet {
        // The first lines are the answer.
        let answer: Vec<&str> =
            summary.lines().take_while(|line| !line.trim().is_empty()).collect();
        write_out(&format!("{}\n", answer.join("\n")));
    } else {
        write_out(&summary);
    }
    say(&format!("reports: {}", folder.join("report.html").display()));
    Ok(judgement)
}
