//! What leaves the bank tells of nobody: docs/PRIVACY.md.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use std::collections::HashSet;
use std::fmt::Write as _;

use nextbest_core::Bundle;
use nextbest_core::Recommender;
use nextbest_core::bundle::Golden;
use nextbest_core::customers::json;
use nextbest_core::model::bins::Bins;
use nextbest_core::request::RequestOptions;
use nextbest_core::schema::ColumnKind;
use nextbest_tests::{Workplace, repository};
use serde_json::Value;

use crate::PROGRAM;
use crate::berka::place_with_data;

const BUNDLE: &str = "outputs/bundle/nextbest.bundle";
const CONFIG: &str = "
generate: {customers: 600, seed: 5}
model:
  algorithm: random_forest
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 30, random_state: 18446744073709551615}}
evaluation: {bootstrap_draws: 20}
";
/// Of the one whom everybody would know.
const CITY: &str = "Xyzzyville";
const AMOUNT: &str = "9999999";

/// A bank in which one customer is very old, very rich, and alone in a city, up to its bundle.
fn place() -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    succeeds(&place, &["generate"]);
    let edit = |file: &str, change: &dyn Fn(String) -> String| {
        let file = format!("data/raw/{file}.csv");
        let text = String::from_utf8(place.read(&file).unwrap()).unwrap();
        let changed = change(text.clone());
        assert_ne!(changed, text, "{file}");
        place.write(&file, &changed).unwrap();
    };
    let customer_row = |file: &str, key: &str| {
        let text = String::from_utf8(place.read(&format!("data/raw/{file}.csv")).unwrap()).unwrap();
        text.lines().find(|line| line.contains(key)).unwrap().to_owned()
    };
    let replaced = |row: String, column: usize, cell: &str| {
        let mut cells: Vec<&str> = row.split(',').collect();
        cells[column] = cell;
        cells.join(",")
    };
    let replace = |file: &str, key: &str, column: usize, cell: &str| {
        let row = customer_row(file, key);
        edit(file, &|text| text.replace(&row, &replaced(row.clone(), column, cell)));
    };
    replace("CUSTOMER", "C0000000", 2, "2019-02-03");
    replace("PARTY", "P0000000", 2, "1913-02-03");
    replace("ADDRESS", "A0000000", 1, CITY);
    let account = customer_row("CUSTOMER_ACCOUNT", ",C0000000,").split(',').next().unwrap().to_owned();
    edit("TRANSACTION", &|mut text| {
        for month in 0..36 {
            let (year, month) = (2024 + month / 12, 1 + month % 12);
            let day = format!("{year}-{month:02}-05 09:00:00");
            if day.as_str() < "2026-06" {
                let row = format!("9{year}{month:02},{account},{day},{AMOUNT},SALARY,{AMOUNT}");
                writeln!(text, "{row}").unwrap();
            }
        }
        text
    });
    for station in [&["features"][..], &["train"], &["evaluate"], &["export"]] {
        succeeds(&place, station);
    }
    place
}

fn succeeds(place: &Workplace, arguments: &[&str]) -> String {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    finished.stdout
}

/// The feature table: each row with its customer, in the bundle's order.
fn rows(place: &Workplace, bundle: &Bundle) -> Vec<(String, Vec<f32>)> {
    let mut table =
        csv::Reader::from_path(place.path("data/processed/customer_product_features.csv")).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    // Words have the codes that they had in training.
    let model = Bundle::decode(&place.read("outputs/models/model.bundle").unwrap()).unwrap();
    let columns: Vec<(usize, Option<&[String]>)> = bundle
        .features
        .iter()
        .map(|feature| {
            (header.iter().position(|name| *name == feature.name).unwrap(), feature.words(&model.schema))
        })
        .collect();
    let cell = |text: &str, words: Option<&[String]>| match words
        .and_then(|words| words.iter().position(|it| it == text))
    {
        Some(code) => code as f32,
        None => text.parse().unwrap_or(f32::NAN),
    };
    let id = header.iter().position(|name| name == "CUSTOMERID" || name == "client_id").unwrap();
    let rows = table.records().map(|row| {
        let row = row.unwrap();
        (row[id].to_owned(), columns.iter().map(|(at, words)| cell(&row[*at], *words)).collect())
    });
    rows.collect()
}

