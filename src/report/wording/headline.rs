//! The cause of a verdict in one sentence, with the one way out of it.

use super::objective::{limit_word, objective_name, shown};
use crate::format;
use plimsoll_metrics::{ErrorClass, StopReason};
use plimsoll_slo::{
    Cause, Finding, JudgedObjective, Judgement, MoreTime, ObjectiveStatus, ObservedRateLimit,
    Outage, Overload, ValidityStatus, ValidityTest,
};
use plimsoll_units::{Quantity, Ratio};

/// Why the run came out as it did, and what to do; none of a pass.
pub fn headline(judgement: &Judgement) -> Option<String> {
    let row = |index: &usize| judgement.objectives.get(*index);
    Some(match judgement.cause.as_ref()? {
        Cause::Outage(outage) => self::outage(outage),
        Cause::RateLimited { limit } => rate_limited(limit.as_ref()),
        Cause::Overloaded(overload) => overloaded(overload),
        Cause::Errors { row: index, class, .. } => {
            let why =
                class.map_or_else(String::new, |class| format!("; most failures are {class}"));
            format!(
                "{}{why}: the examples show what was seen.",
                beyond(judgement, row(index)?, ObjectiveStatus::Fail)
            )
        }
        Cause::ObjectiveExceeded { row: index } => {
            format!("{}.", beyond(judgement, row(index)?, ObjectiveStatus::Fail))
        }
        Cause::TargetMissed { row: index } => format!(
            "{}; no limit is exceeded.",
            beyond(judgement, row(index)?, ObjectiveStatus::AtRisk)
        ),
        Cause::Aborted { at, note } => format!(
            "`abort` ended the run at {}: {} held, and {} was measured at last; see what the stack did by then.",
            format::moment(*at),
            shown(&note.condition),
            format::estimate(note.value)
        ),
        Cause::EndedEarly { by } => ended_early(*by),
        Cause::ShardsLeftOut { left_out, of } => format!(
            "{left_out} of {of} shards were left out, and a part of a run never passes: merge all of them."
        ),
        Cause::LoadShortfall(shortfall) => format!(
            "{}: mend what fails there, or nothing is known of the rate asked for.",
            shown(&shortfall.to_string())
        ),
        Cause::Measurement { test } => measurement(judgement, *test),
        Cause::TooShort { row: index, more } => too_short(row(index)?, *more),
        Cause::GeneratorLag { row: index } => generator_lag(row(index)?),
        Cause::NotMeasured { row: index } => not_measured(judgement, row(index)?),
    })
}

/// The findings that did not pass and that the headline does not tell already, the worst first.
pub fn further_findings(judgement: &Judgement) -> Vec<&Finding> {
    let told: &[ValidityTest] = match &judgement.cause {
        Some(Cause::RateLimited { .. }) => &[ValidityTest::RateLimited],
        Some(Cause::Overloaded(_)) => &[ValidityTest::Dropped],
        Some(Cause::LoadShortfall(_)) => &[ValidityTest::OfferedLoad],
        Some(Cause::Measurement { test }) => std::slice::from_ref(test),
        _ => &[],
    };
    let findings = judgement.validity.findings.iter();
    let mut further: Vec<&Finding> = findings
        .filter(|one| one.status != ValidityStatus::Valid && !told.contains(&one.test))
        .collect();
    further.sort_by_key(|one| std::cmp::Reverse(one.status));
    further
}

fn outage(outage: &Outage) -> String {
    let class = outage.class;
    if outage.unserved == outage.requests {
        let all = match outage.requests {
            1 => "the only request".to_owned(),
            more => format!("all {} requests", format::count(more)),
        };
        return match class {
            ErrorClass::Refused => {
                let were = if outage.requests == 1 { "was" } else { "were" };
                format!(
                    "Nobody listens at the target: {all} {were} refused; start it, or correct its address."
                )
            }
            _ => format!("There was no service: {all} failed ({class}); see to the service."),
        };
    }
    let length = format::duration(outage.length);
    let from = format::moment(outage.begin);
    let when = match outage.outages {
        0 | 1 => format!("for {length} from {from} on"),
        times => format!("{times} times, the longest for {length} from {from} on"),
    };
    format!(
        "The service was gone {when}: {} of {} requests were not served, most of them {class}; its own logs of that \
         time tell why.",
        format::count(outage.unserved),
        format::count(outage.requests)
    )
}

