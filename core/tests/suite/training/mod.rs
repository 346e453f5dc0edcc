//! Training, also on data from which nothing can be learned.

mod boost;
mod calibrate;
mod forest;
mod logistic;
mod shrink;

use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::forest::Scratch;
use nextbest_core::train::{Dataset, ForestParams, Grown, LogisticParams, MaxFeatures, fit_bins};
use proptest::collection::vec;
use proptest::prelude::*;

/// Rows of features with their classes.
struct Sample {
    width: usize,
    classes: usize,
    rows: Vec<f32>,
    labels: Vec<usize>,
}

impl Sample {
    fn data(&self) -> Dataset {
        let bins = fit_bins(Matrix::new(&self.rows, self.width).unwrap(), 255).unwrap();
        Dataset::new(&bins, &self.rows, &self.labels, self.classes).unwrap()
    }

    /// Each row repeated by its weight.
    fn repeated(&self, weights: &[f32]) -> Self {
        let mut repeated =
            Self { width: self.width, classes: self.classes, rows: Vec::new(), labels: Vec::new() };
        let rows = self.rows.chunks(self.width).zip(&self.labels).zip(weights);
        for ((row, label), weight) in rows {
            for _ in 0..*weight as usize {
                repeated.rows.extend_from_slice(row);
                repeated.labels.push(*label);
            }
        }
        repeated
    }

    fn matrix(&self) -> ndarray::Array2<f64> {
        let values = self.rows.iter().map(|value| f64::from(*value)).collect();
        ndarray::Array2::from_shape_vec((self.labels.len(), self.width), values).unwrap()
    }

    /// The classes, as a vector that smartcore reads.
    fn target(&self) -> Vec<u32> {
        self.labels.iter().map(|label| *label as u32).collect()
    }
}

/// A model's probabilities for rows.
fn predict(model: &Model, bins: &Bins, rows: &[f32]) -> Vec<Vec<f32>> {
    let width = bins.feature_count();
    let mut binned = vec![0; width];
    let mut scratch = Scratch::default();
    let row = |row: &[f32]| {
        bins.bin_row(row, &mut binned);
        let mut probabilities = vec![0.0; model.class_count()];
        model.predict(&binned, &mut scratch, &mut probabilities);
        probabilities
    };
    rows.chunks(width).map(row).collect()
}

fn assert_distributions(probabilities: &[Vec<f32>]) {
    for row in probabilities {
        assert!(row.iter().all(|probability| (0.0..=1.0).contains(probability)), "{row:?}");
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
    }
}

fn grow(data: &Dataset, params: ForestParams) -> (Model, Grown) {
    let grown = params.check().unwrap().fit(data, || ()).unwrap();
    (Model::Forest(grown.forest.clone()), grown)
}

/// As precise as smartcore, and with its penalty.
fn logistic_params() -> LogisticParams {
    LogisticParams { alpha: 1.0, max_iter: 1000, tolerance: 1e-7 }
}

fn fit_logistic(data: &Dataset) -> Model {
    Model::Linear(logistic_params().fit(data).unwrap().model)
}

#[test]
fn where_there_is_nothing_to_learn_the_forest_gives_the_frequencies() {
    let nothing = [vec![7.0; 60], vec![f32::NAN; 60]];
    for column in nothing {
        let labels: Vec<usize> = (0..60).map(|row| usize::from(row % 4 == 0)).collect();
        let sample = Sample { width: 1, classes: 3, rows: column, labels };
        let data = sample.data();
        let (model, grown) = grow(&data, ForestParams { n_estimators: 200, ..ForestParams::default() });
        assert_eq!(grown.importance, [0.0]);
        for row in predict(&model, data.bins(), &[f32::NAN, 7.0, -1.0]) {
            assert!((row[0] - 0.75).abs() < 0.02 && (row[1] - 0.25).abs() < 0.02 && row[2] == 0.0, "{row:?}");
        }
        // The column carries no information, so the logistic regression gives the frequencies too.
        let model = fit_logistic(&data);
        for row in predict(&model, data.bins(), &[f32::NAN, 7.0, -1.0]) {
            assert!((row[0] - 0.75).abs() < 1e-3 && (row[1] - 0.25).abs() < 1e-3, "{row:?}");
            assert!(
                row[2] > 0.0 && row[2] < 1e-4,
                "a class that never occurred has a chance, but hardly one"
            );
        }
    }
}

#[test]
fn one_class_is_certain_for_the_forest_and_too_few_for_the_logistic_regression() {
    for count in [1, 30] {
        let rows = (0..count).map(|row| row as f32).collect();
        let sample = Sample { width: 1, classes: 3, rows, labels: vec![2; count] };
        let data = sample.data();
        let (model, _) = grow(&data, ForestParams { n_estimators: 3, ..ForestParams::default() });
        assert_eq!(predict(&model, data.bins(), &[0.0, f32::NAN]), vec![vec![0.0, 0.0, 1.0]; 2]);
        let error = LogisticParams::default().fit(&data).unwrap_err().to_string();
        assert!(error.contains("at least two classes"), "{error}");
    }
}

