//! The rows of a plain table as the schema of a model reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::bail;
use nextbest_core::customers::{Columns, Customers, UNKNOWN, words};
use nextbest_core::schema::{Column, ColumnKind, Schema};
use rayon::prelude::*;
use serde::Serialize;

use super::cell;
use super::kind::Kind;
use super::table::PlainTable;

/// Rows as a model reads them.
pub(crate) struct PlainRows {
    /// One customer a row.
    pub(crate) rows: Customers,
    /// Columns with words that the model has never seen.
    pub(crate) unknown: Vec<UnknownWords>,
}

/// Words that the model has never seen: they count as missing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UnknownWords {
    pub(crate) column: String,
    /// How many cells have one.
    pub(crate) cells: usize,
    /// How many words of the column the bundle withholds: they are unknown to whoever has it.
    pub(crate) withheld: usize,
    /// The first of them.
    pub(crate) first: String,
    /// Each of them (of very many, those that came first) and how many cells have it, the most frequent
    /// first.
    #[serde(skip)]
    pub(crate) words: Vec<(String, usize)>,
}

/// So many different words are told apart.
const TOLD_APART: usize = 1_000;

/// Reads the columns of a schema by their names. What is predicted is not read.
///
/// # Errors
/// Names the columns that are not there, or the first cells that are not of their column's kind, unless these
/// count as missing.
pub(crate) fn read_rows(table: &PlainTable, schema: &Schema) -> anyhow::Result<PlainRows> {
    let declared = &schema.customer().columns;
    let is_read = |position: usize| schema.label() != Some(position);
    let missing: Vec<&str> = declared
        .iter()
        .enumerate()
        .filter(|(position, column)| is_read(*position) && table.column(&column.name).is_err())
        .map(|(_, column)| column.name.as_str())
        .collect();
    let refused = |name: &&str| table.header.left_out.iter().any(|it| it.column == **name);
    if let Some(name) = missing.iter().find(|name| refused(name)) {
        table.column(name)?;
    }
    if !missing.is_empty() {
        bail!(
            "{}: the model reads columns that are not there: {}; there are {}",
            table.file.display(),
            missing.join(", "),
            table.names()
        );
    }
    let read = declared
        .par_iter()
        .enumerate()
        .map(|(position, column)| match is_read(position) {
            true => read_column(table, column),
            false => Ok((vec![f64::NAN; table.len()], None)),
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    table.check()?;
    let (columns, unknown): (Vec<Vec<f64>>, Vec<Option<UnknownWords>>) = read.into_iter().unzip();
    let rows = Customers::new(schema, Columns::new(columns, table.len())?, Vec::new())?;
    Ok(PlainRows { rows, unknown: unknown.into_iter().flatten().collect() })
}

/// What stands in two columns that are compared.
pub(crate) enum BothValues {
    /// Numbers, or seconds since 1970-01-01; NaN where there is none.
    Numbers(Vec<f64>, Vec<f64>),
    /// Equal ones are in memory once.
    Words(Vec<Option<Arc<str>>>, Vec<Option<Arc<str>>>),
}

impl PlainTable {
    /// The values of a column here, and in another table as what they are here.
    ///
    /// # Errors
    /// If the column is not there, or a cell can't be read at all.
    pub(crate) fn values_of_both(&self, other: &Self, name: &str) -> anyhow::Result<BothValues> {
        let (here, there) = (self.column(name)?, other.column(name)?);
        Ok(match self.kind(here)? {
            Kind::Word => BothValues::Words(self.words(here)?, other.words(there)?),
            kind => BothValues::Numbers(self.read_as(here, kind)?, other.read_as(there, kind)?),
        })
    }

    /// The words of a column; those that say the same are the same.
    fn words(&self, column: usize) -> anyhow::Result<Vec<Option<Arc<str>>>> {
        let mut met: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut shared = |word: &str| match met.get(word) {
            Some(word) => word.clone(),
            None => {
                let word: Arc<str> = word.into();
                met.insert(word.clone());
                word
            }
        };
        let word = |cells: &_, row| Ok(cell::word(cells, row)?.map(|word| shared(words::canonical(&word))));
        self.map(column, word)
    }
}

fn read_column(table: &PlainTable, declared: &Column) -> anyhow::Result<(Vec<f64>, Option<UnknownWords>)> {
    let column = table.column(&declared.name)?;
    let known = match &declared.kind {
        ColumnKind::Number => return Ok((table.read_as(column, Kind::Number)?, None)),
        ColumnKind::Time => return Ok((table.read_as(column, Kind::Date)?, None)),
        ColumnKind::Category(words) => words,
    };
    let codes: BTreeMap<&str, usize> = known.iter().map(String::as_str).zip(0..).collect();
    let read = table.map(column, |cells, row| {
        Ok(match cell::word(cells, row)? {
            None => Ok(f64::NAN),
            Some(word) => {
                // Most words are written as they were met: only others are looked for.
                let code = codes.get(word.as_ref()).copied().or_else(|| words::position(known, &word));
                code.map(|code| code as f64).ok_or_else(|| word.into_owned())
            }
        })
    })?;
    let mut first = None;
    let (mut unknown, mut cells) = (BTreeMap::<String, usize>::new(), 0);
    let values = read.into_iter().map(|value| {
        value.unwrap_or_else(|word| {
            cells += 1;
            first.get_or_insert_with(|| word.clone());
            if unknown.len() < TOLD_APART || unknown.contains_key(&word) {
                *unknown.entry(word).or_default() += 1;
            }
            UNKNOWN
        })
    });
    let values = values.collect();
    let mut words: Vec<(String, usize)> = unknown.into_iter().collect();
    words.sort_by_key(|(_, cells)| std::cmp::Reverse(*cells));
    let withheld = known.iter().filter(|word| words::is_withheld(word)).count();
    let unknown =
        first.map(|first| UnknownWords { column: declared.name.clone(), cells, withheld, first, words });
    Ok((values, unknown))
}
