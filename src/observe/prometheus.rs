//! Prometheus's HTTP API: instant queries while a run goes on, range queries for the seconds that these missed.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::error::ObserveError;
use super::mapping::{Formula, Mapping, SourceUnit};
use super::page::Pages;
use super::series::{Labels, MetricSeries, Selector};

/// One metric and the PromQL expression that gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The metric's name.
    pub metric: String,
    /// What it is measured in.
    pub unit: SourceUnit,
    /// The expression; its result is one number, or one for each replica.
    pub expression: String,
}

impl Query {
    /// The mapping that takes the query's result as it is.
    pub fn mapping(&self) -> Mapping {
        Mapping::new(
            self.metric.clone(),
            self.unit,
            Formula::Sum(Selector::new(self.metric.clone())),
        )
    }
}

#[derive(Deserialize)]
struct QueryResponse {
    status: String,
    data: Option<QueryData>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct QueryData {
    #[serde(rename = "resultType")]
    kind: String,
    result: serde_json::Value,
}

/// A time in Unix seconds and a number as text.
type PrometheusPoint = (f64, String);

#[derive(Deserialize)]
struct QuerySeries {
    metric: Labels,
    value: Option<PrometheusPoint>,
    values: Option<Vec<PrometheusPoint>>,
}

const FOREIGN: ObserveError = ObserveError::Protocol("Prometheus");

fn data(query: &str, answer: &str) -> Result<QueryData, ObserveError> {
    let answer: QueryResponse = serde_json::from_str(answer).map_err(|_| FOREIGN)?;
    answer.data.filter(|_| answer.status == "success").ok_or_else(|| {
        let message = answer.error.unwrap_or(answer.status);
        ObserveError::Query { query: query.to_owned(), message }
    })
}

/// Reads an answer of `query`: each element becomes a series called `name`, with the labels it came with.
pub(super) fn parse(
    name: &str,
    query: &str,
    answer: &str,
) -> Result<Vec<MetricSeries>, ObserveError> {
    let data = data(query, answer)?;
    if data.kind == "scalar" {
        let point: PrometheusPoint = serde_json::from_value(data.result).map_err(|_| FOREIGN)?;
        return Ok(vec![MetricSeries::plain(name, point.1.parse().map_err(|_| FOREIGN)?)]);
    }
    let elements: Vec<QuerySeries> = serde_json::from_value(data.result).map_err(|_| FOREIGN)?;
    let series = elements.into_iter().map(|element| {
        let value = element.value.and_then(|(_, text)| text.parse().ok()).ok_or(FOREIGN)?;
        Ok(MetricSeries { name: name.to_owned(), labels: element.metric, value })
    });
    series.collect()
}

/// Reads an answer of `query_range`: the series of each moment, in whole milliseconds of Unix time.
pub(super) fn parse_range(
    name: &str,
    query: &str,
    answer: &str,
) -> Result<Vec<(u64, MetricSeries)>, ObserveError> {
    let data = data(query, answer)?;
    let elements: Vec<QuerySeries> = serde_json::from_value(data.result).map_err(|_| FOREIGN)?;
    let mut moments = Vec::new();
    for element in elements {
        for (at, text) in element.values.ok_or(FOREIGN)? {
            let value = text.parse().map_err(|_| FOREIGN)?;
            let series =
                MetricSeries { name: name.to_owned(), labels: element.metric.clone(), value };
            moments.push(((at * 1e3).round() as u64, series));
        }
    }
    Ok(moments)
}

/// A Prometheus server and what to ask it.
pub(super) struct PrometheusSource {
    base: Url,
    queries: Vec<Query>,
    replica_label: Option<String>,
}

impl PrometheusSource {
    /// Asks the server at `base` (`http://host:9090`) the `queries`, whose results `replica_label` may tell apart.
    ///
    /// # Errors
    /// When the address is not one of HTTP.
    pub(super) fn new(
        base: &str,
        queries: Vec<Query>,
        replica_label: Option<String>,
    ) -> Result<Self, ObserveError> {
        Ok(Self { base: super::page::address(base)?, queries, replica_label })
    }

    /// Asks every query once, as of the server's present.
    pub(super) async fn read(&self, pages: &Pages) -> Result<Vec<MetricSeries>, ObserveError> {
        let mut all = Vec::new();
        for query in &self.queries {
            let answer = self.ask(pages, "query", &[("query", &query.expression)]).await?;
            let series = parse(&query.metric, &query.expression, &answer)?;
            self.check_single(query, &series)?;
            all.extend(series);
        }
        Ok(all)
    }

