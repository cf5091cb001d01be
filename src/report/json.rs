//! `result.json`, schema `plimsoll.result/1`: the run for machines.
//!
//! Times are milliseconds rounded to the microsecond; `null` where nothing was measured. The figures speak of
//! the judged part; `load.requests`, `load.iterations` and everything under `whole_run` of the whole run.

mod beside;
mod cause;
mod pages;
mod split;
mod values;

use serde_json::{Value, json};

use values::{by_name, failed_times, ms, number, rounded, times, unit};

use super::model::{ErrorGroup, Report};
use super::totals::PartTotals;
use super::{ReportExtras, agents, rows, wording};
use plimsoll_metrics::{Bound, Distribution, LoadModel, Phase, Tally};
use plimsoll_slo::{HighestRate, JudgedObjective, RateBasis};
use plimsoll_units::Rate;

/// The schema written here.
pub const SCHEMA: &str = "plimsoll.result/1";

/// Renders `result.json`, indented, with a final line feed.
pub fn render(report: &Report, extra: &ReportExtras) -> String {
    // Cannot fail: every key is a string.
    let mut text = serde_json::to_string_pretty(&value(report, extra)).unwrap_or_default();
    text.push('\n');
    text
}

/// The document as a value.
pub fn value(report: &Report, extra: &ReportExtras) -> Value {
    let (header, shown) = (&report.header, &report.shown);
    let mut document = json!({
        "schema": SCHEMA,
        "name": header.name,
        "started_utc": header.started_utc,
        "duration_s": rounded(report.duration.as_secs_f64()),
        "verdict": wording::verdict_key(report.judgement.verdict),
        "validity": validity(report),
        "load": load(report),
        "response_time_ms": times(&shown.run.success_time()),
        "service_time_ms": times(&shown.run.service_time),
        "schedule_lag_ms": lag(&shown.schedule_lag),
        "errors": errors(&shown.run),
        "steps": steps(report, shown),
        "scenarios": scenarios(report),
        "objectives": report.judgement.objectives.iter().map(objective).collect::<Vec<_>>(),
        "tags": by_name(shown.tags.iter().map(|(tag, totals)| (tag.clone(), step(totals)))),
        "judged": judged(report),
        "whole_run": whole(report),
        "completion": completion(report),
        "cause": cause::value(&report.judgement),
        "failed_response_time_ms": failed_times(&shown.run),
        "default_objectives": report.judgement.by_default_table,
        "caveats": wording::caveats(report),
        "error_examples": report.errors.iter().map(|group| example(report, group)).collect::<Vec<_>>(),
        "stack": report.stack.iter().map(beside::figure).collect::<Vec<_>>(),
        "availability": beside::availability(report),
        "events": events(report),
        "generator": generator(report),
        "conditions": conditions(report),
    });
    if let (Some(found), Value::Object(fields)) = (&report.blue_green, &mut document) {
        fields.insert("blue_green".into(), split::value(found));
    }
    if let (false, Value::Object(fields)) = (report.pages.is_empty(), &mut document) {
        fields.insert("pages".into(), pages::value(report));
    }
    if let (false, Value::Object(fields)) = (report.lifecycle.is_empty(), &mut document) {
        fields.insert("lifecycle".into(), beside::lifecycle(report));
    }
    if let (false, Value::Object(fields)) = (header.shards.is_empty(), &mut document) {
        fields.insert("agents".into(), json!(agents::value(report)));
    }
    if let (Some(capacity), Value::Object(fields)) = (&extra.capacity, &mut document) {
        fields.insert("capacity".into(), json!(capacity));
    }
    document
}

fn validity(report: &Report) -> Value {
    let validity = &report.judgement.validity;
    let findings: Vec<Value> = validity
        .findings
        .iter()
        .map(|finding| {
            json!({
                "test": finding.test,
                "status": wording::validity_key(finding.status),
                "message": finding.message,
            })
        })
        .collect();
    json!({
        "status": wording::validity_key(validity.status),
        "reasons": validity.reasons().collect::<Vec<_>>(),
        "findings": findings,
        "overloaded": validity.overloaded,
        "rate_limited": validity.rate_limited,
        "rate_limit": validity.rate_limit.map(|limit| json!({
            "requests_per_s": limit.rate.get(),
            "addresses": limit.addresses,
            "burst_per_address": limit.burst,
            "quota_per_address": limit.quota,
        })),
        "highest_valid_rate": validity.highest_rate.map(highest_rate),
    })
}

