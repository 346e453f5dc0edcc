//! Reads one customer's own rows from JSON.
//!
//! The shape is the schema's: `{ "customer": {…}, "accounts": [{…}], "transactions": [{…}] }`, or of a plain table the
//! row itself: `{ "AGE": 39, "CITY": "Rome" }`. Missing values are null, absent, NaN or an empty text (of a plain table also
//! what [`words::is_missing`] says), a word that the schema does not have is [`UNKNOWN`], names that it does not have are told,
//! and a wrong type is an error that names the path.

use core::fmt;
use std::borrow::Cow;

use super::ignored::Ignored;
use super::json::Value;
use super::{Columns, Customers, UNKNOWN, words};
use crate::Error;
use crate::schema::{Column, ColumnKind, Schema, Table, Task};
use crate::time::Clock;

/// A customer is an object of tables of rows of cells: what is nested deeper means nothing.
const DEPTH: usize = 3;

/// One customer, or one row of a plain table, as it was read.
#[derive(Debug)]
pub struct Read {
    /// Exactly one.
    pub customers: Customers,
    /// What stands in the field that tells customers apart, if one was asked for.
    pub id: Option<String>,
    /// The tables and columns that the schema does not know, such as `transactons` and `customer.INCOM`, each once.
    pub ignored: Vec<String>,
}

/// Reads one customer, or one row of a plain table.
///
/// # Errors
/// As [`read`].
pub fn read_customer(schema: &Schema, json: &str) -> Result<Customers, Error> {
    read(schema, None, false, &Value::Written(json)).map(|read| read.customers)
}

/// Reads one customer, or one row of a plain table; and what stands in a field of the customer's own row that tells customers
/// apart, if that is given. Names that the schema does not know are told, or, where `strict` says so, refused.
///
/// # Errors
/// With the path of the first value that does not fit the schema:
/// [`Error::Customer`] (`accounts[2].PRINCIPALAMOUNT: expected a number, got "abc"`; of a plain table, with the column),
/// [`Error::Shape`] for what can't be a table or a row, [`Error::Unknown`] for a name, [`Error::Json`] for a text that is none.
pub fn read(schema: &Schema, key: Option<&str>, strict: bool, value: &Value<'_>) -> Result<Read, Error> {
    let taken_apart = match value {
        Value::Written(json) => Some(Value::parse(json, DEPTH)?),
        _ => None,
    };
    let value = taken_apart.as_ref().unwrap_or(value);
    let mut reading = Reading { schema, key, ignored: Ignored::new(strict) };
    let customers = match schema.task() {
        Task::Label { .. } => reading.plain_row(value)?,
        Task::NextProduct => reading.customer(value)?,
    };
    let own = value.field(&schema.customer().name);
    let id = match own.zip(key).and_then(|(own, key)| Some((key, own.field(key)?))) {
        Some((key, value)) => read_id(value)
            .map_err(|expected| misfit(format_args!("{}.{key}", schema.customer().name), expected, value))?,
        None => None,
    };
    Ok(Read { customers, id, ignored: reading.ignored.into_paths() })
}

/// What is read for one customer.
struct Reading<'s> {
    schema: &'s Schema,
    key: Option<&'s str>,
    ignored: Ignored,
}

