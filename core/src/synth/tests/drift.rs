//! Drifts of records: by the promised amount, from the promised day on, and nothing else changes.

use super::super::calendar::Month;
use super::super::drift::amounts::{LOG_DEVIATION, typical};
use super::super::drift::categories;
use super::super::economy::Economy;
use super::*;

/// Customers whose records are compared with those in [`RECORDS`].
const COMPARED: u64 = 3_000;

fn compared(drifts: &[Drift]) -> (&'static [CustomerRecord], Vec<CustomerRecord>) {
    (&RECORDS[..COMPARED as usize], records(&drifted(0..COMPARED, drifts)))
}

/// The tolerance of a share of this many draws: four standard errors.
fn four_errors(share: f64, count: usize) -> f64 {
    4.0 * (share * (1.0 - share) / count as f64).sqrt()
}

fn logarithm(row: &Transaction) -> f64 {
    (row.amount.abs() as f64).ln()
}

fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    mean(values.iter().map(|value| (value - centre).powi(2))).sqrt()
}

/// A statistic of the logarithms of customers' amounts, with its standard error from groups of whole
/// customers, since one customer's amounts are alike.
fn with_error(
    records: &[CustomerRecord],
    logarithms: impl Fn(&CustomerRecord) -> Vec<f64>,
    statistic: impl Fn(Vec<f64>) -> f64,
) -> (f64, f64) {
    let groups = records.chunks(records.len() / 20);
    let of_groups: Vec<f64> =
        groups.map(|group| statistic(group.iter().flat_map(&logarithms).collect())).collect();
    (mean(of_groups.iter().copied()), deviation(&of_groups) / (of_groups.len() as f64 - 1.0).sqrt())
}

/// The columns in which some value differs.
fn changed_columns(drifts: &[Drift]) -> Vec<&'static str> {
    let customers = || 0..300;
    let (plain, other) =
        (text(&bank(customers(), 0.0), customers()), text(&drifted(customers(), drifts), customers()));
    let mut changed = Vec::new();
    for table in TABLES {
        assert_eq!(plain[&table].lines().count(), other[&table].lines().count(), "{table:?}");
        for (at, name) in table.column_names().enumerate() {
            let cells = |text: &BTreeMap<Table, String>| -> Vec<String> {
                text[&table].lines().map(|line| line.split(',').nth(at).unwrap().to_owned()).collect()
            };
            if cells(&plain) != cells(&other) {
                changed.push(name);
            }
        }
    }
    changed
}

#[test]
fn no_other_column_changes() {
    for (kind, expected) in [
        (DriftKind::MeanShift, ["TRANSACTIONAMOUNT", "BALANCEAFTER"].as_slice()),
        (DriftKind::Scale, &["TRANSACTIONAMOUNT", "BALANCEAFTER"]),
        (
            DriftKind::CategoryMix,
            &["CITY", "CUSTOMERTYPEID", "CHANNELID", "TRANSACTIONTYPEID", "COMMUNICATIONMETHODID"],
        ),
        (
            DriftKind::Missingness,
            &["CITY", "POSTALCODE", "DATEOFBIRTH", "CHANNELID", "INTERESTRATE", "BALANCEAFTER", "OUTCOME"],
        ),
    ] {
        assert_eq!(changed_columns(&[drift(kind, 0.5, None)]), expected, "{kind}");
        assert!(changed_columns(&[drift(kind, 0.0, None)]).is_empty(), "{kind} of size 0");
        let question = Question { cutoffs: vec![date("2025-10-01")], days: 90, paths: 4 };
        for index in 0..100 {
            let truth = |bank: Bank| bank.true_probabilities(index, &question).unwrap();
            assert_eq!(truth(bank(0..100, 0.0)), truth(drifted(0..100, &[drift(kind, 0.5, None)])), "{kind}");
        }
    }
    // On the last day nobody joined or opened an account: only daily events can change.
    let last = changed_columns(&[drift(DriftKind::CategoryMix, 1.0, Some("2026-06-30"))]);
    assert_eq!(last, ["TRANSACTIONTYPEID", "COMMUNICATIONMETHODID"]);
}

