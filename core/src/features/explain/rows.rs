//! Which rows count, row by row, and why the others do not.

use std::collections::BTreeSet;

use super::{Cell, ExplainedRow, ExplainedTable};
use crate::customers::Rows;
use crate::features::aggregate::RowAggregate;
use crate::features::engine::{Evaluation, Filter, Selection};
use crate::features::spec::{Aggregate, HoldingAggregate, RowFilter, RowSelection};
use crate::features::words::Not;
use crate::schema::{Holding, ProductSource, Table};
use crate::snapshot::{Snapshot, Taken, is_open_at, taken_in};
use crate::time::DAY;

const LATER: &str = "at or after the cut-off";

/// A customer's rows in an event table.
pub(super) struct TableOf<'a> {
    pub(super) table: &'a Table,
    pub(super) rows: Rows<'a>,
    pub(super) cutoff: f64,
}

impl<'a> TableOf<'a> {
    pub(super) fn new(at: &Evaluation<'a>, position: usize) -> Option<Self> {
        let table = at.schema.tables().get(position)?;
        Some(Self { table, rows: at.customer.table(position), cutoff: at.cutoff as f64 })
    }

    pub(super) fn value(&self, column: usize, row: usize) -> f64 {
        self.rows.column(column).get(row).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn cell(&self, column: usize, row: usize) -> Cell {
        let declared = self.table.columns.get(column);
        declared.map_or(Cell::Missing, |declared| Cell::new(declared, self.value(column, row)))
    }

    fn name(&self, column: usize) -> &'a str {
        self.table.columns.get(column).map_or("", |column| &column.name)
    }

    /// All rows, in the order given and each once, with their cells in some columns.
    fn explained(
        &self,
        columns: impl IntoIterator<Item = usize>,
        note: impl Fn(usize) -> (bool, String),
    ) -> ExplainedTable {
        let mut shown: Vec<usize> = Vec::new();
        for column in columns {
            if !shown.contains(&column) {
                shown.push(column);
            }
        }
        let row = |row| {
            let (counts, note) = note(row);
            ExplainedRow { cells: shown.iter().map(|column| self.cell(*column, row)).collect(), counts, note }
        };
        ExplainedTable {
            table: self.table.name.clone(),
            columns: shown.iter().map(|column| self.name(*column).to_owned()).collect(),
            rows: (0..self.rows.len()).map(row).collect(),
        }
    }
}

/// The rows of an event table, and the positions of those that count.
pub(super) fn of_events(
    table: &TableOf<'_>,
    selection: &Selection,
    aggregate: &RowAggregate,
    named_rows: &RowSelection,
    named: &Aggregate,
) -> (ExplainedTable, Vec<usize>) {
    let selected: BTreeSet<usize> = selection.rows(&table.rows, table.cutoff).collect();
    let note = |row: usize| match selected.contains(&row) {
        false => (false, objection(table, selection, &named_rows.filter, row)),
        true => match aggregate_objection(table, aggregate, row) {
            Some(objection) => (false, objection),
            None => (true, counts_as(table, aggregate, named, row)),
        },
    };
    let of = match aggregate {
        RowAggregate::Share(of) => columns_of(of),
        _ => Vec::new(),
    };
    let columns = selection.time.into_iter().chain(aggregate.column()).chain(selection.open_until);
    let columns = columns.chain(columns_of(&selection.filters)).chain(of);
    let counted = selected.iter().copied().filter(|row| note(*row).0).collect();
    (table.explained(columns, note), counted)
}

fn columns_of(filters: &[Filter]) -> Vec<usize> {
    let of_filter = |filter: &Filter| match filter {
        Filter::Holds(comparison) => vec![comparison.column],
        Filter::Not(group) => group.iter().map(|comparison| comparison.column).collect(),
    };
    filters.iter().flat_map(of_filter).collect()
}

/// Why a row is not selected.
fn objection(table: &TableOf<'_>, selection: &Selection, named: &RowFilter, row: usize) -> String {
    if let Some(column) = selection.time {
        let time = table.value(column, row);
        if time.is_nan() {
            return "without a time".into();
        }
        if time >= table.cutoff {
            return LATER.into();
        }
        if selection.window.is_some_and(|window| time < table.cutoff - window) {
            return "before the window".into();
        }
    }
    if selection.open_until.is_some_and(|column| !is_open_at(table.value(column, row), table.cutoff)) {
        return "no longer open".into();
    }
    failing(table, &selection.filters, named, row).unwrap_or_default()
}

