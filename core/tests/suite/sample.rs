//! A small bank, and small but real models trained on it.

use std::collections::BTreeMap;
use std::path::Path;

use nextbest_core::Bundle;
use nextbest_core::bundle::Golden;
use nextbest_core::bundle::card::{Card, Metric, Segment};
use nextbest_core::bundle::validity::Validity;
use nextbest_core::customers::{Customers, read_customer};
use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, FeatureEngine, HoldingAggregate, RowFilter,
    RowSelection, SeasonPart, Test, Transform,
};
use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::calibration::{Calibration, Curve};
use nextbest_core::monitor::profile::SketchRules;
use nextbest_core::policy::{ContextWeight, Experiment, Gate, MeasureTest, PolicyDefinition, RankBy, Terms};
use nextbest_core::schema::{
    Column, ColumnKind, HoldingDefinition, HoldingProduct, Product, Schema, SchemaDefinition, Table, Task,
};
use nextbest_core::snapshot::{Snapshot, moment};
use nextbest_core::time;
use nextbest_core::train::{BoostParams, Dataset, ForestParams, LogisticParams, fit_bins, profile};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) const CUTOFF: &str = "2024-01-01";

pub(crate) fn cutoff() -> i64 {
    time::parse(CUTOFF).unwrap()
}

/// The committed sample bundles by name, as written by `scripts/fixtures.sh`.
pub(crate) fn committed() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let bundles = paths.filter(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    let committed: BTreeMap<_, _> = bundles
        .map(|path| (path.file_stem().unwrap().display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    assert!(committed.len() >= 6);
    committed
}

/// A forest, without the optional profile.
pub(crate) fn forest() -> Bundle {
    let calibration = Calibration::Dirichlet {
        weights: vec![0.9, 0.1, 0.0, -0.2, 1.2, 0.3, 0.0, 0.05, 0.8],
        intercepts: vec![0.25, -0.5, 0.125],
    };
    let whole = bundle(calibration, |data| {
        let params = ForestParams { n_estimators: 3, max_depth: 3, ..ForestParams::default() };
        Model::Forest(params.check().unwrap().fit(data, || ()).unwrap().forest)
    });
    Bundle { profile: None, ..whole }
}

pub(crate) fn linear() -> Bundle {
    bundle(Calibration::Temperature { temperature: 1.3 }, |data| {
        // The city is a category.
        let data = data.clone().with_categories(&[false, true]);
        Model::Linear(LogisticParams::default().fit(&data).unwrap().model)
    })
}

/// Boosted trees, which split the city by sets.
pub(crate) fn boosted() -> Bundle {
    bundle(Calibration::None, |data| {
        let cities: Vec<bool> = features().iter().map(|feature| feature.name == "city").collect();
        let params = BoostParams {
            n_estimators: 4,
            num_leaves: 5,
            learning_rate: 0.5,
            min_child_weight: 0.1,
            ..BoostParams::default()
        };
        let data = data.clone().with_categories(&cities);
        Model::Forest(params.check().unwrap().fit(&data, None, || ()).unwrap().forest)
    })
}

/// One of each kind.
pub(crate) fn all() -> [Bundle; 4] {
    [forest(), linear(), label(), boosted()]
}

/// A model of a plain table: whether a contract is kept.
pub(crate) fn label() -> Bundle {
    let schema: Schema = plain_schema().try_into().unwrap();
    let features = plain_features();
    let engine = FeatureEngine::new(&schema, &features).unwrap();
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for json in plain_rows(200) {
        let read = read_customer(&schema, &json).unwrap();
        let row = read.get(0).unwrap();
        let moment = moment(&schema, &row, cutoff());
        engine.compute(&row, moment, &mut rows);
        labels.extend(Snapshot::new(&schema, moment).label(&row));
    }
    let params = ForestParams { n_estimators: 3, max_depth: 3, ..ForestParams::default() }.check().unwrap();
    let curve = |points: &[(f32, f32)]| {
        let (inputs, outputs) = points.iter().copied().unzip();
        Curve { inputs, outputs }
    };
    let curves = vec![
        curve(&[(0.1, 0.01), (0.3, 0.2), (0.9, 0.7)]),
        curve(&[(0.25, 0.3), (0.75, 0.8)]),
        curve(&[(0.0, 0.05), (0.5, 0.05), (0.625, 0.5)]),
    ];
    let calibration = Calibration::Isotonic { curves };
    let mut bundle = trained((schema, features), &rows, &labels, calibration, |data| {
        Model::Forest(params.fit(data, || ()).unwrap().forest)
    });
    bundle.policy = PolicyDefinition::default();
    bundle
}

/// A row of the plain table.
pub(crate) const CONTRACT: &str =
    r#"{"SEEN": "2024-01-01", "SIGNED": "2023-11-30 12:00", "AGE": 44, "CITY": "Rome", "NOTE": "ignored"}"#;

/// One customer of the small bank.
pub(crate) fn customer(json: &str) -> Customers {
    read_customer(&schema().try_into().unwrap(), json).unwrap()
}

/// A customer with something to explain.
pub(crate) const ADA: &str = r#"{
    "customer": {"SINCE": "2019-05-01", "BORN": "1990-12-10", "CITY": "Rome"},
    "accounts": [{"OPENED": "2020-02-01", "PRODUCT": "L", "AMOUNT": 500},
                 {"OPENED": "2021-02-01", "CLOSED": "2023-02-01", "PRODUCT": "C", "AMOUNT": 20}],
    "transactions": [{"AT": "2023-12-20 10:00", "AMOUNT": 2500, "TYPE": "SALARY"},
                     {"AT": "2023-12-24", "AMOUNT": 80, "TYPE": "CARD"}]
}"#;

/// The same customer at 18 and some days: old enough for everything, holding nothing.
pub(crate) const ADA_AT_18: &str = r#"{
    "customer": {"SINCE": "2019-05-01", "BORN": "2005-12-10", "CITY": "Rome"},
    "transactions": [{"AT": "2023-12-20 10:00", "AMOUNT": 2500, "TYPE": "SALARY"},
                     {"AT": "2023-12-24", "AMOUNT": 80, "TYPE": "SALARY"}]
}"#;

