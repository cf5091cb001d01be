//! OTLP metrics as protobuf: the body of a `POST /v1/metrics`.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#binary-protobuf-encoding>; the messages are those of the published
//! definitions. Sums and histograms are cumulative.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::bins::Bins;
use super::family::{Family, Kind, Unit, Value};
use super::{LiveTotals, seconds};

/// The content type of the encoding.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// When a run began and when it was looked at, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct PointTimes {
    began: u64,
    now: u64,
}

/// All metrics of a run so far.
pub fn render(live: &LiveTotals) -> Vec<u8> {
    let now = live.began_ns.saturating_add((seconds(live.now.at) * 1e9) as u64);
    let span = PointTimes { began: live.began_ns, now };
    let mut about = vec![("service.name", "plimsoll".to_owned())];
    about.extend(live.about.iter().cloned());
    let scope = InstrumentationScope {
        name: "plimsoll".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let metrics = live.families().iter().map(|family| metric(family, span)).collect();
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes: attributes(&about), ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec()
}

fn metric(family: &Family, span: PointTimes) -> Metric {
    let unit = match family.unit {
        Unit::Number | Unit::Ratio => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
    };
    let numbers = || family.points.iter().filter_map(|point| number(point, span)).collect();
    let data = match family.kind {
        Kind::Counter => metric::Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        Kind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Histogram => metric::Data::Histogram(Histogram {
            data_points: family.points.iter().filter_map(|point| histogram(point, span)).collect(),
            aggregation_temporality: CUMULATIVE,
        }),
    };
    Metric {
        name: format!("plimsoll.{}", family.name),
        description: family.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// A series: labels and value.
type Point = (Vec<(&'static str, String)>, Value);

fn number((labels, value): &Point, span: PointTimes) -> Option<NumberDataPoint> {
    let value = match value {
        Value::Whole(value) => {
            number_data_point::Value::AsInt(i64::try_from(*value).unwrap_or(i64::MAX))
        }
        Value::Real(value) => number_data_point::Value::AsDouble(*value),
        Value::Histogram(_) => return None,
    };
    Some(NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: span.began,
        time_unix_nano: span.now,
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

fn histogram((labels, value): &Point, span: PointTimes) -> Option<HistogramDataPoint> {
    let Value::Histogram(bins) = value else { return None };
    Some(HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: span.began,
        time_unix_nano: span.now,
        count: bins.count(),
        sum: Some(bins.sum_seconds()),
        bucket_counts: bins.counts().to_vec(),
        explicit_bounds: Bins::ends().collect(),
        ..HistogramDataPoint::default()
    })
}

fn attributes(labels: &[(&'static str, String)]) -> Vec<KeyValue> {
    let attribute = |(key, value): &(&str, String)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.clone())) }),
        ..KeyValue::default()
    };
    labels.iter().map(attribute).collect()
}
