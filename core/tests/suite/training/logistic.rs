//! The logistic regression against smartcore's.

use nextbest_core::train::Dataset;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use nextbest_core::train::LogisticParams;

use super::{Sample, assert_distributions, fit_logistic, logistic_params, predict};

/// Classes that follow, roughly by a logistic model, two features of five values each, some of which may be
/// missing.
fn straight(count: usize, classes: &[usize], intercept: f32, missing: bool) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut sample = Sample { width: 2, classes: 4, rows: Vec::new(), labels: Vec::new() };
    for _ in 0..count {
        let row = [rng.random_range(0..5u8), rng.random_range(0..5u8)];
        let scores: Vec<f32> = (0..classes.len())
            .map(|class| match class {
                0 => intercept,
                class => 0.6 * f32::from(row[class % 2]) - 0.3 * f32::from(row[(class + 1) % 2]),
            })
            .collect();
        sample.labels.push(classes[draw(&scores, &mut rng)]);
        sample.rows.extend(row.map(|value| if value == 4 && missing { f32::NAN } else { value.into() }));
    }
    sample
}

fn draw(scores: &[f32], rng: &mut impl Rng) -> usize {
    let total: f32 = scores.iter().map(|score| score.exp()).sum();
    let mut left = rng.random_range(0.0..total);
    for (class, score) in scores.iter().enumerate() {
        left -= score.exp();
        if left < 0.0 {
            return class;
        }
    }
    scores.len() - 1
}

/// The model's view of a row: the standardised ranks of numbers, a column for each bin of a category.
fn design(sample: &Sample, data: &Dataset, categories: &[bool]) -> ndarray::Array2<f64> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (feature, is_category) in categories.iter().enumerate() {
        let values = sample.rows.iter().skip(feature).step_by(sample.width);
        let bins: Vec<u8> = values.map(|value| data.bins().bin(feature, *value)).collect();
        if *is_category {
            let of_bin =
                |bin: usize| bins.iter().map(move |other| f64::from(u8::from(usize::from(*other) == bin)));
            columns.extend((0..data.bins().count(feature)).map(|bin| of_bin(bin).collect()));
            continue;
        }
        let known: Vec<f64> = bins.iter().filter(|bin| **bin > 0).map(|bin| f64::from(*bin)).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let variance = known.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>() / known.len() as f64;
        let standardised =
            |bin: &u8| if *bin == 0 { 0.0 } else { (f64::from(*bin) - mean) / variance.sqrt() };
        columns.push(bins.iter().map(standardised).collect());
    }
    ndarray::Array2::from_shape_fn((sample.labels.len(), columns.len()), |(row, column)| columns[column][row])
}

/// smartcore, without any code of ours.
fn reference_logistic(sample: &Sample, x: &ndarray::Array2<f64>) -> Vec<Vec<f64>> {
    let parameters = LogisticRegressionParameters::default().with_alpha(1.0);
    let fitted = LogisticRegression::fit(x, &sample.target(), parameters).unwrap();
    let known: Vec<usize> = fitted.classes().iter().map(|class| *class as usize).collect();
    let (weights, intercepts) = (fitted.coefficients(), fitted.intercept());
    x.rows()
        .into_iter()
        .map(|row| {
            let mut scores = vec![f64::NEG_INFINITY; sample.classes];
            for (position, class) in known.iter().enumerate() {
                // For two classes, smartcore describes the second against the first.
                let described = if known.len() > 2 { Some(position) } else { position.checked_sub(1) };
                scores[*class] = described.map_or(0.0, |position| {
                    let terms = row.iter().zip(weights.row(position)).map(|(value, weight)| value * weight);
                    terms.sum::<f64>() + intercepts[(position, 0)]
                });
            }
            let total: f64 = scores.iter().map(|score| score.exp()).sum();
            scores.iter().map(|score| score.exp() / total).collect()
        })
        .collect()
}