    /// Asks every query over the time between two moments of Unix time in milliseconds, every `step`
    /// milliseconds: the series of each moment that has any.
    pub(super) async fn read_range(
        &self,
        pages: &Pages,
        (from, until): (u64, u64),
        step: u64,
    ) -> Result<BTreeMap<u64, Vec<MetricSeries>>, ObserveError> {
        let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
        let (start, end, step) = (seconds(from), seconds(until), seconds(step));
        let mut moments: BTreeMap<u64, Vec<MetricSeries>> = BTreeMap::new();
        for query in &self.queries {
            let range = [
                ("query", query.expression.as_str()),
                ("start", &start),
                ("end", &end),
                ("step", &step),
            ];
            let answer = self.ask(pages, "query_range", &range).await?;
            let mut of_query: BTreeMap<u64, Vec<MetricSeries>> = BTreeMap::new();
            for (at, series) in parse_range(&query.metric, &query.expression, &answer)? {
                of_query.entry(at).or_default().push(series);
            }
            for (at, series) in of_query {
                self.check_single(query, &series)?;
                moments.entry(at).or_default().extend(series);
            }
        }
        Ok(moments)
    }

    /// The answer of an endpoint of the API to these parameters.
    async fn ask(
        &self,
        pages: &Pages,
        endpoint: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, ObserveError> {
        let mut url = self.base.clone();
        let path = format!("{}/api/v1/{endpoint}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut().extend_pairs(parameters);
        // A refused query answers 400 with the reason in the same JSON.
        pages.get_any_status(url, 400).await
    }

    /// Several results that no label tells apart must not be added up behind the user's back.
    fn check_single(&self, query: &Query, series: &[MetricSeries]) -> Result<(), ObserveError> {
        if self.replica_label.is_none() && series.len() > 1 {
            let message =
                format!("{} results; aggregate them, or name `replica_label`", series.len());
            return Err(ObserveError::Query { query: query.expression.clone(), message });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! data {
        ($name:literal) => {
            include_str!(concat!("../../tests/data/observe/prometheus_", $name, ".json"))
        };
    }

    #[test]
    fn real_vector_keeps_its_labels() {
        let series = parse("cores", "q", data!("vector")).expect("a real answer");
        let replicas: Vec<_> = series.iter().map(|one| one.label("replica")).collect();
        assert_eq!((replicas, series[0].name.as_str()), (vec!["1", "2"], "cores"));
        assert!((series[0].value - 0.111_061_994_12).abs() < 1e-12);
    }

    #[test]
    fn real_range_gives_every_moment_and_a_scalar_itself() {
        let range = parse_range("clients", "q", data!("matrix")).expect("a real answer");
        assert!(range.len() > 1 && range.is_sorted_by(|a, b| a.0 < b.0), "{range:?}");
        let (_, last) = &range[range.len() - 1];
        assert_eq!(last.label("job"), "redis");
        let scalar = parse("up", "q", data!("scalar")).expect("a real answer");
        assert!((last.value - 3.0).abs() + (scalar[0].value - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn empty_result_is_no_series() {
        assert_eq!(parse("m", "q", data!("empty")), Ok(vec![]));
    }

    #[test]
    fn refused_query_tells_itself_and_the_reason() {
        let error = parse("m", "rate(oops", data!("error")).expect_err("refused");
        let text = error.to_string();
        assert!(
            text.starts_with("Prometheus refuses `rate(oops`") && text.contains("unclosed"),
            "{text}"
        );
    }

    #[test]
    fn foreign_answers_are_told_apart() {
        for answer in [
            "<html>",
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{}]}}",
        ] {
            assert_eq!(parse("m", "q", answer), Err(FOREIGN));
            assert!(parse_range("m", "q", answer).is_err());
        }
    }

    #[test]
    fn several_results_without_a_label_are_refused() {
        let query = Query { metric: "m".into(), unit: SourceUnit::Count, expression: "up".into() };
        let source =
            PrometheusSource::new("http://127.0.0.1:1", vec![query.clone()], None).expect("valid");
        let series = [MetricSeries::plain("m", 1.0), MetricSeries::plain("m", 1.0)];
        assert!(matches!(source.check_single(&query, &series), Err(ObserveError::Query { .. })));
        assert_eq!(source.check_single(&query, &series[..1]), Ok(()));
    }
}
