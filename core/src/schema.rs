//! What a bank's data looks like: tables, columns, times and products, declared as data and validated once.
//!
//! A [`Schema`] describes one customer's *own* rows as they are scored: one row of attributes and any number of
//! event tables. How a bank's files become that (joins, formats, keys) is the native side's business.

use serde::{Deserialize, Serialize};

use crate::Error;

/// More products than this can't be held in a [`ProductSet`](crate::snapshot::ProductSet).
pub const MAX_PRODUCTS: usize = 63;
/// No schema has more event tables.
pub const MAX_TABLES: usize = 64;
/// No table has more columns.
pub const MAX_COLUMNS: usize = 4096;

/// The name of the class of customers who take no product within the horizon. It is class 0 of every model.
pub const NONE_CLASS: &str = "NONE";

/// A schema as it is written down: names instead of positions, nothing checked yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaDefinition {
    /// One row a customer; its `time` is not used.
    pub customer: Table,
    /// The customer column that holds when the customer came to the bank.
    pub established: String,
    /// The customer column that holds the date of birth, if there is one.
    pub birth_date: Option<String>,
    /// The event tables.
    pub tables: Vec<Table>,
    /// Where it is written which products a customer took.
    pub holdings: Vec<HoldingDefinition>,
    /// The products, in the order of the model's classes (after [`NONE_CLASS`]).
    pub products: Vec<Product>,
    /// How many days after a cut-off count as "next".
    pub horizon_days: u32,
}

/// A table of a customer's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The name under which a customer's rows are passed: `transactions`.
    pub name: String,
    /// The column that says when a row came into being; a table without one says nothing about time.
    pub time: Option<String>,
    /// The columns that may be read.
    pub columns: Vec<Column>,
}

/// A column and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The name in the bank's table.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether it shows the state of today instead of the state when the row came into being (a current status, a
    /// current balance). Such a column can't be rebuilt for a past cut-off, so no feature may read it.
    pub current: bool,
}

/// What the values of a column are. All are held as `f64`; a missing value is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnKind {
    /// A number.
    Number,
    /// A date or a timestamp: seconds since 1970-01-01.
    Time,
    /// One of these words, held as its position. A word not among them counts as missing.
    Category(Vec<String>),
}

/// A table in which a row means that the customer took a product at the row's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldingDefinition {
    /// The event table.
    pub table: String,
    /// Which product the row is about.
    pub product: HoldingProduct,
    /// The column that says when the product was given up, if it can be.
    pub closed: Option<String>,
}

/// Which product a row of a holdings table is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldingProduct {
    /// The product whose id stands in this category column.
    Column(String),
    /// Always the product of this id.
    Always(String),
}

/// A product of the bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// As it stands in the bank's tables.
    pub id: String,
    /// As people call it.
    pub name: String,
    /// The youngest age in years at which it may be taken.
    pub min_age: Option<f64>,
    /// Whether a customer who holds it may take it again.
    pub repeatable: bool,
    /// What one taken product is worth to the bank, in its currency.
    pub value: Option<f64>,
}

/// A validated schema: every name is resolved to a position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SchemaDefinition", into = "SchemaDefinition")]
pub struct Schema {
    definition: SchemaDefinition,
    established: usize,
    birth_date: Option<usize>,
    times: Vec<Option<usize>>,
    holdings: Vec<Holding>,
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
    Column { column: usize, product_of_code: Vec<Option<usize>> },
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

    /// The number of classes of a model: [`NONE_CLASS`] and one for each product.
    pub fn class_count(&self) -> usize {
        self.definition.products.len() + 1
    }

    /// The names of the classes: [`NONE_CLASS`], then the products.
    pub fn class_names(&self) -> Vec<&str> {
        let products = self.definition.products.iter().map(|product| product.name.as_str());
        core::iter::once(NONE_CLASS).chain(products).collect()
    }

    /// How many days after a cut-off count as "next".
    pub fn horizon_days(&self) -> u32 {
        self.definition.horizon_days
    }

    /// The schema as it was written down.
    pub fn definition(&self) -> &SchemaDefinition {
        &self.definition
    }

    /// The position of the customer column that holds when the customer came.
    pub fn established(&self) -> usize {
        self.established
    }

    /// The position of the customer column that holds the date of birth.
    pub fn birth_date(&self) -> Option<usize> {
        self.birth_date
    }

    /// The position of the time column of an event table, or `None` where it has none or there is no such table.
    pub fn time_column(&self, table: usize) -> Option<usize> {
        self.times.get(table).copied().flatten()
    }

    pub(crate) fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// The column in which a holdings table says when a product was given up; what it says of the future must not be
    /// read.
    pub fn closed_column(&self, table: usize) -> Option<usize> {
        self.holdings.iter().find(|holding| holding.table == table).and_then(|holding| holding.closed)
    }
}

