//! Rows as CSV text.
//!
//! No value needs quoting: they are numbers, dates and words of ours. Nothing is allocated but the buffers' growth.

use super::catalogue::{Channel, Product};
use super::dirt::Dirt;
use super::record::{CustomerRecord, Timestamp};
use super::table::{Table, TableBuffers};

pub(super) const ACCOUNTS_PER_CUSTOMER: u64 = 100;
pub(super) const TRANSACTIONS_PER_CUSTOMER: u64 = 100_000;
pub(super) const MESSAGES_PER_CUSTOMER: u64 = 10_000;

/// Writes the rows of a static table; the tables of customers have none.
pub(super) fn write_static(table: Table, buffers: &mut TableBuffers) {
    let text = buffers.text(table);
    match table {
        Table::BankingProduct => {
            for product in Product::ALL {
                let spec = product.spec();
                let mut row = Row::new(text);
                row.word(spec.id).word(spec.name).word(spec.category);
                row.optional(spec.amount, |row, (low, _)| row.integer(low.into()));
                row.optional(spec.amount, |row, (_, high)| row.integer(high.into()));
                row.optional(spec.term_months, |row, (low, _)| row.integer(low.into()));
                row.optional(spec.term_months, |row, (_, high)| row.integer(high.into()));
                row.decimal(spec.margin_bp.into(), 4).integer(spec.min_age.into());
                row.word(if spec.repeatable { "Y" } else { "N" }).end();
            }
        }
        Table::Channel => {
            for channel in Channel::ALL {
                Row::new(text).word(channel.id()).word(channel.name()).end();
            }
        }
        _ => {}
    }
}

/// Appends the rows of one customer, handing each to `dirt`.
pub(super) fn write_customer(record: &CustomerRecord, dirt: &mut Dirt, buffers: &mut TableBuffers) {
    let index = record.index;
    let mut writer = Writer { dirt, buffers };

    writer.row(Table::Address, |row| {
        row.id(b'A', index).optional(record.city, Row::word).word(record.state);
        row.optional(record.postal_code, |row, code| row.integer(code.into()));
    });
    writer.row(Table::Party, |row| {
        row.id(b'P', index).word(record.party_type);
        row.optional(record.birth, |row, birth| row.date(birth.ymd())).id(b'A', index);
    });
    writer.row(Table::Customer, |row| {
        row.id(b'C', index).id(b'P', index).date(record.established.ymd()).word(record.customer_type);
    });
    for (k, account) in (0..).zip(&record.accounts) {
        writer.row(Table::CustomerAccount, |row| {
            row.integer(index * ACCOUNTS_PER_CUSTOMER + k).id(b'C', index).word(account.product.spec().id);
            row.optional(account.channel, |row, channel| row.word(channel.id()));
            row.date(account.origination.ymd());
            row.optional(account.maturity, |row, day| row.date(day.ymd()));
            row.optional(account.closed, |row, day| row.date(day.ymd()));
            row.optional(account.principal, |row, cents| row.decimal(cents, 2));
            row.optional(account.rate, |row, rate| row.decimal(rate.into(), 2)).word(account.status);
        });
    }
    for (k, transaction) in (0..).zip(&record.transactions) {
        writer.row(Table::Transaction, |row| {
            row.integer(index * TRANSACTIONS_PER_CUSTOMER + k);
            row.integer(index * ACCOUNTS_PER_CUSTOMER + u64::from(transaction.account));
            row.timestamp(transaction.at).decimal(transaction.amount, 2).word(transaction.kind.id());
            row.optional(transaction.balance, |row, cents| row.decimal(cents, 2));
        });
    }
    for (k, message) in (0..).zip(&record.communications) {
        writer.row(Table::Communication, |row| {
            row.integer(index * MESSAGES_PER_CUSTOMER + k).id(b'P', index).timestamp(message.at);
            row.word(message.method).word(if message.inbound { "INBOUND" } else { "OUTBOUND" });
            row.optional(message.outcome, Row::word);
        });
    }
    for (k, document) in (0..).zip(&record.documents) {
        writer.row(Table::Document, |row| {
            row.integer(index * MESSAGES_PER_CUSTOMER + k).id(b'P', index);
            row.optional(document.account, |row, slot| {
                row.integer(index * ACCOUNTS_PER_CUSTOMER + u64::from(slot))
            });
            row.word(document.kind).timestamp(document.at);
        });
    }
    for consent in &record.consents {
        writer.row(Table::Consent, |row| {
            row.id(b'C', index).word(consent.purpose);
            row.word(if consent.granted { "Y" } else { "N" }).timestamp(consent.at);
        });
    }
}

