//! The logistic regression against smartcore's.

use nextbest_core::train::Dataset;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use super::{Sample, assert_distributions, fit_logistic, predict};

/// Classes that follow two features of five values each, some of them perhaps missing, more or less as a logistic model has it.
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

/// smartcore on standardised ranks, without anything of ours in between.
fn reference_logistic(sample: &Sample, data: &Dataset) -> Vec<Vec<f64>> {
    let count = sample.labels.len();
    let mut x = ndarray::Array2::<f64>::zeros((count, sample.width));
    for feature in 0..sample.width {
        let values = sample.rows.iter().skip(feature).step_by(sample.width);
        let ranks: Vec<Option<f64>> = values
            .map(|value| (!value.is_nan()).then(|| f64::from(data.bins().bin(feature, *value))))
            .collect();
        let known: Vec<f64> = ranks.iter().flatten().copied().collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let variance = known.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>() / known.len() as f64;
        for (row, rank) in ranks.iter().enumerate() {
            x[(row, feature)] = rank.map_or(0.0, |rank| (rank - mean) / variance.sqrt());
        }
    }
    let parameters = LogisticRegressionParameters::default().with_alpha(1.0);
    let fitted = LogisticRegression::fit(&x, &sample.target(), parameters).unwrap();
    let known: Vec<usize> = fitted.classes().iter().map(|class| *class as usize).collect();
    let (weights, intercepts) = (fitted.coefficients(), fitted.intercept());
    x.rows()
        .into_iter()
        .map(|row| {
            let mut scores = vec![f64::NEG_INFINITY; sample.classes];
            for (position, class) in known.iter().enumerate() {
                // Of two classes smartcore describes the second against the first.
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
fn without_thinning_the_logistic_regression_is_smartcores() {
    // All four classes; two of them; three with a gap.
    for (classes, missing) in
        [(&[0, 1, 2, 3][..], false), (&[0, 2], true), (&[1, 3], false), (&[0, 2, 3], true)]
    {
        let sample = straight(400, classes, 1.0, missing);
        let data = sample.data();
        let model = fit_logistic(&data, usize::MAX);
        let ours = predict(&model, data.bins(), &sample.rows);
        assert_distributions(&ours);
        for (ours, reference) in ours.iter().zip(reference_logistic(&sample, &data)) {
            for (ours, reference) in ours.iter().zip(reference) {
                // A class that does not occur has a small share of ours.
                assert!(
                    (f64::from(*ours) - reference).abs() < 2e-4,
                    "{ours} against {reference} for {classes:?}"
                );
            }
        }
    }
}

#[test]
fn thinning_is_corrected() {
    let sample = straight(20_000, &[0, 1, 2, 3], 5.0, false);
    let frequencies = sample.frequencies();
    assert!(frequencies[0] > 0.9, "there is a majority to thin out: {frequencies:?}");
    let data = sample.data();
    let (full, thinned) = (fit_logistic(&data, usize::MAX), fit_logistic(&data, 1000));
    assert_ne!(full, thinned);
    let (full, thinned) =
        (predict(&full, data.bins(), &sample.rows), predict(&thinned, data.bins(), &sample.rows));
    for (class, frequency) in frequencies.iter().enumerate() {
        let mean =
            |rows: &[Vec<f32>]| rows.iter().map(|row| f64::from(row[class])).sum::<f64>() / rows.len() as f64;
        assert!((mean(&full) / frequency - 1.0).abs() < 0.02, "class {class}: {}", mean(&full));
        // 1000 rows of the majority have a noise of about 4 %; uncorrected, it would be 15 times too much.
        assert!((mean(&thinned) / frequency - 1.0).abs() < 0.1, "class {class}: {}", mean(&thinned));
    }
}
