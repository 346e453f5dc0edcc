//! Bad input is met with an error that names file, line and column and says what to do.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use nextbest_tests::{Finished, Workplace};

use crate::PROGRAM;

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
            &["CUSTOMER_ACCOUNT.csv:5: column ORIGINATIONDATE: expected a date like %Y-%m-%d, got \
                 \"2023-02-30\""],
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
    assert!(help.stdout.contains("Examples:"), "{}", help.stdout);
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

/// There is no data at all, so whatever is found is found without reading any.
#[test]
fn bad_feature_definitions_fail_before_any_data_is_read() {
    for (feature, key) in [
        ("table: transactions", "aggregate: missing"),
        ("season: month, window: 30", "window: has a meaning only with `table`"),
        ("label: nothing", "give exactly one of attribute, table, holdings, holds, ratio and season"),
        ("holds: each", "name: `holds: each` needs a {product}"),
        ("holds: each, open: true", "open: has a meaning only with `table`"),
        ("table: t, aggregate: sum", "column: missing"),
        ("table: t, aggregate: count, column: c", "column: this aggregate takes none"),
        (
            "table: t, aggregate: count, of: [{column: c, above: 1}]",
            "of: has a meaning only with `aggregate: share`",
        ),
        ("table: t, aggregate: count, short: 3", "short: has a meaning only with `aggregate: trend`"),
        ("table: t, aggregate: share", "of: missing"),
        ("table: t, aggregate: trend, short: 3", "window: missing"),
        ("table: t, aggregate: trend, window: 30", "short: missing"),
        ("table: t, aggregate: count, where: [{above: 1}]", "where: column: missing"),
        (
            "table: t, aggregate: count, where: [{column: c}]",
            "where: `c`: give exactly one of in, not_in, equals",
        ),
        (
            "table: t, aggregate: count, where: [{column: c, above: 1, below: 2}]",
            "where: `c`: give exactly one",
        ),
        ("table: t, aggregate: count, where: [{not: []}]", "where: not: no condition is given"),
        (
            "table: t, aggregate: count, where: [{not: {not: {column: c, above: 1}}}]",
            "where: not: not: one does not stand",
        ),
        (
            "table: t, aggregate: count, where: [{column: c, not: {column: c, above: 1}}]",
            "where: not: no other key",
        ),
        ("season: month, missing: zero", "missing: expected keep or a number, got `zero`"),
        ("season: month, missing: 1e39", "missing: expected keep or a number, got 1000"),
        ("attribute: SHOE_SIZE", "attribute: table `customer` has no column `SHOE_SIZE`"),
        ("attribute: CITY, transform: days_since", "transform: `CITY` is not a date"),
        ("table: transfers, aggregate: count", "table: there is no event table `transfers`"),
        ("table: products, aggregate: count", "table: there is no event table `products`"),
        (
            "table: accounts, aggregate: sum, column: AMOUNT",
            "column: table `accounts` has no column `AMOUNT`",
        ),
        ("table: accounts, aggregate: std, column: PRODUCTID", "column: `PRODUCTID` is not a number"),
        (
            "table: accounts, aggregate: entropy, column: ACCOUNTSTATUS",
            "column: `accounts.ACCOUNTSTATUS` shows the state of today",
        ),
        (
            "table: accounts, aggregate: days_until_next, column: CLOSEDDATE",
            "column: `CLOSEDDATE` says when a product is given up",
        ),
        (
            "table: accounts, aggregate: count, where: [{column: CLOSEDDATE, missing: true}]",
            "where: `CLOSEDDATE` says when",
        ),
        (
            "table: accounts, aggregate: count, where: [{column: PRODUCTID, equals: 1}]",
            "where: `PRODUCTID` is not a number",
        ),
        (
            "table: accounts, aggregate: count, where: [{column: INTERESTRATE, equals: high}]",
            "where: `INTERESTRATE` is not a category",
        ),
        ("table: transactions, aggregate: count, open: true", "open: table `transactions` does not say"),
        ("table: transactions, aggregate: count, window: 0", "window: 0 days hold no rows"),
        (
            "table: transactions, aggregate: trend, window: short_term, short: long_term",
            "short: expected 1 day",
        ),
        ("ratio: [b, c]", "ratio: `b` is not a feature defined before"),
    ] {
        let place = Workplace::new(PROGRAM).unwrap();
        let features = format!("feature_engineering:\n  features:\n    - {{name: a, {feature}}}\n");
        place.write("config.yaml", &features).unwrap();
        fails(&place, &["features"], 2, &["feature `a`: ", key]);
    }
    // What is no YAML of ours is placed by its line.
    for (feature, parts) in [
        ("{name: a, table: t, aggregate: median}", ["line 3", "median"]),
        ("{name: a, season: month, weigth: 1}", ["line 3", "weigth"]),
        ("{name: a, table: t, aggregate: count, window: fortnight}", ["line 3", "fortnight"]),
        (
            "{name: a, table: t, aggregate: count, where: [{column: c, equals: true}]}",
            ["line 3", "a number or a word"],
        ),
    ] {
        let place = Workplace::new(PROGRAM).unwrap();
        place.write("config.yaml", &format!("feature_engineering:\n  features:\n    - {feature}\n")).unwrap();
        fails(&place, &["features"], 2, &parts);
    }
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "feature_engineering: {features: []}").unwrap();
    fails(&place, &["features"], 2, &["feature_engineering.features: there are none"]);
}

/// Which products there are stands in a table, so a product that is not there is found once that is read.
#[test]
fn a_feature_of_an_unknown_product_is_named() {
    let place = bank_with("PARTY.csv", str::to_owned);
    place.write("config.yaml", "feature_engineering:\n  features:\n    - {name: a, holds: YACHT}\n").unwrap();
    fails(&place, &["features"], 2, &["feature `a`: holds: there is no product `YACHT`"]);
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
    fails(&place, &["score", "--customers", "customers.json"], 1, &["customers.json: ", "line 1, column 3"]);
}
