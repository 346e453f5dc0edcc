//! Pruned forests, against a slow implementation.

use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::log_loss;
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::{Forest, Link, Tree, TreeNode};
use nextbest_core::train::drop_unused_edges;
use nextbest_core::train::shrink::{Point, Prunable, Pruning, Sizes, ValidationRows, frontier, search};
use nextbest_core::train::{BoostParams, Dataset, ForestParams, fit_bins};
use proptest::prelude::*;

use super::forest::crooked;
use super::predict;

/// Rows with occasional missing values, and a last feature that is a category.
fn learned(rows: usize, seed: u64, boosted: bool) -> (Vec<f32>, Vec<usize>, Dataset, Forest) {
    let sample = crooked(rows, seed);
    let mut values = Vec::new();
    for (position, row) in sample.rows.chunks(sample.width).enumerate() {
        values.extend_from_slice(row);
        values.push(((position * 7 + sample.labels[position]) % 6) as f32);
        if position % 5 == 0 {
            let last = values.len() - 2;
            values[last] = f32::NAN;
        }
    }
    let width = sample.width + 1;
    let bins = fit_bins(Matrix::new(&values, width).unwrap(), 255).unwrap();
    let categories: Vec<bool> = (0..width).map(|feature| feature + 1 == width).collect();
    let data = Dataset::new(&bins, &values, &sample.labels, sample.classes).unwrap();
    let data = data.with_categories(&categories);
    let forest = match boosted {
        true => {
            let params = BoostParams { n_estimators: 6, num_leaves: 6, ..BoostParams::default() };
            params.check().unwrap().fit(&data, None, || ()).unwrap().forest
        }
        false => {
            let params = ForestParams { n_estimators: 5, max_depth: 5, ..ForestParams::default() };
            params.check().unwrap().fit(&data, || ()).unwrap().forest
        }
    };
    (values, sample.labels, data, forest)
}

/// A tree as a recursive structure.
#[derive(Clone)]
enum Drawn {
    Leaf(f64, Vec<f64>),
    Split(TreeNode, Box<[Drawn; 2]>),
}

impl Drawn {
    fn new(tree: &Tree, weights: &[f64], width: usize) -> Self {
        Self::at(tree, weights, width, 0)
    }

    fn at(tree: &Tree, weights: &[f64], width: usize, position: usize) -> Self {
        let before = &tree.nodes[..position];
        let leaves = before.iter().filter(|node| **node == TreeNode::Leaf).count();
        if tree.nodes[position] == TreeNode::Leaf {
            let values = &tree.leaves[leaves * width..(leaves + 1) * width];
            return Drawn::Leaf(weights[leaves], values.iter().map(|value| f64::from(*value)).collect());
        }
        let left = 2 * (position - leaves) + 1;
        let child = |position| Self::at(tree, weights, width, position);
        Drawn::Split(tree.nodes[position], Box::new([child(left), child(left + 1)]))
    }

    fn leaf_count(&self) -> usize {
        match self {
            Drawn::Leaf(..) => 1,
            Drawn::Split(_, children) => children.iter().map(Drawn::leaf_count).sum(),
        }
    }

    /// The cost of merging the cheapest pair of leaves.
    fn cheapest(&self, link: &Link) -> f64 {
        match self {
            Drawn::Leaf(..) => f64::INFINITY,
            Drawn::Split(_, children) => match &**children {
                [Drawn::Leaf(a, of_a), Drawn::Leaf(b, of_b)] => {
                    let squares = of_a.iter().zip(of_b).map(|(x, y)| {
                        let mean = (a * x + b * y) / (a + b);
                        (x - y).powi(2) / if *link == Link::Mean { mean } else { 1.0 }
                    });
                    a * b / (a + b) * squares.sum::<f64>()
                }
                children => children.iter().map(|child| child.cheapest(link)).fold(f64::INFINITY, f64::min),
            },
        }
    }

    fn merge_cheapest(&mut self, link: &Link) {
        let cost = self.cheapest(link);
        let Drawn::Split(_, children) = self else { return };
        if let [Drawn::Leaf(a, of_a), Drawn::Leaf(b, of_b)] = &**children {
            let mean = of_a.iter().zip(of_b).map(|(x, y)| (a * x + b * y) / (a + b)).collect();
            *self = Drawn::Leaf(a + b, mean);
        } else if let Some(child) = children.iter_mut().find(|child| child.cheapest(link) == cost) {
            child.merge_cheapest(link);
        }
    }

    fn leaf(&self, bins: &[u8]) -> &[f64] {
        match self {
            Drawn::Leaf(_, values) => values,
            Drawn::Split(node, children) => {
                let bin = bins[usize::from(node.feature().unwrap())];
                children[usize::from(node.goes_right(bin))].leaf(bins)
            }
        }
    }
}