impl Reading<'_> {
    fn customer(&mut self, value: &Value<'_>) -> Result<Customers, Error> {
        let schema = self.schema;
        let own = &schema.customer().name;
        let Value::Object(fields) = value else {
            return Err(misshapen("customer", "expected an object with the customer's tables", value));
        };
        let attributes = match value.field(own) {
            Some(value) => {
                self.rows(schema.customer(), None, core::slice::from_ref(value), Shape::Attributes)?
            }
            None => {
                let message = "missing: expected an object with the attributes".into();
                return Err(Error::Shape { path: own.clone(), message });
            }
        };
        let mut tables = Vec::with_capacity(schema.tables().len());
        for (position, table) in schema.tables().iter().enumerate() {
            let rows = match value.field(&table.name) {
                None | Some(Value::Null) => &[],
                Some(Value::List(rows)) => rows.as_slice(),
                Some(value) => return Err(misshapen(&table.name, "expected a list of rows", value)),
            };
            let columns = self.rows(table, schema.time_column(position), rows, Shape::Events)?;
            let offsets = vec![0, columns.rows()];
            tables.push((columns, offsets));
        }
        let is_known = |name: &str| name == own || schema.tables().iter().any(|table| table.name == name);
        for (name, _) in fields.iter().filter(|(name, _)| !is_known(name)) {
            let known = || core::iter::once(own).chain(schema.tables().iter().map(|table| &table.name));
            self.ignored.note(name, "table", known)?;
        }
        Customers::new(schema, attributes, tables)
    }

    fn plain_row(&mut self, value: &Value<'_>) -> Result<Customers, Error> {
        let schema = self.schema;
        let table = schema.customer();
        let row = self.rows(table, None, core::slice::from_ref(value), Shape::Plain)?;
        let columns = table.columns.iter().enumerate();
        let read = columns.filter(|(position, _)| schema.label() != Some(*position));
        let mut names: Vec<&str> = read.map(|(_, column)| column.name.as_str()).collect();
        let is_known = |(name, _): &(Cow<'_, str>, Value<'_>)| names.contains(&name.as_ref());
        // Surely a mistake, and the answer would be that for a row of which nothing is known.
        if !matches!(value, Value::Object(fields) if fields.iter().any(is_known)) {
            names.truncate(10);
            let message = "none of its columns is one that the model reads, such as ";
            return Err(Error::Customer {
                path: table.name.clone(),
                message: message.to_owned() + &names.join(", "),
            });
        }
        Customers::new(schema, row, Vec::new())
    }

    /// Reads rows into the table's columns. `time` is the column that no row may be without.
    fn rows(
        &mut self,
        table: &Table,
        time: Option<usize>,
        rows: &[Value<'_>],
        shape: Shape,
    ) -> Result<Columns, Error> {
        let mut columns = vec![vec![f64::NAN; rows.len()]; table.columns.len()];
        // Rows mostly have the same names in the same places: what stood there in the row before is looked at first.
        let mut names: Vec<(&str, Option<usize>)> = Vec::new();
        for (row, value) in rows.iter().enumerate() {
            let path = Path { table: &table.name, row, shape };
            let Value::Object(fields) = value else {
                return Err(misshapen(path, "expected an object", value));
            };
            for (place, (name, value)) in fields.iter().enumerate() {
                let position = match names.get(place) {
                    Some((before, position)) if before == name => *position,
                    _ => {
                        let position = table.column(name);
                        match names.get_mut(place) {
                            Some(before) => *before = (name, position),
                            None => names.push((name, position)),
                        }
                        if position.is_none()
                            && !(shape == Shape::Attributes && self.key == Some(name.as_ref()))
                        {
                            let columns = || table.columns.iter().map(|column| &column.name);
                            self.ignored.note(&path.column(name), "column", columns)?;
                        }
                        position
                    }
                };
                let Some(position) = position else { continue };
                let (Some(column), Some(cell)) = (
                    table.columns.get(position),
                    columns.get_mut(position).and_then(|cells| cells.get_mut(row)),
                ) else {
                    continue;
                };
                *cell = read_cell(column, value, shape, self.schema.clock())
                    .map_err(|expected| misfit(path.cell(name), expected, value))?;
            }
            if let Some((column, cells)) =
                time.and_then(|position| Some((table.columns.get(position)?, columns.get(position)?)))
                && cells.get(row).is_none_or(|time| time.is_nan())
            {
                let message =
                    "missing: a row without its time can't be placed before or after the cut-off".to_owned();
                return Err(Error::Customer { path: path.cell(&column.name), message });
            }
        }
        Columns::new(columns, rows.len())
    }
}

