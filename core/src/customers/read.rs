//! Reads one customer's own rows from JSON.
//!
//! The shape follows the schema: `{ "customer": {…}, "accounts": [{…}], "transactions": [{…}] }`, or for a
//! plain table the row itself: `{ "AGE": 39, "CITY": "Rome" }`. Missing values are null, absent, NaN or empty
//! text (in a plain table also the texts of [`words::is_missing`]). A word that the schema does not have
//! becomes [`UNKNOWN`], unknown names are reported, and a wrong type is an error that names the path.

use core::fmt;
use std::borrow::Cow;

use super::ignored::Ignored;
use super::json::Value;
use super::{Columns, Customers, UNKNOWN, words};
use crate::Error;
use crate::schema::{Column, ColumnKind, Schema, Table, Task};
use crate::time::Clock;

/// A customer is an object of tables of rows of cells; deeper nesting is never read.
const DEPTH: usize = 3;

/// One customer, or one row of a plain table.
#[derive(Debug)]
pub struct Read {
    /// Exactly one.
    pub customers: Customers,
    /// The value of the key field, if one was asked for.
    pub id: Option<String>,
    /// Tables and columns that the schema does not know, such as `transactons` and `customer.INCOM`, each
    /// once.
    pub ignored: Vec<String>,
}

/// Reads one customer, or one row of a plain table.
///
/// # Errors
/// As [`read`].
///
/// # Examples
/// ```
/// use nextbest_core::customers::read_customer;
/// use nextbest_core::snapshot::Snapshot;
///
/// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// # let recommender = nextbest_core::Recommender::load(bytes)?;
/// let schema = recommender.schema();
/// let rows = r#"{"customer": {},
///     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]}"#;
/// let customers = read_customer(schema, rows)?;
/// let cutoff = nextbest_core::time::parse("2026-07-01").unwrap();
/// assert_eq!(Snapshot::new(schema, cutoff).held(&customers.get(0).unwrap()).len(), 1);
///
/// let error = read_customer(schema, r#"{"customer": {}, "accounts": [{"PRINCIPALAMOUNT": "abc"}]}"#);
/// assert_eq!(error.unwrap_err().to_string(), "accounts[0].PRINCIPALAMOUNT: expected a number, got \"abc\"");
/// # Ok::<(), nextbest_core::Error>(())
/// ```
pub fn read_customer(schema: &Schema, json: &str) -> Result<Customers, Error> {
    read(schema, None, false, &Value::Written(json)).map(|read| read.customers)
}

/// Reads one customer, or one row of a plain table, together with the value of `key`, a field of the
/// customer's own row that holds the customer's id. Names that the schema does not know are reported, or
/// refused if `strict`.
///
/// # Errors
/// With the path of the first value that does not fit the schema: [`Error::Customer`]
/// (`accounts[2].PRINCIPALAMOUNT: expected a number, got "abc"`; for a plain table, just the column),
/// [`Error::Shape`] for something that is not a table or a row, [`Error::Unknown`] for a name,
/// [`Error::Json`] for text that is not JSON.
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

/// The state of reading one customer.
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
        // Surely a mistake: the answer would be that for a row with no values.
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

    /// Reads rows into the table's columns. `time` is the column that every row must have.
    fn rows(
        &mut self,
        table: &Table,
        time: Option<usize>,
        rows: &[Value<'_>],
        shape: Shape,
    ) -> Result<Columns, Error> {
        let mut columns = vec![vec![f64::NAN; rows.len()]; table.columns.len()];
        // Rows usually have the same names in the same places, so the name that the previous row had there is
        // tried first.
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

/// The value as the column stores it, or a description of what the column expects.
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

/// Text, or the digits of an integer; `None` if the value is null or empty.
fn read_id(value: &Value<'_>) -> Result<Option<String>, &'static str> {
    match value {
        Value::Null | Value::Number("NaN") => Ok(None),
        Value::Text(text) => Ok(Some(words::id(text).to_owned()).filter(|id| !id.is_empty())),
        value => match value.digits() {
            Some(digits) => Ok(Some(words::id(&digits).to_owned())),
            None => Err("a string, or an integer that keeps its digits (from 2^53 on a string or a BigInt)"),
        },
    }
}

fn misfit(path: impl fmt::Display, expected: &str, value: &Value<'_>) -> Error {
    Error::Customer { path: path.to_string(), message: format!("expected {expected}, got {value}") }
}

fn misshapen(path: impl fmt::Display, expected: &str, value: &Value<'_>) -> Error {
    Error::Shape { path: path.to_string(), message: format!("{expected}, got {value}") }
}

/// Where rows are in the object being read.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// The object is the row.
    Plain,
    /// The row is under the table's name.
    Attributes,
    /// The rows are in a list under the table's name.
    Events,
}

/// The place of a row in the object.
#[derive(Clone, Copy)]
struct Path<'a> {
    table: &'a str,
    row: usize,
    shape: Shape,
}

impl Path<'_> {
    /// The path of a cell of the row.
    fn cell(&self, column: &str) -> String {
        match self.shape {
            Shape::Plain => column.to_owned(),
            _ => format!("{self}.{column}"),
        }
    }

    /// The path of a column's cells.
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
mod tests;
