//! Reasons against their definition: contributions over all coalitions of features, groups one by one.

mod counterfactual;

use nextbest_core::Bundle;
use nextbest_core::explain::{
    Contributions, Explained, Reason, contributions, contributions_to, contributions_to_offers, method,
};
use nextbest_core::model::Model;
use nextbest_core::model::forest::{Forest, Link, Tree, TreeNode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::recommend::values;
use crate::sample;

const FEATURES: usize = 9;

/// The samples of all kinds, and the committed ones.
fn bundles() -> Vec<Bundle> {
    let committed = sample::committed().into_values().map(|bytes| Bundle::decode(&bytes).unwrap());
    committed.chain(sample::all()).chain([scored_label()]).collect()
}

/// A model of a plain table, whose trees add to scores.
fn scored_label() -> Bundle {
    let mut bundle = sample::label();
    let tree = |feature: u16, low: f32, high: f32| Tree {
        nodes: vec![
            TreeNode::Split { feature, threshold: 2, missing_right: true },
            TreeNode::Leaf,
            TreeNode::Leaf,
        ],
        leaves: vec![low, high],
    };
    let trees = [tree(0, 0.5, -1.0), tree(1, 0.25, 0.75), tree(2, -0.5, 0.125)];
    bundle.model = Model::Forest(Forest::new(3, Link::Softmax(vec![0.5, 0.0, -0.5]), &trees).unwrap());
    bundle.goldens = sample::golden_rows(&bundle, &bundle.goldens[0].row);
    bundle
}

fn is_probability(bundle: &Bundle) -> bool {
    matches!(&bundle.model, Model::Forest(forest) if *forest.link() == Link::Mean)
}

/// The probabilities that outputs stand for.
fn probabilities(bundle: &Bundle, outputs: &[f64]) -> Vec<f64> {
    if is_probability(bundle) {
        return outputs.to_vec();
    }
    let greatest = outputs.iter().copied().fold(f64::MIN, f64::max);
    let total: f64 = outputs.iter().map(|output| (output - greatest).exp()).sum();
    outputs.iter().map(|output| (output - greatest).exp() / total).collect()
}

fn assert_near(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() <= tolerance, "{actual} {expected}");
}

#[test]
fn contributions_add_up_to_what_is_scored_for_every_golden_customer() {
    for bundle in bundles() {
        let classes = bundle.schema.class_count();
        let mut scorer = bundle.uncalibrated_scorer();
        assert!(!bundle.goldens.is_empty());
        for golden in &bundle.goldens {
            let contributions = contributions(&bundle, &golden.row).unwrap();
            assert_eq!(contributions.values.len(), bundle.features.len() * classes);
            let sums: Vec<f64> = (0..classes)
                .map(|class| contributions.base[class] + contributions.of(class).sum::<f64>())
                .collect();
            let scored = scorer.score(&golden.row).unwrap().to_vec();
            let told = probabilities(&bundle, &sums);
            for (class, (sum, output)) in sums.iter().zip(&contributions.outputs).enumerate() {
                assert_near(*sum, *output, 1e-9);
                assert_near(told[class], f64::from(scored[class]), 1e-6);
            }
            let reference = scorer.score(&bundle.reference).unwrap();
            for (told, scored) in probabilities(&bundle, &contributions.base).iter().zip(reference) {
                assert_near(*told, f64::from(*scored), 1e-6);
            }
        }
    }
}

#[test]
fn offers_are_measured_against_taking_nothing_or_the_mean_of_all() {
    for bundle in bundles() {
        let classes = bundle.schema.class_count();
        let last = classes - 1;
        for golden in &bundle.goldens {
            let all = contributions(&bundle, &golden.row).unwrap();
            let offers = contributions_to_offers(&bundle, &golden.row, &[last, 1, 0]).unwrap();
            assert_eq!(offers.classes, [last, 1, 0]);
            let parts: [fn(&Contributions) -> &[f64]; 3] = [|c| &c.base, |c| &c.outputs, |c| &c.values];
            for part in parts {
                for (offer, scores) in part(&offers).chunks(3).zip(part(&all).chunks(classes)) {
                    let level = match (is_probability(&bundle), bundle.schema.none_class()) {
                        (true, _) => 0.0,
                        (false, Some(none)) => scores[none],
                        (false, None) => scores.iter().sum::<f64>() / classes as f64,
                    };
                    assert_near(offer[0], scores[last] - level, 1e-12);
                    assert_near(offer[1], scores[1] - level, 1e-12);
                    assert_near(offer[2], scores[0] - level, 1e-12);
                }
            }
            let log_odds = offers.outputs[1];
            if !is_probability(&bundle) && bundle.schema.none_class().is_some() {
                let scored = bundle.uncalibrated_scorer().score(&golden.row).unwrap().to_vec();
                assert_near(log_odds, (f64::from(scored[1]) / f64::from(scored[0])).ln(), 1e-4);
            }
        }
    }
}

#[test]
fn the_method_is_named_by_what_it_measures() {
    let has = |bundle: &Bundle, words: &str| {
        assert!(method(bundle).contains(words), "{}", method(bundle));
        assert!(method(bundle).starts_with("exact Shapley values of the ") && !method(bundle).contains("  "));
    };
    has(&sample::forest(), "probability before calibration");
    has(&sample::label(), "probability before calibration");
    has(&sample::linear(), "log-odds against taking nothing");
    has(&sample::boosted(), "log-odds against taking nothing");
    has(&scored_label(), "log-odds against the classes' geometric mean");
}

