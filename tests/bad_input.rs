//! Bad input is met with an error that names file, line and column and says what to do.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use nextbest_tests::{Finished, Workplace};

const PROGRAM: &str = env!("CARGO_BIN_EXE_nextbest-under-test");

/// A synthetic bank in which one line of one file is replaced.
fn bank_with(file: &str, spoil: impl Fn(&str) -> String) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "generate: {customers: 60}").unwrap();
    assert_eq!(place.run(&["generate"]).unwrap().code, 0);
    let name = format!("data/raw/{file}");
    let text = String::from_utf8(place.read(&name).unwrap()).unwrap();
    place.write(&name, &spoil(&text)).unwrap();
    place
}

/// Replaces a cell (line from 1, column from 0).
fn with_cell(text: &str, line: usize, column: usize, cell: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[line - 1].split(',').collect();
    cells[column] = cell;
    let replaced = cells.join(",");
    lines[line - 1] = replaced;
    lines.join("\n") + "\n"
}

fn fails(place: &Workplace, arguments: &[&str], code: i32, parts: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, code, "{}", finished.stderr);
    for part in parts {
        assert!(finished.stderr.contains(part), "{part:?} is not in: {}", finished.stderr);
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    finished
}

#[test]
fn rows_that_can_not_be_read_are_placed() {
    let cases: [(&str, usize, &str, &[&str]); 6] = [
        (
            "CUSTOMER_ACCOUNT.csv",
            7,
            "abc",
            &["CUSTOMER_ACCOUNT.csv:5: column PRINCIPALAMOUNT: expected a number, got \"abc\""],
        ),
        (
            "CUSTOMER_ACCOUNT.csv",
            4,
            "2023-02-30",
            &[
                "CUSTOMER_ACCOUNT.csv:5: column ORIGINATIONDATE: expected a date like %Y-%m-%d, got \"2023-02-30\"",
            ],
        ),
        ("CUSTOMER_ACCOUNT.csv", 4, "9999-12-31", &["the date \"9999-12-31\" is out of range"]),
        ("CUSTOMER_ACCOUNT.csv", 4, "", &["column ORIGINATIONDATE: the row's time is empty"]),
        (
            "CUSTOMER_ACCOUNT.csv",
            1,
            "nobody",
            &["CUSTOMER_ACCOUNT.csv:5: column CUSTOMERID: \"nobody\" is not in table `customer`"],
        ),
        ("PARTY.csv", 0, "", &["PARTY.csv:5: column PARTYID: the key is empty"]),
    ];
    for (file, column, cell, parts) in cases {
        let place = bank_with(file, |text| with_cell(text, 5, column, cell));
        fails(&place, &["features"], 1, &[parts, &["--skip-bad-rows"]].concat());
        assert!(!place.path("data/processed").exists(), "nothing is written from bad data");
    }
}

#[test]
fn a_duplicate_key_is_found() {
    let place = bank_with("CUSTOMER.csv", |text| {
        let first = text.lines().nth(1).unwrap();
        format!("{text}{first}\n")
    });
    fails(&place, &["features"], 1, &["CUSTOMER.csv:62: column CUSTOMERID: the key", "is there twice"]);
}

#[test]
fn a_row_with_a_cell_too_few_is_placed() {
    let place = bank_with("CONSENT.csv", |text| format!("{text}half,a row\n"));
    fails(&place, &["features"], 1, &["CONSENT.csv:", "expected 4 columns, got 2"]);
}

#[test]
fn bad_rows_are_skipped_and_counted_only_on_request() {
    let place = bank_with("TRANSACTION.csv", |text| with_cell(&with_cell(text, 3, 3, "x"), 9, 2, "never"));
    fails(&place, &["features"], 1, &["2 of", "rows are bad", "TRANSACTION.csv:3:", "TRANSACTION.csv:9:"]);
    let finished = place.run(&["features", "--skip-bad-rows"]).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("TRANSACTION.csv: left out 2 bad rows"), "{}", finished.stderr);
    assert!(finished.stdout.contains("2 bad rows left out"), "{}", finished.stdout);
}

#[test]
fn the_generators_own_dirt_is_found() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "generate: {customers: 200}").unwrap();
    assert_eq!(place.run(&["generate", "--dirty", "0.01"]).unwrap().code, 0);
    fails(&place, &["features"], 1, &["rows are bad"]);
    assert_eq!(place.run(&["features", "--skip-bad-rows"]).unwrap().code, 0);
}

#[test]
fn files_columns_and_rows_must_be_there() {
    let place = bank_with("PARTY.csv", str::to_owned);
    std::fs::remove_file(place.path("data/raw/PARTY.csv")).unwrap();
    fails(
        &place,
        &["features"],
        1,
        &["data/raw/PARTY.csv: can't be read as table `party`", "nextbest generate"],
    );
    let place = bank_with("PARTY.csv", |text| text.replacen("DATEOFBIRTH", "BIRTHDAY", 1));
    fails(
        &place,
        &["features"],
        1,
        &["PARTY.csv:1: no column `DATEOFBIRTH`, which table `party` needs; there are PARTYID"],
    );
    let place = bank_with("COMMUNICATION.csv", |text| text.lines().next().unwrap().to_owned() + "\n");
    fails(&place, &["features"], 1, &["COMMUNICATION.csv: table `communications` has no rows"]);
}

