//! The system clock. No other crate reads it. A time before 1970 counts as 1970.

use std::time::{Duration, SystemTime};

use nextbest_core::time::{self, DAY};

/// Seconds since 1970-01-01 00:00 UTC.
pub(crate) fn seconds() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970-01-01 00:00 UTC.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

/// The time in UTC as Python writes it: `2026-07-01 12:30:59.000000`.
pub(crate) fn in_words() -> String {
    let seconds = seconds();
    let (day, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (hours, minutes) = (rest / 3600, rest / 60 % 60);
    format!("{} {hours:02}:{minutes:02}:{:02}.000000", time::format(day * DAY), rest % 60)
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