/// A feature's contribution to each class: the mean over all coalitions of the others, with the same weight
/// for every coalition size.
fn by_definition(bundle: &Bundle, row: &[f32]) -> Vec<f64> {
    let (count, classes) = (row.len(), bundle.schema.class_count());
    let outputs: Vec<Vec<f64>> = (0..1usize << count)
        .map(|coalition| {
            let own = |feature: &usize| coalition >> feature & 1 == 1;
            let mixed: Vec<f32> =
                (0..count).map(|f| if own(&f) { row[f] } else { bundle.reference[f] }).collect();
            contributions_to(bundle, &mixed, &(0..classes).collect::<Vec<_>>()).unwrap().outputs
        })
        .collect();
    let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
    let value = |feature: usize, class: usize| {
        let without = (0..1usize << count).filter(|coalition| coalition >> feature & 1 == 0);
        let terms = without.map(|coalition| {
            let size = coalition.count_ones() as usize;
            let weight = factorial(size) * factorial(count - size - 1) / factorial(count);
            weight * (outputs[coalition | 1 << feature][class] - outputs[coalition][class])
        });
        terms.sum()
    };
    (0..count)
        .flat_map(|feature| (0..classes).map(move |class| (feature, class)))
        .map(|(f, c)| value(f, c))
        .collect()
}

thread_local! {
    static SAMPLES: [Bundle; 3] = [sample::forest(), sample::linear(), sample::boosted()];
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn contributions_are_the_mean_over_all_coalitions(
        row in vec(values(), FEATURES),
        reference in vec(values(), FEATURES),
    ) {
        SAMPLES.with(|samples| for bundle in samples {
            let bundle = Bundle { reference: reference.clone(), ..bundle.clone() };
            // The leaves of a random forest are rounded distributions, whose sums differ slightly.
            let tolerance = if is_probability(&bundle) { 1e-4 } else { 1e-9 };
            let contributions = contributions(&bundle, &row).unwrap();
            for (actual, expected) in contributions.values.iter().zip(by_definition(&bundle, &row)) {
                assert_near(*actual, expected, tolerance);
            }
        });
    }

    #[test]
    fn reasons_are_the_strongest_groups_that_speak_for_the_offer(row in vec(values(), FEATURES), most in 0..6usize) {
        // The salaries; the payments and their ratio to the salaries; every other feature on its own.
        const GROUPS: [&[usize]; 7] = [&[0], &[1], &[2, 3], &[4, 7], &[5], &[6], &[8]];
        SAMPLES.with(|samples| for bundle in samples {
            let explained = Explained::new(bundle, &row, sample::cutoff(), &[1, 2]).unwrap();
            for class in [1, 2] {
                let parts: Vec<f64> = explained.contributions().of(class).collect();
                let mut expected: Vec<(&[usize], f64)> =
                    GROUPS.iter().map(|group| (*group, group.iter().map(|f| parts[*f]).sum())).collect();
                expected.retain(|(_, sum)| *sum > 0.0);
                expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
                expected.truncate(most);
                let reasons = explained.reasons(class, most);
                assert_eq!(reasons.len(), expected.len());
                for (reason, (group, sum)) in reasons.iter().zip(expected) {
                    assert_reason(bundle, &row, reason, group, sum, &parts);
                }
            }
        });
    }
}

fn assert_reason(bundle: &Bundle, row: &[f32], reason: &Reason, group: &[usize], sum: f64, parts: &[f64]) {
    let mut members = group.to_vec();
    members.retain(|feature| parts[*feature] != 0.0);
    members.sort_by(|a, b| parts[*b].partial_cmp(&parts[*a]).unwrap());
    assert_eq!(reason.contribution, sum as f32);
    assert_eq!(reason.features.len(), members.len());
    for (part, feature) in reason.features.iter().zip(&members) {
        let definition = &bundle.features[*feature];
        assert_eq!((&part.feature, &part.label), (&definition.name, &definition.label));
        assert_eq!(part.contribution, parts[*feature] as f32);
        assert_eq!(part.value, Some(row[*feature]).filter(|value| value.is_finite()));
        let word = ["Bern", "Rome"].iter().zip([0.0, 1.0]).find(|(_, position)| row[*feature] == *position);
        let word = word.filter(|_| definition.name == "city").map(|(word, _)| (*word).to_owned());
        assert_eq!(part.word, word);
    }
    let (strongest, definition) = (&reason.features[0], &bundle.features[members[0]]);
    assert_eq!((&reason.feature, &reason.label), (&strongest.feature, &strongest.label));
    assert_eq!((&reason.value, &reason.word), (&strongest.value, &strongest.word));
    let value = definition.value_in_words(&bundle.schema, row[members[0]], sample::cutoff());
    // "open amount" is a sum; a count is labelled with its own name here, so that no number is put before it.
    assert_eq!(reason.text, format!("{}: {value}", definition.label));
}

#[test]
fn a_reason_reads_like_a_phrase() {
    let mut bundle = sample::boosted();
    bundle.features[2].label = "salaries in 90 days".into();
    bundle.reference = vec![40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 1.0];
    let row = [40.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 1.0];
    let explained = Explained::new(&bundle, &row, sample::cutoff(), &[1]).unwrap();
    let texts: Vec<String> = explained.reasons(1, 9).into_iter().map(|reason| reason.text).collect();
    assert_eq!(texts, ["3 salaries in 90 days"], "salaries lead to loans");
}
