//! Cells to values: one part of a table's file, column by column.

use std::collections::BTreeSet;

use nextbest_core::customers::words;
use rustc_hash::FxHashMap;

use super::batch::{
    Batch, CellColumn, Cells, Key, KeyedRow, NO_INTEGER, NO_ROW, NO_WORD, Noted, UNKNOWN_WORD, UnseenWords,
    Values, retain,
};
use super::keys::{self, Row};
use super::plan::{PlannedColumn, TablePlan, Target};
use super::{MAX_WORDS, cell};
use crate::config::ColumnType;

/// Reads cells as a table's plan says.
///
/// # Errors
/// If a category has too many words. Other problems are of single rows, which become bad rows.
pub(super) fn convert(plan: &TablePlan<'_>, cells: Cells) -> anyhow::Result<Batch> {
    let (unseen, unseen_times) = (cells.unseen, cells.unseen_times);
    let read = cells.rows + unseen;
    let mut reading = Reading::new(cells);
    reading.leave_out_filtered(plan);
    let mut batch = Batch {
        read,
        rows: 0,
        unseen,
        outside: 0,
        bad: Noted::default(),
        repeated: Noted::default(),
        unknown: Vec::new(),
        columns: Vec::new(),
        targets: Vec::new(),
        keys: Vec::new(),
        ids: Vec::new(),
        unseen_words: UnseenWords::new(),
        times: unseen_times,
        places: super::batch::Places::RowsFrom(0),
    };
    // Rows that no feature can see need no further look.
    for column in plan.columns.iter().filter(|column| column.is_time) {
        let times = reading.numbers(plan, column, column.config.r#type.unwrap_or(ColumnType::Timestamp));
        batch.times = batch.times.with(times.iter().copied());
        let seen: Vec<bool> = times.iter().map(|time| time.is_nan() || plan.seen.contains(time)).collect();
        let before = reading.rows.len();
        for ruled in plan.columns.iter().filter(|column| column.is_ruled) {
            batch.unseen_words.insert(ruled.name.to_owned(), reading.unseen_words(ruled, &seen));
        }
        reading.keep(&seen);
        batch.unseen += before - reading.rows.len();
    }
    for column in &plan.columns {
        if let Some(target) = column.target {
            batch.targets.push(reading.targets(plan, column, target));
        }
        match column.config.r#type {
            None => {}
            Some(ColumnType::Category) => batch.columns.push(reading.codes(plan, column)?),
            Some(kind) => batch.columns.push(Values::Numbers(reading.numbers(plan, column, kind))),
        }
    }
    if let Some(column) = plan.key {
        batch.keys = reading.keys(plan, column);
    }
    if let Some(column) = plan.id {
        batch.ids = reading.texts(plan, column);
    }
    reading.finish(plan, &mut batch);
    Ok(batch)
}

/// The code of the known word that a text writes.
fn code_among(known: &FxHashMap<&str, u16>, text: &str) -> Option<u16> {
    let otherwise =
        || known.iter().filter(|(word, _)| words::says_the_same(word, text)).map(|(_, code)| *code).min();
    known.get(text).copied().or_else(otherwise)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Used,
    Outside,
    Bad,
}

/// Cells while they are read.
struct Reading {
    cells: Cells,
    /// The rows that are looked at.
    rows: Vec<u32>,
    /// What is known of each of them.
    states: Vec<State>,
    /// The first problem of each bad row, by its place among the cells.
    problems: Vec<(u32, String)>,
}

impl Reading {
    fn new(mut cells: Cells) -> Self {
        let mut is_malformed = vec![false; cells.rows];
        let mut problems = Vec::new();
        for (row, problem) in std::mem::take(&mut cells.malformed) {
            if let Some(flag) = is_malformed.get_mut(row) {
                *flag = true;
            }
            problems.push((row as u32, problem));
        }
        let rows: Vec<u32> =
            (0u32..).zip(&is_malformed).filter(|(_, malformed)| !**malformed).map(|(row, _)| row).collect();
        Self { states: vec![State::Used; rows.len()], rows, problems, cells }
    }

