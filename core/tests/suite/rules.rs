//! Consent, caps, limits and ages against oracles written from docs/POLICY.md alone: every doubt is resolved
//! in every possible way, and a rule must hold in all of these worlds.

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, RowFilter, RowSelection, Test, Transform,
};
use nextbest_core::policy::{Gate, MeasureTest, PolicyDefinition};
use nextbest_core::recommend::{Options, Recommendation};
use nextbest_core::schema::{Column, ColumnKind, Table};
use nextbest_core::{Recommender, time};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::recommend::{constant, load};

const AS_OF: &str = "2024-01-01";
/// The words that the bundle knows.
const PURPOSES: [&str; 2] = ["MARKETING", "PROFILING"];
const ANSWERS: [&str; 4] = ["N", "Y", "YES", "true"];

/// The small bank with a table of answers.
fn recommender(expression: Expression, gate: (Test, bool, bool), missing: Option<f32>) -> Recommender {
    let (test, passes, stops) = gate;
    let measure = FeatureDefinition {
        name: "what is asked".into(),
        group: "policy".into(),
        label: "what is asked".into(),
        expression,
        missing,
    };
    let gate = Gate {
        rule: "the rule".into(),
        condition: MeasureTest { measure: 0, test, missing: passes },
        products: Vec::new(),
        channels: Vec::new(),
        stops,
    };
    let policy =
        PolicyDefinition { measures: vec![measure], gates: vec![gate], ..PolicyDefinition::default() };
    let mut bundle = constant(&[(0.3, None), (0.2, None)], PolicyDefinition::default());
    let mut schema = bundle.schema.definition().clone();
    let column = |name: &str, kind| Column { name: name.into(), kind, current: false };
    let words = |words: &[&str]| ColumnKind::Category(words.iter().map(|word| (*word).to_owned()).collect());
    schema.tables.push(Table {
        name: "answers".into(),
        time: Some("AT".into()),
        columns: vec![
            column("AT", ColumnKind::Time),
            column("PURPOSE", words(&PURPOSES)),
            column("ANSWER", words(&ANSWERS)),
            column("AMOUNT", ColumnKind::Number),
        ],
    });
    bundle.schema = schema.try_into().unwrap();
    bundle.policy = policy;
    load(&bundle)
}

fn of_answers(filter: RowFilter, window_days: Option<u32>, aggregate: Aggregate) -> Expression {
    let rows = Box::new(RowSelection { window_days, open: false, filter });
    Expression::Events { table: "answers".into(), rows, aggregate }
}

