//! The smallest change, against trying all changes.

use std::cell::Cell;

use nextbest_core::Bundle;
use nextbest_core::customers::words;
use nextbest_core::explain::{Change, Counterfactual, MAX_CHANGES, counterfactual};
use nextbest_core::features::{Expression, SeasonPart};
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::{Forest, Link, Tree, TreeNode};
use nextbest_core::schema::{ColumnKind, Schema};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{FEATURES, SAMPLES};
use crate::recommend::values;
use crate::sample;

/// The most probable product, if it is probable enough.
fn top(probabilities: &[f32]) -> Option<usize> {
    let products = probabilities.iter().enumerate().skip(1);
    let best = products.max_by(|a, b| a.1.total_cmp(b.1))?;
    (*best.1 > 0.02).then_some(best.0 - 1)
}

fn top_of(bundle: &Bundle, row: &[f32]) -> Option<usize> {
    top(bundle.scorer().score(row).unwrap())
}

/// Whether the feature's values are integers.
fn is_whole(bundle: &Bundle, feature: usize) -> bool {
    ["city", "salaries", "payments", "holds_loan", "quarter"]
        .contains(&bundle.features[feature].name.as_str())
}

/// For each bin of a feature that holds a possible value, that value and its distance from the customer's.
fn everywhere(bundle: &Bundle, row: &[f32], feature: usize) -> Vec<(f64, f32)> {
    let edges = bundle.bins.edges(feature);
    let known = edges.len() + 1;
    let values: Vec<f32> = match bundle.features[feature].name.as_str() {
        "holds_loan" | "city" => vec![0.0, 1.0],
        _ if is_whole(bundle, feature) => (0..2000).map(|value| value as f32).collect(),
        _ => edges.iter().copied().chain([edges.last().map_or(0.0, |last| last.abs() * 2.0 + 1.0)]).collect(),
    };
    let own = bundle.bins.bin(feature, row[feature]);
    let mut seen = std::collections::BTreeSet::new();
    let new = values.into_iter().filter(|value| {
        let bin = bundle.bins.bin(feature, *value);
        bin != own && seen.insert(bin)
    });
    new.map(|value| (size(bundle, row, feature, value, known), value)).collect()
}

fn size(bundle: &Bundle, row: &[f32], feature: usize, value: f32, known: usize) -> f64 {
    if row[feature].is_nan() || bundle.features[feature].name == "city" {
        return 1.0;
    }
    let bin = |value| f64::from(bundle.bins.bin(feature, value));
    (bin(value) - bin(row[feature])).abs() / known as f64
}

/// The number of features in the smallest change, and its size.
fn smallest(bundle: &Bundle, row: &[f32], mutable: &[u16]) -> Option<(usize, f64)> {
    let present = top_of(bundle, row);
    let changes = |row: &[f32]| top_of(bundle, row).is_some_and(|offer| Some(offer) != present);
    let of = |feature: u16| everywhere(bundle, row, usize::from(feature));
    let (mut one, mut two): (Option<f64>, Option<f64>) = (None, None);
    let keep = |best: &mut Option<f64>, size: f64| *best = Some(best.map_or(size, |best| best.min(size)));
    for (place, feature) in mutable.iter().enumerate() {
        for (size, value) in of(*feature) {
            let mut changed = row.to_vec();
            changed[usize::from(*feature)] = value;
            if changes(&changed) {
                keep(&mut one, size);
            }
            for other in &mutable[place + 1..] {
                for (more, value) in of(*other) {
                    let mut changed = changed.clone();
                    changed[usize::from(*other)] = value;
                    if changes(&changed) {
                        keep(&mut two, size + more);
                    }
                }
            }
        }
    }
    one.map(|size| (1, size)).or(two.map(|size| (2, size)))
}

