//! What a feature table, a bundle and a config say of each other is the same, or nothing is done; and what we
//! write can be read.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeSet;

use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

/// A bank that is quickly trained on.
const BANK: &str = "generate: {customers: 200, start: 2025-01-01}
model: {algorithm: logistic_regression, selection: {budget: 0}}
mlflow: {tracking_uri: none}
evaluation: {bootstrap_draws: 20}
feature_engineering:
  features:
    - {name: salaries, table: transactions, where: [{column: TRANSACTIONTYPEID, in: [SALARY]}], aggregate: count}
    - {name: tenure, attribute: CUSTOMERESTABLISHEDDATE, transform: days_since}
";

fn run(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    finished
}

/// Ends with a code and says all of these.
fn refused(place: &Workplace, arguments: &[&str], code: i32, parts: &[&str]) {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, code, "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    for part in parts {
        assert!(finished.stderr.contains(part), "{arguments:?}: {part:?} is not in: {}", finished.stderr);
    }
}

#[test]
fn a_config_that_contradicts_the_feature_table_or_the_bundle_is_refused() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", BANK).unwrap();
    for command in ["generate", "features", "train", "evaluate", "export", "score", "monitor"] {
        let finished = place.run(&[command, "--quiet"]).unwrap();
        assert!(finished.code == 0 || command == "monitor", "{command}: {}", finished.stderr);
    }
    let manifest: Value =
        serde_json::from_slice(&place.read("data/processed/customer_product_features.json").unwrap())
            .unwrap();
    assert_eq!(manifest["horizonDays"], 90);
    let (first, last) = (&manifest["cutoffs"][0], &manifest["cutoffs"][9]);
    let table = "customer_product_features.parquet was made with ";
    for (yaml, parts) in [
        ("snapshots: {horizon_days: 30}", ["snapshots.horizon_days: the config says 30", "90"]),
        ("feature_store: {primary_keys: [CLIENT]}", ["primary_keys: the config says CLIENT", "CUSTOMERID"]),
        ("feature_store: {timestamp_key: T}", ["timestamp_key: the config says T", "CUTOFF"]),
        ("snapshots: {every_months: 1}", ["every_months", last.as_str().unwrap()]),
        ("snapshots: {first: 2025-10-01}", ["first", first.as_str().unwrap()]),
        ("snapshots: {last: 2025-10-01}", ["last", last.as_str().unwrap()]),
    ] {
        place.write("other.yaml", &format!("{BANK}{yaml}\n")).unwrap();
        for command in [
            &["train"][..],
            &["evaluate"],
            &["export"],
            &["eda"],
            &["doctor"],
            &["features", "--as-of", "2026-06-01"],
        ] {
            let arguments = [command, &["--config", "other.yaml"]].concat();
            refused(&place, &arguments, 2, &[table, parts[0], parts[1]]);
        }
    }
    place.write("other.yaml", &format!("{BANK}snapshots: {{horizon_days: 30}}\n")).unwrap();
    let config = ["--config", "other.yaml"];
    let both = ["the config says 30", "within 90 days"];
    refused(&place, &[&["score"][..], &config].concat(), 1, &both);
    refused(&place, &[&["export", "--samples", "1"][..], &config].concat(), 2, &["the config says 30", "90"]);
    refused(&place, &[&["monitor"][..], &config].concat(), 1, &["within 90 days", "within 30 days"]);
    // A table of another horizon beside the bundle.
    run(&place, &[&["features", "--quiet"][..], &config].concat());
    let table = "data/processed/customer_product_features.parquet";
    refused(&place, &["monitor", "--current", table], 1, &[table, "within 90 days", "within 30 days"]);
    place.write("target.yaml", &BANK.replace("budget: 0}", "budget: 0}, target_variable: NEXT")).unwrap();
    refused(&place, &["train", "--config", "target.yaml"], 2, &["snapshots.horizon_days"]);
}