fn ask(recommender: &Recommender, own: &str, rows: &[String], as_of: &str) -> Recommendation {
    let json =
        format!(r#"{{"customer": {{"SINCE": "2000-01-01", {own}}}, "answers": [{}]}}"#, rows.join(","));
    let customers = nextbest_core::customers::read_customer(recommender.schema(), &json).unwrap();
    let options = Options::new(time::parse(as_of).unwrap(), 9);
    recommender.recommend(&customers.get(0).unwrap(), options).unwrap()
}

const ADULT: &str = r#""BORN": "1980-01-01""#;

/// A cell in JSON, with its word; `None` if it has none.
type Said = (&'static str, Option<&'static str>);

const SAID_PURPOSES: [Said; 7] = [
    (r#""MARKETING""#, Some("MARKETING")),
    (r#""MARKETING""#, Some("MARKETING")),
    (r#""PROFILING""#, Some("PROFILING")),
    (r#""SURVEYS""#, Some("SURVEYS")),
    ("false", Some("false")),
    ("null", None),
    (r#""""#, None),
];

const SAID_ANSWERS: [Said; 11] = [
    (r#""Y""#, Some("Y")),
    (r#""Y""#, Some("Y")),
    (r#""YES""#, Some("YES")),
    (r#""N""#, Some("N")),
    ("true", Some("true")),
    ("false", Some("false")),
    ("0", Some("0")),
    (r#""WITHDRAWN""#, Some("WITHDRAWN")),
    (r#""y""#, Some("y")),
    ("null", None),
    (r#""""#, None),
];

#[derive(Debug, Clone)]
struct Row {
    day: u32,
    purpose: Said,
    answer: Said,
}

impl Row {
    fn json(&self) -> String {
        let Self { day, purpose: (purpose, _), answer: (answer, _) } = self;
        format!(r#"{{"AT": "2023-12-{day:02}", "PURPOSE": {purpose}, "ANSWER": {answer}}}"#)
    }

    /// Whether a condition on the purpose holds for the row; `None` if undecided.
    fn passes(&self, test: &Test) -> Option<bool> {
        let known = self.purpose.1.filter(|word| PURPOSES.contains(word));
        match test {
            Test::In(words) => known.map(|word| words.iter().any(|other| other == word)),
            Test::NotIn(words) => known.map(|word| words.iter().all(|other| other != word)),
            Test::Missing(missing) => Some(self.purpose.1.is_none() == *missing),
            _ => None,
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (20u32..25, select(&SAID_PURPOSES[..]), select(&SAID_ANSWERS[..]));
    vec(row.prop_map(|(day, purpose, answer)| Row { day, purpose, answer }), 0..7)
}

fn purpose_test() -> impl Strategy<Value = Test> {
    let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    prop_oneof![
        subsequence(PURPOSES.to_vec(), 1..=2).prop_map(move |some| Test::In(words(some))),
        subsequence(PURPOSES.to_vec(), 0..=1).prop_map(move |some| Test::NotIn(words(some))),
        any::<bool>().prop_map(Test::Missing),
    ]
}

/// Every combination of undecided rows that count.
fn worlds(rows: &[Row], counts: impl Fn(&Row) -> Option<bool>) -> Vec<Vec<&Row>> {
    let mut worlds: Vec<Vec<&Row>> = vec![Vec::new()];
    for row in rows {
        let doubt = counts(row);
        let with = worlds.iter().map(|world| [world.as_slice(), &[row]].concat()).collect();
        match doubt {
            Some(true) => worlds = with,
            Some(false) => {}
            None => worlds.extend(with),
        }
    }
    worlds
}

fn filter(test: &Test, is_excluded: bool) -> RowFilter {
    let condition = Condition { column: "PURPOSE".into(), test: test.clone() };
    match is_excluded {
        false => RowFilter { conditions: vec![condition], exclusions: Vec::new() },
        true => RowFilter { conditions: Vec::new(), exclusions: vec![vec![condition]] },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// The latest answer decides, and any answer that is not among the granted ones is a no.
    #[test]
    fn consent_is_what_the_latest_answer_says_in_every_world(
        rows in rows(),
        test in purpose_test(),
        is_excluded: bool,
        granted in subsequence(ANSWERS.to_vec(), 0..=3),
        required: bool,
        stops: bool,
    ) {
        let words = granted.iter().map(|word| (*word).to_owned()).collect();
        let last = of_answers(filter(&test, is_excluded), None, Aggregate::Last("ANSWER".into()));
        let recommender = recommender(last, (Test::In(words), !required, stops), None);
        let json: Vec<String> = rows.iter().map(Row::json).collect();
        let answer = ask(&recommender, ADULT, &json, AS_OF);
        let consents = worlds(&rows, |row| row.passes(&test).map(|passes| passes != is_excluded)).iter().all(|about| {
            let latest = about.iter().map(|row| row.day).max();
            let mut said = about.iter().filter(|row| Some(row.day) == latest).map(|row| row.answer.1);
            match latest {
                None => !required,
                Some(_) => said.all(|said| said.is_some_and(|word| granted.contains(&word))),
            }
        });
        prop_assert_eq!(answer.offers.len(), if consents { 2 } else { 0 }, "{:?}", &answer.withheld);
        prop_assert_eq!(answer.stopped.is_some(), stops && !consents);
        prop_assert_eq!(answer.none_probability.is_some(), answer.stopped.is_none(), "who is stopped is not \
            scored");
    }

    /// A contact that may count does count.
    #[test]
    fn a_cap_holds_in_every_world(rows in rows(), test in purpose_test(), is_excluded: bool, most in 0u32..6, least: bool) {
        let count = of_answers(filter(&test, is_excluded), Some(30), Aggregate::Count);
        let limit = f64::from(most);
        let asked = if least { Test::AtLeast(limit) } else { Test::Below(limit) };
        let recommender = recommender(count, (asked, true, false), None);
        let json: Vec<String> = rows.iter().map(Row::json).collect();
        let answer = ask(&recommender, ADULT, &json, AS_OF);
        let passes = worlds(&rows, |row| row.passes(&test).map(|passes| passes != is_excluded))
            .iter()
            .all(|world| (world.len() >= most as usize) == least);
        prop_assert_eq!(answer.offers.len(), if passes { 2 } else { 0 });
    }

    /// Cents are summed and compared exactly, and the value in a refusal's text fails the limit that it
    /// names.
    #[test]
    fn limits_are_met_to_the_cent(
        cents in vec(prop_oneof![-1_000_000_000i64..1_000_000_000, -500i64..500], 1..12),
        off in prop_oneof![Just(0i64), Just(1), Just(-1), -10_000i64..10_000],
        kind in 0usize..5,
    ) {
        let sum: i64 = cents.iter().sum();
        let limit = sum + off;
        let decimal = |cents: i64| format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
        let number: f64 = decimal(limit).parse().unwrap();
        let (test, passes): (Test, bool) = [
            (Test::AtLeast(number), sum >= limit),
            (Test::Above(number), sum > limit),
            (Test::AtMost(number), sum <= limit),
            (Test::Below(number), sum < limit),
            (Test::Equals(number), sum == limit),
        ][kind].clone();
        let total = of_answers(RowFilter::default(), None, Aggregate::Sum("AMOUNT".into()));
        let recommender = recommender(total, (test, false, false), None);
        let rows: Vec<String> = cents
            .iter()
            .map(|cents| format!(r#"{{"AT": "2023-12-01", "AMOUNT": {}}}"#, decimal(*cents)))
            .collect();
        let answer = ask(&recommender, ADULT, &rows, AS_OF);
        prop_assert_eq!(answer.offers.len(), if passes { 2 } else { 0 }, "{:?}", &answer.withheld);
        if let Some(refused) = answer.withheld.first() {
            let (_, said) = refused.detail.rsplit_once("it is ").unwrap();
            let said: f64 = said.replace(',', "").parse().unwrap();
            let contradicts = match kind {
                0 => said >= number,
                1 => said > number,
                2 => said <= number,
                3 => said < number,
                _ => said == number,
            };
            prop_assert!(!contradicts, "{}", refused.detail);
        }
    }
}

#[test]
fn limits_are_compared_in_one_precision() {
    let amount = of_answers(RowFilter::default(), None, Aggregate::Last("AMOUNT".into()));
    for (test, said, passes) in [
        (Test::AtLeast(1000.1), "1000.1", true),
        (Test::AtMost(0.1), "0.1", true),
        (Test::Equals(16_777_216.0), "16777217", false),
        (Test::AtLeast(16_777_217.0), "16777216", false),
        (Test::Below(1000.1), "1000.1", false),
        (Test::Above(0.3), "0.3", false),
    ] {
        let recommender = recommender(amount.clone(), (test, false, false), None);
        let rows = [format!(r#"{{"AT": "2023-12-01", "AMOUNT": {said}}}"#)];
        let answer = ask(&recommender, ADULT, &rows, AS_OF);
        assert_eq!(answer.offers.len(), if passes { 2 } else { 0 }, "{said} {:?}", answer.withheld);
    }
}

/// The replacement of a missing word is not a word's position, and an unknown word is not missing.
#[test]
fn a_missing_word_is_not_the_first_and_an_unknown_one_is_not_missing() {
    let city = || Expression::Attribute { column: "CITY".into(), transform: Transform::Value };
    let own = |city: &str| format!(r#"{ADULT}, "CITY": {city}"#);
    let first = || vec!["Bern".to_owned()];
    for (test, passes, city_is, holds) in [
        (Test::In(first()), false, "\"Bern\"", true),
        (Test::In(first()), false, "null", false),
        (Test::In(first()), true, "null", true),
        (Test::In(first()), true, "\"Atlantis\"", false),
        (Test::NotIn(first()), false, "\"Rome\"", true),
        (Test::NotIn(first()), false, "null", false),
        (Test::NotIn(first()), true, "null", true),
        (Test::NotIn(first()), true, "\"Atlantis\"", false),
        (Test::NotIn(Vec::new()), true, "\"Atlantis\"", false),
        (Test::Missing(true), false, "null", true),
        (Test::Missing(true), true, "\"Atlantis\"", false),
        (Test::Missing(false), false, "\"Atlantis\"", true),
        (Test::Missing(false), false, "null", false),
    ] {
        for missing in [None, Some(-1.0), Some(0.0)] {
            let recommender = recommender(city(), (test.clone(), passes, false), missing);
            let answer = ask(&recommender, &own(city_is), &[], AS_OF);
            let what = format!("{test:?} {passes} {city_is} {missing:?}: {:?}", answer.withheld);
            assert_eq!(answer.offers.len(), if holds { 2 } else { 0 }, "{what}");
        }
    }
    let answer =
        ask(&recommender(city(), (Test::In(first()), true, true), None), &own("\"Atlantis\""), &[], AS_OF);
    let detail = answer.stopped.unwrap().detail;
    assert_eq!(detail, "required: what is asked is Bern; it is a word that the model does not know");
}

/// The loan requires 18 years; a rule of its own requires less than 66.
#[test]
fn ages_are_those_of_the_calendar() {
    let years = Expression::Attribute { column: "BORN".into(), transform: Transform::YearsSince };
    let recommender = recommender(years, (Test::Below(66.0), false, false), None);
    let mut dates: Vec<String> = (1..=28).map(|day| format!("2004-02-{day:02}")).collect();
    dates.extend(["2004-02-29", "2007-12-31", "2008-01-01", "2005-03-01", "2000-02-29"].map(Into::into));
    for born in dates {
        for (age, allowed) in [(18, true), (66, false)] {
            let (year, rest) = born.split_once('-').unwrap();
            let year = year.parse::<i64>().unwrap() + age;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let rest = if rest == "02-29" && !leap { "03-01" } else { rest };
            let birthday = time::parse(&format!("{year}-{rest}")).unwrap();
            for (moment, reached) in
                [(birthday - 1, false), (birthday - 40_000, false), (birthday, true), (birthday + 1, true)]
            {
                for born in [born.clone(), format!("{born} 17:45")] {
                    let own = format!(r#""BORN": "{born}""#);
                    let answer = ask(&recommender, &own, &[], &time::format(moment));
                    let is_offered = answer.offers.iter().any(|offer| offer.product == "Loan");
                    assert_eq!(
                        is_offered,
                        reached == allowed,
                        "{born} {} {:?}",
                        time::format(moment),
                        answer.withheld
                    );
                    for refused in &answer.withheld {
                        let says = |limit: &str| refused.detail.ends_with(&format!(" {limit}"));
                        assert!(age == 66 || !says("18"), "{}", refused.detail);
                    }
                }
            }
        }
    }
}
