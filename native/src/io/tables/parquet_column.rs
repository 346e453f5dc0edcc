//! A column of a Parquet file's row group: the cells of some of its rows.

use anyhow::{Context, bail};
use nextbest_core::time::{Clock, DAY};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};

use super::batch::{CellColumn, NO_INTEGER, TextColumn};
use super::decimal::{self, NO_DECIMAL};
use super::parquet_type::Kind;
use crate::io::parquet_columns::undamaged;

/// The day of the Julian calendar on which 1970 began.
const JULIAN_1970: i64 = 2_440_588;

/// A selection of consecutive rows, as alternating lengths: rows to skip, rows to take, rows to skip …
pub(super) struct Runs(pub(super) Vec<(usize, usize)>);

impl Runs {
    pub(super) fn all(rows: usize) -> Self {
        Self(vec![(0, rows)])
    }

    pub(super) fn of(wanted: impl Iterator<Item = bool>) -> Self {
        let mut runs = vec![(0, 0)];
        for wanted in wanted {
            match runs.last_mut() {
                Some((_, taken)) if wanted => *taken += 1,
                Some((passed, 0)) => *passed += 1,
                _ => runs.push((1, 0)),
            }
        }
        Self(runs)
    }

    /// How many are taken.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|(_, taken)| taken).sum()
    }
}

/// A column of a row group while it is read.
pub(super) struct Column<'c> {
    pub(super) name: String,
    pub(super) reader: ColumnReader,
    pub(super) is_optional: bool,
    pub(super) kind: Kind,
    /// What shows instants.
    pub(super) clock: &'c Clock,
}

impl Column<'_> {
    /// The cells of the next rows, of those that are wanted.
    pub(super) fn read(&mut self, rows: &Runs) -> anyhow::Result<CellColumn> {
        undamaged(|| self.cells(rows)).with_context(|| format!("column {}", self.name))
    }

    fn cells(&mut self, rows: &Runs) -> anyhow::Result<CellColumn> {
        let (optional, clock) = (self.is_optional, self.clock);
        Ok(match (&mut self.reader, self.kind) {
            (ColumnReader::Int32ColumnReader(reader), Kind::Signed) => {
                CellColumn::Integers(spread(reader, rows, optional, NO_INTEGER, |number| i64::from(*number))?)
            }
            (ColumnReader::Int32ColumnReader(reader), Kind::Unsigned) => {
                let unsigned = |number: &i32| i64::from(number.cast_unsigned());
                CellColumn::Integers(spread(reader, rows, optional, NO_INTEGER, unsigned)?)
            }
            (ColumnReader::Int32ColumnReader(reader), Kind::Date) => {
                let seconds = |days: &i32| (i64::from(*days) * DAY) as f64;
                CellColumn::Times(spread(reader, rows, optional, f64::NAN, seconds)?)
            }
            (ColumnReader::Int32ColumnReader(reader), Kind::Decimal(digits)) => {
                let exact = |number: &i32| i128::from(*number);
                CellColumn::Decimals(spread(reader, rows, optional, NO_DECIMAL, exact)?, digits)
            }
            (ColumnReader::Int64ColumnReader(reader), Kind::Signed | Kind::Unsigned) => {
                let (numbers, defined) = read_runs(reader, rows, optional)?;
                let is_signed = self.kind == Kind::Signed;
                // As signed numbers of 64 bits, of which the least one stands for none, or else of 128.
                match numbers
                    .iter()
                    .all(|number| if is_signed { *number != NO_INTEGER } else { *number >= 0 })
                {
                    true => CellColumn::Integers(placed(&numbers, &defined, NO_INTEGER, |number| *number)),
                    false => {
                        let exact = |number: &i64| match is_signed {
                            true => i128::from(*number),
                            false => i128::from(number.cast_unsigned()),
                        };
                        CellColumn::Decimals(placed(&numbers, &defined, NO_DECIMAL, exact), 0)
                    }
                }
            }
            (ColumnReader::Int64ColumnReader(reader), Kind::Decimal(digits)) => {
                let exact = |number: &i64| i128::from(*number);
                CellColumn::Decimals(spread(reader, rows, optional, NO_DECIMAL, exact)?, digits)
            }
            // A time is a whole second; what lies within it is cut off.
            (ColumnReader::Int64ColumnReader(reader), Kind::Local(parts)) => {
                let seconds = |ticks: &i64| ticks.div_euclid(parts) as f64;
                CellColumn::Times(spread(reader, rows, optional, f64::NAN, seconds)?)
            }
            (ColumnReader::Int64ColumnReader(reader), Kind::Instant(parts)) => {
                let seconds = |ticks: &i64| clock.local(ticks.div_euclid(parts)) as f64;
                CellColumn::Times(spread(reader, rows, optional, f64::NAN, seconds)?)
            }
            (ColumnReader::Int96ColumnReader(reader), Kind::Instant(parts)) => {
                let seconds = |time: &Int96| {
                    let [low, high, day] = *time.data() else { return f64::NAN };
                    let ticks = (i64::from(high.cast_signed()) << 32) | i64::from(low);
                    clock.local((i64::from(day.cast_signed()) - JULIAN_1970) * DAY + ticks.div_euclid(parts))
                        as f64
                };
                CellColumn::Times(spread(reader, rows, optional, f64::NAN, seconds)?)
            }
            (ColumnReader::FloatColumnReader(reader), Kind::Float) => {
                CellColumn::Numbers(spread(reader, rows, optional, f64::NAN, |number| written(*number))?)
            }
            (ColumnReader::DoubleColumnReader(reader), Kind::Float) => {
                CellColumn::Numbers(spread(reader, rows, optional, f64::NAN, |number| *number)?)
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Kind::Float) => {
                let number =
                    |bytes: &FixedLenByteArray| bytes.data().try_into().map_or(f64::NAN, written_half);
                CellColumn::Numbers(spread(reader, rows, optional, f64::NAN, number)?)
            }
            (ColumnReader::BoolColumnReader(reader), Kind::Truth) => {
                let word = |value: &bool| if *value { "true" } else { "false" };
                texts(spread(reader, rows, optional, "", word)?)
            }
            (ColumnReader::ByteArrayColumnReader(reader), Kind::Text) => {
                let (values, defined) = read_runs(reader, rows, optional)?;
                texts(placed(&values, &defined, &[][..], ByteArray::data))
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Kind::Uuid) => {
                texts(spread(reader, rows, optional, String::new(), |bytes| uuid(bytes.data()))?)
            }
            (ColumnReader::ByteArrayColumnReader(reader), Kind::Decimal(digits)) => {
                CellColumn::Decimals(decimals(reader, rows, optional, ByteArray::data)?, digits)
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Kind::Decimal(digits)) => {
                CellColumn::Decimals(decimals(reader, rows, optional, |bytes| bytes.data())?, digits)
            }
            (_, kind) => bail!("its values are not of the type that it has ({kind:?})"),
        })
    }
}