fn bundle(calibration: Calibration, train: impl Fn(&Dataset) -> Model) -> Bundle {
    let schema: Schema = schema().try_into().unwrap();
    let engine = FeatureEngine::new(&schema, &features()).unwrap();
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for json in customers(200) {
        let customers = customer(&json);
        let customer = customers.get(0).unwrap();
        engine.compute(&customer, cutoff(), &mut rows);
        labels.extend(Snapshot::new(&schema, cutoff()).label(&customer));
    }
    trained((schema, features()), &rows, &labels, calibration, train)
}

fn trained(
    (schema, features): (Schema, Vec<FeatureDefinition>),
    rows: &[f32],
    labels: &[usize],
    calibration: Calibration,
    train: impl Fn(&Dataset) -> Model,
) -> Bundle {
    let width = features.len();
    let bins = fit_bins(Matrix::new(rows, width).unwrap(), 8).unwrap();
    let data = Dataset::new(&bins, rows, labels, schema.class_count()).unwrap();
    let mut bundle = Bundle {
        model: train(&data),
        calibration,
        reference: medians(rows, width),
        features,
        policy: policy(),
        validity: Validity { number: 7, not_before: Some(1_700_000_000), expires: None },
        card: Card {
            name: "small bank".into(),
            parameters: vec![("trees".into(), "3".into())],
            training_cutoffs: vec![CUTOFF.into()],
            training_rows: labels.len() as u64,
            test_metrics: vec![metric("log_loss", 0.25, None)],
            segments: vec![Segment {
                name: "city: Rome".into(),
                rows: 40,
                metrics: vec![metric("log_loss", 0.5, Some((0.25, 0.75)))],
            }],
            intended_use: "tests".into(),
            limits: vec!["a bank of 200".into()],
            licence: "none".into(),
            importance: vec![0.125; width],
            ..Card::default()
        },
        goldens: Vec::new(),
        profile: None,
        schema,
        bins,
    };
    let rules = SketchRules { minimum_rows: 5, epsilon: None };
    // Of a copy: the data that scoring adds to a forest would show when bundles are compared.
    bundle.profile = Some(profile(&bundle.clone(), rows, labels, rules).unwrap());
    bundle.goldens = golden_rows(&bundle, &rows[..2 * width]);
    bundle
}