#[test]
fn data_that_does_not_fit_is_refused() {
    let bins = fit_bins(Matrix::new(&[1.0, 2.0], 1).unwrap(), 255).unwrap();
    let none = Dataset::new(&bins, &[], &[], 2).unwrap_err();
    assert_eq!(none.to_string(), "there are no rows or no features to learn from");
    let no_features =
        Dataset::new(&fit_bins(Matrix::new(&[], 0).unwrap(), 255).unwrap(), &[], &[0], 2).unwrap_err();
    assert_eq!(no_features.to_string(), "there are no rows or no features to learn from");
    let ragged = Dataset::new(&bins, &[1.0, 2.0, 3.0], &[0, 1], 2).unwrap_err();
    assert_eq!(ragged.to_string(), "expected 2 feature values, got 3");
    let label = Dataset::new(&bins, &[1.0], &[2], 2).unwrap_err();
    assert_eq!(label.to_string(), "a label is not one of 2 classes");
    assert_eq!(
        fit_bins(Matrix::new(&[1.0], 1).unwrap(), 256).unwrap_err().to_string(),
        "max_bins is 256, not 2 to 255"
    );
}

#[test]
fn parameters_out_of_range_are_named() {
    type Spoil = fn(&mut ForestParams);
    let cases: [(Spoil, &str); 8] = [
        (|p| p.n_estimators = 0, "n_estimators is 0, not 1 to 10000"),
        (|p| p.n_estimators = 10_001, "n_estimators is 10001"),
        (|p| p.max_depth = 65, "max_depth is 65, not 1 to 64"),
        (|p| p.min_samples_split = 1, "min_samples_split is 1"),
        (|p| p.min_samples_leaf = 0, "min_samples_leaf is 0"),
        (|p| p.leaf_smoothing = f64::NAN, "leaf_smoothing is NaN"),
        (|p| p.max_features = MaxFeatures::Share(0.0), "max_features is 0"),
        (|p| p.max_features = MaxFeatures::Share(1.1), "max_features is 1.1"),
    ];
    for (spoil, message) in cases {
        let mut params = ForestParams::default();
        spoil(&mut params);
        let error = params.check().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let data = forest::crooked(20, 5).data();
    type SpoilLogistic = fn(&mut LogisticParams);
    let cases: [(SpoilLogistic, &str); 6] = [
        (|p| p.alpha = -1.0, "logistic_regression.alpha is -1, not 0 to"),
        (|p| p.alpha = f64::NAN, "alpha is"),
        (|p| p.alpha = f64::INFINITY, "alpha is"),
        (|p| p.max_iter = 0, "logistic_regression.max_iter is 0, not 1 to"),
        (|p| p.tolerance = 0.0, "logistic_regression.tolerance is 0, not"),
        (|p| p.tolerance = f64::NAN, "tolerance is"),
    ];
    for (spoil, message) in cases {
        let mut params = LogisticParams::default();
        spoil(&mut params);
        let error = params.fit(&data).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Values in which binning might go wrong.
fn values() -> impl Strategy<Value = f32> {
    let special = [
        f32::NAN,
        f32::NEG_INFINITY,
        f32::MIN,
        f32::MIN.next_up(),
        -1.0,
        -f32::MIN_POSITIVE,
        -0.0,
        0.0,
        f32::from_bits(1),
        1.0,
        1.0f32.next_up(),
        f32::MAX.next_down(),
        f32::MAX,
        f32::INFINITY,
    ];
    prop_oneof![2 => proptest::sample::select(special.to_vec()), 1 => any::<f32>(), 2 => (0..50u8).prop_map(f32::from)]
}

proptest! {
    #[test]
    fn bins_keep_order_and_tell_few_values_apart(values in vec(values(), 0..80), max_bins in 2..=255usize) {
        let bins = fit_bins(Matrix::new(&values, 1).unwrap(), max_bins).unwrap();
        prop_assert!(bins.count(0) <= max_bins + 1, "at most max_bins and the missing one");
        let mut known: Vec<f32> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        known.sort_unstable_by(f32::total_cmp);
        known.dedup();
        for pair in known.windows(2) {
            let (low, high) = (bins.bin(0, pair[0]), bins.bin(0, pair[1]));
            // No finite edge separates the lowest number from -∞.
            let separable = pair[1] != f32::MIN;
            prop_assert!(low < high || (low == high && (known.len() > max_bins || !separable)), "{pair:?}");
        }
        for value in values {
            prop_assert_eq!(bins.bin(0, value) == 0, value.is_nan());
        }
    }

    #[test]
    fn a_forest_of_anything_gives_distributions(
        rows in vec((vec(values(), 3..=3), 0..4usize), 1..40),
        min_samples_leaf in 1..5u32,
        leaf_smoothing in prop_oneof![Just(0.0), 0.0..5.0],
        asked in vec(values(), 30..=30),
    ) {
        let sample = Sample {
            width: 3,
            classes: 5,
            rows: rows.iter().flat_map(|(row, _)| row.clone()).collect(),
            labels: rows.iter().map(|(_, label)| *label).collect(),
        };
        let data = sample.data();
        let params = ForestParams { n_estimators: 4, min_samples_leaf, leaf_smoothing, ..ForestParams::default() };
        let (model, _) = grow(&data, params);
        assert_distributions(&predict(&model, data.bins(), &asked));
        assert_distributions(&predict(&model, data.bins(), &sample.rows));
    }
}
