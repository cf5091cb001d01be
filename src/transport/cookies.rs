//! A user's cookies, by the rules of RFC 6265.

use cookie_store::{CookieStore, RawCookie};
use url::Url;

use crate::user::ResponseHeaders;

/// Cookies of one user. Takes no memory until the first one is set.
#[derive(Debug, Default)]
pub(super) struct CookieJar(Option<Box<CookieStore>>);

impl CookieJar {
    /// Keeps what a response from `url` sets. Cookies that the rules forbid are passed over, as browsers do.
    pub(super) fn absorb(&mut self, headers: &dyn ResponseHeaders, url: &Url) {
        let store = self.0.get_or_insert_default();
        headers.each("set-cookie", &mut |value| {
            if let Ok(text) = std::str::from_utf8(value)
                && let Ok(cookie) = RawCookie::parse(text.to_owned())
            {
                let _ = store.insert_raw(&cookie, url);
            }
        });
    }

    /// The `cookie` header for a request to `url`; empty if there are none.
    pub(super) fn header(&self, url: &Url) -> String {
        let Some(store) = &self.0 else { return String::new() };
        let pairs = store.get_request_values(url).map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}
