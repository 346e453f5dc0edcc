//! The schema as far as the config alone tells it, so that feature definitions are checked before any file is
//! opened.

use std::collections::{BTreeSet, VecDeque};

use anyhow::{Context, bail};
use nextbest_core::features::{Expression, FeatureDefinition, HoldingAggregate};
use nextbest_core::schema::{
    Column, ColumnKind, HoldingDefinition, HoldingProduct, Product, Schema, SchemaDefinition, Table, Task,
};

use super::open::is_event_table;
use super::products::listed;
use crate::config::{ColumnType, Config, HoldingProductConfig, SchemaConfig, TableConfig};

/// The schema that the config declares. Categories have no words yet; if the products live in a table, the
/// ids that holdings and features name stand in for them.
///
/// # Errors
/// If tables, columns or products contradict each other.
pub(crate) fn declared_schema(config: &Config, features: &[FeatureDefinition]) -> anyhow::Result<Schema> {
    let schema = config.schema()?;
    let events = schema.tables.iter().filter(|(_, table)| is_event_table(table));
    let definition = SchemaDefinition {
        customer: Table { name: "customer".into(), time: None, columns: attributes(&schema)? },
        established: Some(schema.customer.established.clone()),
        birth_date: schema.customer.birth_date.clone(),
        tables: events
            .map(|(name, table)| Table {
                name: name.clone(),
                time: table.time.clone(),
                columns: columns(table).collect(),
            })
            .collect(),
        holdings: holdings(&schema),
        products: listed(&schema.products).unwrap_or_else(|| named(&schema, features)),
        horizon_days: config.snapshots.horizon_days,
        task: Task::NextProduct,
        clock: config.data_source.clock()?,
    };
    Ok(Schema::try_from(definition)?)
}

/// The columns of the customers' table and of those that it refers to, each table by the shortest way.
fn attributes(schema: &SchemaConfig) -> anyhow::Result<Vec<Column>> {
    let customer = &schema.customer.table;
    let mut attributes: Vec<Column> = Vec::new();
    let mut reached = BTreeSet::from([customer]);
    let mut queue = VecDeque::from([customer]);
    while let Some(name) = queue.pop_front() {
        let table = schema.tables.get(name).with_context(|| format!("schema: there is no table `{name}`"))?;
        for column in columns(table) {
            if attributes.iter().any(|other| other.name == column.name) {
                bail!(
                    "schema: the column name `{}` stands in two tables of the customer; give one another \
                     name with `from`",
                    column.name
                );
            }
            attributes.push(column);
        }
        let targets = table.columns.values().filter_map(|column| column.references.as_ref());
        queue.extend(targets.filter(|target| reached.insert(target)));
    }
    Ok(attributes)
}

fn columns(table: &TableConfig) -> impl Iterator<Item = Column> {
    table.columns.iter().filter_map(|(name, column)| {
        let kind = match column.r#type? {
            ColumnType::Number => ColumnKind::Number,
            ColumnType::Date | ColumnType::Timestamp => ColumnKind::Time,
            ColumnType::Category => ColumnKind::Category(Vec::new()),
        };
        Some(Column { name: name.clone(), kind, current: column.current })
    })
}

/// What the config says of holdings, as the core has it.
pub(super) fn holdings(schema: &SchemaConfig) -> Vec<HoldingDefinition> {
    let holdings = schema.holdings.iter().map(|holding| HoldingDefinition {
        table: holding.table.clone(),
        product: match &holding.product {
            HoldingProductConfig::Column(column) => HoldingProduct::Column(column.clone()),
            HoldingProductConfig::Always(id) => HoldingProduct::Always(id.clone()),
        },
        closed: holding.closed.clone(),
    });
    holdings.collect()
}

/// A product for each id that something names; at least one, since no bank is without.
fn named(schema: &SchemaConfig, features: &[FeatureDefinition]) -> Vec<Product> {
    let held = features.iter().filter_map(|feature| match &feature.expression {
        Expression::Holdings(HoldingAggregate::Holds(id)) => Some(id.as_str()),
        _ => None,
    });
    let always = schema.holdings.iter().filter_map(|holding| match &holding.product {
        HoldingProductConfig::Always(id) => Some(id.as_str()),
        HoldingProductConfig::Column(_) => None,
    });
    let mut ids: BTreeSet<&str> = held.chain(always).collect();
    if ids.is_empty() {
        ids.insert("some product");
    }
    let product = |(number, id): (usize, &str)| Product {
        id: id.to_owned(),
        name: format!("product {number}"),
        min_age: None,
        repeatable: false,
        value: None,
    };
    ids.into_iter().enumerate().map(product).collect()
}
