//! Boosted trees, and their promises.

use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::forest::Link;
use nextbest_core::train::{BoostParams, Boosted, Dataset, fit_bins};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::forest::crooked;
use super::{Sample, assert_distributions, predict};

fn boost(data: &Dataset, params: BoostParams) -> Boosted {
    params.check().unwrap().fit(data, None, || ()).unwrap()
}

fn log_loss(rows: &[Vec<f32>], labels: &[usize]) -> f64 {
    let losses = rows.iter().zip(labels).map(|(row, label)| -f64::from(row[*label]).ln());
    losses.sum::<f64>() / labels.len() as f64
}

fn small() -> BoostParams {
    BoostParams { n_estimators: 30, num_leaves: 8, ..BoostParams::default() }
}

#[test]
fn boosting_learns_what_no_straight_line_finds() {
    let (train, test) = (crooked(2000, 1), crooked(1000, 2));
    let data = train.data();
    let boosted = boost(&data, small());
    let losses: Vec<f64> = boosted.losses.iter().map(|loss| loss.training).collect();
    assert!(
        losses.is_sorted_by(|a, b| a > b),
        "every round makes the training rows more probable: {losses:?}"
    );
    let model = Model::Forest(boosted.forest);
    let predicted = predict(&model, data.bins(), &test.rows);
    assert_distributions(&predicted);
    let (loss, prior) = (log_loss(&predicted, &test.labels), 3f64.ln());
    // One row in fifteen has a random class of the other two: no model gets below 0.37.
    assert!(loss < 0.62 * prior, "{loss} against {prior}");
    assert!(boosted.importance[..4].iter().sum::<f32>() > 0.85, "{:?}", boosted.importance);
    assert!((boosted.importance.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    // The last loss is that of the model, up to the rounding of its leaves.
    let again = log_loss(&predict(&model, data.bins(), &train.rows), &train.labels);
    assert!((again - losses[losses.len() - 1]).abs() < 1e-4);
}

#[test]
fn threads_change_no_bit() {
    // Enough rows for histograms to be counted in parallel.
    let sample = crooked(20_000, 3);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let params = BoostParams { n_estimators: 3, subsample: 0.9, colsample_bytree: 0.7, ..small() };
            let boosted = boost(&sample.data(), params);
            (boosted.forest, boosted.importance, boosted.losses)
        })
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
}

#[test]
fn a_row_of_weight_2_is_two_rows_and_one_of_weight_0_is_none() {
    let sample = crooked(400, 4);
    let weights: Vec<f32> = (0..400).map(|row| [0.0, 1.0, 2.0, 3.0][row % 4]).collect();
    let repeated = sample.repeated(&weights);
    let bins = fit_bins(Matrix::new(&sample.rows, 8).unwrap(), 255).unwrap();
    let data = |sample: &Sample| Dataset::new(&bins, &sample.rows, &sample.labels, 3).unwrap();
    let weighted = boost(&data(&sample).with_weights(weights).unwrap(), small());
    let repeated = boost(&data(&repeated), small());
    // Derivatives are rounded at random, in steps of a few millionths here.
    for (one, other) in weighted.losses.iter().zip(&repeated.losses) {
        assert!((one.training - other.training).abs() < 1e-4, "{} {}", one.training, other.training);
    }
    let of = |boosted: Boosted| predict(&Model::Forest(boosted.forest), &bins, &sample.rows);
    for (one, other) in of(weighted).concat().iter().zip(of(repeated).concat()) {
        assert!((one - other).abs() < 2e-3, "{one} {other}");
    }
}

#[test]
fn it_stops_where_the_validation_rows_get_no_better() {
    let (train, validation) = (crooked(300, 5), crooked(300, 6));
    let data = train.data();
    let rows = Dataset::new(data.bins(), &validation.rows, &validation.labels, 3).unwrap();
    let params = BoostParams {
        n_estimators: 400,
        learning_rate: 0.3,
        early_stopping_rounds: 7,
        min_child_weight: 0.1,
        ..BoostParams::default()
    };
    let mut rounds = std::cell::Cell::new(0);
    let boosted = params.check().unwrap().fit(&data, Some(&rows), || rounds.set(rounds.get() + 1)).unwrap();
    let losses: Vec<f64> = boosted.losses.iter().map(|loss| loss.validation.unwrap()).collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses.len(), *rounds.get_mut());
    assert_eq!(losses[boosted.rounds - 1], best);
    assert_eq!(losses.len(), boosted.rounds + 7, "{} rounds of 400", losses.len());
    assert_eq!(boosted.forest.tree_count(), 3 * boosted.rounds);
    let predicted = predict(&Model::Forest(boosted.forest), data.bins(), &validation.rows);
    assert!((log_loss(&predicted, &validation.labels) - best).abs() < 1e-4);
    // Rows with other bins or classes are refused.
    let other = Dataset::new(data.bins(), &validation.rows, &validation.labels, 4).unwrap();
    let error = small().check().unwrap().fit(&data, Some(&other), || ()).unwrap_err().to_string();
    assert!(error.contains("other bins or classes"), "{error}");
}

