//! Policies: gates, ranking, hard stops and experiments.

use std::collections::BTreeMap;

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection, Test,
    Transform,
};
use nextbest_core::policy::{
    Arm, ContextWeight, Experiment, Gate, MeasureTest, PolicyDefinition, RankBy, Terms,
};
use nextbest_core::recommend::{Options, Recommendation};
use nextbest_core::{Recommender, time};
use proptest::prelude::*;

use crate::recommend::{constant, load};
use crate::sample;

const THREE: [(f32, Option<f64>); 3] = [(0.3, Some(10.0)), (0.2, Some(40.0)), (0.1, Some(5.0))];

fn ask(recommender: &Recommender, customer: &str, options: Options<'_>) -> Recommendation {
    let customers = sample::customer(customer);
    recommender.recommend(&customers.get(0).unwrap(), options).unwrap()
}

fn now<'a>() -> Options<'a> {
    Options { customer: Some("C1"), ..Options::new(sample::cutoff(), 9) }
}

fn offered(recommendation: &Recommendation) -> Vec<&str> {
    recommendation.offers.iter().map(|offer| offer.product.as_str()).collect()
}

fn rules(recommendation: &Recommendation) -> Vec<(&str, &str)> {
    recommendation.withheld.iter().map(|one| (one.product.as_str(), one.rule.as_str())).collect()
}

fn measure(name: &str, expression: Expression) -> FeatureDefinition {
    FeatureDefinition {
        name: name.into(),
        group: "policy".into(),
        label: name.into(),
        expression,
        missing: None,
    }
}

fn of_transactions(filter: Option<Condition>, window_days: Option<u32>, aggregate: Aggregate) -> Expression {
    let filter = RowFilter { conditions: filter.into_iter().collect(), exclusions: Vec::new() };
    let rows = Box::new(RowSelection { window_days, open: false, filter });
    Expression::Events { table: "transactions".into(), rows, aggregate }
}

fn gate(rule: &str, measure: u16, test: Test, missing: bool) -> Gate {
    Gate {
        rule: rule.into(),
        condition: MeasureTest { measure, test, missing },
        products: Vec::new(),
        channels: Vec::new(),
        stops: false,
    }
}

/// A policy with one gate on one measure.
fn gated(expression: Expression, gate: Gate) -> PolicyDefinition {
    PolicyDefinition {
        measures: vec![measure("what is asked", expression)],
        gates: vec![gate],
        ..PolicyDefinition::default()
    }
}

fn with_terms(terms: [Terms; 3]) -> PolicyDefinition {
    PolicyDefinition { terms: terms.into(), ..PolicyDefinition::default() }
}

fn in_categories(categories: [Option<&str>; 3]) -> PolicyDefinition {
    with_terms(categories.map(|category| Terms { category: category.map(Into::into), ..Terms::default() }))
}

#[test]
fn a_gate_withholds_the_products_that_it_is_about_and_says_what_it_compared() {
    // Ada has been a customer since 2019-05-01: 1,706 days.
    let tenure = Expression::Attribute { column: "SINCE".into(), transform: Transform::DaysSince };
    for (least, holds) in [(1706.0, true), (1707.0, false)] {
        let one = Gate { products: vec![1], ..gate("tenure", 0, Test::AtLeast(least), false) };
        let answer = ask(&load(&constant(&THREE, gated(tenure.clone(), one))), sample::ADA_AT_18, now());
        let expected = if holds { vec![] } else { vec![("Card", "tenure")] };
        assert_eq!(rules(&answer), expected, "{least}");
        assert_eq!(answer.offers.len(), if holds { 3 } else { 2 });
        if !holds {
            assert_eq!(answer.withheld[0].detail, "required: what is asked ≥ 1707; it is 1,706");
        }
    }
    let all = gate("tenure", 0, Test::Below(0.0), true);
    let answer = ask(&load(&constant(&THREE, gated(tenure, all))), sample::ADA_AT_18, now());
    assert_eq!(rules(&answer), [("Loan", "tenure"), ("Card", "tenure"), ("Third", "tenure")]);
}