impl Table {
    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn time_column(&self, name: &str, role: &str) -> Result<usize, Error> {
        let position = self
            .column(name)
            .ok_or_else(|| invalid(format!("table `{}` has no column `{name}` ({role})", self.name)))?;
        match self.columns.get(position).map(|column| &column.kind) {
            Some(ColumnKind::Time) => Ok(position),
            _ => Err(invalid(format!("`{}.{name}` ({role}) must be a date or a timestamp", self.name))),
        }
    }
}

impl From<Schema> for SchemaDefinition {
    fn from(schema: Schema) -> Self {
        schema.definition
    }
}

impl TryFrom<SchemaDefinition> for Schema {
    type Error = Error;

    fn try_from(definition: SchemaDefinition) -> Result<Self, Error> {
        if definition.tables.len() > MAX_TABLES {
            return Err(invalid(format!("{} event tables, more than {MAX_TABLES}", definition.tables.len())));
        }
        let tables = core::iter::once(&definition.customer).chain(&definition.tables);
        unique("table", tables.clone().map(|table| table.name.as_str()))?;
        // Were it named twice, which column says when its products are given up?
        unique("holdings table", definition.holdings.iter().map(|holding| holding.table.as_str()))?;
        for table in tables {
            if table.columns.len() > MAX_COLUMNS {
                return Err(invalid(format!(
                    "table `{}` has {} columns, more than {MAX_COLUMNS}",
                    table.name,
                    table.columns.len()
                )));
            }
            unique(
                &format!("column of table `{}`", table.name),
                table.columns.iter().map(|column| column.name.as_str()),
            )?;
        }
        validate_products(&definition.products)?;
        if !(1..=3660).contains(&definition.horizon_days) {
            return Err(invalid(format!("the horizon is {} days, not 1 to 3660", definition.horizon_days)));
        }
        let customer = &definition.customer;
        let established = customer.time_column(&definition.established, "established")?;
        let birth_date = definition
            .birth_date
            .as_ref()
            .map(|name| customer.time_column(name, "birth_date"))
            .transpose()?;
        let times = definition
            .tables
            .iter()
            .map(|table| table.time.as_ref().map(|name| table.time_column(name, "time")).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let holdings = definition
            .holdings
            .iter()
            .map(|holding| resolve_holding(&definition, &times, holding))
            .collect::<Result<Vec<_>, _>>()?;
        if holdings.is_empty() {
            return Err(invalid("no holdings: no table says which products customers took".into()));
        }
        Ok(Schema { established, birth_date, times, holdings, definition })
    }
}

fn resolve_holding(
    definition: &SchemaDefinition,
    times: &[Option<usize>],
    holding: &HoldingDefinition,
) -> Result<Holding, Error> {
    let (position, table) =
        definition.tables.iter().enumerate().find(|(_, table)| table.name == holding.table).ok_or_else(
            || invalid(format!("holdings name the table `{}`, which is not declared", holding.table)),
        )?;
    let time = times.get(position).copied().flatten().ok_or_else(|| {
        invalid(format!("table `{}` holds products, so it needs a time column", holding.table))
    })?;
    let closed = holding.closed.as_ref().map(|name| table.time_column(name, "closed")).transpose()?;
    let product_position = |id: &str| definition.products.iter().position(|product| product.id == id);
    let product = match &holding.product {
        HoldingProduct::Always(id) => ProductSource::Always(product_position(id).ok_or_else(|| {
            invalid(format!("holdings in `{}` name the product `{id}`, which is not declared", table.name))
        })?),
        HoldingProduct::Column(name) => {
            let column = table
                .column(name)
                .ok_or_else(|| invalid(format!("table `{}` has no column `{name}` (product)", table.name)))?;
            match table.columns.get(column).map(|column| &column.kind) {
                Some(ColumnKind::Category(values)) => ProductSource::Column {
                    column,
                    product_of_code: values.iter().map(|id| product_position(id)).collect(),
                },
                _ => return Err(invalid(format!("`{}.{name}` (product) must be a category", table.name))),
            }
        }
    };
    Ok(Holding { table: position, time, closed, product })
}

fn validate_products(products: &[Product]) -> Result<(), Error> {
    if products.is_empty() || products.len() > MAX_PRODUCTS {
        return Err(invalid(format!("there are {} products, not 1 to {MAX_PRODUCTS}", products.len())));
    }
    unique("product id", products.iter().map(|product| product.id.as_str()))?;
    unique("product name", products.iter().map(|product| product.name.as_str()))?;
    for product in products {
        if product.name == NONE_CLASS {
            return Err(invalid(format!("no product may be called {NONE_CLASS}")));
        }
        let finite = |number: Option<f64>| number.is_none_or(f64::is_finite);
        if !finite(product.min_age) || !finite(product.value) {
            return Err(invalid(format!("product `{}`: its age and value must be finite", product.name)));
        }
    }
    Ok(())
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(invalid(format!("a {what} has an empty name")));
        }
        if !seen.insert(name) {
            return Err(invalid(format!("{what} `{name}` is declared twice")));
        }
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::Schema(message)
}

#[cfg(test)]
pub(crate) mod tests;
