//! The synthetic bank as a user generates it: formats, slices, threads.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

/// The tables with rows of customers, and those that belong to no customer.
const OF_CUSTOMERS: [&str; 9] = [
    "ADDRESS",
    "PARTY",
    "CUSTOMER",
    "CUSTOMER_ACCOUNT",
    "TRANSACTION",
    "COMMUNICATION",
    "DOCUMENT",
    "CONSENT",
    "TRUTH",
];
const OF_NOBODY: [&str; 2] = ["BANKING_PRODUCT", "CHANNEL"];

fn generated(place: &Workplace, arguments: &[&str]) {
    let run = place.run(&[&["generate", "--quiet"], arguments].concat()).unwrap();
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
}

/// A CSV file's header, and the rest.
fn header_and_rows(place: &Workplace, file: &str) -> (String, String) {
    let text = String::from_utf8(place.read(file).unwrap()).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    (header.to_owned(), rows.to_owned())
}

/// Drifts of every kind.
const DRIFTS: [&str; 12] = [
    "--drift",
    "mean_shift=0.3@2025-01-01",
    "--drift",
    "scale=-0.2",
    "--drift",
    "category_mix=0.2@2025-03-10",
    "--drift",
    "missingness=0.1",
    "--drift",
    "label_shift=1",
    "--drift",
    "concept_shift=0.5@2025-01-01",
];

#[test]
fn slices_put_together_are_the_whole() {
    let place = Workplace::new(PROGRAM).unwrap();
    for (dirty, drifts) in [("0", [].as_slice()), ("0.02", &[]), ("0.02", &DRIFTS)] {
        for (customers, folder) in [("1000", "whole"), ("0..300", "first"), ("300..1000", "second")] {
            let arguments = ["--customers", customers, "--output", folder, "--dirty", dirty];
            generated(&place, &[&arguments, drifts].concat());
        }
        for table in OF_CUSTOMERS {
            let part = |folder: &str| header_and_rows(&place, &format!("{folder}/{table}.csv"));
            let ((header, mut rows), (other, more), whole) = (part("first"), part("second"), part("whole"));
            assert!(!rows.is_empty() && !more.is_empty(), "{table}");
            assert_eq!(header, other);
            rows.push_str(&more);
            assert!(
                (header, rows) == whole,
                "{table}, {dirty} damaged, {drifts:?}: the slices differ from the whole"
            );
        }
        for table in OF_NOBODY {
            let read = |folder: &str| place.read(&format!("{folder}/{table}.csv")).unwrap();
            assert_eq!(read("whole"), read("second"));
        }
    }
}

#[test]
fn threads_change_no_byte_of_any_format() {
    let place = Workplace::new(PROGRAM).unwrap();
    for (format, drifts) in [("csv", [].as_slice()), ("parquet", &[]), ("csv", &DRIFTS)] {
        for threads in ["1", "2", "5"] {
            let folder = format!("{format}{threads}");
            let arguments =
                ["--customers", "2500", "--format", format, "--threads", threads, "--output", &folder];
            generated(&place, &[&arguments, drifts].concat());
        }
        for table in OF_CUSTOMERS.iter().chain(&OF_NOBODY) {
            let read = |threads| place.read(&format!("{format}{threads}/{table}.{format}")).unwrap();
            assert!(read("1") == read("2") && read("2") == read("5"), "{table}.{format}");
        }
    }
}

#[test]
fn another_seed_is_another_bank() {
    let place = Workplace::new(PROGRAM).unwrap();
    for seed in ["1", "2"] {
        generated(&place, &["--customers", "50", "--seed", seed, "--output", seed]);
    }
    assert_ne!(place.read("1/TRANSACTION.csv").unwrap(), place.read("2/TRANSACTION.csv").unwrap());
}