/// The reported change is the one that was made, and leads to the reported offer.
fn assert_sound(bundle: &Bundle, row: &[f32], mutable: &[u16], found: &Counterfactual) -> (usize, f64) {
    let (mut changed, mut sizes) = (row.to_vec(), Vec::new());
    for Change { feature, label, from, to, from_text, to_text } in &found.changes {
        let position = bundle.features.iter().position(|other| other.name == *feature).unwrap();
        let definition = &bundle.features[position];
        assert!(mutable.contains(&(position as u16)), "{feature}");
        assert_eq!(*label, definition.label);
        assert_eq!(*from, Some(row[position]).filter(|value| value.is_finite()));
        assert_eq!(*from_text, definition.value_in_words(&bundle.schema, row[position], sample::cutoff()));
        assert_eq!(*to_text, definition.value_in_words(&bundle.schema, *to, sample::cutoff()));
        assert!(!is_whole(bundle, position) || to.fract() == 0.0, "{feature}: {to}");
        sizes.push(size(bundle, row, position, *to, bundle.bins.edges(position).len() + 1));
        changed[position] = *to;
    }
    assert!(matches!(sizes.len(), 1..=2));
    assert_eq!(top_of(bundle, &changed), Some(found.offer));
    assert_ne!(top_of(bundle, row), Some(found.offer));
    (sizes.len(), sizes.iter().sum())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_change_is_smaller(
        row in vec(values(), FEATURES),
        mutable in proptest::sample::subsequence((0..FEATURES as u16).collect::<Vec<_>>(), 0..8),
    ) {
        SAMPLES.with(|samples| for bundle in samples {
            let found = counterfactual(bundle, &row, sample::cutoff(), &mutable, top).unwrap();
            let told = found.map(|found| assert_sound(bundle, &row, &mutable, &found));
            let expected = smallest(bundle, &row, &mutable);
            assert_eq!(told.map(|told| told.0), expected.map(|expected| expected.0));
            if let (Some(told), Some(expected)) = (told, expected) {
                assert!((told.1 - expected.1).abs() < 1e-12, "{told:?} {expected:?}");
            }
        });
    }
}

/// Card if all of these features are above these bins, else loan.
fn card_above(splits: &[(u16, u8)], edges: &[(usize, &[f32])]) -> Bundle {
    let mut bundle = sample::forest();
    bundle.calibration = Calibration::None;
    let mut all = vec![vec![]; FEATURES];
    for (feature, edges) in edges {
        all[*feature] = edges.to_vec();
    }
    bundle.bins = Bins::new(all).unwrap();
    let (mut nodes, mut leaves) = (Vec::new(), Vec::new());
    for (feature, threshold) in splits {
        nodes.extend([
            TreeNode::Split { feature: *feature, threshold: *threshold, missing_right: false },
            TreeNode::Leaf,
        ]);
        leaves.extend([0.0, 1.0, 0.0]);
    }
    nodes.push(TreeNode::Leaf);
    leaves.extend([0.0, 0.0, 1.0]);
    bundle.model = Model::Forest(Forest::new(3, Link::Mean, &[Tree { nodes, leaves }]).unwrap());
    bundle
}

fn told(bundle: &Bundle, row: &[f32], mutable: &[u16]) -> Vec<(String, f32, String)> {
    let found = counterfactual(bundle, row, sample::cutoff(), mutable, top).unwrap();
    let changes = found.map(|found| found.changes).unwrap_or_default();
    changes.into_iter().map(|change| (change.feature, change.to, change.to_text)).collect()
}

