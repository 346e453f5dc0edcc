//! The bank's tables, from CSV files to customers in memory.
//!
//! Every row is either used, or outside the customers that the config asks for, or bad. Bad rows are counted with
//! their file, line and column, and are an error unless the user says to skip them.

mod cell;
mod declared;
mod join;
mod keys;
mod products;
mod read;

use std::path::PathBuf;

use anyhow::{Context, bail};
use nextbest_core::customers::Customers;
use nextbest_core::schema::Schema;
use nextbest_core::time::DAY;
use serde::Serialize;

use crate::config::{Config, SchemaConfig};
use crate::progress::Progress;
pub(crate) use declared::declared_schema;
use read::{RawTable, TableReader};

/// The bank's data, ready for features.
#[derive(Debug)]
pub(crate) struct Bank {
    /// What the rows look like.
    pub(crate) schema: Schema,
    /// The customers.
    pub(crate) customers: Customers,
    /// Their ids, in the same order.
    pub(crate) ids: Vec<String>,
    /// What became of each table's rows.
    pub(crate) quality: Vec<TableQuality>,
    /// The first midnight after the last event.
    pub(crate) data_end: i64,
}

/// What became of a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TableQuality {
    /// The table.
    pub(crate) table: String,
    /// Its file.
    pub(crate) file: PathBuf,
    /// Rows that are used.
    pub(crate) rows: usize,
    /// Rows of others than the customers that the config asks for.
    pub(crate) outside: usize,
    /// Rows that could not be read.
    pub(crate) bad: usize,
}

/// How to read the tables.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LoadOptions<'a> {
    /// Leave bad rows out instead of stopping.
    pub(crate) skip_bad_rows: bool,
    /// Read with the words and products of this schema (a bundle's) instead of those in the data.
    pub(crate) schema: Option<&'a Schema>,
}

/// How many bad rows an error message shows.
const SHOWN_BAD_ROWS: usize = 5;

/// Reads the bank's tables.
///
/// # Errors
/// Where a file or column is missing, a table is empty, or rows are bad (and not to be skipped).
pub(crate) fn load(config: &Config, options: LoadOptions<'_>, progress: &Progress) -> anyhow::Result<Bank> {
    let schema = config.schema()?;
    let key = config.feature_store.key()?;
    let mut tables: Vec<RawTable> = Vec::new();
    for name in load_order(&schema)? {
        progress.step(format!("reading table {name}"));
        let reader =
            TableReader { config, schema: &schema, known: options.schema, loaded: &tables, id_column: key };
        let table = reader.read(&name)?;
        if table.bad.count > 0 && !options.skip_bad_rows {
            bail!(
                "{} of {} rows are bad:\n  {}\nMend them, or leave them out with --skip-bad-rows.",
                table.bad.count,
                table.bad.count + table.rows + table.outside,
                table.bad.shown.join("\n  ")
            );
        }
        if table.rows == 0 && table.columns.iter().len() + table.references.len() > 0 {
            bail!(
                "{}: table `{name}` has no rows; take it out of the schema or supply its data",
                table.file.display()
            );
        }
        tables.push(table);
    }
    let quality = tables
        .iter()
        .map(|table| TableQuality {
            table: table.name.clone(),
            file: table.file.clone(),
            rows: table.rows,
            outside: table.outside,
            bad: table.bad.count,
        })
        .collect();
    let products = match options.schema {
        Some(known) => known.products().to_vec(),
        None => products::products(config, &schema)?,
    };
    progress.step("joining tables".into());
    let joined = join::join(config, &schema, products, tables, options.schema, key)?;
    let last_event =
        last_event(&joined.schema, &joined.customers).context("no event table has a row with a time")?;
    Ok(Bank {
        schema: joined.schema,
        customers: joined.customers,
        ids: joined.ids,
        quality,
        data_end: (last_event.div_euclid(DAY) + 1) * DAY,
    })
}

/// The tables in an order in which each comes after those that it refers to.
fn load_order(schema: &SchemaConfig) -> anyhow::Result<Vec<String>> {
    fn visit(
        schema: &SchemaConfig,
        name: &str,
        path: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        if order.iter().any(|done| done == name) {
            return Ok(());
        }
        if path.iter().any(|above| above == name) {
            bail!("schema: tables refer to each other in a circle: {} → {name}", path.join(" → "));
        }
        let table = schema.tables.get(name).with_context(|| match path.last() {
            Some(from) => format!("schema: table `{from}` refers to `{name}`, which is not declared"),
            None => format!("schema: there is no table `{name}`"),
        })?;
        path.push(name.to_owned());
        for target in table.columns.values().filter_map(|column| column.references.as_deref()) {
            visit(schema, target, path, order)?;
        }
        path.pop();
        order.push(name.to_owned());
        Ok(())
    }
    let mut order = Vec::new();
    for name in schema.tables.keys() {
        visit(schema, name, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

/// The time of the last event.
fn last_event(schema: &Schema, customers: &Customers) -> Option<i64> {
    let mut last = f64::NEG_INFINITY;
    for customer in customers.iter() {
        for table in 0..schema.tables().len() {
            if let Some(time) = schema.time_column(table) {
                last = customer.table(table).column(time).iter().copied().fold(last, f64::max);
            }
        }
    }
    last.is_finite().then_some(last as i64)
}
