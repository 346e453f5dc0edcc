//! Rows as columns of values, for columnar formats.

use super::calendar::Date;
use super::csv::push_digits;
use super::record::Timestamp;
use super::rows::{Row, Rows};
use super::table::{ALL_TABLES, Column, Kind, Table};

/// The rows of every table, column by column, as far as written.
#[derive(Clone, Debug)]
pub struct TableColumns([Columns; ALL_TABLES.len()]);

/// The rows of one table.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// The number of rows.
    pub rows: usize,
    /// The columns, in the table's order.
    pub values: Vec<Values>,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// For each row of a column that may lack values, whether it has one; empty for other columns.
    pub defined: Vec<bool>,
    /// The values present, in the order of the rows.
    pub present: Present,
    /// Whether rows may lack a value.
    pub optional: bool,
}

/// The values of a column, by its [`Kind`].
#[derive(Clone, Debug, PartialEq)]
pub enum Present {
    /// Integers.
    Integers(Vec<i64>),
    /// The doubles nearest to the decimals, as reading their text gives.
    Decimals(Vec<f64>),
    /// Days since 1970-01-01.
    Dates(Vec<i32>),
    /// Seconds since 1970-01-01 00:00.
    Timestamps(Vec<i64>),
    /// Words.
    Texts(Texts),
}

/// Words, stored one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// All words, without separators; UTF-8.
    pub bytes: Vec<u8>,
    /// The end of each word in `bytes`.
    pub ends: Vec<usize>,
}

impl Default for TableColumns {
    fn default() -> Self {
        Self(
            ALL_TABLES.map(|table| Columns {
                rows: 0,
                values: table.columns().iter().map(Values::empty).collect(),
            }),
        )
    }
}

impl TableColumns {
    /// The tables, in the order of [`ALL_TABLES`].
    #[must_use]
    pub fn into_tables(self) -> [Columns; ALL_TABLES.len()] {
        self.0
    }
}

impl Values {
    fn empty(column: &Column) -> Self {
        let present = match column.kind {
            Kind::Integer => Present::Integers(Vec::new()),
            Kind::Decimal => Present::Decimals(Vec::new()),
            Kind::Date => Present::Dates(Vec::new()),
            Kind::Timestamp => Present::Timestamps(Vec::new()),
            Kind::Text => Present::Texts(Texts::default()),
        };
        Self { defined: Vec::new(), present, optional: column.optional }
    }
}

impl Rows for TableColumns {
    type Row<'a> = ColumnsRow<'a>;

    fn add(&mut self, table: Table, fill: impl FnOnce(&mut ColumnsRow<'_>)) {
        if let Some(Columns { rows, values }) = self.0.get_mut(table as usize) {
            *rows += 1;
            fill(&mut ColumnsRow { columns: values.iter_mut() });
        }
    }
}

/// An unfinished row. A value of the wrong kind is dropped: tests count the values.
pub(super) struct ColumnsRow<'a> {
    columns: core::slice::IterMut<'a, Values>,
}

impl ColumnsRow<'_> {
    /// The next column to receive a value.
    fn next(&mut self) -> Option<&mut Present> {
        let column = self.columns.next()?;
        if column.optional {
            column.defined.push(true);
        }
        Some(&mut column.present)
    }

    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        if let Some(Present::Texts(texts)) = self.next() {
            write(&mut texts.bytes);
            texts.ends.push(texts.bytes.len());
        }
        self
    }
}

impl Row for ColumnsRow<'_> {
    fn missing(&mut self) -> &mut Self {
        if let Some(column) = self.columns.next() {
            column.defined.push(false);
        }
        self
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.text(|text| text.extend_from_slice(word.as_bytes()))
    }

    fn code(&mut self, prefix: &str, number: u64, digits: usize) -> &mut Self {
        self.text(|text| {
            text.extend_from_slice(prefix.as_bytes());
            push_digits(text, number, digits);
        })
    }

    fn integer(&mut self, value: u64) -> &mut Self {
        if let Some(Present::Integers(values)) = self.next() {
            values.push(value as i64);
        }
        self
    }

    fn decimal(&mut self, value: i64, places: u32) -> &mut Self {
        if let Some(Present::Decimals(values)) = self.next() {
            // Both are integers below 2⁵³, so the quotient is rounded once, as reading the text rounds it.
            values.push(value as f64 / 10u64.pow(places) as f64);
        }
        self
    }

    fn date(&mut self, date: Date) -> &mut Self {
        if let Some(Present::Dates(values)) = self.next() {
            values.push(date.days());
        }
        self
    }

    fn timestamp(&mut self, at: Timestamp) -> &mut Self {
        if let Some(Present::Timestamps(values)) = self.next() {
            values.push(at.seconds());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv::{CsvRows, TableBuffers};
    use super::super::{Bank, BankParams, TABLES};
    use super::*;
    use crate::time;

    /// One column as the text of its values.
    fn cells(values: &Values, rows: usize) -> Vec<Option<String>> {
        let mut present: Vec<String> = match &values.present {
            Present::Integers(values) => values.iter().map(i64::to_string).collect(),
            Present::Decimals(values) => values.iter().map(f64::to_string).collect(),
            Present::Dates(values) => values.iter().map(|&day| Date::from_days(day).to_string()).collect(),
            Present::Timestamps(values) => values.iter().map(|&at| time::format(at)).collect(),
            Present::Texts(texts) => {
                let starts = core::iter::once(0).chain(texts.ends.iter().copied());
                let words = starts.zip(&texts.ends).map(|(start, &end)| texts.bytes[start..end].to_vec());
                words.map(|word| String::from_utf8(word).unwrap()).collect()
            }
        };
        let mut present = present.drain(..);
        let row =
            |row| values.defined.get(row).is_none_or(|&defined| defined).then(|| present.next().unwrap());
        let rows = (0..rows).map(row).collect();
        assert_eq!(present.next(), None);
        rows
    }

    #[test]
    fn columns_hold_what_the_text_says() {
        let bank = Bank::new(BankParams { customers: 0..150, ..BankParams::default() }).unwrap();
        let (mut columns, mut buffers) = (TableColumns::default(), TableBuffers::default());
        for table in TABLES {
            super::super::rows::write_static(table, &mut columns);
            super::super::rows::write_static(table, &mut CsvRows { dirt: None, buffers: &mut buffers });
        }
        for index in bank.customers() {
            bank.append_customer(index, &mut columns).unwrap();
            bank.write_customer(index, &mut buffers).unwrap();
        }
        for (table, written) in TABLES.into_iter().zip(columns.into_tables()) {
            let lines: Vec<&str> = core::str::from_utf8(buffers.get(table)).unwrap().lines().collect();
            assert_eq!(written.rows, lines.len(), "{table:?}");
            assert!(lines.len() > 1);
            for (at, (column, values)) in table.columns().iter().zip(&written.values).enumerate() {
                let cells = cells(values, lines.len());
                for (line, cell) in lines.iter().zip(cells) {
                    let expected = line.split(',').nth(at).unwrap();
                    let number = |text: &str| text.parse::<f64>().unwrap();
                    match (column.kind, cell) {
                        (_, None) => assert!(expected.is_empty() && column.optional, "{line}"),
                        (Kind::Decimal, Some(cell)) => assert_eq!(number(&cell), number(expected), "{line}"),
                        (Kind::Timestamp, Some(cell)) => {
                            assert_eq!(time::parse(&cell), time::parse(expected), "{line}");
                        }
                        (_, Some(cell)) => assert_eq!(cell, expected, "{line}"),
                    }
                }
            }
        }
    }
}
