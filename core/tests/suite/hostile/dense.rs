//! Sound but extremely dense bundles: they are read once the budget suffices for their content.

use std::time::{Duration, Instant};

use nextbest_core::Bundle;
use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, RowFilter, RowSelection, Test, Transform,
};
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::forest::{BinSet, Forest, Link, Tree, TreeNode};
use nextbest_core::schema::{Column, ColumnKind};

use super::memory::with_unknown;
use super::withstand;
use crate::sample;

/// Reads the bundle with the smallest budget that suffices, at which the memory used must come closest to the
/// limit. Returns the time of the last reading.
fn with_room(bundle: &Bundle) -> Duration {
    let bytes = bundle.encode().unwrap();
    let (mut too_little, mut enough) = (0, (20 * bytes.len()).min(32 << 20));
    assert!(withstand(&with_unknown(&bytes, enough)));
    let mut time = Duration::ZERO;
    while enough - too_little > 512 {
        let room = too_little.midpoint(enough);
        let start = Instant::now();
        match withstand(&with_unknown(&bytes, room)) {
            true => enough = room,
            false => too_little = room,
        }
        time = start.elapsed();
    }
    time
}

fn short_words(count: usize) -> Vec<String> {
    (0..count).map(|word| format!("{word:x}")).collect()
}

/// Replaces the features, without edges.
fn with_features(bundle: Bundle, features: Vec<FeatureDefinition>) -> Bundle {
    let count = features.len();
    let bins = Bins::new(vec![Vec::new(); count]).unwrap();
    Bundle { features, bins, reference: vec![0.0; count], goldens: Vec::new(), profile: None, ..bundle }
}

fn with_rows(definition: &FeatureDefinition, filter: RowFilter, aggregate: Aggregate) -> FeatureDefinition {
    let rows = Box::new(RowSelection { filter, ..RowSelection::default() });
    let expression = Expression::Events { table: "transactions".into(), rows, aggregate };
    FeatureDefinition { expression, ..definition.clone() }
}

fn condition(test: Test) -> Condition {
    Condition { column: "TYPE".into(), test }
}

/// All names in a definition are looked up in an index: linear search took minutes for these 900 kB.
#[test]
fn many_names() {
    let mut bundle = sample::forest();
    let mut schema = bundle.schema.definition().clone();
    schema.tables[1].columns[2].kind = ColumnKind::Category(short_words(80_000));
    bundle.schema = schema.try_into().unwrap();
    let conditions = vec![condition(Test::In(short_words(75_000)))];
    let filter = RowFilter { conditions, ..RowFilter::default() };
    let tests_words = with_rows(&bundle.features[0], filter, Aggregate::Count);
    let short =
        FeatureDefinition { group: String::new(), label: String::new(), ..bundle.features[8].clone() };
    let named = |number: usize| FeatureDefinition { name: format!("{number:x}"), ..short.clone() };
    let features = std::iter::once(tests_words).chain((0..5_000).map(named)).collect();
    let time = with_room(&with_features(bundle, features));
    assert!(time.as_secs() < 5, "{time:?}");
}

#[test]
fn many_columns() {
    let mut bundle = sample::label();
    let mut schema = bundle.schema.definition().clone();
    let names = short_words(4_000);
    let column = |name: &String| Column { name: name.clone(), kind: ColumnKind::Number, current: false };
    schema.customer.columns.extend(names.iter().map(column));
    bundle.schema = schema.try_into().unwrap();
    let feature = |name: &String| FeatureDefinition {
        name: name.clone(),
        group: String::new(),
        label: String::new(),
        expression: Expression::Attribute { column: name.clone(), transform: Transform::Value },
        missing: None,
    };
    let features = names.iter().map(feature).collect();
    with_room(&with_features(bundle, features));
}

#[test]
fn many_conditions() {
    let mut bundle = sample::forest();
    let group = || vec![condition(Test::Missing(true))];
    let filter = || RowFilter {
        conditions: vec![condition(Test::Missing(true)); 5_000],
        exclusions: vec![group(); 20_000],
    };
    let share = Aggregate::Share(Box::new(filter()));
    bundle.features[1] = with_rows(&bundle.features[1], filter(), share);
    bundle.goldens.clear();
    with_room(&bundle);
}

fn leaf(class: usize) -> Tree {
    let leaves = (0..3).map(|other| if other == class { 1.0 } else { 0.0 }).collect();
    Tree { nodes: vec![TreeNode::Leaf], leaves }
}

/// A split and its two leaves.
fn stump(split: TreeNode, values: usize) -> Tree {
    let leaves = [[1.0, 0.0, 0.5], [0.25, 1.0, 0.0]].iter().flat_map(|leaf| &leaf[..values]);
    Tree { nodes: vec![split, TreeNode::Leaf, TreeNode::Leaf], leaves: leaves.copied().collect() }
}

fn with_trees(link: Link, trees: &[Tree], steps: u16) -> Bundle {
    let mut bundle = sample::forest();
    bundle.goldens.clear();
    bundle.model = Model::Forest(Forest::with_leaf_steps(3, link, trees, steps).unwrap());
    bundle
}

#[test]
fn many_trees() {
    let split = TreeNode::Split { feature: 0, threshold: 1, missing_right: false };
    let boosted = Link::Softmax(vec![0.0; 3]);
    for steps in [255, 65_535] {
        let leaves: Vec<Tree> = (0..9_999).map(|tree| leaf(tree % 3)).collect();
        with_room(&with_trees(Link::Mean, &leaves, steps));
        with_room(&with_trees(Link::Mean, &vec![stump(split, 3); 9_999], steps));
        with_room(&with_trees(boosted.clone(), &vec![stump(split, 1); 9_999], steps));
    }
}

#[test]
fn many_sets() {
    let split = |number: u64| {
        let mut left = BinSet::default();
        (0..16).filter(|bit| number >> bit & 1 == 1).for_each(|bit| left.insert(bit));
        TreeNode::SetSplit { feature: 0, left }
    };
    // Each tree is a comb of ten splits, each with a set of its own.
    let tree = |number: u64| {
        let splits = (0..10).flat_map(|place| [split(10 * number + place), TreeNode::Leaf]);
        let nodes: Vec<TreeNode> = splits.chain([TreeNode::Leaf]).collect();
        Tree { nodes, leaves: (0..11).map(|leaf| leaf as f32).collect() }
    };
    let trees: Vec<Tree> = (0..6_000).map(tree).collect();
    with_room(&with_trees(Link::Softmax(vec![0.0; 3]), &trees, 255));
}

/// A tree that is as flat as possible, too large for small nodes.
#[test]
fn large_trees() {
    let split = TreeNode::Split { feature: 0, threshold: 1, missing_right: true };
    for (link, values) in [(Link::Mean, 3), (Link::Softmax(vec![0.0; 3]), 1)] {
        let leaves = 1 << 17;
        let nodes = [vec![split; leaves - 1], vec![TreeNode::Leaf; leaves]].concat();
        let values = (0..leaves * values).map(|number| (1 + number % 7) as f32 / 100.0);
        let tree = Tree { nodes, leaves: values.collect() };
        for steps in [255, 65_535] {
            with_room(&with_trees(link.clone(), &vec![tree.clone(); 3], steps));
        }
    }
}
