//! `abort:`: what ends a run early.

use super::{Meant, ObjectiveMetric, ObjectiveUnit, plain_metric, quantity};
use plimsoll_metrics::{AbortCondition, Measure, Scope, StepInfo};
use plimsoll_scenario::schema::Scenario;
use plimsoll_scenario::{ProblemKind, Problems, Spanned};
use plimsoll_units::Nanos;

/// The metrics that can be told second by second, for messages.
const KNOWN: [&str; 6] = ["p50", "p90", "p95", "p99", "mean", "error_rate"];

/// Compiles all conditions.
pub(in crate::compile) fn conditions(
    scenario: &Scenario,
    steps: &[StepInfo],
    problems: &mut Problems,
) -> Vec<AbortCondition> {
    let compile = |text| condition(text, scenario, steps, problems);
    scenario.abort.iter().filter_map(compile).collect()
}

/// `p99 > 2s for 10s`, `error_rate of pay > 5% for 30s`; a `when` before it is passed over.
fn condition(
    text: &Spanned<String>,
    scenario: &Scenario,
    steps: &[StepInfo],
    problems: &mut Problems,
) -> Option<AbortCondition> {
    let written = text.value.trim();
    let written = written.strip_prefix("when ").unwrap_or(written);
    let parts = written.split_once('>').and_then(|(subject, rest)| {
        let (limit, sustained) = rest.split_once(" for ")?;
        Some((subject.trim(), limit.trim(), sustained.trim()))
    });
    let Some((subject, limit, sustained)) = parts else {
        problems.report(text.span, ProblemKind::BadAbort { found: text.value.clone() });
        return None;
    };
    let (metric, of) = subject.split_once(" of ").unwrap_or((subject, ""));
    let scope = scope(Spanned::new(of.trim().to_owned(), text.span), scenario, steps, problems)?;
    let name = metric.trim();
    let Some((measure, unit)) = plain_metric(name).and_then(told_by_the_second) else {
        let known = KNOWN.iter().map(|known| (*known).to_owned()).collect();
        let kind = ProblemKind::UnknownMetric { name: name.to_owned(), known };
        problems.report(text.span, kind);
        return None;
    };
    let limit = quantity(&Spanned::new(limit.to_owned(), text.span), unit, problems)?;
    let sustained = match sustained.parse::<Nanos>() {
        Ok(sustained) if sustained.is_zero() => {
            problems.report(text.span, ProblemKind::NotPositive { what: "the time".to_owned() });
            return None;
        }
        Ok(sustained) => sustained,
        Err(error) => {
            let found = sustained.to_owned();
            problems.report(text.span, ProblemKind::BadUnit { found, error });
            return None;
        }
    };
    Some(AbortCondition { text: written.to_owned(), scope, measure, limit, sustained })
}

/// What a metric measures and its unit, where one second tells it.
fn told_by_the_second(metric: ObjectiveMetric<'_>) -> Option<(Measure, ObjectiveUnit)> {
    match metric.meant {
        Meant::Measure(
            measure @ (Measure::ResponseTime(_) | Measure::MeanResponseTime | Measure::ErrorRate),
        ) => Some((measure, metric.unit)),
        Meant::Measure(_) | Meant::PartOfStep(..) => None,
    }
}

/// A step, or else a scenario, of this name; the whole run where there is none.
fn scope(
    name: Spanned<String>,
    scenario: &Scenario,
    steps: &[StepInfo],
    problems: &mut Problems,
) -> Option<Scope> {
    if name.value.is_empty() {
        return Some(Scope::Run);
    }
    if steps.iter().any(|step| step.name == name.value) {
        return Some(Scope::Step(name.value));
    }
    if scenario.scenarios.iter().any(|journey| journey.name.value == name.value) {
        return Some(Scope::Scenario(name.value));
    }
    let known = steps.iter().map(|step| step.name.clone()).collect();
    problems.report(name.span, ProblemKind::UnknownName { what: "step", name: name.value, known });
    None
}
