//! What the log of a search comes to: the capacity section, and the hold that stands for the run.
//!
//! Most of a search is spent where objectives fail, on purpose. The run's own report therefore shows the
//! hold at the claimed rate, with all its tests of validity; the rest is in the capacity section.

use std::path::{Path, PathBuf};

use crate::capacity::notes::{LoggedSearch, StepNote, read};
use crate::capacity::render;
use crate::capacity::search::{SearchEnd, SearchOutcome};
use crate::capacity::section::{SectionFindings, findings};
use crate::capacity::step::StepPurpose;
use crate::metrics::{Interval, RunLog, StageInfo};
use crate::units::{Nanos, Rate, RunTime};

use super::super::exit::{Exit, Failure};
use super::super::files;

/// The result of a search.
pub(in super::super) struct SearchResults {
    /// The hold that stands for the run.
    pub(in super::super) log: RunLog,
    /// The rest.
    pub(in super::super) findings: SectionFindings,
}

impl SearchResults {
    /// Reads the searches of `log`; `None` if it is the log of a plain run.
    pub(in super::super) fn of(log: &RunLog) -> Result<Option<Self>, Failure> {
        let searches = searches(log)?;
        let Some(findings) = findings(&searches) else { return Ok(None) };
        let shown = shown(&searches[0], &findings.outcome);
        let log = shown.map_or_else(|| log.clone(), |step| hold(log, &searches, step));
        Ok(Some(Self { log, findings }))
    }

    /// The section for a terminal.
    pub(in super::super) fn terminal(&self) -> String {
        render::terminal(&self.findings.section)
    }

    /// How a process ends that found this.
    pub(in super::super) fn exit(&self) -> Exit {
        exit(&self.findings.outcome)
    }
}

/// A claim that was held, or no limit at all, is an answer. Nothing within the objectives is a failure; a
/// search that did not come to its end is inconclusive.
fn exit(outcome: &SearchOutcome) -> Exit {
    match outcome.end {
        SearchEnd::Complete | SearchEnd::NoLimitFound => Exit::Pass,
        SearchEnd::BudgetSpent if outcome.confirmed => Exit::Pass,
        SearchEnd::NeverWithin => Exit::Judged(99),
        SearchEnd::BudgetSpent
        | SearchEnd::GeneratorLimit
        | SearchEnd::NotConfirmed
        | SearchEnd::Interrupted => Exit::Judged(97),
    }
}

/// The searches of a log.
pub(super) fn searches(log: &RunLog) -> Result<Vec<LoggedSearch>, Failure> {
    read(&log.capacity, &log.intervals).map_err(|error| {
        let why = format!("error: the capacity notes of this log have another version: {error}");
        Failure::new(Exit::Usage, why)
    })
}

/// The hold to show: the claim's, else the highest that seems within, else the first.
fn shown<'a>(search: &'a LoggedSearch, outcome: &SearchOutcome) -> Option<&'a StepNote> {
    let slo_limits = &search.note.plan.slo_limits;
    let steps = || search.notes.iter().zip(&search.steps).filter(|(_, step)| step.valid);
    let claim =
        steps().rfind(|(note, _)| outcome.confirmed && note.purpose == StepPurpose::Confirm);
    let within = || {
        let passing = steps().filter(|(_, step)| step.seems_within(slo_limits));
        passing.max_by(|a, b| a.0.offered.get().total_cmp(&b.0.offered.get()))
    };
    claim.or_else(within).or_else(|| steps().next()).map(|(note, _)| note)
}

/// The part of `log` that is one step, as a run of its own.
fn hold(log: &RunLog, searches: &[LoggedSearch], step: &StepNote) -> RunLog {
    let later = searches.iter().flat_map(|search| &search.notes).map(|note| note.began);
    let until = later.filter(|began| *began > step.began).min().unwrap_or(RunTime::NEVER);
    let back = |at: RunTime| RunTime::ZERO + at.since(step.began);
    let inside = |second: &&Interval| second.start >= step.began && second.end <= until;
    let seconds = log.intervals.iter().filter(inside).map(|second| Interval {
        start: back(second.start),
        end: back(second.end),
        ..second.clone()
    });
    let intervals: Vec<Interval> = seconds.collect();
    let events = log.events.iter().filter(|event| (step.began..until).contains(&event.at));
    let mut header = log.header.clone();
    let requests: f64 =
        header.scenarios.iter().map(|s| s.share.get() * s.requests_per_iteration).sum();
    let rate = step.offered.times(1.0 / requests.max(1e-9));
    let stage = |duration: Nanos, judged| StageInfo { from: rate, to: rate, duration, judged };
    header.conditions.push(("shown".to_owned(), shown_as(step)));
    let stages = [stage(step.from.since(step.began), false), stage(step.to.since(step.from), true)];
    let events =
        events.map(|event| crate::metrics::Event { at: back(event.at), ..event.clone() }).collect();
    RunLog { events, ..RunLog::of_step(&header, stages, intervals) }
}

fn shown_as(step: &StepNote) -> String {
    let what = if step.purpose == StepPurpose::Confirm {
        "the step that confirms it"
    } else {
        "a step at"
    };
    format!("{what} {} req/s", Rate::per_second(step.offered.get().round()))
}

pub(super) fn earlier(run: &Path) -> Result<(RunLog, PathBuf, Vec<LoggedSearch>), Failure> {
    let (log, folder) = files::read_log(run)?;
    let searches = searches(&log)?;
    Ok((log, folder, searches))
}

pub(super) fn no_search(run: &Path) -> Failure {
    let why = format!("error: `{}` is a plain run, not a search for capacity", run.display());
    Failure::new(Exit::Usage, why)
}
