//! Reads one customer's own rows from JSON, a JavaScript object, or anything else that serde can walk.
//!
//! The shape is the schema's: `{ "customer": {…}, "accounts": [{…}], "transactions": [{…}] }`, or of a plain table the
//! row itself: `{ "AGE": 39, "CITY": "Rome" }`. Missing values are null, absent or an empty text, unknown fields are ignored, a
//! word that the schema does not have is [`UNKNOWN`], and a wrong type is an error that names the path.

use core::fmt;

use serde::de::{Deserialize, Deserializer};

use super::value::Value;
use super::{Columns, Customers, UNKNOWN, words};
use crate::schema::{Column, ColumnKind, Schema, Table, Task};
use crate::{Error, time};

/// Reads one customer, or one row of a plain table; the result holds exactly that one.
///
/// # Errors
/// [`Error::Customer`] with the path of the first value that does not fit the schema:
/// `accounts[2].PRINCIPALAMOUNT: expected a number, got "abc"`; of a plain table, with the column.
pub fn read_customer<'de, D: Deserializer<'de>>(
    schema: &Schema,
    deserializer: D,
) -> Result<Customers, Error> {
    read_identified(schema, None, deserializer).map(|(customers, _)| customers)
}

/// Reads one customer, and what stands in a field of the customer's own row that tells customers apart, if that is given and
/// there is a word or a whole number in it.
///
/// # Errors
/// As [`read_customer`].
pub fn read_identified<'de, D: Deserializer<'de>>(
    schema: &Schema,
    key: Option<&str>,
    deserializer: D,
) -> Result<(Customers, Option<String>), Error> {
    let value = Value::deserialize(deserializer).map_err(|error| misfit(&schema.customer().name, error))?;
    let customers = match schema.task() {
        Task::Label { .. } => read_plain_row(schema, &value)?,
        Task::NextProduct => read_rows_of_customer(schema, &value)?,
    };
    let own = value.field(&schema.customer().name);
    let id = match own.zip(key).and_then(|(own, key)| own.field(key)) {
        Some(Value::Text(text)) => Some(text.clone()),
        Some(Value::Number(number)) if number.fract() == 0.0 => Some(number.to_string()),
        _ => None,
    };
    Ok((customers, id))
}

fn read_rows_of_customer(schema: &Schema, value: &Value) -> Result<Customers, Error> {
    if !matches!(value, Value::Object(_)) {
        return Err(misfit(
            "customer",
            format_args!("expected an object with the customer's tables, got {value}"),
        ));
    }
    let attributes = match value.field(&schema.customer().name) {
        Some(value) => read_rows(schema.customer(), None, core::slice::from_ref(value), Shape::Attributes)?,
        None => {
            return Err(misfit(&schema.customer().name, "missing: expected an object with the attributes"));
        }
    };
    let mut tables = Vec::with_capacity(schema.tables().len());
    for (position, table) in schema.tables().iter().enumerate() {
        let rows = match value.field(&table.name) {
            None | Some(Value::Null) => &[],
            Some(Value::List(rows)) => rows.as_slice(),
            Some(value) => {
                return Err(misfit(&table.name, format_args!("expected a list of rows, got {value}")));
            }
        };
        let columns = read_rows(table, schema.time_column(position), rows, Shape::Events)?;
        let offsets = vec![0, columns.rows()];
        tables.push((columns, offsets));
    }
    Customers::new(schema, attributes, tables)
}

fn read_plain_row(schema: &Schema, value: &Value) -> Result<Customers, Error> {
    let table = schema.customer();
    let row = read_rows(table, None, core::slice::from_ref(value), Shape::Plain)?;
    let columns = table.columns.iter().enumerate();
    let read = columns.filter(|(position, _)| schema.label() != Some(*position));
    let mut names: Vec<&str> = read.map(|(_, column)| column.name.as_str()).collect();
    let is_known = |(name, _): &(String, Value)| names.contains(&name.as_str());
    // Surely a mistake, and the answer would be that for a row of which nothing is known.
    if !matches!(value, Value::Object(fields) if fields.iter().any(is_known)) {
        names.truncate(10);
        let message = "none of its columns is one that the model reads, such as ";
        return Err(misfit(&table.name, message.to_owned() + &names.join(", ")));
    }
    Customers::new(schema, row, Vec::new())
}