fn leaf_of(tree: &Tree, bins: &[u8]) -> usize {
    let mut position = 0;
    loop {
        let leaves = tree.nodes[..position].iter().filter(|node| **node == TreeNode::Leaf).count();
        let Some(feature) = tree.nodes[position].feature() else { return leaves };
        let right = tree.nodes[position].goes_right(bins[usize::from(feature)]);
        position = 2 * (position - leaves) + 1 + usize::from(right);
    }
}

fn binned(bins: &Bins, rows: &[f32]) -> Vec<Vec<u8>> {
    rows.chunks(bins.feature_count())
        .map(|row| {
            let mut binned = vec![0; row.len()];
            bins.bin_row(row, &mut binned);
            binned
        })
        .collect()
}

#[test]
fn the_cheapest_leaves_merge_first() {
    for boosted in [false, true] {
        let (rows, _, data, forest) = learned(600, 3, boosted);
        let binned = binned(data.bins(), &rows);
        let predicted = predict(&Model::Forest(forest.clone()), data.bins(), &rows);
        let trees: Vec<Tree> = forest.trees().collect();
        let classes = forest.class_count();
        let width = if boosted { 1 } else { classes };
        let mut drawn: Vec<Drawn> = trees
            .iter()
            .enumerate()
            .map(|(position, tree)| {
                let mut weights = vec![0.0; tree.leaves.len() / width];
                for (bins, row) in binned.iter().zip(&predicted) {
                    let probability = f64::from(row[position % classes]);
                    weights[leaf_of(tree, bins)] +=
                        if boosted { probability * (1.0 - probability) } else { 1.0 };
                }
                Drawn::new(tree, &weights, width)
            })
            .collect();
        let prunable = Prunable::new(&forest, &data);
        let all: usize = drawn.iter().map(Drawn::leaf_count).sum();
        for wanted in (trees.len()..=all).rev() {
            let pruning = Pruning { leaves: wanted as f64 / all as f64, ..Pruning::WHOLE };
            let pruned = prunable.apply(&pruning);
            assert_eq!(pruned.leaf_count(), wanted);
            for (tree, drawn) in pruned.trees.iter().zip(&drawn) {
                for bins in binned.iter().step_by(7) {
                    let leaf = leaf_of(tree, bins);
                    for (actual, expected) in tree.leaves[leaf * width..].iter().zip(drawn.leaf(bins)) {
                        let same = (f64::from(*actual) - expected).abs() < 1e-5;
                        assert!(same, "{wanted} of {all} leaves, boosted {boosted}: {actual} {expected}");
                    }
                }
            }
            // Single leaves and whole trees cost infinitely much: then nothing is left to merge.
            let costs = drawn.iter().map(|tree| tree.cheapest(forest.link()));
            let cheapest = costs.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
            drawn[cheapest].merge_cheapest(forest.link());
        }
    }
}

#[test]
fn whole_rounds_go_and_one_always_stays() {
    let (_, _, data, forest) = learned(300, 5, true);
    let prunable = Prunable::new(&forest, &data);
    for (share, rounds) in [(1.0, 6), (0.5, 3), (0.7, 4), (1e-9, 1)] {
        let pruned = prunable.apply(&Pruning { trees: share, ..Pruning::WHOLE });
        assert_eq!(pruned.trees.len(), rounds * 3, "{share}");
        assert!(pruned.forest().is_ok());
    }
    let stumps = prunable.apply(&Pruning { leaves: 0.0, ..Pruning::WHOLE });
    assert_eq!(stumps.leaf_count(), 18);
}

#[test]
fn validation_rows_have_the_loss_that_a_scorer_has() {
    let temperature = Calibration::Temperature { temperature: 1.3 };
    for (boosted, calibration) in [(false, &Calibration::None), (true, &temperature)] {
        let (_, _, data, forest) = learned(500, 7, boosted);
        let (rows, labels, others, _) = learned(200, 8, boosted);
        let others_data = Dataset::new(data.bins(), &rows, &labels, others.class_count()).unwrap();
        let validation_rows = ValidationRows::new(&others_data, calibration);
        let prunable = Prunable::new(&forest, &data);
        for (trees, leaves, leaf_steps) in [(1.0, 1.0, u16::MAX), (0.8, 0.6, 255), (0.4, 0.3, 7)] {
            let pruned = prunable.apply(&Pruning { trees, leaves, leaf_steps });
            let (bins, small) = pruned.compact(data.bins()).unwrap();
            let mut probabilities = predict(&Model::Forest(small), &bins, &rows).concat();
            probabilities.chunks_mut(data.class_count()).for_each(|row| calibration.apply(row));
            let expected = log_loss(&labels, Matrix::new(&probabilities, data.class_count()).unwrap());
            assert_eq!(validation_rows.log_loss(&pruned).unwrap().to_bits(), expected.to_bits());
        }
    }
}

