//! Models of odd shapes: trees without splits, a single class, columns that are always missing. However many
//! rows are scored at once, and whatever the buffers were used for before, each row gets the result defined
//! in docs/FORMAT.md, bit for bit.

use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::calibration::{Calibration, Curve};
use nextbest_core::model::forest::{BinSet, Forest, Link, Scratch, Tree, TreeNode};
use nextbest_core::score::Buffers;
use nextbest_core::train::{BoostParams, Dataset, ForestParams, LogisticParams};
use serde_json::Value;

use crate::format::scoring::{calibrate, score_forest, score_linear};
use crate::sample;

/// Around every size at which scoring changes its method.
const COUNTS: [usize; 11] = [1, 2, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025];
/// The number of different rows, which are repeated.
const ROWS: usize = 37;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    /// No tree has a split.
    Bare,
    /// One tree has a split.
    OneSplit,
    /// Every other tree has no split; the others are chains of the greatest depth.
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Splits {
    Thresholds,
    Sets,
    /// More different sets than a small node can name.
    ManySets,
    /// More columns than batches turn into bytes.
    VeryManySets,
}

/// The bins of a row: feature 0 has them all, feature 1 is missing everywhere, feature 2 is constant.
fn row(number: usize, features: usize) -> Vec<u8> {
    let number = number % ROWS;
    [(number * 255 / (ROWS - 1)) as u8, 0, 7].into_iter().take(features).collect()
}

/// The n-th split of a forest.
fn split(n: usize, features: usize, splits: Splits) -> TreeNode {
    let feature = (n % features) as u16;
    match splits {
        Splits::Thresholds => TreeNode::Split {
            feature,
            threshold: (n * 5 % 250 + 1) as u8,
            missing_right: n.is_multiple_of(3),
        },
        _ => {
            let different = if splits == Splits::Sets { n % 50 } else { n };
            let mut left = BinSet::default();
            (0..13).filter(|bit| different >> bit & 1 == 1).for_each(|bit| left.insert(bit * 19));
            left.insert(255);
            TreeNode::SetSplit { feature, left }
        }
    }
}

fn trees(shape: Shape, splits: Splits, features: usize, values: usize, count: usize) -> Vec<Tree> {
    let mut number = 0;
    let mut tree = |length: usize| {
        let mut nodes = Vec::new();
        for _ in 0..length {
            nodes.extend([split(number, features, splits), TreeNode::Leaf]);
            number += 1;
        }
        nodes.push(TreeNode::Leaf);
        let leaves = (0..(length + 1) * values).map(|leaf| ((leaf * 7 + number) % 11 + 1) as f32 / 100.0);
        Tree { nodes, leaves: leaves.collect() }
    };
    let length = |position: usize| match shape {
        Shape::Bare => 0,
        Shape::OneSplit => usize::from(position == 1),
        Shape::Mixed => position % 2 * 64,
    };
    (0..count).map(|position| tree(length(position))).collect()
}

fn bits(probabilities: &[f32]) -> Vec<u32> {
    probabilities.iter().map(|probability| probability.to_bits()).collect()
}

