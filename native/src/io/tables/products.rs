//! The products: listed in the config, or the rows of their table.

use anyhow::{Context, bail};
use nextbest_core::customers::words;
use nextbest_core::schema::Product;

use super::read::{TableFile, read_texts};
use crate::config::{Config, ProductConfig, ProductTableConfig, ProductsConfig, SchemaConfig};

/// The products that the config lists or names a table of.
///
/// # Errors
/// If their table can't be read.
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
        let [id, name, min_age, repeatable, margin, least, greatest] = row.texts.as_slice() else {
            bail!("{}: has {} texts, expected {}", row.place, row.texts.len(), wanted.len());
        };
        let number = |column: &Option<String>, text: &str| match column {
            Some(column) if !text.is_empty() => text.parse::<f64>().map(Some).map_err(|_| {
                anyhow::anyhow!("{}: column {column}: expected a number, got {text:?}", row.place)
            }),
            _ => Ok(None),
        };
        let repeatable = ["y", "yes", "true", "1"].contains(&repeatable.to_lowercase().as_str());
        let (least, greatest) = (number(&from.min_amount, least)?, number(&from.max_amount, greatest)?);
        // Amounts are heavy-tailed: their typical size is the geometric mean of the limits.
        let value = match (number(&from.margin, margin)?, least, greatest) {
            (Some(margin), Some(least), Some(greatest)) => Some(margin * (least * greatest).sqrt()),
            _ => None,
        };
        products.push(Product {
            id: id.clone(),
            name: name.clone(),
            min_age: number(&from.min_age, min_age)?,
            repeatable,
            value,
        });
    }
    Ok(products)
}