#[test]
fn what_is_missing_passes_only_where_the_gate_says_so() {
    let mean = of_transactions(None, Some(1), Aggregate::Mean("AMOUNT".into()));
    for (missing, test) in [(true, Test::Above(0.0)), (false, Test::Above(0.0)), (true, Test::Missing(false))]
    {
        let policy = gated(mean.clone(), gate("mean", 0, test, missing));
        let answer = ask(&load(&constant(&THREE, policy)), sample::ADA_AT_18, now());
        assert_eq!(answer.offers.is_empty(), !missing);
        if !missing {
            assert_eq!(answer.withheld[0].detail, "required: what is asked > 0; it is not known");
        }
    }
}

#[test]
fn contacts_are_counted_in_their_window_and_before_the_question() {
    let cap = |most| {
        let count = of_transactions(None, Some(30), Aggregate::Count);
        load(&constant(&THREE, gated(count, gate("contact cap", 0, Test::Below(most), true))))
    };
    // Two on 2023-12-20 and 2023-12-24.
    for (most, as_of, offers) in [
        (2.0, "2024-01-01", 0),
        (3.0, "2024-01-01", 3),
        (2.0, "2024-01-19 10:00:00", 0),
        (2.0, "2024-01-19 10:00:01", 3),
        (2.0, "2023-12-24", 3),
        (1.0, "2023-12-24", 0),
    ] {
        let options = Options { as_of: time::parse(as_of).unwrap(), ..now() };
        assert_eq!(ask(&cap(most), sample::ADA_AT_18, options).offers.len(), offers, "{most} {as_of}");
    }
}

#[test]
fn who_objects_is_not_scored() {
    let last = of_transactions(None, None, Aggregate::Last("TYPE".into()));
    let stop = Gate { stops: true, ..gate("objection", 0, Test::In(vec!["SALARY".into()]), true) };
    let recommender = load(&constant(&THREE, gated(last, stop)));
    let objects = ask(&recommender, sample::ADA, now());
    assert_eq!(objects.none_probability, None, "no score");
    let stopped = objects.stopped.clone().unwrap();
    assert_eq!(
        (stopped.rule.as_str(), stopped.detail.as_str()),
        ("objection", "required: what is asked is SALARY; it is CARD")
    );
    assert!(objects.offers.is_empty());
    assert_eq!(rules(&objects), ["Loan", "Card", "Third"].map(|product| (product, "objection")));
    // Withdrew consent; and never gave it.
    for customer in [sample::ADA_AT_18, r#"{"customer": {"BORN": "1990-01-01"}}"#] {
        let answer = ask(&recommender, customer, now());
        assert!(answer.stopped.is_none() && answer.none_probability.is_some() && !answer.offers.is_empty());
    }
}

#[test]
fn products_are_offered_from_their_launch_until_they_retire_where_they_are_sold() {
    let day = |date: &str| Some((time::parse(date).unwrap() / time::DAY) as u32);
    let recommender = load(&constant(
        &THREE,
        with_terms([
            Terms { launch: day("2024-03-01"), ..Terms::default() },
            Terms { retire: day("2024-03-01"), ..Terms::default() },
            Terms { channels: vec!["WEB".into(), "APP".into()], ..Terms::default() },
        ]),
    ));
    let at = |as_of: &str, channel| {
        let as_of = time::parse(as_of).unwrap();
        ask(&recommender, sample::ADA_AT_18, Options { as_of, channel, ..now() })
    };
    let before = at("2024-02-29 23:59:59", Some("WEB"));
    assert_eq!(offered(&before), ["Card", "Third"]);
    assert_eq!(before.withheld[0].detail, "not offered before 2024-03-01");
    let after = at("2024-03-01", None);
    assert_eq!(offered(&after), ["Loan"]);
    assert_eq!(rules(&after), [("Card", "retirement date"), ("Third", "channel")]);
    assert_eq!(after.withheld[1].detail, "offered in WEB, APP, no channel is named");
    let customers = sample::customer(sample::ADA_AT_18);
    let unknown = Options { channel: Some("FAX"), ..now() };
    let error = recommender.recommend(&customers.get(0).unwrap(), unknown).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("options/channel", "channel `FAX`: the policy knows APP, WEB")
    );
}

