//! Permutation importance against its expectation: the mean loss over all rows, each with the values of all
//! rows.

use nextbest_core::Bundle;
use nextbest_core::metrics::permutation::permutation_importance;
use nextbest_core::metrics::row_log_loss;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::sample;

const ROWS: usize = 150;

/// Rows in which each feature is one of the values around the bins' edges or missing, with random labels.
fn rows(bundle: &Bundle) -> (Vec<f32>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut values = Vec::new();
    for _ in 0..ROWS {
        for feature in 0..bundle.bins.feature_count() {
            let edges = bundle.bins.edges(feature);
            let missing = edges.is_empty() || rng.random_range(0..10) == 0;
            values.push(if missing { f32::NAN } else { edges[rng.random_range(0..edges.len())] });
        }
    }
    let classes = bundle.schema.class_count();
    (values, (0..ROWS).map(|_| rng.random_range(0..classes)).collect())
}

/// The increase of the loss, averaged over all permutations: a row gets each row's value equally often.
fn expected(bundle: &Bundle, values: &[f32], labels: &[usize], feature: usize) -> f64 {
    let width = bundle.bins.feature_count();
    let mut scorer = bundle.scorer();
    let mut loss = |row: &[f32], label: usize| row_log_loss(scorer.score(row).unwrap(), label);
    let mut increase = 0.0;
    for (row, label) in values.chunks(width).zip(labels) {
        let before = loss(row, *label);
        for other in values.chunks(width) {
            let mut changed = row.to_vec();
            changed[feature] = other[feature];
            increase += loss(&changed, *label) - before;
        }
    }
    increase / (labels.len() * labels.len()) as f64
}

#[test]
fn many_permutations_come_to_what_is_expected() {
    const SEEDS: u64 = 60;
    for bundle in sample::all() {
        let (values, labels) = rows(&bundle);
        let found: Vec<Vec<f64>> = (0..SEEDS)
            .map(|seed| permutation_importance(&bundle, &values, &labels, |_| true, ROWS, seed).unwrap())
            .collect();
        let mut some = false;
        for feature in 0..bundle.bins.feature_count() {
            let mean = found.iter().map(|it| it[feature]).sum::<f64>() / SEEDS as f64;
            let variance = found.iter().map(|it| (it[feature] - mean).powi(2)).sum::<f64>() / SEEDS as f64;
            let error = (variance / SEEDS as f64).sqrt();
            let expected = expected(&bundle, &values, &labels, feature);
            assert!(
                (mean - expected).abs() <= 4.5 * error + 1e-12,
                "{feature}: {mean} ± {error}, {expected}"
            );
            some |= error > 0.0;
        }
        assert!(some, "no feature of the model matters");
    }
}

/// Each row of the first class is repeated four times, and three of the four are left out: the expectation
/// stays the same.
#[test]
fn a_sample_expects_what_all_rows_do() {
    const SEEDS: u64 = 200;
    let bundle = sample::forest();
    let width = bundle.bins.feature_count();
    let (few, _) = rows(&bundle);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for (place, row) in few.chunks(width).take(40).enumerate() {
        let (label, times) = if place % 2 == 0 { (0, 4) } else { (1, 1) };
        for _ in 0..times {
            values.extend_from_slice(row);
            labels.push(label);
        }
    }
    let found: Vec<Vec<f64>> = (0..SEEDS)
        .map(|seed| permutation_importance(&bundle, &values, &labels, |_| true, 40, seed).unwrap())
        .collect();
    for feature in 0..width {
        let mean = found.iter().map(|it| it[feature]).sum::<f64>() / SEEDS as f64;
        let variance = found.iter().map(|it| (it[feature] - mean).powi(2)).sum::<f64>() / SEEDS as f64;
        let error = (variance / SEEDS as f64).sqrt();
        let expected = expected(&bundle, &values, &labels, feature);
        assert!((mean - expected).abs() <= 4.5 * error + 1e-12, "{feature}: {mean} ± {error}, {expected}");
    }
}

#[test]
fn only_what_matters_is_measured_and_threads_change_nothing() {
    let bundle = sample::forest();
    let (values, labels) = rows(&bundle);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            permutation_importance(&bundle, &values, &labels, |feature| feature != 0, ROWS, 1).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(3));
    assert_eq!(one[0], 0.0);
    assert!(one.iter().any(|increase| *increase != 0.0));
}