/// Writes rows to their tables and lets the dirt have its way with them.
struct Writer<'a> {
    dirt: &'a mut Dirt,
    buffers: &'a mut TableBuffers,
}

impl Writer<'_> {
    fn row(&mut self, table: Table, fill: impl FnOnce(&mut Row<'_>)) {
        let text = self.buffers.text(table);
        let start = text.len();
        let mut row = Row::new(text);
        fill(&mut row);
        row.end();
        self.dirt.damage(table, start, text);
    }
}

/// A row under way: every value is followed by a comma, the last of which [`Row::end`] turns into a line feed.
struct Row<'a> {
    text: &'a mut Vec<u8>,
}

impl<'a> Row<'a> {
    fn new(text: &'a mut Vec<u8>) -> Self {
        Self { text }
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.text.extend_from_slice(word.as_bytes());
        self.text.push(b',');
        self
    }

    /// An identifier: a letter and at least seven digits.
    fn id(&mut self, letter: u8, index: u64) -> &mut Self {
        self.text.push(letter);
        self.digits(index, 7);
        self.text.push(b',');
        self
    }

    fn integer(&mut self, value: u64) -> &mut Self {
        self.digits(value, 1);
        self.text.push(b',');
        self
    }

    /// `value` in units of the last of `places` decimals.
    fn decimal(&mut self, value: i64, places: u32) -> &mut Self {
        if value < 0 {
            self.text.push(b'-');
        }
        let unit = 10u64.pow(places);
        self.digits(value.unsigned_abs() / unit, 1);
        self.text.push(b'.');
        self.digits(value.unsigned_abs() % unit, places as usize);
        self.text.push(b',');
        self
    }

    fn date(&mut self, ymd: (i32, u32, u32)) -> &mut Self {
        self.day(ymd);
        self.text.push(b',');
        self
    }

    fn timestamp(&mut self, at: Timestamp) -> &mut Self {
        self.day(at.date.ymd());
        let [h1, h2] = two_digits(at.second / 3_600);
        let [m1, m2] = two_digits(at.second / 60 % 60);
        let [s1, s2] = two_digits(at.second % 60);
        self.text.extend_from_slice(&[b' ', h1, h2, b':', m1, m2, b':', s1, s2, b',']);
        self
    }

    /// A missing value is nothing between commas.
    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T) -> &mut Self) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => self.word(""),
        }
    }

    fn end(&mut self) {
        if let Some(last) = self.text.last_mut() {
            *last = b'\n';
        }
    }

    fn day(&mut self, (year, month, day): (i32, u32, u32)) {
        let [y1, y2] = two_digits(year as u32 / 100);
        let [y3, y4] = two_digits(year as u32 % 100);
        let [m1, m2] = two_digits(month);
        let [d1, d2] = two_digits(day);
        self.text.extend_from_slice(&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]);
    }

    /// Decimal digits, with leading zeros up to `width`.
    fn digits(&mut self, mut value: u64, width: usize) {
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
        self.text.extend_from_slice(written);
    }
}

fn two_digits(value: u32) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Date;
    use super::*;

    fn written(fill: impl FnOnce(&mut Row<'_>)) -> String {
        let mut text = Vec::new();
        fill(&mut Row::new(&mut text));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_are_written_as_the_format_has_them() {
        assert_eq!(written(|row| row.integer(0).integer(1_234_567).end()), "0,1234567\n");
        assert_eq!(
            written(|row| row.decimal(-5, 2).decimal(123_456, 2).decimal(0, 4).end()),
            "-0.05,1234.56,0.0000\n"
        );
        assert_eq!(written(|row| row.id(b'C', 42).id(b'P', 123_456_789).end()), "C0000042,P123456789\n");
        assert_eq!(written(|row| row.integer(u64::MAX).end()), "18446744073709551615\n");
        let date = Date::from_ymd(2024, 2, 9).unwrap();
        assert_eq!(
            written(|row| row.timestamp(Timestamp { date, second: 86_399 }).end()),
            "2024-02-09 23:59:59\n"
        );
        assert_eq!(written(|row| row.optional(None::<&str>, Row::word).word("x").end()), ",x\n");
    }

    #[test]
    fn static_rows_have_as_many_values_as_the_table_has_columns() {
        for (table, rows) in [(Table::BankingProduct, Product::COUNT), (Table::Channel, 5), (Table::Party, 0)]
        {
            let mut buffers = TableBuffers::default();
            write_static(table, &mut buffers);
            let text = core::str::from_utf8(buffers.get(table)).unwrap();
            assert_eq!(text.lines().count(), rows);
            assert!(text.lines().all(|line| line.split(',').count() == table.column_names().count()));
        }
    }
}