fn rate_limited(limit: Option<&ObservedRateLimit>) -> String {
    let limit = limit.map_or_else(String::new, |limit| format!(" ({limit})"));
    format!(
        "The edge's rate limit was measured{limit}, not the stack's capacity: spread the load with `source_ips`, or \
         raise the limit."
    )
}

fn overloaded(overload: &Overload) -> String {
    let mut signs = Vec::new();
    if overload.dropped > 0 {
        signs.push(format!(
            "{} of {} arrivals found no free user",
            format::share(Ratio::of(overload.dropped, overload.intended)),
            format::count(overload.intended)
        ));
    } else {
        signs.push("requests piled up to the end of the run".to_owned());
    }
    signs.extend(overload.p95.map(|p95| format!("p95 is {}", format::time(p95))));
    let way_out = match &overload.full {
        Some(full) => {
            let tier = format::line(&full.tier, 60);
            signs.push(format!("{tier} is full ({} {})", full.metric, format::share(full.used)));
            format!("give {tier} more room")
        }
        None => "find the rate that it carries with `plimsoll capacity`".to_owned(),
    };
    format!("The load exceeds what the stack carries: {}; {way_out}.", signs.join(", "))
}

/// `p95 is 612 ms, its max is 500 ms; 2 other objectives likewise`.
fn beyond(judgement: &Judgement, first: &JudgedObjective, status: ObjectiveStatus) -> String {
    let alike = judgement.objectives.iter().filter(|judged| judged.status == status).count();
    let (what, wanted) = match status {
        ObjectiveStatus::Fail => (limit_word(first), first.objective.limit),
        _ => ("target", first.objective.target),
    };
    let estimate = first.estimate.map_or_else(|| "not known".into(), format::estimate);
    let wanted = wanted
        .map_or_else(String::new, |bound| format!(", its {what} is {}", format::bound(bound)));
    let others = match alike.saturating_sub(1) {
        0 => String::new(),
        1 => "; 1 other objective likewise".into(),
        others => format!("; {others} other objectives likewise"),
    };
    format!("{} is {estimate}{wanted}{others}", objective_name(first))
}

fn ended_early(by: Option<StopReason>) -> String {
    let who = match by {
        Some(StopReason::Interrupted) => "The user stopped the run before its end",
        Some(StopReason::Aborted) => "A guard stopped the run before its end",
        Some(StopReason::Finished | StopReason::UsedUp) | None => {
            "The run was killed, or still runs"
        }
    };
    format!("{who}, and a part of a run never passes: run it to its end.")
}

fn measurement(judgement: &Judgement, test: ValidityTest) -> String {
    let findings = &judgement.validity.findings;
    let found = findings.iter().find(|finding| finding.test == test);
    let reason = found.map_or("no reason is known", |finding| finding.message.as_str());
    format!("The measurement cannot support a verdict: {}.", shown(reason))
}

fn too_short(row: &JudgedObjective, more: Option<MoreTime>) -> String {
    let (name, word) = (objective_name(row), limit_word(row));
    let way_out = match more {
        Some(MoreTime::About(time)) => {
            format!("run about {} longer to decide", format::duration(time))
        }
        Some(MoreTime::TooLong) => {
            format!("no run is long enough to tell them apart, so treat it as at its {word}")
        }
        None => "run longer to decide".to_owned(),
    };
    format!("The interval of {name} straddles its {word}: {way_out}.")
}

fn generator_lag(row: &JudgedObjective) -> String {
    let name = objective_name(row);
    let told = |quantity: Option<Quantity>| quantity.map(format::estimate).unwrap_or_default();
    let lower = told(row.lag.map(|lag| lag.lower));
    let limit = row.objective.limit.map(format::bound).unwrap_or_default();
    format!(
        "The generator was late by as much as decides: {name} lies between {lower} and {}, its {} is {limit}; give \
         the generator a core of its own, or repeat the run.",
        told(row.estimate),
        limit_word(row)
    )
}

fn not_measured(judgement: &Judgement, first: &JudgedObjective) -> String {
    let rows: Vec<&JudgedObjective> =
        judgement.objectives.iter().filter(|row| !row.by_default).collect();
    let unmeasured = rows.iter().filter(|row| row.status == ObjectiveStatus::NotMeasured).count();
    let note = shown(&first.note);
    let why = if note.is_empty() { String::new() } else { format!(" ({note})") };
    format!(
        "{unmeasured} of {} objectives could not be measured, first {}{why}.",
        rows.len(),
        objective_name(first)
    )
}

#[cfg(test)]
mod tests;
