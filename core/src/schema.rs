//! The shape of a bank's data: tables, columns, times and products, declared as data and validated once.
//!
//! A [`Schema`] describes one customer's *own* rows as they are scored: one row of attributes and any number
//! of event tables. How a bank's files become these rows (joins, formats, keys) is up to the native side. A
//! plain table, with one row per case, is a schema without events and products whose model predicts one of
//! the columns ([`Task`]).

mod resolve;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decode::bounded::list;
use crate::time::Clock;

/// The most products; a [`ProductSet`](crate::snapshot::ProductSet) holds no more.
pub const MAX_PRODUCTS: usize = 63;
/// The most event tables.
pub const MAX_TABLES: usize = 64;
/// The most columns of a table.
pub const MAX_COLUMNS: usize = 4096;
/// The most classes of a model: [`NONE_CLASS`] and the products, or the words of a label.
pub const MAX_CLASSES: usize = MAX_PRODUCTS + 1;

/// The name of the class of customers who take no product within the horizon. It is class 0 of every model
/// that predicts products.
pub const NONE_CLASS: &str = "NONE";

/// A schema as written down: names instead of positions, not validated yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaDefinition {
    /// One row per customer. Only [`Task::Label`] uses its `time`: the moment that the row is seen from.
    pub customer: Table,
    /// The customer column with the date at which the customer joined the bank; none in a plain table.
    pub established: Option<String>,
    /// The customer column with the date of birth, if there is one.
    pub birth_date: Option<String>,
    /// The event tables.
    #[serde(deserialize_with = "list")]
    pub tables: Vec<Table>,
    /// The tables that record which products a customer took.
    #[serde(deserialize_with = "list")]
    pub holdings: Vec<HoldingDefinition>,
    /// The products, in the order of the model's classes (after [`NONE_CLASS`]).
    #[serde(deserialize_with = "list")]
    pub products: Vec<Product>,
    /// The number of days after a cut-off that count as "next"; 0 in a plain table.
    pub horizon_days: u32,
    /// What is predicted.
    pub task: Task,
    /// The clock that shows times without a zone.
    pub clock: Clock,
}

/// What a model of a schema predicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    /// Which product a customer takes next. The classes are [`NONE_CLASS`] and the products.
    NextProduct,
    /// The word in a category column of the customer's row, which no feature reads. The classes are its
    /// words. The schema is a plain table, without events, holdings and products.
    Label {
        /// The column.
        column: String,
    },
}

/// A table of a customer's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The name under which a customer's rows are passed: `transactions`.
    pub name: String,
    /// The column with the time at which a row came into being; without one, rows have no time.
    pub time: Option<String>,
    /// The columns that may be read.
    #[serde(deserialize_with = "list")]
    pub columns: Vec<Column>,
}

/// A column and the kind of its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the bank's table.
    pub name: String,
    /// The kind of its values.
    pub kind: ColumnKind,
    /// Whether it shows today's state instead of the state when the row came into being (a current status, a
    /// current balance). Such a column can't be rebuilt for a past cut-off, so no feature may read it.
    pub current: bool,
}

/// The kind of a column's values. All are held as `f64`; a missing value is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnKind {
    /// A number.
    Number,
    /// A date or a timestamp: seconds since 1970-01-01 on the bank's clock.
    Time,
    /// One of these words, held as its position. A word that is not listed counts as missing.
    Category(#[serde(deserialize_with = "list")] Vec<String>),
}

/// A table in which a row means that the customer took a product at the row's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldingDefinition {
    /// The event table.
    pub table: String,
    /// Which product the row is about.
    pub product: HoldingProduct,
    /// The column with the date at which the product was given up, if there is one.
    pub closed: Option<String>,
}

/// How a row of a holdings table names its product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldingProduct {
    /// By the product's id in this category column.
    Column(String),
    /// Every row is about the product with this id.
    Always(String),
}

/// A product of the bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its id in the bank's tables.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The minimum age in years at which it may be taken.
    pub min_age: Option<f64>,
    /// Whether a customer who holds it may take it again.
    pub repeatable: bool,
    /// The value of one sale to the bank, in its currency.
    pub value: Option<f64>,
}

