//! Validates a schema: resolves every name to a position and reports every contradiction.

use std::sync::Arc;

use super::{
    Column, ColumnKind, Holding, HoldingDefinition, HoldingProduct, MAX_CLASSES, MAX_COLUMNS, MAX_PRODUCTS,
    MAX_TABLES, NONE_CLASS, Product, ProductSource, Schema, SchemaDefinition, Table, Task,
};
use crate::Error;
use crate::decode::memory::Memory;
use crate::names::{MAX_NAME, Names, shown};

impl From<Schema> for SchemaDefinition {
    fn from(schema: Schema) -> Self {
        Arc::unwrap_or_clone(schema.definition)
    }
}

impl TryFrom<SchemaDefinition> for Schema {
    type Error = Error;

    fn try_from(definition: SchemaDefinition) -> Result<Self, Error> {
        Self::resolve(definition, &Memory::unlimited())
    }
}

impl Schema {
    /// Validates a schema within a memory budget.
    pub(crate) fn resolve(definition: SchemaDefinition, memory: &Memory) -> Result<Self, Error> {
        definition.clock.check()?;
        if definition.tables.len() > MAX_TABLES {
            return Err(invalid(format!("{} event tables, more than {MAX_TABLES}", definition.tables.len())));
        }
        let tables = core::iter::once(&definition.customer).chain(&definition.tables);
        unique("table", tables.clone().map(|table| table.name.as_str()), memory)?;
        // If a table were named twice, it would be ambiguous which column closes its products.
        unique("holdings table", definition.holdings.iter().map(|holding| holding.table.as_str()), memory)?;
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
                memory,
            )?;
        }
        match &definition.task {
            Task::NextProduct => resolve_bank(definition, memory),
            Task::Label { column } => {
                let label = resolve_label(&definition, column, memory)?;
                resolve_plain_table(definition, label)
            }
        }
    }
}

fn resolve_bank(definition: SchemaDefinition, memory: &Memory) -> Result<Schema, Error> {
    validate_products(&definition.products, memory)?;
    if !(1..=3660).contains(&definition.horizon_days) {
        return Err(invalid(format!("the horizon is {} days, expected 1 to 3660", definition.horizon_days)));
    }
    let customer = &definition.customer;
    let established = definition.established.as_ref().ok_or_else(|| {
        invalid(
            "`established` is missing: it names the customer column with the date at which a customer joined"
                .into(),
        )
    })?;
    let established = customer.date_column(established, "established")?;
    let birth_date =
        definition.birth_date.as_ref().map(|name| customer.date_column(name, "birth_date")).transpose()?;
    memory.take::<Option<usize>>(definition.tables.len())?;
    let mut times = Vec::with_capacity(definition.tables.len());
    for table in &definition.tables {
        times.push(table.time.as_ref().map(|name| table.date_column(name, "time")).transpose()?);
    }
    memory.take::<Holding>(definition.holdings.len())?;
    let mut holdings = Vec::with_capacity(definition.holdings.len());
    for holding in &definition.holdings {
        holdings.push(resolve_holding(&definition, &times, holding, memory)?);
    }
    if holdings.is_empty() {
        return Err(invalid(
            "no holdings: name the tables in which a row means that a customer took a product".into(),
        ));
    }
    let established = Some(established);
    let definition = Arc::new(definition);
    Ok(Schema { established, birth_date, times, holdings, label: None, row_time: None, definition })
}

fn resolve_plain_table(definition: SchemaDefinition, label: usize) -> Result<Schema, Error> {
    let bank_alone = [
        ("established", definition.established.is_some()),
        ("birth_date", definition.birth_date.is_some()),
        ("tables", !definition.tables.is_empty()),
        ("holdings", !definition.holdings.is_empty()),
        ("products", !definition.products.is_empty()),
        ("horizon_days", definition.horizon_days != 0),
    ];
    if let Some((field, _)) = bank_alone.iter().find(|(_, given)| *given) {
        return Err(invalid(format!("a plain table with a label can't have {field}")));
    }
    let customer = &definition.customer;
    let row_time = customer.time.as_ref().map(|name| customer.date_column(name, "time")).transpose()?;
    Ok(Schema {
        established: None,
        birth_date: None,
        times: Vec::new(),
        holdings: Vec::new(),
        label: Some(label),
        row_time,
        definition: Arc::new(definition),
    })
}

