//! `nextbest features --explain` and `--catalogue`: what they say of the feature table is true.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;

use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

fn bank() -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = "generate: {customers: 300}\nfeature_store: {formats: [parquet, csv]}\n\
                  model: {hyperparameters: {random_forest: {n_estimators: 3}}}\n";
    place.write("config.yaml", config).unwrap();
    assert_eq!(place.run(&["generate"]).unwrap().code, 0);
    assert_eq!(place.run(&["features"]).unwrap().code, 0);
    place
}

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    let finished = place.run(&[arguments, &["--json"]].concat()).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// The rows of a CSV file without quotes in it, by the names of the columns.
fn rows(place: &Workplace, file: &str) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(place.read(file).unwrap()).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            header.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect()
        })
        .collect()
}

const TABLE: &str = "data/processed/customer_product_features.csv";

#[test]
fn explained_values_are_those_of_the_feature_table() {
    let place = bank();
    let table = rows(&place, TABLE);
    let row = &table[table.len() / 3 * 2];
    let (customer, cutoff) = (&row["CUSTOMERID"], &row["CUTOFF"]);
    let catalogue = json(&place, &["features", "--catalogue"]);
    let features = catalogue["features"].as_array().unwrap();
    for feature in features {
        let name = feature["name"].as_str().unwrap();
        let explained = json(&place, &["features", "--explain", name, customer, "--as-of", cutoff]);
        assert_eq!(explained["customer"], customer.as_str());
        let last = explained["features"].as_array().unwrap().last().unwrap();
        assert_eq!(last["feature"], name);
        let expected = match row[name].as_str() {
            "" => None,
            number => Some(number.parse::<f32>().unwrap()),
        };
        assert_eq!(last["value"].as_f64().map(|value| value as f32), expected, "{name}: {last}");
    }
    // Without a date, the last cut-off is meant.
    let last = table.iter().map(|row| &row["CUTOFF"]).max().unwrap();
    assert_eq!(&json(&place, &["features", "--explain", "month", customer])["cutoff"], last);
    // For people, row by row.
    let shown = place.run(&["features", "--explain", "txn_count_30d", customer]).unwrap();
    for part in [
        "count of transactions of the last 30 days",
        "TRANSACTIONINITIATEDTIMESTAMP",
        "no: before the window",
    ] {
        assert!(shown.stdout.contains(part), "{part:?} is not in: {}", shown.stdout);
    }
}

#[test]
fn questions_without_an_answer_are_refused() {
    let place = bank();
    for (arguments, code, part) in [
        (&["--explain", "month", "nobody"][..], 1, "no customer has the CUSTOMERID \"nobody\""),
        (&["--explain", "mouth", "C0000001"], 2, "there is no feature `mouth`"),
        (&["--explain", "month"], 2, "2 values required"),
        (&["--explain", "month", "C0000001", "--as-of", "soon"], 2, "expected a date such as 2026-07-01"),
        (&["--catalogue", "--bundle", "nowhere.bundle"], 1, "nowhere.bundle"),
    ] {
        let finished = place.run(&[&["features"], arguments].concat()).unwrap();
        assert_eq!(finished.code, code, "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(part), "{part:?} is not in: {}", finished.stderr);
    }
    // Someone who had not come yet can be asked about, but has no row.
    let early = place.run(&["features", "--explain", "month", "C0000001", "--as-of", "1980-01-01"]).unwrap();
    assert_eq!(early.code, 0);
    assert!(early.stderr.contains("had not come by 1980-01-01"), "{}", early.stderr);
}

#[test]
fn the_catalogue_needs_no_data_and_says_more_with_each_station() {
    let place = Workplace::new(PROGRAM).unwrap();
    let catalogue = json(&place, &["features", "--catalogue"]);
    let find = |catalogue: &Value, name: &str| {
        let features = catalogue["features"].as_array().unwrap();
        features.iter().find(|feature| feature["name"] == name).unwrap().clone()
    };
    let held = find(&catalogue, "holds_{product}");
    assert_eq!(
        (&held["type"], &held["definition"]),
        (&"flag".into(), &"1 where product {product} is held, else 0".into())
    );
    let salary = find(&catalogue, "salary_90d");
    assert_eq!(
        salary["definition"],
        "sum of TRANSACTIONAMOUNT over transactions of the last 90 days where TRANSACTIONTYPEID is SALARY"
    );
    assert_eq!(
        (&salary["type"], &salary["missing_share"], &salary["importance"]),
        (&"number".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(find(&catalogue, "city")["type"], "category");

    let place = bank();
    assert_eq!(place.run(&["train"]).unwrap().code, 0);
    let catalogue = json(&place, &["features", "--catalogue"]);
    let table = rows(&place, TABLE);
    for name in ["age_years", "holds_credit_card", "mean_interest_rate", "last_balance"] {
        let missing = table.iter().filter(|row| row[name].is_empty()).count();
        let share = find(&catalogue, name)["missing_share"].as_f64().unwrap();
        assert!((share - missing as f64 / table.len() as f64).abs() < 1e-12, "{name}: {share}");
    }
    let importance = |catalogue: &Value| -> f64 {
        let features = catalogue["features"].as_array().unwrap();
        features.iter().map(|feature| feature["importance"].as_f64().unwrap()).sum()
    };
    assert!((importance(&catalogue) - 1.0).abs() < 1e-4);
    let of_bundle = json(&place, &["features", "--catalogue", "--bundle", "outputs/models/model.bundle"]);
    assert_eq!(of_bundle["features"], catalogue["features"]);
    let listed = rows(&place, "outputs/features/catalogue.csv");
    assert_eq!(listed.len(), catalogue["features"].as_array().unwrap().len());
    let markdown = String::from_utf8(place.read("outputs/features/CATALOGUE.md").unwrap()).unwrap();
    for part in
        ["## demographic", "| `salary_90d` | salary received in 90 days | sum of TRANSACTIONAMOUNT over"]
    {
        assert!(markdown.contains(part), "{part:?} is not in: {markdown}");
    }
    let tables = markdown.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(tables.count(), listed.len());
}