fn highest_rate(highest: HighestRate) -> Value {
    let mut told = json!({
        "requests_per_s": highest.rate.get(),
        "basis": "measured",
        "seconds_kept": Value::Null,
        "seconds_near": Value::Null,
        "cpu_per_request_us": Value::Null,
    });
    match highest.basis {
        RateBasis::Measured { kept, seconds } => {
            told["seconds_kept"] = json!(kept);
            told["seconds_near"] = json!(seconds);
        }
        RateBasis::Estimated { cpu_per_request } => {
            told["basis"] = json!("estimated");
            told["cpu_per_request_us"] = json!(rounded(cpu_per_request.get() as f64 / 1e3));
        }
    }
    told
}

fn load(report: &Report) -> Value {
    let (shown, whole, header) = (&report.shown, &report.whole, &report.header);
    let (model, vus) = match header.model {
        LoadModel::Open => ("open", Value::Null),
        LoadModel::Closed { vus } => ("closed", json!(vus)),
    };
    let stage = |stage: &plimsoll_metrics::StageInfo| {
        json!({
            "from_iterations_per_s": rounded(stage.from.get()),
            "to_iterations_per_s": rounded(stage.to.get()),
            "duration_s": rounded(stage.duration.as_secs_f64()),
            "judged": stage.judged,
        })
    };
    let mut load = json!({
        "model": model,
        "intended_rate_per_s": report.intended_rate(shown).map(|rate| rounded(rate.get())),
        "achieved_rate_per_s": rounded(shown.rate().get()),
        "requests_after_end": shown.sent.map_or(0, |sent| sent.after_end),
        "requests": whole.run.counts.requests,
        "iterations": whole.run.counts.arrivals.started,
        "dropped_iterations": whole.run.counts.arrivals.dropped,
        "bytes_received": whole.run.counts.bytes_received,
        "bytes_sent": whole.run.counts.bytes_sent,
        "exchanges": whole.run.counts.exchanges,
        "reconnects": whole.run.counts.reconnects,
        "retries": whole.run.counts.retries,
        "completed_iterations": whole.run.counts.arrivals.completed,
        "failed_iterations": whole.run.counts.arrivals.failed,
        "unfinished_iterations": whole.run.counts.arrivals.unfinished,
        "intended_iterations": whole.run.counts.arrivals.intended,
        "intended_iterations_per_s": rounded(Rate::of(shown.run.counts.arrivals.intended, shown.span).get()),
        "started_iterations_per_s": rounded(Rate::of(shown.run.counts.arrivals.started, shown.span).get()),
        "arrivals": header.arrivals,
        "vus": vus,
        "peak_vus": whole.vus,
        "max_vus": header.max_vus,
        "peak_in_flight": whole.in_flight,
        "peak_connections": whole.connections,
        "steered": report.steering_acts > 0,
        "stages": header.stages.iter().map(stage).collect::<Vec<_>>(),
    });
    if !whole.opened.is_empty() {
        load["opened_connections"] = json!(whole.opened);
    }
    load
}

fn lag(lag: &Distribution) -> Value {
    let some = !lag.is_empty();
    let quantile = |q| some.then(|| ms(lag.quantile(q)));
    json!({ "p50": quantile(0.5), "p99": quantile(0.99), "max": some.then(|| ms(lag.max())) })
}

fn errors(totals: &Tally) -> Value {
    let measured = totals.counts.attempts() > 0;
    let rate = measured.then(|| (totals.counts.error_rate().get() * 1e9).round() / 1e9);
    let classes = totals.counts.failures();
    let classes = classes.iter().map(|(class, count)| (class.name().to_owned(), json!(count)));
    json!({ "rate": rate, "by_class": by_name(classes) })
}

fn step(totals: &Tally) -> Value {
    let phases = Phase::ALL.iter().filter_map(|phase| {
        let distribution = totals.phases.get(phase)?;
        Some((phase.name().to_owned(), times(distribution)))
    });
    let statuses =
        totals.counts.statuses.iter().map(|(status, count)| (status.to_string(), json!(count)));
    json!({
        "requests": totals.counts.requests,
        "response_time_ms": times(&totals.success_time()),
        "service_time_ms": times(&totals.service_time),
        "phases_ms": by_name(phases),
        "errors": errors(totals),
        "statuses": by_name(statuses),
        "bytes_received": totals.counts.bytes_received,
        "bytes_sent": totals.counts.bytes_sent,
        "exchanges": totals.counts.exchanges,
        "reconnects": totals.counts.reconnects,
        "retries": totals.counts.retries,
        "messages": totals.counts.messages,
        "failed_response_time_ms": failed_times(totals),
    })
}

fn steps(report: &Report, part: &PartTotals) -> Value {
    let nothing = Tally::default();
    let entry = |id| (report.step_name(id), step(part.steps.get(&id).unwrap_or(&nothing)));
    by_name(report.step_ids().into_iter().map(entry))
}

