//! The forest against smartcore's, and against its promises.

use nextbest_core::matrix::Matrix;
use nextbest_core::train::{Dataset, ForestParams, MaxFeatures, fit_bins};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};

use super::{Sample, assert_distributions, grow, predict};

fn accuracy(probabilities: &[Vec<f32>], labels: &[usize]) -> f64 {
    let best = |row: &Vec<f32>| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
    let right = probabilities.iter().zip(labels).filter(|(row, label)| best(row) == **label).count();
    right as f64 / labels.len() as f64
}

/// Three classes that depend on the first four of eight features in ways that no straight line separates, and
/// on chance.
pub(super) fn crooked(count: usize, seed: u64) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sample = Sample { width: 8, classes: 3, rows: Vec::new(), labels: Vec::new() };
    for _ in 0..count {
        let row: Vec<f32> = (0..8).map(|_| rng.random_range(-1.0..1.0)).collect();
        let class = match (row[0] * row[1] > 0.0, row[2].abs() + row[3] > 0.5) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        sample.labels.push(if rng.random_range(0..10) == 0 { rng.random_range(0..3) } else { class });
        sample.rows.extend(row);
    }
    sample
}

#[test]
fn the_forest_is_as_good_as_smartcores() {
    let (train, test) = (crooked(1200, 1), crooked(1200, 2));
    let data = train.data();
    let params = ForestParams {
        n_estimators: 60,
        max_depth: 10,
        min_samples_split: 2,
        min_samples_leaf: 2,
        leaf_smoothing: 0.0,
        ..ForestParams::default()
    };
    let (model, _) = grow(&data, params);
    let ours = accuracy(&predict(&model, data.bins(), &test.rows), &test.labels);
    let params = RandomForestClassifierParameters::default()
        .with_n_trees(60)
        .with_max_depth(10)
        .with_min_samples_leaf(2)
        .with_m(2)
        .with_seed(1);
    let reference = RandomForestClassifier::fit(&train.matrix(), &train.target(), params).unwrap();
    let predicted = reference.predict(&test.matrix()).unwrap();
    let right =
        predicted.iter().zip(&test.labels).filter(|(class, label)| **class as usize == **label).count();
    let theirs = right as f64 / test.labels.len() as f64;
    // The standard error of the difference is about 0.015; the best possible is 0.93.
    assert!(ours > theirs - 0.03 && ours > 0.75, "{ours} against {theirs}");
}

#[test]
fn threads_change_no_bit() {
    let sample = crooked(500, 3);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let data = sample.data();
            let (_, grown) = grow(&data, ForestParams { n_estimators: 12, ..ForestParams::default() });
            let importance: Vec<u32> = grown.importance.iter().map(|value| value.to_bits()).collect();
            (data.bins().clone(), grown.forest, importance)
        })
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
    let other_seed =
        grow(&sample.data(), ForestParams { n_estimators: 12, random_state: 43, ..ForestParams::default() });
    assert_ne!(one.1, other_seed.1.forest, "the seed does change the forest");
}

