//! A cell of a plain table as a number, a date or a word; otherwise the reason why it is not.

use std::borrow::Cow;

use nextbest_core::customers::words;
use nextbest_core::time::{self, Clock};

use super::super::batch::CellColumn;

/// A cell as a number, NaN where it is missing; `Err` with the text that is not a number.
pub(super) fn number(cells: &CellColumn, row: usize, decimal_comma: bool) -> Result<f64, String> {
    if let Some(number) = cells.number(row) {
        return if number.is_infinite() { Err(number.to_string()) } else { Ok(number) };
    }
    let Some(text) = present(cells, row)? else { return Ok(f64::NAN) };
    if matches!(cells, CellColumn::Times(_)) {
        return Err(text.into_owned());
    }
    parse_number(&text, decimal_comma).ok_or_else(|| text.into_owned())
}

/// A cell as seconds since 1970-01-01 on the bank's clock, NaN where it is missing; or the text that is no
/// date.
pub(super) fn time(cells: &CellColumn, clock: &Clock, row: usize) -> Result<f64, String> {
    if let CellColumn::Times(times) = cells {
        let time = times.get(row).copied().unwrap_or(f64::NAN);
        let is_written = time.is_nan() || (time::START as f64..time::END as f64).contains(&time);
        return if is_written { Ok(time) } else { Err(time::format(time as i64)) };
    }
    let Some(text) = present(cells, row)? else { return Ok(f64::NAN) };
    clock.read(&text).map(|time| time as f64).ok_or_else(|| text.into_owned())
}

/// A cell as a word; `None` where it is missing.
pub(super) fn word(cells: &CellColumn, row: usize) -> Result<Option<Cow<'_, str>>, String> {
    present(cells, row)
}

fn present(cells: &CellColumn, row: usize) -> Result<Option<Cow<'_, str>>, String> {
    let text = cells.text(row)?;
    Ok((!words::is_missing(&text)).then_some(text))
}

/// A finite number in decimal digits, with a comma before the fraction where that is allowed. There are no
/// thousands separators.
fn parse_number(text: &str, decimal_comma: bool) -> Option<f64> {
    // Rust would also read "infinity".
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = match decimal_comma && text.contains(',') && !text.contains('.') {
        true => text.replacen(',', ".", 1).parse(),
        false => text.parse(),
    };
    number.ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::super::batch::TextColumn;
    use super::*;

    fn column(texts: &[&str]) -> CellColumn {
        let mut column = TextColumn::default();
        texts.iter().for_each(|text| column.push(text.as_bytes()));
        CellColumn::Text(column)
    }

    #[test]
    fn missing_is_missing_for_every_kind() {
        let texts = ["", "  ", "NA", "na", "N/A", "NaN", "NULL", "null", "?"];
        let cells = column(&texts);
        for row in 0..texts.len() {
            assert!(number(&cells, row, false).unwrap().is_nan());
            assert!(time(&cells, &Clock::default(), row).unwrap().is_nan());
            assert_eq!(word(&cells, row).unwrap(), None);
        }
        // These are words: a class may be called so.
        let words = column(&["None", "NONE", "-", "0"]);
        assert!((0..4).all(|row| word(&words, row).unwrap().is_some()));
    }

    #[test]
    fn numbers_have_a_point_and_elsewhere_a_comma() {
        let cases = [
            ("12", Some(12.0), Some(12.0)),
            (" -1.5 ", Some(-1.5), Some(-1.5)),
            ("+3e2", Some(300.0), Some(300.0)),
            ("1,5", None, Some(1.5)),
            ("-0,25", None, Some(-0.25)),
            ("1,234,567", None, None),
            ("1.234,5", None, None),
            ("1 234", None, None),
            ("inf", None, None),
            ("1e999", None, None),
            ("12 kg", None, None),
            ("0x10", None, None),
        ];
        for (text, with_point, with_comma) in cases {
            let cells = column(&[text]);
            assert_eq!(number(&cells, 0, false).ok(), with_point, "{text}");
            assert_eq!(number(&cells, 0, true).ok(), with_comma, "{text}");
        }
        assert_eq!(number(&column(&["12 kg"]), 0, true), Err("12 kg".into()));
    }

    #[test]
    fn typed_columns_are_what_they_are() {
        let times = CellColumn::Times(vec![86_400.0, f64::NAN]);
        assert_eq!(
            (time(&times, &Clock::default(), 0), number(&times, 0, false)),
            (Ok(86_400.0), Err("1970-01-02".into()))
        );
        assert!(
            time(&times, &Clock::default(), 1).unwrap().is_nan()
                && number(&times, 1, false).unwrap().is_nan()
        );
        let whole = CellColumn::Integers(vec![7, super::super::super::batch::NO_INTEGER]);
        assert_eq!((number(&whole, 0, false), word(&whole, 0).unwrap().as_deref()), (Ok(7.0), Some("7")));
        assert_eq!((time(&whole, &Clock::default(), 0), word(&whole, 1)), (Err("7".into()), Ok(None)));
        let numbers = CellColumn::Numbers(vec![0.5, f64::INFINITY, f64::NAN]);
        assert_eq!((number(&numbers, 0, false), number(&numbers, 1, false)), (Ok(0.5), Err("inf".into())));
        assert!(number(&numbers, 2, false).unwrap().is_nan());
    }
}
