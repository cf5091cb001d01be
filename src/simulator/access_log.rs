//! One line for each request, for tests that prove order and counts.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

/// Where lines go, as JSON, in the order in which answers were ready.
pub struct AccessLog {
    out: Box<dyn Write + Send>,
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

/// One request.
#[derive(Debug, Serialize)]
pub(super) struct AccessLogEntry<'a> {
    /// The number of its arrival, from 1: sorting by it gives the order in which requests came.
    pub(super) arrival: u64,
    /// When it came, in nanoseconds since serving began.
    pub(super) at_ns: u64,
    /// How long it took until its answer was ready, in nanoseconds.
    pub(super) took_ns: u64,
    pub(super) client: IpAddr,
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) uri: &'a str,
    pub(super) version: &'a str,
    pub(super) status: u16,
    pub(super) user_agent: &'a str,
    /// `x-correlation-id`, or `traceparent`.
    pub(super) correlation: &'a str,
    /// Bytes of the request's body.
    pub(super) received: u64,
}

impl AccessLog {
    /// Lines go to `out`, which should be buffered.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out) }
    }

    pub(super) fn write(&mut self, entry: &AccessLogEntry<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, entry)?;
        self.out.write_all(b"\n")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
