//! Shapley values against their definition: all coalitions, one by one.

use super::super::tests::{Draws, random_tree};
use super::super::{MAX_DEPTH, Tree, TreeNode};
use super::*;

/// The sum of each class's values, without the part common to all rows, and the sum over all classes.
fn worth(forest: &Forest, bins: &[u8]) -> Vec<f64> {
    let mut bytes = Vec::new();
    forest.fill_bytes(bins, &mut bytes);
    let codes = match &forest.layout {
        Layout::Compact(trees) => forest.sums(trees, &bytes),
        Layout::Wide(trees) => forest.sums(trees, &bytes),
    };
    let mut worth: Vec<f64> =
        codes.iter().zip(&forest.leaves.steps).map(|(code, step)| code * f64::from(*step)).collect();
    worth.push(worth.iter().sum());
    worth
}

/// For each feature, its contribution to each number of `worth`: the mean over all coalitions of the others,
/// with the same weight for every coalition size.
fn by_definition(row: &[u8], reference: &[u8], worth: impl Fn(&[u8]) -> Vec<f64>) -> Vec<Vec<f64>> {
    let count = row.len();
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let worths: Vec<Vec<f64>> = (0..1usize << count)
        .map(|coalition| {
            let own = |feature: usize| coalition >> feature & 1 == 1;
            let mixed: Vec<u8> = (0..count).map(|f| if own(f) { row[f] } else { reference[f] }).collect();
            worth(&mixed)
        })
        .collect();
    let value = |feature: usize, output: usize| {
        let without = (0..1usize << count).filter(|coalition| coalition >> feature & 1 == 0);
        without
            .map(|coalition| {
                let size = coalition.count_ones();
                let weight = factorial(size) * factorial(count as u32 - size - 1) / factorial(count as u32);
                weight * (worths[coalition | 1 << feature][output] - worths[coalition][output])
            })
            .sum()
    };
    (0..count).map(|feature| (0..worths[0].len()).map(|output| value(feature, output)).collect()).collect()
}

/// A row of bins and a reference that agree in some features.
fn rows(draws: &mut Draws, features: usize) -> [Vec<u8>; 2] {
    let mut bin = || if draws.below(5) == 0 { 0 } else { draws.below(256) as u8 };
    let reference: Vec<u8> = (0..features).map(|_| bin()).collect();
    let row: Vec<u8> = reference.iter().map(|same| if bin() < 60 { *same } else { bin() }).collect();
    [row, reference]
}

fn assert_near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 1e-9, "{actual} {expected}");
}

#[test]
fn contributions_are_the_mean_over_all_coalitions() {
    let mut draws = Draws(11);
    for (splits, features, classes, trees, compact) in [
        (0usize, 2usize, 2usize, 3usize, true),
        (1, 1, 1, 2, true),
        (3, 3, 2, 6, true),
        (9, 5, 3, 9, true),
        (20, 7, 6, 12, true),
        (60, 6, 5, 60, false),
    ] {
        for (boosted, steps) in [(false, 255), (false, 65_535), (true, 255), (true, 65_535)] {
            let trees = if boosted { trees.next_multiple_of(classes) } else { trees };
            let values = if boosted { 1 } else { classes };
            let mut trees: Vec<Tree> =
                (0..trees).map(|tree| random_tree(&mut draws, splits + tree % 3, features, values)).collect();
            let link = if boosted { Link::Softmax(vec![0.25; classes]) } else { Link::Mean };
            trees.iter_mut().flat_map(|tree| &mut tree.leaves).for_each(|value| *value *= 1e-3);
            let forest = Forest::with_leaf_steps(classes, link, &trees, steps).unwrap();
            assert_eq!(matches!(forest.layout, Layout::Compact(_)), compact, "{splits} splits");
            for _ in 0..10 {
                let [row, reference] = rows(&mut draws, features);
                let all: Vec<usize> = (0..classes).collect();
                let contributions = forest.contributions(&row, &reference, &all);
                let expected = by_definition(&row, &reference, |bins| worth(&forest, bins));
                let (worth_row, worth_reference) = (worth(&forest, &row), worth(&forest, &reference));
                for (feature, expected) in expected.iter().enumerate() {
                    for class in 0..classes {
                        let actual = contributions.values[feature * classes + class];
                        let (total, before) = (worth_row[classes], worth_reference[classes]);
                        assert_near(
                            actual,
                            match boosted {
                                true => expected[class],
                                false => {
                                    (expected[class] * before - worth_reference[class] * expected[classes])
                                        / (total * before)
                                }
                            },
                        );
                        assert!(row[feature] != reference[feature] || actual == 0.0, "nothing to contribute");
                    }
                }
                for class in 0..classes {
                    let sum: f64 = contributions.of(class).sum();
                    assert_near(contributions.base[class] + sum, contributions.outputs[class]);
                    // A class gets the same contributions alone, and when listed twice.
                    let twice = forest.contributions(&row, &reference, &[class, 0, class]);
                    for values in twice.values.chunks_exact(3) {
                        assert_eq!(values[0], values[2]);
                    }
                    assert_eq!(twice.of(0).collect::<Vec<_>>(), contributions.of(0).collect::<Vec<_>>());
                    let alone = forest.contributions(&row, &reference, &[class]);
                    assert_eq!(alone.values, contributions.of(class).collect::<Vec<_>>());
                    assert_eq!(
                        (alone.base[0], alone.outputs[0]),
                        (contributions.base[class], contributions.outputs[class])
                    );
                }
                let mut probabilities = vec![0.0; classes];
                forest.predict(&row, &mut super::super::Scratch::default(), &mut probabilities);
                let mut outputs: Vec<f32> =
                    contributions.outputs.iter().map(|output| *output as f32).collect();
                if boosted {
                    super::super::softmax(&mut outputs);
                }
                assert_eq!(outputs, probabilities);
            }
        }
    }
}