    fn keep(&mut self, keep: &[bool]) {
        retain(&mut self.rows, keep);
        retain(&mut self.states, keep);
    }

    fn leave_out_filtered(&mut self, plan: &TablePlan<'_>) {
        for (column, words) in &plan.filters {
            for index in 0..self.rows.len() {
                match self.text(*column, index) {
                    Ok(text) if words.contains(&text) => {}
                    Ok(_) => self.leave_out(index),
                    Err(problem) => self.spoil(plan, *column, index, &problem),
                }
            }
        }
    }

    /// A cell, by the position of its row among those that are looked at.
    fn text(&self, column: usize, index: usize) -> Result<String, String> {
        let (Some(cells), Some(&row)) = (self.cells.columns.get(column), self.rows.get(index)) else {
            return Err("is not there".into());
        };
        cells.text(row as usize).map(std::borrow::Cow::into_owned)
    }

    fn leave_out(&mut self, index: usize) {
        if let Some(state) = self.states.get_mut(index).filter(|state| **state == State::Used) {
            *state = State::Outside;
        }
    }

    fn spoil(&mut self, plan: &TablePlan<'_>, column: usize, index: usize, problem: &str) {
        let (Some(state), Some(&row)) = (self.states.get_mut(index), self.rows.get(index)) else { return };
        if *state != State::Bad {
            *state = State::Bad;
            self.problems.push((row, format!("column {}: {problem}", plan.file_column_name(column))));
        }
    }

    /// Calls `read` for each row that is neither bad nor outside; what it can't read is the row's problem.
    fn each(
        &mut self,
        plan: &TablePlan<'_>,
        column: usize,
        mut read: impl FnMut(&CellColumn, usize, usize) -> Result<(), String>,
    ) {
        let mut problems = Vec::new();
        if let Some(cells) = self.cells.columns.get(column) {
            for (index, (&row, state)) in self.rows.iter().zip(&self.states).enumerate() {
                if *state == State::Used
                    && let Err(problem) = read(cells, row as usize, index)
                {
                    problems.push((index, problem));
                }
            }
        }
        for (index, problem) in problems {
            self.spoil(plan, column, index, &problem);
        }
    }

    /// Numbers and times.
    fn numbers(&mut self, plan: &TablePlan<'_>, column: &PlannedColumn<'_>, kind: ColumnType) -> Vec<f64> {
        let mut values = vec![f64::NAN; self.rows.len()];
        let as_it_is = column.config.slice.is_none() && column.config.values.is_empty();
        let is_time = column.is_time;
        self.each(plan, column.from, |cells, row, index| {
            let value = match (cells, kind) {
                (CellColumn::Times(times), ColumnType::Date | ColumnType::Timestamp) if as_it_is => {
                    let seconds = times.get(row).copied().unwrap_or(f64::NAN);
                    cell::check_year(seconds)?
                }
                // A missing value is of every kind: pandas writes a column that has no other as numbers.
                (CellColumn::Times(times), _) if times.get(row).is_some_and(|time| !time.is_nan()) => {
                    return Err("expected a number, got a time".into());
                }
                (CellColumn::Numbers(numbers), ColumnType::Date | ColumnType::Timestamp)
                    if numbers.get(row).is_some_and(|number| !number.is_nan()) =>
                {
                    return Err("expected a date, got a number with a fraction".into());
                }
                _ => match cells.number(row).filter(|_| as_it_is && kind == ColumnType::Number) {
                    Some(number) if number.is_infinite() => {
                        return Err("expected a number, got an infinite one".into());
                    }
                    Some(number) => number,
                    None => {
                        let text = cells.text(row)?;
                        cell::value(column.config, plan.clock, kind, &cell::text(column.config, &text))?
                    }
                },
            };
            if value.is_nan() && is_time {
                return Err("the row's time is empty".into());
            }
            if let Some(slot) = values.get_mut(index) {
                *slot = value;
            }
            Ok(())
        });
        values
    }

