//! Drifts of what customers take: by the promised amount, while the true probabilities stay true and the
//! signs unchanged.

use super::truth::{ANSWERS, ASKED, Answer, CRITICAL, answers, calibration};
use super::*;

/// The beginning of the drift, up to which customers are exactly as without it.
const FROM: &str = "2025-04-01";

/// Yearly hazards in the month of [`FROM`], up to a constant factor, of everyone who may take something.
fn hazards(drifts: &[Drift]) -> HashMap<u64, Vec<f64>> {
    let bank = drifted(0..4_000, drifts);
    let question = Question { cutoffs: vec![date(FROM)], days: 30, paths: 1 };
    let of = |index| {
        let (_, truth) = *bank.true_probabilities(index, &question).unwrap().first()?;
        let total = -truth.none.ln();
        let each = |(_, probability)| total * probability / (1.0 - truth.none);
        (total > 0.0).then(|| (index, truth.products.iter().map(each).collect()))
    };
    bank.customers().filter_map(of).collect()
}

#[test]
fn a_label_shift_multiplies_every_hazard() {
    let plain = hazards(&[]);
    for size in [1.0, -0.5] {
        let shifted = hazards(&[drift(DriftKind::LabelShift, size, Some(FROM))]);
        assert!(plain.len() > 3_000 && plain.len() == shifted.len());
        for (customer, before) in &plain {
            for (before, after) in before.iter().zip(&shifted[customer]) {
                assert!((after - (1.0 + size) * before).abs() < 1e-9, "{before} {after}");
            }
        }
    }
}

#[test]
fn a_label_shift_is_seen_in_who_takes_something() {
    let days = date(FROM)..date(FROM).add_days(30);
    let takers = |records: &[CustomerRecord]| {
        let takes = |record: &&CustomerRecord| {
            let mut opened = record.accounts.iter().filter(|account| days.contains(&account.origination));
            record.established < days.start && opened.next().is_some()
        };
        records.iter().filter(takes).count() as f64
    };
    let question = Question { cutoffs: vec![days.start], days: 30, paths: 1 };
    let plain = bank(0..CUSTOMERS, 0.0);
    let (mut expected, mut variance) = (0.0, 0.0);
    for index in plain.customers() {
        for (_, truth) in plain.true_probabilities(index, &question).unwrap() {
            // Twice the hazard: nothing is taken with the square of the probability.
            let none = truth.none.powi(2);
            expected += 1.0 - none;
            variance += none * (1.0 - none);
        }
    }
    let shifted = records(&drifted(0..CUSTOMERS, &[drift(DriftKind::LabelShift, 1.0, Some(FROM))]));
    let off = (takers(&shifted) - expected) / variance.sqrt();
    assert!(off.abs() < 4.0, "{off} standard errors off {expected}");
    let off = (takers(&RECORDS) - expected) / variance.sqrt();
    assert!(off < -4.0, "it would have shown without the drift: {off}");
}

#[test]
fn a_concept_shift_moves_the_share_of_the_pull_and_keeps_what_is_pulled_in_all() {
    let shifted = |size| hazards(&[drift(DriftKind::ConceptShift, size, Some(FROM))]);
    let (plain, part, whole) = (hazards(&[]), shifted(0.3), shifted(1.0));
    let mut differ = 0;
    for (customer, before) in &plain {
        let (part, whole) = (&part[customer], &whole[customer]);
        for ((before, part), whole) in before.iter().zip(part).zip(whole) {
            assert!((part - (0.7 * before + 0.3 * whole)).abs() < 1e-9, "{before} {part} {whole}");
            differ += usize::from((before - whole).abs() > 0.1 * before);
        }
    }
    assert!(differ > 300, "{differ}");
    let total = |hazards: &HashMap<u64, Vec<f64>>| hazards.values().flatten().sum::<f64>();
    let ratio = total(&whole) / total(&plain);
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
}

/// The true probabilities are those of the drifting bank, even if the drift begins within the period.
#[test]
fn the_truth_stays_true() {
    for kind in [DriftKind::LabelShift, DriftKind::ConceptShift] {
        // Hazards change on the first of a month: on 2024-06-01, within the 90 days of a cut-off.
        let bank = drifted(0..ASKED, &[drift(kind, 0.9, Some("2024-05-15"))]);
        let records = records(&bank);
        let (any, each) = calibration(&answers(&bank, &records));
        assert!(any < CRITICAL, "{kind}: {any}");
        for (product, right) in each {
            assert!(right < CRITICAL, "{kind}, {product:?}: {right}");
        }
        // The truth about the bank without the drift would be wrong here.
        let of_others =
            |&(plain, cutoff, truth): &Answer<'static>| (&records[plain.index as usize], cutoff, truth);
        let (any, each) = calibration(&ANSWERS.iter().map(of_others).collect::<Vec<_>>());
        let worst = each.into_iter().map(|(_, wrong)| wrong).fold(any, f64::max);
        assert!(worst > 2.0 * CRITICAL, "{kind}: {worst}");
        rules::check_openings(&bank, &records);
        rules::check_days(&records, &BankParams::default());
    }
}

