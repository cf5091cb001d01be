//! A response as checks and captures see it, whatever protocol brought it.

use plimsoll_units::Nanos;
use url::Url;

/// Access to a response's headers, whatever protocol brought them.
pub trait ResponseHeaders {
    /// Calls `visit` with each value of the header `name` (lower case).
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8]));

    /// The first value of the header `name` (lower case).
    fn first(&self, name: &str) -> Option<String> {
        let mut found = None;
        self.each(name, &mut |value| {
            if found.is_none() {
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        });
        found
    }
}

/// A complete response.
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: &'a dyn ResponseHeaders,
    /// Where it was found, behind redirects; of playlists, whose references are relative to that.
    pub url: Option<&'a Url>,
    /// The body, decompressed; empty unless a check or capture looks into it.
    pub body: &'a [u8],
    /// The size of the body as received.
    pub size: u64,
    /// Actual send → last byte.
    pub service_time: Nanos,
}
