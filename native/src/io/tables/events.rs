//! Event tables: read once, in any order, and kept by parts of the customers until each part's turn comes.
//!
//! A batch of rows is sorted by the parts that its customers belong to as soon as it is read. What does not
//! fit into the memory that the config allows is put aside on disk, so that the number of events is bounded
//! by neither.

use std::borrow::Cow;
use std::path::Path;

use anyhow::Context as _;
use nextbest_core::schema::{Column, ColumnKind};

use super::batch::{Batch, Key, KeyedRow, NO_ROW, Span, UnseenWords, Values, retain};
use super::join::Owners;
use super::keys::UniqueKeys;
use super::plan::TablePlan;
use super::quality::TableQuality;
use super::read::{TableFile, read_table};
use super::spill::SpilledRun;
use super::words::{self, Words};
use crate::config::ColumnType;

/// Customers are looked at in parts of this many. It is fixed, so that nothing depends on the machine.
pub(crate) const PART: usize = 2048;

/// An event table whose rows wait for their part's turn.
#[derive(Debug)]
pub(super) struct EventTable {
    pub(super) name: String,
    pub(super) quality: TableQuality,
    /// The latest time of a row, or −∞.
    pub(super) times: Span,
    pub(super) unseen_words: UnseenWords,
    pub(super) columns: Vec<EventColumn>,
    blocks: Vec<Block>,
    spilled: Vec<SpilledRun>,
}

/// A typed column.
#[derive(Debug)]
pub(super) struct EventColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) current: bool,
    /// The final position of each word's code.
    positions: Vec<u16>,
}

/// Rows sorted by part.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Where each part's rows start; one more entry than parts.
    pub(super) starts: Vec<u32>,
    /// The customer of each row, counted within its part.
    pub(super) customers: Vec<u16>,
    pub(super) columns: Vec<BlockColumn>,
}

/// A column of a block.
#[derive(Debug, Clone)]
pub(super) enum BlockColumn {
    Numbers(Vec<f64>),
    Codes(Vec<u16>),
}

/// A part's rows of one table, grouped by customer.
pub(super) type GroupedRows = (Vec<Vec<f64>>, Vec<usize>);

/// How the customers of a table's rows are found, and where rows go.
pub(super) struct Destination<'a> {
    /// Which of the table's references leads to the customers.
    pub(super) reference: usize,
    /// The customers of each row of the table that it refers to.
    pub(super) owners: &'a Owners,
    /// How many customers there are.
    pub(super) customers: usize,
    /// A folder for what does not fit into memory.
    pub(super) folder: &'a Path,
    /// How many bytes of rows may be held in memory.
    pub(super) memory: usize,
}

impl EventTable {
    /// Reads a table.
    ///
    /// # Errors
    /// If its file can't be read, a category has too many words, or rows can't be put aside.
    pub(super) fn read(
        file: &TableFile,
        plan: &TablePlan<'_>,
        destination: &Destination<'_>,
    ) -> anyhow::Result<Self> {
        let mut table = Self {
            name: plan.name.to_owned(),
            quality: TableQuality::new(plan, file.path.clone()),
            times: Span::NONE,
            unseen_words: UnseenWords::new(),
            columns: Vec::new(),
            blocks: Vec::new(),
            spilled: Vec::new(),
        };
        let mut words: Vec<Words> =
            plan.typed().map(|(column, _)| Words::new(column.words.as_ref())).collect();
        let mut keys = UniqueKeys::default();
        let mut held = 0;
        let prepare = |batch| sort_by_part(batch, destination);
        read_table(file, plan, prepare, |mut sorted| {
            sorted.drop_repeated(&mut keys, plan, destination);
            let Sorted { mut batch, mut block, nobody, shared, .. } = sorted;
            block.name_words(&mut batch, plan, &mut words)?;
            table.quality.add(&mut batch);
            table.quality.add_owners(nobody, shared);
            table.times = table.times.and(batch.times);
            super::batch::add_words(&mut table.unseen_words, batch.unseen_words);
            if block.customers.is_empty() {
                return Ok(());
            }
            held += block.bytes();
            table.blocks.push(block);
            if held > destination.memory {
                table.spilled.push(SpilledRun::write(destination.folder, &table.blocks)?);
                table.blocks.clear();
                held = 0;
            }
            Ok(())
        })?;
        for ((column, kind), words) in plan.typed().zip(words) {
            let (kind, positions) = match kind {
                ColumnType::Number => (ColumnKind::Number, Vec::new()),
                ColumnType::Date | ColumnType::Timestamp => (ColumnKind::Time, Vec::new()),
                ColumnType::Category => words.finish(),
            };
            let (name, current) = (column.name.to_owned(), column.config.current);
            table.columns.push(EventColumn { name, kind, current, positions });
        }
        table.quality.finish();
        Ok(table)
    }