/// The value as the column holds it, or what the column expects.
fn read_cell(column: &Column, value: &Value<'_>, shape: Shape, clock: &Clock) -> Result<f64, &'static str> {
    match value {
        Value::Null => return Ok(f64::NAN),
        Value::Text(text) if words::normalised(text).is_empty() => return Ok(f64::NAN),
        Value::Text(text) if shape == Shape::Plain && words::is_missing(text) => return Ok(f64::NAN),
        Value::Number("NaN") => return Ok(f64::NAN),
        _ => {}
    }
    match &column.kind {
        ColumnKind::Number => value.number().filter(|number| number.is_finite()).ok_or("a number"),
        ColumnKind::Time => match value {
            Value::Text(text) => clock.read(words::normalised(text)).map(|seconds| seconds as f64),
            _ => None,
        }
        .ok_or("a date such as \"2024-05-03\" or \"2024-05-03 12:30:00\""),
        ColumnKind::Category(known) => match value {
            Value::Text(text) => Ok(code_of(known, text)),
            Value::HalfText(_) => Ok(UNKNOWN),
            Value::Bool(value) => Ok(code_of(known, if *value { "true" } else { "false" })),
            value => value.digits().map(|digits| code_of(known, &digits)).ok_or("a word"),
        },
    }
}

/// The position of a word.
fn code_of(known: &[String], text: &str) -> f64 {
    words::position(known, text).map_or(UNKNOWN, |code| code as f64)
}

/// A text or the digits of a whole number; `None` where there is none.
fn read_id(value: &Value<'_>) -> Result<Option<String>, &'static str> {
    match value {
        Value::Null | Value::Number("NaN") => Ok(None),
        Value::Text(text) => Ok(Some(words::id(text).to_owned()).filter(|id| !id.is_empty())),
        value => match value.digits() {
            Some(digits) => Ok(Some(words::id(&digits).to_owned())),
            None => Err("a text or a whole number that keeps its digits (from 2^53 on a text, or a BigInt)"),
        },
    }
}

fn misfit(path: impl fmt::Display, expected: &str, value: &Value<'_>) -> Error {
    Error::Customer { path: path.to_string(), message: format!("expected {expected}, got {value}") }
}

fn misshapen(path: impl fmt::Display, expected: &str, value: &Value<'_>) -> Error {
    Error::Shape { path: path.to_string(), message: format!("{expected}, got {value}") }
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

    /// Where cells of a column stand.
    fn column(&self, column: &str) -> String {
        match self.shape {
            Shape::Plain => column.to_owned(),
            _ => format!("{}.{column}", self.table),
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
        read_customer(&small_schema(), json)
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
        assert_eq!(read("{").unwrap_err().code(), "customer/json");
    }

    #[test]
    fn what_can_be_no_table_or_row_has_a_code_of_its_own() {
        for json in [
            "[]",
            "null",
            "{}",
            r#"{"customer": null}"#,
            r#"{"customer": []}"#,
            r#"{"customer": !"an instance of Map"}"#,
            r#"{"customer": {}, "accounts": {}}"#,
            r#"{"customer": {}, "accounts": "x"}"#,
            r#"{"customer": {}, "accounts": [null]}"#,
            r#"{"customer": {}, "accounts": [[]]}"#,
            r#"{"customer": {}, "accounts": [!"an invalid Date"]}"#,
        ] {
            assert_eq!(read(json).unwrap_err().code(), "customer/type", "{json}");
        }
    }

    #[test]
    fn what_a_column_can_not_hold_is_refused_by_name_and_elsewhere_means_nothing() {
        for (cell, in_number, in_time, in_word) in [
            ("1e999", "Infinity", "Infinity", "Infinity"),
            ("-Infinity", "-Infinity", "-Infinity", "-Infinity"),
            (r#""1e999""#, "\"1e999\"", "\"1e999\"", ""),
            (r#""inf""#, "\"inf\"", "\"inf\"", ""),
            ("9007199254740992.0", "", "9007199254740992", "9007199254740992"),
            ("true", "true", "true", ""),
            ("[1]", "a list", "a list", "a list"),
            (r#"!"a function""#, "a function", "a function", "a function"),
            (r#""Ro\ud83d""#, "half of a surrogate pair", "half of a surrogate pair", ""),
            ("NaN", "", "", ""),
            ("null", "", "", ""),
            (r#""""#, "", "", ""),
            (r#"" \u0000\u00a0""#, "", "", ""),
        ] {
            for (column, expected) in
                [("AMOUNT", in_number), ("CLOSED", in_time), ("PRODUCT", in_word), ("NOTE", "")]
            {
                let json = format!(
                    r#"{{"customer": {{}}, "accounts": [{{"OPENED": "2020-01-01", "{column}": {cell}}}]}}"#
                );
                let message = read(&json).map_or_else(|error| error.to_string(), |_| String::new());
                let is_refused = message.starts_with(&format!("accounts[0].{column}: expected a "));
                assert_eq!(is_refused, !expected.is_empty(), "{json}: {message}");
                assert!(message.contains(expected), "{json}: {message}");
            }
        }
    }

    fn known(json: &str) -> Result<Read, Error> {
        super::read(&small_schema(), Some("ID"), false, &Value::Written(json))
    }

    #[test]
    fn ids_keep_their_digits() {
        for (id, expected) in [
            ("7", Some("7")),
            ("7.0", Some("7")),
            ("9007199254740993", Some("9007199254740993")),
            ("18446744073709551617", Some("18446744073709551617")),
            ("-12", Some("-12")),
            (r#""007""#, Some("007")),
            (r#"" C-1\u0000\u0000""#, Some("C-1")),
            (r#""7.0""#, Some("7")),
            (r#""  ""#, None),
            ("null", None),
            ("NaN", None),
        ] {
            let read = known(&format!(r#"{{"customer": {{"ID": {id}}}}}"#)).unwrap();
            assert_eq!((read.id.as_deref(), read.ignored.len()), (expected, 0), "{id}");
        }
        for id in
            ["9007199254740992.0", "9.007199254740992e15", "0.5", "true", "[]", "Infinity", r#""\ud800""#]
        {
            let error = known(&format!(r#"{{"customer": {{"ID": {id}}}}}"#)).unwrap_err().to_string();
            assert!(
                error.starts_with("customer.ID: expected a text or a whole number that keeps"),
                "{error}"
            );
        }
    }

    #[test]
    fn names_that_are_not_known_are_told_or_refused() {
        let json = r#"{"customer": {"ID": 1, "SINCES": null}, "acounts": [], "transactions": [
            {"WHEN": "2020-01-01", "TYP": 1}, {"TYP": 2, "WHEN": "2020-01-01", "\ud83d": 1}]}"#;
        let schema = small_schema();
        let time = &schema.tables()[1].columns[schema.time_column(1).unwrap()].name;
        let json = json.replace("WHEN", time);
        let expected = ["customer.SINCES", "transactions.TYP", "transactions.\u{fffd}", "acounts"];
        assert_eq!(known(&json).unwrap().ignored, expected);
        let refused = super::read(&schema, Some("ID"), true, &Value::Written(&json)).unwrap_err();
        assert_eq!(refused.code(), "customer/unknown");
        assert_eq!(
            refused.to_string(),
            "customer.SINCES: the model reads no column of this name; is it SINCE?"
        );
    }

    fn read_plain(json: &str) -> Result<Customers, Error> {
        read_customer(&plain_schema(), json)
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
    fn missing_is_said_in_a_plain_table_as_its_files_say_it() {
        for missing in [r#""NA""#, r#"" n/a ""#, r#""NaN""#, r#""NULL""#, r#""?""#, r#""""#, "NaN", "null"] {
            let json = format!(r#"{{"SIGNED": {missing}, "AGE": {missing}, "CITY": {missing}}}"#);
            let rows = read_plain(&json).unwrap();
            let row = rows.get(0).unwrap();
            let is_missing = |column| row.attribute(column).is_nan() && !is_unknown(row.attribute(column));
            assert!((1..4).all(is_missing), "{json}");
        }
        let namibia = read(r#"{"customer": {"CITY": "NA"}}"#).unwrap();
        assert!(is_unknown(namibia.get(0).unwrap().attribute(2)), "a word, in a bank's tables");
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
        assert_eq!(read_plain("{").unwrap_err().code(), "customer/json");
    }
}
