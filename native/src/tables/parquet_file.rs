//! Parquet files, read row group by row group side by side, in parts of rows.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};
use nextbest_core::time::{Clock, DAY};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use rayon::prelude::*;

use super::batch::{CellColumn, Cells, NO_INTEGER, Part, Places, Seen, TextColumn};

/// Parts have this many rows at most.
const ROWS: usize = 32 * 1024;
/// Rows are passed over where the runs of rows that are taken and passed over are this long on the average.
const MIN_RUN: usize = 8;

/// A Parquet file whose metadata were read.
pub(super) struct ParquetFile {
    names: Vec<String>,
    groups: usize,
    clock: Clock,
}

impl ParquetFile {
    /// Opens a file and reads the names of its columns. What the clock shows at the file's instants is what is read.
    pub(super) fn open(path: &Path, clock: &Clock) -> anyhow::Result<Self> {
        let reader = SerializedFileReader::new(File::open(path)?)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names = schema.columns().iter().map(|column| column.path().string()).collect();
        Ok(Self { names, groups: reader.num_row_groups(), clock: clock.clone() })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Passes all rows to `each`, part by part, from several threads at once. Row groups are begun in order.
    pub(super) fn read(
        &self,
        path: &Path,
        columns: &[usize],
        seen: Option<&Seen>,
        each: impl Fn(Part, Cells) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        let place = || path.display().to_string();
        (0..self.groups).par_bridge().try_for_each(|group| {
            let reader =
                SerializedFileReader::new(File::open(path).with_context(place)?).with_context(place)?;
            read_group(&reader, &self.clock, group, (columns, seen), &each).with_context(place)
        })
    }
}

fn read_group(
    reader: &SerializedFileReader<File>,
    clock: &Clock,
    group: usize,
    (columns, seen): (&[usize], Option<&Seen>),
    each: &(impl Fn(Part, Cells) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<()> {
    let rows_of = |group: usize| reader.metadata().row_group(group).num_rows();
    let mut first_row = 1 + u64::try_from((0..group).map(rows_of).sum::<i64>())?;
    let mut left = usize::try_from(rows_of(group))?;
    let row_group = reader.get_row_group(group)?;
    let descriptors = reader.metadata().file_metadata().schema_descr();
    let mut readers = columns
        .iter()
        .map(|&column| {
            let descriptor = descriptors.column(column);
            if descriptor.max_rep_level() > 0 || descriptor.max_def_level() > 1 {
                bail!("column {}: nested values can't be read", descriptor.name());
            }
            let is_optional = descriptor.max_def_level() > 0;
            let meaning = Meaning::of(&descriptor)?;
            Ok(Column { reader: row_group.get_column_reader(column)?, is_optional, meaning, clock })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows = left.min(ROWS);
    let mut cells = read_part(&mut readers, rows, first_row, seen)?;
    for number in 0.. {
        left -= rows;
        first_row += rows as u64;
        rows = left.min(ROWS);
        let part = Part { group, number, is_last: left == 0 };
        if part.is_last {
            return each(part, cells);
        }
        // A file of one row group keeps two cores busy, too: one reads on while the other makes values of what is read.
        let (passed, next) =
            rayon::join(|| each(part, cells), || read_part(&mut readers, rows, first_row, seen));
        passed?;
        cells = next?;
    }
    Ok(())
}

/// The next rows of all columns. Where not all rows are seen, the time is read first and the others are left out of all
/// other columns.
fn read_part(
    columns: &mut [Column<'_>],
    rows: usize,
    first_row: u64,
    seen: Option<&Seen>,
) -> anyhow::Result<Cells> {
    let mut wanted = Runs::all(rows);
    let mut places = Places::RowsFrom(first_row);
    let mut times = None;
    let mut last_unseen = f64::NEG_INFINITY;
    if let Some(seen) = seen
        && let Some(column) = columns.get_mut(seen.column)
    {
        times = Some((seen.column, column.read(&wanted)?));
    }
    if let (Some(seen), Some((_, CellColumn::Times(values)))) = (seen, &mut times) {
        let is_seen = |time: &f64| time.is_nan() || seen.range.contains(time);
        let runs = Runs::of(values.iter().map(is_seen));
        // Short runs take longer to pass over than to read.
        if runs.0.len() * MIN_RUN <= rows {
            last_unseen = values.iter().copied().filter(|time| !is_seen(time)).fold(last_unseen, f64::max);
            let numbers = (first_row..).zip(&*values).filter(|(_, time)| is_seen(time));
            places = Places::Rows(numbers.map(|(number, _)| number).collect());
            values.retain(is_seen);
            wanted = runs;
        }
    }
    let mut cells = Vec::with_capacity(columns.len());
    for (position, column) in columns.iter_mut().enumerate() {
        match times.take_if(|(time, _)| *time == position) {
            Some((_, times)) => cells.push(times),
            None => cells.push(column.read(&wanted)?),
        }
    }
    let kept = wanted.count();
    Ok(Cells { rows: kept, columns: cells, places, malformed: Vec::new(), unseen: rows - kept, last_unseen })
}

/// Which of some consecutive rows are wanted: so many are passed over, then so many taken, and so on.
struct Runs(Vec<(usize, usize)>);

impl Runs {
    fn all(rows: usize) -> Self {
        Self(vec![(0, rows)])
    }

    fn of(wanted: impl Iterator<Item = bool>) -> Self {
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
    fn count(&self) -> usize {
        self.0.iter().map(|(_, taken)| taken).sum()
    }
}

/// A column of a row group while it is read.
struct Column<'c> {
    reader: ColumnReader,
    is_optional: bool,
    meaning: Meaning,
    clock: &'c Clock,
}

/// What a column's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meaning {
    Value,
    Days,
    /// A time without a zone, in so many parts of a second.
    Ticks(i64),
    /// An instant, in so many parts of a second since 1970-01-01 00:00 UTC.
    Instant(i64),
    /// A decimal number in so many parts of one.
    Decimal(f64),
}

impl Meaning {
    fn of(descriptor: &ColumnDescriptor) -> anyhow::Result<Self> {
        Ok(match (descriptor.logical_type_ref(), descriptor.converted_type()) {
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Meaning::Days,
            (Some(LogicalType::Timestamp(timestamp)), _) => {
                let per_second = match timestamp.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
                match timestamp.is_adjusted_to_u_t_c {
                    true => Meaning::Instant(per_second),
                    false => Meaning::Ticks(per_second),
                }
            }
            // Files of older writers know instants only.
            (None, ConvertedType::TIMESTAMP_MILLIS) => Meaning::Instant(1_000),
            (None, ConvertedType::TIMESTAMP_MICROS) => Meaning::Instant(1_000_000),
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => {
                Meaning::Decimal(10f64.powi(descriptor.type_scale()))
            }
            _ => Meaning::Value,
        })
    }

    fn integers(self, clock: &Clock, numbers: Vec<i64>) -> CellColumn {
        let scaled = |scale: &dyn Fn(i64) -> f64| {
            let value = |number: &i64| if *number == NO_INTEGER { f64::NAN } else { scale(*number) };
            numbers.iter().map(value).collect()
        };
        match self {
            Meaning::Value => CellColumn::Integers(numbers),
            Meaning::Days => CellColumn::Times(scaled(&|days| (days * DAY) as f64)),
            // A time is a whole second; what lies within it is cut off.
            Meaning::Ticks(per_second) => {
                CellColumn::Times(scaled(&|ticks| ticks.div_euclid(per_second) as f64))
            }
            Meaning::Instant(per_second) => {
                CellColumn::Times(scaled(&|ticks| clock.local(ticks.div_euclid(per_second)) as f64))
            }
            Meaning::Decimal(per_one) => CellColumn::Numbers(scaled(&|number| number as f64 / per_one)),
        }
    }
}

impl Column<'_> {
    fn read(&mut self, rows: &Runs) -> anyhow::Result<CellColumn> {
        let (optional, meaning, clock) = (self.is_optional, self.meaning, self.clock);
        Ok(match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) => meaning
                .integers(clock, spread(reader, rows, optional, NO_INTEGER, |number| i64::from(*number))?),
            ColumnReader::Int64ColumnReader(reader) => {
                meaning.integers(clock, spread(reader, rows, optional, NO_INTEGER, |number| *number)?)
            }
            ColumnReader::FloatColumnReader(reader) => {
                CellColumn::Numbers(spread(reader, rows, optional, f64::NAN, |number| f64::from(*number))?)
            }
            ColumnReader::DoubleColumnReader(reader) => {
                CellColumn::Numbers(spread(reader, rows, optional, f64::NAN, |number| *number)?)
            }
            ColumnReader::Int96ColumnReader(reader) => {
                // The writers that have this type (Spark, Hive, Impala) mean instants.
                let seconds = |time: &Int96| clock.local(time.to_millis().div_euclid(1000)) as f64;
                CellColumn::Times(spread(reader, rows, optional, f64::NAN, seconds)?)
            }
            ColumnReader::BoolColumnReader(reader) => {
                let values = spread(reader, rows, optional, None, |value| Some(*value))?;
                let word = |value: &Option<bool>| match value {
                    Some(true) => "true",
                    Some(false) => "false",
                    None => "",
                };
                let mut texts = TextColumn::default();
                values.iter().for_each(|value| texts.push(word(value).as_bytes()));
                CellColumn::Text(texts)
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let (values, defined) = read_runs(reader, rows, optional)?;
                let mut texts = TextColumn::default();
                if values.len() == rows.count() {
                    values.iter().for_each(|value| texts.push(value.data()));
                } else {
                    let mut present = values.iter();
                    for level in defined {
                        let value = if level > 0 { present.next() } else { None };
                        texts.push(value.map_or(&[], |value: &ByteArray| value.data()));
                    }
                }
                CellColumn::Text(texts)
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => match meaning {
                Meaning::Decimal(per_one) => {
                    let number =
                        |value: &parquet::data_type::FixedLenByteArray| big_endian(value.data()) / per_one;
                    CellColumn::Numbers(spread(reader, rows, optional, f64::NAN, number)?)
                }
                _ => bail!("a column of bytes of fixed length can't be read as text or number"),
            },
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
    if values.len() == rows.count() {
        return Ok(values.iter().map(value).collect());
    }
    let mut present = values.iter();
    Ok(defined
        .iter()
        .map(|level| {
            if *level > 0 { present.next().map_or_else(|| missing.clone(), &value) } else { missing.clone() }
        })
        .collect())
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
            bail!("a column has fewer rows than its group");
        }
    }
    Ok((values, defined))
}

/// A signed big-endian number.
fn big_endian(bytes: &[u8]) -> f64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if negative { -1i128 } else { 0 };
    bytes.iter().fold(start, |number, byte| (number << 8) | i128::from(*byte)) as f64
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
}
