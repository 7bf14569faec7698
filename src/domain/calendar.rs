//! Calendar: the days that follow from others, for what comes again after a time.

use time::{Date, Duration, Month};

use crate::schema::v1::{MeetingRecurrence, RecurrenceUnit};

/// The day so many days after this one; none when the text is no date, or the day lies past the year 9999.
pub(super) fn days_after(date: &str, days: i32) -> Option<String> {
    written(read(date)?.checked_add(Duration::days(days.into()))?)
}

/// The same day so many months later, or the last day of that month where it is shorter.
pub(super) fn months_after(date: &str, months: i32) -> Option<String> {
    let date = read(date)?;
    let month = (i32::from(u8::from(date.month())) - 1).checked_add(months)?;
    let year = date.year().checked_add(month.div_euclid(12))?;
    let month = Month::try_from(u8::try_from(month.rem_euclid(12) + 1).ok()?).ok()?;
    let same = |day| Date::from_calendar_date(year, month, day).ok();
    written((1..=date.day()).rev().find_map(same)?)
}

/// The same day so many years later; after 29 February, 28 February where there is no other.
pub(super) fn years_after(date: &str, years: i32) -> Option<String> {
    months_after(date, years.checked_mul(12)?)
}

impl MeetingRecurrence {
    /// The day when the next one after this day is due.
    pub(super) fn next_after(&self, date: &str) -> Option<String> {
        match self.unit() {
            RecurrenceUnit::Days => days_after(date, self.every),
            RecurrenceUnit::Weeks => days_after(date, self.every.checked_mul(7)?),
            RecurrenceUnit::Months => months_after(date, self.every),
            RecurrenceUnit::Years => years_after(date, self.every),
            RecurrenceUnit::Unspecified => None,
        }
    }
}

fn read(date: &str) -> Option<Date> {
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month: u8 = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    Date::from_calendar_date(year, month.try_into().ok()?, day).ok()
}

fn written(date: Date) -> Option<String> {
    let (year, month, day) = date.to_calendar_date();
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{:02}-{day:02}", u8::from(month)))
}
