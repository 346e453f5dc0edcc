//! Plain tables: one file, one row a case, columns by name. Nothing about them is declared: what the columns hold is
//! found out ([`infer`]).

mod cell;
mod infer;
mod kind;
mod prepare;
mod split;
mod target;
mod values;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use nextbest_core::time::Clock;

use super::batch::{CellColumn, Cells, Part};
use super::csv::CsvFile;
use super::header::{self, check_distinct, check_named};
use super::parquet_file::{ParquetFile, is_parquet};

pub(crate) use infer::LeftOut;
pub(crate) use kind::{ColumnValues, Kind, Strays};
pub(crate) use prepare::{Prepared, Source, prepare};
pub(crate) use values::{UnknownWords, read_rows};

/// What the columns of a file are called.
pub(crate) struct Header {
    /// All of them.
    pub(crate) names: Vec<String>,
    /// Those that nothing is to be made of unless they are asked for by name, and why.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A file that was read whole.
pub(crate) struct PlainTable {
    file: PathBuf,
    /// All columns, also those that were not read.
    header: Header,
    columns: Vec<PlainColumn>,
    rows: usize,
    /// The rows in order, part by part.
    parts: Vec<Cells>,
    /// Whether the file itself says which columns are texts (Parquet).
    typed: bool,
    /// Whether numbers may have a comma before their fraction.
    decimal_comma: bool,
    /// What times without a zone are times of.
    clock: Clock,
}

/// A column that was read.
struct PlainColumn {
    name: String,
    /// Its position among the cells of a part.
    position: usize,
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

    /// Opens a file; the flags say whether it tells which columns are texts, and whether numbers may have a comma.
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

    /// Reads the columns of a CSV or Parquet file that are wanted, and can be read at all. Times without a zone are times of the
    /// clock.
    ///
    /// # Errors
    /// Where the file can't be read, its header does not name the columns, or a row has other columns than the header.
    pub(crate) fn read(path: &Path, clock: &Clock, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Self> {
        let (file, typed, decimal_comma) = Self::open(path)?;
        let chosen: Vec<usize> = file
            .names()
            .iter()
            .enumerate()
            .filter(|(column, name)| wanted(name) && file.refusal(*column).is_none())
            .map(|(column, _)| column)
            .collect();
        let parts = file.parts(path, clock, &chosen)?;
        for cells in &parts {
            if let Some((row, problem)) = cells.malformed.first() {
                bail!("{}{}: {problem}", path.display(), cells.places.of(*row));
            }
        }
        let rows = parts.iter().map(|cells| cells.rows).sum();
        if rows == 0 {
            bail!("{}: there are no rows below the header", path.display());
        }
        let columns = chosen.iter().enumerate().filter_map(|(position, column)| {
            Some(PlainColumn { name: file.names().get(*column)?.clone(), position })
        });
        let columns = columns.collect();
        let (header, file, clock) = (file.header(), path.to_owned(), clock.clone());
        Ok(Self { file, header, columns, rows, parts, typed, decimal_comma, clock })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The position of a column.
    ///
    /// # Errors
    /// Where there is none of that name, or it can't be read; the message says which there are, or why.
    pub(crate) fn column(&self, name: &str) -> anyhow::Result<usize> {
        let position = self.columns.iter().position(|column| column.name == name);
        position.with_context(|| {
            let file = self.file.display();
            match self.header.left_out.iter().find(|it| it.column == name) {
                Some(LeftOut { why, .. }) => format!("{file}: column {name} {why}"),
                None => {
                    format!("{file}: no column `{name}` stands in the header; there are {}", self.names())
                }
            }
        })
    }

    /// A cell as [`cell::time`] has it.
    fn time(&self, cells: &CellColumn, row: usize) -> Result<f64, String> {
        cell::time(cells, &self.clock, row)
    }

    /// The times of a column, in seconds since 1970-01-01 on the bank's clock; `None` where there is none.
    ///
    /// # Errors
    /// Names the first cell that is no date.
    pub(crate) fn times(&self, column: usize) -> anyhow::Result<Vec<Option<i64>>> {
        let times = self.map(column, |cells, row| self.time(cells, row).map_err(cell::no_date))?;
        Ok(times.into_iter().map(|time| (!time.is_nan()).then_some(time as i64)).collect())
    }

    /// The numbers of a column; NaN where there is none.
    ///
    /// # Errors
    /// Names the first cell that is no number.
    pub(crate) fn numbers(&self, column: usize) -> anyhow::Result<Vec<f64>> {
        self.map(column, |cells, row| {
            cell::number(cells, row, self.decimal_comma).map_err(|text| format!("{text:?} is no number"))
        })
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

    /// Names for the rows of a table that has none.
    pub(crate) fn row_numbers(&self) -> Vec<String> {
        (1..=self.rows).map(|row| row.to_string()).collect()
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.header.names.iter().take(20).map(String::as_str).collect();
        let more = if self.header.names.len() > names.len() { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    }

    /// What `of` makes of each cell of a column, in order.
    fn map<T>(
        &self,
        column: usize,
        mut of: impl FnMut(&CellColumn, usize) -> Result<T, String>,
    ) -> anyhow::Result<Vec<T>> {
        let column = self.columns.get(column).context("there is no such column")?;
        let mut values = Vec::with_capacity(self.rows);
        for part in &self.parts {
            let cells = part.columns.get(column.position).context("a part of the file lacks a column")?;
            for row in 0..part.rows {
                values.push(of(cells, row).map_err(|problem| {
                    let place = part.places.of(row);
                    anyhow::anyhow!("{}{place}: column {}: {problem}", self.file.display(), column.name)
                })?);
            }
        }
        Ok(values)
    }

    /// Where a cell stands, by the position of its row.
    fn place(&self, column: usize, mut row: usize) -> String {
        let mut place = String::new();
        for part in &self.parts {
            if row < part.rows {
                place = part.places.of(row);
                break;
            }
            row -= part.rows;
        }
        let name = self.columns.get(column).map_or("", |column| &column.name);
        format!("{}{place}: column {name}", self.file.display())
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
            Some(LeftOut { column: name.clone(), why: self.refusal(column).or_else(index)? })
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

#[cfg(test)]
mod tests;