    /// The rows of a part's customers.
    ///
    /// # Errors
    /// If what was put aside can't be read.
    pub(super) fn rows_of_part(&self, part: usize, customers: usize) -> anyhow::Result<GroupedRows> {
        let mut blocks: Vec<(std::ops::Range<usize>, Cow<'_, Block>)> = Vec::new();
        for run in &self.spilled {
            let block = run.read(part)?;
            blocks.push((0..block.customers.len(), Cow::Owned(block)));
        }
        for block in &self.blocks {
            let rows = block.rows_of(part);
            if !rows.is_empty() {
                blocks.push((rows, Cow::Borrowed(block)));
            }
        }
        let mut offsets = vec![0usize; customers + 1];
        for (rows, block) in &blocks {
            for customer in range(&block.customers, rows.clone())? {
                if let Some(count) = offsets.get_mut(usize::from(*customer) + 1) {
                    *count += 1;
                }
            }
        }
        let mut total = 0;
        for offset in &mut offsets {
            total += *offset;
            *offset = total;
        }
        let mut next = offsets.clone();
        let mut columns = vec![vec![f64::NAN; total]; self.columns.len()];
        let mut places = Vec::new();
        for (rows, block) in &blocks {
            places.clear();
            for customer in range(&block.customers, rows.clone())? {
                if let Some(place) = next.get_mut(usize::from(*customer)) {
                    places.push(*place);
                    *place += 1;
                }
            }
            for ((column, from), declared) in columns.iter_mut().zip(&block.columns).zip(&self.columns) {
                match from {
                    BlockColumn::Numbers(values) => {
                        scatter(range(values, rows.clone())?, &places, column, |value| value);
                    }
                    BlockColumn::Codes(codes) => {
                        let number = |code| words::number(code, &declared.positions);
                        scatter(range(codes, rows.clone())?, &places, column, number);
                    }
                }
            }
        }
        Ok((columns, offsets))
    }
}

impl EventColumn {
    /// The column as the core declares it.
    pub(super) fn declare(&self) -> Column {
        Column { name: self.name.clone(), kind: self.kind.clone(), current: self.current }
    }
}

/// Some values of a column.
///
/// # Errors
/// If the column does not have that many.
pub(super) fn range<T>(column: &[T], rows: std::ops::Range<usize>) -> anyhow::Result<&[T]> {
    let (count, end) = (column.len(), rows.end);
    column.get(rows).with_context(|| format!("a column has {count} values, expected at least {end}"))
}

fn scatter<T: Copy>(from: &[T], places: &[usize], to: &mut [f64], number: impl Fn(T) -> f64) {
    for (value, place) in from.iter().zip(places) {
        if let Some(slot) = to.get_mut(*place) {
            *slot = number(*value);
        }
    }
}

impl Block {
    /// The rows of a part.
    pub(super) fn rows_of(&self, part: usize) -> std::ops::Range<usize> {
        // A part behind the last has no rows.
        let start = |part: usize| self.starts.get(part).or(self.starts.last()).map_or(0, |it| *it as usize);
        start(part)..start(part + 1)
    }

    fn bytes(&self) -> usize {
        let of_columns = self.columns.iter().map(|column| match column {
            BlockColumn::Numbers(values) => size_of_val(values.as_slice()),
            BlockColumn::Codes(codes) => size_of_val(codes.as_slice()),
        });
        size_of_val(self.starts.as_slice())
            + size_of_val(self.customers.as_slice())
            + of_columns.sum::<usize>()
    }

