//! What speaks against signing, and what nobody has tried.

use super::input::{SignOff, highest_tested, n_plus_1, run_name, slo_max};
use crate::{format, wording};
use plimsoll_slo::{ObjectiveStatus, ValidityStatus};
use plimsoll_units::{Nanos, Rate};

/// Shorter runs show neither leaks nor full disks.
const SOAK: Nanos = Nanos::from_secs(3_600);

/// Risks that follow from what was measured.
pub(super) fn risks(input: &SignOff) -> Vec<String> {
    let mut risks = vec![];
    for run in &input.runs {
        let name = run_name(run);
        risks.extend(wording::caveats(run).into_iter().map(|caveat| format!("{name}: {caveat}")));
        let validity = &run.judgement.validity;
        if validity.status != ValidityStatus::Valid {
            let reason = |reason: &str| format!("{name}: {}", format::message(reason));
            risks.extend(validity.reasons().map(reason));
        }
        for judged in &run.judgement.objectives {
            let said = match judged.status {
                ObjectiveStatus::Pass | ObjectiveStatus::NotMeasured => continue,
                ObjectiveStatus::AtRisk => "misses its target".to_owned(),
                ObjectiveStatus::Inconclusive => format!(
                    "may lie beyond its {}: the interval straddles it",
                    wording::limit_word(judged)
                ),
                ObjectiveStatus::Fail => format!("lies beyond its {}", wording::limit_word(judged)),
            };
            risks.push(format!("{name}: {} {said}.", wording::objective_name(judged)));
        }
    }
    risks.extend(of_capacity(input));
    risks.extend(unlike(input));
    risks
}

fn of_capacity(input: &SignOff) -> Vec<String> {
    let mut risks = vec![];
    if let (Some(slo_max), Some(peak)) = (slo_max(input), input.forecast_peak)
        && slo_max < peak.get()
    {
        risks.push(format!(
            "SLO-max ({} req/s) lies below the forecast peak ({} req/s).",
            format::rate(Rate::per_second(slo_max)),
            format::rate(peak)
        ));
    }
    let confirmed = input.capacity.as_ref().map(|capacity| capacity.confirmed);
    if confirmed == Some(false) {
        risks.push(
            "SLO-max was not confirmed: the claimed rate was not held in a step of its own.".into(),
        );
    }
    if n_plus_1(input).contains("does not") {
        risks.push("The loss of one replica would break the objectives.".into());
    }
    risks
}

/// Runs under unlike conditions do not add up to one statement.
fn unlike(input: &SignOff) -> Vec<String> {
    let mut risks = vec![];
    let differ = |fact: fn(&plimsoll_metrics::RunHeader) -> &str| {
        input.runs.windows(2).any(|pair| fact(&pair[0].header) != fact(&pair[1].header))
    };
    for (differs, what) in [
        (differ(|header| &header.scenario_hash), "scenario files"),
        (differ(|header| &header.target), "targets"),
        (differ(|header| &header.version), "versions of plimsoll"),
    ] {
        if differs {
            risks.push(format!("The runs used different {what}."));
        }
    }
    risks
}

/// What was not tested, as far as the runs can tell.
pub(super) fn untested(input: &SignOff) -> Vec<String> {
    let mut untested = vec![];
    for run in &input.runs {
        let name = run_name(run);
        for judged in &run.judgement.objectives {
            if judged.status == ObjectiveStatus::NotMeasured {
                let note = format::message(&judged.note);
                let why = if note.is_empty() { String::new() } else { format!(" ({note})") };
                untested.push(format!(
                    "{name}: {} was not measured{why}.",
                    wording::objective_name(judged)
                ));
            }
        }
        for id in run.step_ids() {
            if !run.whole.steps.contains_key(&id) {
                let step = format::line(&run.step_name(id), 80);
                untested.push(format!("{name}: the step {step} was never reached."));
            }
        }
    }
    if input.stack.is_empty() {
        untested.push("The versions of the stack's components were not stated (`--fact`).".into());
    }
    untested.extend(beyond(input));
    untested
}

fn beyond(input: &SignOff) -> Vec<String> {
    let mut untested = vec![];
    let tested = highest_tested(&input.runs);
    if let Some(peak) = input.forecast_peak
        && tested.is_none_or(|tested| tested < peak)
    {
        let highest = tested
            .map_or_else(|| "none".to_owned(), |rate| format!("{} req/s", format::rate(rate)));
        untested.push(format!(
            "The forecast peak of {} req/s was not carried in any run; the highest rate that met its objectives is {highest}.",
            format::rate(peak)
        ));
    }
    let longest = input.runs.iter().map(|run| run.duration).max().unwrap_or(Nanos::ZERO);
    if longest < SOAK {
        untested.push(format!(
            "No run lasted longer than {}: slow leaks, log rotation and cache expiry are not covered.",
            format::duration(longest)
        ));
    }
    match &input.capacity {
        None => untested.push(
            "No capacity search was made: SLO-max, bottleneck and cost are not known.".into(),
        ),
        Some(capacity) if capacity.verified.is_empty() => {
            untested.push("No prediction of the capacity model was checked by measurement.".into());
        }
        Some(_) => {}
    }
    untested
}
