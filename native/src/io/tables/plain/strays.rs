//! The cells of a plain table's columns as numbers and dates. Those that are something else are strays: an
//! error that names them, or missing values where bad rows are to be skipped.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use serde::Serialize;

use super::cell;
use super::kind::{Kind, is_in_thousands};
use super::table::PlainTable;

/// So many strays of a column are shown.
const SHOWN: usize = 3;

/// Cells of a column that do not fit the column's kind.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InvalidCells {
    pub(crate) column: String,
    /// How many, of how many cells that are there.
    pub(crate) cells: usize,
    pub(crate) of: usize,
    /// The first ones: where they stand, and what is wrong.
    pub(crate) first: Vec<String>,
}

/// What was found while columns were read, by their positions.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) strays: BTreeMap<usize, InvalidCells>,
    pub(super) doubts: BTreeMap<usize, String>,
}

impl PlainTable {
    /// Reads a column as numbers or dates, NaN where there is none. InvalidCells are NaN too, and are kept in mind
    /// ([`PlainTable::check`]).
    ///
    /// # Errors
    /// If there is no such column.
    pub(super) fn read_as(&self, column: usize, kind: Kind) -> anyhow::Result<Vec<f64>> {
        let has_both_marks = kind == Kind::Number && self.has_both_marks(column)?;
        let mut values = Vec::with_capacity(self.rows);
        let mut strays = InvalidCells { column: self.name(column), cells: 0, of: 0, first: Vec::new() };
        for (cells, part) in self.cells(column)? {
            for row in 0..part.rows {
                let read = match kind {
                    Kind::Number => cell::number(cells, row, self.decimal_comma),
                    Kind::Date | Kind::Word => self.time(cells, row),
                };
                let text = || cells.text(row);
                let is_doubtful = has_both_marks && text().is_ok_and(|text| is_in_thousands(&text));
                let value = match read {
                    Ok(value) if !is_doubtful => value,
                    _ => {
                        strays.cells += 1;
                        if strays.first.len() < SHOWN {
                            let problem = match text() {
                                Ok(text) => unlike(kind, &text, is_doubtful),
                                Err(problem) => problem,
                            };
                            strays.first.push(self.problem(column, &part.places.of(row), &problem));
                        }
                        f64::NAN
                    }
                };
                strays.of += usize::from(!value.is_nan());
                values.push(value);
            }
        }
        strays.of += strays.cells;
        if strays.cells > 0 {
            self.findings().strays.insert(column, strays);
        }
        Ok(values)
    }

    /// Whether both points and commas are read as decimal marks in a column: what could be thousands then is
    /// a stray. Tells where all could be thousands.
    fn has_both_marks(&self, column: usize) -> anyhow::Result<bool> {
        if !self.decimal_comma {
            return Ok(false);
        }
        let (mut points, mut commas, mut before_three_digits) = (0, 0, 0);
        let mut first = None;
        for (cells, part) in self.cells(column)? {
            for row in 0..part.rows {
                let Some(text) = cells.text(row).ok().filter(|text| text.contains(['.', ','])) else {
                    continue;
                };
                if cell::number(cells, row, true).is_ok_and(|number| !number.is_nan()) {
                    *if text.contains(',') { &mut commas } else { &mut points } += 1;
                    before_three_digits += usize::from(is_in_thousands(&text));
                    first.get_or_insert_with(|| {
                        format!("{text:?} ({}{})", self.file.display(), part.places.of(row))
                    });
                }
            }
        }
        if let Some(first) =
            first.filter(|_| before_three_digits == commas + points && (points == 0 || commas == 0))
        {
            let doubt = format!(
                "three digits follow every point or comma, which are read as decimal marks, as in {first}: \
                 leave them out if \
                 they separate thousands"
            );
            self.findings().doubts.insert(column, doubt);
        }
        Ok(points > 0 && commas > 0)
    }

    /// Stops where columns that were read have strays, unless these count as missing.
    ///
    /// # Errors
    /// Names the first strays of each column.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let findings = self.findings();
        if self.skips_bad_rows || findings.strays.is_empty() {
            return Ok(());
        }
        let cells: usize = findings.strays.values().map(|strays| strays.cells).sum();
        let first: Vec<&str> =
            findings.strays.values().flat_map(|strays| &strays.first).map(String::as_str).collect();
        let columns: Vec<&str> = findings.strays.values().map(|strays| strays.column.as_str()).collect();
        let are = match cells {
            1 => "1 cell is not what its column holds".to_owned(),
            _ => format!("{cells} cells are not what their column holds"),
        };
        let say = match self.takes_kinds {
            true => format!(", or say what a column holds: --columns {}=word", columns.join("=word,")),
            false => String::new(),
        };
        bail!(
            "{are}:\n  {}\nMend them, or count them as missing with --skip-bad-rows{say}",
            first.join("\n  ")
        )
    }

    /// What there is to tell of a table whose columns were read.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let findings = self.findings();
        let rows = self.bad_rows.shown.first().map(|first| {
            format!("left out {} rows that can't be read; the first: {first}", self.bad_rows.count)
        });
        let strays = findings.strays.values().map(InvalidCells::to_string);
        let doubts =
            findings.doubts.iter().map(|(column, doubt)| format!("column {}: {doubt}", self.name(*column)));
        rows.into_iter().chain(strays).chain(doubts).collect()
    }

    /// The strays of the columns that were read.
    pub(crate) fn strays(&self) -> Vec<InvalidCells> {
        self.findings().strays.values().cloned().collect()
    }

    /// What is wrong with a cell, and where it stands.
    pub(super) fn problem(&self, column: usize, place: &str, problem: &str) -> String {
        format!("{}{place}: column {}: {problem}", self.file.display(), self.name(column))
    }
}

impl fmt::Display for InvalidCells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, cells, of, first } = self;
        let first = first.first().map_or("", String::as_str);
        write!(
            f,
            "column {column}: {cells} of {of} cells are not what it holds and count as missing; the first: \
             {first}"
        )
    }
}

/// What is wrong with a cell that is no number or date.
fn unlike(kind: Kind, text: &str, is_doubtful: bool) -> String {
    match kind {
        Kind::Number if is_doubtful => {
            format!(
                "{text:?} may have a separator of thousands, since both points and commas are decimal marks \
                 here"
            )
        }
        Kind::Number if is_in_thousands(text) => {
            format!("expected a number, without thousands separators, got {text:?}")
        }
        Kind::Number => format!("expected a number, got {text:?}"),
        Kind::Date | Kind::Word => {
            format!("expected a date such as 2024-05-03 or 2024-05-03 12:30, got {text:?}")
        }
    }
}
