//! A customer's rows as JSON, as the scorer takes them everywhere.

use nextbest_core::customers::{Customer, Rows, is_unknown};
use nextbest_core::schema::{ColumnKind, Schema, Table};
use nextbest_core::time;
use serde_json::{Map, Value};

/// The customer's attributes (and id, under its name, where one is given), and the rows of each event table
/// that were known before a moment (seconds since 1970-01-01).
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

/// A text that is none of a category's words: a word that the schema did not have is no missing one when it
/// is read again.
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
    use nextbest_core::customers::{Columns, Customers, read_customer};
    use nextbest_core::schema::{Column, HoldingDefinition, HoldingProduct, Product, SchemaDefinition, Task};
    use proptest::collection::{hash_set, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn column(name: &str, kind: ColumnKind) -> Column {
        Column { name: name.into(), kind, current: false }
    }

    /// A schema with these columns of the customer behind the first, and these of loans behind the first.
    fn schema(own: Vec<Column>, of_loans: Vec<Column>) -> Schema {
        let columns = [vec![column("SINCE", ColumnKind::Time)], own].concat();
        let product =
            Product { id: "L".into(), name: "Loan".into(), min_age: None, repeatable: false, value: None };
        let loans = [vec![column("OPENED", ColumnKind::Time)], of_loans].concat();
        let taken = Table { name: "loans".into(), time: Some("OPENED".into()), columns: loans };
        let product_of = HoldingProduct::Always("L".into());
        let holding = HoldingDefinition { table: "loans".into(), product: product_of, closed: None };
        Schema::try_from(SchemaDefinition {
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
        .unwrap()
    }

    fn read(schema: &Schema, json: &Value) -> Customers {
        read_customer(schema, &json.to_string()).unwrap()
    }

    /// What stands in a row: a moment, a number, and a word, each of which may be missing.
    type Drawn = (Option<i64>, Option<f64>, Option<usize>);

    fn drawn() -> impl Strategy<Value = Drawn> {
        let number = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |number| number.is_finite());
        (option::of(time::START..time::END), option::of(number), option::of(any::<usize>()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Samples are read as the rows that they were made of.
        #[test]
        fn rows_are_read_again(
            names in hash_set(r#"([-=,"'\\\n é]{0,3}|\PC{0,5})n"#, 3),
            words in hash_set(r#"n([-=,"'\\\n é]{0,3}|\PC{0,5})n|NA|true|True|7|7\.0"#, 1..6),
            own in drawn(),
            loans in vec(drawn(), 0..4),
        ) {
            let words: Vec<String> = words.into_iter().collect();
            let names: Vec<String> = names.into_iter().collect();
            let columns = vec![
                column(&names[0], ColumnKind::Time),
                column(&names[1], ColumnKind::Number),
                column(&names[2], ColumnKind::Category(words.clone())),
            ];
            let schema = schema(columns.clone(), columns);
            let values = |drawn: &[Drawn]| -> Columns {
                let moment = |it: &Drawn| it.0.map_or(f64::NAN, |moment| moment as f64);
                let word = |it: &Drawn| it.2.map_or(f64::NAN, |word| (word % words.len()) as f64);
                let columns = vec![
                    drawn.iter().map(|_| 86_400.0).collect(),
                    drawn.iter().map(moment).collect(),
                    drawn.iter().map(|it| it.1.unwrap_or(f64::NAN)).collect(),
                    drawn.iter().map(word).collect(),
                ];
                Columns::new(columns, drawn.len()).unwrap()
            };
            let tables = vec![(values(&loans), vec![0, loans.len()])];
            let before = Customers::new(&schema, values(&[own]), tables).unwrap();
            let before = before.get(0).unwrap();
            let after = read(&schema, &to_json(&schema, &before, i64::MAX, None));
            let after = after.get(0).unwrap();
            for at in 0..4 {
                prop_assert!(before.attribute(at).total_cmp(&after.attribute(at)).is_eq(), "{at}");
                let [a, b] = [&before, &after].map(|it| it.table(0).column(at).to_vec());
                let same = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.total_cmp(b).is_eq());
                prop_assert!(same, "{:?} and {:?}", a, b);
            }
        }
    }

    #[test]
    fn an_unknown_word_stays_one() {
        let words = vec!["(unknown)".to_owned(), "Rome".to_owned()];
        let schema = schema(vec![column("CITY", ColumnKind::Category(words))], Vec::new());
        for (city, known) in [("\"Oslo\"", None), ("\"Rome\"", Some(1.0)), ("null", Some(f64::NAN))] {
            let customer = format!(r#"{{"customer": {{"SINCE": "2020-01-01", "CITY": {city}}}}}"#);
            let before = read(&schema, &serde_json::from_str(&customer).unwrap());
            let json = to_json(&schema, &before.get(0).unwrap(), 0, None);
            let after = read(&schema, &json).get(0).unwrap().attribute(1);
            assert_eq!(is_unknown(after), known.is_none(), "{json}");
            assert!(known.is_none_or(|known| known.total_cmp(&after).is_eq()), "{json}");
        }
    }
}
