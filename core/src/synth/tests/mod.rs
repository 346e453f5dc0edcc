//! Promises of the bank as a whole.

mod correlations;
mod distributions;
mod documented;
mod drift;
mod drifting_lives;
mod economy;
mod identity;
mod regularity;
mod rules;
mod signs;
mod truth;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use super::*;

const CUSTOMERS: u64 = 20_000;

/// A bank large enough for rates, generated once.
static RECORDS: LazyLock<Vec<CustomerRecord>> = LazyLock::new(|| {
    let bank = bank(0..CUSTOMERS, 0.0);
    std::thread::scope(|scope| {
        let half = |range: core::ops::Range<u64>| {
            let bank = &bank;
            scope.spawn(move || range.map(|index| bank.customer(index).unwrap()).collect::<Vec<_>>())
        };
        let halves = [half(0..CUSTOMERS / 2), half(CUSTOMERS / 2..CUSTOMERS)];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
});

fn bank(customers: core::ops::Range<u64>, dirty_rate: f64) -> Bank {
    Bank::new(BankParams { customers, dirty_rate, ..BankParams::default() }).unwrap()
}

fn drifted(customers: core::ops::Range<u64>, drifts: &[Drift]) -> Bank {
    Bank::new(BankParams { customers, drifts: drifts.to_vec(), ..BankParams::default() }).unwrap()
}

fn drift(kind: DriftKind, size: f64, from: Option<&str>) -> Drift {
    Drift { kind, size, from: from.map(date) }
}

fn records(bank: &Bank) -> Vec<CustomerRecord> {
    bank.customers().map(|index| bank.customer(index).unwrap()).collect()
}

fn date(text: &str) -> Date {
    let part = |range| text.get(range).and_then(|part: &str| part.parse::<u32>().ok()).unwrap();
    Date::from_ymd(part(0..4) as i32, part(5..7), part(8..10)).unwrap()
}

/// The first days of the quarters from `from` on whose 90 days lie within the default range.
fn cutoffs(from: &str) -> Vec<Date> {
    let (year, month, _) = date(from).ymd();
    let quarters =
        (0..).map(|n| (year + (month as i32 - 1 + 3 * n) / 12, (month + 3 * n as u32 - 1) % 12 + 1));
    quarters
        .map(|(year, month)| Date::from_ymd(year, month, 1).unwrap())
        .take_while(|cutoff| cutoff.add_days(90) <= BankParams::default().end.add_days(1))
        .collect()
}

/// The first product opened in the 90 days from `cutoff`.
fn next_product(record: &CustomerRecord, cutoff: Date) -> Option<Product> {
    let window = cutoff..cutoff.add_days(90);
    record
        .accounts
        .iter()
        .find(|account| window.contains(&account.origination))
        .map(|account| account.product)
}

fn text(bank: &Bank, customers: impl Iterator<Item = u64>) -> BTreeMap<Table, String> {
    let mut buffers = TableBuffers::default();
    for table in TABLES {
        bank.write_static(table, &mut buffers);
    }
    for index in customers {
        bank.write_customer(index, &mut buffers).unwrap();
    }
    TABLES.map(|table| (table, String::from_utf8(buffers.get(table).to_vec()).unwrap())).into()
}

/// All customers' rows of a kind, each with its customer.
fn of_kind(kind: TransactionType) -> impl Iterator<Item = (&'static CustomerRecord, &'static Transaction)> {
    let rows = |record: &'static CustomerRecord| record.transactions.iter().map(move |row| (record, row));
    RECORDS.iter().flat_map(rows).filter(move |(_, row)| row.kind == kind)
}

/// All customers' accounts of a product, except those opened on joining.
fn openings(product: Product) -> impl Iterator<Item = (&'static CustomerRecord, &'static AccountRow)> {
    let opened = |record: &'static CustomerRecord| record.accounts.iter().map(move |row| (record, row));
    RECORDS.iter().flat_map(opened).filter(move |(_, account)| account.product == product)
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (count, sum) = values.into_iter().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// The quantile of some values.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() as f64 * share) as usize]
}
