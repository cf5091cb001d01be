//! Rows of the SLO table → objectives: what a metric's name means, and in which unit it is written.

mod abort;

pub(super) use abort::conditions as abort_conditions;

use super::browser;
use plimsoll_metrics::{
    Answers, Bound, CustomMeasure, Measure, Objective, PageFigure, Phase, Scope, StepInfo,
};
use plimsoll_scenario::schema::{Scenario, SloRowSpec, SloScope};
use plimsoll_scenario::{ProblemKind, Problems, Spanned};
use plimsoll_units::{Nanos, ParseUnitError, Quantity, RateUnit, Ratio, WorkRate};

/// The unit that a metric is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ObjectiveUnit {
    Time,
    Share,
    RequestRate,
    MessageRate,
    /// Whatever is written; a bare number is a count.
    Any,
    /// Whatever is written, but not a bare number.
    NoCount,
}

/// What a metric's name means.
struct ObjectiveMetric<'a> {
    meant: Meant<'a>,
    unit: ObjectiveUnit,
    /// Which side is good; none where the row says it.
    bound: Option<Bound>,
}

/// A row whose scope is not looked at yet.
struct Bounds<'a> {
    meant: Meant<'a>,
    bound: Bound,
    target: Option<Quantity>,
    limit: Option<Quantity>,
}

/// What is to be measured.
enum Meant<'a> {
    Measure(Measure),
    /// A quantile of a time within steps: `first_event.p95`.
    PartOfStep(&'a str, f64),
}

/// Metrics that steps of special kinds define.
const CUSTOM_TIMES: [&str; 4] = ["first_event", "event_gap", "first_message", "first_segment"];

/// The names of the table, for messages.
const KNOWN: [&str; 11] = [
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "mean",
    "error_rate",
    "uptime",
    "throughput",
    "connect.p95",
    "iteration.p95",
];

pub(super) fn compile(
    scenario: &Scenario,
    steps: &[StepInfo],
    problems: &mut Problems,
) -> Vec<Objective> {
    let compiled = |row: &'_ SloRowSpec, problems: &mut Problems| {
        let scope = scope(row, scenario, steps, problems);
        let bounds = bounds(row, scenario, problems);
        objective(row, scope?, bounds?, steps, problems)
    };
    let rows: Vec<(&SloRowSpec, Objective)> = scenario
        .slo
        .iter()
        .filter_map(|row| compiled(row, problems).map(|objective| (row, objective)))
        .collect();
    check_goodput(&rows, problems);
    rows.into_iter().map(|(_, objective)| objective).collect()
}

/// For each step the greatest max of its rows on times, [`Nanos::MAX`] where it has none; nothing where no row asks for
/// goodput.
pub(super) fn step_limits(objectives: &[Objective], steps: &[StepInfo]) -> Box<[Nanos]> {
    if !objectives.iter().any(is_goodput) {
        return Box::default();
    }
    let limit = |step: &StepInfo| {
        let rows = objectives.iter().filter(|row| row.scope == Scope::Step(step.name.clone()));
        rows.filter_map(time_limit).max().unwrap_or(Nanos::MAX)
    };
    steps.iter().map(limit).collect()
}

fn is_goodput(row: &Objective) -> bool {
    row.measure == Measure::Custom(CustomMeasure::Goodput)
}

/// The max of a step's row on times.
fn time_limit(row: &Objective) -> Option<Nanos> {
    let is_time = matches!(row.measure, Measure::ResponseTime(_) | Measure::MeanResponseTime);
    match row.limit.filter(|_| is_time && matches!(row.scope, Scope::Step(_)))? {
        Quantity::Time(limit) => Some(limit),
        _ => None,
    }
}

/// Goodput speaks of iterations, and of the max of their steps.
fn check_goodput(rows: &[(&SloRowSpec, Objective)], problems: &mut Problems) {
    let has_max = rows.iter().any(|(_, row)| time_limit(row).is_some());
    for (spec, row) in rows.iter().filter(|(_, row)| is_goodput(row)) {
        let of_iterations = matches!(row.scope, Scope::Run | Scope::Scenario(_));
        if !(has_max && of_iterations) {
            problems.report(spec.metric.span, ProblemKind::GoodputOfNothing);
        }
    }
}

