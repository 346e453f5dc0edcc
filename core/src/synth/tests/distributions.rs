//! Properties of the customers as a whole.

use super::*;

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
fn no_product_is_rare_among_those_taken_and_none_rules() {
    let taken: Vec<Product> = cutoffs("2023-01-01")
        .into_iter()
        .flat_map(|cutoff| {
            let known = RECORDS.iter().filter(move |record| record.established < cutoff);
            known.filter_map(move |record| next_product(record, cutoff))
        })
        .collect();
    for product in Product::ALL.into_iter().skip(1) {
        let share = taken.iter().filter(|&&other| other == product).count() as f64 / taken.len() as f64;
        assert!((0.03..0.2).contains(&share), "{product:?}: {share}");
    }
}

/// The Hill estimator (Hill, 1975) of a Pareto tail's exponent, from the largest values: the share `tail`.
fn hill(mut values: Vec<f64>, tail: f64) -> f64 {
    values.sort_by(|a, b| b.total_cmp(a));
    let count = (values.len() as f64 * tail) as usize;
    1.0 / mean(values[..count].iter().map(|value| (value / values[count]).ln()))
}

#[test]
fn amounts_placed_have_pareto_tails() {
    for (product, exponent) in [(Product::TermDeposit, 1.3), (Product::InvestmentFund, 1.2)] {
        let amounts: Vec<f64> =
            openings(product).filter_map(|(_, account)| Some(account.principal? as f64)).collect();
        let estimate = hill(amounts, 0.2);
        // Incomes, which scale them, have lighter tails; the estimator's standard error is exponent / √tail.
        assert!((estimate - exponent).abs() < 0.25, "{product:?}: {estimate}");
    }
    // A log-normal has no such exponent: the estimate rises the farther out one looks.
    let limits: Vec<f64> =
        openings(Product::CreditCard).filter_map(|(_, a)| Some(a.principal? as f64)).collect();
    assert!(hill(limits, 0.05) > 2.5);
}

#[test]
fn transactions_have_heavy_tails() {
    let spread = |kind| {
        let amounts: Vec<f64> = of_kind(kind).map(|(_, row)| row.amount.abs() as f64).collect();
        quantile(amounts.clone(), 0.99) / quantile(amounts, 0.5)
    };
    // ln 100 / ln 2 = 6.6 for an exponential distribution, 99/50 for a uniform one.
    for (kind, least) in [
        (TransactionType::Card, 9.0),
        (TransactionType::Travel, 6.6),
        (TransactionType::TransferOut, 15.0),
        (TransactionType::TransferIn, 30.0),
    ] {
        assert!(spread(kind) > least, "{kind:?}: {}", spread(kind));
    }
}
