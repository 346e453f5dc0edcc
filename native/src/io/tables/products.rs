//! The products: listed in the config, or the rows of their table.

use anyhow::Context;
use nextbest_core::customers::words;
use nextbest_core::schema::Product;

use super::read::{TableFile, read_texts};
use crate::config::{Config, ProductConfig, ProductTableConfig, ProductsConfig, SchemaConfig};

/// The products that the config lists or names a table of.
///
/// # Errors
/// Where their table can't be read.
pub(crate) fn products(config: &Config, schema: &SchemaConfig) -> anyhow::Result<Vec<Product>> {
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
        id: words::normalised(&product.id).to_owned(),
        name: words::normalised(&product.name).to_owned(),
        min_age: product.min_age,
        repeatable: product.repeatable,
        value: product.value,
    }
}

/// The columns of the table of products, in the order in which they are read.
const ID: usize = 0;
const NAME: usize = 1;
const MIN_AGE: usize = 2;
const REPEATABLE: usize = 3;
const MARGIN: usize = 4;
const LEAST: usize = 5;
const GREATEST: usize = 6;

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
    let file = TableFile::open(config, &from.table, table)?;
    let wanted = [
        Some(key),
        Some(from.name.as_str()),
        from.min_age.as_deref(),
        from.repeatable.as_deref(),
        from.margin.as_deref(),
        from.min_amount.as_deref(),
        from.max_amount.as_deref(),
    ];
    let mut products = Vec::new();
    for row in read_texts(&file, &config.data_source.clock()?, &from.table, &wanted)? {
        let text = |position: usize| row.texts.get(position).cloned().unwrap_or_default();
        let number = |position: usize| match text(position).as_str() {
            "" => Ok(None),
            text => text.parse::<f64>().map(Some).map_err(|_| {
                let column = wanted.get(position).copied().flatten().unwrap_or_default();
                anyhow::anyhow!("{}: column {column}: expected a number, got {text:?}", row.place)
            }),
        };
        let repeatable = ["y", "yes", "true", "1"].contains(&text(REPEATABLE).to_lowercase().as_str());
        // Amounts are heavy-tailed: their typical size is the geometric mean of the limits.
        let value = match (number(MARGIN)?, number(LEAST)?, number(GREATEST)?) {
            (Some(margin), Some(least), Some(greatest)) => Some(margin * (least * greatest).sqrt()),
            _ => None,
        };
        products.push(Product {
            id: text(ID),
            name: text(NAME),
            min_age: number(MIN_AGE)?,
            repeatable,
            value,
        });
    }
    Ok(products)
}
