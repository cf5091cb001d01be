//! The words that every format shares: the verdict, one sentence, and what the reader must know first.

mod headline;
mod objective;

use super::format;
use super::model::{Report, RunCompletion};
use plimsoll_metrics::{LoadModel, Scope};
use plimsoll_slo::{Cause, JudgedObjective, Judgement, ObjectiveStatus, ValidityStatus, Verdict};
use plimsoll_units::Ratio;

pub use headline::{further_findings, headline};
pub use objective::{limit_word, objective_name, objective_short, own_name};

/// The verdict as a word; meaning never hangs on colour alone.
pub const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::AtRisk => "AT RISK",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Fail => "FAIL",
        Verdict::NotValid => "NOT VALID",
    }
}

/// The verdict as a symbol.
pub const fn verdict_symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✔",
        Verdict::AtRisk => "▲",
        Verdict::Inconclusive => "?",
        Verdict::Fail => "✖",
        Verdict::NotValid => "⊘",
    }
}

/// The verdict as files and style sheets name it.
pub(crate) const fn verdict_key(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::AtRisk => "at_risk",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Fail => "fail",
        Verdict::NotValid => "not_valid",
    }
}

/// Validity as a word.
pub const fn validity(status: ValidityStatus) -> &'static str {
    match status {
        ValidityStatus::Valid => "VALID",
        ValidityStatus::Suspect => "SUSPECT",
        ValidityStatus::NotValid => "NOT VALID",
    }
}

/// Validity as files name it.
pub(crate) const fn validity_key(status: ValidityStatus) -> &'static str {
    match status {
        ValidityStatus::Valid => "valid",
        ValidityStatus::Suspect => "suspect",
        ValidityStatus::NotValid => "not_valid",
    }
}

/// An objective's status as words.
pub const fn status(status: ObjectiveStatus) -> &'static str {
    match status {
        ObjectiveStatus::Pass => "pass",
        ObjectiveStatus::NotMeasured => "not measured",
        ObjectiveStatus::AtRisk => "at risk",
        ObjectiveStatus::Inconclusive => "inconclusive",
        ObjectiveStatus::Fail => "fail",
    }
}

/// An objective's status as a symbol.
pub const fn status_symbol(status: ObjectiveStatus) -> &'static str {
    match status {
        ObjectiveStatus::Pass => "✔",
        ObjectiveStatus::NotMeasured => "–",
        ObjectiveStatus::AtRisk => "▲",
        ObjectiveStatus::Inconclusive => "?",
        ObjectiveStatus::Fail => "✖",
    }
}

/// An objective's status as files name it.
pub(crate) const fn status_key(status: ObjectiveStatus) -> &'static str {
    match status {
        ObjectiveStatus::Pass => "pass",
        ObjectiveStatus::NotMeasured => "not_measured",
        ObjectiveStatus::AtRisk => "at_risk",
        ObjectiveStatus::Inconclusive => "inconclusive",
        ObjectiveStatus::Fail => "fail",
    }
}

/// The answer in one sentence, whole however long: what it ends with is the way out.
pub fn sentence(report: &Report) -> String {
    match report.judgement.verdict {
        Verdict::Pass => passed(report),
        Verdict::AtRisk | Verdict::Inconclusive | Verdict::Fail | Verdict::NotValid => {
            let headline = headline(&report.judgement);
            headline.unwrap_or_else(|| match report.judgement.objectives.as_slice() {
                [] => {
                    "Nothing is judged: the table says `error_rate: off` and nothing else.".into()
                }
                _ => "The run is too short to tell.".into(),
            })
        }
    }
}

fn passed(report: &Report) -> String {
    let written = |judged: &&JudgedObjective| !judged.by_default;
    let objectives: Vec<&JudgedObjective> =
        report.judgement.objectives.iter().filter(written).collect();
    let is_unmeasured = |judged: &&&JudgedObjective| judged.status == ObjectiveStatus::NotMeasured;
    let unmeasured = objectives.iter().filter(is_unmeasured).count();
    match (objectives.len(), unmeasured) {
        _ if report.judgement.by_default_table => {
            format!("{} at {}.", default_table(&report.judgement), carried(report))
        }
        (all, 0) => format!(
            "{} at {}.",
            if all == 1 { "The only objective is met" } else { "Every target is met" },
            carried(report)
        ),
        (all, unmeasured) if all == unmeasured => {
            "No objective could be measured; see the notes below.".into()
        }
        (all, unmeasured) => format!(
            "Every measured target is met at {}; {unmeasured} of {all} objectives could not be measured.",
            carried(report)
        ),
    }
}

/// The load in a few words: `299.6 req/s`.
fn carried(report: &Report) -> String {
    format!("{} req/s", format::rate(report.shown.rate()))
}