#[test]
fn what_came_before_the_day_stays() {
    let from = date("2025-03-10");
    for kind in [DriftKind::MeanShift, DriftKind::Scale, DriftKind::CategoryMix, DriftKind::Missingness] {
        let (plain, later) = compared(&[drift(kind, 0.5, Some("2025-03-10"))]);
        let always = records(&drifted(0..COMPARED, &[drift(kind, 0.5, None)]));
        let mut changed = 0;
        for ((plain, later), always) in plain.iter().zip(&later).zip(&always) {
            if plain.established < from {
                let fixed = |record: &CustomerRecord| {
                    (record.city, record.postal_code, record.birth, record.customer_type)
                };
                assert_eq!(fixed(plain), fixed(later));
            }
            for ((plain, later), always) in plain.accounts.iter().zip(&later.accounts).zip(&always.accounts) {
                assert_eq!(if plain.origination < from { plain } else { always }, later);
            }
            let rows = plain.communications.iter().zip(&later.communications).zip(&always.communications);
            for ((plain, later), always) in rows {
                assert_eq!(if plain.at.date < from { plain } else { always }, later);
                changed += usize::from(plain != later);
            }
            let rows = plain.transactions.iter().zip(&later.transactions).zip(&always.transactions);
            for ((plain, later), always) in rows {
                let expected = if plain.at.date < from { plain } else { always };
                assert_eq!((later.amount, later.kind), (expected.amount, expected.kind));
                // With amounts, later balances depend on when the drift began.
                if plain.at.date < from || kind == DriftKind::Missingness {
                    assert_eq!(later.balance, expected.balance);
                }
                changed += usize::from(plain != later);
            }
        }
        assert!(changed > 10_000, "{kind}: {changed}");
    }
}

/// Checks that every amount is as `expected` from the plain row, in cents, and that balances follow.
fn check_amounts(plain: &[CustomerRecord], other: &[CustomerRecord], expected: impl Fn(&Transaction) -> f64) {
    let mut rows = 0;
    for (plain, other) in plain.iter().zip(other) {
        for (plain, other) in plain.transactions.iter().zip(&other.transactions) {
            assert_eq!(plain.amount.signum(), other.amount.signum());
            // Rounded to cents, but never to 0.
            let off = other.amount.abs() as f64 - expected(plain).max(1.0);
            assert!(off.abs() <= 0.5 + 1e-6, "{plain:?} {other:?}");
            rows += 1;
        }
        // The balance before the first row is unchanged.
        let opening = |record: &CustomerRecord| {
            record.transactions.first().and_then(|row| Some(row.balance? - row.amount))
        };
        assert_eq!(opening(plain), opening(other));
    }
    assert!(rows > 500_000 && rules::check_balances(other) > 300_000, "{rows}");
}

#[test]
fn a_mean_shift_moves_the_logarithms_by_its_size() {
    let all = |record: &CustomerRecord| record.transactions.iter().map(logarithm).collect();
    for size in [0.5, -0.3] {
        let (plain, other) = compared(&[drift(DriftKind::MeanShift, size, None)]);
        check_amounts(plain, &other, |row| row.amount.abs() as f64 * (size * LOG_DEVIATION).exp());
        let ((spread, error), (still, _)) = (
            with_error(plain, all, |values| deviation(&values)),
            with_error(&other, all, |values| deviation(&values)),
        );
        let moved = with_error(&other, all, mean).0 - with_error(plain, all, mean).0;
        assert!((moved / size - spread).abs() < 4.0 * error, "{size}: {moved} {spread} ± {error}");
        assert!((still - spread).abs() < 0.002 * spread, "the spread stays: {still} {spread}");
    }
}

#[test]
fn a_scale_stretches_around_medians_that_stay() {
    let start = Month::of(BankParams::default().start);
    let economy = Economy::new(start, start.plus(60));
    let prices = |row: &Transaction| economy.at(Month::of(row.at.date)).price_level;
    let centre = |row: &Transaction| typical(row.kind).map(|typical| (100.0 * typical * prices(row)).ln());
    // The typical amounts must hold in any bank, not only in the one in which they were measured.
    let own = BankParams { seed: 7, customers: 0..COMPARED, ..BankParams::default() };
    let plain = records(&Bank::new(own.clone()).unwrap());
    for size in [0.4, -0.5] {
        let drifts = vec![drift(DriftKind::Scale, size, None)];
        let other = records(&Bank::new(BankParams { drifts, ..own.clone() }).unwrap());
        check_amounts(&plain, &other, |row| {
            let log = logarithm(row);
            centre(row).map_or(log, |centre| centre + (1.0 + size) * (log - centre)).exp()
        });
        for kind in [TransactionType::Card, TransactionType::Salary, TransactionType::Vehicle] {
            let distances = |record: &CustomerRecord| {
                let rows = record.transactions.iter().filter(|row| row.kind == kind);
                rows.map(|row| logarithm(row) - centre(row).unwrap()).collect()
            };
            let (median, error) = with_error(&other, distances, |values| quantile(values, 0.5));
            // The typical amounts are given to half a percent.
            assert!(median.abs() < 4.0 * error + 0.005, "{kind:?}: {median} ± {error}");
            let spread = |records| deviation(&records_of(records, distances));
            let grown = spread(&other) / spread(&plain);
            assert!((grown - 1.0 - size).abs() < 0.002, "{kind:?}: {grown}");
        }
    }
}

