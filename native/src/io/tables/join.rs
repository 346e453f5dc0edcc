//! Joins the tables: whose row is which, and the attributes of each customer.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::bail;
use nextbest_core::customers::Columns;
use nextbest_core::schema::Column;

use super::batch::NO_ROW;
use super::held::{HeldColumn, HeldTable};

/// Whose row is which in the tables that are held.
pub(super) struct Joins {
    /// The tables that customers refer to.
    lookups: Vec<Lookup>,
    /// For each table, the customers of its rows; `None` for a table that leads to no customers.
    owners: Vec<Option<Owners>>,
}

/// A table that is joined to the customers, with the row of each customer in it.
struct Lookup {
    table: usize,
    rows: Vec<u32>,
}

/// The customers of a table's rows: mostly one, sometimes none, and several where they share what a row
/// belongs to.
pub(super) struct Owners {
    /// For each row, the row that it leads to of the table that customers are or refer to; [`NO_ROW`] for
    /// none.
    rows: Vec<u32>,
    of: Arc<Sharing>,
}

/// The customers who are the rows of a table, or refer to them.
struct Sharing {
    /// Where each row's customers start; one more entry than rows.
    starts: Vec<u32>,
    customers: Vec<u32>,
    /// Whether most rows have one customer: parties do, districts don't.
    tells_apart: bool,
}

impl Joins {
    /// Joins tables that stand in an order in which each comes after those that it refers to. `customer` is
    /// the position of the customers' own table.
    pub(super) fn new(tables: &[HeldTable], customer: usize) -> Self {
        let lookups = attribute_tables(tables, customer);
        let mut joins = Self { owners: tables.iter().map(|_| None).collect(), lookups };
        let rows_of = |table: usize| tables.get(table).map_or(0, |table| table.rows);
        let own: Vec<u32> = (0..rows_of(customer) as u32).collect();
        joins.set(customer, Owners::of_rows_with(rows_of(customer), &own));
        for number in 0..joins.lookups.len() {
            let Some(Lookup { table, rows }) = joins.lookups.get(number) else { break };
            let (table, owners) = (*table, Owners::of_rows_with(rows_of(*table), rows));
            joins.set(table, owners);
        }
        // Tables come after those that they refer to, so one pass settles all others.
        for (position, table) in tables.iter().enumerate() {
            if joins.of(position).is_some() {
                continue;
            }
            let names = table.references.iter().map(|(name, _)| name.as_str());
            let leading = joins.leading(names, tables).and_then(|(reference, owners)| {
                let (_, rows) = table.references.get(reference)?;
                Some(Owners { rows: follow(rows, &owners.rows), of: Arc::clone(&owners.of) })
            });
            if let Some(owners) = leading {
                joins.set(position, owners);
            }
        }
        joins
    }

    fn set(&mut self, table: usize, owners: Owners) {
        if let Some(slot) = self.owners.get_mut(table) {
            *slot = Some(owners);
        }
    }

    /// The customers of a table's rows; `None` where it leads to none.
    pub(super) fn of(&self, table: usize) -> Option<&Owners> {
        self.owners.get(table)?.as_ref()
    }

    /// Of a table's references, by the tables that they name, the one that leads to its customers: the first
    /// that tells customers apart, or else the first that leads to any.
    pub(super) fn leading<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
        tables: &[HeldTable],
    ) -> Option<(usize, &Owners)> {
        let owners = names.enumerate().filter_map(|(reference, name)| {
            let target = tables.iter().position(|table| table.name == name)?;
            Some((reference, self.of(target)?))
        });
        let owners: Vec<_> = owners.collect();
        let telling = owners.iter().find(|(_, owners)| owners.of.tells_apart);
        telling.or(owners.first()).copied()
    }

    /// The customers' attributes: the columns of their own table, then those of the joined ones.
    ///
    /// # Errors
    /// If two columns have the same name.
    pub(super) fn attributes(
        &self,
        tables: &[HeldTable],
        customer: usize,
    ) -> anyhow::Result<(Vec<Column>, Vec<Vec<f64>>)> {
        let own = tables.get(customer).map_or(&[][..], |table| &table.columns);
        let mut declared: Vec<Column> = own.iter().map(HeldColumn::declare).collect();
        let mut values: Vec<Vec<f64>> = own.iter().map(|column| column.values.clone()).collect();
        for lookup in &self.lookups {
            for column in tables.get(lookup.table).map_or(&[][..], |table| &table.columns) {
                if declared.iter().any(|other| other.name == column.name) {
                    bail!(
                        "schema: the column name `{}` stands in two tables of the customer; give one \
                         another name with `from`",
                        column.name
                    );
                }
                declared.push(column.declare());
                let value = |row: &u32| column.values.get(*row as usize).copied().unwrap_or(f64::NAN);
                values.push(lookup.rows.iter().map(value).collect());
            }
        }
        Ok((declared, values))
    }
}