    /// The codes of words: those known beforehand, or the batch's own.
    fn codes(&mut self, plan: &TablePlan<'_>, column: &PlannedColumn<'_>) -> anyhow::Result<Values> {
        let mut codes = vec![NO_WORD; self.rows.len()];
        let mut words: Vec<String> = Vec::new();
        let mut met: FxHashMap<String, u16> = FxHashMap::default();
        // Most cells say what some cell before them said, to the byte.
        let mut by_bytes: FxHashMap<Vec<u8>, u16> = FxHashMap::default();
        let mut too_many = false;
        self.each(plan, column.from, |cells, row, index| {
            let bytes = match cells {
                CellColumn::Text(texts) => Some(texts.get(row)),
                _ => None,
            };
            let known_code = bytes.and_then(|bytes| by_bytes.get(bytes)).copied();
            let code = match known_code {
                Some(code) => code,
                None => {
                    let whole = cells.text(row)?;
                    let text = cell::text(column.config, &whole);
                    let code = match &column.words {
                        _ if text.is_empty() => NO_WORD,
                        Some(known) => code_among(known, &text).unwrap_or(UNKNOWN_WORD),
                        None => match met.get(text.as_ref()) {
                            Some(code) => *code,
                            None if words.len() < MAX_WORDS => {
                                let code = words.len() as u16;
                                met.insert(text.clone().into_owned(), code);
                                words.push(text.into_owned());
                                code
                            }
                            None => {
                                too_many = true;
                                NO_WORD
                            }
                        },
                    };
                    if let Some(bytes) = bytes {
                        by_bytes.insert(bytes.to_vec(), code);
                    }
                    code
                }
            };
            if let Some(slot) = codes.get_mut(index) {
                *slot = code;
            }
            Ok(())
        });
        match too_many {
            true => Err(super::too_many_words(plan.name, column.name)),
            false => Ok(Values::Codes { codes, words }),
        }
    }

    /// The words of a category in the rows that are not seen, as far as they can be read.
    fn unseen_words(&self, column: &PlannedColumn<'_>, seen: &[bool]) -> BTreeSet<String> {
        let unseen = (0..self.rows.len()).filter(|index| seen.get(*index) == Some(&false));
        let texts = unseen.filter_map(|index| self.text(column.from, index).ok());
        let words = texts.map(|text| cell::text(column.config, &text).into_owned());
        words.filter(|word| !word.is_empty()).collect()
    }

    /// The rows of another table that a column's values are the keys of.
    fn targets(&mut self, plan: &TablePlan<'_>, column: &PlannedColumn<'_>, target: Target<'_>) -> Vec<u32> {
        let mut rows = vec![NO_ROW; self.rows.len()];
        let mut outside = Vec::new();
        let optional = column.config.optional;
        let missing = || match optional {
            true => Ok(()),
            false => Err(format!("empty, but it must name a row of table `{}`", target.name)),
        };
        self.each(plan, column.from, |cells, row, index| {
            let found = match cells {
                CellColumn::Integers(numbers) => match numbers.get(row) {
                    None | Some(&NO_INTEGER) => return missing(),
                    Some(&number) => match u64::try_from(number) {
                        Ok(number) => target.keys.number(number),
                        Err(_) => target.keys.text(&number.to_string()),
                    },
                },
                cells => match cells.text(row)?.as_ref() {
                    "" => return missing(),
                    text => target.keys.text(text),
                },
            };
            match (found, rows.get_mut(index)) {
                (Some(Row::At(position)), Some(slot)) => *slot = position,
                (Some(Row::Outside), _) => outside.push(index),
                _ => return Err(format!("{:?} is not in table `{}`", cells.text(row)?, target.name)),
            }
            Ok(())
        });
        for index in outside {
            self.leave_out(index);
        }
        rows
    }

