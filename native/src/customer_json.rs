//! A customer's rows as JSON, as the scorer takes them everywhere.

use nextbest_core::customers::{Customer, Rows, is_unknown};
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

/// A text that is none of a category's words: a word that the schema did not have is no missing one when it is read again.
fn no_word(words: &[String]) -> String {
    let mut text = String::from("(unknown)");
    while words.contains(&text) {
        text.push('?');
    }
    text
}

fn row_to_json(table: &Table, value: impl Fn(usize) -> f64) -> Map<String, Value> {
    let cells = table.columns.iter().enumerate().filter_map(|(position, column)| {
        let value = value(position);
        let json = match &column.kind {
            ColumnKind::Category(words) if is_unknown(value) => Value::from(no_word(words)),
            _ if value.is_nan() => return None,
            ColumnKind::Number => Value::from(value),
            ColumnKind::Time => Value::from(time::format(value as i64)),
            ColumnKind::Category(words) => Value::from(words.get(value as usize)?.as_str()),
        };
        Some((column.name.clone(), json))
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use nextbest_core::customers::read_customer;
    use nextbest_core::schema::{Column, HoldingDefinition, HoldingProduct, Product, SchemaDefinition, Task};

    use super::*;

    #[test]
    fn an_unknown_word_stays_one() {
        let words = vec!["(unknown)".to_owned(), "Rome".to_owned()];
        let column = |name: &str, kind| Column { name: name.into(), kind, current: false };
        let columns = vec![column("SINCE", ColumnKind::Time), column("CITY", ColumnKind::Category(words))];
        let product =
            Product { id: "L".into(), name: "Loan".into(), min_age: None, repeatable: false, value: None };
        let opened = vec![column("OPENED", ColumnKind::Time)];
        let taken = Table { name: "loans".into(), time: Some("OPENED".into()), columns: opened };
        let product_of = HoldingProduct::Always("L".into());
        let holding = HoldingDefinition { table: "loans".into(), product: product_of, closed: None };
        let schema = Schema::try_from(SchemaDefinition {
            customer: Table { name: "customer".into(), time: None, columns },
            established: Some("SINCE".into()),
            birth_date: None,
            tables: vec![taken],
            holdings: vec![holding],
            products: vec![product],
            horizon_days: 90,
            task: Task::NextProduct,
            clock: Default::default(),
        })
        .unwrap();
        let read = |json: &Value| read_customer(&schema, &json.to_string()).unwrap();
        for (city, known) in [("\"Oslo\"", None), ("\"Rome\"", Some(1.0)), ("null", Some(f64::NAN))] {
            let customer = format!(r#"{{"customer": {{"SINCE": "2020-01-01", "CITY": {city}}}}}"#);
            let before = read(&serde_json::from_str(&customer).unwrap());
            let json = to_json(&schema, &before.get(0).unwrap(), 0, None);
            let after = read(&json).get(0).unwrap().attribute(1);
            assert_eq!(is_unknown(after), known.is_none(), "{json}");
            assert!(known.is_none_or(|known| known.total_cmp(&after).is_eq()), "{json}");
        }
    }
}