fn records_of(records: &[CustomerRecord], values: impl Fn(&CustomerRecord) -> Vec<f64>) -> Vec<f64> {
    records.iter().flat_map(values).collect()
}

#[test]
fn both_sides_of_a_transfer_stay_alike() {
    let (plain, other) =
        compared(&[drift(DriftKind::Scale, 0.4, None), drift(DriftKind::MeanShift, 0.5, None)]);
    let mut checked = 0;
    for (plain, other) in plain.iter().zip(&other) {
        let pairs = plain.transactions.windows(2).zip(other.transactions.windows(2));
        for (before, after) in pairs.filter(|(pair, _)| pair[0].amount == -pair[1].amount) {
            let transfer = |row: &Transaction| {
                matches!(row.kind, TransactionType::TransferIn | TransactionType::TransferOut)
            };
            if before.iter().all(transfer) {
                assert_eq!(after[0].amount, -after[1].amount);
                checked += 1;
            }
        }
    }
    assert!(checked > 1_000, "{checked}");
}

/// The share of `old` values that became `new`; all others must be unchanged.
fn moved<T: PartialEq + core::fmt::Debug>(
    pairs: impl Iterator<Item = (T, T)>,
    [old, new]: [T; 2],
) -> (usize, usize) {
    let (mut moved, mut count) = (0, 0);
    for (before, after) in pairs {
        if before == old {
            assert!(after == old || after == new, "{after:?}");
            moved += usize::from(after == new);
            count += 1;
        } else {
            assert_eq!(before, after);
        }
    }
    (moved, count)
}

#[test]
fn a_category_mix_moves_the_share_of_each_category() {
    for share in [0.3, 1.0] {
        let (plain, other) = compared(&[drift(DriftKind::CategoryMix, share, None)]);
        let both = || plain.iter().zip(&other);
        let accounts = both().flat_map(|(a, b)| a.accounts.iter().zip(&b.accounts));
        let transactions = both().flat_map(|(a, b)| a.transactions.iter().zip(&b.transactions));
        let messages = both().flat_map(|(a, b)| a.communications.iter().zip(&b.communications));
        for (moved, count) in [
            moved(both().map(|(a, b)| (a.city, b.city)), categories::CITY.map(Some)),
            moved(both().map(|(a, b)| (a.customer_type, b.customer_type)), categories::CUSTOMER_TYPE),
            moved(accounts.map(|(a, b)| (a.channel, b.channel)), categories::CHANNEL.map(Some)),
            moved(transactions.map(|(a, b)| (a.kind, b.kind)), categories::TRANSACTION),
            moved(messages.map(|(a, b)| (a.method, b.method)), categories::METHOD),
        ] {
            assert!(count > 300, "{count}");
            let found = moved as f64 / count as f64;
            assert!((found - share).abs() <= four_errors(share, count), "{moved} of {count}");
        }
    }
}

#[test]
fn missingness_loses_the_share_of_each_columns_values() {
    fn lost<T: PartialEq + core::fmt::Debug>(
        pairs: impl Iterator<Item = (Option<T>, Option<T>)>,
    ) -> (usize, usize) {
        let (mut lost, mut count) = (0, 0);
        for (before, after) in pairs.filter(|(before, _)| before.is_some()) {
            assert!(after.is_none() || after == before, "{before:?} {after:?}");
            lost += usize::from(after.is_none());
            count += 1;
        }
        (lost, count)
    }
    let twice = [drift(DriftKind::Missingness, 0.2, None), drift(DriftKind::Missingness, 0.5, None)];
    for (drifts, share) in [(&twice[..1], 0.2), (&twice[..], 1.0 - 0.8 * 0.5)] {
        let (plain, other) = compared(drifts);
        let both = || plain.iter().zip(&other);
        let accounts = || both().flat_map(|(a, b)| a.accounts.iter().zip(&b.accounts));
        let transactions = both().flat_map(|(a, b)| a.transactions.iter().zip(&b.transactions));
        let messages = both().flat_map(|(a, b)| a.communications.iter().zip(&b.communications));
        for (lost, count) in [
            lost(both().map(|(a, b)| (a.city, b.city))),
            lost(both().map(|(a, b)| (a.postal_code, b.postal_code))),
            lost(both().map(|(a, b)| (a.birth, b.birth))),
            lost(accounts().map(|(a, b)| (a.channel, b.channel))),
            lost(accounts().map(|(a, b)| (a.rate, b.rate))),
            lost(transactions.map(|(a, b)| (a.balance, b.balance))),
            lost(messages.map(|(a, b)| (a.outcome, b.outcome))),
        ] {
            assert!(count > 1_000, "{count}");
            let found = lost as f64 / count as f64;
            assert!((found - share).abs() <= four_errors(share, count), "{share}: {lost} of {count}");
        }
    }
}