#[test]
fn the_logistic_regression_is_smartcores() {
    // All four classes; two of them; three with a gap. Numbers; a number and a category.
    for (classes, missing) in
        [(&[0, 1, 2, 3][..], false), (&[0, 2], true), (&[1, 3], false), (&[0, 2, 3], true)]
    {
        for categories in [[false, false], [false, true]] {
            let sample = straight(400, classes, 1.0, missing);
            let data = sample.data().with_categories(&categories);
            let model = fit_logistic(&data);
            let ours = predict(&model, data.bins(), &sample.rows);
            assert_distributions(&ours);
            let theirs = reference_logistic(&sample, &design(&sample, &data, &categories));
            for (ours, reference) in ours.iter().zip(theirs) {
                for (ours, reference) in ours.iter().zip(reference) {
                    // A class that does not occur has a small share in ours.
                    assert!(
                        (f64::from(*ours) - reference).abs() < 2e-4,
                        "{ours} against {reference} for {classes:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_category_is_no_number() {
    // Of five words, the second and the fourth mean yes: no straight line separates them from the others.
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let rows: Vec<f32> = (0..2000).map(|_| f32::from(rng.random_range(0..5u8))).collect();
    let says_yes = |word: &f32| if *word == 1.0 || *word == 3.0 { 0.9 } else { 0.1 };
    let labels = rows.iter().map(|word| usize::from(rng.random_bool(says_yes(word)))).collect();
    let sample = Sample { width: 1, classes: 2, rows, labels };
    let yes = |categories: &[bool]| {
        let data = sample.data().with_categories(categories);
        let rows = predict(&fit_logistic(&data), data.bins(), &[0.0, 1.0, 2.0, 3.0, 4.0]);
        rows.iter().map(|row| row[1]).collect::<Vec<f32>>()
    };
    for (word, probability) in yes(&[true]).iter().enumerate() {
        assert!((f64::from(*probability) - says_yes(&(word as f32))).abs() < 0.05, "{word}: {probability}");
    }
    assert!(yes(&[false]).iter().all(|probability| (0.2..0.7).contains(probability)));
}

#[test]
fn a_row_of_weight_2_is_two_rows() {
    let sample = straight(500, &[0, 1, 2, 3], 1.0, true);
    let heavy = |row: &usize| row.is_multiple_of(3);
    let weights = (0..500).map(|row| if heavy(&row) { 2.0 } else { 1.0 }).collect();
    let twice: Vec<usize> = (0..500).chain((0..500).filter(heavy)).collect();
    let repeated = Sample {
        rows: twice.iter().flat_map(|row| sample.rows[2 * row..2 * row + 2].to_vec()).collect(),
        labels: twice.iter().map(|row| sample.labels[*row]).collect(),
        ..sample
    };
    let sample = straight(500, &[0, 1, 2, 3], 1.0, true);
    let weighted = sample.data().with_weights(weights).unwrap();
    let (ours, expected) = (fit_logistic(&weighted), fit_logistic(&repeated.data()));
    let (ours, expected) =
        (predict(&ours, weighted.bins(), &sample.rows), predict(&expected, weighted.bins(), &sample.rows));
    for (ours, expected) in ours.iter().flatten().zip(expected.iter().flatten()) {
        assert!((ours - expected).abs() < 1e-5, "{ours} against {expected}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let data = straight(20_000, &[0, 1, 2, 3], 3.0, true).data().with_categories(&[true, false]);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| LogisticParams::default().fit(&data).unwrap().model)
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn what_did_not_converge_says_so() {
    let data = straight(1000, &[0, 1, 2, 3], 1.0, false).data();
    let converged = logistic_params().fit(&data).unwrap();
    assert!(converged.converged && converged.iterations > 2, "{} iterations", converged.iterations);
    let stopped = LogisticParams { max_iter: 2, ..logistic_params() }.fit(&data).unwrap();
    assert!(!stopped.converged && stopped.iterations == 2);
    assert_ne!(stopped.model, converged.model);
}

#[test]
fn importance_is_how_much_a_feature_moves_the_scores() {
    // The first column decides, the second is noise, the third constant; as numbers and as categories.
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..4000 {
        let value = rng.random_range(0..4u8);
        rows.extend([f32::from(value), f32::from(rng.random_range(0..4u8)), 7.0]);
        labels.push(usize::from(rng.random_range(0..4u8) < value));
    }
    let sample = Sample { width: 3, classes: 2, rows, labels };
    for categories in [[false; 3], [true; 3]] {
        let data = sample.data().with_categories(&categories);
        let importance = logistic_params().fit(&data).unwrap().importance;
        assert!((importance.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(importance[0] > 0.85 && importance[1] < 0.15 && importance[2] == 0.0, "{importance:?}");
    }
}