/// A validated schema, with every name resolved to a position.
///
/// # Examples
/// ```
/// use nextbest_core::schema::{Column, ColumnKind, Schema, SchemaDefinition, Table, Task};
///
/// let column = |name: &str, kind| Column { name: name.into(), kind, current: false };
/// let outcome = ColumnKind::Category(vec!["no".into(), "yes".into()]);
/// let columns = vec![column("AGE", ColumnKind::Number), column("KEPT", outcome)];
/// let definition = SchemaDefinition {
///     customer: Table { name: "row".into(), time: None, columns },
///     task: Task::Label { column: "KEPT".into() },
/// #     established: None,
/// #     birth_date: None,
/// #     tables: Vec::new(),
/// #     holdings: Vec::new(),
/// #     products: Vec::new(),
/// #     horizon_days: 0,
/// #     clock: nextbest_core::time::Clock::default(),
///     // …: the other fields are empty in a plain table.
/// };
/// let schema = Schema::try_from(definition)?;
/// assert_eq!(schema.class_names(), ["no", "yes"]);
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SchemaDefinition", into = "SchemaDefinition")]
pub struct Schema {
    /// Shared by all clones: it may be most of a small bundle.
    definition: Arc<SchemaDefinition>,
    established: Option<usize>,
    birth_date: Option<usize>,
    times: Vec<Option<usize>>,
    holdings: Vec<Holding>,
    label: Option<usize>,
    row_time: Option<usize>,
}

/// A validated [`HoldingDefinition`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holding {
    pub(crate) table: usize,
    pub(crate) time: usize,
    pub(crate) closed: Option<usize>,
    pub(crate) product: ProductSource,
}

/// A validated [`HoldingProduct`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ProductSource {
    Column { column: usize, product_of_code: Vec<Option<u8>> },
    Always(usize),
}

impl Schema {
    /// The customer's attributes.
    pub fn customer(&self) -> &Table {
        &self.definition.customer
    }

    /// The event tables.
    pub fn tables(&self) -> &[Table] {
        &self.definition.tables
    }

    /// The products, in class order.
    pub fn products(&self) -> &[Product] {
        &self.definition.products
    }

    /// What is predicted.
    pub fn task(&self) -> &Task {
        &self.definition.task
    }

    /// The number of classes of a model.
    pub fn class_count(&self) -> usize {
        match self.label_words() {
            Some(words) => words.len(),
            None => self.definition.products.len() + 1,
        }
    }

    /// The names of the classes: [`NONE_CLASS`], then the products; or the words of the label.
    pub fn class_names(&self) -> Vec<&str> {
        if let Some(words) = self.label_words() {
            return words.iter().map(String::as_str).collect();
        }
        let products = self.definition.products.iter().map(|product| product.name.as_str());
        core::iter::once(NONE_CLASS).chain(products).collect()
    }

    /// The class of customers who take nothing ([`NONE_CLASS`]); `None` for a label.
    pub fn none_class(&self) -> Option<usize> {
        match self.definition.task {
            Task::NextProduct => Some(0),
            Task::Label { .. } => None,
        }
    }

    /// The bank's clock, which shows times without a zone.
    pub fn clock(&self) -> &Clock {
        &self.definition.clock
    }

    /// The position of the customer column that is predicted, if the task is a label.
    pub fn label(&self) -> Option<usize> {
        self.label
    }

    /// The position of the column with the moment that a plain table's row is seen from.
    pub fn row_time(&self) -> Option<usize> {
        self.row_time
    }

    fn label_words(&self) -> Option<&[String]> {
        match &self.definition.customer.columns.get(self.label?)?.kind {
            ColumnKind::Category(words) => Some(words),
            _ => None,
        }
    }

    /// The number of days after a cut-off that count as "next"; 0 in a plain table.
    pub fn horizon_days(&self) -> u32 {
        self.definition.horizon_days
    }

    /// The schema as written down.
    pub fn definition(&self) -> &SchemaDefinition {
        &self.definition
    }

    /// The position of the customer column with the date at which the customer joined; `None` in a plain
    /// table.
    pub fn established(&self) -> Option<usize> {
        self.established
    }

    /// The position of the customer column with the date of birth.
    pub fn birth_date(&self) -> Option<usize> {
        self.birth_date
    }

    /// The position of an event table's time column; `None` if it has none or there is no such table.
    pub fn time_column(&self, table: usize) -> Option<usize> {
        self.times.get(table).copied().flatten()
    }

    pub(crate) fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// The column in which a holdings table records when a product was given up. Dates in it may lie after
    /// the cut-off, so it must not be read directly.
    pub fn closed_column(&self, table: usize) -> Option<usize> {
        self.holdings.iter().find(|holding| holding.table == table).and_then(|holding| holding.closed)
    }
}

impl Table {
    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

#[cfg(test)]
pub(crate) mod tests;
