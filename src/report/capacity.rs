//! A capacity result as text, read from the object `capacity` of `result.json`.
//!
//! The object comes from a file as well as from this process, so whatever is missing or of another kind is
//! shown as not known, and never stops a report.

mod grid;
mod values;

use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use super::format;
use super::rows::NONE;
use crate::capacity::search::SearchEnd;
use crate::units::Ratio;

pub(super) use grid::{DeploymentGrid, GridCell};
pub(super) use values::ceiling;
use values::{compact, interval, items, money, named, number, text, tiers};

/// What a report shows of a capacity result.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct CapacityView {
    /// The line itself, requests per second.
    pub(super) slo_max: Option<f64>,
    /// SLO-max, bottleneck, alert rate.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) recommendation: String,
    /// The bottleneck tier with other replicas and sizes.
    pub(super) grid: Option<DeploymentGrid>,
    pub(super) tiers: Vec<CapacityTierRow>,
    pub(super) options: Vec<OptionView>,
    /// Whether any of them lies beyond twice what was measured.
    pub(super) unverified: bool,
    pub(super) verified: Vec<VerifiedRow>,
    /// Throughput against response time, as measured on the way to the line.
    pub(super) curve: Vec<CurvePointView>,
}

/// One tier.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CapacityTierRow {
    pub(super) name: String,
    pub(super) demand: String,
    pub(super) interval: String,
    pub(super) ceiling: String,
}

/// One deployment that was weighed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OptionView {
    /// One a tier: `api 7×2`.
    pub(super) tiers: Vec<String>,
    pub(super) kind: String,
    pub(super) slo_max: String,
    pub(super) interval: String,
    pub(super) p_slo_met: String,
    pub(super) cost: String,
    pub(super) n_plus_1: &'static str,
    /// `recommended`, `feasible`, `rejected`.
    pub(super) status: String,
    pub(super) reason: String,
    /// Whether the rate lies beyond twice what was measured.
    pub(super) unverified: bool,
}

impl OptionView {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        let texts = [&self.kind, &self.slo_max, &self.interval, &self.p_slo_met, &self.cost];
        let mut cells = vec![self.tiers.join(", ")];
        cells.extend(texts.into_iter().cloned());
        cells.push(self.n_plus_1.to_owned());
        // Beyond twice the tested load nothing backs the model.
        let unverified = if self.unverified { ", unverified" } else { "" };
        cells.extend([format!("{}{unverified}", self.status), self.reason.clone()]);
        cells
    }
}

/// One prediction beside its measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct VerifiedRow {
    /// One a tier: `api 7×2`.
    pub(super) tiers: Vec<String>,
    pub(super) predicted: String,
    pub(super) measured: String,
    pub(super) error: String,
}

impl VerifiedRow {
    /// The row's cells in the order of the table.
    pub(super) fn cells(&self) -> Vec<String> {
        let numbers = [&self.predicted, &self.measured, &self.error].into_iter().cloned();
        std::iter::once(self.tiers.join(", ")).chain(numbers).collect()
    }
}

/// One measured step of the search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct CurvePointView {
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
            grid: DeploymentGrid::read(value),
            tiers: named(&value["tiers"]).iter().map(|(name, tier)| tier_row(name, tier)).collect(),
            options: items(&value["options"]).map(option_row).collect(),
            unverified: items(&value["options"]).any(|option| option["unverified"] == true),
            verified: items(&value["verified"]).map(verified_row).collect(),
            curve: items(&value["curve"]).filter_map(curve_point).collect(),
        }
    }
}

fn facts(value: &Value) -> Vec<(&'static str, String)> {
    let rate = number(&value["slo_max_per_s"], "req/s");
    let interval = interval(&value["interval"], "req/s");
    let mut facts = vec![("SLO-max", format!("{rate}, 95 % interval {interval}"))];
    if let Some(confirmed) = value["confirmed"].as_bool() {
        let said =
            if confirmed { "held in a step of its own" } else { "not held in a step of its own" };
        facts.push(("confirmed", said.to_owned()));
    }
    if let Some(said) = SearchEnd::deserialize(&value["end"]).ok().and_then(SearchEnd::caution) {
        facts.push(("the search", said.to_owned()));
    }
    facts.push(("bottleneck", ceiling(&value["bottleneck"])));
    facts.push(("next bottleneck", ceiling(&value["next_bottleneck"])));
    facts.push(("alert at", number(&value["alert_rate_per_s"], "req/s")));
    if let Some(why) = value["no_model"].as_str() {
        facts.push(("no model", format::message(why)));
    }
    if let Some(error) = value["held_out_error"].as_f64() {
        let share = |error: f64| format::share(Ratio::new(error));
        let rate = value["held_out_rate_error"].as_f64();
        let rate = rate.map(|rate| format!("{} of the rate, ", share(rate))).unwrap_or_default();
        let time = if rate.is_empty() { "" } else { " of the response time there," };
        let said = format!("{rate}{}{time} on steps it had not seen", share(error));
        facts.push(("model error", said));
    }
    facts
}

fn recommended(value: &Value) -> String {
    if value.is_null() {
        return NONE.to_owned();
    }
    let kind = text(&value["kind"]).to_uppercase();
    let cost = money(&value["monthly_cost"]);
    let reason = text(&value["reason"]);
    format!("{kind}: {} at {cost} a month; {reason}", tiers(&value["tiers"]))
}

fn tier_row(name: &str, value: &Value) -> CapacityTierRow {
    CapacityTierRow {
        name: format::line(name, 60),
        demand: number(&value["demand_ms"], "ms/req"),
        interval: interval(&value["interval"], "ms/req"),
        ceiling: number(&value["ceiling_per_s"], "req/s"),
    }
}

fn option_row(value: &Value) -> OptionView {
    let met = value["p_slo_met"].as_f64();
    OptionView {
        tiers: compact(&value["tiers"]),
        kind: text(&value["kind"]).to_lowercase(),
        slo_max: number(&value["slo_max_per_s"], ""),
        interval: interval(&value["interval"], ""),
        p_slo_met: met.map_or(NONE.to_owned(), |share| format::share(Ratio::new(share))),
        cost: money(&value["monthly_cost"]),
        n_plus_1: value["n_plus_1"]
            .as_bool()
            .map_or(NONE, |holds| if holds { "yes" } else { "no" }),
        status: text(&value["status"]),
        reason: text(&value["reason"]),
        unverified: value["unverified"] == true,
    }
}

fn verified_row(value: &Value) -> VerifiedRow {
    let (predicted, measured) =
        (value["predicted_per_s"].as_f64(), value["measured_per_s"].as_f64());
    let error = match (predicted, measured) {
        (Some(predicted), Some(measured)) if measured > 0.0 => {
            format!("{:+.1} %", (predicted / measured - 1.0) * 100.0).replace('-', "−")
        }
        _ => NONE.to_owned(),
    };
    VerifiedRow {
        tiers: compact(&value["tiers"]),
        predicted: number(&value["predicted_per_s"], "req/s"),
        measured: number(&value["measured_per_s"], "req/s"),
        error,
    }
}

fn curve_point(value: &Value) -> Option<CurvePointView> {
    Some(CurvePointView {
        rate_per_s: value["rate_per_s"].as_f64()?,
        p50_ms: value["p50_ms"].as_f64()?,
        p95_ms: value["p95_ms"].as_f64()?,
        p99_ms: value["p99_ms"].as_f64()?,
        passed: value["passed"].as_bool().unwrap_or(true),
    })
}
