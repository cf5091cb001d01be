//! What a merged log tells of each shard that it was made of.

use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, Ratio};

/// One shard of a merged run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardSummary {
    /// Its number, from 1.
    pub number: u32,
    /// When it began by its own clock, RFC 3339 UTC.
    pub started_utc: String,
    /// How many workers it had.
    pub workers: u32,
    /// Arrivals that came due.
    pub intended: u64,
    /// Finished requests.
    pub requests: u64,
    /// Failed requests.
    pub failed: u64,
    /// How late arrivals began: the 99th percentile.
    pub schedule_lag_p99: Nanos,
    /// CPU of its busiest worker in its busiest second, as a share of one core.
    pub worker_cpu: Ratio,
    /// The 95th percentile of the response times of successes; of all requests in logs merged by older versions.
    pub response_time_p95: Nanos,
    /// How far its clock may have been off the others', at the most; absent where nobody compared them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_error: Option<Nanos>,
    /// Why its measurement cannot be trusted; absent where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}