#[test]
fn many_rows_get_what_one_row_gets_by_definition() {
    // One set of buffers for all forests: no forest may affect the next.
    let mut scratch = Scratch::default();
    let mut tried = 0;
    for splits in [Splits::VeryManySets, Splits::ManySets, Splits::Sets, Splits::Thresholds] {
        for shape in [Shape::Mixed, Shape::OneSplit, Shape::Bare] {
            for (classes, features) in [(9, 3), (2, 3), (1, 3), (1, 1), (3, 1)] {
                for boosted in [false, true] {
                    for steps in [255, 65_535] {
                        let very_many = splits == Splits::VeryManySets && shape == Shape::Mixed;
                        if very_many && (classes != 2 || steps != 255) {
                            continue;
                        }
                        let values = if boosted { 1 } else { classes };
                        let link = if boosted { Link::Softmax(vec![0.25; classes]) } else { Link::Mean };
                        let count =
                            if very_many { 140 } else { 2 * classes.max(6).next_multiple_of(classes) };
                        let trees = trees(shape, splits, features, values, count);
                        let forest = Forest::with_leaf_steps(classes, link, &trees, steps).unwrap();
                        let what =
                            format!("{splits:?} {shape:?} {classes} classes, boosted {boosted}, {steps}");
                        compare(&forest, features, &mut scratch, &what);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert_eq!(tried, 4 * 3 * 5 * 4 - 18);
}

fn compare(forest: &Forest, features: usize, scratch: &mut Scratch, what: &str) {
    let (classes, stored) = (forest.class_count(), serde_json::to_value(forest).unwrap());
    let expected: Vec<Vec<u32>> =
        (0..ROWS).map(|number| bits(&score_forest(&stored, &row(number, features)))).collect();
    for count in COUNTS {
        let rows: Vec<Vec<u8>> = (0..count).map(|number| row(number, features)).collect();
        let bins: Vec<u8> =
            (0..features).flat_map(|feature| rows.iter().map(move |row| row[feature])).collect();
        let mut probabilities = vec![f32::NAN; count * classes];
        forest.predict_block(Matrix::new(&bins, count).unwrap(), scratch, &mut probabilities);
        for (number, probabilities) in probabilities.chunks(classes).enumerate() {
            assert_eq!(bits(probabilities), expected[number % ROWS], "{what}: row {number} of {count}");
        }
    }
    for (number, expected) in expected.iter().enumerate() {
        let mut probabilities = vec![f32::NAN; classes];
        forest.predict(&row(number, features), scratch, &mut probabilities);
        assert_eq!(&bits(&probabilities), expected, "{what}: row {number} alone");
    }
}

/// Rows whose first feature varies; the second is always missing, the others are constant.
fn values(count: usize, width: usize) -> Vec<f32> {
    let value = |row: usize, feature: usize| match feature {
        0 => (row % ROWS) as f32,
        1 => f32::NAN,
        _ => 1.0,
    };
    (0..count).flat_map(|row| (0..width).map(move |feature| value(row, feature))).collect()
}

/// All kinds of models, trained on data from which nothing can be learned: no feature varies, or all labels
/// are equal.
fn degenerate_models(width: usize, classes: usize) -> Vec<(&'static str, Model, Bins)> {
    let bins = |edges: Vec<f32>| {
        let mut all = vec![Vec::new(); width];
        all[0] = edges;
        Bins::new(all).unwrap()
    };
    let varied = bins((0..ROWS).map(|edge| edge as f32 + 0.5).collect());
    let constant = bins(Vec::new());
    let one_class = vec![1; 200];
    let all_classes: Vec<usize> = (0..200).map(|row| row * row % classes).collect();
    let mut models = Vec::new();
    for (bins, labels) in [(&varied, &one_class), (&constant, &all_classes), (&constant, &one_class)] {
        let data = Dataset::new(bins, &values(200, width), labels, classes).unwrap();
        let forest = ForestParams { n_estimators: 7, ..ForestParams::default() };
        let forest = forest.check().unwrap().fit(&data, || ()).unwrap().forest;
        let boost = BoostParams { n_estimators: 3, ..BoostParams::default() };
        let boost = boost.check().unwrap().fit(&data, None, || ()).unwrap().forest;
        models.push(("a forest", Model::Forest(forest), bins.clone()));
        models.push(("boosted trees", Model::Forest(boost), bins.clone()));
        // Training refuses a linear model of one class.
        if labels != &one_class {
            let linear = LogisticParams::default().fit(&data).unwrap().model;
            models.push(("a linear model", Model::Linear(linear), bins.clone()));
        }
    }
    models
}

#[test]
fn models_that_could_learn_nothing_score_as_their_definition_says() {
    let mut bundle = sample::label();
    let (width, classes) = (bundle.features.len(), bundle.schema.class_count());
    let curve = || Curve { inputs: vec![0.0, 0.5, 1.0], outputs: vec![0.1, 0.2, 0.9] };
    let calibrations = [
        Calibration::None,
        Calibration::Temperature { temperature: 1.5 },
        Calibration::Dirichlet { weights: vec![0.5; classes * classes], intercepts: vec![0.125; classes] },
        Calibration::Isotonic { curves: (0..classes).map(|_| curve()).collect() },
    ];
    let mut buffers = Buffers::default();
    bundle.profile = None;
    for (what, model, bins) in degenerate_models(width, classes) {
        (bundle.model, bundle.bins) = (model, bins);
        let stored = serde_json::to_value(&bundle.model).unwrap();
        for calibration in &calibrations {
            bundle.calibration = calibration.clone();
            bundle.check().unwrap();
            let calibration = serde_json::to_value(calibration).unwrap();
            let expected: Vec<Vec<u32>> = values(ROWS, width)
                .chunks(width)
                .map(|row| {
                    let mut bins = vec![0; width];
                    bundle.bins.bin_row(row, &mut bins);
                    bits(&by_definition(&stored, &calibration, &bins))
                })
                .collect();
            for count in COUNTS {
                buffers.rows = values(count, width);
                let probabilities = buffers.score(bundle.scorer(), count).unwrap();
                for (number, probabilities) in probabilities.chunks(classes).enumerate() {
                    assert_eq!(
                        bits(probabilities),
                        expected[number % ROWS],
                        "{what}: row {number} of {count}"
                    );
                }
            }
        }
    }
}

fn by_definition(model: &Value, calibration: &Value, bins: &[u8]) -> Vec<f32> {
    let mut scored = match model.get("Forest") {
        Some(forest) => score_forest(forest, bins),
        None => score_linear(&model["Linear"], bins),
    };
    calibrate(calibration, &mut scored);
    scored
}
