//! The clock on the wall.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::transport::Clock;
use crate::units::RunTime;

#[expect(clippy::disallowed_methods, reason = "the wall clock belongs to `app`")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Now, in UTC.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(since_epoch().as_secs().cast_signed()).unwrap_or_default()
}

/// When a run on this clock began, in milliseconds of Unix time.
pub(super) fn began(clock: Clock) -> u64 {
    let run = Duration::from(clock.now().since(RunTime::ZERO));
    since_epoch().saturating_sub(run).as_millis() as u64
}

/// Today, in UTC.
pub(super) fn today() -> Date {
    now().to_zoned(TimeZone::UTC).date()
}

/// A time as the name of a folder: `2026-11-20T10-45-00Z`. Sorts by time, and every file system takes it.
pub(super) fn folder_name(time: Timestamp) -> String {
    time.to_string().replace(':', "-")
}