/// A size of one byte per leaf.
struct Leaves<'p>(&'p Prunable);

impl Sizes for Leaves<'_> {
    fn rough(&self, pruning: &Pruning) -> Result<usize, nextbest_core::Error> {
        Ok(self.0.apply(pruning).leaf_count())
    }

    fn exact(&self, pruning: &Pruning) -> Result<usize, nextbest_core::Error> {
        self.rough(pruning)
    }
}

#[test]
fn the_frontier_falls_in_size_and_rises_in_loss() {
    let (_, _, data, forest) = learned(900, 11, true);
    let (rows, labels, ..) = learned(300, 12, true);
    let validation = Dataset::new(data.bins(), &rows, &labels, 3).unwrap();
    let (validation_rows, prunable) =
        (ValidationRows::new(&validation, &Calibration::None), Prunable::new(&forest, &data));
    let points = search(&prunable, &validation_rows, &Leaves(&prunable), None, |_| ()).unwrap();
    let frontier = frontier(&points);
    let falls = |a: &Point, b: &Point| a.bytes > b.bytes && a.log_loss < b.log_loss;
    assert!(frontier.len() > 5 && frontier.is_sorted_by(falls), "{frontier:?}");
    assert!(frontier.last().unwrap().bytes <= 4, "nothing is left to save");
    // With a limit, it comes close to the limit and stops soon after.
    let limited = search(&prunable, &validation_rows, &Leaves(&prunable), Some(50), |_| ()).unwrap();
    assert!(limited.iter().any(|point| (45..=50).contains(&point.bytes)), "{limited:?}");
    assert!(limited.last().unwrap().bytes > 10);
}

fn bits(rows: &[Vec<f32>]) -> Vec<u32> {
    rows.iter().flatten().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn unused_edges_go_without_a_trace(
        seed in 0u64..1000,
        boosted in any::<bool>(),
        odd in prop::collection::vec(
            prop_oneof![-3f32..3.0, Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), 0f32..8.0], 60..200
        ),
    ) {
        let (rows, _, data, forest) = learned(400, seed, boosted);
        let (bins, smaller) = drop_unused_edges(data.bins(), &forest).unwrap();
        let width = bins.feature_count();
        let edges = |bins: &Bins| (0..width).map(|feature| bins.edges(feature).len()).sum::<usize>();
        prop_assert!(edges(&bins) < edges(data.bins()));
        let odd = &odd[..odd.len() / width * width];
        for rows in [rows.as_slice(), odd] {
            let (before, after) = (Model::Forest(forest.clone()), Model::Forest(smaller.clone()));
            prop_assert_eq!(bits(&predict(&before, data.bins(), rows)), bits(&predict(&after, &bins, rows)));
        }
        let (again, same) = drop_unused_edges(&bins, &smaller).unwrap();
        prop_assert_eq!(again, bins);
        prop_assert_eq!(same, smaller);
    }
}

#[test]
fn both_directions_of_missing_values_keep_their_way() {
    // Missing against known values, in both directions, and thresholds at the outermost bins.
    let bins = Bins::new(vec![vec![1.0, 2.0, 3.0], vec![0.5]]).unwrap();
    let tree = |threshold, missing_right| Tree {
        nodes: vec![TreeNode::Split { feature: 0, threshold, missing_right }, TreeNode::Leaf, TreeNode::Leaf],
        leaves: vec![0.9, 0.1, 0.2, 0.8],
    };
    for (threshold, missing_right, left) in
        [(0, false, 0), (4, true, 0), (3, true, 1), (1, false, 1), (2, true, 1)]
    {
        let forest = Forest::new(2, Link::Mean, &[tree(threshold, missing_right)]).unwrap();
        let (fewer, smaller) = drop_unused_edges(&bins, &forest).unwrap();
        assert_eq!((fewer.edges(0).len(), fewer.edges(1).len()), (left, 0), "{threshold} {missing_right}");
        let rows: Vec<f32> = [f32::NAN, f32::NEG_INFINITY, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
            .iter()
            .flat_map(|v| [*v, 1.0])
            .collect();
        let (before, after) = (Model::Forest(forest), Model::Forest(smaller));
        assert_eq!(predict(&before, &bins, &rows), predict(&after, &fewer, &rows));
    }
}
