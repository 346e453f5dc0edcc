//! The rows of each table, value by value: text and columns are both written from this one description.

use super::calendar::Date;
use super::catalogue::{Channel, Product};
use super::record::{CustomerRecord, Timestamp};
use super::table::Table;
use super::truth::TrueProbabilities;

pub(super) const ACCOUNTS_PER_CUSTOMER: u64 = 100;
pub(super) const TRANSACTIONS_PER_CUSTOMER: u64 = 100_000;
pub(super) const MESSAGES_PER_CUSTOMER: u64 = 10_000;

/// Decimals of a true probability.
const PROBABILITY_PLACES: u32 = 12;

/// A destination of rows.
pub(super) trait Rows {
    /// An unfinished row.
    type Row<'a>: Row
    where
        Self: 'a;

    /// Adds a row to `table`; `fill` gives it a value for every column, in order.
    fn add(&mut self, table: Table, fill: impl FnOnce(&mut Self::Row<'_>));
}

/// An unfinished row: every call sets the next column's value.
pub(super) trait Row {
    fn missing(&mut self) -> &mut Self;

    fn word(&mut self, word: &str) -> &mut Self;

    /// An identifier: `prefix` and at least `digits` digits.
    fn code(&mut self, prefix: &str, number: u64, digits: usize) -> &mut Self;

    fn integer(&mut self, value: u64) -> &mut Self;

    /// `value` in units of the last of `places` decimals.
    fn decimal(&mut self, value: i64, places: u32) -> &mut Self;

    fn date(&mut self, date: Date) -> &mut Self;

    fn timestamp(&mut self, at: Timestamp) -> &mut Self;

    fn optional<T>(&mut self, value: Option<T>, give: impl FnOnce(&mut Self, T) -> &mut Self) -> &mut Self {
        match value {
            Some(value) => give(self, value),
            None => self.missing(),
        }
    }

    fn customer(&mut self, index: u64) -> &mut Self {
        self.code("C", index, 7)
    }

    fn party(&mut self, index: u64) -> &mut Self {
        self.code("P", index, 7)
    }

    fn address(&mut self, index: u64) -> &mut Self {
        self.code("A", index, 7)
    }
}

/// Writes the rows of a static table; the tables of customers have none.
pub(super) fn write_static(table: Table, rows: &mut impl Rows) {
    match table {
        Table::BankingProduct => {
            for product in Product::ALL {
                let spec = product.spec();
                rows.add(table, |row| {
                    row.word(spec.id).word(spec.name).word(spec.category);
                    row.optional(spec.amount, |row, (low, _)| row.integer(low.into()));
                    row.optional(spec.amount, |row, (_, high)| row.integer(high.into()));
                    row.optional(spec.term_months, |row, (low, _)| row.integer(low.into()));
                    row.optional(spec.term_months, |row, (_, high)| row.integer(high.into()));
                    row.decimal(spec.margin_bp.into(), 4).integer(spec.min_age.into());
                    row.word(if spec.repeatable { "Y" } else { "N" });
                });
            }
        }
        Table::Channel => {
            for channel in Channel::ALL {
                rows.add(table, |row| {
                    row.word(channel.id()).word(channel.name());
                });
            }
        }
        _ => {}
    }
}

/// Adds the rows of one customer.
pub(super) fn write_customer(record: &CustomerRecord, rows: &mut impl Rows) {
    let index = record.index;

    rows.add(Table::Address, |row| {
        row.address(index).optional(record.city, |row, word| row.word(word)).word(record.state);
        row.optional(record.postal_code, |row, code| row.code("", code.into(), 1));
    });
    rows.add(Table::Party, |row| {
        row.party(index).word(record.party_type);
        row.optional(record.birth, |row, birth| row.date(birth)).address(index);
    });
    rows.add(Table::Customer, |row| {
        row.customer(index).party(index).date(record.established).word(record.customer_type);
    });
    for (k, account) in (0..).zip(&record.accounts) {
        rows.add(Table::CustomerAccount, |row| {
            row.integer(index * ACCOUNTS_PER_CUSTOMER + k).customer(index).word(account.product.spec().id);
            row.optional(account.channel, |row, channel| row.word(channel.id()));
            row.date(account.origination);
            row.optional(account.maturity, |row, day| row.date(day));
            row.optional(account.closed, |row, day| row.date(day));
            row.optional(account.principal, |row, cents| row.decimal(cents, 2));
            row.optional(account.rate, |row, rate| row.decimal(rate.into(), 2)).word(account.status);
        });
    }
    for (k, transaction) in (0..).zip(&record.transactions) {
        rows.add(Table::Transaction, |row| {
            row.integer(index * TRANSACTIONS_PER_CUSTOMER + k);
            row.integer(index * ACCOUNTS_PER_CUSTOMER + u64::from(transaction.account));
            row.timestamp(transaction.at).decimal(transaction.amount, 2).word(transaction.kind.id());
            row.optional(transaction.balance, |row, cents| row.decimal(cents, 2));
        });
    }
    for (k, message) in (0..).zip(&record.communications) {
        rows.add(Table::Communication, |row| {
            row.integer(index * MESSAGES_PER_CUSTOMER + k).party(index).timestamp(message.at);
            row.word(message.method).word(if message.inbound { "INBOUND" } else { "OUTBOUND" });
            row.optional(message.outcome, |row, word| row.word(word));
        });
    }
    for (k, document) in (0..).zip(&record.documents) {
        rows.add(Table::Document, |row| {
            row.integer(index * MESSAGES_PER_CUSTOMER + k).party(index);
            row.optional(document.account, |row, slot| {
                row.integer(index * ACCOUNTS_PER_CUSTOMER + u64::from(slot))
            });
            row.word(document.kind).timestamp(document.at);
        });
    }
    for consent in &record.consents {
        rows.add(Table::Consent, |row| {
            row.customer(index).word(consent.purpose);
            row.word(if consent.granted { "Y" } else { "N" }).timestamp(consent.at);
        });
    }
}

/// Adds the truth about one customer.
pub(super) fn write_truth(index: u64, truth: &[(Date, TrueProbabilities)], rows: &mut impl Rows) {
    let units = |probability: f64| libm::round(probability * 1e12) as i64;
    for (cutoff, truth) in truth {
        rows.add(Table::Truth, |row| {
            row.customer(index).date(*cutoff).decimal(units(truth.none), PROBABILITY_PLACES);
            for (_, probability) in truth.products.iter() {
                row.decimal(units(probability), PROBABILITY_PLACES);
            }
        });
    }
}
