//! Points in time: whole seconds since 1970-01-01 00:00 on the bank's own [`Clock`].
//!
//! Computations know no time zones: the clock converts a time that has one to the local time at that instant.

mod clock;

pub use clock::{Change, Clock, MAX_CHANGES};

pub mod calendar;

/// Seconds in a day.
pub const DAY: i64 = 86_400;
/// The first moment that can be read and written: the start of year 1.
pub const START: i64 = -719_162 * DAY;
/// The first moment that can't be read and written any more: the start of year 10000.
pub const END: i64 = 2_932_897 * DAY;

/// The number of days from 1970-01-01 to a date of the proleptic Gregorian calendar.
///
/// Howard Hinnant's `days_from_civil` (<https://howardhinnant.github.io/date_algorithms.html>).
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month (1–12) and day (1–31) of a day, counted from 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Midnight of a date in seconds since 1970-01-01; `None` if the calendar has no such date. Years run from 1
/// to 9999.
pub fn from_date(year: i64, month: i64, day: i64) -> Option<i64> {
    let valid = (1..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
    (valid && day <= days_in_month(year, month)).then(|| days_from_civil(year, month, day) * DAY)
}

/// The first moment of the month that is `months` after the month of `time`.
pub fn add_months_to_first(time: i64, months: i64) -> i64 {
    let (year, month, _) = civil_from_days(time.div_euclid(DAY));
    let total = year * 12 + (month - 1) + months;
    days_from_civil(total.div_euclid(12), total.rem_euclid(12) + 1, 1) * DAY
}

/// A moment as written in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Seconds since 1970-01-01 00:00 on the bank's clock: the text had no zone.
    Local(i64),
    /// Seconds since 1970-01-01 00:00 UTC: the text had a zone.
    Instant(i64),
}

/// Reads `2024-05-03`, `2024-05-03 12:30`, `2024-05-03T12:30:59`, with an optional fraction of a second (cut
/// off). `None` for text with a zone: that needs a clock ([`Clock::read`]).
///
/// # Examples
/// ```
/// use nextbest_core::time::{format, parse};
///
/// assert_eq!(parse("1970-01-02"), Some(86_400));
/// assert_eq!(parse("2023-02-29"), None);
/// assert_eq!(format(parse("2024-05-03 12:30:59").unwrap()), "2024-05-03 12:30:59");
/// ```
pub fn parse(text: &str) -> Option<i64> {
    match read(text)? {
        Moment::Local(time) => Some(time),
        Moment::Instant(_) => None,
    }
}

/// Reads what [`parse`] reads; after a time of day, a zone as in [`offset`] may follow, with or without a
/// space before it.
pub fn read(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| bytes.get(from..to).and_then(digits);
    let separated = |at: usize, by: &[u8]| bytes.get(at).is_some_and(|byte| by.contains(byte));
    if !separated(4, b"-") || !separated(7, b"-") {
        return None;
    }
    let date = from_date(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    if bytes.len() == 10 {
        return Some(Moment::Local(date));
    }
    if !separated(10, b" T") || !separated(13, b":") {
        return None;
    }
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let (second, end) = if separated(16, b":") { (number(17, 19)?, 19) } else { (0, 16) };
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    let time = date + hour * 3600 + minute * 60 + second;
    let rest = text.get(end..)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
            if zone.len() == fraction.len() {
                return None;
            }
            zone
        }
        None => rest,
    };
    if zone.is_empty() {
        return Some(Moment::Local(time));
    }
    match offset(zone.strip_prefix(' ').unwrap_or(zone))? {
        (ahead, "") => Some(Moment::Instant(time - ahead)),
        _ => None,
    }
}

/// Reads a zone at the beginning of a text (`Z`, `UTC`, `+02`, `+0200`, `+02:00`, `+00:57:44`). Returns its
/// offset from UTC in seconds and the rest of the text.
pub fn offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix('Z').or_else(|| text.strip_prefix("UTC")) {
        return Some((0, rest));
    }
    let two_digits = |text: &'_ str| text.as_bytes().get(..2).and_then(digits);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut rest = text.strip_prefix(['+', '-'])?;
    let hours = two_digits(rest).filter(|hours| *hours < 24)?;
    rest = rest.get(2..)?;
    let mut seconds = hours * 3600;
    let separator = if rest.starts_with(':') { ":" } else { "" };
    for unit in [60, 1] {
        let Some(next) = rest.strip_prefix(separator) else { break };
        let Some(count) = two_digits(next) else { break };
        if count >= 60 {
            return None;
        }
        seconds += count * unit;
        rest = next.get(2..)?;
    }
    Some((sign * seconds, rest))
}

