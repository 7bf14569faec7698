//! Days of the calendar, counted on dates written YYYY-MM-DD.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The day that lies so many days after a date; the last one that can be written when it would lie beyond.
pub(super) fn days_after(date: &str, days: i32) -> String {
    let after = Date::parse(date, DATE)
        .ok()
        .and_then(|date| date.checked_add(Duration::days(days.into())));
    after
        .and_then(|date| date.format(DATE).ok())
        .unwrap_or_else(|| "9999-12-31".to_owned())
}