    /// Replaces the batch's own codes of words by the table's.
    fn name_words(
        &mut self,
        batch: &mut Batch,
        plan: &TablePlan<'_>,
        words: &mut [Words],
    ) -> anyhow::Result<()> {
        let columns = self.columns.iter_mut().zip(&mut batch.columns).zip(words).zip(plan.typed());
        for (((column, values), words), (planned, _)) in columns {
            let (BlockColumn::Codes(codes), Values::Codes { words: met, .. }) = (column, values) else {
                continue;
            };
            if planned.words.is_none() {
                let global = words.add(std::mem::take(met));
                let global = global.ok_or_else(|| super::too_many_words(plan.name, planned.name))?;
                for code in codes {
                    *code = global.get(usize::from(*code)).copied().unwrap_or(*code);
                }
            }
        }
        Ok(())
    }
}

/// A batch whose rows are sorted by part. The batch keeps its counts, words and keys.
struct Sorted {
    batch: Batch,
    block: Block,
    /// The batch's row that stands at each place of the block: one that several customers share comes for
    /// each of them.
    order: Vec<u32>,
    /// How many rows have no customer: they are left out.
    nobody: usize,
    /// How many rows have several.
    shared: usize,
}

/// Sorts a batch's rows by part.
fn sort_by_part(mut batch: Batch, destination: &Destination<'_>) -> Sorted {
    let targets = batch.targets.get(destination.reference).map_or(&[][..], Vec::as_slice);
    let (mut nobody, mut shared) = (0, 0);
    let mut owned: Vec<(u32, u32)> = Vec::with_capacity(targets.len());
    for (row, target) in (0u32..).zip(targets) {
        let customers = destination.owners.of(*target);
        nobody += usize::from(customers.is_empty());
        shared += usize::from(customers.len() > 1);
        owned.extend(customers.iter().map(|customer| (row, *customer)));
    }
    let parts = destination.customers.div_ceil(PART);
    let part_of = |customer: u32| customer as usize / PART;
    let mut starts = vec![0u32; parts + 1];
    for (_, customer) in &owned {
        if let Some(count) = starts.get_mut(part_of(*customer) + 1) {
            *count += 1;
        }
    }
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    let mut next = starts.clone();
    let mut order = vec![NO_ROW; total as usize];
    let mut customers = vec![0; total as usize];
    for (row, customer) in owned {
        let Some(place) = next.get_mut(part_of(customer)) else { continue };
        if let (Some(slot), Some(within)) =
            (order.get_mut(*place as usize), customers.get_mut(*place as usize))
        {
            (*slot, *within) = (row, (customer as usize % PART) as u16);
        }
        *place += 1;
    }
    let columns = batch.columns.iter_mut().map(|values| match values {
        Values::Numbers(values) => BlockColumn::Numbers(pick(values, &order, f64::NAN)),
        Values::Codes { codes, .. } => BlockColumn::Codes(pick(codes, &order, super::batch::NO_WORD)),
    });
    let block = Block { starts, customers, columns: columns.collect() };
    Sorted { batch, block, order, nobody, shared }
}

fn pick<T: Copy>(values: &[T], order: &[u32], missing: T) -> Vec<T> {
    order.iter().map(|row| values.get(*row as usize).copied().unwrap_or(missing)).collect()
}

impl Sorted {
    /// Rows whose key was there before leave the block.
    fn drop_repeated(&mut self, keys: &mut UniqueKeys, plan: &TablePlan<'_>, destination: &Destination<'_>) {
        let Self { batch, block, order, nobody, shared } = self;
        let targets = batch.targets.get(destination.reference).map_or(&[][..], Vec::as_slice);
        let mut is_dropped: Vec<bool> = Vec::new();
        for run in std::mem::take(&mut batch.keys).chunk_by(|a, b| is_next(&a.key, &b.key)) {
            let whole = match (run.first().map(|keyed| &keyed.key), run.last().map(|keyed| &keyed.key)) {
                (Some(Key::Number(first)), Some(Key::Number(last))) => keys.insert_run(*first, *last),
                _ => false,
            };
            if whole {
                continue;
            }
            for KeyedRow { key, row, cell } in run.iter().filter(|keyed| !keys.insert(&keyed.key)) {
                batch.repeated.add(|| super::twice(plan, &batch.places, *cell, key));
                let Some(target) = targets.get(*row as usize) else {
                    batch.outside -= 1;
                    continue;
                };
                batch.rows -= 1;
                let customers = destination.owners.of(*target).len();
                *nobody -= usize::from(customers == 0);
                *shared -= usize::from(customers > 1);
                is_dropped.resize(targets.len(), false);
                if let Some(slot) = is_dropped.get_mut(*row as usize) {
                    *slot = true;
                }
            }
        }
        if is_dropped.is_empty() {
            return;
        }
        let keep: Vec<bool> =
            order.iter().map(|row| !is_dropped.get(*row as usize).copied().unwrap_or_default()).collect();
        retain(&mut block.customers, &keep);
        for column in &mut block.columns {
            match column {
                BlockColumn::Numbers(values) => retain(values, &keep),
                BlockColumn::Codes(codes) => retain(codes, &keep),
            }
        }
        // Starts ascend: those that are kept are counted from one to the next.
        let (mut passed, mut kept) = (0, 0);
        let mut keep = keep.iter();
        for start in &mut block.starts {
            kept += keep.by_ref().take((*start - passed) as usize).filter(|keep| **keep).count() as u32;
            passed = *start;
            *start = kept;
        }
    }
}

fn is_next(a: &Key, b: &Key) -> bool {
    matches!((a, b), (Key::Number(a), Key::Number(b)) if a.checked_add(1) == Some(*b))
}