fn bundle(place: &Workplace) -> Bundle {
    Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap()
}

#[test]
fn one_whom_everybody_would_know_is_not_in_the_bundle() {
    let place = place();
    let bytes = place.read(BUNDLE).unwrap();
    let bundle = bundle(&place);
    let inspected = succeeds(&place, &["inspect", "--json"]);
    let contains = |pattern: &[u8]| bytes.windows(pattern.len()).any(|window| window == pattern);
    let amount: f64 = AMOUNT.parse().unwrap();
    assert!(
        !contains(CITY.as_bytes())
            && !contains(&amount.to_le_bytes())
            && !contains(&(amount as f32).to_le_bytes())
    );
    for text in [CITY, AMOUNT, "1913"] {
        assert!(!inspected.contains(text), "{text}");
    }
    // He was there: the model's own file, which stays in the bank, knows the city, and his features stand
    // out.
    let model = place.read("outputs/models/model.bundle").unwrap();
    assert!(model.windows(CITY.len()).any(|window| window == CITY.as_bytes()));
    let rows = rows(&place, &bundle);
    let mut outstanding = 0;
    for (feature, definition) in bundle.features.iter().enumerate() {
        let greatest = |his: bool| {
            let of = rows.iter().filter(|(id, _)| (id == "C0000000") == his).map(|(_, row)| row[feature]);
            of.filter(|value| value.is_finite()).fold(f32::MIN, f32::max)
        };
        let (his, others) = (greatest(true), greatest(false));
        if his > 0.0 && his > 1.05 * others && others > 0.0 && definition.words(&bundle.schema).is_none() {
            outstanding += 1;
            assert!(!contains(&his.to_le_bytes()), "{}: {his}", definition.name);
            let profile = &bundle.profile.as_ref().unwrap().features[feature];
            let summary = profile.summary.unwrap();
            assert!(summary.greatest < his && summary.mean <= others, "{}: {summary:?}", definition.name);
        }
    }
    assert!(outstanding >= 4, "{outstanding}");

    // What is told of it, by the commands that make and show a bundle.
    let exported = place.run(&["export", "--samples", "3"]).unwrap();
    assert!(exported.stdout.contains("withheld"), "{}", exported.stdout);
    assert!(exported.stderr.contains("real customers"), "{}", exported.stderr);
    let text = succeeds(&place, &["inspect", "--html", "card.html"]);
    assert!(text.contains("gives away") && text.contains("drawn from the bins by chance"), "{text}");
    assert!(String::from_utf8(place.read("card.html").unwrap()).unwrap().contains("What it gives away"));
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert!(inspected["givesAway"].as_array().unwrap().len() >= 5);
    assert_eq!(inspected["card"]["seed"], "18446744073709551615");

    let told = told_to_mlflow(&place);
    assert!(told.contains("random_forest"));
    for mark in [CITY, AMOUNT, "C0000000", "P0000000", "1913"] {
        assert!(!told.contains(mark), "{mark}");
    }

    golden_rows_are_nobodys(&bundle, &rows);
    golden_rows_decide_as_real_ones_do(&bundle, &rows);
    no_count_is_of_few(&bundle, &rows);
}

/// What MLflow is told of the run but for the files that docs/PRIVACY.md names: parameters, metrics, tags.
fn told_to_mlflow(place: &Workplace) -> String {
    let mut open = vec![place.path("mlruns")];
    let mut told = String::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("artifacts") => {}
                true => open.push(path),
                false => told += &String::from_utf8_lossy(&std::fs::read(path).unwrap()),
            }
        }
    }
    told
}