/// The next values of a column, with `missing` in the places of those that are not there.
fn spread<T: DataType, V: Clone>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &Runs,
    optional: bool,
    missing: V,
    value: impl Fn(&T::T) -> V,
) -> anyhow::Result<Vec<V>> {
    let (values, defined) = read_runs(reader, rows, optional)?;
    Ok(placed(&values, &defined, missing, value))
}

/// Values of which some may be missing: those that are there, and by row whether it has one (nothing where
/// all have).
fn placed<'v, T, V: Clone>(
    values: &'v [T],
    defined: &[i16],
    missing: V,
    value: impl Fn(&'v T) -> V,
) -> Vec<V> {
    if defined.len() <= values.len() {
        return values.iter().map(value).collect();
    }
    let mut present = values.iter();
    let of_row = |level: &i16| if *level > 0 { present.next().map(&value) } else { None };
    defined.iter().map(of_row).map(|value| value.unwrap_or_else(|| missing.clone())).collect()
}

/// The next values of a column that are there, and of an optional one whether each row has one.
fn read_runs<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &Runs,
    optional: bool,
) -> anyhow::Result<(Vec<T::T>, Vec<i16>)> {
    let (mut values, mut defined) = (Vec::with_capacity(rows.count()), Vec::new());
    for &(passed, taken) in &rows.0 {
        let skipped = if passed > 0 { reader.skip_records(passed)? } else { 0 };
        let levels = optional.then_some(&mut defined);
        let read = if taken > 0 { reader.read_records(taken, levels, None, &mut values)?.0 } else { 0 };
        if (skipped, read) != (passed, taken) {
            bail!("has fewer rows than its group");
        }
    }
    Ok((values, defined))
}

/// Decimal numbers that are written as bytes.
fn decimals<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &Runs,
    optional: bool,
    bytes: impl Fn(&T::T) -> &[u8],
) -> anyhow::Result<Vec<i128>> {
    let (values, defined) = read_runs(reader, rows, optional)?;
    let numbers: Option<Vec<i128>> = values.iter().map(|value| decimal::big_endian(bytes(value))).collect();
    let numbers = numbers.context("a decimal number has no digit, or more of them than its type says")?;
    Ok(placed(&numbers, &defined, NO_DECIMAL, |number| *number))
}

