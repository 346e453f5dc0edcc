//! A part of a table's file on its way in: first as cells, whatever the format, then as typed values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use nextbest_core::customers::words;
use nextbest_core::time;

use super::decimal::{self, NO_DECIMAL};

/// Which part of a file something is: parts are numbered within groups, and both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) group: usize,
    pub(super) number: usize,
    /// Whether it is the last of its group.
    pub(super) is_last: bool,
}

/// Some consecutive rows of a file: the columns that were asked for, in that order.
pub(super) struct Cells {
    pub(super) rows: usize,
    pub(super) columns: Vec<CellColumn>,
    pub(super) places: Places,
    /// Rows whose cells can't be told apart, and why. Their cells are empty.
    pub(super) malformed: Vec<(usize, String)>,
    /// How many further rows were left out because their time is not among those that are seen.
    pub(super) unseen: usize,
    /// The times of those.
    pub(super) unseen_times: Span,
}

/// From the earliest time to the latest: of none, from ∞ to −∞.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) first: f64,
    pub(super) last: f64,
}

impl Span {
    /// Of no time.
    pub(super) const NONE: Self = Self { first: f64::INFINITY, last: f64::NEG_INFINITY };

    /// Adds times; those that are missing (NaN) add nothing.
    pub(super) fn with(self, times: impl IntoIterator<Item = f64>) -> Self {
        let wider = |span: Self, time: f64| Self { first: span.first.min(time), last: span.last.max(time) };
        times.into_iter().fold(self, wider)
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// Which rows need be read: those whose time lies in a range, and those without one.
#[derive(Clone)]
pub(super) struct Seen {
    /// The time's position among the columns that are read.
    pub(super) column: usize,
    pub(super) range: Range<f64>,
}

/// Where rows stand in their file.
pub(super) enum Places {
    /// The line of each row.
    Lines(Vec<u64>),
    /// The number of the first row.
    RowsFrom(u64),
    /// The number of each row.
    Rows(Vec<u64>),
}

/// The cells of a column, as their file has them.
pub(super) enum CellColumn {
    Text(TextColumn),
    /// NaN where there is none.
    Numbers(Vec<f64>),
    /// [`NO_INTEGER`] where there is none.
    Integers(Vec<i64>),
    /// Exact decimals with a fixed scale; [`NO_DECIMAL`] where the cell is empty.
    Decimals(Vec<i128>, u32),
    /// Seconds since 1970-01-01; NaN where there is none.
    Times(Vec<f64>),
}

/// What stands for a missing whole number.
pub(super) const NO_INTEGER: i64 = i64::MIN;

impl Cells {
    /// Takes malformed rows out, and gives where they stand and what is wrong with them. That they were there
    /// stays known.
    pub(super) fn leave_out_malformed(&mut self) -> Vec<(String, String)> {
        if self.malformed.is_empty() {
            return Vec::new();
        }
        let mut keep = vec![true; self.rows];
        for (row, _) in &self.malformed {
            keep.iter_mut().skip(*row).take(1).for_each(|keep| *keep = false);
        }
        let problems = self.malformed.iter();
        let problems = problems.map(|(row, problem)| (self.places.of(*row), problem.clone())).collect();
        for column in &mut self.columns {
            // Only CSV has rows whose cells can't be told apart.
            if let CellColumn::Text(texts) = column {
                let mut kept = TextColumn::default();
                let rows = keep.iter().enumerate().filter(|(_, keep)| **keep);
                rows.for_each(|(row, _)| kept.push(texts.get(row)));
                *texts = kept;
            }
        }
        if let Places::Lines(lines) = &mut self.places {
            retain(lines, &keep);
        }
        self.rows -= self.malformed.len();
        problems
    }
}

/// Texts, one behind the other.
#[derive(Default)]
pub(super) struct TextColumn {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl TextColumn {
    pub(super) fn push(&mut self, text: &[u8]) {
        self.push_pieces([text]);
    }

    /// Adds one text that is in pieces.
    pub(super) fn push_pieces<'t>(&mut self, pieces: impl IntoIterator<Item = &'t [u8]>) {
        pieces.into_iter().for_each(|piece| self.bytes.extend_from_slice(piece));
        self.ends.push(self.bytes.len());
    }

    pub(super) fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        match (start, self.ends.get(row)) {
            (Some(&start), Some(&end)) => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }
}

impl CellColumn {
    /// A cell of a column of numbers, NaN where there is none; `None` where the column holds something else.
    pub(super) fn number(&self, row: usize) -> Option<f64> {
        match self {
            CellColumn::Numbers(numbers) => Some(numbers.get(row).copied().unwrap_or(f64::NAN)),
            CellColumn::Integers(numbers) => Some(match numbers.get(row) {
                Some(&number) if number != NO_INTEGER => number as f64,
                _ => f64::NAN,
            }),
            CellColumn::Decimals(numbers, digits) => {
                Some(decimal::number(numbers.get(row).copied().unwrap_or(NO_DECIMAL), *digits))
            }
            CellColumn::Text(_) | CellColumn::Times(_) => None,
        }
    }

    /// A cell as text; empty where there is none.
    pub(super) fn text(&self, row: usize) -> Result<Cow<'_, str>, String> {
        Ok(match self {
            CellColumn::Text(texts) => {
                let text = std::str::from_utf8(texts.get(row)).map_err(|_| "is not UTF-8".to_owned())?;
                Cow::Borrowed(words::normalised(text))
            }
            CellColumn::Numbers(numbers) => match numbers.get(row) {
                Some(number) if !number.is_nan() => number.to_string().into(),
                _ => Cow::Borrowed(""),
            },
            CellColumn::Integers(numbers) => match numbers.get(row) {
                Some(&number) if number != NO_INTEGER => number.to_string().into(),
                _ => Cow::Borrowed(""),
            },
            CellColumn::Decimals(numbers, digits) => {
                decimal::text(numbers.get(row).copied().unwrap_or(NO_DECIMAL), *digits)
            }
            CellColumn::Times(times) => match times.get(row) {
                Some(time) if !time.is_nan() => time::format(*time as i64).into(),
                _ => Cow::Borrowed(""),
            },
        })
    }
}

impl Places {
    /// Where a row stands, as it is put behind the file's name.
    pub(super) fn of(&self, row: usize) -> String {
        match self {
            Places::Lines(lines) => format!(":{}", lines.get(row).copied().unwrap_or_default()),
            Places::RowsFrom(first) => format!(": row {}", first + row as u64),
            Places::Rows(numbers) => format!(": row {}", numbers.get(row).copied().unwrap_or_default()),
        }
    }
}

/// Some consecutive rows of a table, as values. Bad rows and rows outside what is asked for are counted only.
pub(super) struct Batch {
    /// How many rows of the file it was made from.
    pub(super) read: usize,
    /// Rows that are there.
    pub(super) rows: usize,
    /// Rows that were sound but lie outside the time that is asked for: no feature can see them.
    pub(super) unseen: usize,
    /// Rows of others than the customers that the config asks for.
    pub(super) outside: usize,
    pub(super) bad: Noted,
    /// Rows whose key was there before.
    pub(super) repeated: Noted,
    /// For each typed column, words that are not among those known beforehand.
    pub(super) unknown: Vec<Noted>,
    /// A column for each typed column of the table.
    pub(super) columns: Vec<Values>,
    /// For each column that refers to another table, the row there; [`NO_ROW`] where it refers to none.
    pub(super) targets: Vec<Vec<u32>>,
    /// The keys of all sound rows, those outside included.
    pub(super) keys: Vec<KeyedRow>,
    /// The customers' ids, in the table that has them.
    pub(super) ids: Vec<String>,
    /// The words of rows that are unseen, of each column that rules read.
    pub(super) unseen_words: UnseenWords,
    /// The times of all rows, those that are unseen included.
    pub(super) times: Span,
    /// Where the cells stand in the file.
    pub(super) places: Places,
}

/// Words of rows that no feature can see, by the column.
pub(super) type UnseenWords = BTreeMap<String, BTreeSet<String>>;

/// Adds the words of further rows.
pub(super) fn add_words(words: &mut UnseenWords, further: UnseenWords) {
    for (column, further) in further {
        words.entry(column).or_default().extend(further);
    }
}

/// What stands for no row.
pub(super) const NO_ROW: u32 = u32::MAX;

/// The values of a column.
pub(super) enum Values {
    /// Numbers and times; NaN where there is none.
    Numbers(Vec<f64>),
    /// Positions among the words; [`NO_WORD`] where there is none, [`UNKNOWN_WORD`] where it is not among
    /// those that are known beforehand.
    Codes {
        codes: Vec<u16>,
        /// The batch's own words, in the order in which they were met. Empty where the words are known
        /// beforehand.
        words: Vec<String>,
    },
}

/// What stands for a missing word.
pub(super) const NO_WORD: u16 = u16::MAX;

/// What stands for a word that is not among those that are known beforehand.
pub(super) const UNKNOWN_WORD: u16 = u16::MAX - 1;

/// A row's key.
pub(super) struct KeyedRow {
    pub(super) key: Key,
    /// The row's position in the batch; [`NO_ROW`] for a row outside what is asked for.
    pub(super) row: u32,
    /// Its position among the cells.
    pub(super) cell: u32,
}

/// A key. Most keys are whole numbers, which take far less room than texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Number(u64),
    Text(Box<str>),
}

/// Rows or cells of which something is to be told: how many, and the first ones in words.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) count: usize,
    pub(super) shown: Vec<String>,
}

/// How many of them a message shows.
const SHOWN: usize = 5;

impl Noted {
    pub(super) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(words());
        }
    }

    /// Adds later ones to those that are shown.
    pub(super) fn show(shown: &mut Vec<String>, later: Vec<String>) {
        shown.extend(later);
        shown.truncate(SHOWN);
    }
}

impl Values {
    /// Leaves only the rows that are to be kept.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        match self {
            Values::Numbers(values) => retain(values, keep),
            Values::Codes { codes, .. } => retain(codes, keep),
        }
    }
}

/// Leaves only the entries that are to be kept.
pub(super) fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let kept = std::mem::take(values).into_iter().zip(keep).filter(|(_, keep)| **keep);
    *values = kept.map(|(value, _)| value).collect();
}
