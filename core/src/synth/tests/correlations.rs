//! Correlations.

use super::*;

/// The rank of each value; ties get their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (tied.len() - 1) as f64 / 2.0;
        tied.iter().for_each(|&at| ranks[at] = rank);
        start += tied.len();
    }
    ranks
}

/// Spearman's rank correlation.
fn spearman(pairs: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let (first, second): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    assert!(first.len() > 200, "{} pairs are too few", first.len());
    let (first, second) = (ranks(&first), ranks(&second));
    let middle = (first.len() - 1) as f64 / 2.0;
    let moment =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    moment(&first, &second) / (moment(&first, &first) * moment(&second, &second)).sqrt()
}

#[test]
fn spearman_agrees_with_the_definition() {
    let twist = |n: i32| f64::from(n * 7919 % 1009);
    assert!((spearman((0..500).map(|n| (f64::from(n), f64::from(n).exp2()))) - 1.0).abs() < 1e-12);
    assert!((spearman((0..500).map(|n| (f64::from(n), -f64::from(n)))) + 1.0).abs() < 1e-12);
    assert!(spearman((0..500).map(|n| (f64::from(n), twist(n)))).abs() < 0.1);
}

/// The median monthly salary of customers who are paid one at least six times.
fn salary(record: &CustomerRecord) -> Option<f64> {
    let rows = record.transactions.iter().filter(|row| row.kind == TransactionType::Salary);
    let amounts: Vec<f64> = rows.map(|row| row.amount as f64).collect();
    (amounts.len() >= 6).then(|| quantile(amounts, 0.5))
}

/// The mean debit in a customer's rows of a kind, if there are at least five.
fn spent(record: &CustomerRecord, kind: TransactionType) -> Option<f64> {
    let rows = record.transactions.iter().filter(|row| row.kind == kind);
    let amounts: Vec<f64> = rows.map(|row| -row.amount as f64).collect();
    (amounts.len() >= 5).then(|| mean(amounts))
}

#[test]
fn who_earns_more_spends_borrows_and_is_lent_more() {
    for (kind, least) in [
        (TransactionType::Rent, 0.9),
        (TransactionType::Card, 0.8),
        (TransactionType::Cash, 0.8),
        (TransactionType::StandingOrder, 0.85),
    ] {
        let pairs = RECORDS.iter().filter_map(|record| salary(record).zip(spent(record, kind)));
        let r = spearman(pairs);
        assert!(r > least, "{kind:?}: {r}");
    }
    for (product, least) in [
        (Product::HomeLoan, 0.6),
        (Product::CreditCard, 0.6),
        (Product::PersonalLoan, 0.45),
        (Product::LifeInsurance, 0.55),
    ] {
        let amount = |account: &AccountRow| Some(account.principal? as f64);
        let pairs = openings(product).filter_map(|(record, account)| salary(record).zip(amount(account)));
        let r = spearman(pairs);
        assert!(r > least, "{product:?}: {r}");
    }
}

#[test]
fn who_earns_more_saves_and_who_earns_less_is_short() {
    let earners: Vec<(f64, &CustomerRecord)> =
        RECORDS.iter().filter_map(|record| Some((salary(record)?, record))).collect();
    let (low, high) = {
        let salaries: Vec<f64> = earners.iter().map(|(salary, _)| *salary).collect();
        (quantile(salaries.clone(), 0.25), quantile(salaries, 0.75))
    };
    // How often the best paid quarter does something, divided by how often the worst paid does.
    let ratio = |does: &dyn Fn(&CustomerRecord) -> usize| {
        let of = |keep: &dyn Fn(f64) -> bool| {
            let kept = earners.iter().filter(|(salary, _)| keep(*salary));
            mean(kept.map(|(_, record)| does(record) as f64))
        };
        of(&|salary| salary >= high) / of(&|salary| salary <= low)
    };
    let taken = |products: &'static [Product]| {
        move |record: &CustomerRecord| {
            record.accounts.iter().filter(|a| products.contains(&a.product)).count()
        }
    };
    let placed = ratio(&taken(&[Product::TermDeposit, Product::InvestmentFund]));
    let short = ratio(&taken(&[Product::PersonalLoan]));
    let homes = ratio(&taken(&[Product::HomeLoan]));
    let premium = ratio(&|record| usize::from(record.customer_type == "PREMIUM"));
    assert!(placed > 1.8, "{placed}");
    assert!(homes > 1.8, "{homes}");
    assert!(short < 0.75, "{short}");
    assert!(premium > 5.0, "{premium}");
}

#[test]
fn places_differ_in_income() {
    let in_city = |city| mean(RECORDS.iter().filter(|record| record.city == Some(city)).filter_map(salary));
    let ratio = in_city("Minneapolis") / in_city("Detroit");
    assert!((1.12..1.4).contains(&ratio), "1.12 over 0.90, not {ratio}");
}

#[test]
fn every_age_has_its_products() {
    let age = |product| {
        let ages = openings(product)
            .filter_map(|(record, account)| Some(account.origination.years_since(record.birth?)));
        quantile(ages.map(f64::from).collect(), 0.5)
    };
    let ages =
        [Product::StudentLoan, Product::CreditCard, Product::LifeInsurance, Product::TermDeposit].map(age);
    assert!(ages.is_sorted(), "{ages:?}");
    assert!(ages[0] < 25.0 && ages[3] > ages[0] + 20.0, "{ages:?}");
}

#[test]
fn the_young_and_the_late_are_digital() {
    let pairs = RECORDS.iter().filter_map(|record| {
        let inbound: Vec<_> = record.communications.iter().filter(|row| row.inbound).collect();
        let digital = inbound.iter().filter(|row| ["APP", "EMAIL"].contains(&row.method)).count();
        let birth = record.birth.filter(|_| inbound.len() >= 3)?;
        Some((f64::from(birth.days()), digital as f64 / inbound.len() as f64))
    });
    let r = spearman(pairs);
    assert!(r > 0.35, "{r}");
}
