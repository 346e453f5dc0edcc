//! Tables that are held in memory: the customers, what is joined to them, and what events refer to.

use anyhow::bail;
use nextbest_core::schema::{Column, ColumnKind};

use super::batch::{Batch, KeyedRow, NO_ROW, Span, UnseenWords, Values};
use super::keys::KeyMap;
use super::plan::TablePlan;
use super::quality::TableQuality;
use super::read::{TableFile, read_table};
use super::words::{self, Words};
use crate::config::ColumnType;

/// A table in memory.
#[derive(Debug)]
pub(super) struct HeldTable {
    pub(super) name: String,
    pub(super) rows: usize,
    pub(super) quality: TableQuality,
    pub(super) keys: KeyMap,
    /// For each reference: the table's name and the row there of each row here; [`NO_ROW`] for none.
    pub(super) references: Vec<(String, Vec<u32>)>,
    pub(super) columns: Vec<HeldColumn>,
    /// The texts of the column that identifies customers, where this table has it.
    pub(super) ids: Vec<String>,
    /// The latest time of a row, or −∞.
    pub(super) times: Span,
    pub(super) unseen_words: UnseenWords,
}

/// A typed column: values as the core holds them.
#[derive(Debug)]
pub(super) struct HeldColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) current: bool,
    pub(super) values: Vec<f64>,
}

impl HeldTable {
    /// Reads a table whole.
    ///
    /// # Errors
    /// If its file can't be read, or a category has too many words.
    pub(super) fn read(file: &TableFile, plan: &TablePlan<'_>) -> anyhow::Result<Self> {
        let references = plan.columns.iter().filter_map(|column| column.target);
        let mut table = Self {
            name: plan.name.to_owned(),
            rows: 0,
            quality: TableQuality::new(plan, file.path.clone()),
            keys: KeyMap::default(),
            references: references.map(|target| (target.name.to_owned(), Vec::new())).collect(),
            columns: Vec::new(),
            ids: Vec::new(),
            times: Span::NONE,
            unseen_words: UnseenWords::new(),
        };
        let mut values: Vec<Vec<f64>> = plan.typed().map(|_| Vec::new()).collect();
        let mut words: Vec<Words> =
            plan.typed().map(|(column, _)| Words::new(column.words.as_ref())).collect();
        read_table(file, plan, |batch| batch, |batch| table.append(batch, plan, &mut values, &mut words))?;
        for (((column, kind), mut values), words) in plan.typed().zip(values).zip(words) {
            let kind = match kind {
                ColumnType::Number => ColumnKind::Number,
                ColumnType::Date | ColumnType::Timestamp => ColumnKind::Time,
                ColumnType::Category => {
                    let (kind, positions) = words.finish();
                    for value in values.iter_mut().filter(|value| !value.is_nan()) {
                        *value = words::number(*value as u16, &positions);
                    }
                    kind
                }
            };
            let (name, current) = (column.name.to_owned(), column.config.current);
            table.columns.push(HeldColumn { name, kind, current, values });
        }
        table.quality.finish();
        Ok(table)
    }

    fn append(
        &mut self,
        mut batch: Batch,
        plan: &TablePlan<'_>,
        values: &mut [Vec<f64>],
        words: &mut [Words],
    ) -> anyhow::Result<()> {
        if self.rows + batch.rows >= NO_ROW as usize {
            bail!("{}: more than {NO_ROW} rows", self.quality.file.display());
        }
        let keep = self.add_keys(&mut batch, plan);
        let columns = values.iter_mut().zip(words).zip(std::mem::take(&mut batch.columns)).zip(plan.typed());
        for (((values, words), mut added), (column, _)) in columns {
            if let Some(keep) = &keep {
                added.retain(keep);
            }
            match added {
                Values::Numbers(numbers) => values.extend(numbers),
                Values::Codes { codes, words: met } => {
                    let too_many = || super::too_many_words(plan.name, column.name);
                    let global = match &column.words {
                        Some(known) => (0..known.len() as u16).collect(),
                        None => words.add(met).ok_or_else(too_many)?,
                    };
                    values.extend(codes.iter().map(|code| words::number(*code, &global)));
                }
            }
        }
        for ((_, rows), mut added) in self.references.iter_mut().zip(std::mem::take(&mut batch.targets)) {
            if let Some(keep) = &keep {
                super::batch::retain(&mut added, keep);
            }
            rows.extend(added);
        }
        if let Some(keep) = &keep {
            super::batch::retain(&mut batch.ids, keep);
        }
        self.ids.append(&mut batch.ids);
        self.rows += batch.rows;
        self.quality.add(&mut batch);
        self.times = self.times.and(batch.times);
        super::batch::add_words(&mut self.unseen_words, batch.unseen_words);
        Ok(())
    }

    /// Adds a batch's keys. Rows whose key was there before are bad: gives which rows are to be kept, if not
    /// all are.
    fn add_keys(&mut self, batch: &mut Batch, plan: &TablePlan<'_>) -> Option<Vec<bool>> {
        let mut keep: Option<Vec<bool>> = None;
        let mut dropped = 0;
        for KeyedRow { key, row, cell } in std::mem::take(&mut batch.keys) {
            let target = if row == NO_ROW { NO_ROW } else { self.rows as u32 + row - dropped };
            let Some(key) = self.keys.insert(key, target) else { continue };
            batch.repeated.add(|| super::twice(plan, &batch.places, cell, &key));
            match row {
                NO_ROW => batch.outside -= 1,
                row => {
                    let keep = keep.get_or_insert_with(|| vec![true; batch.rows]);
                    if let Some(slot) = keep.get_mut(row as usize) {
                        *slot = false;
                    }
                    dropped += 1;
                }
            }
        }
        batch.rows -= dropped as usize;
        keep
    }
}

impl HeldColumn {
    /// The column as the core declares it.
    pub(super) fn declare(&self) -> Column {
        Column { name: self.name.clone(), kind: self.kind.clone(), current: self.current }
    }
}
