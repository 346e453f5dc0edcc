//! The products: listed in the config, or the rows of their table.

use anyhow::Context;
use nextbest_core::schema::Product;

use super::read::{Header, open, text_at};
use crate::config::{Config, ProductConfig, ProductTableConfig, ProductsConfig, SchemaConfig};

/// The products that the config lists or names a table of.
///
/// # Errors
/// Where their table can't be read.
pub(super) fn products(config: &Config, schema: &SchemaConfig) -> anyhow::Result<Vec<Product>> {
    match &schema.products {
        ProductsConfig::Table(table) => from_table(config, schema, table),
        ProductsConfig::List(list) => Ok(list.iter().map(declared).collect()),
    }
}

/// The products that the config lists; `None` where they stand in a table.
pub(super) fn listed(products: &ProductsConfig) -> Option<Vec<Product>> {
    match products {
        ProductsConfig::Table(_) => None,
        ProductsConfig::List(list) => Some(list.iter().map(declared).collect()),
    }
}

fn declared(product: &ProductConfig) -> Product {
    Product {
        id: product.id.clone(),
        name: product.name.clone(),
        min_age: product.min_age,
        repeatable: product.repeatable,
        value: product.value,
    }
}

/// Reads the table of products.
fn from_table(
    config: &Config,
    schema: &SchemaConfig,
    from: &ProductTableConfig,
) -> anyhow::Result<Vec<Product>> {
    let table = schema
        .tables
        .get(&from.table)
        .with_context(|| format!("schema.products: no table `{}`", from.table))?;
    let key = table
        .key
        .as_deref()
        .with_context(|| format!("schema.products: table `{}` needs a key", from.table))?;
    let (file, mut reader) = open(config, &from.table, table)?;
    let header = Header::read(&mut reader, &file)?;
    let position = |column: &str| header.position(column, &from.table);
    let optional = |column: &Option<String>| column.as_deref().map(position).transpose();
    let (id, name) = (position(key)?, position(&from.name)?);
    let (min_age, repeatable) = (optional(&from.min_age)?, optional(&from.repeatable)?);
    let (margin, least, greatest) =
        (optional(&from.margin)?, optional(&from.min_amount)?, optional(&from.max_amount)?);
    let mut products = Vec::new();
    for record in reader.byte_records() {
        let record = record.with_context(|| format!("{}", file.display()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let place = |problem: String| anyhow::anyhow!("{}:{line}: {problem}", file.display());
        let text = |position: usize| text_at(&record, position).map(str::trim).map_err(place);
        let number = |position: Option<usize>| -> anyhow::Result<Option<f64>> {
            let Some(position) = position else { return Ok(None) };
            match text(position)? {
                "" => Ok(None),
                text => text.parse().map(Some).map_err(|_| {
                    place(format!("column {}: expected a number, got {text:?}", header.name(position)))
                }),
            }
        };
        let repeatable = match repeatable {
            Some(position) => ["y", "yes", "true", "1"].contains(&text(position)?.to_lowercase().as_str()),
            None => false,
        };
        // Amounts are heavy-tailed: their typical size is the geometric mean of the limits.
        let value = match (number(margin)?, number(least)?, number(greatest)?) {
            (Some(margin), Some(least), Some(greatest)) => Some(margin * (least * greatest).sqrt()),
            _ => None,
        };
        products.push(Product {
            id: text(id)?.to_owned(),
            name: text(name)?.to_owned(),
            min_age: number(min_age)?,
            repeatable,
            value,
        });
    }
    Ok(products)
}