const ALL: [u16; FEATURES] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn the_new_value_is_the_nearest_that_the_feature_can_have() {
    let mut row = [0.0; FEATURES];
    let change = |name: &str, to: f32, text: &str| vec![(name.to_owned(), to, text.to_owned())];
    // Salaries are counted.
    let salaries = card_above(&[(2, 1)], &[(2, &[2.5, 2.75, 7.0])]);
    assert_eq!(
        told(&salaries, &row, &ALL),
        change("salaries", 3.0, "3"),
        "the bin from 2.5 to 2.75 has none"
    );
    assert_eq!(told(&salaries, &row, &[0, 1]), []);
    let at_an_edge = card_above(&[(2, 1)], &[(2, &[2.0])]);
    assert_eq!(told(&at_an_edge, &row, &ALL), change("salaries", 3.0, "3"));
    let beyond = card_above(&[(2, 2)], &[(2, &[2.0, 2.5])]);
    row[2] = 9.0;
    assert_eq!(told(&beyond, &row, &ALL), change("salaries", 2.0, "2"), "back from above");
    let below = card_above(&[(2, 1)], &[(2, &[-1.0])]);
    assert_eq!(told(&below, &row, &ALL), [], "nothing is counted below 0");
    // Amounts are rounded to hundredths.
    let amount = card_above(&[(6, 1)], &[(6, &[1234.567])]);
    assert_eq!(told(&amount, &row, &ALL), change("open_amount", 1234.57, "1,234.57"));
    row[6] = 2000.0;
    assert_eq!(told(&amount, &row, &ALL), change("open_amount", 1234.56, "1,234.56"));
    let narrow = card_above(&[(6, 1)], &[(6, &[1.0, 1.001])]);
    row[6] = 0.0;
    let [(_, to, _)] = &told(&narrow, &row, &ALL)[..] else { panic!("one change") };
    assert_eq!(*to, 1.0f32.next_up(), "a bin without a hundredth");
    // A loan is held or not.
    let loan = card_above(&[(5, 1)], &[(5, &[0.0])]);
    assert_eq!(told(&loan, &row, &ALL), change("holds_loan", 1.0, "yes"));
    let loans = card_above(&[(5, 1)], &[(5, &[1.0])]);
    assert_eq!(told(&loans, &row, &ALL), [], "a flag is not 2");
    // A word, and a quarter.
    let city = card_above(&[(1, 1)], &[(1, &[0.0])]);
    assert_eq!(told(&city, &row, &ALL), change("city", 1.0, "Rome"));
    let quarter = card_above(&[(8, 1)], &[(8, &[2.0])]);
    assert_eq!(quarter.features[8].expression, Expression::Season(SeasonPart::Quarter));
    assert_eq!(told(&quarter, &row, &ALL), change("quarter", 3.0, "3"));
}

#[test]
fn a_word_that_the_bundle_does_not_tell_is_no_change() {
    let row = [0.0; FEATURES];
    let with_cities = |cities: &[&str]| {
        let mut bundle = card_above(&[(1, 1)], &[(1, &[0.0])]);
        let mut definition = bundle.schema.definition().clone();
        let city = definition.customer.columns.iter_mut().find(|column| column.name == "CITY").unwrap();
        city.kind = ColumnKind::Category(cities.iter().map(|city| (*city).to_owned()).collect());
        bundle.schema = Schema::try_from(definition).unwrap();
        bundle
    };
    let (first, second) = (&words::placeholder(1)[..], &words::placeholder(2)[..]);
    for (cities, expected) in [
        (&["Bern", "Rome", "Oslo"][..], Some((1.0, "Rome"))),
        (&["Bern", first, "Oslo"], Some((2.0, "Oslo"))),
        (&["Bern", first, second], None),
    ] {
        let found: Vec<_> = told(&with_cities(cities), &row, &ALL);
        let expected = expected.map(|(to, text)| ("city".to_owned(), to, text.to_owned()));
        assert_eq!(found, Vec::from_iter(expected), "{cities:?}");
    }
}

#[test]
fn a_missing_value_may_become_known_but_none_goes_missing() {
    let mut row = [0.0; FEATURES];
    row[3] = f32::NAN;
    let mut bundle = card_above(&[(3, 1)], &[(3, &[100.0, 200.0])]);
    bundle.reference[3] = 150.0;
    let found = counterfactual(&bundle, &row, sample::cutoff(), &ALL, top).unwrap().unwrap();
    assert_eq!((found.changes[0].to, found.changes[0].from), (150.0, None), "the reference's own value");
    assert_eq!((found.changes[0].from_text.as_str(), found.offer), ("not known", 1));
    bundle.reference[3] = f32::NAN;
    assert_eq!(told(&bundle, &row, &ALL)[0].1, 100.01, "the nearest to 0");
    // Card if the value is high or missing; becoming missing is not a change that anyone can make.
    let Model::Forest(forest) = &bundle.model else { panic!("a forest") };
    let mut trees: Vec<Tree> = forest.trees().collect();
    trees[0].nodes[0] = TreeNode::Split { feature: 3, threshold: 1, missing_right: true };
    bundle.model = Model::Forest(Forest::new(3, Link::Mean, &trees).unwrap());
    assert_eq!(told(&bundle, &row, &ALL)[0].1, 0.0);
    row[3] = 50.0;
    assert_eq!(told(&bundle, &row, &ALL)[0].1, 100.01);
}

