//! What a merged log tells of each shard that it was made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use plimsoll_units::{Nanos, Ratio, RunTime};

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
    /// When it was absent, oldest first; empty where it was there all the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absences: Vec<ShardAbsence>,
    /// How many arrivals of its schedule nobody played, because its log ends before them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// How many iterations were under way where its log was cut off: what became of them is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A stretch of a run, in whole seconds, in which a shard did not play its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardAbsence {
    /// Where it begins.
    pub from: RunTime,
    /// Where it ends; absent where the shard's log ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RunTime>,
}

impl fmt::Display for ShardAbsence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |at: RunTime| at.since(RunTime::ZERO).as_secs_f64();
        match self.to {
            Some(to) => write!(
                f,
                "it stood still from {:.0} s to {:.0} s: the process was stopped, or its machine was",
                seconds(self.from),
                seconds(to)
            ),
            None => write!(
                f,
                "its log was cut off after {:.1} s: the process was killed, or the machine it ran on",
                seconds(self.from)
            ),
        }
    }
}
