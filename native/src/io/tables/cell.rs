//! One cell: from the text in a file to a value.

use std::borrow::Cow;

use nextbest_core::customers::words;
use nextbest_core::time::{self, Clock};

use crate::config::{ColumnConfig, ColumnType};

/// Times outside these years (from the first moment of 1850 up to that of 2201) are typing errors or stand
/// for "never", and neither is a date.
const TIMES: std::ops::Range<f64> = -3_786_825_600.0..7_289_654_400.0;

/// The part of a cell that a column is made from.
pub(super) fn text<'t>(column: &'t ColumnConfig, cell: &'t str) -> Cow<'t, str> {
    let cell = words::normalised(cell);
    let cut = match column.slice {
        None => Cow::Borrowed(cell),
        Some([from, to]) => Cow::Owned(cell.chars().skip(from).take(to.saturating_sub(from)).collect()),
    };
    match column.values.get(cut.as_ref()) {
        Some(word) => Cow::Borrowed(word),
        None => cut,
    }
}

/// A number or a time; NaN for an empty cell. Of a category this is not asked.
pub(super) fn value(
    column: &ColumnConfig,
    clock: &Clock,
    kind: ColumnType,
    text: &str,
) -> Result<f64, String> {
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    match kind {
        ColumnType::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(format!("expected a number, got {text:?}")),
        },
        ColumnType::Date | ColumnType::Timestamp => {
            let seconds = match &column.format {
                None => clock.read(text),
                Some(format) => parse_time(column, clock, format, text),
            };
            let seconds = seconds.ok_or_else(|| {
                let like = column.format.as_deref().unwrap_or("%Y-%m-%d");
                format!("expected a date like {like}, got {text:?}")
            })?;
            check_year(seconds as f64)
        }
        ColumnType::Category => Err("a category has no number".into()),
    }
}

/// A time (or NaN for none), if it is in a year that can be meant.
pub(super) fn check_year(seconds: f64) -> Result<f64, String> {
    match seconds.is_nan() || TIMES.contains(&seconds) {
        true => Ok(seconds),
        false => Err(format!(
            "the date \"{}\" is out of range (1850 to 2200); leave it empty if it means never",
            time::format(seconds as i64)
        )),
    }
}

/// Reads a time in a format of `%Y %y %m %d %H %M %S %z`; one with a `%z` is an instant.
fn parse_time(column: &ColumnConfig, clock: &Clock, format: &str, text: &str) -> Option<i64> {
    let (mut year, mut month, mut day, mut seconds) = (None, 1, 1, 0);
    let mut ahead = None;
    let mut rest = text;
    let mut pattern = format.chars();
    while let Some(character) = pattern.next() {
        if character != '%' {
            rest = rest.strip_prefix(character)?;
            continue;
        }
        let field = pattern.next()?;
        if field == 'z' {
            let (seconds, after) = time::offset(rest)?;
            ahead = Some(seconds);
            rest = after;
            continue;
        }
        let (digits, after) = rest.split_at_checked(if field == 'Y' { 4 } else { 2 })?;
        rest = after;
        let number =
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())??;
        match field {
            'Y' => year = Some(number),
            'y' => year = Some(number + column.century.unwrap_or(1900)),
            'm' => month = number,
            'd' => day = number,
            'H' if number < 24 => seconds += number * 3600,
            'M' if number < 60 => seconds += number * 60,
            'S' if number < 60 => seconds += number,
            _ => return None,
        }
    }
    if let Some(offset) = column.month_offset.filter(|offset| month > *offset) {
        month -= offset;
    }
    if !rest.is_empty() {
        return None;
    }
    let time = time::from_date(year?, month, day)? + seconds;
    Some(ahead.map_or(time, |ahead| clock.local(time - ahead)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn column(yaml: &str) -> ColumnConfig {
        let config = Config::parse(&format!(
            "schema:\n  tables:\n    t:\n      file: t.csv\n      columns:\n        c: {yaml}\n  customer: \
             {{table: t, established: c}}\n  holdings: []\n  products: {{list: []}}"
        ));
        config.unwrap().schema.unwrap().tables["t"].columns["c"].clone()
    }

    fn tokyo() -> Clock {
        Clock { zone: "Asia/Tokyo".into(), offset: 9 * 3600, changes: Vec::new() }
    }

    fn time_of(yaml: &str, text: &str) -> Result<String, String> {
        value(&column(yaml), &tokyo(), ColumnType::Date, text).map(|seconds| time::format(seconds as i64))
    }

    #[test]
    fn czech_birth_numbers_give_birth_dates_and_sexes() {
        let birth = "{type: date, format: '%y%m%d', month_offset: 50}";
        assert_eq!(time_of(birth, "706213").unwrap(), "1970-12-13");
        assert_eq!(time_of(birth, "450204").unwrap(), "1945-02-04");
        assert!(time_of(birth, "451304").is_err());
        let sex = column(
            "{type: category, from: birth_number, slice: [2, 3], values: {'0': M, '1': M, '5': F, '6': F}}",
        );
        assert_eq!((text(&sex, "706213"), text(&sex, "450204")), ("F".into(), "M".into()));
    }

    #[test]
    fn formats_are_followed_to_the_letter() {
        assert_eq!(
            time_of("{type: date, format: '%y%m%d %H:%M:%S'}", "931107 00:00:00").unwrap(),
            "1993-11-07"
        );
        assert_eq!(time_of("{type: date, format: '%d.%m.%Y'}", "07.11.1993").unwrap(), "1993-11-07");
        for wrong in ["7.11.1993", "07.11.93", "07.11.1993 ", "31.02.1993", "07/11/1993", "0é.11.1993"] {
            assert!(time_of("{type: date, format: '%d.%m.%Y'}", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_with_a_zone_is_an_instant_and_becomes_what_the_clock_shows() {
        let with_zone = "{type: timestamp, format: '%d.%m.%Y %H:%M %z'}";
        for (yaml, text, shown) in [
            ("timestamp", "2026-03-01 12:00", "2026-03-01 12:00:00"),
            ("timestamp", "2026-03-01T12:00:00Z", "2026-03-01 21:00:00"),
            ("date", "2026-03-01T18:00+02:00", "2026-03-02 01:00:00"),
            (with_zone, "01.03.2026 12:00 +0200", "2026-03-01 19:00:00"),
            (with_zone, "01.03.2026 12:00 -03:30", "2026-03-02 00:30:00"),
            (with_zone, "01.03.2026 12:00 Z", "2026-03-01 21:00:00"),
        ] {
            assert_eq!(time_of(yaml, text).as_deref(), Ok(shown), "{text}");
        }
        for wrong in
            ["01.03.2026 12:00", "01.03.2026 12:00 ", "01.03.2026 12:00 CET", "01.03.2026 12:00 +02:00 "]
        {
            assert!(time_of(with_zone, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_value_says_so() {
        let number = |text| value(&column("number"), &tokyo(), ColumnType::Number, text);
        assert_eq!(number("-1.5e3"), Ok(-1500.0));
        assert!(number("").unwrap().is_nan());
        for wrong in ["abc", "inf", "NaN", "1,5"] {
            assert!(number(wrong).unwrap_err().contains("expected a number"), "{wrong}");
        }
        let year = |year| time::from_date(year, 1, 1).unwrap() as f64;
        assert_eq!(TIMES, year(1850)..year(2201));
        assert!(time_of("date", "9999-12-31").unwrap_err().contains("out of range"));
    }
}