/// What was judged where the scenario sets nothing, all of it met.
pub(crate) fn default_table(judgement: &Judgement) -> String {
    let row = |judged: &JudgedObjective| {
        let bound = judged.objective.limit.map(format::bound).unwrap_or_default();
        let name = format::line(&judged.objective.name, 60);
        match judged.status {
            ObjectiveStatus::NotMeasured => {
                let estimate = judged.estimate.map(format::estimate).unwrap_or_default();
                format!("{name} is {estimate}, too few requests to prove {bound}")
            }
            _ => format!("{name} {} {bound}", limit_word(judged)),
        }
    };
    let rows: Vec<String> = judgement.objectives.iter().map(row).collect();
    format!("The scenario has no `slo:`, and the default one is met ({})", rows.join(", "))
}

/// `open model, poisson arrivals` or `closed model, 50 users`.
pub(crate) fn model(report: &Report) -> String {
    match report.header.model {
        LoadModel::Open => {
            format!("open model, {} arrivals", report.header.arrivals)
        }
        LoadModel::Closed { vus } => format!("closed model, {} users", format::count(vus.into())),
    }
}

/// Which part of the run the figures speak of.
pub(crate) fn judged_part(report: &Report) -> String {
    let part = &report.shown;
    if report.judged {
        format!(
            "{} to {} ({} of {})",
            format::moment(part.from),
            format::moment(part.to),
            format::duration(part.span),
            format::duration(report.duration)
        )
    } else {
        "none; the figures show the whole run".into()
    }
}

/// What the reader must know before any number: each a full sentence, most serious first.
pub fn caveats(report: &Report) -> Vec<String> {
    let mut said = Vec::new();
    if report.judgement.validity.status == ValidityStatus::NotValid {
        said.push("The measurement is not valid: no status of an objective counts.".into());
    }
    if let Some(highest) = report.judgement.validity.highest_rate {
        said.push(format!("The highest rate that would have been valid here: {highest}."));
    }
    said.extend(ending(report));
    if report.torn {
        said.push("The last line of the run log was cut off and is left out.".into());
    }
    if report.whole.run.counts.requests == 0 {
        said.push("No request finished: there is nothing to measure.".into());
    } else if !report.judged {
        said.push("No part of the run could be judged; the figures show the whole run.".into());
    }
    let cause = report.judgement.cause.as_ref();
    if report.judgement.validity.overloaded && !matches!(cause, Some(Cause::Overloaded(_))) {
        said.push(
            "Overloaded: the backlog grew without end, so the load exceeds what the stack carries."
                .into(),
        );
    }
    if report.judgement.validity.rate_limited && !matches!(cause, Some(Cause::RateLimited { .. })) {
        let limit = report.judgement.validity.rate_limit.map(|limit| format!(" ({limit})"));
        said.push(format!(
            "Rate-limited: the edge's limit was measured{}, not the stack's capacity.",
            limit.unwrap_or_default()
        ));
    }
    said.extend(unjudged_errors(report));
    if report.steering_acts > 0 {
        let times = if report.steering_acts == 1 {
            "once".into()
        } else {
            format!("{} times", report.steering_acts)
        };
        said.push(format!("Steered {times} while it ran: the load is not what the scenario says."));
    }
    if let LoadModel::Closed { vus } = report.header.model {
        said.push(format!(
            "Closed model: {}, so a slow stack is asked less often and the waiting of further users is not seen.",
            match vus {
                1 => "one user waits for each response".to_owned(),
                vus => format!("{} users each wait for their responses", format::count(vus.into())),
            }
        ));
    }
    if report.header.shard.1 > 1 {
        let (index, count) = report.header.shard;
        said.push(format!(
            "Shard {} of {count}: only a part of the load was offered here.",
            index + 1
        ));
    }
    said
}

/// What `error_rate: off` leaves without a verdict, where any request failed.
fn unjudged_errors(report: &Report) -> Option<String> {
    let counts = &report.whole.run.counts;
    let off: Vec<String> = report
        .header
        .objectives
        .iter()
        .filter(|row| row.is_off())
        .map(|row| format::line(&row.scope.to_string(), 160))
        .collect();
    if off.is_empty() || counts.failed() == 0 {
        return None;
    }
    let failed = format::share(Ratio::of(counts.failed(), counts.attempts()));
    let whole = Scope::Run.to_string();
    let of = if off.contains(&whole) { String::new() } else { format!(" of {}", off.join(", ")) };
    Some(format!("Errors{of} are not judged (`error_rate: off`): {failed} of all requests failed."))
}

fn ending(report: &Report) -> Option<String> {
    let at = format::duration(report.duration);
    let planned = report.planned();
    let of = if planned.is_zero() {
        String::new()
    } else {
        format!(" of {} planned", format::duration(planned))
    };
    match report.completion {
        RunCompletion::Finished => None,
        RunCompletion::Interrupted => {
            Some(format!("Partial run: interrupted by the user after {at}{of}."))
        }
        RunCompletion::Aborted => {
            Some(format!("Partial run: an objective or a guard stopped it after {at}{of}."))
        }
        RunCompletion::UsedUp => {
            Some(format!("The data were used up after {at}{of}, where the run was to end."))
        }
        RunCompletion::Unfinished => Some(format!(
            "Partial run: the log has no end (killed, or still running); shown are {at}{of}."
        )),
    }
}
