//! The tables of a report as rows of finished text, shared by terminal, Markdown and HTML.

use serde::Serialize;
use std::borrow::Cow;

use super::format;
use super::model::{ErrorGroup, Report};
use super::totals::{PartTotals, is_enough};
use super::wording;
use plimsoll_metrics::{Bound, Distribution, EventKind, Scope, Tally};
use plimsoll_slo::JudgedObjective;
use plimsoll_units::Nanos;

/// What stands where there is nothing to say.
pub(super) const NONE: &str = "–";
/// Longest name or message in a table.
const TEXT_LIMIT: usize = 160;

/// A source that fails every second must not fill the report.
const MOST_EVENTS: usize = 200;

/// One row of the SLO table.
#[derive(Debug, Serialize)]
pub(super) struct SloRow {
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) target: String,
    pub(super) limit: String,
    pub(super) estimate: String,
    pub(super) interval: String,
    pub(super) status: &'static str,
    pub(super) symbol: &'static str,
    pub(super) key: &'static str,
    pub(super) note: String,
}

/// What the column of hard bounds is called.
pub(super) fn limit_head(report: &Report) -> &'static str {
    let objectives = &report.judgement.objectives;
    let all_at_most = objectives.iter().all(|judged| judged.objective.bound == Bound::AtMost);
    if all_at_most { "max" } else { "max or min" }
}

/// The SLO table in the scenario's order.
pub(super) fn slo(report: &Report) -> Vec<SloRow> {
    report.judgement.objectives.iter().map(slo_row).collect()
}

pub(super) fn slo_row(judged: &JudgedObjective) -> SloRow {
    let objective = &judged.objective;
    let sign = match objective.bound {
        Bound::AtMost => "≤",
        Bound::AtLeast => "≥",
    };
    let bound = |value: Option<_>| {
        value.map_or(NONE.to_owned(), |value| format!("{sign} {}", format::bound(value)))
    };
    let interval = judged.interval.map_or(NONE.to_owned(), |(low, high)| {
        format!("{} … {}", format::estimate(low), format::estimate(high))
    });
    let unknown = || format!("n/a (n={})", judged.samples);
    SloRow {
        name: wording::own_name(judged, TEXT_LIMIT),
        scope: match &objective.scope {
            Scope::Run => "whole run".to_owned(),
            scope => format::line(&scope.to_string(), TEXT_LIMIT),
        },
        target: bound(objective.target),
        limit: bound(objective.limit),
        estimate: judged.estimate.map_or_else(unknown, format::estimate),
        interval,
        status: wording::status(judged.status),
        symbol: wording::status_symbol(judged.status),
        key: wording::status_key(judged.status),
        note: format::message(&judged.note),
    }
}

/// One row of the table of steps, scenarios or tags.
#[derive(Debug, Serialize)]
pub(super) struct StepRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) requests: String,
    pub(super) rate: String,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
    pub(super) max: String,
    pub(super) service_p99: String,
    pub(super) errors: String,
    pub(super) failed: bool,
}

/// One row a step, in the scenario's order; steps never reached included.
pub(super) fn steps(report: &Report) -> Vec<StepRow> {
    let nothing = Tally::default();
    let row = |id| {
        let totals = report.shown.steps.get(&id).unwrap_or(&nothing);
        let info = report.header.steps.get(usize::from(id.0));
        let kind = info.map_or(String::new(), |info| info.kind.to_string());
        totals_row(&report.step_name(id), kind, totals, &report.shown)
    };
    report.step_ids().into_iter().map(row).collect()
}

/// One row a tag.
pub(super) fn tags(report: &Report) -> Vec<StepRow> {
    let rows = report.shown.tags.iter();
    let name = |tag| format!("tag {tag}");
    rows.map(|(tag, totals)| totals_row(&name(tag), String::new(), totals, &report.shown)).collect()
}

