//! The words that every format shares: the verdict, one sentence, and what the reader must know first.

use super::format;
use super::model::{Report, RunCompletion};
use crate::metrics::{LoadModel, Scope};
use crate::slo::{JudgedObjective, ObjectiveStatus, ValidityStatus, Verdict};

/// The verdict as a word; meaning never hangs on colour alone.
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::AtRisk => "AT RISK",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Fail => "FAIL",
        Verdict::NotValid => "NOT VALID",
    }
}

/// The verdict as a symbol.
pub(crate) const fn verdict_symbol(verdict: Verdict) -> &'static str {
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
pub(crate) const fn validity(status: ValidityStatus) -> &'static str {
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
pub(crate) const fn status(status: ObjectiveStatus) -> &'static str {
    match status {
        ObjectiveStatus::Pass => "pass",
        ObjectiveStatus::NotMeasured => "not measured",
        ObjectiveStatus::AtRisk => "at risk",
        ObjectiveStatus::Inconclusive => "inconclusive",
        ObjectiveStatus::Fail => "fail",
    }
}

/// An objective's status as a symbol.
pub(crate) const fn status_symbol(status: ObjectiveStatus) -> &'static str {
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

/// `p99`, `p99 of step login`.
pub(crate) fn objective_name(judged: &JudgedObjective) -> String {
    let name = format::line(&judged.objective.name, 60);
    match &judged.objective.scope {
        Scope::Run => name,
        Scope::Scenario(of) => format!("{name} of scenario {}", format::line(of, 60)),
        Scope::Step(of) => format!("{name} of step {}", format::line(of, 60)),
        Scope::Tag(of) => format!("{name} of tag {}", format::line(of, 60)),
    }
}

/// The short form for narrow tables: `p99`, `p99 · login`.
pub(crate) fn objective_short(judged: &JudgedObjective) -> String {
    let name = format::line(&judged.objective.name, 60);
    match &judged.objective.scope {
        Scope::Run => name,
        Scope::Scenario(of) | Scope::Step(of) | Scope::Tag(of) => {
            format!("{name} · {}", format::line(of, 60))
        }
    }
}

/// The answer in one sentence.
pub(crate) fn sentence(report: &Report) -> String {
    match report.judgement.verdict {
        Verdict::Pass => passed(report),
        Verdict::AtRisk => missed(report, ObjectiveStatus::AtRisk),
        Verdict::Inconclusive => inconclusive(report),
        Verdict::Fail => missed(report, ObjectiveStatus::Fail),
        Verdict::NotValid => {
            let reason = report.judgement.validity.main_reason().unwrap_or("no reason is known");
            format!("The measurement cannot support a verdict: {}.", trimmed(reason))
        }
    }
}

fn trimmed(text: &str) -> String {
    format::line(text, 300).trim_end_matches('.').to_owned()
}

fn passed(report: &Report) -> String {
    let objectives = &report.judgement.objectives;
    let unmeasured = with_status(report, ObjectiveStatus::NotMeasured).count();
    match (objectives.len(), unmeasured) {
        (0, _) => {
            "The scenario sets no objective, so nothing but the measurement was judged.".into()
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

fn with_status(report: &Report, status: ObjectiveStatus) -> impl Iterator<Item = &JudgedObjective> {
    report.judgement.objectives.iter().filter(move |judged| judged.status == status)
}

fn missed(report: &Report, status: ObjectiveStatus) -> String {
    let count = with_status(report, status).count();
    let Some(first) = with_status(report, status).next() else {
        return format!("The run {}.", self::status(status));
    };
    let (what, wanted) = match status {
        ObjectiveStatus::Fail => (limit_word(first), first.objective.limit),
        _ => ("target", first.objective.target),
    };
    let estimate = first.estimate.map_or_else(|| "not known".into(), format::estimate);
    let wanted = wanted
        .map_or_else(String::new, |bound| format!(", its {what} is {}", format::bound(bound)));
    let others = match count - 1 {
        0 => String::new(),
        1 => "; 1 other objective likewise".into(),
        others => format!("; {others} other objectives likewise"),
    };
    let tail = if status == ObjectiveStatus::AtRisk { "; no limit is exceeded" } else { "" };
    format!("{} is {estimate}{wanted}{others}{tail}.", objective_name(first))
}

/// What the hard bound is called: `max`, or `min` where higher is better.
pub(crate) const fn limit_word(judged: &JudgedObjective) -> &'static str {
    match judged.objective.bound {
        crate::metrics::Bound::AtMost => "max",
        crate::metrics::Bound::AtLeast => "min",
    }
}

fn inconclusive(report: &Report) -> String {
    if let Some(first) = with_status(report, ObjectiveStatus::Inconclusive).next() {
        let word = limit_word(first);
        let name = objective_name(first);
        let note = trimmed(&first.note);
        let way_out = if note.is_empty() { "run longer".to_owned() } else { note };
        return format!("The interval of {name} straddles its {word}: {way_out}.");
    }
    if report.judgement.validity.overloaded {
        return "The load exceeds what the stack carries: the backlog grew to the end of the run, \
                so no figure is steady."
            .into();
    }
    let unmeasured = with_status(report, ObjectiveStatus::NotMeasured).count();
    let Some(first) = with_status(report, ObjectiveStatus::NotMeasured).next() else {
        return "The run is too short to tell.".into();
    };
    let all = report.judgement.objectives.len();
    let note = trimmed(&first.note);
    let why = if note.is_empty() { String::new() } else { format!(" ({note})") };
    format!(
        "{unmeasured} of {all} objectives could not be measured, first {}{why}.",
        objective_name(first)
    )
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
pub(crate) fn caveats(report: &Report) -> Vec<String> {
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
    if report.whole.run.requests == 0 {
        said.push("No request finished: there is nothing to measure.".into());
    } else if !report.judged {
        said.push("No part of the run could be judged; the figures show the whole run.".into());
    }
    if report.judgement.validity.overloaded {
        said.push(
            "Overloaded: the backlog grew without end, so the load exceeds what the stack carries."
                .into(),
        );
    }
    if report.judgement.validity.rate_limited {
        let limit = report.judgement.validity.rate_limit.map(|limit| format!(" ({limit})"));
        said.push(format!(
            "Rate-limited: the edge's limit was measured{}, not the stack's capacity.",
            limit.unwrap_or_default()
        ));
    }
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
            "Closed model: {} users each wait for their responses, so a slow stack is asked less often \
             and the waiting of further users is not seen.",
            format::count(vus.into())
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
        RunCompletion::Unfinished => Some(format!(
            "Partial run: the log has no end (killed, or still running); shown are {at}{of}."
        )),
    }
}
