//! Forests: what their trees mean, and that every way of walking them agrees.

use super::*;
use crate::matrix::Matrix;

fn split(feature: u16, threshold: u8, missing_right: bool) -> TreeNode {
    TreeNode::Split { feature, threshold, missing_right }
}

/// Feature 0 at bin 3; on the right, feature 1 at bin 1 with missing going right.
fn small_tree() -> Tree {
    Tree {
        nodes: vec![split(0, 3, false), TreeNode::Leaf, split(1, 1, true), TreeNode::Leaf, TreeNode::Leaf],
        leaves: vec![1.0, 0.0, 0.5, 0.5, 0.25, 0.75],
    }
}

fn predict(forest: &Forest, bins: [u8; 2]) -> Vec<f32> {
    let mut probabilities = vec![0.0; forest.class_count()];
    forest.predict(&bins, &mut Scratch::default(), &mut probabilities);
    probabilities
}

#[test]
fn rows_fall_into_their_leaves() {
    let forest = Forest::new(2, Link::Mean, &[small_tree()]).unwrap();
    for (bins, expected) in [
        ([0, 9], [1.0, 0.0]),
        ([3, 9], [1.0, 0.0]),
        ([4, 1], [0.5, 0.5]),
        ([4, 2], [0.25, 0.75]),
        ([255, 255], [0.25, 0.75]),
        ([4, 0], [0.25, 0.75]),
    ] {
        for (actual, expected) in predict(&forest, bins).iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-4, "{bins:?}: {actual}");
        }
    }
}

