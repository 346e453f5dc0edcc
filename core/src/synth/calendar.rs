//! Civil days and months as types of their own, on the arithmetic of [`crate::time`].

use core::fmt;

use crate::time::{DAY, civil_from_days, days_from_civil, from_date};

/// A civil day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// The day `year`-`month`-`day`; `None` if the calendar has no such day or the year does not have four
    /// digits.
    #[must_use]
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        let seconds = from_date(year.into(), month.into(), day.into())?;
        Some(Self((seconds / DAY) as i32))
    }

    /// The day `days` after 1970-01-01.
    #[must_use]
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Year, month (1–12) and day of the month (1–31).
    #[must_use]
    pub fn ymd(self) -> (i32, u32, u32) {
        let (year, month, day) = civil_from_days(self.0.into());
        (year as i32, month as u32, day as u32)
    }

    pub(super) const fn add_days(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// The same day of the month `months` later, or the last day of a shorter month.
    pub(super) fn add_months(self, months: i32) -> Self {
        let month = Month::of(self).plus(months);
        let day = (self.ymd().2 as i32).min(month.days());
        month.first().add_days(day - 1)
    }

    /// Whole years from `birth` to this day.
    pub(super) fn years_since(self, birth: Self) -> i32 {
        let (year, month, day) = self.ymd();
        let (birth_year, birth_month, birth_day) = birth.ymd();
        let before_birthday = month < birth_month || (month == birth_month && day < birth_day);
        year - birth_year - before_birthday as i32
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A calendar month, counted from January of the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(i32);

impl Month {
    const fn new(year: i32, month: u32) -> Self {
        Self(year * 12 + month as i32 - 1)
    }

    pub(super) fn of(date: Date) -> Self {
        let (year, month, _) = date.ymd();
        Self::new(year, month)
    }

    pub(super) const fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// Months from `earlier` to this one.
    pub(super) const fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// 1 for January … 12 for December.
    pub(super) const fn of_year(self) -> u32 {
        self.0.rem_euclid(12) as u32 + 1
    }

    /// The year with the month as its fraction: 2024.5 is July 2024.
    pub(super) fn as_years(self) -> f64 {
        f64::from(self.0) / 12.0
    }

    pub(super) fn first(self) -> Date {
        let year = self.0.div_euclid(12);
        Date(days_from_civil(year.into(), self.of_year().into(), 1) as i32)
    }

    pub(super) fn last(self) -> Date {
        self.plus(1).first().add_days(-1)
    }

    pub(super) fn days(self) -> i32 {
        self.plus(1).first().days() - self.first().days()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_civil_dates_are_inverse_and_consecutive() {
        assert_eq!(Date::from_ymd(1970, 1, 1).unwrap().days(), 0);
        assert_eq!(Date::from_ymd(2026, 6, 30).unwrap().days(), 20_634);
        for days in -40_000..60_000 {
            let date = Date::from_days(days);
            let (year, month, day) = date.ymd();
            assert_eq!(Date::from_ymd(year, month, day), Some(date));
        }
    }

    #[test]
    fn impossible_days_are_refused() {
        assert_eq!(Date::from_ymd(2023, 2, 29), None);
        assert!(Date::from_ymd(2024, 2, 29).is_some());
        assert_eq!(Date::from_ymd(2024, 13, 1), None);
        assert_eq!(Date::from_ymd(2024, 4, 0), None);
    }

    #[test]
    fn months_end_where_the_next_begins() {
        let january = Date::from_ymd(2024, 1, 31).unwrap();
        assert_eq!(january.add_months(1).to_string(), "2024-02-29");
        assert_eq!(january.add_months(-11).to_string(), "2023-02-28");
        assert_eq!(Month::of(january).plus(11).last().to_string(), "2024-12-31");
    }

    #[test]
    fn ages_change_on_the_birthday() {
        let birth = Date::from_ymd(2000, 5, 20).unwrap();
        assert_eq!(Date::from_ymd(2025, 5, 19).unwrap().years_since(birth), 24);
        assert_eq!(Date::from_ymd(2025, 5, 20).unwrap().years_since(birth), 25);
    }
}
