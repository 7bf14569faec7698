//! Calendar: the days that follow from others.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The day so many days after this one; none when the text is no date, or the day lies past the year 9999.
pub(super) fn days_after(date: &str, days: i32) -> Option<String> {
    let after = Date::parse(date, DATE).ok()?.checked_add(Duration::days(days.into()))?;
    after.format(DATE).ok()
}
