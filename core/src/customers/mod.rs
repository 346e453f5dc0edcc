//! Customers' rows in memory: columns of `f64`, grouped by customer.
//!
//! Times are seconds since 1970-01-01, categories are positions among the column's words. A missing value is
//! NaN; a word that the schema does not have is a NaN with a payload of its own ([`UNKNOWN`]).
//!
//! Each customer's rows are sorted on construction: see `order.rs`.

mod ignored;
pub mod json;
mod order;
mod read;
pub mod words;

pub use read::{Read, read, read_customer};

use core::ops::Range;

use crate::Error;
use crate::schema::Schema;

/// A word that the schema does not have. It is a NaN, so features treat it as missing, with a payload (as R
/// tells NA from NaN) by which rules tell an unknown answer from no answer. The payload survives copies, not
/// arithmetic.
pub const UNKNOWN: f64 = f64::from_bits(0x7ff8_0000_0000_07a1);

/// Whether a value is a word that the schema does not have.
pub fn is_unknown(value: f64) -> bool {
    value.to_bits() == UNKNOWN.to_bits()
}

/// A table's columns, all of the same length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    columns: Vec<Vec<f64>>,
    rows: usize,
}

impl Columns {
    /// Creates columns, in the schema's order, each with `rows` values.
    ///
    /// # Errors
    /// If a column has another length.
    pub fn new(columns: Vec<Vec<f64>>, rows: usize) -> Result<Self, Error> {
        if columns.iter().any(|column| column.len() != rows) {
            return Err(Error::Schema(format!("columns of different lengths, not all of {rows} rows")));
        }
        Ok(Self { columns, rows })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All rows.
    pub(crate) fn all(&self) -> Rows<'_> {
        Rows { columns: &self.columns, range: 0..self.rows }
    }

    /// The columns, in the schema's order.
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }
}

/// An event table's rows, grouped by customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupedTable {
    columns: Columns,
    /// Where each customer's rows start; one entry more than there are customers.
    offsets: Vec<usize>,
}

/// Any number of customers with all their rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Customers {
    attributes: Columns,
    tables: Vec<GroupedTable>,
}

impl Customers {
    /// Takes one attribute row per customer and, for each event table, the rows grouped by customer with the
    /// offsets at which each customer's rows start (`customers + 1` of them). Sorts each customer's rows.
    ///
    /// # Errors
    /// If the shapes do not fit the schema or each other.
    pub fn new(
        schema: &Schema,
        attributes: Columns,
        tables: Vec<(Columns, Vec<usize>)>,
    ) -> Result<Self, Error> {
        let misfit = |what: String| Err(Error::Schema(what));
        if attributes.columns.len() != schema.customer().columns.len()
            || tables.len() != schema.tables().len()
        {
            return misfit("the data has other tables or columns than the schema".into());
        }
        for (table, (columns, offsets)) in schema.tables().iter().zip(&tables) {
            let grouped = offsets.first() == Some(&0)
                && offsets.last() == Some(&columns.rows)
                && offsets.len() == attributes.rows + 1
                && offsets.is_sorted();
            if !grouped || columns.columns.len() != table.columns.len() {
                return misfit(format!("table `{}` is not grouped by customer", table.name));
            }
        }
        let ordered = tables.into_iter().enumerate().map(|(table, (mut columns, offsets))| {
            order::order_rows(&mut columns.columns, &offsets, schema.time_column(table));
            GroupedTable { columns, offsets }
        });
        Ok(Self { attributes, tables: ordered.collect() })
    }

    /// The number of customers.
    pub fn len(&self) -> usize {
        self.attributes.rows
    }

    /// Whether there are no customers.
    pub fn is_empty(&self) -> bool {
        self.attributes.rows == 0
    }