fn scenarios(report: &Report) -> Value {
    let nothing = plimsoll_metrics::Tally::default();
    let entry = |id| {
        let totals = report.shown.scenarios.get(&id).unwrap_or(&nothing);
        let rate = totals.counts.error_rate();
        let document = json!({
            "requests": totals.counts.requests,
            "iterations": totals.counts.arrivals.started,
            "completed_iterations": totals.counts.arrivals.completed,
            "failed_iterations": totals.counts.arrivals.failed,
            "dropped_iterations": totals.counts.arrivals.dropped,
            "unfinished_iterations": totals.counts.arrivals.unfinished,
            "response_time_ms": times(&totals.success_time()),
            "failed_response_time_ms": failed_times(totals),
            "iteration_time_ms": times(&totals.iteration_time),
            "errors": {
                "rate": (totals.counts.attempts() > 0).then(|| (rate.get() * 1e9).round() / 1e9),
                "requests": totals.counts.failed_requests(),
            },
        });
        (report.scenario_name(id), document)
    };
    by_name(report.scenario_ids().into_iter().map(entry))
}

fn objective(judged: &JudgedObjective) -> Value {
    let objective = &judged.objective;
    let (max, min) = match objective.bound {
        Bound::AtMost => (objective.limit, None),
        Bound::AtLeast => (None, objective.limit),
    };
    let some_quantity = judged.estimate.or(objective.limit).or(objective.target);
    json!({
        "name": objective.name,
        "scope": objective.scope.to_string(),
        "by_default": judged.by_default,
        "estimate": judged.estimate.map(number),
        "interval": judged.interval.map(|(low, high)| [number(low), number(high)]),
        "target": objective.target.map(number),
        "max": max.map(number),
        "status": wording::status_key(judged.status),
        "min": min.map(number),
        "unit": some_quantity.map(unit),
        "samples": judged.samples,
        "note": judged.note,
    })
}

fn judged(report: &Report) -> Value {
    let part = &report.shown;
    json!({
        "any": report.judged,
        "from_s": report.judged.then(|| rounded(part.from.as_secs_f64())),
        "to_s": report.judged.then(|| rounded(part.to.as_secs_f64())),
        "requests": if report.judged { part.run.counts.requests } else { 0 },
    })
}

fn whole(report: &Report) -> Value {
    let run = &report.whole.run;
    json!({
        "requests": run.counts.requests,
        "rate_per_s": rounded(report.whole.rate().get()),
        "response_time_ms": times(&run.success_time()),
        "failed_response_time_ms": failed_times(run),
        "service_time_ms": times(&run.service_time),
        "schedule_lag_ms": lag(&report.whole.schedule_lag),
        "errors": errors(run),
        "steps": steps(report, &report.whole),
    })
}

fn completion(report: &Report) -> Value {
    json!({
        "how": report.completion.name(),
        "planned_s": rounded(report.planned().as_secs_f64()),
        "torn_log": report.torn,
    })
}

fn example(report: &Report, group: &ErrorGroup) -> Value {
    json!({
        "class": group.class.name(),
        "requests": group.count_whole,
        "step": group.example.as_ref().map(|example| report.step_name(example.step)),
        "status": group.example.as_ref().map(|example| example.status),
        "message": group.example.as_ref().map(|example| &example.message),
    })
}

fn events(report: &Report) -> Vec<Value> {
    let event = |event: &plimsoll_metrics::Event| {
        let (kind, text) = rows::event_text(&event.kind);
        json!({ "at_s": rounded(event.at.as_secs_f64()), "kind": kind, "text": text })
    };
    report.events.iter().map(event).collect()
}

fn generator(report: &Report) -> Value {
    let load = report.whole.generator;
    let mut value = json!({
        "workers": report.header.workers,
        "worker_cpu_max": rounded(load.worker_cpu.get()),
        "process_cpu_max_cores": rounded(load.process_cpu.get()),
        "memory_max_bytes": load.memory,
    });
    if let (Some(used), Value::Object(fields)) = (&report.browsers, &mut value) {
        fields.insert("browsers".into(), pages::browsers(used));
    }
    value
}

fn conditions(report: &Report) -> Value {
    let header = &report.header;
    json!({
        "version": header.version,
        "workload": header.workload,
        "target": header.target,
        "scenario_hash": header.scenario_hash,
        // A string: a seed above 2^53 would lose digits in a JSON number.
        "seed": header.seed.to_string(),
        "shard": format!("{}/{}", header.shard.0 + 1, header.shard.1),
        "facts": by_name(header.conditions.iter().map(|(key, fact)| (key.clone(), json!(fact)))),
    })
}