/// Reads rows into the table's columns. `time` is the column that no row may be without.
fn read_rows(table: &Table, time: Option<usize>, rows: &[Value], shape: Shape) -> Result<Columns, Error> {
    let mut columns = vec![vec![f64::NAN; rows.len()]; table.columns.len()];
    for (row, value) in rows.iter().enumerate() {
        let path = Path { table: &table.name, row, shape };
        let Value::Object(fields) = value else {
            return Err(misfit(path, format_args!("expected an object, got {value}")));
        };
        for (name, value) in fields {
            let Some(position) = table.column(name) else { continue };
            let (Some(column), Some(cell)) =
                (table.columns.get(position), columns.get_mut(position).and_then(|cells| cells.get_mut(row)))
            else {
                continue;
            };
            *cell = read_cell(column, value).map_err(|expected| {
                misfit(path.cell(name), format_args!("expected {expected}, got {value}"))
            })?;
        }
        if let Some((column, cells)) =
            time.and_then(|position| Some((table.columns.get(position)?, columns.get(position)?)))
            && cells.get(row).is_none_or(|time| time.is_nan())
        {
            return Err(misfit(
                path.cell(&column.name),
                "missing: a row without its time can't be placed before or after the cut-off",
            ));
        }
    }
    Columns::new(columns, rows.len())
}

/// The value as the column holds it, or what the column expects.
fn read_cell(column: &Column, value: &Value) -> Result<f64, &'static str> {
    match (&column.kind, value) {
        (_, Value::Null) => Ok(f64::NAN),
        (ColumnKind::Number, Value::Number(number)) if !number.is_infinite() => Ok(*number),
        (ColumnKind::Number, _) => Err("a number"),
        (ColumnKind::Time, Value::Text(text)) => {
            time::parse(text).map(|seconds| seconds as f64).ok_or(TIME_EXPECTED)
        }
        (ColumnKind::Time, _) => Err(TIME_EXPECTED),
        (ColumnKind::Category(words), Value::Text(text)) => Ok(code_of(words, text)),
        (ColumnKind::Category(words), Value::Bool(value)) => {
            Ok(code_of(words, if *value { "true" } else { "false" }))
        }
        (ColumnKind::Category(words), Value::Number(number)) if number.fract() == 0.0 => {
            Ok(code_of(words, &format!("{number}")))
        }
        (ColumnKind::Category(_), _) => Err("a word"),
    }
}

const TIME_EXPECTED: &str = "a date such as \"2024-05-03\" or \"2024-05-03 12:30:00\"";

/// The position of a word.
fn code_of(words: &[String], text: &str) -> f64 {
    match words::position(words, text) {
        Some(code) => code as f64,
        None if words::normalised(text).is_empty() => f64::NAN,
        None => UNKNOWN,
    }
}

fn misfit(path: impl fmt::Display, message: impl fmt::Display) -> Error {
    Error::Customer { path: path.to_string(), message: message.to_string() }
}

/// How rows stand in the object that is read.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// The object is the row.
    Plain,
    /// The row stands under the table's name,
    Attributes,
    /// or in a list there.
    Events,
}

/// Where in the object a row stands.
#[derive(Clone, Copy)]
struct Path<'a> {
    table: &'a str,
    row: usize,
    shape: Shape,
}