fn metric(name: &str, value: f64, interval: Option<(f64, f64)>) -> Metric {
    Metric { name: name.into(), value, interval }
}

/// A policy with something of everything that still leaves offers to most customers.
fn policy() -> PolicyDefinition {
    let salaries = RowSelection {
        window_days: Some(90),
        filter: RowFilter {
            conditions: vec![Condition { column: "TYPE".into(), test: Test::In(vec!["SALARY".into()]) }],
            exclusions: Vec::new(),
        },
        ..RowSelection::default()
    };
    let count = Expression::Events {
        table: "transactions".into(),
        rows: Box::new(salaries),
        aggregate: Aggregate::Count,
    };
    let tenure = Expression::Attribute { column: "SINCE".into(), transform: Transform::DaysSince };
    let measure = |name: &str, label: &str, expression| FeatureDefinition {
        name: name.into(),
        group: "policy".into(),
        label: label.into(),
        expression,
        missing: None,
    };
    let test = |measure, test, missing| MeasureTest { measure, test, missing };
    let gate = |rule: &str, condition, products: Vec<u16>, stops| Gate {
        rule: rule.into(),
        condition,
        products,
        channels: Vec::new(),
        stops,
    };
    PolicyDefinition {
        rank_by: RankBy::ExpectedValue,
        min_probability: 0.01,
        terms: vec![
            Terms {
                category: Some("credit".into()),
                value: Some(90.0),
                lever: 1.5,
                launch: Some(10_000),
                ..Terms::default()
            },
            Terms { retire: Some(30_000), channels: vec!["WEB".into()], ..Terms::default() },
        ],
        measures: vec![
            measure("salaries", "salary payments in 90 days", count),
            measure("tenure", "", tenure),
        ],
        gates: vec![
            gate("contact cap", test(0, Test::Below(5.0), true), Vec::new(), false),
            gate("minimum tenure", test(1, Test::AtLeast(30.0), true), vec![0], false),
            gate("objection", test(1, Test::Above(-1.0), true), Vec::new(), true),
        ],
        weights: vec![ContextWeight {
            condition: Some(test(0, Test::AtLeast(1.0), false)),
            products: vec![1],
            channels: vec!["WEB".into(), "BRANCH".into()],
            weight: 2.0,
        }],
        most_per_category: Some(1),
        fallback: Some("a talk".into()),
        experiment: Some(Experiment {
            key: "CUSTOMERID".into(),
            salt: "pepper".into(),
            holdout: 0.0,
            temperature: 0.5,
        }),
        mutable: vec![1, 2],
    }
}

/// Golden rows with the bundle's own probabilities.
pub(crate) fn golden_rows(bundle: &Bundle, rows: &[f32]) -> Vec<Golden> {
    let mut scorer = bundle.scorer();
    let rows = rows.chunks(bundle.features.len());
    rows.map(|row| Golden { row: row.to_vec(), probabilities: scorer.score(row).unwrap().to_vec() }).collect()
}

fn medians(rows: &[f32], width: usize) -> Vec<f32> {
    let median = |feature| {
        let mut values: Vec<f32> =
            rows.iter().skip(feature).step_by(width).copied().filter(|value| !value.is_nan()).collect();
        values.sort_unstable_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f32::NAN)
    };
    (0..width).map(median).collect()
}

