//! Invariants of every customer.

use super::*;

#[test]
fn the_rules_of_opening_hold() {
    check_openings(&bank(0..CUSTOMERS, 0.0), &RECORDS);
    let repeats = |product| {
        let times = |record: &CustomerRecord| record.accounts.iter().filter(|a| a.product == product).count();
        RECORDS.iter().filter(|record| times(record) > 1).count()
    };
    assert!(repeats(Product::PersonalLoan) > 0, "a repeatable product is taken again");
    let gaps = RECORDS.iter().flat_map(|record| record.accounts.windows(2));
    let least = gaps.map(|pair| pair[1].origination.days() - pair[0].origination.days()).min();
    assert_eq!(least, Some(MIN_GAP_DAYS), "and as soon as the gap is over");
}

pub(super) fn check_openings(bank: &Bank, records: &[CustomerRecord]) {
    for record in records {
        let [current, later @ ..] = record.accounts.as_slice() else {
            panic!("{} has no account", record.index)
        };
        assert_eq!((current.product, current.origination), (Product::CurrentAccount, record.established));
        assert!(later.iter().all(|account| account.product != Product::CurrentAccount));
        for pair in record.accounts.windows(2) {
            assert!(
                pair[1].origination.days() - pair[0].origination.days() >= MIN_GAP_DAYS,
                "{}",
                record.index
            );
        }
        for product in Product::ALL.into_iter().filter(|product| !product.spec().repeatable) {
            let taken = record.accounts.iter().filter(|account| account.product == product).count();
            assert!(taken <= 1, "{}: {product:?} {taken} times", record.index);
        }
        // The true date of birth, since the recorded one is sometimes missing.
        let birth = bank.persona(record.index).unwrap().0.birth;
        assert!(record.birth.is_none_or(|recorded| recorded == birth));
        for account in &record.accounts {
            let age = account.origination.years_since(birth);
            assert!(
                age >= i32::from(account.product.spec().min_age),
                "{}: {account:?} at {age}",
                record.index
            );
        }
        for account in &record.accounts {
            let same = record.accounts.iter().filter(|other| other.product == account.product);
            let open = same.filter(|other| {
                other.origination <= account.origination
                    && other.closed.is_none_or(|day| day > account.origination)
            });
            assert!(open.count() <= account.product.max_open(), "{}: {account:?}", record.index);
        }
    }
}

#[test]
fn all_days_lie_within_the_data_and_in_order() {
    let params = BankParams::default();
    check_days(&RECORDS, &params);
    assert!(
        RECORDS.iter().any(|record| record.established > params.end.add_days(-90)),
        "the bank grows to its end"
    );
    let matured =
        RECORDS.iter().flat_map(|record| &record.accounts).filter(|account| account.status == "MATURED");
    assert!(matured.count() > 100);
}

#[test]
fn data_may_start_and_end_within_a_month() {
    let params = BankParams {
        start: date("2024-01-15"),
        end: date("2024-05-11"),
        customers: 0..4_000,
        ..BankParams::default()
    };
    let bank = Bank::new(params.clone()).unwrap();
    let records: Vec<_> = bank.customers().map(|index| bank.customer(index).unwrap()).collect();
    check_days(&records, &params);
    let on =
        |day: Date| records.iter().flat_map(|r| &r.transactions).filter(|row| row.at.date == day).count();
    assert!(on(params.start) > 100 && on(params.end) > 100);
}

pub(super) fn check_days(records: &[CustomerRecord], params: &BankParams) {
    let &BankParams { start, end, .. } = params;
    for record in records {
        assert!(record.established >= start.add_days(-13 * 366) && record.established <= end.add_days(-30));
        for account in &record.accounts {
            assert!((record.established..=end).contains(&account.origination));
            assert!(account.maturity.is_none_or(|day| day > account.origination));
            assert!(account.closed.is_none_or(|day| day > account.origination && day <= end));
            assert_eq!(account.closed.is_none(), account.status == "ACTIVE");
        }
        let live = start.max(record.established)..=end;
        assert!(record.transactions.iter().all(|row| live.contains(&row.at.date)));
        assert!(record.communications.iter().all(|row| live.contains(&row.at.date)));
        assert!(record.transactions.is_sorted_by_key(|row| row.at));
        assert!(record.communications.is_sorted_by_key(|row| row.at));
        let known = record.established..=end;
        assert!(record.documents.iter().all(|row| known.contains(&row.at.date)));
        assert!(record.consents.iter().all(|row| known.contains(&row.at.date)));
        for row in &record.transactions {
            let account = &record.accounts[usize::from(row.account)];
            let open = account.origination..=account.closed.unwrap_or(end);
            assert!(open.contains(&row.at.date), "{}: {row:?} on {account:?}", record.index);
        }
    }
}

#[test]
fn balances_follow_from_amounts() {
    assert!(check_balances(&RECORDS[..500]) > 50_000);
}

/// Checks the balances of consecutive rows, and counts them.
pub(super) fn check_balances(records: &[CustomerRecord]) -> usize {
    let mut checked = 0;
    for record in records {
        for slot in 0..record.accounts.len() as u8 {
            let rows: Vec<_> = record.transactions.iter().filter(|row| row.account == slot).collect();
            for pair in rows.windows(2) {
                if let (Some(before), Some(after)) = (pair[0].balance, pair[1].balance) {
                    assert_eq!(before + pair[1].amount, after, "{}: {:?}", record.index, pair[1]);
                    checked += 1;
                }
            }
        }
    }
    checked
}

#[test]
fn some_values_are_missing_and_most_are_not() {
    let share = |missing: usize, of: usize| missing as f64 / of as f64;
    let customers = |missing: fn(&CustomerRecord) -> bool| {
        share(RECORDS.iter().filter(|&record| missing(record)).count(), RECORDS.len())
    };
    let rows = || RECORDS.iter().flat_map(|record| &record.transactions);
    let messages = || RECORDS.iter().flat_map(|record| &record.communications);
    for missing in [
        customers(|record| record.birth.is_none()),
        customers(|record| record.city.is_none()),
        customers(|record| record.postal_code.is_none()),
        share(rows().filter(|row| row.balance.is_none()).count(), rows().count()),
        share(messages().filter(|row| row.outcome.is_none()).count(), messages().count()),
    ] {
        assert!((0.01..0.06).contains(&missing), "{missing}");
    }
}
