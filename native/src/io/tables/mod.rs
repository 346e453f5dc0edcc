//! The bank's tables, from CSV or Parquet files to customers with all their rows.
//!
//! Every row is used or left out for one reason, which is counted ([`quality`]). Bad rows are counted with
//! their file, line and column, and are an error unless the user says to skip them.
//!
//! Each file is read once, by all threads. The customers and what events refer to are held in memory; events
//! wait, by parts of the customers, in memory or on disk ([`events`]), until their part's turn comes.

mod bank;
mod batch;
mod cell;
mod convert;
mod csv;
mod decimal;
mod declared;
mod events;
mod header;
mod held;
mod join;
mod keys;
mod open;
mod parquet_column;
mod parquet_file;
mod parquet_remarks;
mod parquet_type;
pub(crate) mod plain;
mod plan;
mod products;
mod quality;
mod read;
mod spill;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use nextbest_core::schema::Schema;

pub(crate) use bank::{Bank, Part};
use batch::{Key, Places};
pub(crate) use declared::declared_schema;
pub(crate) use open::load;
pub(crate) use parquet_file::is_parquet;
use plan::TablePlan;
pub(crate) use products::products;
pub(crate) use quality::{TableQuality, unknown_in_words};

/// How to read the tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadOptions<'a> {
    /// Leave bad rows out instead of stopping.
    pub(crate) skip_bad_rows: bool,
    /// Read with the words and products of this schema (a bundle's) instead of those in the data.
    pub(crate) schema: Option<&'a Schema>,
    /// For tables of which no feature can see all rows: the times (seconds since 1970-01-01) of those that
    /// one can.
    pub(crate) seen: BTreeMap<String, Range<f64>>,
    /// What rules read: the schema has the words of all rows, also of those that no feature sees.
    pub(crate) ruled: RuledWords,
}

/// The columns that the policy's rules read by their words, by table (none for an attribute) and name, each
/// with the words that they name.
pub(crate) type RuledWords = BTreeMap<(Option<String>, String), BTreeSet<String>>;

/// A category with more words than this is an id or a text.
const MAX_WORDS: usize = 10_000;

fn too_many_words(table: &str, column: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "table `{table}`: column {column}: more than {MAX_WORDS} different words: this is no category"
    )
}

/// What is wrong with a row whose key was there before.
fn twice(plan: &TablePlan<'_>, places: &Places, cell: u32, key: &Key) -> String {
    let key = match key {
        Key::Number(number) => number.to_string(),
        Key::Text(text) => text.to_string(),
    };
    let column = plan.key.map_or("?", |column| plan.file_column_name(column));
    format!("{}: column {column}: the key {key:?} is there twice", places.of(cell as usize))
}
