//! The pages of one reading: several sources of one page share its text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;
use url::Url;

use super::error::ObserveError;
use super::fetch::{self, Trust};

/// A metrics page of a large service is a few MB; beyond this it is none.
const PAGE_LIMIT: usize = 16 << 20;

/// The text of a page, or why there is none; whoever comes first gets it.
type SharedPage = Arc<OnceCell<Result<Arc<str>, ObserveError>>>;

/// The pages that sources are read from.
#[derive(Clone)]
pub(super) struct Pages {
    trust: Trust,
    shared: Arc<Mutex<HashMap<Url, SharedPage>>>,
}

/// Checks an address of HTTP.
pub(super) fn address(text: &str) -> Result<Url, ObserveError> {
    let url = Url::parse(text).map_err(|_| ObserveError::Address("write http://host:port/path"))?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_some() => Ok(url),
        _ => Err(ObserveError::Address("write http://host:port/path")),
    }
}

impl Pages {
    /// Reads pages over plain HTTP, and over TLS where `trust` says whom to believe.
    pub(super) fn new(trust: Trust) -> Self {
        Self { trust, shared: Arc::default() }
    }

    /// The same for the next reading: no page is known yet.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.trust.clone())
    }

    /// What TLS trusts.
    pub(super) const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The text of a page that answers 200.
    pub(super) async fn get(&self, url: Url) -> Result<Arc<str>, ObserveError> {
        let slot = match self.shared.lock() {
            Ok(mut shared) => shared.entry(url.clone()).or_default().clone(),
            Err(_) => SharedPage::default(),
        };
        let fetch = async || self.get_any_status(url, 200).await.map(Arc::from);
        slot.get_or_init(fetch).await.clone()
    }

    /// The text of a page that answers 200 or `also`.
    pub(super) async fn get_any_status(&self, url: Url, also: u16) -> Result<String, ObserveError> {
        let (status, body) = fetch::get(&url, &[], &self.trust, PAGE_LIMIT).await?;
        if status != 200 && status != also {
            return Err(ObserveError::Status(status));
        }
        String::from_utf8(body).map_err(|_| ObserveError::Protocol("a metrics page"))
    }
}
