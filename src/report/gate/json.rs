//! The gate as one JSON verdict, schema `plimsoll.gate/1`.

use serde_json::{Value, json};

use super::super::wording;
use super::answer::{BaselineComparison, GateReport, GatedRun};
use super::objectives::objectives;
use super::words;
use plimsoll_slo::gate::{GateComparison, GateMetric, GateRow};
use plimsoll_slo::regression::RegressionVerdict;
use plimsoll_units::{Nanos, Quantity};

/// The schema written here.
const SCHEMA: &str = "plimsoll.gate/1";

/// Renders the verdict, indented, with a final line feed. Times are seconds, shares are of 1.
pub fn render(report: &GateReport) -> String {
    let document = json!({
        "schema": SCHEMA,
        "system": report.system,
        "workload": report.workload,
        "outcome": report.outcome(),
        "exit_code": report.exit_code(),
        "sentence": words::sentence(report),
        "runs": report.runs.iter().map(run).collect::<Vec<Value>>(),
        "objectives": slo(report),
        "comparison": compared(&report.compared),
    });
    // Cannot fail: every key is a string.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn run(run: &GatedRun) -> Value {
    let validity = &run.judgement.validity;
    json!({
        "run": run.label,
        "started_utc": run.started_utc,
        "verdict": wording::verdict_key(run.judgement.verdict),
        "validity": wording::validity_key(validity.status),
        "reasons": validity.reasons().collect::<Vec<&str>>(),
    })
}

fn slo(report: &GateReport) -> Vec<Value> {
    objectives(report)
        .iter()
        .map(|one| {
            let objective = &one.worst.objective;
            json!({
                "name": objective.name,
                "scope": objective.scope.to_string(),
                "by_default": one.worst.by_default,
                "status": wording::status_key(one.worst.status),
                "runs_with_this_status": one.alike,
                "runs_judged": one.judged,
                "worst_run": one.run.label,
                "estimate": one.worst.estimate.map(Quantity::base),
                "target": objective.target.map(Quantity::base),
                "limit": objective.limit.map(Quantity::base),
            })
        })
        .collect()
}

fn compared(compared: &BaselineComparison) -> Value {
    match compared {
        BaselineComparison::NotAsked => Value::Null,
        BaselineComparison::NotMade(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            json!({ "verdict": "not_made", "reasons": reasons })
        }
        BaselineComparison::Made { comparison, waived } => {
            let mut made = comparison_value(comparison);
            made["waived"] = waived.iter().map(ToString::to_string).collect();
            made
        }
    }
}

fn comparison_value(comparison: &GateComparison) -> Value {
    json!({
        "verdict": comparison.verdict,
        "baseline_runs": comparison.runs.0,
        "candidate_runs": comparison.runs.1,
        "more_runs": comparison.more_runs,
        "longer_runs_s": comparison.longer_runs().map(Nanos::as_secs_f64),
        "effect_min": comparison.effect_min,
        "effect_named": comparison.effect_named,
        "quantile_resolution": 0.001,
        "rows": comparison.rows.iter().map(row).collect::<Vec<Value>>(),
        "left_out": comparison.left_out,
        "judged_only": comparison.judged_only,
    })
}

fn row(row: &GateRow) -> Value {
    let regression = &row.regression;
    let (verdict, more) = match regression.verdict {
        RegressionVerdict::Regressed => ("regressed", 0),
        RegressionVerdict::NotRegressed => ("not_regressed", 0),
        RegressionVerdict::NeedMoreRuns { more } => ("need_more_runs", more),
    };
    json!({
        "step": row.step,
        "metric": row.metric,
        "of": (row.metric != GateMetric::ErrorRate).then_some(row.of),
        "pooled_runs": (row.pooled != (0, 0)).then_some(row.pooled),
        "decides": row.decides,
        "unit": if row.metric == GateMetric::ErrorRate { "share" } else { "s" },
        "verdict": verdict,
        "baseline": row.baseline,
        "candidate": row.candidate,
        "scale": regression.scale,
        "effect": regression.effect,
        "interval": regression.interval,
        "p": regression.p,
        "p_adjusted": regression.p_adjusted,
        "more_runs": more,
        "smallest_effect": regression.smallest_effect,
    })
}