/// The row below: all requests together.
pub(super) fn all_steps(report: &Report) -> StepRow {
    totals_row("all steps", String::new(), &report.shown.run, &report.shown)
}

fn totals_row(name: &str, kind: String, totals: &Tally, part: &PartTotals) -> StepRow {
    let response = totals.success_time();
    StepRow {
        name: format::line(name, TEXT_LIMIT),
        kind,
        requests: format::count(totals.counts.requests),
        rate: format::rate(part.rate_of(totals.counts.requests)),
        p50: quantile(&response, 0.5),
        p95: quantile(&response, 0.95),
        p99: quantile(&response, 0.99),
        max: greatest(&response),
        service_p99: quantile(&totals.service_time, 0.99),
        errors: match totals.counts.failed() {
            0 => "0".to_owned(),
            _ => format::share(totals.counts.error_rate()),
        },
        failed: totals.counts.failed() > 0,
    }
}

/// One line a stream: how many there were, what came in them and how often.
pub(super) fn streams(report: &Report) -> Vec<String> {
    let line = |id| {
        let totals = report.shown.steps.get(&id)?;
        let open =
            totals.success_time().mean().as_secs_f64() * totals.success_time().count() as f64;
        let each = totals.counts.messages as f64 / totals.counts.requests.max(1) as f64;
        (totals.counts.messages > 0).then(|| {
            format!(
                "{}: {} in {} streams, {} in each, {} /s while open",
                report.step_name(id),
                format::count(totals.counts.messages),
                format::count(totals.counts.requests),
                format::significant(each, 3),
                format::significant(totals.counts.messages as f64 / open.max(f64::MIN_POSITIVE), 3),
            )
        })
    };
    report.step_ids().into_iter().filter_map(line).collect()
}

/// Why quantiles of steps are not there, if any is missing: none of the requests succeeded, or too few.
pub(super) fn missing_quantiles(report: &Report) -> Option<String> {
    let times = |id| report.shown.steps.get(&id).filter(|totals| totals.counts.requests > 0);
    let (failed, few): (Vec<_>, Vec<_>) = report
        .step_ids()
        .into_iter()
        .filter(|&id| {
            quantile(&times(id).map(Tally::success_time).unwrap_or_default(), 0.99) == "n/a"
        })
        .partition(|&id| times(id).is_some_and(|totals| totals.success_time().is_empty()));
    let names: Vec<String> =
        failed.iter().take(3).map(|&id| format::line(&report.step_name(id), 40)).collect();
    let others = match failed.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let none = if failed.len() == report.step_ids().len() {
        "no request succeeded".to_owned()
    } else {
        format!("no request of {}{others} succeeded", names.join(", "))
    };
    match (failed.is_empty(), few.is_empty()) {
        (true, true) => None,
        (true, false) => Some("n/a: too few requests for this quantile".to_owned()),
        (false, true) => Some(format!("n/a: {none}")),
        (false, false) => {
            Some(format!("n/a: {none}; elsewhere, too few requests for this quantile"))
        }
    }
}

/// One line a step that had failures: how long these took. The tables' times are those of successes.
pub(super) fn failed_times(report: &Report) -> Vec<String> {
    let line = |id| {
        let times = &report.shown.steps.get(&id)?.failed_time;
        (!times.is_empty()).then(|| {
            format!(
                "failures of {}: {}, p50 {}, p95 {}, max {}",
                format::line(&report.step_name(id), 60),
                format::count(times.count()),
                quantile(times, 0.5),
                quantile(times, 0.95),
                greatest(times)
            )
        })
    };
    report.step_ids().into_iter().filter_map(line).collect()
}

/// A quantile as text; `n/a` of too few values.
pub(super) fn quantile(times: &Distribution, q: f64) -> String {
    if is_enough(times.count(), q) { format::time(times.quantile(q)) } else { "n/a".to_owned() }
}

