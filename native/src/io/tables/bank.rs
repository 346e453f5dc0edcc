//! The bank's data, ready for features: customers part by part.

use anyhow::Context as _;
use nextbest_core::customers::{Columns, Customers};
use nextbest_core::schema::Schema;
use rayon::prelude::*;

use super::events::{EventTable, PART, range};
use super::quality::TableQuality;

/// The bank's data, ready for features.
#[derive(Debug)]
pub(crate) struct Bank {
    /// What the rows look like.
    pub(crate) schema: Schema,
    /// The customers' ids, in the order of their table.
    pub(crate) ids: Vec<String>,
    /// What became of each table's rows.
    pub(crate) quality: Vec<TableQuality>,
    /// Words that rules name and no row has.
    pub(crate) unmet: Vec<String>,
    /// The time of the first event.
    pub(crate) data_start: i64,
    /// The first midnight after the last event.
    pub(crate) data_end: i64,
    pub(super) attributes: Columns,
    /// In the order of the schema's tables.
    pub(super) events: Vec<EventRows>,
}

/// The rows of an event table.
#[derive(Debug)]
pub(super) enum EventRows {
    /// Sorted by customer, with the offsets at which each customer's start.
    Held(Columns, Vec<usize>),
    Streamed(Box<EventTable>),
}

/// Some consecutive customers.
#[derive(Debug)]
pub(crate) struct Part {
    /// The position of the first one in the bank.
    pub(crate) first: usize,
    /// They and their rows.
    pub(crate) customers: Customers,
}

impl Bank {
    /// How many parts the customers are looked at in.
    pub(crate) fn part_count(&self) -> usize {
        self.ids.len().div_ceil(PART)
    }

    /// The customers of a part.
    ///
    /// # Errors
    /// If rows that were put aside can't be read.
    pub(crate) fn part(&self, part: usize) -> anyhow::Result<Part> {
        let first = part * PART;
        let last = (first + PART).min(self.ids.len());
        let count = last.saturating_sub(first);
        let tables = self.events.iter().map(|table| match table {
            EventRows::Held(columns, offsets) => {
                let offsets = range(offsets, first..last + 1)?;
                let ends = offsets.first().zip(offsets.last());
                let (start, end) = ends.with_context(|| format!("part {part} has no rows"))?;
                Ok((slice(columns, *start..*end)?, offsets.iter().map(|offset| offset - start).collect()))
            }
            EventRows::Streamed(table) => {
                let (columns, offsets) = table.rows_of_part(part, count)?;
                let rows = offsets.last().with_context(|| format!("part {part} has no rows"))?;
                Ok((Columns::new(columns, *rows)?, offsets))
            }
        });
        let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
        let customers = Customers::new(&self.schema, slice(&self.attributes, first..last)?, tables)?;
        Ok(Part { first, customers })
    }

    /// The part with a customer, by the customer's position.
    ///
    /// # Errors
    /// As [`Bank::part`].
    pub(crate) fn part_of(&self, customer: usize) -> anyhow::Result<Part> {
        self.part(customer / PART)
    }

    /// Computes something of each part, side by side, and passes it to `sink` in the order of the customers.
    ///
    /// # Errors
    /// Those of `compute` and `sink`, and where rows that were put aside can't be read.
    pub(crate) fn each_part<T: Send>(
        &self,
        compute: impl Fn(&Part) -> anyhow::Result<T> + Sync,
        mut sink: impl FnMut(T) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let at_once = 4 * rayon::current_num_threads();
        for start in (0..self.part_count()).step_by(at_once) {
            let parts = (start..self.part_count().min(start + at_once)).into_par_iter();
            let computed =
                parts.map(|part| compute(&self.part(part)?)).collect::<anyhow::Result<Vec<T>>>()?;
            computed.into_iter().try_for_each(&mut sink)?;
        }
        Ok(())
    }
}

fn slice(columns: &Columns, rows: std::ops::Range<usize>) -> anyhow::Result<Columns> {
    let of_rows = columns.columns().iter().map(|column| Ok(range(column, rows.clone())?.to_vec()));
    Ok(Columns::new(of_rows.collect::<anyhow::Result<_>>()?, rows.len())?)
}
