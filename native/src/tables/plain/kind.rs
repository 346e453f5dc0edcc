//! What the cells of a column are taken for, and the cells that are none of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use nextbest_core::customers::words;

use super::super::batch::CellColumn;
use super::{PlainTable, cell};

/// What a column's cells are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Time,
    Word,
}

/// What a column holds.
pub(crate) enum ColumnValues {
    /// Numbers, or seconds since 1970-01-01; NaN where there is none.
    Numbers(Vec<f64>),
    /// Equal ones are in memory once.
    Words(Vec<Option<Arc<str>>>),
}

/// Cells that are not of the kind that their column is taken for.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    pub(crate) cells: usize,
    /// Where the first one stands, and what is wrong with it.
    pub(crate) first: String,
}

impl PlainTable {
    /// What a column's cells are: numbers or dates where all that are there are, else words. A file that says itself which
    /// columns are text has no numbers there.
    ///
    /// # Errors
    /// Where a cell can't be read at all.
    pub(crate) fn kind(&self, column: usize) -> anyhow::Result<Kind> {
        let is_text = self.typed && self.is_text(column);
        if !is_text && self.map(column, |cells, row| self.number(cells, row)).is_ok() {
            return Ok(Kind::Number);
        }
        Ok(if self.map(column, |cells, row| self.time(cells, row)).is_ok() { Kind::Time } else { Kind::Word })
    }

    /// How large a share of a column's cells, of those that are there, a kind is right for.
    ///
    /// # Errors
    /// Where a cell can't be read at all.
    pub(crate) fn share_of(&self, column: usize, kind: Kind) -> anyhow::Result<f64> {
        let (mut there, mut right) = (0usize, 0usize);
        self.map(column, |cells, row| {
            there += usize::from(cell::word(cells, row)?.is_some());
            right += match kind {
                Kind::Number => usize::from(self.number(cells, row).is_ok_and(|number| !number.is_nan())),
                Kind::Time => usize::from(self.time(cells, row).is_ok_and(|time| !time.is_nan())),
                Kind::Word => usize::from(cell::word(cells, row)?.is_some()),
            };
            Ok(())
        })?;
        Ok(right as f64 / there.max(1) as f64)
    }

    /// The values of a column as a kind; cells that are none of it count as missing.
    ///
    /// # Errors
    /// Where a cell can't be read at all.
    pub(crate) fn values(&self, column: usize, kind: Kind) -> anyhow::Result<(ColumnValues, Strays)> {
        let mut strays = Strays::default();
        let mut first = None;
        let mut known: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut position = 0;
        let mut or_stray = |read: Result<f64, String>, what: &str| {
            position += 1;
            Ok(read.unwrap_or_else(|text| {
                strays.cells += 1;
                first.get_or_insert_with(|| (position - 1, format!("{text:?} is no {what}")));
                f64::NAN
            }))
        };
        let values = match kind {
            Kind::Number => ColumnValues::Numbers(
                self.map(column, |cells, row| or_stray(self.number(cells, row), "number"))?,
            ),
            Kind::Time => {
                ColumnValues::Numbers(self.map(column, |cells, row| or_stray(self.time(cells, row), "date"))?)
            }
            Kind::Word => {
                let word = |cells: &CellColumn, row| {
                    let Some(text) = cell::word(cells, row)? else { return Ok(None) };
                    let text = words::canonical(&text);
                    Ok(Some(known.get(text).cloned().unwrap_or_else(|| {
                        let word: Arc<str> = text.into();
                        known.insert(word.clone());
                        word
                    })))
                };
                ColumnValues::Words(self.map(column, word)?)
            }
        };
        if let Some((row, problem)) = first {
            strays.first = format!("{}: {problem}", self.place(column, row));
        }
        Ok((values, strays))
    }

    fn number(&self, cells: &CellColumn, row: usize) -> Result<f64, String> {
        cell::number(cells, row, self.decimal_comma)
    }
}
