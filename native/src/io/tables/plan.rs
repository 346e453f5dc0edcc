//! What is to be read of a table's file, resolved before the file is opened.

use std::ops::Range;

use anyhow::Context;
use indexmap::IndexSet;
use nextbest_core::schema::{ColumnKind, Schema};
use nextbest_core::time::Clock;
use rustc_hash::FxHashMap;

use super::batch::Seen;
use super::keys::KeyMap;
use crate::config::{ColumnConfig, ColumnType, SchemaConfig, TableConfig};

/// What is to be read of a table's file.
pub(super) struct TablePlan<'a> {
    pub(super) name: &'a str,
    /// The columns of the file, each once.
    pub(super) file_columns: IndexSet<&'a str>,
    pub(super) columns: Vec<PlannedColumn<'a>>,
    /// The file column with the rows' keys.
    pub(super) key: Option<usize>,
    /// The file column that identifies customers.
    pub(super) id: Option<usize>,
    /// File columns, and the words of which one must stand there.
    pub(super) filters: Vec<(usize, &'a [String])>,
    /// The times of rows that a feature can see; others are not looked at further.
    pub(super) seen: Range<f64>,
    /// What times without a zone are times of.
    pub(super) clock: &'a Clock,
}

/// A column of a table.
pub(super) struct PlannedColumn<'a> {
    pub(super) name: &'a str,
    pub(super) config: &'a ColumnConfig,
    /// The column of the file that it is made from.
    pub(super) from: usize,
    /// The table that it refers to.
    pub(super) target: Option<Target<'a>>,
    /// Whether it is the row's time.
    pub(super) is_time: bool,
    /// Whether rules read it: the words of rows that no feature sees are of use too.
    pub(super) is_ruled: bool,
    /// The codes of the words, where they are known beforehand.
    pub(super) words: Option<FxHashMap<&'a str, u16>>,
}

/// A table that another one refers to.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) name: &'a str,
    pub(super) keys: &'a KeyMap,
}

impl<'a> TablePlan<'a> {
    /// Plans a table. `known` is the schema whose words are to be used, where there is one; `target` finds
    /// the tables that were read before; `id_column` is the column that identifies customers.
    pub(super) fn new(
        schema: &'a SchemaConfig,
        name: &'a str,
        known: Option<&'a Schema>,
        id_column: &'a str,
        clock: &'a Clock,
        target: impl Fn(&str) -> Option<Target<'a>>,
    ) -> anyhow::Result<Self> {
        let table: &TableConfig =
            schema.tables.get(name).with_context(|| format!("schema: there is no table `{name}`"))?;
        let mut plan = Self {
            name,
            file_columns: IndexSet::new(),
            columns: Vec::new(),
            key: None,
            id: None,
            filters: Vec::new(),
            seen: f64::NEG_INFINITY..f64::INFINITY,
            clock,
        };
        for (column, config) in &table.columns {
            let target = config
                .references
                .as_deref()
                .map(|name| target(name).with_context(|| format!("table `{name}` was not read yet")))
                .transpose()?;
            let planned = PlannedColumn {
                name: column,
                config,
                from: plan.file_column(config.from.as_deref().unwrap_or(column)),
                target,
                is_time: table.time.as_ref() == Some(column),
                is_ruled: false,
                words: match config.r#type {
                    Some(ColumnType::Category) => known.map(|schema| known_words(schema, name, column)),
                    _ => None,
                },
            };
            plan.columns.push(planned);
        }
        plan.key = table.key.as_deref().map(|key| plan.file_column(key));
        plan.id = (name == schema.customer.table).then(|| plan.file_column(id_column));
        for (column, words) in &table.rows_where {
            let from = plan.file_column(column);
            plan.filters.push((from, words));
        }
        Ok(plan)
    }

    fn file_column(&mut self, name: &'a str) -> usize {
        self.file_columns.insert_full(name).0
    }

    /// The name of a column of the file.
    pub(super) fn file_column_name(&self, position: usize) -> &str {
        self.file_columns.get_index(position).copied().unwrap_or("?")
    }

    /// Which rows need be read, where not all need be.
    pub(super) fn seen_rows(&self) -> Option<Seen> {
        let time = self.columns.iter().find(|column| column.is_time)?;
        let is_bounded = self.seen.start.is_finite() || self.seen.end.is_finite();
        if self.columns.iter().any(|column| column.is_ruled) {
            return None;
        }
        is_bounded.then(|| Seen { column: time.from, range: self.seen.clone() })
    }

    /// The columns that have values, and not only refer to another table.
    pub(super) fn typed(&self) -> impl Iterator<Item = (&PlannedColumn<'a>, ColumnType)> {
        self.columns.iter().filter_map(|column| Some((column, column.config.r#type?)))
    }
}

fn known_words<'a>(schema: &'a Schema, table: &str, column: &str) -> FxHashMap<&'a str, u16> {
    // A column of the customer's own table or of one that is joined to it is an attribute.
    let event_table = schema.tables().iter().find(|other| other.name == table);
    let columns = &event_table.unwrap_or(schema.customer()).columns;
    match columns.iter().find(|other| other.name == column).map(|column| &column.kind) {
        Some(ColumnKind::Category(words)) => words.iter().map(String::as_str).zip(0..).collect(),
        _ => FxHashMap::default(),
    }
}