#[test]
fn missing_values_go_where_the_missing_ones_went() {
    let probability = |label_of_missing: usize| {
        let value = |row: usize| if row.is_multiple_of(2) { f32::NAN } else { [2.0, 8.0][row / 2 % 2] };
        let label = |row: usize| if row.is_multiple_of(2) { label_of_missing } else { row / 2 % 2 };
        let sample = Sample {
            width: 1,
            classes: 2,
            rows: (0..400).map(value).collect(),
            labels: (0..400).map(label).collect(),
        };
        let data = sample.data();
        let model = Model::Forest(boost(&data, small()).forest);
        assert!(
            predict(&model, data.bins(), &[9.0])[0][1] > 0.9
                && predict(&model, data.bins(), &[1.0])[0][1] < 0.1
        );
        predict(&model, data.bins(), &[f32::NAN])[0][1]
    };
    assert!(probability(1) > 0.9);
    assert!(probability(0) < 0.1);
}

#[test]
fn categories_are_parted_by_what_they_do() {
    // Thirty words, of which every third means class 1: no few thresholds separate them.
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let words: Vec<usize> = (0..3000).map(|_| rng.random_range(0..30)).collect();
    let sample = Sample {
        width: 1,
        classes: 2,
        rows: words.iter().map(|word| *word as f32).collect(),
        labels: words.iter().map(|word| usize::from(word % 3 == 0)).collect(),
    };
    let params =
        || BoostParams { n_estimators: 20, num_leaves: 3, learning_rate: 0.5, ..BoostParams::default() };
    let data = sample.data();
    let as_numbers = boost(&data, params()).losses.pop().unwrap().training;
    let data = data.with_categories(&[true]);
    let boosted = boost(&data, params());
    let as_words = boosted.losses.last().unwrap().training;
    assert!(as_words < 0.01 && as_numbers > 10.0 * as_words, "{as_words} against {as_numbers}");
    let model = Model::Forest(boosted.forest);
    for (word, row) in
        predict(&model, data.bins(), &(0..30u8).map(f32::from).collect::<Vec<_>>()).iter().enumerate()
    {
        assert_eq!(row[1] > 0.5, word % 3 == 0, "{word}");
    }
}

#[test]
fn where_there_is_nothing_to_learn_it_gives_the_frequencies() {
    for column in [vec![7.0; 60], vec![f32::NAN; 60]] {
        let labels: Vec<usize> = (0..60).map(|row| usize::from(row % 4 == 0)).collect();
        let data = Sample { width: 1, classes: 3, rows: column, labels }.data();
        let boosted = boost(&data, small());
        assert_eq!(
            (boosted.rounds, boosted.losses.len()),
            (1, 1),
            "there is no second round without a split"
        );
        assert_eq!(boosted.importance, [0.0]);
        for row in predict(&Model::Forest(boosted.forest), data.bins(), &[f32::NAN, 7.0, -1.0]) {
            assert!((row[0] - 0.75).abs() < 1e-3 && (row[1] - 0.25).abs() < 1e-3, "{row:?}");
            assert!(
                row[2] > 0.0 && row[2] < 1e-4,
                "a class that never occurred has a chance, but hardly one"
            );
        }
    }
}

#[test]
fn one_class_is_all_but_certain_and_one_row_is_enough() {
    for count in [1, 30] {
        let rows = (0..count).map(|row| row as f32).collect();
        let data = Sample { width: 1, classes: 3, rows, labels: vec![2; count] }.data();
        let boosted = boost(&data, small());
        for row in predict(&Model::Forest(boosted.forest), data.bins(), &[0.0, f32::NAN]) {
            assert!(row[2] > 0.999, "{row:?}");
        }
    }
}

#[test]
fn the_link_starts_at_the_frequencies() {
    let sample = crooked(500, 9);
    let data = sample.data();
    let Link::Softmax(base) = boost(&data, small()).forest.link().clone() else {
        panic!("boosted trees add up")
    };
    for (score, count) in base.iter().zip(data.class_counts()) {
        assert!((score.exp() - count as f32 / 500.0).abs() < 1e-5);
    }
}

#[test]
fn parameters_out_of_range_are_named() {
    type Spoil = fn(&mut BoostParams);
    let cases: [(Spoil, &str); 11] = [
        (|p| p.n_estimators = 0, "n_estimators is 0, not 1 to 10000"),
        (|p| p.learning_rate = 0.0, "learning_rate is 0"),
        (|p| p.num_leaves = 1, "num_leaves is 1, not 2 to 4096"),
        (|p| p.max_depth = 0, "max_depth is 0"),
        (|p| p.min_child_weight = f64::NAN, "min_child_weight is NaN"),
        (|p| p.reg_alpha = -1.0, "reg_alpha is -1"),
        (|p| p.reg_lambda = f64::INFINITY, "reg_lambda is inf"),
        (|p| p.subsample = 0.0, "subsample is 0"),
        (|p| p.colsample_bytree = 1.5, "colsample_bytree is 1.5"),
        (|p| p.early_stopping_rounds = 0, "early_stopping_rounds is 0"),
        (|p| p.n_estimators = 3334, "with 3 classes at most 3333 are possible"),
    ];
    let data = crooked(20, 10).data();
    for (spoil, message) in cases {
        let mut params = BoostParams::default();
        spoil(&mut params);
        let error = params.check().and_then(|params| params.fit(&data, None, || ())).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
