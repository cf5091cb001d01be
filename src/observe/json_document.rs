//! A document in JSON that holds metrics: what clouds, analytics and services tell in their own shapes.

use serde_json::Value;
use url::Url;

use super::error::ObserveError;
use super::fetch::{self, Trust};
use super::json_metrics::JsonMetrics;
use super::page::address;
use super::series::MetricSeries;

/// Such documents hold some figures; beyond this it is none.
const DOCUMENT_LIMIT: usize = 4 << 20;

/// Where a document is, and where metrics stand in it.
#[derive(Clone, PartialEq)]
pub struct JsonDocument {
    /// Its address.
    pub url: String,
    /// Sent with each request: names in lower case, and values, which may be secret.
    pub headers: Vec<(String, String)>,
    /// What it holds.
    pub metrics: JsonMetrics,
}

impl JsonDocument {
    /// Its address, checked.
    pub(super) fn address(&self) -> Result<Url, ObserveError> {
        address(&self.url)
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
        Ok(self.metrics.series(&document))
    }
}