/// The forest, encoded and decoded.
fn stored(forest: &Forest) -> Forest {
    let code = bincode::serde::encode_to_vec(forest, bincode::config::standard()).unwrap();
    let (read, _): (ForestCode<'_>, _) =
        bincode::serde::borrow_decode_from_slice(&code, bincode::config::standard()).unwrap();
    read.forest(&Memory::unlimited()).unwrap()
}

#[test]
fn storing_changes_no_bit() {
    let forest = Forest::new(2, Link::Mean, &[small_tree(), small_tree()]).unwrap();
    let read = stored(&forest);
    assert_eq!(read, forest);
    let trees: Vec<Tree> = forest.trees().collect();
    assert_eq!(Forest::new(2, Link::Mean, &trees).unwrap(), forest);
}

#[test]
fn broken_trees_are_refused() {
    let leaf = || TreeNode::Leaf;
    let cases = [
        ("no nodes", vec![], 0),
        ("a missing child", vec![split(0, 1, false), leaf()], 1),
        ("a node too many", vec![leaf(), leaf()], 2),
        ("a split that leads to itself", vec![leaf(), split(0, 1, false), leaf()], 2),
        ("a split that separates nothing", vec![split(0, 0, true), leaf(), leaf()], 2),
        ("a feature beyond the limit", vec![split(32_767, 1, false), leaf(), leaf()], 2),
        ("a leaf too few", vec![split(0, 1, false), leaf(), leaf()], 1),
    ];
    for (what, nodes, leaves) in cases {
        let tree = Tree { nodes, leaves: [0.5, 0.5].repeat(leaves) };
        assert!(Forest::new(2, Link::Mean, &[tree]).is_err(), "{what}");
    }
    for leaf in [[f32::NAN, 1.0], [-0.1, 1.0], [0.0, 0.0]] {
        let tree = Tree { nodes: vec![TreeNode::Leaf], leaves: leaf.to_vec() };
        assert!(Forest::new(2, Link::Mean, &[tree]).is_err(), "{leaf:?}");
    }
    assert!(Forest::new(2, Link::Mean, &[]).is_err());
    assert!(Forest::new(2, Link::Mean, &vec![small_tree(); MAX_TREES + 1]).is_err());
}

/// Feature 0 goes left in the bins 0, 2 and 200.
fn set_tree(values: [f32; 2]) -> Tree {
    let mut left = BinSet::default();
    [0, 2, 200].into_iter().for_each(|bin| left.insert(bin));
    let nodes = vec![TreeNode::SetSplit { feature: 0, left }, TreeNode::Leaf, TreeNode::Leaf];
    Tree { nodes, leaves: values.to_vec() }
}

fn boosted() -> Forest {
    let stump = Tree { nodes: vec![TreeNode::Leaf], leaves: vec![-0.25] };
    let threshold =
        Tree { nodes: vec![split(1, 4, true), TreeNode::Leaf, TreeNode::Leaf], leaves: vec![1.0, -3.0] };
    let trees = [set_tree([0.5, -0.5]), threshold, set_tree([0.25, 2.0]), stump];
    Forest::new(2, Link::Softmax(vec![-1.0, 0.5]), &trees).unwrap()
}

#[test]
fn boosted_trees_add_up_class_by_class_and_categories_go_by_their_set() {
    for (bins, scores) in [
        ([0, 4], [-1.0 + 0.5 + 0.25, 0.5 + 1.0 - 0.25]),
        ([200, 5], [-1.0 + 0.5 + 0.25, 0.5 - 3.0 - 0.25]),
        ([1, 0], [-1.0 - 0.5 + 2.0, 0.5 - 3.0 - 0.25]),
        ([255, 1], [-1.0 - 0.5 + 2.0, 0.5 + 1.0 - 0.25]),
    ] {
        let total: f64 = scores.iter().map(|score: &f64| score.exp()).sum();
        for (actual, score) in predict(&boosted(), bins).iter().zip(scores) {
            assert!((f64::from(*actual) - score.exp() / total).abs() < 1e-4, "{bins:?}: {actual}");
        }
    }
}

#[test]
fn storing_boosted_trees_changes_no_bit() {
    let forest = boosted();
    let read = stored(&forest);
    assert_eq!(read, forest);
    assert_eq!(read.columns.len(), 2, "equal sets are one column");
    let trees: Vec<Tree> = forest.trees().collect();
    assert_eq!(
        trees.iter().map(|tree| &tree.nodes).collect::<Vec<_>>(),
        [
            &set_tree([0.0; 2]).nodes,
            &vec![split(1, 4, true), TreeNode::Leaf, TreeNode::Leaf],
            &set_tree([0.0; 2]).nodes,
            &vec![TreeNode::Leaf],
        ]
    );
}

#[test]
fn broken_boosted_trees_are_refused() {
    let refused =
        |base: &[f32], trees: &[Tree]| Forest::new(2, Link::Softmax(base.to_vec()), trees).unwrap_err();
    let two = [set_tree([0.5, 1.0]), set_tree([0.5, 1.0])];
    refused(&[0.0], &two);
    refused(&[0.0, f32::NAN], &two);
    refused(&[0.0, 2e30], &two);
    refused(&[0.0, 0.0], &two[..1]);
    refused(&[0.0, 0.0], &[set_tree([0.5, f32::INFINITY]), set_tree([0.5, 1.0])]);
    refused(&[0.0, 0.0], &[set_tree([0.5, 2e30]), set_tree([0.5, 1.0])]);
    refused(&[0.0, 0.0], &[small_tree(), set_tree([0.5, 1.0])]);
    // A feature is split by sets everywhere or nowhere.
    let threshold =
        Tree { nodes: vec![split(0, 4, true), TreeNode::Leaf, TreeNode::Leaf], leaves: vec![0.0; 2] };
    assert!(refused(&[0.0, 0.0], &[set_tree([0.5, 1.0]), threshold]).contains("set"));
}

/// Deterministic numbers that look random.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// A tree of this many splits, each at a random leaf. The last feature is split by sets.
pub(super) fn random_tree(draws: &mut Draws, splits: usize, features: usize, values: usize) -> Tree {
    // The children of node n, if it is a split.
    let (mut children, mut leaves) = (vec![None], vec![0]);
    for _ in 0..splits {
        let leaf = leaves.swap_remove(draws.below(leaves.len()));
        leaves.extend([children.len(), children.len() + 1]);
        children[leaf] = Some(children.len());
        children.extend([None, None]);
    }
    let mut tree = Tree::default();
    let mut queue = std::collections::VecDeque::from([0]);
    while let Some(node) = queue.pop_front() {
        let Some(left) = children[node] else {
            tree.nodes.push(TreeNode::Leaf);
            tree.leaves.extend((0..values).map(|_| draws.below(1000) as f32 + 1.0));
            continue;
        };
        queue.extend([left, left + 1]);
        let feature = draws.below(features) as u16;
        tree.nodes.push(if usize::from(feature) + 1 == features {
            let mut left = BinSet::default();
            (0..draws.below(200)).for_each(|_| left.insert(draws.below(256) as u8));
            TreeNode::SetSplit { feature, left }
        } else {
            split(feature, draws.below(254) as u8 + 1, draws.below(2) == 1)
        });
    }
    tree
}

/// The definition of the trees, one row and one tree at a time.
fn by_definition(forest: &Forest, bins: &[u8]) -> Vec<f64> {
    let classes = forest.class_count();
    let mut sums = match forest.link() {
        Link::Mean => vec![0.0; classes],
        Link::Softmax(base) => base.iter().map(|base| f64::from(*base)).collect(),
    };
    for (number, tree) in forest.trees().enumerate() {
        let (mut node, values) = (0, tree.leaves.len() / (tree.nodes.len() / 2 + 1));
        while let Some(feature) = tree.nodes[node].feature() {
            let splits_before = tree.nodes[..node].iter().filter(|node| **node != TreeNode::Leaf).count();
            node =
                2 * splits_before + 1 + usize::from(tree.nodes[node].goes_right(bins[usize::from(feature)]));
        }
        let leaf = tree.nodes[..node].iter().filter(|node| **node == TreeNode::Leaf).count();
        let leaf = &tree.leaves[leaf * values..(leaf + 1) * values];
        match forest.link() {
            Link::Mean => sums.iter_mut().zip(leaf).for_each(|(sum, value)| *sum += f64::from(*value)),
            Link::Softmax(_) => sums[number % classes] += f64::from(leaf[0]),
        }
    }
    if *forest.link() != Link::Mean {
        let greatest = sums.iter().copied().fold(f64::MIN, f64::max);
        sums.iter_mut().for_each(|score| *score = (*score - greatest).exp());
    }
    let total: f64 = sums.iter().sum();
    sums.iter().map(|sum| sum / total).collect()
}

/// Small and large trees, few and many classes, nodes of 32 and of 64 bits: single rows, batches and the
/// definition agree.
#[test]
fn all_ways_of_walking_lead_to_the_same_leaf() {
    let mut draws = Draws(1);
    for (splits, features, classes, trees, compact) in [
        (0usize, 2usize, 2usize, 3usize, true),
        (1, 2, 1, 9, true),
        (7, 5, 3, 17, true),
        (30, 12, 8, 24, true),
        (31, 12, 9, 5, true),
        (32, 40, 2, 33, true),
        (400, 90, 17, 9, true),
        (40, 300, 70, 70, false),
        (33_000, 20, 2, 2, false),
    ] {
        for boosted in [false, true] {
            let trees = if boosted { trees.next_multiple_of(classes) } else { trees };
            let values = if boosted { 1 } else { classes };
            let mut trees: Vec<Tree> =
                (0..trees).map(|tree| random_tree(&mut draws, splits + tree % 3, features, values)).collect();
            let link = if boosted { Link::Softmax(vec![0.25; classes]) } else { Link::Mean };
            let scale = if boosted { 1e-3 } else { 1.0 / (1000.0 * classes as f32) };
            trees.iter_mut().flat_map(|tree| &mut tree.leaves).for_each(|value| *value *= scale);
            for steps in [255, 65_535] {
                let forest = Forest::with_leaf_steps(classes, link.clone(), &trees, steps).unwrap();
                assert_eq!(matches!(forest.layout, Layout::Compact(_)), compact, "{splits} splits");
                let count = if splits > 1000 { 70 } else { 200 };
                let bins: Vec<u8> = (0..features * count)
                    .map(|_| if draws.below(5) == 0 { 0 } else { draws.below(256) as u8 })
                    .collect();
                let mut many = vec![0.0; count * classes];
                let mut scratch = Scratch::default();
                forest.predict_block(Matrix::new(&bins, count).unwrap(), &mut scratch, &mut many);
                for (row, many) in many.chunks(classes).enumerate() {
                    let row: Vec<u8> = (0..features).map(|feature| bins[feature * count + row]).collect();
                    let mut one = vec![0.0; classes];
                    forest.predict(&row, &mut scratch, &mut one);
                    assert_eq!(one, many, "{splits} splits, {classes} classes");
                    for (actual, expected) in one.iter().zip(by_definition(&forest, &row)) {
                        assert!((f64::from(*actual) - expected).abs() < 1e-6, "{actual} {expected}");
                    }
                }
                let again: Vec<Tree> = forest.trees().collect();
                assert!(again.iter().zip(&trees).all(|(again, tree)| again.nodes == tree.nodes));
                assert_eq!(stored(&forest), forest);
            }
        }
    }
}

/// Buffers used for a larger forest and more rows work as well as new ones.
#[test]
fn memory_can_be_used_again() {
    let mut draws = Draws(2);
    let mut large: Vec<Tree> = (0..20).map(|_| random_tree(&mut draws, 60, 100, 3)).collect();
    large.iter_mut().flat_map(|tree| &mut tree.leaves).for_each(|value| *value *= 1e-3);
    let large = Forest::new(3, Link::Mean, &large).unwrap();
    let small = Forest::new(2, Link::Mean, &[small_tree()]).unwrap();
    let mut used = Scratch::default();
    let bins: Vec<u8> = (0..100 * 90).map(|_| draws.below(256) as u8).collect();
    large.predict_block(Matrix::new(&bins, 90).unwrap(), &mut used, &mut [0.0; 270]);
    let (mut again, mut fresh) = ([0.0; 140], [0.0; 140]);
    let few = Matrix::new(&bins[..140], 70).unwrap();
    small.predict_block(few, &mut used, &mut again);
    small.predict_block(few, &mut Scratch::default(), &mut fresh);
    assert_eq!(again, fresh);
}

/// A byte rounds each of these small probabilities to 0, but keeps their mean over many leaves.
#[test]
fn rounding_leaves_keeps_the_mean_of_small_probabilities() {
    let mut draws = Draws(3);
    let leaf = |rare: f32| Tree { nodes: vec![TreeNode::Leaf], leaves: vec![1.0 - rare, rare] };
    let mut trees: Vec<Tree> = (0..999).map(|_| leaf(draws.below(1000) as f32 * 1e-6)).collect();
    trees.push(leaf(1.0));
    let mean = trees.iter().map(|tree| f64::from(tree.leaves[1])).sum::<f64>() / 1000.0;
    let forest = Forest::with_leaf_steps(2, Link::Mean, &trees, 255).unwrap();
    let actual = f64::from(predict(&forest, [0, 0])[1]);
    assert!((actual - mean).abs() < 1.0 / 255.0 / 1000.0, "{actual} {mean}");
}