#[test]
fn nonsense_is_a_usage_error_that_says_what_to_do() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "data_source: {type: parquet}\ngenerate: {dirty_rate: 0.1}").unwrap();
    for (arguments, expected) in [
        (["--customers", "5..2"], "expected how many customers (1000), or the first"),
        (["--customers", "a.."], "expected how many customers (1000), or the first"),
        (["--customers", "5..2000000000"], "give a range a..b with a < b"),
        (["--format", "xlsx"], "possible values: csv, parquet"),
        (["--customers", "10"], "generate.dirty_rate: is 0.1, but only CSV can be damaged"),
    ] {
        let run = place.run(&[&["generate"], arguments.as_slice()].concat()).unwrap();
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
    assert!(!place.path("data").exists());
}

#[test]
fn drifts_are_arguments_or_stand_in_the_config() {
    let place = Workplace::new(PROGRAM).unwrap();
    generated(&place, &["--customers", "200", "--output", "plain"]);
    let arguments = ["--drift", "mean_shift=0.3@2026-01-01", "--drift", "missingness=0.2"];
    generated(&place, &[["--customers", "200", "--output", "argued"].as_slice(), &arguments].concat());
    let config = "generate: {drift: [{kind: mean_shift, size: 0.3, from: 2026-01-01}, {kind: missingness, size: 0.2}]}";
    place.write("config.yaml", config).unwrap();
    generated(&place, &["--customers", "200", "--output", "configured"]);
    // Arguments take the place of what the config says.
    generated(&place, &["--customers", "200", "--output", "other", "--drift", "scale=0"]);
    let read = |folder: &str, table: &str| place.read(&format!("{folder}/{table}.csv")).unwrap();
    for table in OF_CUSTOMERS.iter().chain(&OF_NOBODY) {
        assert!(read("argued", table) == read("configured", table), "{table}");
        assert!(read("plain", table) == read("other", table), "{table}");
        let changes =
            ["ADDRESS", "PARTY", "CUSTOMER_ACCOUNT", "TRANSACTION", "COMMUNICATION"].contains(table);
        assert_eq!(read("plain", table) != read("argued", table), changes, "{table}");
    }
    let run = place.run(&["generate", "--customers", "20", "--json"]).unwrap();
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["drifts"], serde_json::json!(["mean_shift=0.3@2026-01-01", "missingness=0.2"]));
    let run = place.run(&["generate", "--customers", "20"]).unwrap();
    assert!(run.stdout.contains(" with mean_shift=0.3@2026-01-01, missingness=0.2 in "), "{}", run.stdout);
}

#[test]
fn a_drift_that_is_none_is_a_usage_error_that_names_what_is_allowed() {
    let place = Workplace::new(PROGRAM).unwrap();
    let kinds = "mean_shift (-3 to 3), scale (above -1, at most 1), category_mix (0 to 1), missingness (0 \
        to 1), \
                 label_shift (above -1, at most 9), concept_shift (0 to 1)";
    for (drift, expected) in [
        ("mean=0.3", kinds),
        ("mean_shift", kinds),
        ("mean_shift=much", "\"much\" is not a size"),
        ("missingness=1.2", "drift missingness: the size 1.2 is not in its range, 0 to 1"),
        ("label_shift=-1", "drift label_shift: the size -1 is not in its range, above -1, at most 9"),
        ("scale=NaN", "drift scale: the size NaN is not in its range"),
        ("scale=0.5@someday", "drift scale begins: expected a date such as 2024-01-01, got \"someday\""),
        ("scale=0.5@2026-07-01", "drift scale: begins on 2026-07-01, but the data are those from 2023-01-01"),
    ] {
        let run = place.run(&["generate", "--drift", drift]).unwrap();
        assert_eq!(run.code, 2, "{drift}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{drift}: {}", run.stderr);
        assert!(!place.path("data").exists());
    }
    for (drift, expected) in [
        ("{kind: mean, size: 0.3}", "mean_shift"),
        ("{kind: mean_shift}", "size"),
        ("{kind: scale, size: 2}", "drift scale: the size 2 is not in its range, above -1, at most 1"),
    ] {
        place.write("config.yaml", &format!("generate: {{drift: [{drift}]}}")).unwrap();
        let run = place.run(&["generate"]).unwrap();
        assert_eq!(run.code, 2, "{drift}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{drift}: {}", run.stderr);
    }
}

