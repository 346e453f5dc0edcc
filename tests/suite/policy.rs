//! The policy from config.yaml to the answer; [`log`]: what `policy-eval` makes of what was offered.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod log;

use std::collections::{BTreeMap, BTreeSet};

use nextbest_core::customers::words::is_withheld;
use nextbest_core::policy::{Arm, Experiment};
use nextbest_core::schema::ColumnKind;
use nextbest_core::{Bundle, Recommender};
use nextbest_tests::{Workplace, repository};
use serde_json::Value;

use crate::PROGRAM;

const BUNDLE: &str = "outputs/bundle/nextbest.bundle";

const MODEL: &str = "
generate: {customers: 900, seed: 5}
model:
  algorithm: gradient_boosting
  selection: {budget: 0}
  hyperparameters: {gradient_boosting: {n_estimators: 20}}
";

/// Something of everything.
const POLICY: &str = "
policy:
  rank_by: expected_value
  min_tenure_days: 400
  min_gap_days: 14
  most_per_category: 1
  fallback: a talk about plans
  consent:
    - {rule: objection to profiling, table: consents, where: [{column: PURPOSE, equals: PROFILING}], column: GRANTED, granted: [\"Y\"], stop: true}
    - {rule: no consent to marketing, table: consents, where: [{column: PURPOSE, equals: MARKETING}], column: GRANTED, granted: [\"Y\"], required: true, channels: [MAIL]}
  contact_caps:
    - {table: communications, where: [{column: INBOUNDOUTBOUNDINDICATOR, equals: OUTBOUND}], window: short_term, most: 2}
  gates:
    - {rule: too many fees, measure: fee_count_90d, must_be: {at_most: 6}, products: [Credit Card]}
    - {rule: young account, measure: {name: opened, table: accounts, aggregate: days_since_first}, must_be: {above: 10}, missing_passes: true}
  products:
    Current Account: {value: 60}
    Home Loan: {category: loan, max_age: 65, min_tenure_days: 900, launch: 2020-01-01}
    Auto Loan: {category: loan, channels: [BRANCH, WEB]}
    Personal Loan: {category: loan, min_gap_days: 365, lever: 1.2}
    CREDIT_CARD: {requires: [Current Account]}
    Student Loan: {category: loan, retire: 2026-01-01}
  context:
    - {measure: enquiries_30d, is: {at_least: 1}, products: [Home Loan, Personal Loan], weight: 1.5}
    - {weight: 0.9, channels: [MAIL]}
  experiment: {salt: spring, holdout: 0.1, temperature: 0.7}
  mutable: [salary_90d, last_balance]
";

/// The columns of a log that say what answered.
const MADE_BY: &str = "HORIZON_DAYS,MODEL_VERSION";

fn run(place: &Workplace, arguments: &[&str]) -> Value {
    let finished = place.run(&[arguments, &["--json"]].concat()).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_default()
}

fn failure(place: &Workplace, arguments: &[&str]) -> String {
    let finished = place.run(arguments).unwrap();
    assert_ne!(finished.code, 0, "{arguments:?}: {}", finished.stdout);
    finished.stderr
}

fn bank(policy: &str) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", &format!("{MODEL}{policy}")).unwrap();
    for station in ["generate", "features", "train"] {
        run(&place, &[station]);
    }
    place
}

fn csv(place: &Workplace, file: &str) -> Vec<BTreeMap<String, String>> {
    let bytes = place.read(file).unwrap();
    csv::Reader::from_reader(bytes.as_slice()).deserialize().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_policy_goes_from_the_config_to_the_offers_and_a_new_one_needs_no_new_model() {
    let place = bank("");
    run(&place, &["export"]);
    let before = Recommender::load(&place.read(BUNDLE).unwrap()).unwrap();
    assert!(
        before.bundle().policy.gates.iter().any(|gate| gate.stops),
        "who objects is not scored by default"
    );
    place.write("config.yaml", &format!("{MODEL}{POLICY}")).unwrap();
    run(&place, &["export", "--samples", "900"]);
    let bundle = Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap();
    assert_eq!(bundle.model, before.bundle().model);
    let policy = &bundle.policy;
    let rules: BTreeSet<&str> = policy.gates.iter().map(|gate| gate.rule.as_str()).collect();
    let expected = [
        "contact cap",
        "maximum age",
        "minimum gap",
        "minimum tenure",
        "no consent to marketing",
        "objection to profiling",
        "required product",
        "too many fees",
        "young account",
    ];
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(policy.channels().into_iter().collect::<Vec<_>>(), ["BRANCH", "MAIL", "WEB"]);
    assert_eq!(policy.experiment.as_ref().unwrap().key, "CUSTOMERID");
    let names: Vec<&str> =
        policy.mutable.iter().map(|at| bundle.features[usize::from(*at)].name.as_str()).collect();
    assert_eq!(
        names.iter().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(["last_balance", "salary_90d"])
    );

    // Every rule meets somebody, and nobody gets what it forbids.
    let customers = "outputs/bundle/customers.json";
    let mut met = BTreeSet::new();
    for channel in ["WEB", "MAIL"] {
        let answers = run(&place, &["score", "--customers", customers, "--channel", channel]);
        for answer in answers.as_array().unwrap() {
            let answer = &answer["recommendation"];
            let offers = answer["offers"].as_array().unwrap();
            let withheld = answer["withheld"].as_array().unwrap();
            let offered: Vec<&str> = offers.iter().map(|offer| offer["product"].as_str().unwrap()).collect();
            assert_eq!(offered.len() + withheld.len(), 10);
            assert!(channel == "WEB" || !offered.contains(&"Auto Loan"));
            assert!(!offered.contains(&"Student Loan"));
            let loans = offered.iter().filter(|product| product.ends_with("Loan")).count();
            assert!(loans <= 1, "{offered:?}");
            met.extend(withheld.iter().map(|one| one["rule"].as_str().unwrap().to_owned()));
            let is_stopped = !answer["stopped"].is_null();
            assert_eq!(is_stopped, answer["noneProbability"].is_null());
            let is_bare = offers.is_empty() && !is_stopped && answer["arm"] == "treatment";
            assert_eq!(answer["fallback"], if is_bare { "a talk about plans".into() } else { Value::Null });
        }
    }
    for rule in
        expected.iter().chain(&["already owned", "channel", "retirement date", "diversity", "holdout"])
    {
        // A bank of 900 has nobody with an account of ten days or with seven fees.
        let is_rare = ["too many fees", "young account", "maximum age"].contains(rule);
        assert!(is_rare || met.contains(*rule), "{rule} is not among {met:?}");
    }
}

/// The first block of a language in docs/POLICY.md.
fn documented(language: &str) -> String {
    let document = std::fs::read_to_string(repository().join("docs/POLICY.md")).unwrap();
    let (_, rest) = document.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_documents_policy_is_exported_as_it_stands() {
    let place = bank(&documented("yaml").replace("value: 60", "value: 61"));
    run(&place, &["export"]);
    let bundle = Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap();
    assert_eq!(bundle.policy.gates.len(), 10);
    assert_eq!(bundle.policy.terms[0].value, Some(61.0));
}

#[test]
fn the_documents_arms_are_those_of_the_bundle() {
    let script = format!(
        "{}\nfor n in range(300): print(arm(f'C{{n:07}}', 'autumn', 0.3))\nprint(arm('Zoë', 'autumn', \
         0.3))\n",
        documented("python")
    );
    let python = std::process::Command::new("python3").args(["-c", &script]).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let experiment =
        Experiment { key: "CUSTOMERID".into(), salt: "autumn".into(), holdout: 0.3, temperature: 0.0 };
    let customers = (0..300).map(|number| format!("C{number:07}")).chain(["Zoë".to_owned()]);
    let own: Vec<&str> = customers
        .map(|customer| match experiment.arm(&customer) {
            Arm::Holdout => "holdout",
            Arm::Treatment => "treatment",
        })
        .collect();
    let theirs = String::from_utf8(python.stdout).unwrap();
    assert_eq!(own, theirs.lines().collect::<Vec<_>>());
    assert!(own.contains(&"holdout") && own.contains(&"treatment"));
}

#[test]
fn what_can_not_be_meant_is_named() {
    let place = bank("");
    for (policy, message) in [
        (
            "{products: {Yacht: {lever: 2}}}",
            "policy: products: `Yacht`: there is no product `Yacht`, but Current",
        ),
        (
            "{products: {Credit Card: {launch: soon}}}",
            "launch: expected a date such as 2026-01-31, got \"soon\"",
        ),
        ("{rank_by: expected_value}", "ranked by expected value, but product `Current Account` has no value"),
        (
            "{gates: [{rule: x, measure: nothing, must_be: {above: 1}}]}",
            "gates: entry 1: measure: there is no feature `nothing`",
        ),
        (
            "{gates: [{rule: x, measure: age_years, must_be: {above: 1, below: 2}}]}",
            "must_be: give exactly one of in",
        ),
        (
            "{context: [{weight: 2, measure: age_years}]}",
            "context: entry 1: measure and is: give both or none",
        ),
        (
            "{consent: [{rule: x, table: consents, column: WORD, granted: [y]}]}",
            "table `consents` has no column `WORD`",
        ),
        ("{mutable: [age]}", "mutable: there is no feature `age`"),
        ("{experiment: {salt: s, holdout: 2}}", "the holdout's share is 2, expected 0 to 1"),
        ("{lever: 2}", "lever"),
    ] {
        place.write("config.yaml", &format!("{MODEL}policy: {policy}\n")).unwrap();
        let error = failure(&place, &["export"]);
        assert!(error.contains(message), "{policy}: {error}");
    }
    place.write("config.yaml", MODEL).unwrap();
    run(&place, &["export"]);
    run(&place, &["score", "--as-of", "2025-12-01", "--log", "offers.csv"]);
    let error = failure(&place, &["policy-eval", "--log", "offers.csv"]);
    assert!(error.contains("nothing was left to chance"), "{error}");
    let head =
        format!("{MADE_BY},CUSTOMERID,AS_OF,PRODUCT,PRIORITY,EXPECTED_REWARD,VALUE,PROPENSITY,REWARD\n");
    for (rows, message) in [
        ("90,m,C1,2025-12-01,Loan,1,1,1,,\n", "C1 as of 2025-12-01: 0 of the products have a PROPENSITY"),
        ("90,m,C1,2025-12-01,Loan,1,1,1,1.5,1\n", "PROPENSITY is 1.5, expected more than 0 and at most 1"),
        ("90,m,C1,2025-12-01,Loan,1,1,1,0.5,\n", "REWARD is missing for what was shown"),
        ("9.5,m,C1,2025-12-01,Loan,1,1,1,0.5,1\n", "C1 as of 2025-12-01: HORIZON_DAYS is 9.5"),
        (",m,C1,2025-12-01,Loan,1,1,1,0.5,1\n", "C1 as of 2025-12-01: HORIZON_DAYS is NaN"),
        (
            "90,m,C1,2025-12-01,Loan,high,1,1,0.5,1\n",
            "bad.csv:2: column PRIORITY: expected a number, got \"high\"",
        ),
    ] {
        place.write("bad.csv", &format!("{head}{rows}")).unwrap();
        let error = failure(&place, &["policy-eval", "--log", "bad.csv"]);
        assert!(error.contains(message), "{rows}: {error}");
    }
}

/// The policy's tables are read whole, though features see windows of them alone; and what nobody knows is no
/// yes.
#[test]
fn an_objection_holds_whenever_it_came_and_whatever_it_is_called() {
    let place = Workplace::new(PROGRAM).unwrap();
    let model = format!("{MODEL}\nsnapshots: {{first: 2024-01-01, last: 2025-06-01}}\n");
    place.write("config.yaml", &model).unwrap();
    run(&place, &["generate"]);
    let path = "data/raw/CONSENT.csv";
    let consents = String::from_utf8(place.read(path).unwrap()).unwrap();
    let header: Vec<&str> = consents.lines().next().unwrap().split(',').collect();
    let answered = |customers: std::ops::Range<usize>, answers: &[&str], time: &str| -> String {
        let row = |(number, answer): (usize, &&str)| {
            let customer = format!("C{number:07}");
            let cell = |column: &&str| match *column {
                "CUSTOMERID" => customer.clone(),
                "PURPOSE" => "PROFILING".into(),
                "GRANTED" => (*answer).to_owned(),
                "TIMESTAMP" => time.to_owned(),
                _ => String::new(),
            };
            header.iter().map(cell).collect::<Vec<_>>().join(",") + "\n"
        };
        customers.zip(answers.iter().cycle()).map(row).collect()
    };
    // After the last cut-off, so that no feature sees it, and after all other answers.
    let answers = ["WITHDRAWN", "false", "0", "", "no", "y"];
    let early = answered(0..60, &answers, "2025-11-30 23:00:00");
    place.write(path, &(consents.clone() + &early)).unwrap();
    run(&place, &["features"]);
    run(&place, &["train"]);
    run(&place, &["export"]);
    let offered = |place: &Workplace| -> BTreeSet<String> {
        run(place, &["score", "--as-of", "2025-12-01", "--log", "offers.csv"]);
        let log = csv(place, "offers.csv");
        let rows = csv(place, "outputs/predictions/recommendations.csv");
        rows.iter().chain(&log).map(|row| row["CUSTOMERID"].clone()).collect()
    };
    let those = |customers: std::ops::Range<usize>| -> BTreeSet<String> {
        customers.map(|number| format!("C{number:07}")).collect()
    };
    let objectors = those(0..60);
    let first = offered(&place);
    assert!(first.is_disjoint(&objectors) && first.len() > 300, "{}", first.len());
    assert!(first.intersection(&those(60..120)).count() > 10, "others are offered something");
    let bundle = Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap();
    let table = bundle.schema.tables().iter().find(|table| table.name == "consents").unwrap();
    let granted = table.columns.iter().find(|column| column.name == "GRANTED").unwrap();
    let ColumnKind::Category(words) = &granted.kind else { panic!("{granted:?}") };
    // Those behind are of rows that no feature sees, and of few customers: the bundle does not tell them.
    assert!(words.starts_with(&["N".to_owned(), "Y".to_owned()]) && words.len() > 2, "{words:?}");
    assert!(words.iter().skip(2).all(|word| is_withheld(word)), "{words:?}");

    // Words that came after training, in the same bundle: from tables, and in the bank's own JSON.
    let late = answered(60..120, &["OBJECTS", "N", "nein"], "2025-11-30 23:00:00");
    place.write(path, &(consents.clone() + &early + &late)).unwrap();
    let second = offered(&place);
    let all = those(0..120);
    assert!(second.is_disjoint(&all));
    let left: BTreeSet<String> = first.difference(&all).cloned().collect();
    assert_eq!(second, left, "all others are offered what they were");
    run(&place, &["export", "--samples", "900"]);
    let customers = "outputs/bundle/customers.json";
    let scored = run(&place, &["score", "--customers", customers, "--bits"]);
    let mut stopped = 0;
    for answer in scored.as_array().unwrap() {
        let is_stopped = !answer["recommendation"]["stopped"].is_null();
        stopped += usize::from(is_stopped);
        let of_120 = all.contains(answer["id"].as_str().unwrap());
        assert!(is_stopped || !of_120, "{answer}");
        for computed in ["features", "probabilities"] {
            assert_eq!(answer.get(computed).is_none(), is_stopped, "{answer}");
        }
    }
    assert!(stopped >= 120);
    let error = failure(&place, &["features", "--explain", "age_years", "C0000000"]);
    assert!(error.contains("is not looked at (objection to profiling"), "{error}");

    // Rows that can't be read may be objections.
    let unreadable = answered(0..1, &["Y"], "tomorrow");
    place.write(path, &(consents + &early + &unreadable)).unwrap();
    let error = failure(&place, &["score", "--skip-bad-rows"]);
    assert!(error.contains("the policy's gates read table `consents`"), "{error}");
}

#[test]
fn words_that_no_bundle_carries_are_refused_and_those_that_may_come_are_told() {
    let place = Workplace::new(PROGRAM).unwrap();
    let policy = |granted: &str| {
        format!(
            "{MODEL}\npolicy: {{consent: [{{rule: x, table: consents, column: GRANTED, granted: \
             [{granted}]}}]}}\n"
        )
    };
    place.write("config.yaml", &policy("Y, OPT_IN")).unwrap();
    run(&place, &["generate"]);
    let finished = place.run(&["features"]).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("`OPT_IN` of `GRANTED` of consents"), "{}", finished.stderr);
    run(&place, &["train"]);
    run(&place, &["export"]);
    for station in ["export", "train"] {
        place.write("config.yaml", &policy("Y, OPT_INN")).unwrap();
        let error = failure(&place, &[station]);
        assert!(
            error.contains("does not know the word `OPT_INN` of `GRANTED` of table `consents`"),
            "{error}"
        );
    }
    for (policy, message) in [
        ("{gates: [{rule: x, measure: age_years, must_be: {in: [Y]}}]}", "can't be compared with a word"),
        (
            "{gates: [{rule: x, measure: {name: a, table: consents, aggregate: last, column: GRANTED}, must_be: {below: 1}}]}",
            "can't be compared with a number",
        ),
        ("{consent: [{rule: x, table: consent, column: GRANTED, granted: [Y]}]}", "no event table `consent`"),
    ] {
        place.write("config.yaml", &format!("{MODEL}policy: {policy}\n")).unwrap();
        let error = failure(&place, &["export"]);
        assert!(error.contains(message), "{policy}: {error}");
    }
}
