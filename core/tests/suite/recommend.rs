//! Scores, offers and reasons against direct computation.

use nextbest_core::customers::read_customer;
use nextbest_core::explain::{Explained, contributions};
use nextbest_core::model::Model;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::{Forest, Link, Tree, TreeNode};
use nextbest_core::policy::{PolicyDefinition, RankBy};
use nextbest_core::recommend::{Options, Recommendation, Recommender};
use nextbest_core::schema::Product;
use nextbest_core::score::Buffers;
use nextbest_core::{Bundle, time};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::sample;

const FEATURES: usize = 9;

/// Feature values on every side of the small models' edges.
pub(crate) fn values() -> impl Strategy<Value = f32> {
    prop_oneof![
        Just(f32::NAN),
        Just(f32::INFINITY),
        (0..4u8).prop_map(f32::from),
        0.0..1.5f32,
        0.0..1000.0f32,
    ]
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

thread_local! {
    static SAMPLES: [Bundle; 2] = [sample::forest(), sample::linear()];
}

proptest! {
    #[test]
    fn a_batch_scores_as_its_rows_do(
        rows in (0..8usize).prop_flat_map(|count| vec(values(), count * FEATURES)),
    ) {
        SAMPLES.with(|samples| for bundle in samples {
            let count = rows.len() / FEATURES;
            let batch = bundle.scorer().score_batch(&rows, count).unwrap();
            // A new scorer for each row: earlier rows leave no trace.
            let single: Vec<f32> =
                rows.chunks(FEATURES).flat_map(|row| bundle.scorer().score(row).unwrap().to_vec()).collect();
            assert_eq!(bits(&batch), bits(&single));
        });
    }
}

#[test]
fn what_the_model_says_is_calibrated_or_as_it_was() {
    SAMPLES.with(|samples| {
        for bundle in samples {
            let row = &bundle.goldens[0].row;
            let model = bundle.uncalibrated_scorer().score(row).unwrap().to_vec();
            let mut calibrated = model.clone();
            bundle.calibration.apply(&mut calibrated);
            assert_ne!(calibrated, model);
            assert_eq!(bundle.scorer().score(row).unwrap(), calibrated);
            let plain = Bundle { calibration: Calibration::None, ..bundle.clone() };
            assert_eq!(plain.scorer().score(row).unwrap(), model);
        }
    });
}

#[test]
fn rows_of_another_length_are_refused() {
    let bundle = sample::forest();
    let mut scorer = bundle.scorer();
    let row = [0.0; 2 * FEATURES];
    assert_eq!(scorer.score(&row[..8]).unwrap_err().to_string(), "expected 9 feature values, got 8");
    assert_eq!(scorer.score_batch(&row, 3).unwrap_err().to_string(), "expected 27 feature values, got 18");
    assert_eq!(scorer.score_batch(&row, usize::MAX).unwrap_err().code(), "row/length");
    assert_eq!(scorer.score_batch(&row, 2).unwrap().len(), 6);
    let mut room = [f32::NAN; 9];
    scorer.score_rows(&row, 2, &mut room).unwrap();
    assert_eq!(room[..6], scorer.score_batch(&row, 2).unwrap());
    assert!(room[6..].iter().all(|value| value.is_nan()), "what is behind the rows is not touched");
    assert_eq!(scorer.score_rows(&row, 2, &mut room[..5]).unwrap_err().code(), "row/length");
    assert_eq!(scorer.score_batch(&[], 0).unwrap(), [0f32; 0]);
    assert_eq!(contributions(&bundle, &row).unwrap_err().code(), "row/length");
}

#[test]
fn buffers_hold_as_many_rows_as_are_scored_together_and_score_no_more_than_they_hold() {
    let bundle = sample::forest();
    let mut buffers = Buffers::default();
    assert_eq!(buffers.make_room(&bundle.scorer(), 3), 3);
    assert_eq!((buffers.rows.len(), buffers.probabilities().len()), (3 * FEATURES, 9));
    let (rows, probabilities) = (buffers.rows.as_ptr(), buffers.probabilities().as_ptr());
    buffers.rows.iter_mut().zip(0u8..).for_each(|(value, number)| *value = number.into());
    let expected = bundle.scorer().score_batch(&buffers.rows, 3).unwrap();
    assert_eq!(buffers.score(bundle.scorer(), 3).unwrap(), expected);
    assert_eq!(buffers.score(bundle.scorer(), 1).unwrap(), &expected[..3]);
    let row = buffers.first(1, FEATURES).unwrap().to_vec();
    assert_eq!(buffers.score_row(bundle.scorer(), &row).unwrap(), &expected[..3]);
    assert_eq!(
        (buffers.rows.as_ptr(), buffers.probabilities().as_ptr()),
        (rows, probabilities),
        "no new memory"
    );
    for count in [2, usize::MAX] {
        assert_eq!(buffers.score(bundle.scorer(), count).unwrap_err().code(), "row/length");
    }
    assert_eq!(buffers.score_row(bundle.scorer(), &[0.0; 2 * FEATURES]).unwrap_err().code(), "row/length");
    assert_eq!(buffers.first(1, 0).unwrap_err().code(), "row/length", "without features there are no rows");
    let most = buffers.make_room(&bundle.scorer(), usize::MAX);
    assert_eq!(buffers.rows.len(), most * FEATURES);
    assert!(most < 10_000, "{most}");
}

/// A bundle whose model gives everyone the same probabilities: these to products with these values, the rest
/// to NONE.
pub(crate) fn constant(products: &[(f32, Option<f64>)], policy: PolicyDefinition) -> Bundle {
    let mut bundle = sample::forest();
    let mut schema = bundle.schema.definition().clone();
    let product = |(position, (_, value)): (usize, &(f32, Option<f64>))| Product {
        id: ["L", "C", "X", "Y"][position].into(),
        name: ["Loan", "Card", "Third", "Fourth"][position].into(),
        min_age: (position == 0).then_some(18.0),
        repeatable: position > 0,
        value: *value,
    };
    schema.products = products.iter().enumerate().map(product).collect();
    bundle.schema = schema.try_into().unwrap();
    let taken: f32 = products.iter().map(|(probability, _)| probability).sum();
    let leaves = std::iter::once(1.0 - taken).chain(products.iter().map(|(probability, _)| *probability));
    let tree = Tree { nodes: vec![TreeNode::Leaf], leaves: leaves.collect() };
    bundle.model = Model::Forest(Forest::new(products.len() + 1, Link::Mean, &[tree]).unwrap());
    bundle.calibration = Calibration::None;
    bundle.goldens.clear();
    bundle.policy = policy;
    bundle
}

pub(crate) fn load(bundle: &Bundle) -> Recommender {
    Recommender::load(&bundle.encode().unwrap()).unwrap()
}

fn recommend(recommender: &Recommender, customer: &str, as_of: &str, top: usize) -> Recommendation {
    let customers = sample::customer(customer);
    let options =
        Options { explain: true, customer: Some("C1"), ..Options::new(time::parse(as_of).unwrap(), top) };
    recommender.recommend(&customers.get(0).unwrap(), options).unwrap()
}

/// The products that are offered, and those that are withheld, each with its rule.
fn outcome(recommendation: &Recommendation) -> (Vec<&str>, Vec<(&str, &str)>) {
    (
        recommendation.offers.iter().map(|offer| offer.product.as_str()).collect(),
        recommendation
            .withheld
            .iter()
            .map(|withheld| (withheld.product.as_str(), withheld.rule.as_str()))
            .collect(),
    )
}

#[test]
fn rules_withhold_what_they_should_and_nothing_else() {
    let recommender = load(&constant(&[(0.3, None), (0.2, None)], PolicyDefinition::default()));
    let both = (vec!["Loan", "Card"], vec![]);
    let only_card = |rule| (vec!["Card"], vec![("Loan", rule)]);
    let born = r#""BORN": "1990-01-01""#;
    let cases = [
        ("nothing held", born, "", "2024-01-01", both.clone()),
        (
            "held",
            born,
            r#"{"OPENED": "2023-12-31", "PRODUCT": "L"}"#,
            "2024-01-01",
            only_card("already owned"),
        ),
        (
            "taken at the moment itself",
            born,
            r#"{"OPENED": "2024-01-01", "PRODUCT": "L"}"#,
            "2024-01-01",
            both.clone(),
        ),
        (
            "given up",
            born,
            r#"{"OPENED": "2020-01-01", "CLOSED": "2023-12-31", "PRODUCT": "L"}"#,
            "2024-01-01",
            both.clone(),
        ),
        (
            "given up at the moment itself",
            born,
            r#"{"OPENED": "2020-01-01", "CLOSED": "2024-01-01", "PRODUCT": "L"}"#,
            "2024-01-01",
            only_card("already owned"),
        ),
        (
            "may be taken twice",
            born,
            r#"{"OPENED": "2023-12-31", "PRODUCT": "C"}"#,
            "2024-01-01",
            both.clone(),
        ),
        ("just old enough", born, "", "2008-01-01", both.clone()),
        ("a second too young", born, "", "2007-12-31 23:59:59", only_card("minimum age")),
        ("birth date missing", r#""BORN": null"#, "", "2024-01-01", only_card("minimum age")),
        ("birth date in the future", r#""BORN": "2024-01-01""#, "", "2024-01-01", only_card("minimum age")),
        (
            "owned comes before too young",
            r#""BORN": null"#,
            r#"{"OPENED": "2023-12-31", "PRODUCT": "L"}"#,
            "2024-01-01",
            only_card("already owned"),
        ),
    ];
    for (what, born, accounts, as_of, expected) in cases {
        let customer =
            format!(r#"{{"customer": {{"SINCE": "2000-01-01", {born}}}, "accounts": [{accounts}]}}"#);
        assert_eq!(outcome(&recommend(&recommender, &customer, as_of, 9)), expected, "{what}");
    }
}

#[test]
fn details_say_what_was_compared() {
    let policy = PolicyDefinition { min_probability: 0.25, ..PolicyDefinition::default() };
    let recommender = load(&constant(&[(0.3, None), (0.2, None)], policy));
    let details = |born: &str, accounts: &str| {
        let customer = format!(r#"{{"customer": {{"BORN": {born}}}, "accounts": [{accounts}]}}"#);
        let recommendation = recommend(&recommender, &customer, "2024-01-01", 9);
        recommendation.withheld.into_iter().map(|withheld| withheld.detail).collect::<Vec<_>>()
    };
    let too_improbable = "at least 0.25, it is 0.2000";
    assert_eq!(details("\"2014-01-01\"", ""), ["at least 18 years, the customer is 10", too_improbable]);
    assert_eq!(
        details("null", ""),
        ["at least 18 years, but the date of birth is not known", too_improbable]
    );
    let held = r#"{"OPENED": "2023-12-31", "PRODUCT": "L"}"#;
    assert_eq!(details("null", held), ["held now, and can't be taken twice", too_improbable]);
}

#[test]
fn a_minimum_age_needs_a_birth_date_and_0_is_none() {
    let mut bundle = constant(&[(0.3, None), (0.2, None)], PolicyDefinition::default());
    let mut schema = bundle.schema.definition().clone();
    schema.birth_date = None;
    bundle.schema = schema.clone().try_into().unwrap();
    let customer = r#"{"customer": {"BORN": "1990-01-01"}}"#;
    let unknown = recommend(&load(&bundle), customer, "2024-01-01", 9);
    assert_eq!(outcome(&unknown), (vec!["Card"], vec![("Loan", "minimum age")]));
    schema.products[0].min_age = Some(0.0);
    bundle.schema = schema.try_into().unwrap();
    let unlimited = recommend(&load(&bundle), customer, "2024-01-01", 9);
    assert_eq!(outcome(&unlimited), (vec!["Loan", "Card"], vec![]));
}

#[test]
fn the_least_probability_is_still_offered() {
    let mut bundle = constant(&[(0.3, None), (0.2, None)], PolicyDefinition::default());
    let probability = bundle.scorer().score(&[0.0; FEATURES]).unwrap()[1];
    for (least, offered) in [(probability, vec!["Loan"]), (probability.next_up(), vec![])] {
        bundle.policy.min_probability = least;
        assert_eq!(outcome(&recommend(&load(&bundle), sample::ADA_AT_18, "2024-01-01", 9)).0, offered);
    }
}

#[test]
fn offers_are_ranked_by_probability_or_by_expected_value() {
    let products = [(0.3, Some(10.0)), (0.2, Some(40.0)), (0.1, Some(-5.0)), (0.1, Some(1000.0))];
    let by = |rank_by| {
        let recommender =
            load(&constant(&products, PolicyDefinition { rank_by, ..PolicyDefinition::default() }));
        recommend(&recommender, sample::ADA_AT_18, "2024-01-01", 9)
    };
    let (by_probability, by_value) = (by(RankBy::Probability), by(RankBy::ExpectedValue));
    assert_eq!(
        outcome(&by_probability).0,
        ["Loan", "Card", "Third", "Fourth"],
        "of equals the first declared"
    );
    assert_eq!(outcome(&by_value).0, ["Fourth", "Card", "Loan", "Third"]);
    for offer in by_probability.offers.iter().chain(&by_value.offers) {
        let position =
            ["Loan", "Card", "Third", "Fourth"].iter().position(|name| *name == offer.product).unwrap();
        let (probability, value) = products[position];
        assert!((offer.probability - probability).abs() < 1e-4);
        assert_eq!(offer.expected_value, Some(f64::from(offer.probability) * value.unwrap()));
    }
    assert!((by_value.none_probability.unwrap() - 0.3).abs() < 1e-4);
}

#[test]
fn equal_expected_values_keep_the_declared_order() {
    let products = [(0.125, Some(8.0)), (0.25, Some(4.0)), (0.5, Some(2.0))];
    let policy = PolicyDefinition { rank_by: RankBy::ExpectedValue, ..PolicyDefinition::default() };
    let mut bundle = constant(&products, policy);
    // Leaves that 16-bit codes represent exactly.
    let tree = Tree { nodes: vec![TreeNode::Leaf], leaves: vec![0.125, 0.125, 0.25, 0.5] };
    bundle.model = Model::Forest(Forest::new(4, Link::Mean, &[tree]).unwrap());
    let recommendation = recommend(&load(&bundle), sample::ADA_AT_18, "2024-01-01", 9);
    assert_eq!(outcome(&recommendation).0, ["Loan", "Card", "Third"]);
    assert!(recommendation.offers.iter().all(|offer| offer.expected_value == Some(1.0)));
}

#[test]
fn what_is_not_among_the_top_is_withheld_by_its_rank() {
    let recommender = load(&constant(&[(0.1, None), (0.2, None), (0.3, None)], PolicyDefinition::default()));
    let young = r#"{"customer": {"BORN": "2020-01-01"}}"#;
    let (loan, card, third) = (("Loan", "minimum age"), ("Card", "rank"), ("Third", "rank"));
    for (top, offered, withheld) in [
        (0, &[][..], vec![loan, third, card]),
        (1, &["Third"], vec![loan, card]),
        (2, &["Third", "Card"], vec![loan]),
        (usize::MAX, &["Third", "Card"], vec![loan]),
    ] {
        let recommendation = recommend(&recommender, young, "2024-01-01", top);
        assert_eq!(outcome(&recommendation), (offered.to_vec(), withheld));
        assert!(recommendation.offers.iter().all(|offer| offer.expected_value.is_none()));
    }
    let first = recommend(&recommender, young, "2024-01-01", 1);
    assert_eq!(first.withheld[1].detail, "number 2 in the ranking, and 1 were asked for");
}

#[test]
fn an_answer_has_the_shape_that_javascript_reads() {
    let recommender = load(&sample::forest());
    let mut answer =
        serde_json::to_value(recommend(&recommender, sample::ADA_AT_18, "2024-01-01 12:00:00", 9)).unwrap();
    assert_eq!(answer["asOf"], "2024-01-01 12:00:00");
    assert_eq!(answer["modelVersion"], recommender.model_version());
    assert_eq!(answer["reasonMethod"], nextbest_core::explain::method(recommender.bundle()));
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&answer),
        [
            "arm",
            "asOf",
            "counterfactual",
            "fallback",
            "ignored",
            "modelVersion",
            "noneProbability",
            "offers",
            "reasonMethod",
            "stopped",
            "withheld"
        ]
    );
    let offer = &answer["offers"][0];
    assert_eq!(keys(offer), ["expectedValue", "factors", "probability", "product", "propensity", "reasons"]);
    let reason = &offer["reasons"][0];
    assert_eq!(keys(reason), ["contribution", "feature", "features", "label", "text", "value", "word"]);
    assert_eq!(keys(&reason["features"][0]), ["contribution", "feature", "label", "value", "word"]);
    let withheld = recommend(&recommender, r#"{"customer": {}}"#, "2024-01-01", 9);
    answer = serde_json::to_value(withheld).unwrap();
    assert_eq!(keys(&answer["withheld"][0]), ["detail", "product", "rule"]);
    assert_eq!(answer["withheld"][0]["rule"], "minimum age");
}

#[test]
fn reasons_come_only_when_asked_for_and_at_most_three() {
    let recommender = load(&sample::forest());
    let customers = sample::customer(sample::ADA_AT_18);
    let customer = customers.get(0).unwrap();
    let ask = |explain| {
        let options = Options { explain, customer: Some("C1"), ..Options::new(sample::cutoff(), 9) };
        recommender.recommend(&customer, options).unwrap()
    };
    let (plain, recommended) = (ask(false), ask(true));
    assert!(plain.offers.iter().all(|offer| offer.reasons.is_empty()));
    assert!(recommended.offers.iter().any(|offer| !offer.reasons.is_empty()));
    let row = recommender.features(&customer, sample::cutoff());
    let explained = Explained::new(recommender.bundle(), &row, sample::cutoff(), &[1, 2]).unwrap();
    for offer in &recommended.offers {
        let class = if offer.product == "Loan" { 1 } else { 2 };
        assert_eq!(offer.reasons, explained.reasons(class, 3));
    }
}

#[test]
fn a_row_of_a_plain_table_gets_all_classes_the_most_probable_first() {
    let recommender = Recommender::load(&sample::label().encode().unwrap()).unwrap();
    let read = |json: &str| read_customer(recommender.schema(), json).unwrap();
    let now = time::parse("2030-01-01").unwrap();
    let row = read(sample::CONTRACT);
    let row = row.get(0).unwrap();
    let features = recommender.features(&row, now);
    let days =
        (time::parse("2024-01-01").unwrap() - time::parse("2023-11-30 12:00").unwrap()) as f32 / 86_400.0;
    assert_eq!(features, [44.0, 1.0, days, 1970.0 + (19_691.5 / 365.25) as f32], "seen from its own time");
    let prediction = recommender.predict(&row, now).unwrap();
    let scored = recommender.scorer().score(&features).unwrap().to_vec();
    let mut expected: Vec<(&str, f32)> = recommender.schema().class_names().into_iter().zip(scored).collect();
    expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
    let found: Vec<(&str, f32)> =
        prediction.classes.iter().map(|class| (class.name.as_str(), class.probability)).collect();
    assert_eq!(found, expected);
    assert!(expected[0].1 > expected[2].1, "the classes are told apart");

    // Without a time of its own the row is seen from now.
    let undated = read(r#"{"SIGNED": "2029-12-31"}"#);
    assert_eq!(recommender.features(&undated.get(0).unwrap(), now)[2], 1.0);
}

#[test]
fn a_model_answers_only_its_own_question() {
    let plain = Recommender::load(&sample::label().encode().unwrap()).unwrap();
    let row = read_customer(plain.schema(), sample::CONTRACT).unwrap();
    let options = Options::new(sample::cutoff(), 3);
    let error = plain.recommend(&row.get(0).unwrap(), options).unwrap_err();
    assert_eq!(error.code(), "recommender/task");
    assert!(error.to_string().contains("use scoreRow"), "{error}");
    let bank = Recommender::load(&sample::forest().encode().unwrap()).unwrap();
    let ada = sample::customer(sample::ADA);
    let error = bank.predict(&ada.get(0).unwrap(), sample::cutoff()).unwrap_err();
    assert_eq!(error.code(), "recommender/task");
    assert!(error.to_string().contains("use recommend"), "{error}");
}
