//! One table's file, whatever its format: planned columns in, batches out, in the order of the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use nextbest_core::time::Clock;

use super::batch::{Batch, Cells, Part, Seen};
use super::convert::convert;
use super::csv::CsvFile;
use super::parquet_file::{ParquetFile, is_parquet};
use super::plan::TablePlan;
use crate::config::{Config, TableConfig};

/// A table's file whose columns are known.
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    format: Format,
}

enum Format {
    Csv(CsvFile),
    Parquet(ParquetFile),
}

impl TableFile {
    /// Opens the file of a table.
    ///
    /// # Errors
    /// If there is no such file, or it is none of its format.
    pub(super) fn open(config: &Config, name: &str, table: &TableConfig) -> anyhow::Result<Self> {
        let path = config.data_source.table_file(name, &table.file);
        let delimiter = config.data_source.csv.delimiter()?;
        let opened = is_parquet(&path).and_then(|is_parquet| match is_parquet {
            true => ParquetFile::open(&path).map(Format::Parquet),
            false => CsvFile::open(&path, Some(delimiter)).map(Format::Csv),
        });
        let format = opened.with_context(|| {
            format!(
                "{}: can't be read as table `{name}`; {} says where the tables are, and `nextbest generate` \
                 makes a \
                 synthetic bank",
                path.display(),
                config.data_source.input_path_key()
            )
        })?;
        Ok(Self { path, format })
    }

    fn names(&self) -> &[String] {
        match &self.format {
            Format::Csv(file) => file.names(),
            Format::Parquet(file) => file.names(),
        }
    }

    /// The position of a column.
    ///
    /// # Errors
    /// If there is no such column.
    pub(super) fn position(&self, column: &str, table: &str) -> anyhow::Result<usize> {
        self.names().iter().position(|name| name == column).with_context(|| {
            format!(
                "{}: no column `{column}`, which table `{table}` needs; there are {}",
                self.header_place(),
                self.names().join(", ")
            )
        })
    }

    fn header_place(&self) -> String {
        match &self.format {
            Format::Csv(file) => format!("{}:{}", self.path.display(), file.header_line()),
            Format::Parquet(_) => self.path.display().to_string(),
        }
    }

    /// Passes cells to `each`, from several threads at once. Rows that are not seen may be left out. Of
    /// instants, the cells are what the clock shows then.
    fn read(
        &self,
        clock: &Clock,
        columns: &[usize],
        seen: Option<&Seen>,
        each: impl Fn(Part, Cells) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        match &self.format {
            // Text has to be taken apart before anything can be left out.
            Format::Csv(file) => file.read(&self.path, columns, each),
            Format::Parquet(file) => file.read(&self.path, clock, columns, seen, each),
        }
    }
}

/// Reads a table as planned. Batches are made and prepared side by side, and passed to `sink` one after the
/// other, in the order of the file.
///
/// # Errors
/// If the file or one of its columns can't be read; problems of single rows are in the batches. Those of
/// `sink`.
pub(super) fn read_table<B: Send>(
    file: &TableFile,
    plan: &TablePlan<'_>,
    prepare: impl Fn(Batch) -> B + Sync,
    sink: impl FnMut(B) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let columns = plan.file_columns.iter().map(|column| file.position(column, plan.name));
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    let in_order = Mutex::new(InOrder { next: (0, 0), waiting: BTreeMap::new(), sink });
    file.read(plan.clock, &columns, plan.seen_rows().as_ref(), |part, cells| {
        let batch = prepare(convert(plan, cells)?);
        // A thread that panicked has already brought the whole command down.
        in_order.lock().unwrap_or_else(PoisonError::into_inner).pass(part, batch)
    })
}

/// A row of a small table, as texts.
pub(super) struct TextRow {
    /// The file and where the row stands in it.
    pub(super) place: String,
    /// One text a column, empty where there is none.
    pub(super) texts: Vec<String>,
}

/// Reads some columns of a small table as texts; those that are `None` are empty.
///
/// # Errors
/// If the file, a column or a row can't be read.
pub(super) fn read_texts(
    file: &TableFile,
    clock: &Clock,
    table: &str,
    columns: &[Option<&str>],
) -> anyhow::Result<Vec<TextRow>> {
    let wanted = columns.iter().flatten().map(|column| file.position(column, table));
    let wanted = wanted.collect::<anyhow::Result<Vec<_>>>()?;
    let rows = Mutex::new(Vec::new());
    file.read(clock, &wanted, None, |part, cells| {
        if let Some((row, problem)) = cells.malformed.first() {
            bail!("{}{}: {problem}", file.path.display(), cells.places.of(*row));
        }
        for row in 0..cells.rows {
            let place = format!("{}{}", file.path.display(), cells.places.of(row));
            let mut read = cells.columns.iter();
            let texts = columns.iter().map(|column| match column.and_then(|_| read.next()) {
                Some(cells) => {
                    Ok(cells.text(row).map_err(|problem| anyhow::anyhow!("{place}: {problem}"))?.into_owned())
                }
                None => Ok(String::new()),
            });
            let texts = texts.collect::<anyhow::Result<Vec<_>>>()?;
            let order = (part.group, part.number, row);
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            rows.push((order, TextRow { place, texts }));
        }
        Ok(())
    })?;
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(order, _)| *order);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Batches come as they are finished; here they wait for their turn.
struct InOrder<B, S> {
    next: (usize, usize),
    waiting: BTreeMap<(usize, usize), (bool, B)>,
    sink: S,
}

impl<B, S: FnMut(B) -> anyhow::Result<()>> InOrder<B, S> {
    fn pass(&mut self, part: Part, batch: B) -> anyhow::Result<()> {
        self.waiting.insert((part.group, part.number), (part.is_last, batch));
        while let Some((is_last, batch)) = self.waiting.remove(&self.next) {
            self.next = if is_last { (self.next.0 + 1, 0) } else { (self.next.0, self.next.1 + 1) };
            (self.sink)(batch)?;
        }
        Ok(())
    }
}

/// The start of a message about a row.
pub(super) fn in_file(file: &Path, problem: &str) -> String {
    format!("{}{problem}", file.display())
}