#[test]
fn one_feature_is_less_than_two_and_the_smaller_steps_win() {
    let row = [0.0; FEATURES];
    let edges: &[(usize, &[f32])] =
        &[(2, &[0.5, 1.5, 2.5, 3.5]), (4, &[0.5, 1.5, 2.5]), (6, &[10.0, 20.0, 30.0, 40.0, 50.0])];
    // Both salaries and payments must rise.
    let both = card_above(&[(2, 1), (4, 2)], edges);
    let to = |name: &str, value: f32| (name.to_owned(), value, value.to_string());
    assert_eq!(told(&both, &row, &ALL), [to("salaries", 1.0), to("payments", 2.0)]);
    assert_eq!(told(&both, &row, &[2, 6]), []);
    // Three features are never changed.
    let three = card_above(&[(2, 1), (4, 2), (6, 1)], edges);
    assert_eq!(told(&three, &row, &ALL), []);
    // Nothing to change, nothing found; the first offer stays.
    let alone = counterfactual(&both, &row, sample::cutoff(), &[], top).unwrap();
    assert_eq!(alone, None);
    assert_eq!(counterfactual(&both, &row, sample::cutoff(), &ALL, |_| Some(0)).unwrap(), None);
    assert_eq!(counterfactual(&both, &row, sample::cutoff(), &ALL, |_| None).unwrap(), None);
    // Positions out of range are ignored, and a repeated position makes no difference.
    assert_eq!(told(&both, &row, &[4, 2, 4, 2, 900]), told(&both, &row, &[2, 4]));
    assert_eq!(
        counterfactual(&both, &row[..3], sample::cutoff(), &ALL, top).unwrap_err().code(),
        "row/length"
    );
}

#[test]
fn no_more_changes_are_looked_at_than_promised() {
    let mut bundle = card_above(&[(0, 1)], &[]);
    // Features that are not integers, and splits that distinguish all their bins.
    let features = [0, 3, 6, 7];
    let edges: Vec<f32> = (0..200).map(|edge| edge as f32).collect();
    bundle.bins = Bins::new(
        (0..FEATURES).map(|f| if features.contains(&f) { edges.clone() } else { vec![] }).collect(),
    )
    .unwrap();
    let stump = |feature: usize, threshold: u8| Tree {
        nodes: vec![
            TreeNode::Split { feature: feature as u16, threshold, missing_right: false },
            TreeNode::Leaf,
            TreeNode::Leaf,
        ],
        leaves: vec![0.0, 1.0, 0.0, 0.0, 0.5, 0.5],
    };
    let trees: Vec<Tree> =
        features.iter().flat_map(|feature| (1..=200).map(|threshold| stump(*feature, threshold))).collect();
    bundle.model = Model::Forest(Forest::new(3, Link::Mean, &trees).unwrap());
    let looked_at = Cell::new(0);
    let same = |_: &[f32]| {
        looked_at.set(looked_at.get() + 1);
        Some(0)
    };
    assert_eq!(counterfactual(&bundle, &[0.5; FEATURES], sample::cutoff(), &ALL, same).unwrap(), None);
    // All 800 steps, and most of their 319,600 pairs, except those of one feature.
    assert!((MAX_CHANGES / 2..=MAX_CHANGES + 1).contains(&looked_at.get()), "{}", looked_at.get());
}
