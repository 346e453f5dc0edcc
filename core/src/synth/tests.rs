//! What the bank as a whole promises.

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

fn date(text: &str) -> Date {
    let part = |range| text.get(range).and_then(|part: &str| part.parse::<u32>().ok()).unwrap();
    Date::from_ymd(part(0..4) as i32, part(5..7), part(8..10)).unwrap()
}

/// First days of the quarters whose 90 days the default range holds, from `from` on.
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

#[test]
fn a_customer_is_the_same_whatever_the_range_and_the_order() {
    for dirty_rate in [0.0, 0.1] {
        let whole = bank(0..60, dirty_rate);
        let part = bank(20..40, dirty_rate);
        let in_whole = text(&whole, 20..40);
        assert_eq!(in_whole, text(&part, 20..40));
        let _elsewhere = part.customer(39).unwrap();
        assert_eq!(whole.customer(20).unwrap(), part.customer(20).unwrap());
    }
    let other = Bank::new(BankParams { seed: 43, customers: 20..40, ..BankParams::default() }).unwrap();
    assert_ne!(other.customer(20).unwrap(), bank(20..40, 0.0).customer(20).unwrap());
}

#[test]
fn a_customer_outside_the_range_is_an_error() {
    let error = bank(20..40, 0.0).customer(40).unwrap_err();
    assert_eq!(error, SynthError::NoSuchCustomer { index: 40, customers: 20..40 });
    assert_eq!(error.to_string(), "customer 40: the bank has the customers 20..40");
}

#[test]
fn one_to_four_percent_buy_in_every_quarter() {
    let cutoffs = cutoffs("2023-01-01");
    assert_eq!(cutoffs.last().map(ToString::to_string).as_deref(), Some("2026-04-01"));
    let mut bought = HashSet::new();
    for cutoff in cutoffs {
        let population: Vec<_> = RECORDS.iter().filter(|record| record.established < cutoff).collect();
        let buyers: Vec<_> = population.iter().filter_map(|record| next_product(record, cutoff)).collect();
        let rate = buyers.len() as f64 / population.len() as f64;
        assert!((0.01..=0.04).contains(&rate), "{cutoff}: {rate}");
        assert!(population.len() as u64 > CUSTOMERS / 2, "{cutoff}: a bank with a past");
        bought.extend(buyers.into_iter().map(|product| product.spec().id));
    }
    assert_eq!(bought.len(), Product::COUNT - 1, "every product but the current account is sold: {bought:?}");
}