fn greatest(times: &Distribution) -> String {
    if times.is_empty() { "n/a".to_owned() } else { format::time(times.max()) }
}

/// One row a scenario.
#[derive(Debug, Serialize)]
pub(super) struct ScenarioRow {
    pub(super) name: String,
    pub(super) share: String,
    pub(super) started: String,
    pub(super) completed: String,
    pub(super) failed: String,
    pub(super) dropped: String,
    pub(super) iteration_p50: String,
    pub(super) iteration_p95: String,
    pub(super) response_p99: String,
}

/// One row a scenario, in the file's order.
pub(super) fn scenarios(report: &Report) -> Vec<ScenarioRow> {
    let nothing = plimsoll_metrics::Tally::default();
    let row = |id: plimsoll_metrics::ScenarioId| {
        let totals = report.shown.scenarios.get(&id).unwrap_or(&nothing);
        let info = report.header.scenarios.get(usize::from(id.0));
        ScenarioRow {
            name: format::line(&report.scenario_name(id), TEXT_LIMIT),
            share: info.map_or(NONE.to_owned(), |info| format::share(info.share)),
            started: format::count(totals.counts.arrivals.started),
            completed: format::count(totals.counts.arrivals.completed),
            failed: format::count(totals.counts.arrivals.failed),
            dropped: format::count(totals.counts.arrivals.dropped),
            iteration_p50: quantile(&totals.iteration_time, 0.5),
            iteration_p95: quantile(&totals.iteration_time, 0.95),
            response_p99: quantile(&totals.success_time(), 0.99),
        }
    };
    report.scenario_ids().into_iter().map(row).collect()
}

/// One row an error class.
#[derive(Debug, Serialize)]
pub(super) struct ErrorRow {
    pub(super) class: &'static str,
    pub(super) count: String,
    pub(super) share: String,
    pub(super) outside: String,
    pub(super) steps: String,
    pub(super) example: String,
    pub(super) generator_fault: bool,
}

/// One row an error class, most frequent first.
pub(super) fn errors(report: &Report) -> Vec<ErrorRow> {
    report.errors.iter().map(|group| error_row(report, group)).collect()
}

fn error_row(report: &Report, group: &ErrorGroup) -> ErrorRow {
    let of_step = |&(id, count): &(_, u64)| {
        format!("{} {}", format::line(&report.step_name(id), 40), format::count(count))
    };
    let mut steps: Vec<String> = group.steps.iter().take(3).map(of_step).collect();
    if group.steps.len() > 3 {
        steps.push(format!("{} more", group.steps.len() - 3));
    }
    let example = group.example.as_ref().map_or(NONE.to_owned(), |example| {
        let message = format::line(&example.message, TEXT_LIMIT);
        let step = format::line(&report.step_name(example.step), 40);
        match example.status {
            0 => format!("{step}: {message}"),
            status => format!("{step}: {status} {message}"),
        }
    });
    ErrorRow {
        class: group.class.name(),
        count: format::count(group.count),
        share: format::share(plimsoll_units::Ratio::of(
            group.count,
            report.shown.run.counts.attempts(),
        )),
        outside: format::count(group.count_whole - group.count),
        steps: steps.join(", "),
        example,
        generator_fault: group.class.is_client_fault(),
    }
}

/// Response time beside service time at one quantile.
#[derive(Debug, Serialize)]
pub(super) struct TimeRow {
    pub(super) quantile: &'static str,
    /// Of successes.
    pub(super) response: String,
    /// Of failed requests.
    pub(super) failed: String,
    /// Of all requests.
    pub(super) service: String,
    /// By how much the response time of all requests exceeds that.
    pub(super) hidden: String,
}

/// What is of what in the table of both clocks, where requests failed.
pub(super) const OF_ALL: &str = "Response times are those of successes; service times, and what they hide, those of all requests.";

/// Whether there are failures whose times can be shown beside those of successes.
pub(super) fn has_failed_times(report: &Report) -> bool {
    !report.shown.run.failed_time.is_empty()
}

