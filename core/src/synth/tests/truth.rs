//! The true probabilities compared with what happened.

use super::*;

/// The customers whose truth is computed, and the futures drawn for each.
pub(super) const ASKED: u64 = 8_000;
const PATHS: u32 = 32;

pub(super) type Answer<'r> = (&'r CustomerRecord, Date, TrueProbabilities);

pub(super) static ANSWERS: LazyLock<Vec<Answer<'static>>> =
    LazyLock::new(|| answers(&bank(0..ASKED, 0.0), &RECORDS[..ASKED as usize]));

/// The truth about customers at half-yearly cut-offs, which are far enough apart to be nearly independent.
pub(super) fn answers<'r>(bank: &Bank, records: &'r [CustomerRecord]) -> Vec<Answer<'r>> {
    let cutoffs = ["2023-04-01", "2023-10-01", "2024-04-01", "2024-10-01", "2025-04-01", "2025-10-01"];
    let question = Question { cutoffs: cutoffs.map(date).to_vec(), days: 90, paths: PATHS };
    let about = |record: &'r CustomerRecord| {
        let answers = bank.true_probabilities(record.index, &question).unwrap();
        answers.into_iter().map(move |(cutoff, truth)| (record, cutoff, truth))
    };
    records.iter().flat_map(about).collect()
}

fn question(cutoff: Date, days: i32, paths: u32) -> Question {
    Question { cutoffs: vec![cutoff], days, paths }
}

#[test]
fn everyone_who_was_a_customer_has_a_truth_that_sums_to_one() {
    let expected: usize = RECORDS
        .iter()
        .take(ASKED as usize)
        .map(|record| {
            let asked = ["2023-04-01", "2023-10-01", "2024-04-01", "2024-10-01", "2025-04-01", "2025-10-01"];
            asked.iter().filter(|cutoff| record.established < date(cutoff)).count()
        })
        .sum();
    assert_eq!(ANSWERS.len(), expected);
    for (record, cutoff, truth) in ANSWERS.iter() {
        assert!((truth.none + truth.products.sum() - 1.0).abs() < 1e-9);
        assert_eq!(truth.products[Product::CurrentAccount], 0.0);
        if let Some(product) = next_product(record, *cutoff) {
            assert!(truth.products[product] > 0.0, "{} took {product:?}, which was impossible", record.index);
        }
    }
}

/// Pearson's χ² of events sorted by their true probability and cut into ten groups of equal expectation. If
/// the probabilities are true it has ten degrees of freedom, since nothing was fitted (Hosmer and Lemeshow,
/// 1980).
fn chi_squared(mut events: Vec<(f64, bool)>) -> f64 {
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let in_all: f64 = events.iter().map(|(probability, _)| probability).sum();
    let mut groups = [(0.0, 0.0, 0.0); 10];
    let mut so_far = 0.0;
    for (probability, happened) in events {
        let group = (so_far / in_all * 10.0) as usize;
        so_far += probability;
        let (expected, observed, variance) = &mut groups[group.min(9)];
        *expected += probability;
        *observed += f64::from(u8::from(happened));
        *variance += probability * (1.0 - probability);
    }
    groups
        .iter()
        .map(|(expected, observed, variance): &(f64, f64, f64)| (observed - expected).powi(2) / variance)
        .sum()
}

/// With ten degrees of freedom, exceeded once in 10 000 times.
pub(super) const CRITICAL: f64 = 35.6;

/// χ² for taking anything, and for taking each product.
pub(super) fn calibration(answers: &[Answer<'_>]) -> (f64, Vec<(Product, f64)>) {
    let of_product = |product| {
        let taken = |&(record, cutoff, truth): &Answer<'_>| {
            (truth.products[product], next_product(record, cutoff) == Some(product))
        };
        (product, chi_squared(answers.iter().map(taken).collect()))
    };
    let each = Product::ALL.into_iter().skip(1).map(of_product).collect();
    (chi_squared(answers.iter().map(any).collect()), each)
}

fn any(&(record, cutoff, truth): &Answer<'_>) -> (f64, bool) {
    (1.0 - truth.none, next_product(record, cutoff).is_some())
}