impl Owners {
    /// The customers of a table of which each customer has a row, or [`NO_ROW`].
    fn of_rows_with(row_count: usize, row_of_customer: &[u32]) -> Self {
        let mut starts = vec![0u32; row_count + 1];
        for row in row_of_customer.iter().filter(|row| **row != NO_ROW) {
            if let Some(count) = starts.get_mut(*row as usize + 1) {
                *count += 1;
            }
        }
        let referred = starts.iter().filter(|count| **count > 0).count();
        let shared = starts.iter().filter(|count| **count > 1).count();
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut next = starts.clone();
        let mut customers = vec![0; total as usize];
        for (customer, row) in (0u32..).zip(row_of_customer) {
            let place = if *row == NO_ROW { None } else { next.get_mut(*row as usize) };
            if let Some(place) = place {
                if let Some(slot) = customers.get_mut(*place as usize) {
                    *slot = customer;
                }
                *place += 1;
            }
        }
        let of = Sharing { starts, customers, tells_apart: shared * 2 <= referred };
        Self { rows: (0..row_count as u32).collect(), of: Arc::new(of) }
    }

    /// The customers of a row, in their order.
    #[inline]
    pub(super) fn of(&self, row: u32) -> &[u32] {
        let Some(&leads_to) = self.rows.get(row as usize) else { return &[] };
        let start = |row: usize| self.of.starts.get(row).map(|start| *start as usize);
        match (start(leads_to as usize), start((leads_to as usize).saturating_add(1))) {
            (Some(start), Some(end)) => self.of.customers.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many rows have no customer, and how many have several.
    pub(super) fn nobody_and_shared(&self) -> (usize, usize) {
        let counts = || (0..self.rows.len() as u32).map(|row| self.of(row).len());
        (counts().filter(|count| *count == 0).count(), counts().filter(|count| *count > 1).count())
    }
}

/// The tables that the customers refer to, and those that these refer to: each once, by the shortest way.
fn attribute_tables(tables: &[HeldTable], customer: usize) -> Vec<Lookup> {
    let mut lookups: Vec<Lookup> = Vec::new();
    let count = tables.get(customer).map_or(0, |table| table.rows);
    let mut queue = VecDeque::from([(customer, (0..count as u32).collect::<Vec<_>>())]);
    while let Some((table, rows)) = queue.pop_front() {
        for (name, targets) in tables.get(table).map_or(&[][..], |table| &table.references) {
            let Some(target) = tables.iter().position(|other| &other.name == name) else { continue };
            if target == customer || lookups.iter().any(|lookup| lookup.table == target) {
                continue;
            }
            let rows = follow(&rows, targets);
            queue.push_back((target, rows.clone()));
            lookups.push(Lookup { table: target, rows });
        }
    }
    lookups
}

/// The target of each row, through another table's reference.
fn follow(rows: &[u32], targets: &[u32]) -> Vec<u32> {
    rows.iter().map(|row| targets.get(*row as usize).copied().unwrap_or(NO_ROW)).collect()
}

/// Sorts rows by customer: one that several share comes for each of them, one of nobody is left out.
pub(super) fn group(
    columns: Vec<HeldColumn>,
    owners: &Owners,
    customers: usize,
) -> anyhow::Result<(Columns, Vec<usize>)> {
    let owned = || {
        (0..owners.rows.len() as u32).flat_map(|row| owners.of(row).iter().map(move |owner| (row, *owner)))
    };
    let mut offsets = vec![0usize; customers + 1];
    for (_, owner) in owned() {
        if let Some(count) = offsets.get_mut(owner as usize + 1) {
            *count += 1;
        }
    }
    let mut total = 0;
    for offset in &mut offsets {
        total += *offset;
        *offset = total;
    }
    let mut next = offsets.clone();
    let mut order = vec![0u32; total];
    for (row, owner) in owned() {
        if let Some(place) = next.get_mut(owner as usize) {
            if let Some(position) = order.get_mut(*place) {
                *position = row;
            }
            *place += 1;
        }
    }
    let sorted = columns.into_iter().map(|column| {
        order.iter().map(|row| column.values.get(*row as usize).copied().unwrap_or(f64::NAN)).collect()
    });
    Ok((Columns::new(sorted.collect(), total)?, offsets))
}
