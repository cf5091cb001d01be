//! A run as lines of JSON, schema `plimsoll.events/1`: its start, each second, whatever happens, its end and
//! its verdict.
//!
//! Small and easy to follow by `tail -f` and a script; the run log beside it holds the histograms.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::seconds;
use crate::{Report, exemplars, format, wording};
use plimsoll_metrics::{
    Counts, Distribution, Event, EventKind, Interval, PageDoubt, PageLoad, ReadingRef, RunEnd,
    RunHeader, SparseDistribution, StopReason,
};
use plimsoll_units::Nanos;

/// The schema of the first line.
pub const SCHEMA: &str = "plimsoll.events/1";

/// The first line.
pub fn start(header: &RunHeader) -> String {
    let planned: Nanos = header.stages.iter().map(|stage| stage.duration).sum();
    line(&json!({
        "event": "start",
        "schema": SCHEMA,
        "system": header.name,
        "workload": header.workload,
        "target": header.target,
        "started_utc": header.started_utc,
        "seed": header.seed,
        "planned_s": planned.as_secs_f64(),
    }))
}

/// One second.
pub fn second(header: &RunHeader, interval: &Interval) -> String {
    let length = interval.length().as_secs_f64().max(1e-9);
    let mut response = Distribution::new();
    let counts = Counts::of(interval);
    let failures = counts.failures();
    let errors: BTreeMap<&str, u64> =
        failures.iter().map(|(class, count)| (class.name(), *count)).collect();
    let mut steps = Map::new();
    for step in interval.steps.values() {
        response.merge_sparse(&step.times().successes());
    }
    for (id, step) in interval.steps.iter().chain(&interval.logical) {
        let known = header.steps.get(usize::from(id.0));
        let name = known.map_or_else(|| format!("step {}", id.0), |step| step.name.clone());
        let times = step.times().successes();
        let told = json!({
            "requests": step.requests,
            "failed": step.failed(),
            "p50_ms": quantile_ms(&times, 0.5),
            "p95_ms": quantile_ms(&times, 0.95),
            "p99_ms": quantile_ms(&times, 0.99),
        });
        steps.insert(name, told);
    }
    let response = response.to_sparse();
    line(&json!({
        "event": "second",
        "at_s": seconds(interval.end),
        "requests_per_s": interval.requests() as f64 / length,
        "failed": counts.failed(),
        "errors": errors,
        "arrivals": interval.arrivals.intended,
        "dropped": interval.arrivals.dropped,
        "in_flight": interval.in_flight,
        "users": interval.vus,
        "p50_ms": quantile_ms(&response, 0.5),
        "p95_ms": quantile_ms(&response, 0.95),
        "p99_ms": quantile_ms(&response, 0.99),
        "schedule_lag_p99_ms": quantile_ms(&interval.schedule_lag, 0.99),
        "steps": steps,
        "stack": stack(interval),
    }))
}

/// `{"api.cpu": 0.42}`, in base units; a replica of its own as `api.cpu[2]`. Missing data is null, never zero.
fn stack(interval: &Interval) -> Json {
    let mut stack = Map::new();
    for reading in interval.readings.iter() {
        stack.insert(name(&reading), json!(reading.value.map(plimsoll_units::Quantity::base)));
    }
    Json::Object(stack)
}

/// What a metric of the stack is called in the events.
pub(super) fn name(reading: &ReadingRef<'_>) -> String {
    let replica = match reading.replica {
        "" => String::new(),
        replica => format!("[{replica}]"),
    };
    format!("{}.{}{replica}", reading.tier, reading.metric)
}

/// Something happened.
pub fn note(header: &RunHeader, event: &Event) -> String {
    let (kind, text) = match &event.kind {
        EventKind::Mark(text) => ("mark", text.clone()),
        EventKind::Hook(text) => ("hook", text.clone()),
        EventKind::Steered(text) => ("steered", text.clone()),
        EventKind::SourceError(source) => ("source_error", source.to_string()),
        EventKind::Exemplar(one) => {
            let step = header.steps.get(usize::from(one.step.0));
            let step = step.map_or("?", |step| step.name.as_str());
            let id = if one.correlation.is_empty() { "" } else { ", " };
            let (time, id) = (format::time(one.response_time), format!("{id}{}", one.correlation));
            ("exemplar", format!("{step}: {time}, {}{id}", exemplars::spent(one)))
        }
        EventKind::Warning(text) => ("warning", text.clone()),
        EventKind::Aborted(note) => ("aborted", note.to_string()),
        EventKind::Failure(example) => {
            let step = header.steps.get(usize::from(example.step.0));
            let step = step.map_or("?", |step| step.name.as_str());
            ("failure", format!("{step}: {}: {}", example.class, example.message))
        }
    };
    line(&json!({ "event": "note", "at_s": seconds(event.at), "kind": kind, "text": text }))
}

/// A real browser loaded a page.
pub fn page(load: &PageLoad) -> String {
    let figures = load.times.iter();
    let figures =
        figures.map(|(figure, time)| (format!("{figure}_ms"), json!(time.as_millis_f64())));
    line(&json!({
        "event": "page",
        "at_s": seconds(load.at),
        "page": load.page,
        "idle": load.idle,
        "status": load.status,
        "failure": load.failure,
        "left_out": load.doubt.map(PageDoubt::word),
        "figures": figures.collect::<Map<_, _>>(),
        "cls": load.cls,
        "bytes": load.bytes,
        "requests": load.requests,
        "script_errors": load.script_errors,
    }))
}

/// The run is over; `lost` lines could not be written in time.
pub fn end(end: &RunEnd, lost: u64) -> String {
    let reason = match end.reason {
        StopReason::Finished => "finished",
        StopReason::Interrupted => "interrupted",
        StopReason::Aborted => "aborted",
        StopReason::UsedUp => "used_up",
    };
    line(&json!({
        "event": "end", "at_s": seconds(end.at), "reason": reason, "lost_lines": lost,
    }))
}

/// What the run came to.
pub fn verdict(report: &Report, exit_code: u8) -> String {
    line(&json!({
        "event": "verdict",
        "verdict": wording::verdict_key(report.judgement.verdict),
        "validity": wording::validity_key(report.judgement.validity.status),
        "sentence": wording::sentence(report),
        "exit_code": exit_code,
    }))
}

fn quantile_ms(times: &SparseDistribution, quantile: f64) -> Option<f64> {
    (!times.is_empty()).then(|| times.quantile(quantile).as_millis_f64())
}

fn line(object: &Json) -> String {
    format!("{object}\n")
}