/// The first condition that a row fails, in words.
fn failing(table: &TableOf<'_>, filters: &[Filter], named: &RowFilter, row: usize) -> Option<String> {
    let conditions = named.conditions.iter().map(ToString::to_string);
    let exclusions = named.exclusions.iter().map(|group| Not(group).to_string());
    let words = conditions.chain(exclusions);
    let (_, words) = filters.iter().zip(words).find(|(filter, _)| !filter.passes(&table.rows, row))?;
    Some(format!("fails: {words}"))
}

/// Why a selected row has nothing to aggregate.
fn aggregate_objection(table: &TableOf<'_>, aggregate: &RowAggregate, row: usize) -> Option<String> {
    let column = aggregate.column()?;
    let value = table.value(column, row);
    let name = table.name(column);
    match aggregate {
        _ if value.is_nan() => Some(format!("{name} is missing")),
        RowAggregate::DaysUntilNext(_) if value < table.cutoff => {
            Some(format!("{name} is before the cut-off"))
        }
        _ => None,
    }
}

/// What a row that counts is counted as.
fn counts_as(table: &TableOf<'_>, aggregate: &RowAggregate, named: &Aggregate, row: usize) -> String {
    match (aggregate, named) {
        (RowAggregate::Share(filters), Aggregate::Share(of)) => {
            failing(table, filters, of, row).unwrap_or_else(|| format!("passes: {of}"))
        }
        (RowAggregate::Trend(trend), _) => {
            let from = table.cutoff - trend.short_days * DAY as f64;
            let is_late = table.value(trend.time, row) >= from;
            if is_late { "in the short window too".into() } else { String::new() }
        }
        _ => String::new(),
    }
}

/// Which of the products taken count.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// All products taken before the cut-off.
    Ever,
    /// The open ones.
    Open,
    /// The open ones of one product.
    Product(usize),
}

impl Wanted {
    pub(super) fn of(aggregate: &HoldingAggregate) -> Self {
        match aggregate {
            HoldingAggregate::EverCount | HoldingAggregate::DaysSinceLastTaken => Wanted::Ever,
            HoldingAggregate::OpenCount | HoldingAggregate::DistinctHeld | HoldingAggregate::Holds(_) => {
                Wanted::Open
            }
        }
    }
}

/// The rows of all tables that hold products, and the holdings in the rows that count.
pub(super) fn of_holdings(at: &Evaluation<'_>, wanted: Wanted) -> (Vec<ExplainedTable>, Vec<Taken>) {
    let snapshot = Snapshot::new(at.schema, at.cutoff);
    let mut counted = Vec::new();
    let mut tables = Vec::new();
    for holding in at.schema.holdings() {
        let Some(table) = TableOf::new(at, holding.table) else { continue };
        let taken: Vec<Option<Taken>> = taken_in(holding, at.customer).collect();
        let objection = |row: usize| -> Option<&'static str> {
            let Some(Some(taken)) = taken.get(row) else { return Some("no product that is declared") };
            match wanted {
                // A row without a time never happened.
                _ if taken.opened.is_nan() => Some("without a time"),
                _ if taken.opened >= table.cutoff => Some(LATER),
                Wanted::Product(product) if taken.product != product => Some("another product"),
                Wanted::Open | Wanted::Product(_) if !snapshot.is_open(taken) => Some("no longer open"),
                _ => None,
            }
        };
        tables.push(table.explained(columns_of_holding(holding), |row| {
            let objection = objection(row);
            (objection.is_none(), objection.unwrap_or_default().to_owned())
        }));
        let rows = taken.iter().enumerate().filter(|(row, _)| objection(*row).is_none());
        counted.extend(rows.filter_map(|(_, taken)| *taken));
    }
    (tables, counted)
}

fn columns_of_holding(holding: &Holding) -> impl Iterator<Item = usize> {
    let product = match &holding.product {
        ProductSource::Column { column, .. } => Some(*column),
        ProductSource::Always(_) => None,
    };
    core::iter::once(holding.time).chain(product).chain(holding.closed)
}
