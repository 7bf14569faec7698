//! The clock: the one place where the time is read.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Now, in UTC, to the microsecond that PostgreSQL keeps.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now - Duration::nanoseconds(i64::from(now.nanosecond() % 1_000))
}

/// Today in Norway, YYYY-MM-DD.
#[must_use]
pub fn today() -> String {
    day_of(now())
}

/// The day in Norway that a time lies on, YYYY-MM-DD. Norway is never more than two hours ahead of UTC; taking those two all year
/// means that what is decided early in the morning is never refused as lying in the future.
#[must_use]
pub fn day_of(time: OffsetDateTime) -> String {
    (time + Duration::hours(2))
        .format(DATE)
        .expect("a time has all the parts of a date")
}
