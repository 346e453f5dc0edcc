//! Monthly events come every month.

use super::*;

/// Months since the year 0.
fn month(row: &Transaction) -> i32 {
    let (year, month, _) = row.at.date.ymd();
    year * 12 + month as i32
}

fn day(row: &Transaction) -> u32 {
    row.at.date.ymd().2
}

/// A customer's rows of a kind.
fn rows(record: &CustomerRecord, kind: TransactionType) -> Vec<&Transaction> {
    record.transactions.iter().filter(|row| row.kind == kind).collect()
}

#[test]
fn salaries_are_paid_once_a_month_without_a_break() {
    let (mut people, mut months, mut on_day) = (0, 0, 0);
    for record in RECORDS.iter() {
        let salaries = rows(record, TransactionType::Salary);
        let (Some(first), Some(last)) = (salaries.first(), salaries.last()) else { continue };
        let paid: Vec<i32> = salaries.iter().map(|row| month(row)).collect();
        let every_month: Vec<i32> = (month(first)..=month(last)).collect();
        assert_eq!(paid, every_month, "{}", record.index);
        let (earliest, latest) = salaries
            .iter()
            .fold((31, 1), |(earliest, latest), row| (day(row).min(earliest), day(row).max(latest)));
        assert!(latest <= earliest + 2 && latest <= 28, "{}: {earliest} to {latest}", record.index);
        assert!(salaries.iter().all(|row| row.amount > 0 && row.account == 0));
        people += 1;
        months += salaries.len();
        on_day += salaries.iter().filter(|row| day(row) == earliest).count();
    }
    assert!(people as u64 > CUSTOMERS / 3, "{people}");
    // One in five is up to two days late, a third of these not at all; the 28th is never late.
    let share = on_day as f64 / months as f64;
    assert!((0.82..0.97).contains(&share), "{share}");
}

#[test]
fn salaries_are_steady() {
    let mut changes = Vec::new();
    for record in RECORDS.iter().filter(|record| record.party_type == "INDIVIDUAL") {
        for pair in rows(record, TransactionType::Salary).windows(2) {
            changes.push((pair[1].amount as f64 / pair[0].amount as f64 - 1.0).abs());
        }
    }
    let (median, most) = (quantile(changes.clone(), 0.5), quantile(changes, 0.8));
    assert!(median < 0.02 && most < 0.05, "{median} {most}");
    let moves = |record: &CustomerRecord| {
        let salaries = rows(record, TransactionType::Salary);
        let change = |pair: &[&Transaction]| (pair[1].amount as f64 / pair[0].amount as f64).ln().abs();
        (salaries.len() > 12).then(|| quantile(salaries.windows(2).map(change).collect(), 0.5))
    };
    let traders = RECORDS.iter().filter(|record| record.party_type == "SOLE_TRADER");
    let trader = quantile(traders.filter_map(moves).collect(), 0.5);
    assert!(trader > 0.2, "the self-employed have no such luck: {trader}");
}

#[test]
fn standing_orders_leave_on_their_days() {
    let (mut whole_months, mut regular) = (0, 0);
    for record in RECORDS.iter() {
        let orders = rows(record, TransactionType::StandingOrder);
        assert!(orders.iter().all(|row| [3, 8, 13].contains(&day(row)) && row.amount < 0));
        // At most one order a day and month.
        let days: HashSet<(i32, u32)> = orders.iter().map(|row| (month(row), day(row))).collect();
        assert_eq!(days.len(), orders.len(), "{}", record.index);
        // Customers with an order on the 3rd in most months have it in every month but the broken ones.
        let firsts: HashSet<i32> = orders.iter().filter(|row| day(row) == 3).map(|row| month(row)).collect();
        let (Some(&first), Some(&last)) = (firsts.iter().min(), firsts.iter().max()) else { continue };
        if firsts.len() > 12 {
            whole_months += last - first + 1;
            regular += firsts.len() as i32;
        }
    }
    let share = f64::from(regular) / f64::from(whole_months);
    assert!(whole_months > 100_000 && share > 0.99, "{share} of {whole_months}");
}

#[test]
fn rent_is_paid_in_the_first_days_of_a_month() {
    let mut tenants = 0;
    for record in RECORDS.iter() {
        let rents = rows(record, TransactionType::Rent);
        let (Some(first), Some(last)) = (rents.first(), rents.last()) else { continue };
        assert!(rents.iter().all(|row| day(row) <= 4));
        assert_eq!(rents.len() as i32, month(last) - month(first) + 1, "{}", record.index);
        tenants += 1;
    }
    assert!(tenants as u64 > CUSTOMERS / 10, "{tenants}");
}

#[test]
fn loans_are_paid_back_monthly_in_equal_instalments() {
    let mut checked = 0;
    for record in RECORDS.iter() {
        let loans: Vec<&AccountRow> = record.accounts.iter().filter(|a| a.product.is_loan()).collect();
        let payments = rows(record, TransactionType::LoanPayment);
        assert!(payments.is_empty() || !loans.is_empty(), "{} pays for nothing", record.index);
        let [loan] = loans.as_slice() else { continue };
        let Some(first) = payments.first() else { continue };
        assert!(payments.iter().all(|row| row.amount == first.amount && row.at.date > loan.origination));
        let due = loan.origination.ymd().2.min(28);
        assert!(payments.iter().all(|row| day(row) == due), "{}", record.index);
        let months: Vec<i32> = payments.iter().map(|row| month(row)).collect();
        let every_month: Vec<i32> = (months[0]..months[0] + months.len() as i32).collect();
        assert_eq!(months, every_month, "{}", record.index);
        checked += months.len();
    }
    assert!(checked > 10_000, "{checked}");
}
