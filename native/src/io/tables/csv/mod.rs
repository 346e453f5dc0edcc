//! CSV files, read in blocks of whole records that are parsed side by side.

mod blocks;
mod records;
mod start;

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use rayon::prelude::*;

use super::batch::{CellColumn, Cells, Part, Places, Span, TextColumn};
use super::header::check_distinct;
use blocks::{Block, Blocks};
use records::{Cell, Record, Records, is_line_end};
use start::Start;

/// Files are read in blocks of about this many bytes.
const BLOCK: usize = 2 << 20;

/// A CSV file whose header was read.
#[derive(Debug)]
pub(super) struct CsvFile {
    start: Start,
    /// About how many bytes a block has.
    block: usize,
}

impl CsvFile {
    /// Opens a file and reads the names of its columns. The delimiter is the given one, or found out.
    ///
    /// # Errors
    /// If it is no CSV file in UTF-8, or two columns have one name.
    pub(super) fn open(path: &Path, delimiter: Option<u8>) -> anyhow::Result<Self> {
        let start = Start::read(path, delimiter)?;
        check_distinct(&start.names)?;
        Ok(Self { start, block: BLOCK })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.start.names
    }

    /// The line with the names.
    pub(super) fn header_line(&self) -> u64 {
        self.start.header_line
    }

    /// What stands between values.
    pub(super) fn delimiter(&self) -> u8 {
        self.start.delimiter
    }

    /// Passes all rows to `each`, part by part, from several threads at once.
    ///
    /// # Errors
    /// Those of `each`, and where the file can't be read or rows can't be told from each other; the first of
    /// them.
    pub(super) fn read(
        &self,
        path: &Path,
        columns: &[usize],
        each: impl Fn(Part, Cells) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        let place = || path.display().to_string();
        let mut file = File::open(path).with_context(place)?;
        file.seek(SeekFrom::Start(self.start.offset)).with_context(place)?;
        let blocks = Blocks::new(file, self.start.delimiter, self.block, self.start.line);
        // Blocks are begun in order, and those that were begun are finished: so the first error is always the
        // same one.
        let first_error: Mutex<Option<(usize, anyhow::Error)>> = Mutex::default();
        let stopped = blocks.enumerate().par_bridge().try_for_each(|(number, block)| {
            let read = || {
                let block = block.with_context(place)?;
                let cells = self.parse(&block, columns).map_err(|at| at.context_of(path))?;
                each(Part { group: number, number: 0, is_last: true }, cells)
            };
            read().map_err(|error| {
                let mut first = first_error.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(other, _)| number < *other) {
                    *first = Some((number, error));
                }
            })
        });
        match (stopped, first_error.into_inner().unwrap_or_else(PoisonError::into_inner)) {
            (Err(()), Some((_, error))) => Err(error),
            _ => Ok(()),
        }
    }

    /// The cells of a block.
    fn parse(&self, block: &Block, columns: &[usize]) -> Result<Cells, Accident> {
        let text = match block.is_last && self.names().len() > 1 {
            // Blank lines at the end of a file are no rows, unless a row may be a blank line.
            true => {
                let end = block.text.iter().rposition(|byte| !is_line_end(Some(byte)));
                block.text.get(..end.map_or(0, |end| end + 1)).unwrap_or_default()
            }
            false => block.text.as_slice(),
        };
        let mut records = Records::new(text, self.start.delimiter, block.first_line);
        let mut cells: Vec<Cell> = Vec::new();
        let mut texts: Vec<TextColumn> = columns.iter().map(|_| TextColumn::default()).collect();
        let (mut lines, mut malformed) = (Vec::new(), Vec::new());
        while let Some(record) = records.next(&mut cells) {
            let problem = self.problem(record, cells.len())?;
            for (column, &position) in texts.iter_mut().zip(columns) {
                match cells.get(position).filter(|_| problem.is_none()) {
                    Some(cell) => column.push_pieces(cell.pieces(text)),
                    None => column.push(&[]),
                }
            }
            malformed.extend(problem.map(|problem| (lines.len(), problem)));
            lines.push(record.line);
        }
        let columns = texts.into_iter().map(CellColumn::Text).collect();
        let (rows, places) = (lines.len(), Places::Lines(lines));
        Ok(Cells { rows, columns, places, malformed, unseen: 0, unseen_times: Span::NONE })
    }

    /// Why the cells of a record can't be told apart, where they can't.
    fn problem(&self, record: Record, got: usize) -> Result<Option<String>, Accident> {
        let expected = self.names().len();
        match record.flaw {
            Some(flaw) if flaw.takes_more_lines() => {
                return Err(Accident { line: record.line, problem: flaw.to_string() });
            }
            Some(flaw) => return Ok(Some(flaw.to_string())),
            None => {}
        }
        Ok(match () {
            () if got == expected => None,
            () if record.is_blank => Some("the line is blank".to_owned()),
            () => Some(format!("expected {expected} columns, got {got}")),
        })
    }
}

/// Rows that can't be told from each other.
struct Accident {
    line: u64,
    problem: String,
}

impl Accident {
    fn context_of(self, path: &Path) -> anyhow::Error {
        anyhow::anyhow!("{}:{}: {}", path.display(), self.line, self.problem)
    }
}

#[cfg(test)]
mod tests;
