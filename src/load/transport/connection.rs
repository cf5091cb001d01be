//! Connections, whatever protocol they speak.

use super::http1::Http1;
use super::http2::Http2;

/// A connection that can carry requests.
#[derive(Debug)]
pub(super) enum Connection {
    Http1(Http1),
    Http2(Http2),
}