/// Customers whose rows can be learned from: salaries lead to loans, card payments to cards.
fn customers(count: usize) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut customer = || {
        let (salaries, payments) = (rng.random_range(0..4u32), rng.random_range(0..4u32));
        let mut accounts = Vec::new();
        let mut take = |product, chance: u32, date| {
            if rng.random_range(0..10) < chance {
                accounts
                    .push(format!(r#"{{"OPENED": "{date}", "PRODUCT": "{product}", "AMOUNT": {chance}}}"#));
            }
        };
        take("L", 2, "2022-03-04");
        take("L", 3 * salaries, "2024-01-15");
        take("C", 3 * payments, "2024-02-15");
        let transactions: Vec<String> = [("SALARY", salaries), ("CARD", payments)]
            .iter()
            .flat_map(|(kind, count)| (0..*count).map(move |day| (kind, day)))
            .map(|(kind, day)| {
                let amount = rng.random_range(10..1000u32);
                format!(r#"{{"AT": "2023-12-0{}", "AMOUNT": {amount}, "TYPE": "{kind}"}}"#, day + 1)
            })
            .collect();
        let born = if rng.random_range(0..10) == 0 {
            "null".into()
        } else {
            format!("\"{}-01-01\"", rng.random_range(1950..2010u32))
        };
        format!(
            r#"{{"customer": {{"SINCE": "2020-01-01", "BORN": {born}, "CITY": "{}"}},
                "accounts": [{}], "transactions": [{}]}}"#,
            ["Bern", "Rome", "Oslo"][rng.random_range(0..3usize)],
            accounts.join(","),
            transactions.join(",")
        )
    };
    (0..count).map(|_| customer()).collect()
}

fn schema() -> SchemaDefinition {
    let column = |name: &str, kind| Column { name: name.into(), kind, current: false };
    let words = |words: &[&str]| ColumnKind::Category(words.iter().map(|word| (*word).to_owned()).collect());
    let table = |name: &str, time: Option<&str>, columns| Table {
        name: name.into(),
        time: time.map(Into::into),
        columns,
    };
    let product = |id: &str, name: &str, min_age, repeatable, value| Product {
        id: id.into(),
        name: name.into(),
        min_age,
        repeatable,
        value: Some(value),
    };
    SchemaDefinition {
        customer: table(
            "customer",
            None,
            vec![
                column("SINCE", ColumnKind::Time),
                column("BORN", ColumnKind::Time),
                column("CITY", words(&["Bern", "Rome"])),
            ],
        ),
        established: Some("SINCE".into()),
        birth_date: Some("BORN".into()),
        tables: vec![
            table(
                "accounts",
                Some("OPENED"),
                vec![
                    column("OPENED", ColumnKind::Time),
                    column("CLOSED", ColumnKind::Time),
                    column("PRODUCT", words(&["L", "C", "X"])),
                    column("AMOUNT", ColumnKind::Number),
                    Column { name: "STATUS".into(), kind: words(&["open"]), current: true },
                ],
            ),
            table(
                "transactions",
                Some("AT"),
                vec![
                    column("AT", ColumnKind::Time),
                    column("AMOUNT", ColumnKind::Number),
                    column("TYPE", words(&["SALARY", "CARD"])),
                ],
            ),
        ],
        holdings: vec![HoldingDefinition {
            table: "accounts".into(),
            product: HoldingProduct::Column("PRODUCT".into()),
            closed: Some("CLOSED".into()),
        }],
        products: vec![
            product("L", "Loan", Some(18.0), false, 100.0),
            product("C", "Card", None, true, 10.0),
        ],
        horizon_days: 90,
        clock: clock(),
        task: Task::NextProduct,
    }
}

/// The clock of a bank in Dublin, with some of its changes from 1900 to 2026.
fn clock() -> time::Clock {
    let change = |text: &str, offset| time::Change { at: time::parse(text).unwrap(), offset };
    let changes = vec![
        change("1916-10-01 02:25:21", 0),
        change("2026-03-29 01:00", 3600),
        change("2026-10-25 01:00", 0),
    ];
    time::Clock { zone: "Europe/Dublin".into(), offset: -1521, changes }
}

