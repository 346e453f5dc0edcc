//! Joins the tables: whose row is which, the attributes of each customer, the events grouped by customer.

use std::collections::VecDeque;

use anyhow::{Context, bail};
use nextbest_core::customers::{Columns, Customers};
use nextbest_core::schema::{Column, Product, Schema, SchemaDefinition, Table};

use super::declared::holdings;
use super::read::{RawColumn, RawTable};
use crate::config::{Config, SchemaConfig};

pub(super) struct Joined {
    pub(super) schema: Schema,
    pub(super) customers: Customers,
    pub(super) ids: Vec<String>,
}

/// Joins tables that were read in an order in which each comes after those that it refers to.
pub(super) fn join(
    config: &Config,
    schema: &SchemaConfig,
    products: Vec<Product>,
    mut tables: Vec<RawTable>,
    known: Option<&Schema>,
    id_column: &str,
) -> anyhow::Result<Joined> {
    let customer_table = &schema.customer.table;
    let position = tables.iter().position(|table| &table.name == customer_table);
    let position =
        position.with_context(|| format!("schema.customer: there is no table `{customer_table}`"))?;
    let ids = tables.get_mut(position).map(|table| std::mem::take(&mut table.ids)).unwrap_or_default();
    check_ids(&ids, id_column)?;
    let lookups = attribute_tables(&tables, position);
    let owners = owners(&tables, position, &lookups);
    let (attribute_columns, attributes) = attributes(&tables, position, &lookups)?;
    let mut event_tables = Vec::new();
    let mut grouped = Vec::new();
    for (name, declared) in schema.tables.iter().filter(|(_, table)| table.time.is_some() || table.undated) {
        let index =
            tables.iter().position(|table| &table.name == name).context("an event table was not read")?;
        let table = tables.get_mut(index).context("an event table was not read")?;
        let owner = owners.get(index).and_then(Option::as_ref).with_context(|| {
            format!("schema: nothing leads from table `{name}` to table `{customer_table}`: declare what its columns refer to")
        })?;
        let columns = std::mem::take(&mut table.columns);
        event_tables.push(Table {
            name: name.clone(),
            time: declared.time.clone(),
            columns: columns.iter().map(declare).collect(),
        });
        grouped.push(group(columns, owner, ids.len())?);
    }
    let definition = SchemaDefinition {
        customer: Table { name: "customer".into(), time: None, columns: attribute_columns },
        established: schema.customer.established.clone(),
        birth_date: schema.customer.birth_date.clone(),
        tables: event_tables,
        holdings: holdings(schema),
        products,
        horizon_days: config.snapshots.horizon_days,
    };
    let built = match known {
        None => Schema::try_from(definition)?,
        Some(known) => {
            let same =
                known.customer() == &definition.customer && known.tables() == definition.tables.as_slice();
            if !same {
                bail!("the bundle was made for other tables or columns than the config declares");
            }
            known.clone()
        }
    };
    let customers = Customers::new(&built, Columns::new(attributes, ids.len())?, grouped)?;
    Ok(Joined { schema: built, customers, ids })
}

fn check_ids(ids: &[String], column: &str) -> anyhow::Result<()> {
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort_unstable();
    if sorted.first().is_some_and(|id| id.is_empty()) {
        bail!("a customer has an empty {column}");
    }
    match sorted.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first()) {
        Some(id) => bail!("two customers have the {column} {id:?}"),
        None => Ok(()),
    }
}

/// A table that is joined to the customers, with the row of each customer in it.
struct Lookup {
    table: usize,
    rows: Vec<Option<u32>>,
}

/// The tables that the customers refer to, and those that these refer to: each once, by the shortest way.
fn attribute_tables(tables: &[RawTable], customer: usize) -> Vec<Lookup> {
    let mut lookups: Vec<Lookup> = Vec::new();
    let count = tables.get(customer).map_or(0, |table| table.rows);
    let mut queue = VecDeque::from([(customer, (0..count as u32).map(Some).collect::<Vec<_>>())]);
    while let Some((table, rows)) = queue.pop_front() {
        for (name, targets) in tables.get(table).map_or(&[][..], |table| &table.references) {
            let Some(target) = tables.iter().position(|other| &other.name == name) else { continue };
            if target == customer || lookups.iter().any(|lookup| lookup.table == target) {
                continue;
            }
            let rows: Vec<Option<u32>> =
                rows.iter().map(|row| targets.get((*row)? as usize).copied().flatten()).collect();
            queue.push_back((target, rows.clone()));
            lookups.push(Lookup { table: target, rows });
        }
    }
    lookups
}

