//! Drifts of amounts. Balances are running sums, so each changes by the total change of the amounts before
//! it.

use super::super::calendar::{Date, Month};
use super::super::economy::Economy;
use super::super::record::{CustomerRecord, Transaction, TransactionType};

/// The standard deviation of the logarithms of all amounts of the default bank: the unit of a shift.
pub(in super::super) const LOG_DEVIATION: f64 = 1.47;

/// The largest amount in cents, so that sums stay exact under any drifts.
const LARGEST: f64 = 1e12;

/// Multiplies amounts so that their logarithms move by `size` standard deviations.
pub(super) fn shift(record: &mut CustomerRecord, size: f64, reached: impl Fn(Date) -> bool) {
    let factor = libm::exp(size * LOG_DEVIATION);
    rewrite(record, reached, |row| cents(row) * factor);
}

/// Stretches the distance of the logarithms of amounts from the typical amount of their type.
pub(super) fn stretch(
    record: &mut CustomerRecord,
    size: f64,
    economy: &Economy,
    reached: impl Fn(Date) -> bool,
) {
    rewrite(record, reached, |row| {
        let prices = economy.at(Month::of(row.at.date)).price_level;
        match typical(row.kind) {
            Some(typical) => cents(row) * libm::pow(cents(row) / (100.0 * typical * prices), size),
            None => cents(row),
        }
    });
}

/// The median amount of a type in the default bank, at the prices of 2020. Transfers in and out share one, so
/// that what leaves one of the customer's accounts arrives in another. All fees are alike.
pub(in super::super) const fn typical(kind: TransactionType) -> Option<f64> {
    Some(match kind {
        TransactionType::Salary => 2_640.0,
        TransactionType::Pension => 1_840.0,
        TransactionType::Card => 169.0,
        TransactionType::Travel => 367.0,
        TransactionType::Vehicle => 150.0,
        TransactionType::Health => 122.0,
        TransactionType::Education => 175.0,
        TransactionType::Cash => 124.0,
        TransactionType::Rent => 635.0,
        TransactionType::StandingOrder => 98.0,
        TransactionType::TransferIn | TransactionType::TransferOut => 604.0,
        TransactionType::LoanPayment => 394.0,
        TransactionType::Interest => 73.0,
        TransactionType::Fee => return None,
    })
}

/// Gives the rows that were `reached` new amounts of the same sign, in cents, and all rows the balances that
/// follow.
fn rewrite(
    record: &mut CustomerRecord,
    reached: impl Fn(Date) -> bool,
    amount: impl Fn(&Transaction) -> f64,
) {
    // The difference of each account's balance so far.
    let mut off = vec![0; record.accounts.len()];
    for row in &mut record.transactions {
        let Some(off) = off.get_mut(usize::from(row.account)) else { continue };
        if reached(row.at.date) {
            let cents = libm::round(amount(row)).clamp(1.0, LARGEST) as i64;
            *off += cents * row.amount.signum() - row.amount;
            row.amount += cents * row.amount.signum() - row.amount;
        }
        row.balance = row.balance.map(|balance| balance + *off);
    }
}

fn cents(row: &Transaction) -> f64 {
    row.amount.unsigned_abs() as f64
}