fn features() -> Vec<FeatureDefinition> {
    let feature = |name: &str, missing, expression| FeatureDefinition {
        name: name.into(),
        group: "sample".into(),
        label: name.replace('_', " "),
        expression,
        missing,
    };
    let attribute = |column: &str, transform| Expression::Attribute { column: column.into(), transform };
    let only = |condition| RowFilter { conditions: vec![condition], ..RowFilter::default() };
    let transactions = |aggregate, test| Expression::Events {
        table: "transactions".into(),
        rows: Box::new(RowSelection {
            window_days: Some(90),
            open: false,
            filter: only(Condition { column: "TYPE".into(), test }),
        }),
        aggregate,
    };
    let salary = || Test::In(vec!["SALARY".into()]);
    vec![
        feature("age", None, attribute("BORN", Transform::YearsSince)),
        feature("city", None, attribute("CITY", Transform::Value)),
        feature("salaries", None, transactions(Aggregate::Count, salary())),
        feature("salary", Some(0.0), transactions(Aggregate::Mean("AMOUNT".into()), salary())),
        feature("payments", None, transactions(Aggregate::Count, Test::NotIn(vec!["SALARY".into()]))),
        feature("holds_loan", None, Expression::Holdings(HoldingAggregate::Holds("L".into()))),
        feature(
            "open_amount",
            None,
            Expression::Events {
                table: "accounts".into(),
                rows: Box::new(RowSelection {
                    open: true,
                    filter: only(Condition { column: "AMOUNT".into(), test: Test::AtLeast(0.0) }),
                    ..RowSelection::default()
                }),
                aggregate: Aggregate::Sum("AMOUNT".into()),
            },
        ),
        feature(
            "payments_per_salary",
            None,
            Expression::Ratio { numerator: "payments".into(), denominator: "salaries".into() },
        ),
        feature("quarter", None, Expression::Season(SeasonPart::Quarter)),
    ]
}

/// Rows that can be learned from: the young break contracts, and those in Rome lose them.
fn plain_rows(count: usize) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut row = || {
        let age = rng.random_range(18..80u32);
        let city = ["Bern", "Rome", "Oslo"][rng.random_range(0..3usize)];
        let outcome = match rng.random_range(0..10) {
            0..6 if age < 35 => "broken",
            0..4 if city == "Rome" => "lost",
            _ => "kept",
        };
        let signed = if rng.random_range(0..8) == 0 {
            "null".into()
        } else {
            format!("\"{}-06-15\"", rng.random_range(2015..2024u32))
        };
        format!(
            r#"{{"SEEN": "2023-{:02}-01", "SIGNED": {signed}, "AGE": {age}, "CITY": "{city}", "OUTCOME": "{outcome}"}}"#,
            rng.random_range(1..13u32)
        )
    };
    (0..count).map(|_| row()).collect()
}

fn plain_schema() -> SchemaDefinition {
    let column = |name: &str, kind| Column { name: name.into(), kind, current: false };
    let words = |words: &[&str]| ColumnKind::Category(words.iter().map(|word| (*word).to_owned()).collect());
    SchemaDefinition {
        customer: Table {
            name: "row".into(),
            time: Some("SEEN".into()),
            columns: vec![
                column("SEEN", ColumnKind::Time),
                column("SIGNED", ColumnKind::Time),
                column("AGE", ColumnKind::Number),
                column("CITY", words(&["Bern", "Rome"])),
                column("OUTCOME", words(&["broken", "kept", "lost"])),
            ],
        },
        established: None,
        birth_date: None,
        tables: Vec::new(),
        holdings: Vec::new(),
        products: Vec::new(),
        horizon_days: 0,
        clock: time::Clock::default(),
        task: Task::Label { column: "OUTCOME".into() },
    }
}

fn plain_features() -> Vec<FeatureDefinition> {
    let of = |name: &str, column: &str, transform| FeatureDefinition {
        name: name.into(),
        group: "table".into(),
        label: column.into(),
        expression: Expression::Attribute { column: column.into(), transform },
        missing: None,
    };
    vec![
        of("age", "AGE", Transform::Value),
        of("city", "CITY", Transform::Value),
        of("days_since_signed", "SIGNED", Transform::DaysSince),
        of("year_signed", "SIGNED", Transform::Year),
    ]
}
