//! The judgement of a whole run: validity, objectives, verdict.

use super::window::JudgedWindow;
use super::{
    JudgedObjective, Judgement, ObjectiveStatus, Validity, ValidityStatus, Verdict, objectives,
    validity,
};
use crate::metrics::RunLog;

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
    let validity = validity::examine(&window);
    let objectives: Vec<JudgedObjective> = log
        .header
        .objectives
        .iter()
        .map(|objective| objectives::judge(&window, objective))
        .collect();
    let verdict = verdict(&validity, &objectives, strictness);
    Judgement { verdict, validity, objectives, steady: window.steady_spans() }
}

/// The worst objective; a measurement that is not valid overrides it, an overloaded stack and a table of
/// which nothing could be measured never pass.
fn verdict(validity: &Validity, objectives: &[JudgedObjective], strictness: Strictness) -> Verdict {
    if validity.status == ValidityStatus::NotValid {
        return Verdict::NotValid;
    }
    let of = |status| match status {
        ObjectiveStatus::NotMeasured if strictness == Strictness::Strict => Verdict::Inconclusive,
        ObjectiveStatus::NotMeasured | ObjectiveStatus::Pass => Verdict::Pass,
        ObjectiveStatus::AtRisk => Verdict::AtRisk,
        ObjectiveStatus::Inconclusive => Verdict::Inconclusive,
        ObjectiveStatus::Fail => Verdict::Fail,
    };
    let worst = objectives.iter().map(|row| of(row.status)).max().unwrap_or(Verdict::Pass);
    let nothing_measured = !objectives.is_empty()
        && objectives.iter().all(|row| row.status == ObjectiveStatus::NotMeasured);
    if validity.overloaded || nothing_measured { worst.max(Verdict::Inconclusive) } else { worst }
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