#[test]
fn a_priority_is_probability_times_value_times_context_times_lever() {
    let salaries = Condition { column: "TYPE".into(), test: Test::In(vec!["SALARY".into()]) };
    let salaries = of_transactions(Some(salaries), None, Aggregate::Count);
    let weight = |least, products: &[u16], channels: &[&str], weight| ContextWeight {
        condition: Some(MeasureTest { measure: 0, test: Test::AtLeast(least), missing: false }),
        products: products.to_vec(),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        weight,
    };
    let policy = PolicyDefinition {
        rank_by: RankBy::ExpectedValue,
        measures: vec![measure("salaries", salaries)],
        weights: vec![
            weight(2.0, &[0], &[], 3.0),
            weight(2.0, &[0, 2], &["WEB"], 2.0),
            weight(3.0, &[], &[], 100.0),
            ContextWeight { condition: None, products: vec![2], channels: vec![], weight: 0.5 },
        ],
        terms: [1.0, 0.2, 4.0].map(|lever| Terms { lever, ..Terms::default() }).into(),
        ..PolicyDefinition::default()
    };
    let recommender = load(&constant(&THREE, policy));
    let web = ask(&recommender, sample::ADA_AT_18, Options { channel: Some("WEB"), ..now() });
    let factors: BTreeMap<&str, _> =
        web.offers.iter().map(|offer| (offer.product.as_str(), offer.factors)).collect();
    // Two salaries.
    for (product, value, context, lever) in
        [("Loan", 10.0, 6.0, 1.0), ("Card", 40.0, 1.0, 0.2), ("Third", 5.0, 1.0, 4.0)]
    {
        let found = factors[product];
        assert_eq!((found.value, found.context, found.lever), (value, context, lever), "{product}");
        assert_eq!(found.priority, found.probability * value * context * lever);
    }
    assert_eq!(offered(&web), ["Loan", "Third", "Card"], "18, 2 and 1.6");
}

#[test]
fn one_of_a_category_and_the_best_of_it() {
    let mut policy = in_categories([Some("credit"), Some("credit"), None]);
    policy.most_per_category = Some(1);
    let answer = ask(&load(&constant(&THREE, policy.clone())), sample::ADA_AT_18, now());
    assert_eq!((offered(&answer), rules(&answer)), (vec!["Loan", "Third"], vec![("Card", "diversity")]));
    // A product that was passed over does not block those after it.
    let two = ask(&load(&constant(&THREE, policy.clone())), sample::ADA_AT_18, Options { top: 2, ..now() });
    assert_eq!(offered(&two), ["Loan", "Third"]);
    policy.most_per_category = Some(2);
    assert_eq!(ask(&load(&constant(&THREE, policy)), sample::ADA_AT_18, now()).offers.len(), 3);
}

#[test]
fn the_fallback_is_for_those_who_have_no_offer_and_may_have_one() {
    let never = Expression::Holdings(HoldingAggregate::DistinctHeld);
    let mut policy = gated(never, gate("never", 0, Test::Below(0.0), false));
    policy.fallback = Some("a talk".into());
    let bare = ask(&load(&constant(&THREE, policy.clone())), sample::ADA_AT_18, now());
    assert_eq!(bare.fallback.as_deref(), Some("a talk"));
    policy.experiment = Some(experiment(1.0, 0.0));
    let held_out = ask(&load(&constant(&THREE, policy.clone())), sample::ADA_AT_18, now());
    assert_eq!((held_out.fallback, held_out.arm), (None, Some(Arm::Holdout)));
    policy.experiment = None;
    policy.gates[0].stops = true;
    assert_eq!(ask(&load(&constant(&THREE, policy.clone())), sample::ADA_AT_18, now()).fallback, None);
    policy.gates.clear();
    assert_eq!(ask(&load(&constant(&THREE, policy)), sample::ADA_AT_18, now()).fallback, None);
}

fn experiment(holdout: f64, temperature: f64) -> Experiment {
    Experiment { key: "CUSTOMERID".into(), salt: "pepper".into(), holdout, temperature }
}