impl Path<'_> {
    /// Where a cell of the row stands.
    fn cell(&self, column: &str) -> String {
        match self.shape {
            Shape::Plain => column.to_owned(),
            _ => format!("{self}.{column}"),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Plain | Shape::Attributes => f.write_str(self.table),
            Shape::Events => write!(f, "{}[{}]", self.table, self.row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::is_unknown;
    use super::*;
    use crate::schema::tests::{plain_schema, small_schema};

    fn read(json: &str) -> Result<Customers, Error> {
        read_customer(&small_schema(), &mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn reads_rows_as_the_schema_has_them() {
        let customers = read(
            r#"{"customer": {"SINCE": "1970-01-02", "CITY": "Rome", "unknown": [1, {}]}, "other": 3,
                "accounts": [{"OPENED": "1970-01-03 00:00:01", "PRODUCT": "C", "AMOUNT": 12.5},
                             {"OPENED": "1970-01-04", "PRODUCT": "never seen", "AMOUNT": null}],
                "transactions": null}"#,
        )
        .unwrap();
        let customer = customers.get(0).unwrap();
        assert_eq!(customer.attribute(0), 86_400.0);
        assert!(customer.attribute(1).is_nan());
        assert_eq!(customer.attribute(2), 1.0);
        let accounts = customer.table(0);
        assert_eq!(accounts.column(0), [172_801.0, 259_200.0]);
        assert_eq!(accounts.column(2)[0], 1.0);
        assert!(is_unknown(accounts.column(2)[1]), "which is not the same as missing");
        assert!(accounts.column(3)[1].is_nan() && !is_unknown(accounts.column(3)[1]));
        assert!(customer.table(1).is_empty());
    }

    #[test]
    fn a_wrong_type_is_an_error_with_its_path() {
        for (json, message) in [
            ("[]", "customer: expected an object with the customer's tables, got a list"),
            ("{}", "customer: missing: expected an object with the attributes"),
            (r#"{"customer": 1}"#, "customer: expected an object, got 1"),
            (r#"{"customer": {"SINCE": 5}}"#, "customer.SINCE: expected a date such as"),
            (r#"{"customer": {"SINCE": "2024-02-31"}}"#, "got \"2024-02-31\""),
            (r#"{"customer": {}, "accounts": {}}"#, "accounts: expected a list of rows, got an object"),
            (r#"{"customer": {}, "accounts": [3]}"#, "accounts[0]: expected an object, got 3"),
            (
                r#"{"customer": {}, "accounts": [{"OPENED": "2024-01-01"}, {"AMOUNT": "abc"}]}"#,
                "accounts[1].AMOUNT: expected a number, got \"abc\"",
            ),
            (r#"{"customer": {}, "accounts": [{"AMOUNT": 1}]}"#, "accounts[0].OPENED: missing"),
            (
                r#"{"customer": {}, "transactions": [{"TYPE": 0.5}]}"#,
                "transactions[0].TYPE: expected a word, got 0.5",
            ),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(read("{").unwrap_err().code(), "customer/value");
    }

    fn read_plain(json: &str) -> Result<Customers, Error> {
        read_customer(&plain_schema(), &mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn a_plain_tables_row_is_the_object_itself() {
        let rows = read_plain(
            r#"{"SEEN": "1970-01-02", "AGE": 39.5, "CITY": true, "OUTCOME": "good", "NAME": {"first": "A"}}"#,
        )
        .unwrap();
        let row = rows.get(0).unwrap();
        assert_eq!([0, 2, 3, 4].map(|column| row.attribute(column)), [86_400.0, 39.5, 2.0, 1.0]);
        assert!(row.attribute(1).is_nan());
        for (city, unknown) in
            [("\"Oslo\"", true), ("false", true), ("7", true), ("\" \"", false), ("null", false)]
        {
            let row = read_plain(&format!(r#"{{"AGE": null, "CITY": {city}}}"#)).unwrap();
            let value = row.get(0).unwrap().attribute(3);
            assert!(value.is_nan() && is_unknown(value) == unknown, "{city}");
        }
    }

    #[test]
    fn what_does_not_fit_a_plain_table_is_named_by_its_column() {
        for (json, message) in [
            ("[]", "row: expected an object, got a list"),
            (r#"{"AGE": "39"}"#, "AGE: expected a number, got \"39\""),
            (r#"{"SIGNED": 2020}"#, "SIGNED: expected a date such as"),
            (r#"{"CITY": 0.5}"#, "CITY: expected a word, got 0.5"),
            (
                r#"{"Age": 39}"#,
                "row: none of its columns is one that the model reads, such as SEEN, SIGNED, AGE, CITY",
            ),
        ] {
            let error = read_plain(json).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(read_plain("{").unwrap_err().code(), "customer/value");
    }
}