#[test]
fn what_happens_is_as_frequent_as_it_was_probable() {
    let (right, each) = calibration(&ANSWERS);
    assert!(right < CRITICAL, "{right}");
    for (product, right) in each {
        assert!(right < CRITICAL, "{product:?}: {right}");
    }
    // The test would detect probabilities that are a quarter too large, or someone else's.
    let inflated = |answer: &Answer<'_>| (1.25 * any(answer).0.min(0.79), any(answer).1);
    let wrong = chi_squared(ANSWERS.iter().map(inflated).collect());
    assert!(wrong > CRITICAL, "{wrong}");
    let others = ANSWERS.iter().cycle().skip(1_000);
    let wrong = chi_squared(ANSWERS.iter().zip(others).map(|(a, b)| (any(a).0, any(b).1)).collect());
    assert!(wrong > CRITICAL, "{wrong}");
}

/// No prediction has a lower expected log-loss than the truth, and the observed loss differs from it only by
/// chance.
#[test]
fn the_log_loss_is_what_the_truth_expects_of_itself() {
    let loss = |probability: f64| -probability.ln();
    let (mut realised, mut expected, mut variance) = (0.0, 0.0, 0.0);
    let mut frequencies = HashMap::<Option<&str>, f64>::new();
    for (record, cutoff, truth) in ANSWERS.iter() {
        let outcomes: Vec<f64> =
            [truth.none].into_iter().chain(truth.products.iter().map(|(_, p)| p)).collect();
        let moment =
            |power| outcomes.iter().filter(|p| **p > 0.0).map(|p| p * loss(*p).powi(power)).sum::<f64>();
        expected += moment(1);
        variance += moment(2) - moment(1).powi(2);
        let next = next_product(record, *cutoff);
        realised += loss(next.map_or(truth.none, |product| truth.products[product]));
        *frequencies.entry(next.map(|product| product.spec().id)).or_default() += 1.0;
    }
    let count = ANSWERS.len() as f64;
    // The entropy of the classes: the log-loss of predicting their frequencies.
    let prior: f64 = frequencies.values().map(|n| n * loss(n / count)).sum();
    let off = (realised - expected) / variance.sqrt();
    assert!(off.abs() < 4.0, "{off} standard errors off");
    assert!(realised < 0.65 * prior && realised > 0.3 * prior, "{realised} {prior}");
}

#[test]
fn cut_offs_are_answered_alone_as_together_and_in_order() {
    let bank = bank(0..300, 0.0);
    let dates = ["2025-10-01", "2024-02-29", "2024-02-11", "2025-10-01", "2012-05-05"].map(date);
    let mut answered = 0;
    for index in bank.customers() {
        let together = bank
            .true_probabilities(index, &Question { cutoffs: dates.to_vec(), days: 90, paths: 3 })
            .unwrap();
        assert!(together.is_sorted_by(|a, b| a.0 < b.0));
        for &(cutoff, truth) in &together {
            let alone = bank.true_probabilities(index, &question(cutoff, 90, 3)).unwrap();
            assert_eq!(alone, [(cutoff, truth)]);
            answered += 1;
        }
    }
    assert!(answered > 600, "{answered}");
}

#[test]
fn more_futures_say_the_same_more_exactly() {
    let bank = bank(0..400, 0.0);
    let cutoff = date("2025-10-01");
    let distance = |paths| {
        let of = |index, paths| bank.true_probabilities(index, &question(cutoff, 90, paths)).unwrap();
        mean(bank.customers().filter_map(|index| {
            let (few, many) = (of(index, paths), of(index, 2_000));
            Some((few.first()?.1.none - many.first()?.1.none).abs())
        }))
    };
    let (few, many) = (distance(4), distance(64));
    // Sixteen times as many futures are about four times as exact.
    assert!(many < few / 2.5 && many < 0.001, "{few} {many}");
}

#[test]
fn nothing_is_possible_within_the_gap_after_a_purchase() {
    let bank = bank(0..4_000, 0.0);
    let cutoff = date("2025-04-11");
    let fresh = cutoff.add_days(-20)..cutoff;
    let mut checked = 0;
    for record in RECORDS.iter().take(4_000).filter(|record| record.established < cutoff.add_days(-90)) {
        if record.accounts.iter().any(|account| fresh.contains(&account.origination)) {
            let none =
                |days| bank.true_probabilities(record.index, &question(cutoff, days, 1)).unwrap()[0].1.none;
            assert_eq!(none(MIN_GAP_DAYS - 20), 1.0);
            checked += u32::from(none(MIN_GAP_DAYS + 1) < 1.0);
        }
    }
    assert!(checked > 5);
}
