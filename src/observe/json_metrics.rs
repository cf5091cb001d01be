//! Metrics that stand in JSON, each at a path of its own.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::mapping::{Formula, Mapping, SourceUnit};
use super::series::{MetricSeries, Selector};

/// Metrics and where each stands, in base units.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonMetrics(pub Vec<(String, JsonPath)>);

impl JsonMetrics {
    /// Takes each metric as it stands, in the unit that its name says.
    pub(super) fn mappings(&self) -> Vec<Mapping> {
        let mapping = |(name, _): &(String, JsonPath)| {
            let formula = Formula::Sum(Selector::new(name.clone()));
            Mapping::new(name.clone(), SourceUnit::of_metric(name), formula)
        };
        self.0.iter().map(mapping).collect()
    }

    /// The metrics that `document` holds; one that is absent, or no number, is left out.
    pub(super) fn series(&self, document: &Value) -> Vec<MetricSeries> {
        let value = |path: &JsonPath| match path.query(document).first()? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let found = self.0.iter();
        found.filter_map(|(name, path)| Some(MetricSeries::plain(name, value(path)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_numbers_or_texts_that_are_and_all_else_is_no_data() {
        let paths = [
            ("cpu", "$.cpu"),
            ("p95", "$.times[?@.name == 'p95'].seconds"),
            ("memory", "$.memory"),
            ("lag", "$.lag"),
            ("requests", "$.none"),
        ];
        let path = |text: &str| JsonPath::parse(text).expect("a path");
        let metrics = paths.map(|(name, text)| (name.to_owned(), path(text)));
        let told = serde_json::json!({
            "cpu": 0.25, "times": [{ "name": "p50", "seconds": 1 }, { "name": "p95", "seconds": "1.5" }],
            "memory": null, "lag": [3],
        });
        let expected = [MetricSeries::plain("cpu", 0.25), MetricSeries::plain("p95", 1.5)];
        assert_eq!(JsonMetrics(metrics.to_vec()).series(&told), expected);
    }
}
