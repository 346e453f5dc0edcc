//! A plain table in memory, with the types that its file declares.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use nextbest_core::time::Clock;

use super::super::batch::{CellColumn, Cells, Noted, Part};
use super::super::csv::CsvFile;
use super::super::header::{self, check_distinct, check_named};
use super::super::parquet_file::{ParquetFile, is_parquet};
use super::cell;
use super::infer::SkippedColumn;
use super::kind::{Kind, Kinds, Reading};
use super::strays::Findings;
use crate::app::usage;

/// What the columns of a file are called.
pub(crate) struct Header {
    /// All of them.
    pub(crate) names: Vec<String>,
    /// Those that nothing is to be made of unless they are asked for by name, and why.
    pub(crate) left_out: Vec<SkippedColumn>,
}

/// A file that was read whole.
pub(crate) struct PlainTable {
    pub(super) file: PathBuf,
    /// All columns, also those that were not read.
    pub(super) header: Header,
    pub(super) columns: Vec<PlainColumn>,
    pub(super) rows: usize,
    /// The rows in order, part by part.
    pub(super) parts: Vec<Cells>,
    /// Whether the file itself says which columns are texts (Parquet).
    pub(super) typed: bool,
    /// Whether numbers may have a comma before their fraction.
    pub(super) decimal_comma: bool,
    /// What times without a zone are times of.
    pub(super) clock: Clock,
    /// What the user says that columns hold.
    pub(super) kinds: Kinds,
    /// Whether the user can be asked for that.
    pub(super) takes_kinds: bool,
    /// Whether strays count as missing.
    pub(super) skips_bad_rows: bool,
    /// Rows that were left out since their cells can't be told apart.
    pub(super) bad_rows: Noted,
    pub(super) findings: Mutex<Findings>,
}

/// A column that was read.
pub(super) struct PlainColumn {
    pub(super) name: String,
    /// Its position among the cells of a part.
    pub(super) position: usize,
}

impl PlainTable {
    /// The columns of a file.
    ///
    /// # Errors
    /// As [`PlainTable::read`].
    pub(crate) fn header_of(path: &Path) -> anyhow::Result<Header> {
        let (file, ..) = Self::open(path)?;
        Ok(file.header())
    }

    /// Opens a file; the flags say whether it tells which columns are texts, and whether numbers may have a
    /// comma.
    fn open(path: &Path) -> anyhow::Result<(OpenFile, bool, bool)> {
        let place = || path.display().to_string();
        let (file, typed, decimal_comma) = if is_parquet(path)? {
            let file = ParquetFile::open(path).with_context(place)?;
            check_distinct(file.names()).with_context(place)?;
            (OpenFile::Parquet(file), true, false)
        } else {
            let file = CsvFile::open(path, None).with_context(place)?;
            let decimal_comma = file.delimiter() != b',';
            (OpenFile::Csv(file), false, decimal_comma)
        };
        check_named(file.names()).with_context(place)?;
        Ok((file, typed, decimal_comma))
    }

