//! Joins the tables: whose row is which, and the attributes of each customer.

use std::collections::VecDeque;

use anyhow::bail;
use nextbest_core::customers::Columns;
use nextbest_core::schema::Column;

use super::batch::NO_ROW;
use super::held::{HeldColumn, HeldTable};

/// Whose row is which in the tables that are held.
pub(super) struct Joins {
    /// The tables that customers refer to.
    lookups: Vec<Lookup>,
    /// For each table, the customer of each row, [`NO_ROW`] for none; `None` for a table that leads to no customers.
    pub(super) owners: Vec<Option<Vec<u32>>>,
}

/// A table that is joined to the customers, with the row of each customer in it.
struct Lookup {
    table: usize,
    rows: Vec<u32>,
}

impl Joins {
    /// Joins tables that stand in an order in which each comes after those that it refers to. `customer` is the position
    /// of the customers' own table.
    pub(super) fn new(tables: &[HeldTable], customer: usize) -> Self {
        let lookups = attribute_tables(tables, customer);
        let owners = owners(tables, customer, &lookups);
        Self { lookups, owners }
    }

    /// The customers' attributes: the columns of their own table, then those of the joined ones.
    ///
    /// # Errors
    /// Where two columns have the same name.
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
                        "schema: the column name `{}` stands in two tables of the customer; give one another name with `from`",
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

/// Where each row leads by way of another table's reference.
fn follow(rows: &[u32], targets: &[u32]) -> Vec<u32> {
    rows.iter().map(|row| targets.get(*row as usize).copied().unwrap_or(NO_ROW)).collect()
}

/// For each table, the customer of each row: by the table's own references, or, for a table that customers refer
/// to, the one customer who does.
fn owners(tables: &[HeldTable], customer: usize, lookups: &[Lookup]) -> Vec<Option<Vec<u32>>> {
    let mut owners: Vec<Option<Vec<u32>>> = vec![None; tables.len()];
    let set = |table: usize, of: Vec<u32>, owners: &mut Vec<Option<Vec<u32>>>| {
        if let Some(slot) = owners.get_mut(table) {
            *slot = Some(of);
        }
    };
    let rows_of = |table: usize| tables.get(table).map_or(0, |table| table.rows);
    set(customer, (0..rows_of(customer) as u32).collect(), &mut owners);
    for lookup in lookups {
        let mut of = vec![NO_ROW; rows_of(lookup.table)];
        let mut shared = vec![false; of.len()];
        for (customer, row) in (0u32..).zip(&lookup.rows) {
            if let (Some(slot), Some(shared)) = (of.get_mut(*row as usize), shared.get_mut(*row as usize)) {
                *shared |= *slot != NO_ROW;
                *slot = customer;
            }
        }
        // A row that several customers share belongs to none of them. Where most are shared (districts, addresses) the
        // table does not tell customers apart; where a few are (two customers by mistake with one party) it does.
        let (mut referred, mut shares) = (0, 0);
        for (slot, shared) in of.iter_mut().zip(shared) {
            referred += usize::from(*slot != NO_ROW);
            if shared {
                shares += 1;
                *slot = NO_ROW;
            }
        }
        if shares * 2 <= referred {
            set(lookup.table, of, &mut owners);
        }
    }
    // Tables come after those that they refer to, so one pass settles all others.
    for (position, table) in tables.iter().enumerate() {
        if owners.get(position).is_some_and(Option::is_some) {
            continue;
        }
        let leading = table.references.iter().find_map(|(name, rows)| {
            let target = tables.iter().position(|other| &other.name == name)?;
            Some(follow(rows, owners.get(target)?.as_ref()?))
        });
        if let Some(of) = leading {
            set(position, of, &mut owners);
        }
    }
    owners
}

/// Sorts rows by customer. Rows of no customer are left out.
pub(super) fn group(
    columns: Vec<HeldColumn>,
    owners: &[u32],
    customers: usize,
) -> anyhow::Result<(Columns, Vec<usize>)> {
    let mut offsets = vec![0usize; customers + 1];
    for owner in owners.iter().filter(|owner| **owner != NO_ROW) {
        if let Some(count) = offsets.get_mut(*owner as usize + 1) {
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
    for (row, owner) in (0u32..).zip(owners) {
        if let Some(place) = next.get_mut(*owner as usize).filter(|_| *owner != NO_ROW) {
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
