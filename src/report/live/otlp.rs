//! OTLP metrics in the JSON encoding: the body of a `POST /v1/metrics`.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: names in lowerCamelCase, 64-bit
//! integers as text. Sums and histograms are cumulative.

use serde_json::{Value as Json, json};

use super::bins::Bins;
use super::family::{Family, Kind, Unit, Value};
use super::{LiveTotals, seconds};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// All metrics of a run so far.
pub fn render(live: &LiveTotals) -> String {
    let began = live.began_ns.to_string();
    let now = live.began_ns.saturating_add((seconds(live.now.at) * 1e9) as u64).to_string();
    let metrics: Vec<Json> =
        live.families().iter().map(|family| metric(family, &began, &now)).collect();
    let mut about = vec![("service.name", "plimsoll".to_owned())];
    about.extend(live.about.iter().cloned());
    json!({ "resourceMetrics": [{
        "resource": { "attributes": attributes(&about) },
        "scopeMetrics": [{
            "scope": { "name": "plimsoll", "version": env!("CARGO_PKG_VERSION") },
            "metrics": metrics,
        }],
    }] })
    .to_string()
}

fn metric(family: &Family, began: &str, now: &str) -> Json {
    let points: Vec<Json> =
        family.points.iter().map(|(labels, value)| point(labels, value, (began, now))).collect();
    let unit = match family.unit {
        Unit::Number | Unit::Ratio => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
    };
    let mut metric = json!({
        "name": format!("plimsoll.{}", family.name),
        "description": family.help,
        "unit": unit,
    });
    let (kind, data) = match family.kind {
        Kind::Counter => (
            "sum",
            json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points }),
        ),
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Histogram => {
            ("histogram", json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points }))
        }
    };
    metric[kind] = data;
    metric
}

fn point(labels: &[(&'static str, String)], value: &Value, (began, now): (&str, &str)) -> Json {
    let mut point = json!({
        "attributes": attributes(labels),
        "startTimeUnixNano": began,
        "timeUnixNano": now,
    });
    match value {
        Value::Whole(value) => point["asInt"] = json!(value.to_string()),
        Value::Real(value) => point["asDouble"] = json!(value),
        Value::Histogram(bins) => {
            let counts: Vec<String> = bins.counts().iter().map(u64::to_string).collect();
            point["count"] = json!(bins.count().to_string());
            point["sum"] = json!(bins.sum_seconds());
            point["bucketCounts"] = json!(counts);
            point["explicitBounds"] = json!(Bins::ends().collect::<Vec<f64>>());
        }
    }
    point
}

fn attributes(labels: &[(&'static str, String)]) -> Vec<Json> {
    let attribute =
        |(key, value): &(&str, String)| json!({ "key": key, "value": { "stringValue": value } });
    labels.iter().map(attribute).collect()
}