fn evaluated(place: &Workplace) -> (Value, String) {
    let run = place.run(&["evaluate", "--json"]).unwrap();
    assert_eq!(run.code, 0, "{}", run.stderr);
    (serde_json::from_str(&run.stdout).unwrap(), run.stderr)
}

#[test]
fn the_truth_is_a_ceiling_that_no_model_reaches() {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = "
generate: {customers: 1500, seed: 5}
model: {algorithm: random_forest, selection: {budget: 0}, hyperparameters: {random_forest: {n_estimators: 20}}}
";
    place.write("config.yaml", config).unwrap();
    for command in ["generate", "features", "train"] {
        assert_eq!(place.run(&[command]).unwrap().code, 0, "{command}");
    }
    let (whole, warnings) = evaluated(&place);
    assert_eq!(warnings, "");
    let ceiling = &whole["ceiling"];
    let loss = |contestant: usize, group: &str| {
        ceiling["contestants"][contestant][group]["log_loss"].as_f64().unwrap()
    };
    let number = |key: &str| ceiling[key].as_f64().unwrap();
    assert!(loss(0, "all") < loss(1, "all") && loss(1, "all") < loss(2, "all"));
    assert!(loss(0, "without_none") < loss(1, "without_none"));
    assert!(number("gap_closed") > 0.0 && number("gap_closed") < 1.0);
    let off = (loss(0, "all") - number("expected_log_loss")) / number("standard_error");
    assert!(off.abs() < 4.0, "{off} standard errors off");
    // Every test row is covered, so the model is measured on the same rows as ever.
    for group in ["all", "without_none"] {
        assert!(ceiling["contestants"][1][group] == whole["contestants"][0][group], "{group}");
    }
    let text = String::from_utf8(place.read("outputs/models/evaluation.txt").unwrap()).unwrap();
    assert!(text.contains("how close to the Bayes ceiling"), "{text}");

    // The same truth as Parquet.
    generated(&place, &["--format", "parquet", "--output", "parquet"]);
    std::fs::rename(place.path("parquet/TRUTH.parquet"), place.path("data/raw/TRUTH.parquet")).unwrap();
    std::fs::remove_file(place.path("data/raw/TRUTH.csv")).unwrap();
    assert_eq!(evaluated(&place).0, whole);

    // Some customers' truth is a ceiling for their rows; the table of another format goes.
    generated(&place, &["--truth-customers", "900"]);
    assert!(!place.path("data/raw/TRUTH.parquet").exists());
    let (part, _) = evaluated(&place);
    let rows = |evaluation: &Value| evaluation["ceiling"]["rows"].as_u64().unwrap();
    let share = rows(&part) as f64 / rows(&whole) as f64;
    assert!((0.57..0.63).contains(&share), "{share}");
    assert_eq!(part["contestants"], whole["contestants"]);

    // The truth about another bank is found out, and without any there is no ceiling.
    generated(&place, &["--seed", "6", "--output", "other"]);
    std::fs::rename(place.path("other/TRUTH.csv"), place.path("data/raw/TRUTH.csv")).unwrap();
    let warning = evaluated(&place).1;
    assert!(warning.contains("can't be the truth about these customers"), "{warning}");
    generated(&place, &["--truth-customers", "0"]);
    assert!(!place.path("data/raw/TRUTH.csv").exists());
    assert_eq!(evaluated(&place).0["ceiling"], Value::Null);
}

#[test]
fn without_test_cut_offs_there_is_no_truth_but_a_warning() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "snapshots: {first: 2026-04-01, last: 2026-04-01}").unwrap();
    let run = place.run(&["generate", "--customers", "20"]).unwrap();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("no table of the truth"), "{}", run.stderr);
    assert!(place.path("data/raw/PARTY.csv").exists() && !place.path("data/raw/TRUTH.csv").exists());
}