fn texts(cells: Vec<impl AsRef<[u8]>>) -> CellColumn {
    let mut texts = TextColumn::default();
    cells.iter().for_each(|cell| texts.push(cell.as_ref()));
    CellColumn::Text(texts)
}

/// The number that a 32-bit float's fewest digits write, as CSV files have them: 0.1, not
/// 0.10000000149011612.
fn written(number: f32) -> f64 {
    let exact = f64::from(number);
    let is_it = |digits: &f64| *digits as f32 == number;
    // Most are hundredths or whole. At most one number of so few digits is rounded to a float.
    let hundredths = (exact * 100.0).round() / 100.0;
    if exact.abs() < 10_000.0 && is_it(&hundredths) {
        return hundredths;
    }
    if exact.abs() < 16_777_216.0 && exact.fract() == 0.0 {
        return exact;
    }
    let shortest = format!("{number:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    // Ties go to the even last digit.
    let even = format!("{exact:.*e}", digits.saturating_sub(1));
    let mut written = [even, shortest].into_iter().filter_map(|text| text.parse().ok());
    written.find(is_it).unwrap_or(exact)
}

/// The same of a 16-bit float.
fn written_half(bytes: [u8; 2]) -> f64 {
    let bits = u16::from_le_bytes(bytes);
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exact = match bits & 0x7FFF {
        0x7C00 => return sign * f64::INFINITY,
        0x7C01.. => return f64::NAN,
        0 => return sign * 0.0,
        magnitude => half(magnitude),
    };
    // What lies between the middles to both neighbours is rounded to it; a middle itself where its last bit
    // is even.
    let (low, high) = ((half((bits & 0x7FFF) - 1) + exact) / 2.0, (half((bits & 0x7FFF) + 1) + exact) / 2.0);
    let is_it = |digits: &f64| match bits & 1 {
        0 => (low..=high).contains(digits),
        _ => low < *digits && *digits < high,
    };
    let mut written = (0..5).filter_map(|digits| format!("{exact:.digits$e}").parse().ok());
    sign * written.find(is_it).unwrap_or(exact)
}

/// The number of a 16-bit float without its sign, as if there were no end to them.
fn half(magnitude: u16) -> f64 {
    let fraction = f64::from(magnitude & 0x3FF);
    match i32::from(magnitude >> 10) {
        0 => fraction * 2f64.powi(-24),
        exponent => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend(
            [byte >> 4, byte & 15].iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_pass_over_what_is_not_wanted() {
        let runs = |wanted: &[u8]| Runs::of(wanted.iter().map(|wanted| *wanted == 1)).0;
        assert_eq!(runs(&[1, 1, 0, 0, 1]), [(0, 2), (2, 1)]);
        assert_eq!(runs(&[0, 1, 0]), [(1, 1), (1, 0)]);
        assert_eq!(runs(&[]), [(0, 0)]);
        assert_eq!(Runs(runs(&[0, 1, 0, 1, 1])).count(), 3);
    }

    #[test]
    fn short_floats_are_what_their_digits_write() {
        let cases = [(0.1, 0.1), (1000.1, 1000.1), (-2.5, -2.5), (16_777_216.0, 16_777_216.0), (1e20, 1e20)];
        for (number, expected) in cases {
            assert_eq!(written(number), expected);
        }
        assert_eq!((written(f32::MIN_POSITIVE), written(1e-45)), (1.1754944e-38, 1e-45));
        // 2395271.25 is as near to .2 as to .3.
        assert_eq!((written(2_395_271.2), written(2_395_271.5)), (2_395_271.2, 2_395_271.5));
        assert!(written(f32::NAN).is_nan() && written(f32::NEG_INFINITY) == f64::NEG_INFINITY);
        let cases: [(u16, f64); 7] = [
            (0x2E66, 0.1),
            (0x7BFF, 65_500.0),
            (0x0001, 6e-8),
            (0xB555, -0.3333),
            (986, 5.877e-5),
            (987, 5.88e-5),
            (0xFC00, f64::NEG_INFINITY),
        ];
        for (bits, expected) in cases {
            assert_eq!(written_half(bits.to_le_bytes()), expected, "{bits:x}");
        }
        assert!(written_half(0x7E00u16.to_le_bytes()).is_nan());
    }

    #[test]
    fn missing_values_have_their_places() {
        assert_eq!(placed(&[7, 8], &[1, 0, 0, 1], -1, |value| *value), [7, -1, -1, 8]);
        assert_eq!(placed(&[7, 8], &[], -1, |value| *value), [7, 8]);
        assert_eq!(placed(&[7], &[1], -1, |value| *value), [7]);
        assert_eq!(placed::<i32, i32>(&[], &[0, 0], -1, |value| *value), [-1, -1]);
    }
}