/// Mean, quantiles and maximum of both clocks.
pub(super) fn times(report: &Report) -> Vec<TimeRow> {
    const QUANTILES: [(&str, f64); 5] =
        [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];
    let run = &report.shown.run;
    let successes = run.success_time();
    let at = |times: &Distribution, q: f64| quantile(times, q);
    let row = |(name, q): &(&'static str, f64)| {
        let known = run.response_time.count() as f64 * (1.0 - q) >= 1.0 - 1e-9;
        let both = known.then(|| (run.response_time.quantile(*q), run.service_time.quantile(*q)));
        time_row(name, [at(&successes, *q), at(&run.failed_time, *q)], both)
    };
    let mean = |times: &Distribution| {
        if times.is_empty() { "n/a".to_owned() } else { format::time(times.mean()) }
    };
    let some = !run.response_time.is_empty();
    let both = some.then(|| (run.response_time.mean(), run.service_time.mean()));
    let mut rows = vec![time_row("mean", [mean(&successes), mean(&run.failed_time)], both)];
    rows.extend(QUANTILES.iter().map(row));
    let both = some.then(|| (run.response_time.max(), run.service_time.max()));
    rows.push(time_row("max", [greatest(&successes), greatest(&run.failed_time)], both));
    rows
}

/// `both` are response and service time of all requests.
fn time_row(
    quantile: &'static str,
    [response, failed]: [String; 2],
    both: Option<(Nanos, Nanos)>,
) -> TimeRow {
    TimeRow {
        quantile,
        response,
        failed,
        service: both.map_or_else(|| "n/a".to_owned(), |(_, service)| format::time(service)),
        hidden: both.map_or_else(String::new, |(response, service)| hidden(response, service)),
    }
}

/// How much the service time hides: `+1.2 ms`, and the factor where it is large.
fn hidden(response: Nanos, service: Nanos) -> String {
    let gap = response.saturating_sub(service);
    // Below 1 % the two clocks agree within the histogram's own error.
    if gap.get() * 100 <= response.get() {
        return "same".to_owned();
    }
    let factor = response.get() as f64 / (service.get() as f64).max(1.0);
    let times = if factor >= 2.0 {
        format!(" ({}×)", format::significant(factor, 2))
    } else {
        String::new()
    };
    format!("+{}{times}", format::time(gap))
}

/// An event as a row.
#[derive(Debug, Serialize)]
pub(super) struct EventRow {
    pub(super) at: String,
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// All events but failures.
pub(super) fn events(report: &Report) -> Vec<EventRow> {
    let row = |event: &plimsoll_metrics::Event| {
        let (kind, text) = event_text(&event.kind);
        EventRow { at: format::moment(event.at), kind, text: format::line(&text, 300) }
    };
    let mut rows: Vec<EventRow> = report.events.iter().take(MOST_EVENTS).map(row).collect();
    let left_out = report.events.len() - rows.len();
    if left_out > 0 {
        let text = format!("{} more events stand in run.jsonl", format::count(left_out as u64));
        rows.push(EventRow { at: NONE.to_owned(), kind: "", text });
    }
    rows
}

/// The kind of an event and its words.
pub(super) fn event_text(kind: &EventKind) -> (&'static str, Cow<'_, str>) {
    match kind {
        EventKind::Mark(text) => ("mark", text.into()),
        EventKind::Hook(text) => ("hook", text.into()),
        EventKind::Steered(text) => ("steered", text.into()),
        EventKind::SourceError(source) => ("source error", source.to_string().into()),
        EventKind::Exemplar(one) => ("exemplar", (&one.correlation).into()),
        EventKind::Failure(example) => ("failure", (&example.message).into()),
        EventKind::Warning(text) => ("warning", text.into()),
        EventKind::Aborted(note) => ("aborted", note.to_string().into()),
    }
}
