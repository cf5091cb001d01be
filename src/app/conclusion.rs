//! What the log of a run comes to: judged, written into its reports, and printed.

use std::path::Path;

use serde_json::Value;

use crate::capacity::section::SectionFindings;
use crate::cli;
use crate::metrics::RunLog;
use crate::report::{Report, ReportExtras, render_all, terminal};
use crate::slo::{Strictness, judge};

use super::capacity::SearchResults;
use super::exit::{Exit, Failure};
use super::files;
use super::output::{say, style, width, write_out};

/// How the outcome of a run is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutcomeFormat {
    /// The summary.
    Full,
    /// The verdict alone.
    Quiet,
    /// `result.json`.
    Json,
}

impl OutcomeFormat {
    /// The format that the command line asks for.
    pub(super) const fn of(quiet: bool, format: cli::ResultFormat) -> Self {
        match (format, quiet) {
            (cli::ResultFormat::Json, _) => Self::Json,
            (cli::ResultFormat::Text, true) => Self::Quiet,
            (cli::ResultFormat::Text, false) => Self::Full,
        }
    }
}

/// What a log comes to.
pub(super) struct RunConclusion {
    pub(super) report: Report,
    /// How the process ends.
    pub(super) exit: Exit,
    searches: Option<SearchResults>,
}

/// How strict `--strict` is.
pub(super) const fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Strict } else { Strictness::Normal }
}

/// A log, read for its meaning.
pub(super) struct JudgedLog {
    /// Of a search, the steps that count.
    pub(super) report: Report,
    /// The object `capacity` of `result.json`: what a search found, or left in the folder.
    pub(super) capacity: Option<Value>,
    searches: Option<SearchResults>,
}

/// Judges a log.
pub(super) fn judged(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
) -> Result<JudgedLog, Failure> {
    let searches = SearchResults::of(log)?;
    let log = searches.as_ref().map_or(log, |searches| &searches.log);
    let report = Report::new(log, &judge(log, strictness));
    // What a capacity search left in the folder stays in the reports.
    let capacity =
        searches.as_ref().map(SearchResults::to_value).or_else(|| files::capacity_of(folder));
    Ok(JudgedLog { report, capacity, searches })
}

/// Judges a log and writes its reports.
pub(super) fn conclude(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
) -> Result<RunConclusion, Failure> {
    let judged = judged(log, folder, strictness)?;
    let capacity = judged.capacity.clone();
    let extra = ReportExtras { capacity, strict: strictness == Strictness::Strict };
    let rendered = render_all(&judged.report, &extra)
        .map_err(|error| Failure::while_doing("cannot render the reports", &error))?;
    files::write_reports(folder, &rendered)?;
    Ok(judged.concluded(strictness))
}

impl JudgedLog {
    /// What it comes to.
    pub(super) fn concluded(self, strictness: Strictness) -> RunConclusion {
        let Self { report, searches, .. } = self;
        let exit = match &searches {
            Some(searches) => searches.exit(),
            None => Exit::of(&report.judgement, strictness),
        };
        RunConclusion { report, exit, searches }
    }
}

impl RunConclusion {
    /// What a search found; `None` for a plain run.
    pub(super) fn findings(&self) -> Option<&SectionFindings> {
        self.searches.as_ref().map(|searches| &searches.findings)
    }

    /// The section on capacity as a terminal shows it; empty for a plain run.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only the screen shows it alone"))]
    pub(super) fn capacity(&self) -> String {
        self.searches.as_ref().map_or_else(String::new, SearchResults::terminal)
    }

    /// Prints what the log comes to.
    pub(super) fn print(&self, folder: &Path, format: OutcomeFormat) -> Result<(), Failure> {
        match &self.searches {
            Some(searches) if format != OutcomeFormat::Json => {
                write_out(&searches.terminal());
                say(&format!("reports: {}", folder.join("report.html").display()));
                Ok(())
            }
            _ => print(&self.report, folder, format),
        }
    }
}

/// Prints what a run came to, and where its reports are.
pub(super) fn print(report: &Report, folder: &Path, format: OutcomeFormat) -> Result<(), Failure> {
    match format {
        OutcomeFormat::Full => write_out(&terminal::summary(report, style(), width())),
        OutcomeFormat::Quiet => write_out(&terminal::answer_line(report, style())),
        OutcomeFormat::Json => write_out(&files::read_report(folder, "result.json")?),
    }
    say(&format!("reports: {}", folder.join("report.html").display()));
    Ok(())
}
