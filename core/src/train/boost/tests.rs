use proptest::collection::vec;
use proptest::prelude::*;

use super::gradients::{Gradients, Pair, Scores};
use super::grow::grow;
use super::split::Rules;
use super::*;
use crate::model::bins::{Bins, MISSING_BIN};
use crate::model::forest::TreeNode;

const CLASSES: usize = 3;
/// Known bins of each feature of the small data.
const BINS: u8 = 4;

/// Rows of two features, bins 0 (missing) to 4, with their classes. The second feature is a category.
type Rows = Vec<([u8; 2], usize)>;

fn data(rows: &Rows) -> Dataset {
    let bins = Bins::new(vec![vec![1.5, 2.5, 3.5]; 2]).unwrap();
    let value = |bin: &u8| if *bin == MISSING_BIN { f32::NAN } else { f32::from(*bin) };
    let values: Vec<f32> = rows.iter().flat_map(|(bins, _)| bins.iter().map(value)).collect();
    let labels: Vec<usize> = rows.iter().map(|(_, label)| *label).collect();
    Dataset::new(&bins, &values, &labels, CLASSES).unwrap().with_categories(&[false, true])
}

fn loss(scores: &[f64], label: usize) -> f64 {
    scores.iter().map(|score| score.exp()).sum::<f64>().ln() - scores[label]
}

#[test]
fn derivatives_are_those_of_the_log_loss() {
    let rows: Rows = vec![([1, 1], 0), ([2, 2], 1), ([3, 3], 2), ([0, 4], 1)];
    let weights = [1.0, 2.5, 0.5, 1.25];
    let data = data(&rows).with_weights(weights.to_vec()).unwrap();
    let base = [0.3f32, -0.7, 1.1];
    let scores = Scores::new(&data, &base);
    let at = base.map(f64::from);
    let mut total = 0.0;
    for class in 0..CLASSES {
        let gradients = Gradients::new(&scores, class, None, 7);
        for (row, (_, label)) in rows.iter().enumerate() {
            let step = 1e-4;
            let moved = |by: f64| {
                let mut scores = at;
                scores[class] += by;
                loss(&scores, *label)
            };
            let first = (moved(step) - moved(-step)) / (2.0 * step);
            let second = (moved(step) - 2.0 * moved(0.0) + moved(-step)) / (step * step);
            let weight = f64::from(weights[row]);
            let pair = gradients.pairs[row];
            assert!((pair.first() / gradients.scale - weight * first).abs() < 1e-6);
            // Enlarged by K / (K - 1).
            assert!((pair.second() / gradients.scale - weight * second * 1.5).abs() < 1e-6);
            total += if class == 0 { weight * loss(&at, *label) } else { 0.0 };
        }
    }
    let mean = total / f64::from(weights.iter().sum::<f32>());
    assert!((scores.log_loss - mean).abs() < 1e-6, "{} {mean}", scores.log_loss);
}

#[test]
fn rounding_is_right_on_average() {
    // A million rows leave two thousand steps for a derivative of 1.
    let rows: Rows = (0..1_000_000).map(|row| ([1, 1], usize::from(row % 500 == 0))).collect();
    let data = data(&rows);
    let scores = Scores::new(&data, &base_scores(&data.class_weights()));
    let gradients = Gradients::new(&scores, 1, None, 3);
    let mut sums = Pair::default();
    gradients.pairs.iter().for_each(|pair| sums.add(*pair));
    let (first, second) = (sums.first() / gradients.scale, sums.second() / gradients.scale);
    // At these scores the first derivatives cancel out; each is off by at most one step.
    let steps = (1_000_000f64 / 12.0).sqrt() / gradients.scale;
    assert!(first.abs() < 5.0 * steps, "{first}, one step being {steps}");
    let expected = 1_000_000.0 * 0.002 * 0.998 * 1.5;
    assert!((second - expected).abs() < 5.0 * steps + 1e-3 * expected, "{second} instead of {expected}");
}

/// The loss saved by one side of a split, computed without histograms.
fn saved(rows: &[usize], pairs: &[Pair], l1: f64, l2: f64) -> f64 {
    let first: f64 = rows.iter().map(|row| pairs[*row].first()).sum();
    let second: f64 = rows.iter().map(|row| pairs[*row].second()).sum();
    let shrunk = (first.abs() - l1).max(0.0);
    if rows.is_empty() { 0.0 } else { shrunk * shrunk / (second + l2) }
}

