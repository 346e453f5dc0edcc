//! Seasons, and changes over the years.

use super::*;

fn year_and_month(date: Date) -> (i32, u32) {
    let (year, month, _) = date.ymd();
    (year, month)
}

/// The number of openings of `product` in these months of the years that the data cover completely.
fn opened_in(product: Product, months: &[u32]) -> f64 {
    let days = openings(product).map(|(_, account)| year_and_month(account.origination));
    days.filter(|(year, month)| *year < 2026 && months.contains(month)).count() as f64 / months.len() as f64
}

#[test]
fn products_have_their_seasons() {
    for (product, busy, quiet, least) in [
        (Product::StudentLoan, [8, 9], [3, 4], 2.0),
        (Product::SavingsAccount, [1, 10], [7, 8], 1.3),
        (Product::AutoLoan, [3, 4], [8, 1], 1.2),
        (Product::TermDeposit, [1, 2], [6, 7], 1.15),
        (Product::CreditCard, [6, 11], [1, 2], 1.2),
    ] {
        let ratio = opened_in(product, &busy) / opened_in(product, &quiet);
        assert!(ratio > least, "{product:?}: {ratio}");
    }
    let ratio = opened_in(Product::LifeInsurance, &[1, 2, 3, 4, 5, 6])
        / opened_in(Product::LifeInsurance, &[7, 8, 9, 10, 11, 12]);
    assert!((0.8..1.25).contains(&ratio), "life insurance has none: {ratio}");
}

#[test]
fn people_travel_in_summer_and_are_paid_more_in_december() {
    let travels =
        |month| of_kind(TransactionType::Travel).filter(|(_, row)| row.at.date.ymd().1 == month).count();
    let ratio = travels(7) as f64 / travels(11) as f64;
    // 1.8 over 0.5, since July occurs as often as November in the data.
    assert!((3.0..4.2).contains(&ratio), "{ratio}");
    let salary = |months: &[u32]| {
        let rows = of_kind(TransactionType::Salary).filter(|(_, row)| months.contains(&row.at.date.ymd().1));
        mean(rows.map(|(_, row)| row.amount as f64))
    };
    let ratio = salary(&[12]) / salary(&[10, 11]);
    // 35 % are paid 1.8 times as much, except for the self-employed among them.
    assert!((1.2..1.35).contains(&ratio), "{ratio}");
}

#[test]
fn the_bank_contacts_in_campaign_months() {
    let contacts = |month: u32| {
        let rows = RECORDS.iter().flat_map(|record| &record.communications);
        rows.filter(|row| !row.inbound && row.at.date.ymd().0 < 2026 && row.at.date.ymd().1 == month).count()
    };
    let ratio = contacts(1) as f64 / contacts(7) as f64;
    assert!(ratio > 1.8, "{ratio}");
}

#[test]
fn the_rate_cycle_moves_demand_over_the_years() {
    let rate = |product, from: &str, until: &str| {
        let (from, until) = (date(from), date(until));
        let known = RECORDS.iter().filter(|record| record.established < from).count();
        let opened = openings(product).filter(|(record, account)| {
            record.established < from && (from..until).contains(&account.origination)
        });
        opened.count() as f64 / known as f64 / f64::from(until.days() - from.days())
    };
    let change =
        |product| rate(product, "2025-07-01", "2026-07-01") / rate(product, "2023-07-01", "2024-07-01");
    // The policy rate falls from 4.7 to 2.8 % in between: exp(0.25 · -1.9) and exp(-0.2 · -1.9).
    assert!(change(Product::TermDeposit) < 0.85);
    assert!(change(Product::HomeLoan) > 1.15);
    let deposit_rate = |year| {
        let of_year =
            openings(Product::TermDeposit).filter(|(_, account)| account.origination.ymd().0 == year);
        mean(of_year.filter_map(|(_, account)| Some(f64::from(account.rate?))))
    };
    assert!(deposit_rate(2024) > deposit_rate(2026) + 100.0);
}

#[test]
fn habits_change_over_the_years() {
    let by_app = |year| {
        let rows = RECORDS.iter().flat_map(|record| &record.communications);
        mean(
            rows.filter(|row| row.at.date.ymd().0 == year)
                .map(|row| f64::from(u8::from(row.method == "APP"))),
        )
    };
    assert!(by_app(2026) > by_app(2023) + 0.02, "{} {}", by_app(2023), by_app(2026));

    // Cash relative to card payments, so that the growing number of customers does not matter.
    let count = |kind, year| of_kind(kind).filter(|(_, row)| row.at.date.ymd().0 == year).count() as f64;
    let cash = |year| count(TransactionType::Cash, year) / count(TransactionType::Card, year);
    let fall = cash(2025) / cash(2023);
    assert!((0.78..0.9).contains(&fall), "exp(-0.09 · 2) = 0.84, not {fall}");
}

#[test]
fn incomes_rise_with_prices() {
    // The same people at the same stage: the pensions of those who receive one in both years.
    let mut ratios = Vec::new();
    for record in RECORDS.iter() {
        let of_year = |year| {
            let rows = record.transactions.iter().filter(|row| row.kind == TransactionType::Pension);
            let amounts: Vec<f64> =
                rows.filter(|row| row.at.date.ymd().0 == year).map(|row| row.amount as f64).collect();
            (amounts.len() == 12).then(|| quantile(amounts, 0.5))
        };
        if let (Some(before), Some(after)) = (of_year(2023), of_year(2025)) {
            ratios.push(after / before);
        }
    }
    assert!(ratios.len() > 100);
    let rise = quantile(ratios, 0.5);
    assert!((rise - f64::exp(0.05)).abs() < 0.01, "{rise}");
}
