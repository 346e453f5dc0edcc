use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;

use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::bins::{Bins, MISSING_BIN};
use crate::model::forest::TreeNode;

const CLASSES: usize = 3;

/// Rows as the grower sees them: bins, class, number of times drawn.
type Rows = Vec<(Vec<u8>, usize, u32)>;

fn side(rows: &Rows, feature: usize, threshold: u8, missing_right: bool, right: bool) -> Rows {
    let goes_right = |bin: u8| if bin == MISSING_BIN { missing_right } else { bin > threshold };
    rows.iter().filter(|(bins, ..)| goes_right(bins[feature]) == right).cloned().collect()
}

fn drawn(rows: &Rows) -> u32 {
    rows.iter().map(|(.., draws)| draws).sum()
}

fn shares(rows: &Rows) -> Vec<f64> {
    let of_class = |class| rows.iter().filter(|row| row.1 == class).map(|row| row.2).sum::<u32>();
    (0..CLASSES).map(|class| f64::from(of_class(class)) / f64::from(drawn(rows))).collect()
}

/// The Gini impurity, times the number of rows.
fn impurity(rows: &Rows) -> f64 {
    let squares: f64 = shares(rows).iter().map(|share| share * share).sum();
    if rows.is_empty() { 0.0 } else { f64::from(drawn(rows)) * (1.0 - squares) }
}

/// The least impurity that any split leaves; `impurity(rows)` if none is allowed.
fn least_impurity(rows: &Rows, least: u32) -> f64 {
    let mut best = impurity(rows);
    for feature in 0..rows[0].0.len() {
        for threshold in 0..=u8::MAX {
            for missing_right in [false, true] {
                let [left, right] =
                    [false, true].map(|right| side(rows, feature, threshold, missing_right, right));
                if drawn(&left) >= least && drawn(&right) >= least {
                    best = best.min(impurity(&left) + impurity(&right));
                }
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With every feature tried at every split, brute force finds no better split anywhere in the tree.
    #[test]
    fn every_split_is_the_best_there_is(
        values in vec((vec(0..4u8, 2..=2), 0..CLASSES), 2..14),
        min_samples_leaf in 1..4u32,
        min_samples_split in 2..6u32,
        max_depth in 1..4u32,
        leaf_smoothing in 0.0..3.0,
        seed in any::<u64>(),
    ) {
        let bins = Bins::new(vec![vec![1.5, 2.5]; 2]).unwrap();
        // 0 is missing, 1 to 3 are bins.
        let value = |bin: &u8| if *bin == 0 { f32::NAN } else { f32::from(*bin) };
        let rows: Vec<f32> = values.iter().flat_map(|(bins, _)| bins.iter().map(value)).collect();
        let labels: Vec<usize> = values.iter().map(|(_, label)| *label).collect();
        let data = Dataset::new(&bins, &rows, &labels, CLASSES).unwrap();
        let params = ForestParams {
            n_estimators: 1,
            max_depth,
            min_samples_split,
            min_samples_leaf,
            max_features: MaxFeatures::Share(1.0),
            leaf_smoothing,
            random_state: seed,
            ..ForestParams::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let draws = draws(values.len(), &mut rng);
        let drawn_rows = Sample::new(&data, &draws, min_samples_split, min_samples_leaf);
        let grown = grow(&data, &params.check().unwrap(), drawn_rows, rng);
        let sample: Rows =
            values.iter().zip(draws).map(|((bins, label), draws)| (bins.clone(), *label, draws)).collect();
        let sample: Rows = sample.into_iter().filter(|row| row.2 > 0).collect();
        let prior = shares(&sample);

        let mut importance = vec![0.0; 2];
        let mut nodes = vec![(sample, 0)];
        let mut leaves = grown.tree.leaves.chunks(CLASSES);
        for (position, node) in grown.tree.nodes.iter().enumerate() {
            let (rows, depth) = nodes[position].clone();
            let least = least_impurity(&rows, min_samples_leaf);
            match *node {
                TreeNode::Split { feature, threshold, missing_right } => {
                    let feature = usize::from(feature);
                    let [left, right] =
                        [false, true].map(|right| side(&rows, feature, threshold, missing_right, right));
                    prop_assert!(drawn(&left) >= min_samples_leaf && drawn(&right) >= min_samples_leaf);
                    prop_assert!((impurity(&left) + impurity(&right) - least).abs() < 1e-9);
                    if rows.iter().all(|(bins, ..)| bins[feature] != MISSING_BIN) {
                        prop_assert_eq!(missing_right, drawn(&right) > drawn(&left));
                    }
                    importance[feature] += impurity(&rows) - least;
                    nodes.extend([(left, depth + 1), (right, depth + 1)]);
                }
                _ => {
                    let forced = depth >= max_depth || drawn(&rows) < min_samples_split;
                    prop_assert!(forced || least > impurity(&rows) - 1e-9, "a split was missed");
                    let total = f64::from(drawn(&rows));
                    for ((actual, share), prior) in leaves.next().unwrap().iter().zip(shares(&rows)).zip(&prior) {
                        let expected = (share * total + leaf_smoothing * prior) / (total + leaf_smoothing);
                        prop_assert!((f64::from(*actual) - expected).abs() < 1e-6);
                    }
                }
            }
        }
        prop_assert_eq!(nodes.len(), grown.tree.nodes.len());
        prop_assert!(leaves.next().is_none());
        for (actual, expected) in grown.importance.iter().zip(importance) {
            prop_assert!((actual - expected).abs() < 1e-9);
        }
    }
}
