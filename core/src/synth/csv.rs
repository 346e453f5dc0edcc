//! Rows as CSV text.
//!
//! No value needs quoting: all are numbers, dates and words of this module. Only the buffers' growth
//! allocates.

use super::calendar::Date;
use super::dirt::Dirt;
use super::record::Timestamp;
use super::rows::{Row, Rows};
use super::table::{ALL_TABLES, Table};

/// The CSV text of every table, as far as written.
#[derive(Clone, Debug, Default)]
pub struct TableBuffers {
    text: [Vec<u8>; ALL_TABLES.len()],
}

impl TableBuffers {
    /// The rows written to `table`, each ended by a line feed; UTF-8.
    #[must_use]
    pub fn get(&self, table: Table) -> &[u8] {
        self.text.get(table as usize).map_or(&[], Vec::as_slice)
    }

    /// Empties all tables but keeps their memory.
    pub fn clear(&mut self) {
        for text in &mut self.text {
            text.clear();
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "every discriminant of Table is below ALL_TABLES.len(), the array's length"
    )]
    pub(super) fn text(&mut self, table: Table) -> &mut Vec<u8> {
        &mut self.text[table as usize]
    }
}

/// Writes rows as text, and passes each to `dirt` if there is any.
pub(super) struct CsvRows<'a> {
    pub(super) dirt: Option<&'a mut Dirt>,
    pub(super) buffers: &'a mut TableBuffers,
}

impl Rows for CsvRows<'_> {
    type Row<'a>
        = CsvRow<'a>
    where
        Self: 'a;

    fn add(&mut self, table: Table, fill: impl FnOnce(&mut CsvRow<'_>)) {
        let text = self.buffers.text(table);
        let start = text.len();
        let mut row = CsvRow { text };
        fill(&mut row);
        row.end();
        if let Some(dirt) = &mut self.dirt {
            dirt.damage(table, start, text);
        }
    }
}

/// An unfinished row: every value is followed by a comma; [`CsvRow::end`] turns the last one into a line
/// feed.
pub(super) struct CsvRow<'a> {
    text: &'a mut Vec<u8>,
}

impl Row for CsvRow<'_> {
    /// Writes an empty value.
    fn missing(&mut self) -> &mut Self {
        self.word("")
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.text.extend_from_slice(word.as_bytes());
        self.value_ends()
    }

    fn code(&mut self, prefix: &str, number: u64, digits: usize) -> &mut Self {
        self.text.extend_from_slice(prefix.as_bytes());
        push_digits(self.text, number, digits);
        self.value_ends()
    }

    fn integer(&mut self, value: u64) -> &mut Self {
        push_digits(self.text, value, 1);
        self.value_ends()
    }

    fn decimal(&mut self, value: i64, places: u32) -> &mut Self {
        if value < 0 {
            self.text.push(b'-');
        }
        let unit = 10u64.pow(places);
        push_digits(self.text, value.unsigned_abs() / unit, 1);
        self.text.push(b'.');
        push_digits(self.text, value.unsigned_abs() % unit, places as usize);
        self.value_ends()
    }

    fn date(&mut self, date: Date) -> &mut Self {
        self.day(date);
        self.value_ends()
    }

    fn timestamp(&mut self, at: Timestamp) -> &mut Self {
        self.day(at.date);
        let [h1, h2] = two_digits(at.second / 3_600);
        let [m1, m2] = two_digits(at.second / 60 % 60);
        let [s1, s2] = two_digits(at.second % 60);
        self.text.extend_from_slice(&[b' ', h1, h2, b':', m1, m2, b':', s1, s2]);
        self.value_ends()
    }
}

impl CsvRow<'_> {
    fn value_ends(&mut self) -> &mut Self {
        self.text.push(b',');
        self
    }

    fn end(&mut self) {
        if let Some(last) = self.text.last_mut() {
            *last = b'\n';
        }
    }

    fn day(&mut self, date: Date) {
        let (year, month, day) = date.ymd();
        let [y1, y2] = two_digits(year as u32 / 100);
        let [y3, y4] = two_digits(year as u32 % 100);
        let [m1, m2] = two_digits(month);
        let [d1, d2] = two_digits(day);
        self.text.extend_from_slice(&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]);
    }
}

/// Appends decimal digits, with leading zeros up to `width`.
pub(super) fn push_digits(text: &mut Vec<u8>, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        if value == 0 && used >= width {
            break;
        }
        *place = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
    }
    let (_, written) = digits.split_at(digits.len() - used);
    text.extend_from_slice(written);
}

fn two_digits(value: u32) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Product;
    use super::super::rows::write_static;
    use super::*;

    fn written(fill: impl FnOnce(&mut CsvRow<'_>)) -> String {
        let mut text = Vec::new();
        let mut row = CsvRow { text: &mut text };
        fill(&mut row);
        row.end();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_are_written_as_the_format_has_them() {
        let row = written(|row| {
            row.integer(0).integer(1_234_567);
        });
        assert_eq!(row, "0,1234567\n");
        let row = written(|row| {
            row.decimal(-5, 2).decimal(123_456, 2).decimal(0, 4);
        });
        assert_eq!(row, "-0.05,1234.56,0.0000\n");
        let row = written(|row| {
            row.customer(42).party(123_456_789).code("", 7, 1).integer(u64::MAX);
        });
        assert_eq!(row, "C0000042,P123456789,7,18446744073709551615\n");
        let row = written(|row| {
            let date = Date::from_ymd(2024, 2, 9).unwrap();
            row.timestamp(Timestamp { date, second: 86_399 }).date(date);
        });
        assert_eq!(row, "2024-02-09 23:59:59,2024-02-09\n");
        let row = written(|row| {
            row.optional(None, |row, word| row.word(word)).word("x");
        });
        assert_eq!(row, ",x\n");
    }

    #[test]
    fn static_rows_have_as_many_values_as_the_table_has_columns() {
        for (table, rows) in [(Table::BankingProduct, Product::COUNT), (Table::Channel, 5), (Table::Party, 0)]
        {
            let mut buffers = TableBuffers::default();
            write_static(table, &mut CsvRows { dirt: None, buffers: &mut buffers });
            let text = core::str::from_utf8(buffers.get(table)).unwrap();
            assert_eq!(text.lines().count(), rows);
            assert!(text.lines().all(|line| line.split(',').count() == table.columns().len()));
        }
    }
}