/// The value of a few decimal digits.
fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// `2024-05-03`, or `2024-05-03 12:30:59` if the time is not midnight.
pub fn format(time: i64) -> String {
    let (year, month, day) = civil_from_days(time.div_euclid(DAY));
    match time.rem_euclid(DAY) {
        0 => format!("{year:04}-{month:02}-{day:02}"),
        second => format!(
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        ),
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_goes_there_and_back() {
        let (mut year, mut month, mut day) = (1800, 1, 1);
        for days in days_from_civil(1800, 1, 1)..days_from_civil(2200, 1, 1) {
            assert_eq!(civil_from_days(days), (year, month, day));
            assert_eq!(days_from_civil(year, month, day), days);
            day += 1;
            if day > days_in_month(year, month) {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
        assert_eq!(days_from_civil(1, 1, 1) * DAY, START);
        assert_eq!(days_from_civil(10_000, 1, 1) * DAY, END);
    }

    #[test]
    fn reads_iso_dates_and_times_and_nothing_else() {
        assert_eq!(parse("1970-01-02"), Some(DAY));
        assert_eq!(parse("1970-01-01 00:01"), Some(60));
        assert_eq!(parse("1970-01-01T01:00:05"), Some(3605));
        assert_eq!(parse("1970-01-01 01:00:05.123"), Some(3605));
        for wrong in [
            "",
            "1970",
            "1970-1-1",
            "1970-02-30",
            "1970-13-01",
            "1970-00-10",
            "0000-01-01",
            "01.02.1970",
            "1970-01-01 24:00",
            "2016-12-31 23:59:60",
            "1970-01-01 12",
            "1970-01-01x",
            "1970-01-01 12:00:00.",
            "1970-01-01 12:00:00.Z",
            "1970-01-0é",
            "1970-01-01Z",
            "1970-01-01+01:00",
            "1970-01-01 12:00 ",
            "1970-01-01 12:00é",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_with_a_zone_is_an_instant_and_none_without_a_clock() {
        let noon = 12 * 3600;
        for (zone, ahead) in [
            ("Z", 0),
            ("UTC", 0),
            (" UTC", 0),
            ("+00:00", 0),
            ("-00:00", 0),
            ("+02", 7200),
            ("+0200", 7200),
            (" +0200", 7200),
            ("+02:00", 7200),
            ("-09:30", -34_200),
            ("+00:57:44", 3464),
            ("-005744", -3464),
            ("+23:59", 86_340),
        ] {
            for time in ["1970-01-01T12:00", "1970-01-01 12:00:00", "1970-01-01 12:00:00.999"] {
                let text = format!("{time}{zone}");
                assert_eq!(read(&text), Some(Moment::Instant(noon - ahead)), "{text}");
                assert_eq!(parse(&text), None, "{text}");
            }
        }
        let wrong = "z,GMT,CET,+,+2,+020,+02:0,+02:,+0200:30,+02:0030,+24:00,+02:60,+02:00:60,+02:00:00:00,+02:00 ,  Z,ZZ,\
                     Z+02,\u{2212}02:00,+é,+02é,[Europe/Prague],Z[Europe/Prague]";
        for wrong in wrong.split(',') {
            assert_eq!(read(&format!("1970-01-01 12:00{wrong}")), None, "{wrong}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["1993-07-05", "2024-02-29", "2024-02-29 23:59:59"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn months_are_added_across_years() {
        let start = parse("2024-11-17").unwrap();
        assert_eq!(format(add_months_to_first(start, 0)), "2024-11-01");
        assert_eq!(format(add_months_to_first(start, 3)), "2025-02-01");
        assert_eq!(format(add_months_to_first(start, -12)), "2023-11-01");
    }
}
