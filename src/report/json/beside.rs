//! The stack's own metrics and availability, for machines.

use serde_json::{Value, json};

use super::super::model::Report;
use super::super::stack_figure::StackFigure;
use super::values::{number, rounded, unit};
use plimsoll_metrics::{LifecycleNote, LifecycleStep};
use plimsoll_slo::Incident;
use plimsoll_units::{Nanos, RunTime};

/// One metric of one replica.
pub(super) fn figure(figure: &StackFigure) -> Value {
    json!({
        "tier": figure.tier,
        "metric": figure.metric,
        "replica": if figure.replica.is_empty() { Value::Null } else { json!(figure.replica) },
        "mean": figure.mean.map(number),
        "peak": figure.peak.map(number),
        "unit": figure.mean.map(unit),
        "readings": figure.readings,
        "without_data": figure.missing,
    })
}

/// What was served, what the probes saw, and every incident.
pub(super) fn availability(report: &Report) -> Value {
    let found = &report.availability;
    let probe = |probe: &plimsoll_slo::ProbeShare| json!({ "path": probe.path, "probes": probe.probes, "up": probe.up });
    json!({
        "requests": found.requests,
        "unserved": found.unserved,
        "served": found.served().map(|share| (share.get() * 1e9).round() / 1e9),
        "probes": found.probes.iter().map(probe).collect::<Vec<_>>(),
        "incidents": found.incidents.iter().map(incident).collect::<Vec<_>>(),
    })
}

fn incident(incident: &Incident) -> Value {
    let seconds = |span: Nanos| rounded(span.as_secs_f64());
    let moment = |at: RunTime| rounded(at.as_secs_f64());
    json!({
        "what": incident.what,
        "first_sign_s": moment(incident.begin),
        "well_again_s": incident.end.map(moment),
        "time_to_detect_s": incident.time_to_detect().map(seconds),
        "time_to_recover_s": incident.time_to_recover().map(seconds),
        "requests_lost": if incident.is_of_service() { json!(incident.lost) } else { Value::Null },
        "mark": incident.mark.as_ref().map(|(at, text)| json!({ "at_s": moment(*at), "text": text })),
    })
}

/// What was done once for the run.
pub(super) fn lifecycle(report: &Report) -> Value {
    let note = |note: &LifecycleNote| {
        let step = |step: &LifecycleStep| {
            let mean = step.time.as_millis_f64() / step.requests.max(1) as f64;
            json!({
                "name": step.name,
                "requests": step.requests,
                "failed": step.failed,
                "mean_service_time_ms": rounded(mean),
            })
        };
        json!({
            "part": note.part.word(),
            "shard": note.shard,
            "duration_s": rounded(note.took.as_secs_f64()),
            "requests": note.requests(),
            "failed": note.failed(),
            "failure": note.failure,
            "steps": note.steps.iter().map(step).collect::<Vec<_>>(),
        })
    };
    report.lifecycle.iter().map(note).collect()
}
