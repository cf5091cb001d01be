//! Prometheus' text format, version 0.0.4.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use super::LiveTotals;
use super::bins::Bins;
use super::family::{Family, Kind, Unit, Value};

/// The content type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of a run so far.
pub fn render(live: &LiveTotals) -> String {
    let mut page = String::new();
    for family in live.families() {
        write_family(&mut page, &family);
    }
    page
}

/// Prefix, name, unit, and `total` for what only rises.
fn full_name(family: &Family) -> String {
    let unit = match family.unit {
        Unit::Number => "",
        Unit::Seconds => "_seconds",
        Unit::Bytes => "_bytes",
        Unit::Ratio => "_ratio",
    };
    let total = if family.kind == Kind::Counter { "_total" } else { "" };
    format!("plimsoll_{}{unit}{total}", family.name)
}

// Writing to a string cannot fail.
fn write_family(page: &mut String, family: &Family) {
    let name = full_name(family);
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let _ = writeln!(page, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
    for (labels, value) in &family.points {
        match value {
            Value::Whole(value) => {
                let _ = writeln!(page, "{name}{} {value}", braced(labels, None));
            }
            Value::Real(value) => {
                let _ = writeln!(page, "{name}{} {value}", braced(labels, None));
            }
            Value::Histogram(bins) => write_histogram(page, &name, labels, bins),
        }
    }
}

fn write_histogram(page: &mut String, name: &str, labels: &[(&str, String)], bins: &Bins) {
    let ends = Bins::ends().map(|end| end.to_string()).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (end, count) in ends.zip(bins.counts()) {
        below += count;
        let _ = writeln!(page, "{name}_bucket{} {below}", braced(labels, Some(&end)));
    }
    let _ = writeln!(page, "{name}_sum{} {}", braced(labels, None), bins.sum_seconds());
    let _ = writeln!(page, "{name}_count{} {}", braced(labels, None), bins.count());
}

fn braced(labels: &[(&str, String)], end: Option<&str>) -> String {
    let quoted = |(key, value): (&str, &str)| format!("{key}=\"{}\"", escaped(value));
    let known = labels.iter().map(|(key, value)| (*key, value.as_str()));
    let all: Vec<String> = known.chain(end.map(|end| ("le", end))).map(quoted).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