/// If leaves are not rounded distributions, they are the Shapley values of the probability itself.
#[test]
fn contributions_to_exact_distributions_are_shapley_values_of_the_probability() {
    let mut draws = Draws(12);
    let certain = |class: usize| {
        let leaves = (0..3).map(|other| if other == class { 1.0 } else { 0.0 }).collect();
        Tree { nodes: vec![TreeNode::Leaf], leaves }
    };
    let mut trees: Vec<Tree> = (0..9).map(|_| random_tree(&mut draws, 12, 5, 3)).collect();
    for leaf in trees.iter_mut().flat_map(|tree| tree.leaves.chunks_exact_mut(3)) {
        let first = draws.below(17);
        let second = draws.below(17 - first);
        for (value, sixteenths) in leaf.iter_mut().zip([first, second, 16 - first - second]) {
            *value = sixteenths as f32 / 16.0;
        }
    }
    trees.extend((0..3).map(certain));
    let forest = Forest::with_leaf_steps(3, Link::Mean, &trees, 16).unwrap();
    for _ in 0..20 {
        let [row, reference] = rows(&mut draws, 5);
        let contributions = forest.contributions(&row, &reference, &[0, 1, 2]);
        let expected = by_definition(&row, &reference, |bins| {
            let worth = worth(&forest, bins);
            worth[..3].iter().map(|sum| sum / worth[3]).collect()
        });
        for (actual, expected) in contributions.values.iter().zip(expected.iter().flatten()) {
            assert_near(*actual, *expected);
        }
    }
}

fn split(feature: u16, missing_right: bool) -> TreeNode {
    TreeNode::Split { feature, threshold: 1, missing_right }
}

/// Gives a row 1 if all features are above bin 1.
fn all_of(features: u16) -> Forest {
    let mut nodes = Vec::new();
    for feature in 0..features {
        nodes.extend([split(feature, false), TreeNode::Leaf]);
    }
    nodes.push(TreeNode::Leaf);
    let mut leaves = vec![0.0; usize::from(features)];
    leaves.push(1.0);
    Forest::with_leaf_steps(1, Link::Softmax(vec![0.5]), &[Tree { nodes, leaves }], 1).unwrap()
}

#[test]
fn features_that_do_the_same_contribute_the_same_and_idle_ones_nothing() {
    for features in [1, 2, 3, MAX_DEPTH as u16] {
        let forest = all_of(features);
        let count = usize::from(features);
        // One feature more than the trees read.
        let (row, reference) = (vec![2; count + 1], vec![1; count + 1]);
        let contributions = forest.contributions(&row, &reference, &[0]);
        assert_eq!((contributions.base[0], contributions.outputs[0]), (0.5, 1.5));
        let (idle, same) = contributions.values.split_last().unwrap();
        assert_eq!(*idle, 0.0);
        for value in same {
            assert_near(*value, 1.0 / f64::from(features));
        }
        // If all features are above, one that falls below is enough to lose the 1.
        let contributions = forest.contributions(&reference, &row, &[0]);
        for value in &contributions.values[..count] {
            assert_near(*value, -1.0 / f64::from(features));
        }
    }
}

#[test]
fn classes_that_there_are_not_get_nothing() {
    let forest = all_of(2);
    let contributions = forest.contributions(&[2, 2], &[1, 1], &[7]);
    assert!(contributions.classes.is_empty() && contributions.values.is_empty());
    assert_eq!((contributions.of(0).count(), contributions.of(7).count()), (0, 0));
    let some = forest.contributions(&[2, 2], &[1, 1], &[7, 0]);
    assert_eq!((some.classes.as_slice(), some.values.len()), (&[0][..], 2));
}

#[test]
fn bins_are_told_apart_as_the_leaves_are() {
    let mut draws = Draws(13);
    for splits in [0, 1, 5, 40] {
        let mut trees: Vec<Tree> = (0..3).map(|_| random_tree(&mut draws, splits, 3, 1)).collect();
        trees.iter_mut().flat_map(|tree| &mut tree.leaves).for_each(|value| *value *= 1e-3);
        let forest = Forest::new(1, Link::Softmax(vec![0.0]), &trees).unwrap();
        let apart = forest.told_apart(4);
        let nodes: Vec<TreeNode> = trees.iter().flat_map(|tree| tree.nodes.clone()).collect();
        for (feature, apart) in apart.iter().enumerate() {
            for bin in 2..=u8::MAX {
                let expected = nodes
                    .iter()
                    .filter(|node| node.feature().map(usize::from) == Some(feature))
                    .any(|node| node.goes_right(bin) != node.goes_right(bin - 1));
                assert_eq!(apart.contains(bin), expected, "feature {feature}, bin {bin}");
            }
        }
    }
}