/// A bank as the defaults have it, but for its size and the budget.
#[test]
fn golden_rows_of_the_default_bank_are_nobodys() {
    let place = Workplace::new(PROGRAM).unwrap();
    place
        .write(
            "config.yaml",
            "generate: {customers: 1500}\nmodel: {selection: {budget: 0}}\nmlflow: {tracking_uri: none}\n",
        )
        .unwrap();
    for station in [&["generate"][..], &["features"], &["train", "--algorithm", "gradient_boosting"]] {
        succeeds(&place, station);
    }
    let exported: Value = serde_json::from_str(&succeeds(&place, &["export", "--json"])).unwrap();
    let bundle = bundle(&place);
    let rows = rows(&place, &bundle);
    golden_rows_are_nobodys(&bundle, &rows);

    // `export` names exactly the features of which an edge parts few customers, by brute force.
    let told: Vec<&str> =
        exported["edges_of_few"].as_array().unwrap().iter().map(|it| it[0].as_str().unwrap()).collect();
    let few: Vec<&str> = (0..bundle.features.len())
        .filter(|feature| {
            bundle.bins.edges(*feature).iter().any(|edge| fewest_beside(*edge, *feature, &rows) < 10)
        })
        .map(|feature| bundle.features[feature].name.as_str())
        .collect();
    assert_eq!(told, few);
}

/// How many customers at least have values on each side of an edge.
fn fewest_beside(edge: f32, feature: usize, rows: &[(String, Vec<f32>)]) -> usize {
    let count = |is_below: bool| {
        let of = rows.iter().filter(|(_, row)| !row[feature].is_nan() && (row[feature] <= edge) == is_below);
        of.map(|(id, _)| id).collect::<HashSet<_>>().len()
    };
    count(true).min(count(false))
}

#[test]
fn golden_rows_of_a_plain_table_are_nobodys() {
    let place = Workplace::new(PROGRAM).unwrap();
    let table = std::fs::read_to_string(repository().join("tests/fixtures/contracts.csv")).unwrap();
    place.write("contracts.csv", &table).unwrap();
    place.write("config.yaml", "model: {selection: {budget: 0}}\nmlflow: {tracking_uri: none}\n").unwrap();
    succeeds(
        &place,
        &["train", "--table", "contracts.csv", "--target", "OUTCOME", "--id", "CONTRACT", "--time", "SEEN"],
    );
    // The rows as the model's own file has them, which knows all words.
    let model = Recommender::load(&place.read("outputs/models/model.bundle").unwrap()).unwrap();
    let number = |column: &str| {
        model.schema().customer().columns.iter().any(|it| it.name == column && it.kind == ColumnKind::Number)
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(table.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<(String, Vec<f32>)> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let cells = header.iter().zip(&row).filter(|(name, cell)| !cell.is_empty() && *name != "OUTCOME");
            let cells = cells.map(|(name, cell)| match number(name) {
                true => (name.clone(), Value::from(cell.replace(',', ".").parse::<f64>().unwrap())),
                false => (name.clone(), Value::from(cell)),
            });
            let text = Value::Object(cells.collect()).to_string();
            let features = model.features_of(&json::Value::Written(&text), &RequestOptions::default());
            (row[0].to_owned(), features.unwrap())
        })
        .collect();
    let bundle = bundle(&place);
    let telling =
        (0..bundle.features.len()).filter(|feature| !bundle.bins.edges(*feature).is_empty()).count();
    assert!(rows.len() > 200 && telling > 2);
    nobody_is_near(&bundle, &rows);
}

#[test]
fn golden_rows_of_a_real_bank_are_nobodys() {
    let Some(place) = place_with_data(|config| {
        let moved =
            config.replace("outputs/berka/features", "data/processed").replace("outputs/berka", "outputs");
        moved.replace("table_name: berka_features", "table_name: customer_product_features")
    }) else {
        return;
    };
    for station in
        [&["features"][..], &["train", "--budget", "0", "--algorithm", "random_forest"], &["export"]]
    {
        succeeds(&place, station);
    }
    let bundle = bundle(&place);
    golden_rows_are_nobodys(&bundle, &rows(&place, &bundle));
}

/// By brute force: in how many of the features that have several bins does a golden row differ from each row
/// of the table?
fn nobody_is_near(bundle: &Bundle, rows: &[(String, Vec<f32>)]) {
    let telling = telling(bundle);
    for golden in &bundle.goldens {
        let differing = |row: &[f32]| {
            telling.iter().filter(|it| bin(bundle, row, **it) != bin(bundle, &golden.row, **it)).count()
        };
        let least = rows.iter().map(|(_, row)| differing(row)).min().unwrap();
        assert!(4 * least >= telling.len(), "{least} of {}", telling.len());
    }
}