#[test]
fn columns_that_would_be_taken_for_each_other_are_refused_before_work_begins() {
    let place = Workplace::new(PROGRAM).unwrap();
    for (yaml, parts) in [
        ("feature_store: {primary_keys: [held_products]}", ["\"held_products\"", "\"HELD_PRODUCTS\""]),
        ("feature_store: {timestamp_key: next_product}", ["\"next_product\"", "\"NEXT_PRODUCT\""]),
        ("feature_store: {timestamp_key: Tenure}", ["\"Tenure\"", "\"tenure\""]),
    ] {
        // There is no bank: names are looked at first.
        place.write("config.yaml", &format!("{BANK}{yaml}\n")).unwrap();
        refused(&place, &["features"], 2, &parts);
    }
}

/// Products, classes and ids whose names are hard to write down, read back by other readers.
#[test]
fn names_of_any_kind_come_back() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", BANK).unwrap();
    run(&place, &["generate", "--quiet"]);
    let file = "data/raw/BANKING_PRODUCT.csv";
    let text = String::from_utf8(place.read(file).unwrap()).unwrap();
    let odd = ["Home|Loan", "=Loan+1", "a, \"quoted\"\nname", "\\|/", "🏠 Loan", "-"];
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let name = header.iter().position(|name| name == "PRODUCTNAME").unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).unwrap();
    for (row, record) in reader.records().enumerate() {
        let record = record.unwrap();
        let cells = record.iter().enumerate().map(|(column, cell)| match odd.get(row) {
            Some(odd) if column == name => *odd,
            _ => cell,
        });
        writer.write_record(cells).unwrap();
    }
    place.write(file, &String::from_utf8(writer.into_inner().unwrap()).unwrap()).unwrap();
    for command in ["features", "train", "evaluate", "eda", "export", "score"] {
        run(&place, &[command, "--quiet"]);
    }
    // Held products come back from the table as they were: the model was trained on it. In the offers no cell
    // is a formula.
    let held =
        String::from_utf8(place.read("data/processed/customer_product_features.csv").unwrap()).unwrap();
    assert!(held.contains("Home\\|Loan"), "nobody holds the product");
    let offers = String::from_utf8(place.read("outputs/predictions/recommendations.csv").unwrap()).unwrap();
    let mut reader = csv::Reader::from_reader(offers.as_bytes());
    let product = reader.headers().unwrap().iter().position(|name| name == "PRODUCT").unwrap();
    let offered: BTreeSet<String> =
        reader.records().map(|record| record.unwrap()[product].to_owned()).collect();
    let written = |odd: &str| if odd.starts_with(['=', '-']) { format!("'{odd}") } else { odd.to_owned() };
    let met = odd.iter().filter(|odd| offered.contains(&written(odd))).count();
    assert!(met > 2, "{offered:?}");
    assert!(!offered.iter().any(|product| product.starts_with(['=', '-', '+', '@'])), "{offered:?}");
}

#[test]
fn results_of_a_plain_table_have_columns_of_different_names() {
    let place = Workplace::new(PROGRAM).unwrap();
    let rows: String = (0..300)
        .map(|row| format!("=id{row},{},{}\n", row % 50, ["yes", "Yes", "no"][row % 50 * 3 / 50]))
        .collect();
    place.write("config.yaml", BANK).unwrap();
    for (id, clash) in
        [("ID", None), ("predicted", Some("PREDICTED")), ("Probability_YES_2", Some("PROBABILITY_yes_2"))]
    {
        place.write("t.csv", &format!("{id},AGE,ANSWER\n{rows}")).unwrap();
        run(&place, &["train", "--quiet", "--table", "t.csv", "--target", "ANSWER", "--id", id]);
        for out in ["out.csv", "out.parquet"] {
            let arguments = ["score", "--table", "t.csv", "--id", id, "--out", out];
            match clash {
                Some(other) => refused(&place, &arguments, 2, &[&format!("{id:?}"), &format!("{other:?}")]),
                None => drop(run(&place, &arguments)),
            }
        }
    }
    let out = String::from_utf8(place.read("out.csv").unwrap()).unwrap();
    let mut lines = out.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(header.len(), 5);
    let folded: BTreeSet<String> = header.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded.len(), 5, "{header:?}");
    // Machines join results by their ids, so those stay as they are.
    assert!(lines.next().unwrap().starts_with("=id0,"));
    let scored: Value = serde_json::from_str(
        &run(&place, &["score", "--table", "t.csv", "--out", "again.csv", "--json"]).stdout,
    )
    .unwrap();
    assert_eq!(scored["rows"], 300);
}