/// The row over its scope. `first_event.p95` of the step `suggest` is the `p95` of its part
/// `suggest.first_event`: only steps that have it measure it, each under its own name.
fn objective(
    row: &SloRowSpec,
    scope: Scope,
    bounds: Bounds<'_>,
    steps: &[StepInfo],
    problems: &mut Problems,
) -> Option<Objective> {
    let (scope, measure) = match bounds.meant {
        Meant::Measure(measure) => (scope, measure),
        Meant::PartOfStep(what, q) => {
            let Some(part) = part_of(&scope, what, steps) else {
                let steps = steps.iter().filter_map(|step| owner(step, what)).collect();
                let metric = row.metric.value.clone();
                problems.report(row.metric.span, ProblemKind::MetricOfStep { metric, steps });
                return None;
            };
            (Scope::Step(part), Measure::ResponseTime(q))
        }
    };
    let holds_times = matches!(measure, Measure::ResponseTime(_) | Measure::MeanResponseTime);
    if let Some(of) = row.of.as_ref().filter(|_| !holds_times) {
        let metric = row.metric.value.clone();
        problems.report(of.span, ProblemKind::NoResponseTimes { metric });
        return None;
    }
    Some(Objective {
        name: row.metric.value.clone(),
        scope,
        measure,
        bound: bounds.bound,
        target: bounds.target,
        limit: bounds.limit,
        of: row.of.as_ref().map_or_else(Answers::default, |of| of.value),
    })
}

/// The step within which `part` is the time `what`.
fn owner(part: &StepInfo, what: &str) -> Option<String> {
    Some(part.name.strip_suffix(what)?.strip_suffix('.')?.to_owned())
}

/// The name of a time within the step of a scope, where the step has it.
fn part_of(scope: &Scope, what: &str, steps: &[StepInfo]) -> Option<String> {
    let Scope::Step(step) = scope else { return None };
    let part = format!("{step}.{what}");
    steps.iter().any(|known| known.name == part).then_some(part)
}

fn scope(
    row: &SloRowSpec,
    scenario: &Scenario,
    steps: &[StepInfo],
    problems: &mut Problems,
) -> Option<Scope> {
    let (what, name, known, scope): (_, _, Vec<String>, fn(String) -> Scope) = match &row.scope {
        SloScope::Run => return Some(Scope::Run),
        SloScope::Scenario(name) => {
            let known = scenario.scenarios.iter().map(|journey| journey.name.value.clone());
            ("scenario", name, known.collect(), Scope::Scenario)
        }
        SloScope::Step(name) => {
            ("step", name, steps.iter().map(|step| step.name.clone()).collect(), Scope::Step)
        }
        SloScope::Page(name) => {
            let known = browser::pages(scenario).into_iter().map(|name| name.value.clone());
            ("page", name, known.collect(), Scope::Page)
        }
        SloScope::Tag(name) => {
            ("tag", name, steps.iter().flat_map(|step| step.tags.clone()).collect(), Scope::Tag)
        }
    };
    // A playback is known by its parts alone: `playback.first_segment`.
    let is_whole = |part: &String| {
        part.strip_prefix(name.value.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    if known.contains(&name.value) || (what == "step" && known.iter().any(is_whole)) {
        return Some(scope(name.value.clone()));
    }
    let kind = ProblemKind::UnknownName { what, name: name.value.clone(), known };
    problems.report(name.span, kind);
    None
}

fn bounds<'a>(
    row: &'a SloRowSpec,
    scenario: &Scenario,
    problems: &mut Problems,
) -> Option<Bounds<'a>> {
    let metric = match &row.scope {
        SloScope::Page(_) => page_metric(&row.metric, problems)?,
        _ => metric(&row.metric, scenario, problems)?,
    };
    let bound = metric.bound.unwrap_or_else(|| bound_of_row(row));
    let read = |text: &Option<Spanned<String>>, problems: &mut Problems| {
        text.as_ref().and_then(|text| quantity(text, metric.unit, problems))
    };
    let (target, max, min) =
        (read(&row.target, problems), read(&row.max, problems), read(&row.min, problems));
    let (wrong, field, better, limit) = match bound {
        Bound::AtMost => (&row.min, "min", "lower", max),
        Bound::AtLeast => (&row.max, "max", "higher", min),
    };
    if row.max.is_some() && row.min.is_some() {
        // Reported by the reader.
        return None;
    }
    if let Some(text) = wrong {
        let metric = row.metric.value.clone();
        problems.report(text.span, ProblemKind::WrongSide { field, metric, better });
        return None;
    }
    if let (Some(target), Some(limit)) = (target, limit) {
        check_order(row, bound, (target, limit), problems);
    }
    Some(Bounds { meant: metric.meant, bound, target, limit })
}

/// A figure of page loads, `lcp` or `lcp.p95`. Its p75 where it names no quantile.
fn page_metric<'a>(
    name: &'a Spanned<String>,
    problems: &mut Problems,
) -> Option<ObjectiveMetric<'a>> {
    let text = name.value.as_str();
    let (figure, q) = match text.split_once('.') {
        Some((figure, written)) => (figure, quantile(written)),
        None => (text, Some(PageFigure::QUANTILE)),
    };
    let Some((figure, q)) = PageFigure::from_word(figure).zip(q) else {
        let known = PageFigure::ALL.iter().map(|figure| figure.word().to_owned()).collect();
        problems.report(name.span, ProblemKind::UnknownMetric { name: text.to_owned(), known });
        return None;
    };
    let unit = if figure == PageFigure::Cls { ObjectiveUnit::Any } else { ObjectiveUnit::Time };
    let meant = Meant::Measure(Measure::Page(figure, q));
    Some(ObjectiveMetric { meant, unit, bound: Some(Bound::AtMost) })
}