    /// The rows of the customer at a position; `None` past the last.
    pub fn get(&self, index: usize) -> Option<Customer<'_>> {
        if index >= self.len() {
            return None;
        }
        let attributes = Rows { columns: &self.attributes.columns, range: index..index + 1 };
        let tables = self.tables.iter().map(|table| table.rows_of(index)).collect::<Option<Vec<_>>>()?;
        Some(Customer { attributes, tables })
    }

    /// The same customers without the rows of an event table whose value in a column is at least `limit`:
    /// what they would look like if that column held the time at which a row came into being.
    #[must_use]
    pub fn without_rows_from(&self, table: usize, column: usize, limit: f64) -> Self {
        let mut others = self.clone();
        let Some(GroupedTable { columns, offsets }) = others.tables.get_mut(table) else { return others };
        let Some(times) = columns.columns.get(column) else { return others };
        let keep: Vec<bool> = times.iter().map(|time| time.is_nan() || *time < limit).collect();
        let mut kept = 0;
        let mut before = keep.iter();
        let mut passed = 0;
        for offset in offsets.iter_mut() {
            kept += before.by_ref().take(*offset - passed).filter(|keep| **keep).count();
            passed = *offset;
            *offset = kept;
        }
        for values in &mut columns.columns {
            let kept = values.iter().zip(&keep).filter(|(_, keep)| **keep);
            *values = kept.map(|(value, _)| *value).collect();
        }
        columns.rows = kept;
        others
    }

    /// All customers in order.
    pub fn iter(&self) -> impl Iterator<Item = Customer<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl GroupedTable {
    fn rows_of(&self, index: usize) -> Option<Rows<'_>> {
        let range = *self.offsets.get(index)?..*self.offsets.get(index + 1)?;
        Some(Rows { columns: &self.columns.columns, range })
    }
}

/// One customer: a row of attributes and the rows of every event table.
#[derive(Debug, Clone)]
pub struct Customer<'a> {
    attributes: Rows<'a>,
    tables: Vec<Rows<'a>>,
}

impl<'a> Customer<'a> {
    /// The attribute in a column of the schema's customer table; NaN if it is missing.
    pub fn attribute(&self, column: usize) -> f64 {
        self.attributes.column(column).first().copied().unwrap_or(f64::NAN)
    }

    /// The rows in an event table; empty if there is no such table.
    pub fn table(&self, table: usize) -> Rows<'a> {
        self.tables.get(table).cloned().unwrap_or(Rows { columns: &[], range: 0..0 })
    }
}

/// Some consecutive rows of a table.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    columns: &'a [Vec<f64>],
    range: Range<usize>,
}

impl<'a> Rows<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Copies the rows at some positions, with the values of some columns only.
    pub(crate) fn pick(&self, rows: &[usize], columns: &[usize]) -> Columns {
        let of_column = |column| {
            let values = if columns.contains(&column) { self.column(column) } else { &[] };
            rows.iter().filter_map(|row| values.get(*row).copied()).collect()
        };
        Columns { columns: (0..self.columns.len()).map(of_column).collect(), rows: rows.len() }
    }

    /// The rows' values in a column; empty if there is no such column.
    pub fn column(&self, column: usize) -> &'a [f64] {
        self.columns.get(column).and_then(|values| values.get(self.range.clone())).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::small_schema;

    #[test]
    fn rows_from_a_limit_on_are_left_out_and_the_others_stay_whose_they_were() {
        let nan = f64::NAN;
        // SINCE, BORN, CITY; then AT, TYPE, AMOUNT, …, as far as the schema has them.
        let schema = small_schema();
        let attributes = Columns::new(vec![vec![0.0; 3]; schema.customer().columns.len()], 3).unwrap();
        let table = |position: usize, values: Vec<f64>, offsets: Vec<usize>| {
            let width = schema.tables()[position].columns.len();
            (Columns::new(vec![values.clone(); width], values.len()).unwrap(), offsets)
        };
        let tables =
            vec![table(0, vec![], vec![0; 4]), table(1, vec![1.0, 5.0, 7.0, 2.0, nan], vec![0, 3, 3, 5])];
        let customers = Customers::new(&schema, attributes, tables).unwrap();
        let earlier = customers.without_rows_from(1, 0, 5.0);
        let column = |customer: usize| earlier.get(customer).unwrap().table(1).column(1).to_vec();
        assert_eq!((column(0), column(1)), (vec![1.0], vec![]));
        assert!(column(2)[0] == 2.0 && column(2)[1].is_nan() && column(2).len() == 2);
        assert_eq!(earlier.len(), 3);
    }
}