    /// Reads the columns of a CSV or Parquet file that are wanted, and can be read at all. Times without a
    /// zone are times of the clock.
    ///
    /// # Errors
    /// If the file can't be read, its header does not name the columns, or a row has other columns than
    /// the header.
    pub(crate) fn read(
        path: &Path,
        clock: &Clock,
        reading: Reading<'_>,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let (file, typed, decimal_comma) = Self::open(path)?;
        let kinds = Kinds::merged(reading.columns.unwrap_or_default(), file.names()).map_err(usage)?;
        let chosen: Vec<usize> = file
            .names()
            .iter()
            .enumerate()
            .filter(|(column, name)| wanted(name) && file.refusal(*column).is_none())
            .map(|(column, _)| column)
            .collect();
        let mut parts = file.parts(path, clock, &chosen)?;
        let mut bad_rows = Noted::default();
        for cells in &mut parts {
            for (row, problem) in cells.leave_out_malformed() {
                bad_rows.add(|| format!("{}{row}: {problem}", path.display()));
            }
        }
        if let Some(first) = bad_rows.shown.first().filter(|_| !reading.skip_bad_rows) {
            bail!("{first}\nMend it, or leave out rows that can't be read with --skip-bad-rows.");
        }
        let rows = parts.iter().map(|cells| cells.rows).sum();
        if rows == 0 {
            bail!("{}: there are no rows below the header", path.display());
        }
        let columns = chosen.iter().enumerate().filter_map(|(position, column)| {
            Some(PlainColumn { name: file.names().get(*column)?.clone(), position })
        });
        let columns = columns.collect();
        Ok(Self {
            file: path.to_owned(),
            header: file.header(),
            columns,
            rows,
            parts,
            typed,
            decimal_comma,
            clock: clock.clone(),
            kinds,
            takes_kinds: reading.columns.is_some(),
            skips_bad_rows: reading.skip_bad_rows,
            bad_rows,
            findings: Mutex::default(),
        })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The position of a column.
    ///
    /// # Errors
    /// If there is none of that name, or it can't be read; the message says which there are, or why.
    pub(crate) fn column(&self, name: &str) -> anyhow::Result<usize> {
        let position = self.columns.iter().position(|column| column.name == name);
        position.with_context(|| {
            let file = self.file.display();
            match self.header.left_out.iter().find(|it| it.column == name) {
                Some(SkippedColumn { why, .. }) => format!("{file}: column {name} {why}"),
                None => {
                    format!("{file}: no column `{name}` stands in the header; there are {}", self.names())
                }
            }
        })
    }

    /// A cell as [`cell::time`] has it.
    pub(super) fn time(&self, cells: &CellColumn, row: usize) -> Result<f64, String> {
        cell::time(cells, &self.clock, row)
    }

    /// The times of a column, in seconds since 1970-01-01 on the bank's clock; `None` where there is none.
    ///
    /// # Errors
    /// Names the first cells that are no dates, unless these count as missing.
    pub(crate) fn times(&self, column: usize) -> anyhow::Result<Vec<Option<i64>>> {
        let times = self.read_as(column, Kind::Date)?;
        self.check()?;
        Ok(times.into_iter().map(|time| (!time.is_nan()).then_some(time as i64)).collect())
    }

    /// The numbers of a column; NaN where there is none.
    ///
    /// # Errors
    /// Names the first cells that are no numbers, unless these count as missing.
    pub(crate) fn numbers(&self, column: usize) -> anyhow::Result<Vec<f64>> {
        let numbers = self.read_as(column, Kind::Number)?;
        self.check()?;
        Ok(numbers)
    }

    /// The words of a column that identifies rows.
    ///
    /// # Errors
    /// Names the first cell that is empty.
    pub(crate) fn ids(&self, column: usize) -> anyhow::Result<Vec<String>> {
        self.map(column, |cells, row| match cell::word(cells, row)? {
            Some(word) => Ok(word.into_owned()),
            None => Err("the id is missing".into()),
        })
    }

    /// The texts of a column as they stand, also those that mean a missing value elsewhere: a customer's id
    /// may be `NA`.
    ///
    /// # Errors
    /// Names the first cell that is empty.
    pub(crate) fn texts(&self, column: usize) -> anyhow::Result<Vec<String>> {
        self.map(column, |cells, row| match cells.text(row)? {
            text if text.is_empty() => Err("is empty".into()),
            text => Ok(text.into_owned()),
        })
    }

    /// Names for the rows of a table that has none: their numbers in the file, those that were left out
    /// counted.
    pub(crate) fn row_numbers(&self) -> Vec<String> {
        let mut before = 0;
        let of_part = |part: &Cells| {
            let left_out: Vec<usize> = part.malformed.iter().map(|(row, _)| *row).collect();
            let all = before + 1..=before + part.rows + left_out.len();
            let is_kept = |number: &usize| !left_out.contains(&(number - before - 1));
            let kept: Vec<String> = all.clone().filter(is_kept).map(|number| number.to_string()).collect();
            before = *all.end();
            kept
        };
        self.parts.iter().flat_map(of_part).collect()
    }

    /// How many rows were left out since their cells can't be told apart.
    pub(crate) fn bad_rows(&self) -> usize {
        self.bad_rows.count
    }

    pub(super) fn name(&self, column: usize) -> String {
        self.columns.get(column).map(|column| column.name.clone()).unwrap_or_default()
    }

    pub(super) fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.header.names.iter().take(20).map(String::as_str).collect();
        let more = if self.header.names.len() > names.len() { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    }

    /// What `of` makes of each cell of a column, in order.
    pub(super) fn map<T>(
        &self,
        column: usize,
        mut of: impl FnMut(&CellColumn, usize) -> Result<T, String>,
    ) -> anyhow::Result<Vec<T>> {
        let mut values = Vec::with_capacity(self.rows);
        for (cells, part) in self.cells(column)? {
            for row in 0..part.rows {
                values.push(of(cells, row).map_err(|problem| {
                    let place = part.places.of(row);
                    anyhow::anyhow!("{}{place}: column {}: {problem}", self.file.display(), self.name(column))
                })?);
            }
        }
        Ok(values)
    }

    /// The cells of a column, part by part.
    pub(super) fn cells(&self, column: usize) -> anyhow::Result<Vec<(&CellColumn, &Cells)>> {
        let position = self.columns.get(column).context("there is no such column")?.position;
        let cells = self.parts.iter().map(|part| part.columns.get(position).map(|cells| (cells, part)));
        cells.collect::<Option<_>>().context("a part of the file lacks a column")
    }
}

/// A file whose header was read.
enum OpenFile {
    Csv(CsvFile),
    Parquet(ParquetFile),
}

impl OpenFile {
    fn names(&self) -> &[String] {
        match self {
            OpenFile::Csv(file) => file.names(),
            OpenFile::Parquet(file) => file.names(),
        }
    }

    /// Why a column can't be read, where it can't.
    fn refusal(&self, column: usize) -> Option<String> {
        match self {
            OpenFile::Csv(_) => None,
            OpenFile::Parquet(file) => file.refusal(column),
        }
    }

    fn header(&self) -> Header {
        let is_index = |name: &str| match self {
            OpenFile::Csv(_) => header::is_index(name),
            OpenFile::Parquet(file) => header::is_index(name) || file.is_index(name),
        };
        let why = |(column, name): (usize, &String)| {
            let index = || is_index(name).then(|| "is the index that pandas gave the rows".to_owned());
            Some(SkippedColumn { column: name.clone(), why: self.refusal(column).or_else(index)? })
        };
        let left_out = self.names().iter().enumerate().filter_map(why).collect();
        Header { names: self.names().to_vec(), left_out }
    }

    /// Some columns of all rows, in the order of the file.
    fn parts(&self, path: &Path, clock: &Clock, columns: &[usize]) -> anyhow::Result<Vec<Cells>> {
        let parts: Mutex<Vec<(Part, Cells)>> = Mutex::default();
        let keep = |part, cells| {
            parts.lock().unwrap_or_else(PoisonError::into_inner).push((part, cells));
            Ok(())
        };
        match self {
            OpenFile::Csv(file) => file.read(path, columns, keep)?,
            OpenFile::Parquet(file) => file.read(path, clock, columns, None, keep)?,
        }
        let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        parts.sort_by_key(|(part, _)| (part.group, part.number));
        Ok(parts.into_iter().map(|(_, cells)| cells).collect())
    }
}