/// In Python: `hmac.new(b"pepper", b"arm\0" + id, "sha256").digest()[:8]`, as a fraction of 2⁶⁴.
#[test]
fn anybody_can_compute_an_arm() {
    for (customer, fraction) in [
        ("C0000000", 0.07102293455939312),
        ("C0000001", 0.7579743451177564),
        ("C0000002", 0.4593131109909307),
        ("C0000007", 0.3426361769228566),
        ("Zoë", 0.8561918322558733),
    ] {
        assert_eq!(experiment(fraction + 1e-9, 0.0).arm(customer), Arm::Holdout, "{customer}");
        assert_eq!(experiment(fraction - 1e-9, 0.0).arm(customer), Arm::Treatment, "{customer}");
    }
}

#[test]
fn the_holdout_is_as_large_as_it_should_be_and_the_same_at_every_time() {
    let recommender = load(&constant(
        &THREE,
        PolicyDefinition { experiment: Some(experiment(0.1, 0.0)), ..PolicyDefinition::default() },
    ));
    let mut held_out = 0;
    for number in 0..2_000 {
        let id = format!("C{number}");
        let [first, later] = ["2024-01-01", "2024-05-01"].map(|as_of| {
            let as_of = time::parse(as_of).unwrap();
            ask(&recommender, sample::ADA_AT_18, Options { customer: Some(&id), ..Options::new(as_of, 9) })
        });
        assert_eq!(first.arm, later.arm);
        let is_out = first.arm == Some(Arm::Holdout);
        held_out += usize::from(is_out);
        assert_eq!(first.offers.len(), if is_out { 0 } else { 3 });
        assert!(!is_out || rules(&first) == ["Loan", "Card", "Third"].map(|name| (name, "holdout")));
    }
    // Within four standard deviations of 200.
    assert!((146..=254).contains(&held_out), "{held_out}");
    let nobody = Options { customer: None, ..now() };
    let customers = sample::customer(sample::ADA_AT_18);
    let error = recommender.recommend(&customers.get(0).unwrap(), nobody).unwrap_err();
    assert_eq!(error.code(), "customer/value");
    assert!(error.to_string().starts_with("customer.CUSTOMERID: missing"), "{error}");
}

/// Orders are as frequent as their propensities say: Pearson's χ² over all six orders of three products.
#[test]
fn propensities_are_how_often_offers_come() {
    let policy = PolicyDefinition { experiment: Some(experiment(0.0, 0.8)), ..PolicyDefinition::default() };
    let recommender = load(&constant(&THREE, policy));
    let (mut counts, draws) = (BTreeMap::<Vec<String>, (u32, f64)>::new(), 6_000);
    for number in 0..draws {
        let id = format!("C{number}");
        let answer = ask(&recommender, sample::ADA_AT_18, Options { customer: Some(&id), ..now() });
        let order = offered(&answer).into_iter().map(str::to_owned).collect();
        let together: f64 = answer.offers.iter().map(|offer| offer.propensity).product();
        let entry = counts.entry(order).or_insert((0, together));
        assert!((entry.1 - together).abs() < 1e-12, "the same order is as likely for everybody");
        entry.0 += 1;
        // In closed form: 1/0.8 is 1.25.
        let weights: f64 = answer.offers.iter().map(|offer| offer.factors.priority.powf(1.25)).sum();
        let first = answer.offers[0].factors.priority.powf(1.25) / weights;
        assert!((answer.offers[0].propensity - first).abs() < 1e-9);
        assert!((answer.offers[2].propensity - 1.0).abs() < 1e-12, "what is left comes last");
    }
    assert_eq!(counts.len(), 6);
    let total: f64 = counts.values().map(|(_, probability)| probability).sum();
    assert!((total - 1.0).abs() < 1e-9, "{total}");
    let chi_squared: f64 = counts
        .values()
        .map(|(count, probability)| {
            let expected = probability * f64::from(draws);
            (f64::from(*count) - expected).powi(2) / expected
        })
        .sum();
    // The 99.9 % quantile with five degrees of freedom.
    assert!(chi_squared < 20.5, "{chi_squared}");
}

