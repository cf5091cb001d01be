//! Getting a page over HTTP, off the load path: bounded in time and size, no redirects, no proxy.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;
use url::Url;

use super::error::ObserveError;
use crate::units::Nanos;

/// A metrics page of a large service is a few MB; beyond this it is none.
const PAGE_LIMIT: usize = 16 << 20;

/// The text of a page, or why there is none; whoever comes first gets it.
type Shared = Arc<OnceCell<Result<Arc<str>, ObserveError>>>;

/// The HTTP client of all sources. Within one reading, several sources of one page share its text.
#[derive(Clone)]
pub(super) struct Pages {
    client: reqwest::Client,
    shared: Arc<Mutex<HashMap<Url, Shared>>>,
}

/// Checks an address of HTTP.
pub(super) fn address(text: &str) -> Result<Url, ObserveError> {
    let url = Url::parse(text).map_err(|_| ObserveError::Address("write http://host:port/path"))?;
    match url.scheme() {
        "http" => Ok(url),
        "https" => {
            Err(ObserveError::Address("metrics over HTTPS are not supported yet; use http://"))
        }
        _ => Err(ObserveError::Address("write http://host:port/path")),
    }
}

impl Pages {
    /// A client that gives up on a page after `timeout`.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(super) fn new(timeout: Nanos) -> Result<Self, ObserveError> {
        let builder = reqwest::Client::builder()
            .timeout(timeout.into())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let client = builder.build().map_err(|error| failure(&error))?;
        Ok(Self { client, shared: Arc::default() })
    }

    /// The same client for the next reading: no page is known yet.
    pub(super) fn anew(&self) -> Self {
        Self { client: self.client.clone(), shared: Arc::default() }
    }

    /// The text of a page that answers 200.
    pub(super) async fn get(&self, url: Url) -> Result<Arc<str>, ObserveError> {
        let slot = match self.shared.lock() {
            Ok(mut shared) => shared.entry(url.clone()).or_default().clone(),
            Err(_) => Shared::default(),
        };
        let fetch = async || self.get_any_status(url, 200).await.map(Arc::from);
        slot.get_or_init(fetch).await.clone()
    }

    /// The text of a page that answers 200 or `also`.
    pub(super) async fn get_any_status(&self, url: Url, also: u16) -> Result<String, ObserveError> {
        let mut response = self.client.get(url).send().await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        if status != 200 && status != also {
            return Err(ObserveError::Status(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > PAGE_LIMIT {
                return Err(ObserveError::TooLarge { limit: PAGE_LIMIT });
            }
        }
        String::from_utf8(body).map_err(|_| ObserveError::Protocol("a metrics page"))
    }
}

/// The cause without the address, which may hold a password.
fn failure(error: &reqwest::Error) -> ObserveError {
    let words = match deepest_cause(error) {
        Some(cause) => cause.to_string(),
        None if error.is_timeout() => "too slow".to_owned(),
        None => "it broke off".to_owned(),
    };
    ObserveError::Connection(words)
}

fn deepest_cause(error: &reqwest::Error) -> Option<&dyn Error> {
    let mut cause = error.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause)
}