#[test]
fn who_customers_are_and_what_came_before_the_day_stays() {
    let first_changed = date("2025-04-01");
    for kind in [DriftKind::LabelShift, DriftKind::ConceptShift] {
        let bank = drifted(0..2_000, &[drift(kind, 1.0, Some("2025-03-10"))]);
        let (mut before, mut after) = (0, 0);
        for (plain, other) in RECORDS.iter().zip(&records(&bank)) {
            let fixed = |record: &CustomerRecord| {
                let CustomerRecord { city, state, postal_code, birth, established, .. } = *record;
                (city, state, postal_code, birth, established, record.party_type, record.customer_type)
            };
            assert_eq!(fixed(plain), fixed(other));
            fn rows(record: &CustomerRecord, until: Date) -> impl Iterator<Item = &Transaction> {
                record.transactions.iter().filter(move |row| row.at.date < until)
            }
            assert!(rows(plain, first_changed).eq(rows(other, first_changed)));
            let opened = |record: &CustomerRecord| -> Vec<(Product, Date, Option<i64>)> {
                let accounts = record.accounts.iter().filter(|account| account.origination < first_changed);
                accounts.map(|account| (account.product, account.origination, account.principal)).collect()
            };
            assert_eq!(opened(plain), opened(other));
            before += rows(plain, first_changed).count();
            after += usize::from(plain.transactions != other.transactions);
        }
        assert!(before > 100_000 && after > 20, "{kind}: {before} {after}");
    }
}

/// The frequency of a kind of transaction in the 90 days before a product was taken, relative to all
/// customers.
fn ratio(records: &[CustomerRecord], product: Product, sign: TransactionType) -> f64 {
    let (mut buyers, mut all) = (Vec::new(), Vec::new());
    let cutoffs = cutoffs("2024-01-01");
    for record in records {
        let rows = record.transactions.iter().filter(|row| row.kind == sign);
        let signs: Vec<Date> = rows.map(|row| row.at.date).collect();
        for &cutoff in cutoffs.iter().filter(|cutoff| record.established < cutoff.add_days(-90)) {
            let days = cutoff.add_days(-90)..cutoff;
            let count = signs.iter().filter(|day| days.contains(day)).count() as f64;
            all.push(count);
            if next_product(record, cutoff) == Some(product) {
                buyers.push(count);
            }
        }
    }
    mean(buyers) / mean(all)
}

#[test]
fn with_another_concept_the_same_signs_precede_other_products() {
    let shifted = records(&drifted(0..CUSTOMERS, &[drift(DriftKind::ConceptShift, 1.0, None)]));
    for (sign, product, other) in [
        (TransactionType::Vehicle, Product::AutoLoan, Product::HomeLoan),
        (TransactionType::Health, Product::LifeInsurance, Product::CreditCard),
        (TransactionType::Travel, Product::CreditCard, Product::StudentLoan),
    ] {
        let (before, after) = (ratio(&RECORDS, product, sign), ratio(&shifted, other, sign));
        let (gone, none_yet) = (ratio(&shifted, product, sign), ratio(&RECORDS, other, sign));
        assert!(before > 1.3 * gone, "{sign:?} no longer precede {product:?}: {before} {gone}");
        assert!(after > 1.3 * none_yet && after > 1.3, "{sign:?} precede {other:?}: {none_yet} {after}");
    }
    // About as many openings as before, and as many signs. A few needs are felt by people too young for what
    // they want now.
    let openings = |records: &[CustomerRecord]| {
        let opened = |record: &CustomerRecord| {
            let start = BankParams::default().start;
            record.accounts.iter().skip(1).filter(|account| account.origination >= start).count() as f64
        };
        mean(records.iter().map(opened))
    };
    let change = openings(&shifted) / openings(&RECORDS);
    assert!((0.9..1.1).contains(&change), "{change}");
    let count = |records: &[CustomerRecord], kind: TransactionType| {
        let rows = records.iter().flat_map(|record| &record.transactions);
        rows.filter(|row| row.kind == kind).count() as f64
    };
    for kind in [
        TransactionType::Vehicle,
        TransactionType::Health,
        TransactionType::Travel,
        TransactionType::Education,
    ] {
        let change = count(&shifted, kind) / count(&RECORDS, kind);
        assert!((0.95..1.05).contains(&change), "{kind:?}: {change}");
    }
}