#[test]
fn exploration_keeps_to_the_rules_and_without_it_the_best_comes_first() {
    let mut policy = in_categories([Some("credit"), Some("credit"), None]);
    policy.most_per_category = Some(1);
    policy.experiment = Some(experiment(0.0, 5.0));
    let recommender = load(&constant(&THREE, policy.clone()));
    for number in 0..200 {
        let id = format!("C{number}");
        let answer = ask(&recommender, sample::ADA_AT_18, Options { customer: Some(&id), ..now() });
        assert_eq!((answer.offers.len(), answer.withheld.len()), (2, 1));
        let alone = answer.offers.iter().position(|offer| offer.product != "Third").unwrap();
        assert!(alone == 1 || answer.offers[1].propensity == 1.0, "only one category is left");
    }
    policy.experiment = Some(experiment(0.0, 0.0));
    let greedy = ask(&load(&constant(&THREE, policy)), sample::ADA_AT_18, now());
    assert_eq!(offered(&greedy), ["Loan", "Third"]);
    assert!(greedy.offers.iter().all(|offer| offer.propensity == 1.0));
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    type Spoil = fn(&mut PolicyDefinition);
    let cases: [(Spoil, &str); 12] = [
        (|p| p.min_probability = f32::NAN, "the policy's minimum probability is NaN"),
        (|p| p.terms.truncate(1), "1 terms for 2 products"),
        (|p| p.terms[0].lever = -1.0, "a lever is -1, expected a number of at least 0"),
        (|p| p.weights[0].weight = f64::INFINITY, "a weight is inf"),
        (|p| p.most_per_category = Some(0), "most_per_category is 0"),
        (|p| p.gates[0].condition.measure = 9, "tests a measure that does not exist"),
        (|p| p.gates[0].products = vec![2], "names a product that does not exist"),
        (|p| p.gates[0].rule = "x".repeat(1025), "or has more than 1024 bytes"),
        (|p| p.mutable = vec![2, 1], "mutable features are not in ascending order"),
        (|p| p.mutable = vec![900], "a mutable feature does not exist"),
        (|p| p.experiment.as_mut().unwrap().holdout = 1.5, "the holdout's share is 1.5"),
        (|p| p.measures[0].expression = Expression::Holdings(HoldingAggregate::Holds("?".into())), "`?`"),
    ];
    for (spoil, message) in cases {
        let mut bundle = sample::forest();
        spoil(&mut bundle.policy);
        let error = Recommender::load(&bundle.encode().unwrap()).unwrap_err();
        assert!(error.code() == "bundle/content" && error.to_string().contains(message), "{error}");
    }
}

proptest! {
    /// Whatever the policy, every product is in the answer exactly once.
    #[test]
    fn every_product_is_offered_or_withheld(
        top in 0usize..5,
        least in 0.0f32..0.4,
        category in prop::option::of(1u16..3),
        holdout in 0.0f64..1.0,
        temperature in prop_oneof![Just(0.0), 0.1f64..3.0],
        levers in prop::array::uniform3(prop_oneof![Just(0.0), 0.1f64..10.0]),
        limit in 0.0f64..4.0,
        stops: bool,
        id in "[a-z]{1,4}",
    ) {
        let mut policy = gated(
            of_transactions(None, None, Aggregate::Count),
            Gate { stops, products: vec![0, 2], ..gate("cap", 0, Test::Below(limit), true) },
        );
        policy.terms = levers
            .map(|lever| Terms { category: Some("one".into()), lever, ..Terms::default() })
            .into();
        policy.min_probability = least;
        policy.most_per_category = category;
        policy.experiment = Some(experiment(holdout, temperature));
        let options = Options { top, customer: Some(&id), ..now() };
        let answer = ask(&load(&constant(&THREE, policy)), sample::ADA_AT_18, options);
        prop_assert!(answer.offers.len() <= top);
        let mut names = [offered(&answer), rules(&answer).into_iter().map(|(name, _)| name).collect()].concat();
        names.sort_unstable();
        prop_assert_eq!(names, ["Card", "Loan", "Third"]);
        for offer in &answer.offers {
            prop_assert!(offer.propensity > 0.0 && offer.propensity <= 1.0 + 1e-12 || offer.factors.priority == 0.0);
        }
        for withheld in &answer.withheld {
            prop_assert!(!withheld.rule.is_empty() && !withheld.detail.is_empty());
        }
    }
}
