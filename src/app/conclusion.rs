//! What the log of a run comes to: judged, written into its reports, and printed.

use std::path::Path;

use crate::capacity::output::CapacitySection;
use crate::capacity::section::SectionFindings;
use crate::cli;
use crate::metrics::RunLog;
use crate::report::{BaselineRange, Report, ReportExtras, render_all, terminal};
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
    /// `result.json`, where it was rendered.
    json: Option<Vec<u8>>,
    /// Why not all reports were written.
    unwritten: Option<Failure>,
}

/// How strict `--strict` is.
pub(super) const fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Strict } else { Strictness::Normal }
}

/// A log, read for its meaning.
pub(super) struct JudgedLog {
    /// Of a search, the steps that count.
    pub(super) report: Report,
    /// What a search found, or left in the folder.
    pub(super) capacity: Option<CapacitySection>,
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
    let capacity = searches.as_ref().map(|found| found.findings.section.clone());
    let capacity = match capacity {
        Some(found) => Some(found),
        None => files::capacity_of(folder)?,
    };
    Ok(JudgedLog { report, capacity, searches })
}

/// Judges a log and writes its reports. Where one cannot be written, there is a verdict all the same.
pub(super) fn conclude(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
) -> Result<RunConclusion, Failure> {
    conclude_beside(log, folder, strictness, None)
}

/// The same, with the response times of a baseline drawn behind those of the run.
pub(super) fn conclude_beside(
    log: &RunLog,
    folder: &Path,
    strictness: Strictness,
    baseline: Option<BaselineRange>,
) -> Result<RunConclusion, Failure> {
    let judged = judged(log, folder, strictness)?;
    let capacity = judged.capacity.clone();
    let extra = ReportExtras { capacity, strict: strictness == Strictness::Strict, baseline };
    let rendered = render_all(&judged.report, &extra)
        .map_err(|error| Failure::while_doing("cannot render the reports", &error))?;
    let unwritten = files::write_reports(folder, &rendered).err();
    let is_json = |(name, _): &(&str, Vec<u8>)| *name == RESULT;
    let json = rendered.into_iter().find(is_json).map(|(_, bytes)| bytes);
    Ok(RunConclusion { json, unwritten, ..judged.concluded(strictness) })
}

impl JudgedLog {
    /// What it comes to.
    pub(super) fn concluded(self, strictness: Strictness) -> RunConclusion {
        let Self { report, searches, .. } = self;
        let exit = match &searches {
            Some(searches) => searches.exit(),
            None => Exit::of(&report.judgement, strictness),
        };
        RunConclusion { report, exit, searches, json: None, unwritten: None }
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

    /// Prints what the log comes to, and where its reports are or what kept them from being written. Returns how the
    /// process ends that would end with `exit`: reports that are missing are no pass.
    pub(super) fn print(
        &self,
        folder: &Path,
        format: OutcomeFormat,
        exit: Exit,
    ) -> Result<Exit, Failure> {
        write_out(&self.text(folder, format)?)?;
        if let Some(failure) = &self.unwritten {
            say(&failure.message);
            return Ok(exit.worse(failure.exit));
        }
        say(&format!("reports: {}", folder.join("report.html").display()));
        Ok(exit)
    }

    fn text(&self, folder: &Path, format: OutcomeFormat) -> Result<String, Failure> {
        Ok(match (format, &self.searches, &self.json) {
            (OutcomeFormat::Json, _, Some(json)) => String::from_utf8_lossy(json).into_owned(),
            (OutcomeFormat::Json, _, None) => files::read_report(folder, RESULT)?,
            (_, Some(searches), _) => searches.terminal(),
            (OutcomeFormat::Full, None, _) => terminal::summary(&self.report, style(), width()),
            (OutcomeFormat::Quiet, None, _) => terminal::answer_line(&self.report, style()),
        })
    }
}

/// The report that programs read.
const RESULT: &str = "result.json";
