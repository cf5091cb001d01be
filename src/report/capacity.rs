//! A capacity result as text, read from the object `capacity` of `result.json`.
//!
//! The object comes from a file as well as from this process, so whatever is missing or of another kind is
//! shown as not known, and never stops a report.

use serde::Serialize;
use serde_json::Value;

use super::format;
use super::rows::NONE;
use crate::units::Ratio;

/// What a report shows of a capacity result.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct CapacityView {
    /// The line itself, requests per second.
    pub(super) slo_max: Option<f64>,
    /// SLO-max, bottleneck, recommendation, alert rate.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) recommendation: String,
    pub(super) tiers: Vec<TierRow>,
    pub(super) options: Vec<OptionRow>,
    pub(super) verified: Vec<VerifiedRow>,
    /// Throughput against response time, as measured on the way to the line.
    pub(super) curve: Vec<CurvePoint>,
}

/// One tier.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TierRow {
    pub(super) name: String,
    pub(super) demand: String,
    pub(super) interval: String,
    pub(super) ceiling: String,
}

/// One deployment that was weighed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OptionRow {
    pub(super) tiers: String,
    pub(super) kind: String,
    pub(super) slo_max: String,
    pub(super) interval: String,
    pub(super) p_slo_met: String,
    pub(super) cost: String,
    pub(super) n_plus_1: &'static str,
    pub(super) status: String,
    pub(super) reason: String,
}

impl OptionRow {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        let texts =
            [&self.tiers, &self.kind, &self.slo_max, &self.interval, &self.p_slo_met, &self.cost];
        let mut cells: Vec<String> = texts.into_iter().cloned().collect();
        cells.push(self.n_plus_1.to_owned());
        cells.extend([self.status.clone(), self.reason.clone()]);
        cells
    }
}

/// One prediction beside its measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct VerifiedRow {
    pub(super) tiers: String,
    pub(super) predicted: String,
    pub(super) measured: String,
    pub(super) error: String,
}

impl VerifiedRow {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        [&self.tiers, &self.predicted, &self.measured, &self.error].into_iter().cloned().collect()
    }
}

/// One measured step of the search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct CurvePoint {
    pub(super) rate_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) passed: bool,
}

impl CapacityView {
    /// Reads the object `capacity`.
    pub(super) fn read(value: &Value) -> Self {
        let recommendation = &value["recommendation"];
        Self {
            slo_max: value["slo_max_per_s"].as_f64(),
            facts: facts(value),
            recommendation: recommended(recommendation),
            tiers: named(&value["tiers"]).map(|(name, tier)| tier_row(name, tier)).collect(),
            options: items(&value["options"]).map(option_row).collect(),
            verified: items(&value["verified"]).map(verified_row).collect(),
            curve: items(&value["curve"]).filter_map(curve_point).collect(),
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn named(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::String(text) => format::line(text, 300),
        other => format::line(&other.to_string(), 300),
    }
}

fn number(value: &Value, unit: &str) -> String {
    value
        .as_f64()
        .map_or(NONE.to_owned(), |number| format!("{} {unit}", format::significant(number, 3)))
}

fn interval(value: &Value, unit: &str) -> String {
    match (value[0].as_f64(), value[1].as_f64()) {
        (Some(low), Some(high)) => {
            format!("{} … {} {unit}", format::significant(low, 3), format::significant(high, 3))
        }
        _ => NONE.to_owned(),
    }
}

fn money(value: &Value) -> String {
    value.as_f64().map_or(NONE.to_owned(), |dollars| {
        let whole = format::count(dollars.max(0.0) as u64);
        if dollars.fract() == 0.0 { format!("${whole}") } else { format!("${dollars:.2}") }
    })
}

fn facts(value: &Value) -> Vec<(&'static str, String)> {
    let mut facts = vec![(
        "SLO-max",
        format!(
            "{}, 95 % interval {}",
            number(&value["slo_max_per_s"], "req/s"),
            interval(&value["interval"], "req/s")
        ),
    )];
    facts.push(("bottleneck", text(&value["bottleneck"])));
    facts.push(("next bottleneck", text(&value["next_bottleneck"])));
    facts.push(("recommendation", recommended(&value["recommendation"])));
    facts.push(("alert at", number(&value["alert_rate_per_s"], "req/s")));
    facts
}

fn recommended(value: &Value) -> String {
    if value.is_null() {
        return NONE.to_owned();
    }
    let kind = text(&value["kind"]).to_uppercase();
    let cost = money(&value["monthly_cost"]);
    let reason = text(&value["reason"]);
    format!("{kind}: {} at {cost} a month. {reason}", tiers(&value["tiers"]))
}

/// `api 3, db 1`; a tier may be a number of replicas or an object with replicas and size.
fn tiers(value: &Value) -> String {
    if !value.is_object() {
        return text(value);
    }
    let tier = |(name, tier): (&String, &Value)| {
        let replicas = if tier.is_object() { &tier["replicas"] } else { tier };
        let size = tier.get("size").map_or(String::new(), |size| format!(" × {}", text(size)));
        format!("{} {}{size}", format::line(name, 60), text(replicas))
    };
    named(value).map(tier).collect::<Vec<_>>().join(", ")
}

fn tier_row(name: &str, value: &Value) -> TierRow {
    TierRow {
        name: format::line(name, 60),
        demand: number(&value["demand_ms"], "ms/req"),
        interval: interval(&value["interval"], "ms/req"),
        ceiling: number(&value["ceiling_per_s"], "req/s"),
    }
}

fn option_row(value: &Value) -> OptionRow {
    let met = value["p_slo_met"].as_f64();
    OptionRow {
        tiers: tiers(&value["tiers"]),
        kind: text(&value["kind"]),
        slo_max: number(&value["slo_max_per_s"], "req/s"),
        interval: interval(&value["interval"], "req/s"),
        p_slo_met: met.map_or(NONE.to_owned(), |share| format::share(Ratio::new(share))),
        cost: money(&value["monthly_cost"]),
        n_plus_1: value["n_plus_1"]
            .as_bool()
            .map_or(NONE, |holds| if holds { "yes" } else { "no" }),
        status: text(&value["status"]),
        reason: text(&value["reason"]),
    }
}

fn verified_row(value: &Value) -> VerifiedRow {
    let (predicted, measured) =
        (value["predicted_per_s"].as_f64(), value["measured_per_s"].as_f64());
    let error = match (predicted, measured) {
        (Some(predicted), Some(measured)) if measured > 0.0 => {
            format!("{:+.1} %", (predicted / measured - 1.0) * 100.0)
        }
        _ => NONE.to_owned(),
    };
    VerifiedRow {
        tiers: tiers(&value["tiers"]),
        predicted: number(&value["predicted_per_s"], "req/s"),
        measured: number(&value["measured_per_s"], "req/s"),
        error,
    }
}

fn curve_point(value: &Value) -> Option<CurvePoint> {
    Some(CurvePoint {
        rate_per_s: value["rate_per_s"].as_f64()?,
        p50_ms: value["p50_ms"].as_f64()?,
        p95_ms: value["p95_ms"].as_f64()?,
        p99_ms: value["p99_ms"].as_f64()?,
        passed: value["passed"].as_bool().unwrap_or(true),
    })
}
