//! A document in JSON that holds metrics: what clouds, analytics and services tell in their own shapes.

use serde_json::Value;
use serde_json_path::JsonPath;
use url::Url;

use super::error::ObserveError;
use super::fetch::{self, Trust};
use super::mapping::{Formula, Mapping, SourceUnit};
use super::page::address;
use super::series::{MetricSeries, Selector};

/// Such documents hold some figures; beyond this it is none.
const DOCUMENT_LIMIT: usize = 4 << 20;

/// Where a document is, and where metrics stand in it.
#[derive(Clone, PartialEq)]
pub struct JsonDocument {
    /// Its address.
    pub url: String,
    /// Sent with each request: names in lower case, and values, which may be secret.
    pub headers: Vec<(String, String)>,
    /// Each metric and the path of its value, in base units.
    pub metrics: Vec<(String, JsonPath)>,
}

impl JsonDocument {
    /// Its address, checked.
    pub(super) fn address(&self) -> Result<Url, ObserveError> {
        address(&self.url)
    }

    /// Takes each metric as it stands, in the unit that its name says.
    pub(super) fn mappings(&self) -> Vec<Mapping> {
        let mapping = |(name, _): &(String, JsonPath)| {
            let formula = Formula::Sum(Selector::new(name.clone()));
            Mapping::new(name.clone(), SourceUnit::of_metric(name), formula)
        };
        self.metrics.iter().map(mapping).collect()
    }

    /// Asks for it once.
    pub(super) async fn read(
        &self,
        url: &Url,
        trust: &Trust,
    ) -> Result<Vec<MetricSeries>, ObserveError> {
        let (status, body) = fetch::get(url, &self.headers, trust, DOCUMENT_LIMIT).await?;
        if status != 200 {
            return Err(ObserveError::Status(status));
        }
        let document: Value =
            serde_json::from_slice(&body).map_err(|_| ObserveError::Protocol("JSON"))?;
        Ok(self.series(&document))
    }

    /// The metrics that the document holds; one that is absent, or no number, is left out.
    fn series(&self, document: &Value) -> Vec<MetricSeries> {
        let value = |path: &JsonPath| match path.query(document).first()? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let found = self.metrics.iter();
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
        let document = JsonDocument {
            url: "http://127.0.0.1/".to_owned(),
            headers: vec![],
            metrics: paths.map(|(name, text)| (name.to_owned(), path(text))).to_vec(),
        };
        let told = serde_json::json!({
            "cpu": 0.25, "times": [{ "name": "p50", "seconds": 1 }, { "name": "p95", "seconds": "1.5" }],
            "memory": null, "lag": [3],
        });
        let expected = [MetricSeries::plain("cpu", 0.25), MetricSeries::plain("p95", 1.5)];
        assert_eq!(document.series(&told), expected);
    }
}
