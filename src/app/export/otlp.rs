//! Pushes sums to an OpenTelemetry collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use url::Url;

use crate::observe::post;
use crate::report::live::{LiveTotals, otlp};
use crate::units::Nanos;

use super::super::exit::{Exit, Failure};

/// How long one push may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where sums are pushed, and how often.
#[derive(Debug)]
pub(super) struct OtlpPush {
    url: Url,
    every: Duration,
}

impl OtlpPush {
    /// A collector at `url`; the path `/v1/metrics` is added unless it is there.
    pub(super) fn to(url: &str, every: Nanos) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let hint = "hint: a collector listens at an address like http://127.0.0.1:4318";
            Failure::new(Exit::Usage, format!("error: `--otlp {url}`: {why}\n{hint}"))
        };
        let mut parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if parsed.scheme() != "http" {
            return Err(wrong("only http is supported; a collector nearby can add TLS"));
        }
        if !parsed.path().ends_with("/v1/metrics") {
            let path = format!("{}/v1/metrics", parsed.path().trim_end_matches('/'));
            parsed.set_path(&path);
        }
        let every = Duration::from_nanos(every.get()).max(Duration::from_secs(1));
        Ok(Self { url: parsed, every })
    }

    /// Pushes the newest sums every so often, and once more when the run has let go of them. A push that
    /// fails or takes too long is counted; the next one carries its sums too.
    pub(super) async fn run(self, mut newest: watch::Receiver<Arc<LiveTotals>>, lost: &AtomicU64) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let ended = tokio::select! {
                _ = ticks.tick() => false,
                () = released(newest.clone()) => true,
            };
            let live = newest.borrow_and_update().clone();
            if !self.push(&live).await {
                lost.fetch_add(1, Ordering::Relaxed);
            }
            if ended {
                return;
            }
        }
    }

    /// Whether the collector took the sums in time.
    async fn push(&self, live: &LiveTotals) -> bool {
        let pushed = post(&self.url, otlp::CONTENT_TYPE, otlp::render(live));
        let answered = tokio::time::timeout(PATIENCE, pushed).await;
        matches!(answered, Ok(Ok(200..=299)))
    }
}

/// Awaits the moment when the run lets go of the sums.
async fn released(mut newest: watch::Receiver<Arc<LiveTotals>>) {
    while newest.changed().await.is_ok() {}
}
