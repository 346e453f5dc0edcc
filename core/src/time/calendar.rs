//! Years and months as people and laws count them: from one date to the same date of another year or month.
//!
//! A day begins at 00:00, whatever the hour of the first moment: someone born at noon is a year older from
//! the first moment of the birthday. Someone born on 29 February turns a year older on 1 March in years
//! without that day; if a month is too short for a day, the month is complete on the first day of the next
//! one.

use super::{DAY, civil_from_days, days_from_civil};

/// Whole months between two moments, the second not before the first (seconds since 1970-01-01).
fn whole_months(from: i64, to: i64) -> i64 {
    let (from, to) = (from.div_euclid(DAY), to.div_euclid(DAY));
    let ((year, month, _), (to_year, to_month, _)) = (civil_from_days(from), civil_from_days(to));
    let months = (to_year - year) * 12 + to_month - month;
    months - i64::from(same_day(from, months) > to)
}

/// Years between two moments, the second not before the first: the whole years, exact on every anniversary,
/// and the elapsed share of the running one.
pub fn years(from: i64, to: i64) -> f64 {
    let whole = whole_months(from, to).div_euclid(12);
    let anniversary = |years: i64| same_day(from.div_euclid(DAY), years * 12) * DAY;
    let (last, next) = (anniversary(whole), anniversary(whole + 1));
    whole as f64 + (to - last) as f64 / (next - last) as f64
}

/// The year of a moment, with the share of it that has passed.
pub fn year(of: i64) -> f64 {
    let (year, ..) = civil_from_days(of.div_euclid(DAY));
    let first = |year: i64| days_from_civil(year, 1, 1) * DAY;
    year as f64 + (of - first(year)) as f64 / (first(year + 1) - first(year)) as f64
}

/// The same day `months` months later; both in days since 1970-01-01.
fn same_day(day: i64, months: i64) -> i64 {
    let (year, month, day_of_month) = civil_from_days(day);
    let months = year * 12 + month - 1 + months;
    let first = |months: i64| days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1, 1);
    (first(months) + day_of_month - 1).min(first(months + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse;

    fn at(text: &str) -> i64 {
        parse(text).unwrap()
    }

    #[test]
    fn a_birthday_begins_at_midnight_and_the_29_of_february_is_the_1_of_march() {
        for (born, moment, whole) in [
            ("2008-01-01", "2025-12-31 13:00", 17),
            ("2008-01-01 18:00", "2026-01-01", 18),
            ("2008-02-29", "2026-02-28 23:59:59", 17),
            ("2008-02-29", "2026-03-01", 18),
            ("2008-02-29", "2028-02-28 23:59:59", 19),
            ("2008-02-29", "2028-02-29", 20),
            ("1900-03-01", "2000-02-29", 99),
            ("2000-02-29", "2100-02-28", 99),
            ("2000-02-29", "2100-03-01", 100),
        ] {
            assert_eq!(years(at(born), at(moment)).floor() as i64, whole, "{born} {moment}");
        }
        assert_eq!(years(at("2008-03-01"), at("2026-03-01")), 18.0, "exact");
        assert_eq!(years(at("2023-01-01"), at("2024-07-02")), 1.5, "183 of 366 days");
        assert_eq!(year(at("2024-01-01")), 2024.0);
        assert_eq!(year(at("2024-07-02")), 2024.5);
    }

    #[test]
    fn months_end_on_the_same_day_or_the_first_of_the_next() {
        for (from, to, months) in [
            ("2024-01-31", "2024-02-29", 0),
            ("2024-01-31", "2024-03-01", 1),
            ("2024-01-31", "2024-03-31", 2),
            ("2024-01-15", "2024-01-15", 0),
            ("2023-11-15 09:00", "2024-02-15 08:00", 3),
            ("2023-11-15", "2024-02-14 23:00", 2),
        ] {
            assert_eq!(whole_months(at(from), at(to)), months, "{from} {to}");
        }
    }

    /// A wall calendar: for every date of birth, the days are turned one by one.
    #[test]
    fn every_birthday_of_two_centuries_is_where_a_calendar_has_it() {
        let day = |year, month, day| days_from_civil(year, month, day) * DAY;
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = |year| [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for year in 1900..=2100i64 {
            for (month, length) in (1..).zip(lengths(year)) {
                for of_month in 1..=length {
                    let born = day(year, month, of_month) + (year + of_month) % 24 * 3600;
                    for age in [1, 16, 18, 65, 66, 100] {
                        let birthday = match (month, of_month) {
                            (2, 29) if !leap(year + age) => day(year + age, 3, 1),
                            _ => day(year + age, month, of_month),
                        };
                        assert_eq!(years(born, birthday), age as f64, "{year}-{month}-{of_month} {age}");
                        let before = years(born, birthday - 1);
                        assert!(before < age as f64 && before > age as f64 - 0.001);
                    }
                }
            }
        }
    }
}