fn weight(rows: &[usize], pairs: &[Pair]) -> f64 {
    rows.iter().map(|row| pairs[*row].second()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Brute force over every threshold and every set of categories finds no better first split, and the
    /// grown leaves have the values that minimise the penalised loss.
    #[test]
    fn the_first_split_is_the_best_there_is(
        rows in vec(((0..=BINS, 0..=BINS).prop_map(|(a, b)| [a, b]), 0..CLASSES), 4..40),
        class in 0..CLASSES,
        min_child_weight in prop_oneof![Just(0.0), 0.1..2.0],
        l1 in prop_oneof![Just(0.0), 0.0..0.5],
        l2 in 0.0..3.0,
    ) {
        let data = data(&rows);
        let scores = Scores::new(&data, &[0.0; CLASSES]);
        let gradients = Gradients::new(&scores, class, None, 1);
        let (pairs, scale) = (gradients.pairs.clone(), gradients.scale);
        let params = BoostParams { num_leaves: 2, learning_rate: 1.0, min_child_weight, reg_alpha: l1, reg_lambda: l2, ..BoostParams::default() };
        let rules = Rules::new(&params, scale);
        let grown = grow(&data, &Blocks::new(&data), &params, gradients, &[true, true]);

        let all: Vec<usize> = (0..rows.len()).collect();
        let gain = |goes_left: &dyn Fn(&[u8; 2]) -> bool, l2: f64| {
            let (left, right): (Vec<usize>, Vec<usize>) = all.iter().partition(|row| goes_left(&rows[**row].0));
            let least = weight(&left, &pairs).min(weight(&right, &pairs));
            let gain = saved(&left, &pairs, l1 * scale, l2 * scale) + saved(&right, &pairs, l1 * scale, l2 * scale)
                - saved(&all, &pairs, l1 * scale, l2 * scale);
            if least >= (min_child_weight * scale).max(1.0) { gain } else { 0.0 }
        };
        let mut best = 0f64;
        for threshold in 0..=BINS {
            for missing_right in [false, true] {
                let left = |bins: &[u8; 2]| if bins[0] == 0 { !missing_right } else { bins[0] <= threshold };
                best = best.max(gain(&left, l2));
            }
        }
        // Sets are searched in the order of their effect, which the smoothing may change: the best of all
        // sets is no worse than the one found, and the one found is a valid split.
        let mut best_set = 0f64;
        for set in 0u8..32 {
            best_set = best_set.max(gain(&|bins| set >> bins[1] & 1 == 1, l2 + 10.0));
        }
        match grown.tree.nodes[0] {
            TreeNode::Split { feature: 0, threshold, missing_right } => {
                let left = |bins: &[u8; 2]| if bins[0] == 0 { !missing_right } else { bins[0] <= threshold };
                prop_assert!((gain(&left, l2) - best).abs() <= 1e-9 * best.abs() + 1e-3, "{} of \
                    {best}", gain(&left, l2));
            }
            TreeNode::SetSplit { feature: 1, left } => {
                let found = gain(&|bins| left.contains(bins[1]), l2 + 10.0);
                prop_assert!(found >= best - 1e-3 && found <= best_set + 1e-3, "{found} of {best_set}");
            }
            _ => prop_assert!(best <= 1e-3, "a split was missed: {best}"),
        }
        // Leaves: -G / (H + λ), G shrunk.
        let leaves = grown.leaves_of(&data);
        prop_assert_eq!(&leaves, &grown.leaves);
        for leaf in 0..grown.values.len() as u16 {
            let of_leaf: Vec<usize> = all.iter().copied().filter(|row| leaves[*row] == leaf).collect();
            if of_leaf.is_empty() {
                continue;
            }
            let mut sums = Pair::default();
            of_leaf.iter().for_each(|row| sums.add(pairs[*row]));
            let value = f64::from(grown.values[usize::from(leaf)]);
            prop_assert!((value - rules.leaf_value(sums)).abs() < 1e-5);
            let at = |value: f64| {
                sums.first() * value + 0.5 * (sums.second() + l2 * scale) * value * value + l1 * scale * value.abs()
            };
            prop_assert!(at(value) <= at(value + 0.01) + 1e-3 && at(value) <= at(value - 0.01) + 1e-3);
        }
    }

    /// A node's histogram minus one child's is the other's: growing with subtraction gives the tree that
    /// counting gives.
    #[test]
    fn every_leaf_of_a_tree_holds_its_rows_sums(
        rows in vec(((0..=BINS, 0..=BINS).prop_map(|(a, b)| [a, b]), 0..CLASSES), 1..60),
        leaves in 2..8usize,
        max_depth in 1..5u32,
    ) {
        let data = data(&rows);
        let scores = Scores::new(&data, &[0.1, -0.2, 0.3]);
        let gradients = Gradients::new(&scores, 1, None, 5);
        let pairs = gradients.pairs.clone();
        let params = BoostParams {
            num_leaves: leaves, max_depth, min_child_weight: 0.0, learning_rate: 1.0, ..BoostParams::default()
        };
        let rules = Rules::new(&params, gradients.scale);
        let grown = grow(&data, &Blocks::new(&data), &params, gradients, &[true, true]);
        let leaf_count = grown.tree.nodes.iter().filter(|node| **node == TreeNode::Leaf).count();
        prop_assert!(leaf_count <= leaves);
        let of_row = grown.leaves_of(&data);
        prop_assert_eq!(&of_row, &grown.leaves);
        for row in 0..rows.len() {
            let mut sums = Pair::default();
            (0..rows.len()).filter(|other| of_row[*other] == of_row[row]).for_each(|other| sums.add(pairs[other]));
            let value = grown.values[usize::from(of_row[row])];
            prop_assert_eq!(value, rules.leaf_value(sums) as f32);
        }
    }
}