fn resolve_label(definition: &SchemaDefinition, name: &str, memory: &Memory) -> Result<usize, Error> {
    let table = &definition.customer;
    let position = table.required_column(name, "label")?;
    let Some(Column { kind: ColumnKind::Category(words), .. }) = table.columns.get(position) else {
        return Err(invalid(format!("`{}.{name}` (label) must be a category", table.name)));
    };
    if !(2..=MAX_CLASSES).contains(&words.len()) {
        return Err(invalid(format!(
            "`{}.{name}` (label) has {} different words, expected 2 to {MAX_CLASSES}",
            table.name,
            words.len()
        )));
    }
    unique("class", words.iter().map(String::as_str), memory)?;
    Ok(position)
}

fn resolve_holding(
    definition: &SchemaDefinition,
    times: &[Option<usize>],
    holding: &HoldingDefinition,
    memory: &Memory,
) -> Result<Holding, Error> {
    let (position, table) =
        definition.tables.iter().enumerate().find(|(_, table)| table.name == holding.table).ok_or_else(
            || invalid(format!("holdings name the table `{}`, which is not declared", shown(&holding.table))),
        )?;
    let time = times.get(position).copied().flatten().ok_or_else(|| {
        invalid(format!("table `{}` holds products, so it needs a time column", holding.table))
    })?;
    let closed = holding.closed.as_ref().map(|name| table.date_column(name, "closed")).transpose()?;
    let products = &definition.products;
    let product_position = |id: &str| products.iter().position(|product| product.id == id).map(|at| at as u8);
    let product = match &holding.product {
        HoldingProduct::Always(id) => {
            let position = product_position(id).ok_or_else(|| {
                let (table, id) = (&table.name, shown(id));
                invalid(format!("holdings in `{table}` name the product `{id}`, which is not declared"))
            })?;
            ProductSource::Always(position.into())
        }
        HoldingProduct::Column(name) => {
            let column = table.required_column(name, "product")?;
            match table.columns.get(column).map(|column| &column.kind) {
                Some(ColumnKind::Category(values)) => {
                    memory.take::<Option<u8>>(values.len())?;
                    let product_of_code = values.iter().map(|id| product_position(id)).collect();
                    ProductSource::Column { column, product_of_code }
                }
                _ => return Err(invalid(format!("`{}.{name}` (product) must be a category", table.name))),
            }
        }
    };
    Ok(Holding { table: position, time, closed, product })
}

impl Table {
    fn required_column(&self, name: &str, role: &str) -> Result<usize, Error> {
        self.column(name)
            .ok_or_else(|| invalid(format!("table `{}` has no column `{}` ({role})", self.name, shown(name))))
    }

    fn date_column(&self, name: &str, role: &str) -> Result<usize, Error> {
        let position = self.required_column(name, role)?;
        match self.columns.get(position).map(|column| &column.kind) {
            Some(ColumnKind::Time) => Ok(position),
            _ => Err(invalid(format!("`{}.{name}` ({role}) must be a date or a timestamp", self.name))),
        }
    }
}

fn validate_products(products: &[Product], memory: &Memory) -> Result<(), Error> {
    if products.is_empty() || products.len() > MAX_PRODUCTS {
        return Err(invalid(format!("there are {} products, expected 1 to {MAX_PRODUCTS}", products.len())));
    }
    unique("product id", products.iter().map(|product| product.id.as_str()), memory)?;
    unique("product name", products.iter().map(|product| product.name.as_str()), memory)?;
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

/// Checks that names are unique, not empty and not too long.
fn unique<'a>(
    what: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    memory: &Memory,
) -> Result<(), Error> {
    let count = names.clone().count();
    memory.take::<(&str, u32)>(count)?;
    let mut seen = Vec::with_capacity(count);
    for name in names {
        if name.is_empty() {
            return Err(invalid(format!("a {what} has an empty name")));
        }
        if name.len() > MAX_NAME {
            let bytes = name.len();
            return Err(invalid(format!("the name of a {what} has {bytes} bytes, more than {MAX_NAME}")));
        }
        seen.push(name);
    }
    let twice = Names::new(&seen, |name| name).twice();
    memory.give_back::<(&str, u32)>(count);
    match twice {
        None => Ok(()),
        Some(name) => Err(invalid(format!("{what} `{name}` is declared twice"))),
    }
}

fn invalid(message: String) -> Error {
    Error::Schema(message)
}