    /// The keys of the sound rows.
    fn keys(&mut self, plan: &TablePlan<'_>, column: usize) -> Vec<KeyedRow> {
        let mut found = Vec::with_capacity(self.rows.len());
        for index in 0..self.rows.len() {
            let (Some(&cell), Some(&state)) = (self.rows.get(index), self.states.get(index)) else { break };
            if state == State::Bad {
                continue;
            }
            let key = match self.cells.columns.get(column) {
                Some(CellColumn::Integers(numbers)) => {
                    let number = numbers.get(cell as usize).copied().unwrap_or(NO_INTEGER);
                    match u64::try_from(number) {
                        Ok(number) => Ok(Key::Number(number)),
                        Err(_) if number == NO_INTEGER => Err("the key is empty".to_owned()),
                        Err(_) => Ok(keys::key(&number.to_string())),
                    }
                }
                _ => self.text(column, index).and_then(|text| match text.as_str() {
                    "" => Err("the key is empty".into()),
                    text => Ok(keys::key(text)),
                }),
            };
            match key {
                Ok(key) => {
                    let row = if state == State::Used { index as u32 } else { NO_ROW };
                    found.push(KeyedRow { key, row, cell });
                }
                Err(problem) => self.spoil(plan, column, index, &problem),
            }
        }
        found
    }

    fn texts(&mut self, plan: &TablePlan<'_>, column: usize) -> Vec<String> {
        let mut texts = vec![String::new(); self.rows.len()];
        self.each(plan, column, |cells, row, index| {
            if let Some(slot) = texts.get_mut(index) {
                *slot = cells.text(row)?.into_owned();
            }
            Ok(())
        });
        texts
    }

    /// The words of a column's used rows that are not among those known beforehand.
    fn unknown_words(&self, column: &PlannedColumn<'_>, values: &Values, used: &[bool]) -> Noted {
        let mut noted = Noted::default();
        let (Values::Codes { codes, .. }, Some(_)) = (values, &column.words) else { return noted };
        for ((code, row), _) in codes.iter().zip(&self.rows).zip(used).filter(|(_, used)| **used) {
            if *code == UNKNOWN_WORD {
                noted.add(|| {
                    let text = self.cells.columns.get(column.from).map(|cells| cells.text(*row as usize));
                    let text = text.and_then(Result::ok).unwrap_or_default();
                    format!("{}: {:?}", self.cells.places.of(*row as usize), cell::text(column.config, &text))
                });
            }
        }
        noted
    }

    /// Leaves the sound rows in the batch and counts the others.
    fn finish(mut self, plan: &TablePlan<'_>, batch: &mut Batch) {
        batch.outside = self.states.iter().filter(|state| **state == State::Outside).count();
        let used: Vec<bool> = self.states.iter().map(|state| *state == State::Used).collect();
        let typed = plan.typed().zip(&batch.columns);
        batch.unknown =
            typed.map(|((column, _), values)| self.unknown_words(column, values, &used)).collect();
        batch.rows = used.iter().filter(|used| **used).count();
        if batch.rows < used.len() {
            let mut position = 0;
            let positions: Vec<u32> = used
                .iter()
                .map(|used| {
                    position += u32::from(*used);
                    if *used { position - 1 } else { NO_ROW }
                })
                .collect();
            for keyed in &mut batch.keys {
                keyed.row = positions.get(keyed.row as usize).copied().unwrap_or(NO_ROW);
            }
            batch.columns.iter_mut().for_each(|values| values.retain(&used));
            batch.targets.iter_mut().for_each(|rows| retain(rows, &used));
            if plan.id.is_some() {
                retain(&mut batch.ids, &used);
            }
        }
        self.problems.sort_by_key(|(row, _)| *row);
        for (row, problem) in self.problems {
            batch.bad.add(|| format!("{}: {problem}", self.cells.places.of(row as usize)));
        }
        batch.places = self.cells.places;
    }
}