#[test]
fn the_rules_of_opening_hold() {
    for record in RECORDS.iter() {
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
        for (account, birth) in record.accounts.iter().zip(core::iter::repeat(record.birth)) {
            let age = birth.map_or(99, |birth| account.origination.years_since(birth));
            assert!(
                age >= i32::from(account.product.spec().min_age),
                "{}: {account:?} at {age}",
                record.index
            );
        }
    }
    let repeats = |product| {
        let times = |record: &CustomerRecord| record.accounts.iter().filter(|a| a.product == product).count();
        RECORDS.iter().filter(|record| times(record) > 1).count()
    };
    assert!(repeats(Product::PersonalLoan) > 0, "a repeatable product is taken again");
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

fn check_days(records: &[CustomerRecord], params: &BankParams) {
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
    let mut checked = 0;
    for record in RECORDS.iter().take(500) {
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
    assert!(checked > 50_000);
}

#[test]
fn activity_is_of_the_size_of_a_bank() {
    let months: f64 = RECORDS
        .iter()
        .map(|record| {
            let BankParams { start, end, .. } = BankParams::default();
            f64::from(end.days() - record.established.max(start).days()) / 30.44
        })
        .sum();
    let a_month =
        |rows: fn(&CustomerRecord) -> usize| RECORDS.iter().map(rows).sum::<usize>() as f64 / months;
    let transactions = a_month(|record| record.transactions.len());
    assert!((5.0..7.0).contains(&transactions), "{transactions}");
    let communications = a_month(|record| record.communications.len());
    assert!((0.2..0.8).contains(&communications), "{communications}");
}

#[test]
fn amounts_have_heavy_tails() {
    let top_share = |mut amounts: Vec<i64>| {
        amounts.sort_unstable_by_key(|&amount| core::cmp::Reverse(amount));
        let top: i64 = amounts.iter().take(amounts.len() / 100).sum();
        top as f64 / amounts.iter().sum::<i64>() as f64
    };
    let transactions = |kind| {
        let rows = RECORDS.iter().flat_map(|record| &record.transactions);
        rows.filter(|row| row.kind == kind).map(|row| row.amount.abs()).collect::<Vec<_>>()
    };
    // An exponential distribution has 5.6 % in its top hundredth.
    let card = top_share(transactions(TransactionType::Card));
    assert!((0.06..0.2).contains(&card), "{card}");
    let incoming = top_share(transactions(TransactionType::TransferIn));
    assert!(incoming > 0.15, "{incoming}");
    let deposits = RECORDS.iter().flat_map(|record| &record.accounts);
    let deposits = deposits.filter(|account| account.product == Product::TermDeposit);
    let deposits = top_share(deposits.filter_map(|account| account.principal).collect());
    assert!(deposits > 0.1, "{deposits}");
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

#[test]
fn keys_are_unique_and_lead_somewhere() {
    let tables = text(&bank(0..1_500, 0.0), 0..1_500);
    let column = |table: Table, name: &str| -> Vec<&str> {
        let at = table.column_names().position(|column| column == name).unwrap();
        tables[&table].lines().map(|line| line.split(',').nth(at).unwrap()).collect()
    };
    let mut keys: HashMap<&str, HashSet<&str>> = HashMap::new();
    for table in TABLES {
        let names: Vec<_> = table.column_names().collect();
        assert!(tables[&table].lines().count() > 0, "{table:?} is empty");
        assert!(tables[&table].lines().all(|line| line.split(',').count() == names.len()), "{table:?}");
        for &Column { name, .. } in table.columns().iter().filter(|column| column.role == table::Role::Key) {
            let values = column(table, name);
            let unique: HashSet<_> = values.iter().copied().collect();
            assert_eq!(unique.len(), values.len(), "{name}");
            assert!(!unique.contains(""));
            keys.insert(name, unique);
        }
    }
    let may_be_missing = ["CHANNELID", "CUSTOMERACCOUNTID"];
    for table in TABLES {
        for &Column { name, .. } in
            table.columns().iter().filter(|column| column.role == table::Role::Reference)
        {
            let target = &keys[if name == "PRIMARYADDRESSID" { "ADDRESSID" } else { name }];
            for value in column(table, name) {
                let missing =
                    value.is_empty() && may_be_missing.contains(&name) && table != Table::Transaction;
                assert!(missing || target.contains(value), "{table:?} {name} {value}");
            }
        }
    }
    assert!(keys["CUSTOMERID"].is_disjoint(&keys["PARTYID"]));
}

#[test]
fn dirt_damages_the_requested_share_of_rows_and_no_other() {
    let clean = text(&bank(0..200, 0.0), 0..200);
    let dirty = text(&bank(0..200, 0.02), 0..200);
    let (mut rows, mut damaged) = (0, 0);
    for table in TABLES {
        let intact: HashSet<&str> = clean[&table].lines().collect();
        let mut seen = HashSet::new();
        rows += clean[&table].lines().count();
        damaged += dirty[&table].lines().filter(|line| !intact.contains(line) || !seen.insert(*line)).count();
    }
    let share = damaged as f64 / rows as f64;
    assert!((0.016..0.024).contains(&share), "{share}");
    assert_eq!(clean[&Table::BankingProduct], dirty[&Table::BankingProduct]);
}

#[test]
fn digital_channels_grow() {
    let by_app = |year| {
        let rows = RECORDS.iter().flat_map(|record| &record.communications);
        let of_year: Vec<_> = rows.filter(|row| row.at.date.ymd().0 == year).collect();
        of_year.iter().filter(|row| row.method == "APP").count() as f64 / of_year.len() as f64
    };
    assert!(by_app(2026) > by_app(2023) + 0.02, "{} {}", by_app(2023), by_app(2026));
}

#[test]
fn the_true_probabilities_are_what_happens() {
    let bank = bank(0..4_000, 0.0);
    let cutoff = date("2025-04-11");
    let (mut expected, mut happened, mut of_buyers, mut people) = (0.0, 0.0, 0.0, 0.0);
    let question = Question { cutoffs: vec![cutoff], days: 90, paths: 4 };
    for index in bank.customers() {
        let answers = bank.true_probabilities(index, &question).unwrap();
        let Some((_, truth)) = answers.first() else {
            assert!(RECORDS[index as usize].established >= cutoff);
            continue;
        };
        assert!((truth.none + truth.products.sum() - 1.0).abs() < 1e-9);
        people += 1.0;
        expected += 1.0 - truth.none;
        if let Some(product) = next_product(&RECORDS[index as usize], cutoff) {
            happened += 1.0;
            of_buyers += truth.products[product];
            assert!(truth.products[product] > 0.0, "{index} took {product:?}, which was impossible");
        }
    }
    // A sum of independent events: four standard deviations.
    assert!((happened - expected).abs() < 4.0 * f64::sqrt(expected), "{happened} {expected}");
    let lift = (of_buyers / happened) / (expected / people / 9.0);
    assert!(lift > 10.0, "what was bought was likelier than the average product, {lift} times");
}

#[test]
fn nothing_is_possible_within_the_gap_after_a_purchase() {
    let bank = bank(0..4_000, 0.0);
    let cutoff = date("2025-04-11");
    let fresh = cutoff.add_days(-20)..cutoff;
    let mut checked = 0;
    for record in RECORDS.iter().take(4_000).filter(|record| record.established < cutoff.add_days(-90)) {
        if record.accounts.iter().any(|account| fresh.contains(&account.origination)) {
            let none = |days| {
                let question = Question { cutoffs: vec![cutoff], days, paths: 1 };
                bank.true_probabilities(record.index, &question).unwrap()[0].1.none
            };
            assert_eq!(none(MIN_GAP_DAYS - 20), 1.0);
            checked += u32::from(none(MIN_GAP_DAYS + 1) < 1.0);
        }
    }
    assert!(checked > 5);
}

/// A purchase must show beforehand, in rows that a model may read, but not give itself away.
#[test]
fn needs_show_before_the_purchase() {
    let enquiries = |record: &CustomerRecord, cutoff: Date| {
        let window = cutoff.add_days(-90)..cutoff;
        let rows = record.communications.iter().filter(|row| row.outcome == Some("ENQUIRY"));
        rows.filter(|row| window.contains(&row.at.date)).count() as f64
    };
    let transactions = |record: &CustomerRecord, cutoff: Date, kind| {
        let window = cutoff.add_days(-90)..cutoff;
        let rows = record.transactions.iter().filter(|row| row.kind == kind && window.contains(&row.at.date));
        rows.count() as f64
    };
    // Mean of a sign before the purchase of a product, and over everybody.
    let contrast = |product, sign: &dyn Fn(&CustomerRecord, Date) -> f64| {
        let (mut buyers, mut all) = (Vec::new(), Vec::new());
        for cutoff in cutoffs("2024-01-01") {
            let known = |record: &&CustomerRecord| record.established < cutoff.add_days(-90);
            for record in RECORDS.iter().take(8_000).filter(known) {
                let value = sign(record, cutoff);
                all.push(value);
                if next_product(record, cutoff) == Some(product) {
                    buyers.push(value);
                }
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        mean(&buyers) / mean(&all)
    };
    for (product, ratio) in [
        (Product::HomeLoan, contrast(Product::HomeLoan, &enquiries)),
        (
            Product::AutoLoan,
            contrast(Product::AutoLoan, &|r, c| transactions(r, c, TransactionType::Vehicle)),
        ),
        (
            Product::CreditCard,
            contrast(Product::CreditCard, &|r, c| transactions(r, c, TransactionType::Travel)),
        ),
        (
            Product::LifeInsurance,
            contrast(Product::LifeInsurance, &|r, c| transactions(r, c, TransactionType::Health)),
        ),
        (
            Product::PersonalLoan,
            contrast(Product::PersonalLoan, &|r, c| transactions(r, c, TransactionType::Fee)),
        ),
    ] {
        assert!((1.3..8.0).contains(&ratio), "{product:?}: {ratio}");
    }
}