#[test]
fn importance_finds_what_informs_and_sums_to_1() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut sample = Sample { width: 5, classes: 2, rows: Vec::new(), labels: Vec::new() };
    for _ in 0..1000 {
        let row: Vec<f32> = (0..5).map(|_| rng.random_range(0.0..1.0)).collect();
        sample.labels.push(usize::from(row[3] > 0.7));
        sample.rows.extend(row);
    }
    let (_, grown) = grow(&sample.data(), ForestParams { n_estimators: 20, ..ForestParams::default() });
    assert!((grown.importance.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert!(grown.importance[3] > 0.7, "{:?}", grown.importance);
}

#[test]
fn a_missing_value_goes_where_the_missing_ones_went() {
    // Half of the rows are missing; they behave like the high ones, like the low ones, or occur only in
    // prediction.
    let forest = |label_of_missing: Option<usize>, high_share: u32| {
        let mut sample = Sample { width: 1, classes: 2, rows: Vec::new(), labels: Vec::new() };
        for row in 0..400u32 {
            let high = row % 10 < high_share;
            match label_of_missing.filter(|_| row % 20 < 10) {
                Some(label) => {
                    sample.rows.push(f32::NAN);
                    sample.labels.push(label);
                }
                None => {
                    sample.rows.push(if high { 8.0 } else { 2.0 });
                    sample.labels.push(usize::from(high));
                }
            }
        }
        let data = sample.data();
        let (model, _) = grow(&data, ForestParams { n_estimators: 5, ..ForestParams::default() });
        let probability_of_1 = |value| predict(&model, data.bins(), &[value])[0][1];
        assert!(probability_of_1(9.0) > 0.9 && probability_of_1(1.0) < 0.1);
        probability_of_1(f32::NAN)
    };
    assert!(forest(Some(1), 5) > 0.9);
    assert!(forest(Some(0), 5) < 0.1);
    assert!(forest(None, 8) > 0.9, "the majority is high");
    assert!(forest(None, 2) < 0.1, "the majority is low");
}

#[test]
fn smoothing_calls_no_class_impossible() {
    let sample = Sample {
        width: 1,
        classes: 3,
        rows: (0..90).map(|row| (row / 30) as f32).collect(),
        labels: (0..90).map(|row| row / 30).collect(),
    };
    let data = sample.data();
    let of = |leaf_smoothing| {
        let (model, _) =
            grow(&data, ForestParams { leaf_smoothing, n_estimators: 10, ..ForestParams::default() });
        predict(&model, data.bins(), &[0.0, 1.0, 2.0])
    };
    let (plain, smoothed) = (of(0.0), of(1.0));
    assert_distributions(&smoothed);
    for class in 0..3 {
        assert_eq!(plain[class][class], 1.0);
        assert!(smoothed[class].iter().all(|probability| *probability > 0.005), "{smoothed:?}");
        assert!(smoothed[class][class] > 0.95);
    }
}

#[test]
fn a_row_of_weight_2_is_two_rows_and_one_of_weight_0_is_none() {
    let sample = crooked(400, 11);
    let weights: Vec<f32> = (0..400).map(|row| [0.0, 1.0, 2.0, 3.0][row % 4]).collect();
    let repeated = sample.repeated(&weights);
    let bins = fit_bins(Matrix::new(&sample.rows, 8).unwrap(), 255).unwrap();
    let data = |sample: &Sample| Dataset::new(&bins, &sample.rows, &sample.labels, 3).unwrap();
    // Without bootstrap samples, which would draw other rows.
    let params = || ForestParams { n_estimators: 5, bootstrap: false, ..ForestParams::default() };
    let (_, weighted) = grow(&data(&sample).with_weights(weights).unwrap(), params());
    let (_, repeated) = grow(&data(&repeated), params());
    assert_eq!(weighted.forest, repeated.forest, "to the last bit");
    assert_eq!(weighted.importance, repeated.importance);
}

#[test]
fn balanced_classes_weigh_the_same() {
    let mut sample = crooked(1000, 12);
    sample
        .labels
        .iter_mut()
        .enumerate()
        .for_each(|(row, label)| *label = usize::from(row % 10 == 0 && *label == 1));
    let plain = sample.data();
    let balanced = plain.clone().with_balanced_classes();
    let weights = balanced.class_weights();
    assert!((weights[0] - weights[1]).abs() < 1e-2 && weights[2] == 0.0, "{weights:?}");
    let of = |data: &Dataset| {
        let (model, _) = grow(data, ForestParams::default());
        predict(&model, data.bins(), &sample.rows).iter().map(|row| row[1]).sum::<f32>() / 1000.0
    };
    let share = plain.class_counts()[1] as f32 / 1000.0;
    assert!(
        (of(&plain) - share).abs() < 0.02 && of(&balanced) > 3.0 * share,
        "{} {}",
        of(&plain),
        of(&balanced)
    );
}

#[test]
fn weights_that_are_none_are_refused() {
    let data = crooked(20, 13).data();
    for weights in [vec![1.0; 19], vec![-1.0; 20], vec![f32::NAN; 20], vec![0.0; 20]] {
        assert!(data.clone().with_weights(weights).is_err());
    }
}

#[test]
fn extra_trees_draw_their_thresholds_and_still_learn() {
    let (train, test) = (crooked(1500, 14), crooked(1000, 15));
    let data = train.data();
    let params = ForestParams { min_samples_leaf: 2, max_depth: 14, ..ForestParams::default() };
    let (searched, _) = grow(&data, params.clone());
    let (drawn, grown) = grow(&data, ForestParams { extra_trees: true, bootstrap: false, ..params.clone() });
    let of = |model| accuracy(&predict(model, data.bins(), &test.rows), &test.labels);
    // Two features per split and one threshold each: weaker than searching, far better than 0.4.
    assert!(of(&drawn) > 0.7 && of(&searched) > of(&drawn), "{} {}", of(&drawn), of(&searched));
    let again =
        grow(&data, ForestParams { extra_trees: true, bootstrap: false, random_state: 43, ..params }).1;
    assert_ne!(again.forest, grown.forest, "another seed draws others");
}

#[test]
fn few_leaves_are_those_that_remove_most_impurity() {
    let sample = crooked(1500, 16);
    let data = sample.data();
    let params = ForestParams {
        n_estimators: 1,
        bootstrap: false,
        max_features: MaxFeatures::Share(1.0),
        ..ForestParams::default()
    };
    let nodes = |most: Option<usize>| {
        let (_, grown) = grow(&data, ForestParams { max_leaf_nodes: most, ..params.clone() });
        grown.forest.node_count()
    };
    for most in [2, 3, 7, 20] {
        assert_eq!(nodes(Some(most)), 2 * most - 1);
    }
    assert_eq!(nodes(Some(100_000)), nodes(None));
    // One feature in four determines the class: with two leaves, the split is on it.
    let rows: Vec<f32> = (0..400)
        .flat_map(|row| [(row * 7 % 11) as f32, f32::from(row % 4 == 0), 1.0, (row % 3) as f32])
        .collect();
    let labels = (0..400).map(|row| usize::from(row % 4 == 0)).collect();
    let data = Sample { width: 4, classes: 2, rows, labels }.data();
    let (_, grown) = grow(&data, ForestParams { max_leaf_nodes: Some(2), ..params });
    assert_eq!(grown.importance, [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn the_out_of_bag_estimate_is_that_of_unseen_rows() {
    let (train, test) = (crooked(1500, 17), crooked(1500, 18));
    let data = train.data();
    let params = ForestParams { min_samples_leaf: 3, ..ForestParams::default() }.check().unwrap();
    let grown = params.fit(&data, || ()).unwrap();
    let estimate = params.out_of_bag(&data, &grown.forest).unwrap();
    assert_eq!(estimate.rows, 1500.0, "with a hundred trees every row is left out by some");
    let model = nextbest_core::model::Model::Forest(grown.forest);
    let predicted = predict(&model, data.bins(), &test.rows);
    let loss = |rows: &[Vec<f32>], labels: &[usize]| {
        rows.iter().zip(labels).map(|(row, label)| -f64::from(row[*label]).ln()).sum::<f64>()
            / labels.len() as f64
    };
    let unseen = (loss(&predicted, &test.labels), accuracy(&predicted, &test.labels));
    let seen = loss(&predict(&model, data.bins(), &train.rows), &train.labels);
    // The standard error of either is about 0.012.
    assert!((estimate.log_loss - unseen.0).abs() < 0.05, "{estimate:?} {unseen:?}");
    assert!((estimate.accuracy - unseen.1).abs() < 0.04, "{estimate:?} {unseen:?}");
    assert!(estimate.log_loss > seen + 0.1, "{estimate:?} {seen}");
    let whole =
        ForestParams { bootstrap: false, n_estimators: 3, ..ForestParams::default() }.check().unwrap();
    let grown = whole.fit(&data, || ()).unwrap();
    assert_eq!(whole.out_of_bag(&data, &grown.forest), None, "no tree left a row out");
}

#[test]
fn leaves_become_bytes_only_where_unseen_rows_do_not_suffer() {
    let train = crooked(1500, 19);
    let params = ForestParams { min_samples_leaf: 3, ..ForestParams::default() }.check().unwrap();
    let data = train.data();
    let forest = params.fit(&data, || ()).unwrap().forest;
    let before = params.out_of_bag(&data, &forest).unwrap();
    let (small, after) = params.with_small_leaves(&data, forest.clone()).unwrap();
    assert_ne!(small, forest);
    assert!(after.unwrap().log_loss <= before.log_loss + 1e-4, "{after:?} {before:?}");

    // Class 1: certain in a corner, one row in 300 elsewhere.
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let rows: Vec<f32> = (0..6000).map(|_| rng.random_range(0.0..1.0)).collect();
    let label = |row: &f32| usize::from(*row > 0.98 || rng.random_range(0..300) == 0);
    let labels = rows.iter().map(label).collect();
    let data = Sample { width: 1, classes: 2, rows, labels }.data();
    let params = ForestParams { n_estimators: 10, min_samples_leaf: 100, ..ForestParams::default() };
    let params = params.check().unwrap();
    let forest = params.fit(&data, || ()).unwrap().forest;
    assert_eq!(params.with_small_leaves(&data, forest.clone()).unwrap().0, forest);
}
