//! Files of the synthetic bank: all threads simulate customers, which are written in order.

mod csv;
mod parquet;
mod truth;

use std::ops::Range;
use std::path::Path;

use nextbest_core::synth::{ALL_TABLES, Bank, Question, Table};
use rayon::prelude::*;
use serde::Serialize;

use crate::app::Progress;
use crate::config::OutputFormat;
use crate::io::output;

pub(crate) use truth::Truth;

/// Customers per part of the simulation.
const PART: u64 = 32;
/// So many parts are simulated at a time, while those before them are written. This bounds the memory, and
/// where Parquet's row groups may end; the number of threads has no part in it.
const PARTS_AT_ONCE: u64 = 32;

/// What to write.
pub(crate) struct Plan<'b> {
    pub(crate) bank: &'b Bank,
    pub(crate) format: OutputFormat,
    /// What to tell the truth about, if at all, and of how many customers: those of lower indices.
    pub(crate) truth: Option<(Question, u64)>,
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    pub(crate) file: String,
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
}

/// The tables being written in some format.
trait Tables: Send {
    /// Some customers' rows.
    type Part: Send;

    /// The rows that belong to no customer.
    fn static_rows(plan: &Plan<'_>) -> Self::Part;

    /// The rows of some customers.
    fn simulate(plan: &Plan<'_>, customers: Range<u64>) -> anyhow::Result<Self::Part>;

    fn write(&mut self, parts: Vec<Self::Part>) -> anyhow::Result<()>;

    /// Writes what is still pending; gives each table's rows and bytes.
    fn finish(self) -> anyhow::Result<Vec<(usize, u64)>>;
}

impl Plan<'_> {
    fn question_about(&self, customer: u64) -> Option<&Question> {
        self.truth.as_ref().filter(|(_, below)| customer < *below).map(|(question, _)| question)
    }

    /// Writes the tables into a folder, whole or not at all. A table of the truth that is there but not among
    /// them goes: it would be that of another bank.
    ///
    /// # Errors
    /// If a file can't be written.
    pub(crate) fn write(&self, folder: &Path, progress: &Progress) -> anyhow::Result<Vec<Written>> {
        let tables = ALL_TABLES.into_iter().filter(|table| *table != Table::Truth || self.truth.is_some());
        let names: Vec<String> = tables.map(|table| file_name(table, self.format)).collect();
        let stale = [OutputFormat::Csv, OutputFormat::Parquet].map(|it| file_name(Table::Truth, it));
        let stale: Vec<&str> = stale.iter().filter(|it| !names.contains(it)).map(String::as_str).collect();
        let mut sizes = Vec::new();
        output::FileSet {
            folder,
            command: "generate",
            names: &names.iter().map(String::as_str).collect::<Vec<_>>(),
            stale: &stale,
        }
        .write(|files| {
            sizes = match self.format {
                OutputFormat::Csv => self.write_to(csv::CsvTables::new(files)?, progress)?,
                OutputFormat::Parquet => self.write_to(parquet::ParquetTables::new(files)?, progress)?,
            };
            Ok(())
        })?;
        Ok(names.into_iter().zip(sizes).map(|(file, (rows, bytes))| Written { file, rows, bytes }).collect())
    }

    fn write_to<T: Tables>(&self, mut tables: T, progress: &Progress) -> anyhow::Result<Vec<(usize, u64)>> {
        let customers = self.bank.customers();
        progress.parts("simulating customers".into(), (customers.end - customers.start).div_ceil(PART));
        let mut ready = vec![T::static_rows(self)];
        for round in pieces(customers, PART * PARTS_AT_ONCE) {
            let before = std::mem::take(&mut ready);
            let (simulated, written) = rayon::join(
                || -> anyhow::Result<Vec<T::Part>> {
                    let parts: Vec<Range<u64>> = pieces(round, PART).collect();
                    let simulate = |customers: Range<u64>| {
                        let part = T::simulate(self, customers);
                        progress.part_done();
                        part
                    };
                    parts.into_par_iter().map(simulate).collect()
                },
                || tables.write(before),
            );
            written?;
            ready = simulated?;
        }
        tables.write(ready)?;
        tables.finish()
    }
}

/// The file that holds `table`.
pub(crate) fn file_name(table: Table, format: OutputFormat) -> String {
    format!("{}.{}", table.name(), format.extension())
}

/// A range in pieces of `length`, the last one perhaps shorter.
fn pieces(range: Range<u64>, length: u64) -> impl Iterator<Item = Range<u64>> {
    let Range { start, end } = range;
    (start..end).step_by(length as usize).map(move |first| first..end.min(first + length))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::File;

    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;
    use nextbest_core::synth::{BankParams, Column, Date, Kind};
    use nextbest_core::time::{self, DAY};

    use super::*;

    /// A value that is neither text nor Parquet; `None` where it is missing.
    #[derive(Debug, PartialEq)]
    enum Value {
        Number(f64),
        Seconds(i64),
        Text(String),
    }

    fn of_text(text: &str, column: &Column) -> Option<Value> {
        (!text.is_empty()).then(|| match column.kind {
            Kind::Integer | Kind::Decimal => Value::Number(text.parse().unwrap()),
            Kind::Date | Kind::Timestamp => Value::Seconds(time::parse(text).unwrap()),
            Kind::Text => Value::Text(text.to_owned()),
        })
    }

    fn of_field(field: &Field) -> Option<Value> {
        match field {
            Field::Null => None,
            // Below 2⁵³, so that nothing is rounded.
            Field::Long(value) => Some(Value::Number(*value as f64)),
            Field::Double(value) => Some(Value::Number(*value)),
            Field::Date(day) => Some(Value::Seconds(i64::from(*day) * DAY)),
            Field::TimestampMicros(at) => {
                assert_eq!(at % 1_000_000, 0);
                Some(Value::Seconds(at / 1_000_000))
            }
            Field::Str(text) => Some(Value::Text(text.clone())),
            other => panic!("{other:?}"),
        }
    }

    fn folder_of(format: OutputFormat) -> (tempfile::TempDir, Vec<Written>) {
        let folder = tempfile::tempdir().unwrap();
        let bank = Bank::new(BankParams { customers: 0..2_100, ..BankParams::default() }).unwrap();
        let cutoffs = vec![Date::from_ymd(2026, 1, 1).unwrap(), Date::from_ymd(2026, 4, 1).unwrap()];
        let truth = Some((Question { cutoffs, days: 90, paths: 4 }, 1_500));
        let plan = Plan { bank: &bank, format, truth };
        let written = plan.write(folder.path(), &Progress::new(true)).unwrap();
        (folder, written)
    }

    #[test]
    fn parquet_holds_the_values_of_the_csv() {
        let (csv_folder, csv_written) = folder_of(OutputFormat::Csv);
        let (parquet_folder, parquet_written) = folder_of(OutputFormat::Parquet);
        let mut groups = BTreeMap::new();
        for ((table, csv), parquet) in ALL_TABLES.into_iter().zip(csv_written).zip(parquet_written) {
            let mut lines = ::csv::Reader::from_path(csv_folder.path().join(&csv.file)).unwrap();
            let file = File::open(parquet_folder.path().join(&parquet.file)).unwrap();
            assert_eq!(file.metadata().unwrap().len(), parquet.bytes);
            let reader = SerializedFileReader::new(file).unwrap();
            let descriptor = reader.metadata().file_metadata().schema_descr();
            let names: Vec<&str> = descriptor.columns().iter().map(|column| column.name()).collect();
            assert_eq!(lines.headers().unwrap(), names);
            let mut rows = reader.get_row_iter(None).unwrap();
            let mut count = 0;
            for line in lines.records() {
                let (line, row) = (line.unwrap(), rows.next().unwrap().unwrap());
                for ((text, column), (_, field)) in
                    line.iter().zip(table.columns()).zip(row.get_column_iter())
                {
                    assert_eq!(of_field(field), of_text(text, column), "{table:?} {line:?}");
                }
                count += 1;
            }
            assert!(rows.next().is_none());
            assert_eq!((csv.rows, parquet.rows), (count, count));
            groups.insert(table, reader.metadata().num_row_groups());
        }
        assert!(groups[&Table::Transaction] > 2 && groups[&Table::Channel] == 1, "{groups:?}");
        assert!(groups.contains_key(&Table::Truth));
    }
}