/// The stack's metrics: a `min`, a target like `> 80%` or a name like `hit_ratio` say that higher is better.
fn bound_of_row(row: &SloRowSpec) -> Bound {
    let name = &row.metric.value;
    let good_name = ["hit_ratio", "available", "uptime"].iter().any(|good| name.ends_with(good));
    let above = row.target.as_ref().is_some_and(|target| target.value.starts_with('>'));
    if row.max.is_none() && (row.min.is_some() || above || good_name) {
        Bound::AtLeast
    } else {
        Bound::AtMost
    }
}

fn check_order(
    row: &SloRowSpec,
    bound: Bound,
    (target, limit): (Quantity, Quantity),
    problems: &mut Problems,
) {
    let Some(written) = &row.target else { return };
    let side = if bound == Bound::AtMost { "max" } else { "min" };
    let beyond = match bound {
        Bound::AtMost => target.base() > limit.base(),
        Bound::AtLeast => target.base() < limit.base(),
    };
    let limit_written = if bound == Bound::AtMost { &row.max } else { &row.min };
    let limit_text = limit_written.as_ref().map(|text| text.value.clone()).unwrap_or_default();
    let target_text = written.value.clone();
    if target.kind() != limit.kind() {
        let kind = ProblemKind::MixedUnits { target: target_text, side, limit: limit_text };
        problems.report(written.span, kind);
    } else if beyond {
        let kind = ProblemKind::TargetBeyondLimit { target: target_text, side, limit: limit_text };
        problems.report(written.span, kind);
    }
}

fn metric<'a>(
    name: &'a Spanned<String>,
    scenario: &Scenario,
    problems: &mut Problems,
) -> Option<ObjectiveMetric<'a>> {
    let text = name.value.as_str();
    if let Some(metric) = plain_metric(text).or_else(|| dotted_metric(text)) {
        return Some(metric);
    }
    let tiers = scenario.stack.as_ref().map(plimsoll_scenario::Stack::tier_names);
    if let Some((tier, metric)) = text.split_once('.') {
        let known = tiers.unwrap_or_else(|| vec![tier.to_owned()]);
        // Real browsers tell the front end's figures, whether or not the stack has such a tier.
        let is_browsed = tier == PageFigure::TIER
            && !scenario.browsers.is_empty()
            && PageFigure::of_row(metric).is_some();
        if is_browsed || known.iter().any(|known| known == tier) && !metric.is_empty() {
            return Some(observed(tier, metric));
        }
        let kind = ProblemKind::UnknownName { what: "tier", name: tier.to_owned(), known };
        problems.report(name.span, kind);
        return None;
    }
    let known = KNOWN.iter().map(|known| (*known).to_owned()).collect();
    let kind = ProblemKind::UnknownMetric { name: text.to_owned(), known };
    problems.report(name.span, kind);
    None
}

fn plain_metric(text: &str) -> Option<ObjectiveMetric<'static>> {
    let (measure, unit, bound) = match text {
        "mean" => (Measure::MeanResponseTime, ObjectiveUnit::Time, Bound::AtMost),
        "error_rate" => (Measure::ErrorRate, ObjectiveUnit::Share, Bound::AtMost),
        "uptime" => (Measure::Uptime, ObjectiveUnit::Share, Bound::AtLeast),
        "throughput" => (Measure::Throughput, ObjectiveUnit::RequestRate, Bound::AtLeast),
        _ => match CustomMeasure::from_word(text) {
            Some(custom) => {
                let (unit, bound) = match custom {
                    CustomMeasure::Recover => (ObjectiveUnit::Time, Bound::AtMost),
                    CustomMeasure::AchievedRate | CustomMeasure::Goodput => {
                        (ObjectiveUnit::Share, Bound::AtLeast)
                    }
                    CustomMeasure::Failures => (ObjectiveUnit::RequestRate, Bound::AtMost),
                    CustomMeasure::MessageRate => (ObjectiveUnit::MessageRate, Bound::AtLeast),
                    CustomMeasure::RebufferRatio => (ObjectiveUnit::Share, Bound::AtMost),
                };
                (Measure::Custom(custom), unit, bound)
            }
            None => (Measure::ResponseTime(quantile(text)?), ObjectiveUnit::Time, Bound::AtMost),
        },
    };
    Some(ObjectiveMetric { meant: Meant::Measure(measure), unit, bound: Some(bound) })
}