/// The features that have several bins.
fn telling(bundle: &Bundle) -> Vec<usize> {
    (0..bundle.features.len()).filter(|feature| !bundle.bins.edges(*feature).is_empty()).collect()
}

fn bin(bundle: &Bundle, row: &[f32], feature: usize) -> usize {
    match row[feature] {
        value if value.is_nan() => 0,
        value => 1 + bundle.bins.edges(feature).iter().filter(|edge| **edge < value).count(),
    }
}

fn golden_rows_are_nobodys(bundle: &Bundle, rows: &[(String, Vec<f32>)]) {
    let telling = telling(bundle);
    assert!(telling.len() > 10 && rows.len() > 1000);
    nobody_is_near(bundle, rows);
    // Missing values and both ends of each range are there, and every bin of a category.
    for feature in telling {
        let mut met: Vec<usize> =
            bundle.goldens.iter().map(|golden| bin(bundle, &golden.row, feature)).collect();
        met.sort_unstable();
        met.dedup();
        let bins = bundle.bins.count(feature);
        assert!(met[0] == 0 && met[1] == 1 && *met.last().unwrap() == bins - 1, "{met:?}");
        assert!(
            bundle.features[feature].words(&bundle.schema).is_none() || met.len() == bins,
            "{met:?} of {bins}"
        );
    }
}

/// Scorers that are wrong in one way: comparisons turned round at a feature's edges, a bin off, classes in
/// another order.
fn golden_rows_decide_as_real_ones_do(bundle: &Bundle, rows: &[(String, Vec<f32>)]) {
    let real: Vec<Golden> = {
        let mut scorer = bundle.scorer();
        let spread = rows.iter().step_by(rows.len() / 16).take(16);
        spread
            .map(|(_, row)| Golden { row: row.clone(), probabilities: scorer.score(row).unwrap().to_vec() })
            .collect()
    };
    let with_edges = |feature: usize, change: &dyn Fn(&[f32]) -> Vec<f32>| {
        let edges = (0..bundle.features.len()).map(|other| match bundle.bins.edges(other) {
            edges if other == feature => change(edges),
            edges => edges.to_vec(),
        });
        Bundle { bins: Bins::new(edges.collect()).unwrap(), ..bundle.clone() }
    };
    let mut wrong: Vec<Bundle> = Vec::new();
    for feature in (0..bundle.features.len()).filter(|feature| !bundle.bins.edges(*feature).is_empty()) {
        wrong.push(with_edges(feature, &|edges| edges.iter().map(|edge| edge.next_down()).collect()));
        wrong.push(with_edges(feature, &|edges| edges[1..].to_vec()));
    }
    let caught = |goldens: &[Golden]| {
        let fails =
            |it: &&Bundle| Bundle { goldens: goldens.to_vec(), ..(**it).clone() }.self_test().is_err();
        wrong.iter().filter(fails).count()
    };
    let (synthetic, of_real) = (caught(&bundle.goldens), caught(&real));
    assert!(synthetic >= of_real && 2 * synthetic > wrong.len(), "{synthetic} {of_real} of {}", wrong.len());
    let mut swapped = bundle.clone();
    swapped.goldens.iter_mut().for_each(|golden| golden.probabilities.swap(1, 2));
    assert!(swapped.self_test().is_err());
}

/// By brute force over the test rows: no cell of the profile is of fewer than ten customers.
fn no_count_is_of_few(bundle: &Bundle, rows: &[(String, Vec<f32>)]) {
    let profile = bundle.profile.as_ref().unwrap();
    for distribution in profile.distributions() {
        assert_eq!(distribution.rows(), u64::from(profile.rows));
        assert!(distribution.counts.iter().all(|count| *count == 0 || *count >= 10), "{distribution:?}");
    }
    assert!(profile.labels.iter().all(|count| *count == 0 || *count >= 10), "{:?}", profile.labels);
    assert!(bundle.card.segments.iter().all(|segment| segment.rows >= 10));
    assert!(rows.len() > profile.rows as usize);
}
