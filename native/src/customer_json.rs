//! A customer's rows as JSON, as the scorer takes them everywhere.

use nextbest_core::customers::{Customer, Rows};
use nextbest_core::schema::{ColumnKind, Schema, Table};
use nextbest_core::time;
use serde_json::{Map, Value};

/// The customer's attributes (and id, under its name, where one is given), and the rows of each event table that were known before a moment (seconds since
/// 1970-01-01).
pub(crate) fn to_json(
    schema: &Schema,
    customer: &Customer<'_>,
    before: i64,
    identity: Option<(&str, &str)>,
) -> Value {
    let mut tables = Map::new();
    let mut own = row_to_json(schema.customer(), |column: usize| customer.attribute(column));
    own.extend(identity.map(|(name, id)| (name.to_owned(), id.into())));
    tables.insert(schema.customer().name.clone(), Value::Object(own));
    for (position, table) in schema.tables().iter().enumerate() {
        let rows: Rows<'_> = customer.table(position);
        let times = schema.time_column(position).map(|column| rows.column(column));
        let known =
            |row: &usize| times.is_none_or(|times| times.get(*row).is_some_and(|time| *time < before as f64));
        let list = (0..rows.len())
            .filter(known)
            .map(|row| row_to_json(table, |column| rows.column(column).get(row).copied().unwrap_or(f64::NAN)))
            .map(Value::Object)
            .collect();
        tables.insert(table.name.clone(), Value::Array(list));
    }
    Value::Object(tables)
}

fn row_to_json(table: &Table, value: impl Fn(usize) -> f64) -> Map<String, Value> {
    let cells = table.columns.iter().enumerate().filter_map(|(position, column)| {
        let value = value(position);
        if value.is_nan() {
            return None;
        }
        let json = match &column.kind {
            ColumnKind::Number => Value::from(value),
            ColumnKind::Time => Value::from(time::format(value as i64)),
            ColumnKind::Category(words) => Value::from(words.get(value as usize)?.as_str()),
        };
        Some((column.name.clone(), json))
    });
    cells.collect()
}