/// For each table, the customer of each row: by the table's own references, or, for a table that customers refer
/// to, the one customer who does. `None` for a table that leads to no customers.
fn owners(tables: &[RawTable], customer: usize, lookups: &[Lookup]) -> Vec<Option<Vec<Option<u32>>>> {
    let mut owners: Vec<Option<Vec<Option<u32>>>> = vec![None; tables.len()];
    let set = |table: usize, of: Vec<Option<u32>>, owners: &mut Vec<Option<Vec<Option<u32>>>>| {
        if let Some(slot) = owners.get_mut(table) {
            *slot = Some(of);
        }
    };
    set(
        customer,
        (0..tables.get(customer).map_or(0, |table| table.rows) as u32).map(Some).collect(),
        &mut owners,
    );
    for lookup in lookups {
        let mut of: Vec<Option<u32>> = vec![None; tables.get(lookup.table).map_or(0, |table| table.rows)];
        let mut shared = false;
        for (customer, row) in lookup.rows.iter().enumerate() {
            if let Some(slot) = row.and_then(|row| of.get_mut(row as usize)) {
                shared |= slot.replace(customer as u32).is_some();
            }
        }
        // A row that several customers share (a district, an address) belongs to none of them.
        if !shared {
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
            Some((owners.get(target)?.as_ref()?, rows))
        });
        if let Some((target, rows)) = leading {
            let of = rows.iter().map(|row| target.get((*row)? as usize).copied().flatten()).collect();
            set(position, of, &mut owners);
        }
    }
    owners
}

/// The customers' attributes: the columns of their own table, then those of the joined ones.
fn attributes(
    tables: &[RawTable],
    customer: usize,
    lookups: &[Lookup],
) -> anyhow::Result<(Vec<Column>, Vec<Vec<f64>>)> {
    let own = tables.get(customer).map_or(&[][..], |table| &table.columns);
    let mut declared: Vec<Column> = own.iter().map(declare).collect();
    let mut values: Vec<Vec<f64>> = own.iter().map(|column| column.values.clone()).collect();
    for lookup in lookups {
        for column in tables.get(lookup.table).map_or(&[][..], |table| &table.columns) {
            if declared.iter().any(|other| other.name == column.name) {
                bail!(
                    "schema: the column name `{}` stands in two tables of the customer; give one another name with `from`",
                    column.name
                );
            }
            declared.push(declare(column));
            let value = |row: &Option<u32>| row.and_then(|row| column.values.get(row as usize).copied());
            values.push(lookup.rows.iter().map(|row| value(row).unwrap_or(f64::NAN)).collect());
        }
    }
    Ok((declared, values))
}

fn declare(column: &RawColumn) -> Column {
    Column { name: column.name.clone(), kind: column.kind.clone(), current: column.current }
}

/// Sorts rows by customer, keeping the order within each. Rows of no customer are left out.
fn group(
    columns: Vec<RawColumn>,
    owners: &[Option<u32>],
    customers: usize,
) -> anyhow::Result<(Columns, Vec<usize>)> {
    let mut offsets = vec![0usize; customers + 1];
    for owner in owners.iter().flatten() {
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
    for (row, owner) in owners.iter().enumerate() {
        let slot = owner.and_then(|owner| next.get_mut(owner as usize));
        if let Some(place) = slot {
            if let Some(position) = order.get_mut(*place) {
                *position = row as u32;
            }
            *place += 1;
        }
    }
    let sorted = columns.into_iter().map(|column| {
        order.iter().map(|row| column.values.get(*row as usize).copied().unwrap_or(f64::NAN)).collect()
    });
    Ok((Columns::new(sorted.collect(), total)?, offsets))
}