#[test]
fn stations_say_which_comes_before() {
    let place = Workplace::new(PROGRAM).unwrap();
    fails(&place, &["features"], 1, &["nextbest generate"]);
    fails(&place, &["train"], 1, &["customer_product_features.parquet", "nextbest features"]);
    fails(&place, &["evaluate"], 1, &["model.bundle", "nextbest train"]);
    fails(&place, &["export"], 1, &["nextbest train"]);
    fails(&place, &["score"], 1, &["nextbest.bundle", "nextbest export"]);
    fails(&place, &["inspect"], 1, &["nextbest export"]);
    place.write("fake.bundle", "not a bundle at all").unwrap();
    fails(&place, &["inspect", "fake.bundle"], 1, &["fake.bundle", "not a nextbest bundle"]);
}

#[test]
fn the_command_line_and_config_are_understood_or_refused_with_2() {
    let place = Workplace::new(PROGRAM).unwrap();
    fails(&place, &["frobnicate"], 2, &["frobnicate"]);
    fails(&place, &["generate", "--customers", "many"], 2, &["many"]);
    fails(&place, &["features", "--config", "nowhere.yaml"], 2, &["nowhere.yaml"]);
    let help = place.run(&["train", "--help"]).unwrap();
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Example:"), "{}", help.stdout);
    for (config, parts) in [
        ("model:\n  algoritm: auto\n", ["config.yaml", "algoritm", "line 2"]),
        ("model:\n  algorithm: xgboost\n", ["config.yaml", "xgboost", "line 2"]),
        ("snapshots:\n  every_months: three\n", ["config.yaml", "three", "line 2"]),
        ("generate:\n  customers: 10\n  end: yesterday\n", ["generate.end", "yesterday", "2024-01-01"]),
    ] {
        place.write("config.yaml", config).unwrap();
        fails(&place, &["generate"], 2, &parts);
    }
}

#[test]
fn bad_feature_definitions_fail_before_any_data_is_read() {
    for (feature, parts) in [
        ("{name: a, table: transactions}", ["feature `a`", "aggregate: missing"]),
        ("{name: a, season: month, window: 30}", ["feature `a`", "window: has a meaning only with `table`"]),
        ("{name: a}", ["feature `a`", "exactly one of"]),
        ("{name: a, holds: each}", ["feature `a`", "{product}"]),
        ("{name: a, table: t, aggregate: sum}", ["feature `a`", "column: missing"]),
    ] {
        let place = Workplace::new(PROGRAM).unwrap();
        place.write("config.yaml", &format!("feature_engineering:\n  features:\n    - {feature}\n")).unwrap();
        fails(&place, &["features"], 2, &parts);
    }
    // What needs the tables' columns is found once they are read, and named all the same.
    for (feature, parts) in [
        (
            "{name: a, table: accounts, aggregate: distinct, column: ACCOUNTSTATUS}",
            ["feature `a`", "the state of today"],
        ),
        (
            "{name: a, table: accounts, aggregate: count, where: [{column: CLOSEDDATE, above: 1}]}",
            ["feature `a`", "use `open`"],
        ),
        ("{name: a, ratio: [b, c]}", ["feature `a`", "not a feature defined before"]),
    ] {
        let place = bank_with("PARTY.csv", str::to_owned);
        place.write("config.yaml", &format!("feature_engineering:\n  features:\n    - {feature}\n")).unwrap();
        fails(&place, &["features"], 2, &parts);
    }
}

#[test]
fn customers_in_a_file_are_placed_by_their_path() {
    let place = Workplace::new(PROGRAM).unwrap();
    place
        .write(
            "config.yaml",
            "generate: {customers: 400}\nmodel: {hyperparameters: {random_forest: {n_estimators: 3}}}",
        )
        .unwrap();
    assert_eq!(place.run(&["run"]).unwrap().code, 0);
    let customers = r#"[{"id": "7", "asOf": "2026-07-01", "customer": {"customer": {}, "accounts":
        [{"ORIGINATIONDATE": "2020-01-01"}, {"ORIGINATIONDATE": "2020-01-01", "PRINCIPALAMOUNT": "abc"}]}}]"#;
    place.write("customers.json", customers).unwrap();
    fails(
        &place,
        &["score", "--customers", "customers.json"],
        1,
        &["customers.json: customer \"7\": accounts[1].PRINCIPALAMOUNT: expected a number, got \"abc\""],
    );
    place.write("customers.json", "[{]").unwrap();
    fails(&place, &["score", "--customers", "customers.json"], 1, &["customers.json: ", "line 1 column 3"]);
}