/// `connect.p95`, `iteration.p95`, `first_event.p95`.
fn dotted_metric(text: &str) -> Option<ObjectiveMetric<'_>> {
    let (subject, quantile_text) = text.split_once('.')?;
    let q = quantile(quantile_text)?;
    let phase = Phase::ALL.iter().find(|phase| phase.name() == subject);
    let meant = match (phase, subject) {
        (Some(phase), _) => Meant::Measure(Measure::Phase(*phase, q)),
        (None, "iteration") => Meant::Measure(Measure::IterationTime(q)),
        (None, name) if CUSTOM_TIMES.contains(&name) => Meant::PartOfStep(name, q),
        _ => return None,
    };
    Some(ObjectiveMetric { meant, unit: ObjectiveUnit::Time, bound: Some(Bound::AtMost) })
}

/// A metric of the stack. A bare `70` of something that has a unit could mean anything, so it is refused.
fn observed(tier: &str, metric: &str) -> ObjectiveMetric<'static> {
    let words = |wanted: &[&str]| metric.split('_').any(|word| wanted.contains(&word));
    let is_time = words(&["lag", "latency", "time", "duration"])
        || metric.split('_').any(|word| quantile(word).is_some());
    let of_page = PageFigure::of_row(metric).filter(|_| tier == PageFigure::TIER);
    let unit = if is_time || of_page.is_some_and(|figure| figure != PageFigure::Cls) {
        ObjectiveUnit::Time
    } else if words(&["cpu", "memory", "disk", "ratio", "network", "share", "used"]) {
        ObjectiveUnit::NoCount
    } else {
        ObjectiveUnit::Any
    };
    let measure = Measure::Observed(tier.to_owned(), metric.to_owned());
    ObjectiveMetric { meant: Meant::Measure(measure), unit, bound: None }
}

/// `p95` is 0.95, `p99.9` is 0.999.
fn quantile(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('p')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let percent: f64 = digits.parse().ok()?;
    // Rounded, because 99.9 / 100 is not the double nearest to 0.999.
    let share = (percent * 1e7).round() / 1e9;
    (share > 0.0 && share < 1.0).then_some(share)
}

fn quantity(
    text: &Spanned<String>,
    unit: ObjectiveUnit,
    problems: &mut Problems,
) -> Option<Quantity> {
    let written = text.value.trim_start_matches(['<', '>', '=', ' ']);
    let parsed: Result<Quantity, ParseUnitError> = match unit {
        ObjectiveUnit::Time => written.parse::<Nanos>().map(Quantity::Time),
        ObjectiveUnit::Share => written.parse::<Ratio>().map(Quantity::Share),
        ObjectiveUnit::RequestRate => match written.parse::<WorkRate>() {
            Ok(WorkRate { rate, unit: RateUnit::Requests }) => Ok(Quantity::Rate(rate)),
            Ok(WorkRate { unit: RateUnit::Iterations, .. }) => {
                Err(ParseUnitError::UnknownUnit { unit: "iter/s".to_owned(), expected: "req/s" })
            }
            Err(error) => Err(error),
        },
        ObjectiveUnit::MessageRate => message_rate(written),
        ObjectiveUnit::Any | ObjectiveUnit::NoCount => written.parse(),
    };
    match parsed {
        Ok(Quantity::Count(_)) if unit == ObjectiveUnit::NoCount => {
            let (found, example) = (text.value.clone(), "70% or 512 MiB");
            problems.report(text.span, ProblemKind::MetricNeedsUnit { found, example });
            None
        }
        Ok(quantity) => Some(quantity),
        Err(error) => {
            let found = text.value.clone();
            problems.report(text.span, ProblemKind::BadUnit { found, error });
            None
        }
    }
}

/// `0.5 msg/s`; events are counted like messages.
fn message_rate(text: &str) -> Result<Quantity, ParseUnitError> {
    const KNOWN: &str = "msg/s, msg/min or msg/h";
    let (number, unit) = text.split_once(|c: char| c.is_whitespace()).unwrap_or((text, ""));
    let per = match unit.trim() {
        "msg/s" => "req/s",
        "msg/min" => "req/min",
        "msg/h" => "req/h",
        "" => return Err(ParseUnitError::NoUnit { example: "0.5 msg/s" }),
        other => {
            return Err(ParseUnitError::UnknownUnit { unit: other.to_owned(), expected: KNOWN });
        }
    };
    let rate: WorkRate = format!("{number} {per}").parse()?;
    Ok(Quantity::Rate(rate.rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_read_to_the_nearest_double() {
        assert_eq!(quantile("p99.9"), Some(0.999));
        assert_eq!(quantile("p50"), Some(0.5));
        for wrong in ["p100", "p0", "p", "p9x", "95", "pi"] {
            assert_eq!(quantile(wrong), None, "{wrong}");
        }
    }
}
