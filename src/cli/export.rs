//! The exports of a run while it goes on.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::Args;

use crate::units::Nanos;

/// Exports during a run. The load never waits for one: what cannot be delivered is dropped and counted.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Serve the run's metrics to Prometheus, at `/metrics` of this address, while it runs; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", help_heading = "Exports")]
    pub metrics_listen: Option<SocketAddr>,
    /// Serve a live page at this address: the charts of the report while the run goes on, for whoever opens it in a
    /// browser, read-only; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", help_heading = "Exports")]
    pub serve: Option<SocketAddr>,
    /// Push the run's metrics to an OpenTelemetry collector: OTLP over HTTP.
    #[arg(long, value_name = "URL", help_heading = "Exports")]
    pub otlp: Option<String>,
    /// How often metrics are pushed, 1s at least.
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Exports")]
    pub otlp_every: Nanos,
    /// Write a line of JSON for each second and event as it happens, into the run's folder unless `=FILE` is given.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = clap::value_parser!(OsString),
        help_heading = "Exports"
    )]
    pub events: Option<OsString>,
}

impl Default for ExportArgs {
    /// Nothing is exported.
    fn default() -> Self {
        Self {
            metrics_listen: None,
            serve: None,
            otlp: None,
            otlp_every: Nanos::from_secs(5),
            events: None,
        }
    }
}
