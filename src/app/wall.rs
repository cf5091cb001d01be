//! The clock on the wall.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "the wall clock belongs to `app`")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_second(since.as_secs().cast_signed()).unwrap_or_default()
}

/// Today, in UTC.
pub(super) fn today() -> Date {
    now().to_zoned(TimeZone::UTC).date()
}

/// A time as the name of a folder: `2026-11-20T10-45-00Z`. Sorts by time, and every file system takes it.
pub(super) fn folder_name(time: Timestamp) -> String {
    time.to_string().replace(':', "-")
}
