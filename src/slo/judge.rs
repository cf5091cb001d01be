//! The judgement of a whole run: validity, objectives, verdict.

use super::abort::abort_of;
use super::default_table::JudgedTable;
use super::validity::MeasurementFindings;
use super::window::JudgedWindow;
use super::{
    Finding, JudgedObjective, Judgement, ObjectiveStatus, ValidityStatus, ValidityTest, Verdict,
    cause, default_table, objectives, validity,
};
use plimsoll_metrics::RunLog;

/// How strictly to judge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strictness {
    /// At risk and not measured do not fail the run.
    #[default]
    Normal,
    /// At risk fails, and what is not measured is never a pass.
    Strict,
}

/// Judges a run. Pure: the same log gives the same judgement.
pub fn judge(log: &RunLog, strictness: Strictness) -> Judgement {
    let window = JudgedWindow::of(log);
    let JudgedTable { written, added } = JudgedTable::of(&log.header);
    let by_default_table = written.is_empty();
    let mut objectives: Vec<JudgedObjective> =
        written.iter().map(|objective| objectives::judge(&window, objective)).collect();
    let nothing_measured = !by_default_table
        && objectives.iter().all(|row| row.status == ObjectiveStatus::NotMeasured);
    let added = added.iter().map(|objective| objectives::judge(&window, objective));
    objectives
        .extend(added.map(|row| if by_default_table { row } else { default_table::named(row) }));
    let examined = validity::examine(&window, &objectives);
    let verdict = verdict(&examined, &objectives, strictness);
    // A lost objective fails the run however little was judged by then; what else voids the measurement does so still.
    let voids = |finding: &Finding| {
        finding.status == ValidityStatus::NotValid && finding.test != ValidityTest::Requests
    };
    let is_void = examined.validity.findings.iter().any(voids);
    let is_lost = abort_of(log).is_some() && !is_void;
    let verdict = if is_lost { Verdict::Fail } else { verdict };
    let verdict = if nothing_measured || objectives.is_empty() {
        verdict.max(Verdict::Inconclusive)
    } else {
        verdict
    };
    Judgement {
        verdict,
        cause: cause::of(log, verdict, &objectives, &examined),
        validity: examined.validity,
        objectives,
        by_default_table,
        partial: examined.is_partial,
        steady: window.steady_spans(),
    }
}

/// The worst objective; a measurement that is not valid overrides it. A stack that left arrivals without a user
/// failed; one that piled requests up, a run that ended early and one that sent less than was asked never pass.
fn verdict(
    examined: &MeasurementFindings,
    objectives: &[JudgedObjective],
    strictness: Strictness,
) -> Verdict {
    if examined.validity.status == ValidityStatus::NotValid {
        return Verdict::NotValid;
    }
    let of = |status| match status {
        ObjectiveStatus::NotMeasured if strictness == Strictness::Strict => Verdict::Inconclusive,
        ObjectiveStatus::NotMeasured | ObjectiveStatus::Pass => Verdict::Pass,
        ObjectiveStatus::AtRisk => Verdict::AtRisk,
        ObjectiveStatus::Inconclusive => Verdict::Inconclusive,
        ObjectiveStatus::Fail => Verdict::Fail,
    };
    // Nobody asked to have it proven that few requests fail: such a row fails a run, and does not hold it up.
    let counts =
        |row: &&JudgedObjective| !row.by_default || row.status != ObjectiveStatus::NotMeasured;
    let counted = objectives.iter().filter(counts);
    let worst = counted.map(|row| of(row.status)).max().unwrap_or(Verdict::Pass);
    let least = match &examined.overload {
        Some(overload) if overload.dropped > 0 => Verdict::Fail,
        Some(_) => Verdict::Inconclusive,
        None if examined.is_partial || examined.shortfall.is_some() => Verdict::Inconclusive,
        None => Verdict::Pass,
    };
    worst.max(least)
}

impl Verdict {
    /// The exit code that `--help` documents: 0 pass, and at risk unless strict; 99 a max was exceeded, or
    /// at risk if strict; 97 inconclusive or not valid.
    pub const fn exit_code(self, strictness: Strictness) -> u8 {
        match (self, strictness) {
            (Self::Pass, _) | (Self::AtRisk, Strictness::Normal) => 0,
            (Self::AtRisk, Strictness::Strict) | (Self::Fail, _) => 99,
            (Self::Inconclusive | Self::NotValid, _) => 97,
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod simulations;
