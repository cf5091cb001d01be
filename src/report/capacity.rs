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
            tiers: named(&value["tiers"]).iter().map(|(name, tier)| tier_row(name, tier)).collect(),
            options: items(&value["options"]).map(option_row).collect(),
            verified: items(&value["verified"]).map(verified_row).collect(),
            curve: items(&value["curve"]).filter_map(curve_point).collect(),
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

/// The entries of a table of tiers: an object by name, or a list whose items name their `tier`.
fn named(value: &Value) -> Vec<(String, &Value)> {
    let of_object =
        value.as_object().into_iter().flatten().map(|(name, tier)| (name.clone(), tier));
    let of_list = items(value).map(|tier| (text(&tier["tier"]), tier));
    of_object.chain(of_list).collect()
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
    let rate = number(&value["slo_max_per_s"], "req/s");
    let interval = interval(&value["interval"], "req/s");
    let mut facts = vec![("SLO-max", format!("{rate}, 95 % interval {interval}"))];
    if let Some(confirmed) = value["confirmed"].as_bool() {
        let said =
            if confirmed { "held in a step of its own" } else { "not held in a step of its own" };
        facts.push(("confirmed", said.to_owned()));
    }
    facts.push(("bottleneck", ceiling(&value["bottleneck"])));
    facts.push(("next bottleneck", ceiling(&value["next_bottleneck"])));
    facts.push(("recommendation", recommended(&value["recommendation"])));
    facts.push(("alert at", number(&value["alert_rate_per_s"], "req/s")));
    if let Some(error) = value["held_out_error"].as_f64() {
        let share = format::share(Ratio::new(error));
        facts.push(("model error", format!("{share} on steps it had not seen")));
    }
    facts
}

/// What gives out, and at which rate; a plain text is taken as it is.
pub(super) fn ceiling(value: &Value) -> String {
    if !value.is_object() {
        return text(value);
    }
    let resource = text(&value["resource"]).replace('_', " ");
    let at = number(&value["rate"], "req/s");
    match value["tier"].as_str().unwrap_or_default() {
        "" => format!("{resource} at {at}"),
        tier => format!("{} {resource} at {at}", format::line(tier, 60)),
    }
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

/// `api 3 × 2 cores, 4 GiB; db 1`: a tier is a number of replicas, or replicas with a size.
fn tiers(value: &Value) -> String {
    let all = named(value);
    if all.is_empty() {
        return text(value);
    }
    let tier = |(name, tier): &(String, &Value)| {
        let replicas = if tier.is_object() { &tier["replicas"] } else { tier };
        let cores = tier["cores"].as_f64().map(|cores| format!("{cores} cores"));
        let memory = tier["memory"].as_u64().map(format::size);
        let size: Vec<String> = tier["size"]
            .as_str()
            .map(|size| format::line(size, 40))
            .into_iter()
            .chain(cores)
            .chain(memory)
            .collect();
        let size = if size.is_empty() { String::new() } else { format!(" × {}", size.join(", ")) };
        format!("{} {}{}", format::line(name, 60), text(replicas), size)
    };
    all.iter().map(tier).collect::<Vec<_>>().join("; ")
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
        status: status(value),
        reason: text(&value["reason"]),
    }
}

fn status(value: &Value) -> String {
    let status = text(&value["status"]);
    // Beyond twice the tested load nothing backs the model.
    let unverified = value["unverified"].as_bool() == Some(true);
    if unverified { format!("{status}, unverified") } else { status }
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
