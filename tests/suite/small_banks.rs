//! Banks and tables so small that much is not defined: what is not is left out, and stops neither this
//! command nor a later one.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::{Path, PathBuf};

use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

const MODEL: &str = "
evaluation: {bootstrap_draws: 20}
model:
  selection: {budget: 0, trials: 2}
  hyperparameters: {random_forest: {n_estimators: 5}, gradient_boosting: {n_estimators: 5}}
";

/// Runs a command that may refuse, but neither panics nor keeps the reason to itself.
fn run(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    let Finished { code, stderr, stdout } = &finished;
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    assert!(*code == 0 || stderr.contains("error: ") || *code == 3, "{arguments:?}: {code} {stderr}");
    for word in ["NaN", " inf", "-inf"] {
        assert!(!stdout.contains(word), "{arguments:?} prints {word}: {stdout}");
    }
    finished
}

fn done(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = run(place, arguments);
    assert_eq!(finished.code, 0, "{arguments:?}: {}", finished.stderr);
    finished
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// No number is written that is none, and no place of a number is left to `null`.
fn all_is_defined(place: &Workplace) {
    let written = [files(&place.path("outputs")), files(&place.path("mlruns"))].concat();
    assert!(!written.is_empty());
    for path in written {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if path.parent().unwrap().ends_with("metrics") {
            for line in text.lines() {
                let value: f64 = line.split(' ').nth(1).unwrap().parse().unwrap();
                assert!(value.is_finite(), "{}: {line}", path.display());
            }
        } else if ["csv", "txt", "html", "json", "svg"].contains(&extension) {
            assert!(!text.contains("NaN"), "{}", path.display());
        }
        if path.file_name().is_some_and(|name| name == "journal.json") {
            let journal: Value = serde_json::from_str(&text).unwrap();
            let actions = journal.get("actions").and_then(Value::as_array).unwrap();
            assert_eq!(journal.get("done").and_then(Value::as_u64), Some(actions.len() as u64));
            assert!(!text.contains("null"), "{}: {text}", path.display());
        }
    }
}

#[test]
fn banks_of_20_customers_and_more_go_the_whole_way() {
    for customers in [20, 30] {
        let place = Workplace::new(PROGRAM).unwrap();
        place.write("config.yaml", &format!("generate: {{customers: {customers}}}{MODEL}")).unwrap();
        done(&place, &["run"]);
        done(&place, &["evaluate", "--json"]);
        done(&place, &["eda"]);
        done(&place, &["inspect", "outputs/bundle/nextbest.bundle", "--html", "card.html"]);
        done(&place, &["inspect", "outputs/bundle/nextbest.bundle", "--json"]);
        done(&place, &["score", "--as-of", "2026-07-01"]);
        run(&place, &["doctor"]);
        for arguments in [&["monitor", "--history"][..], &["monitor", "--history", "--json"]] {
            let monitored = run(&place, arguments);
            assert!([0, 3].contains(&monitored.code), "{}", monitored.stderr);
        }
        done(&place, &["train"]);
        done(&place, &["train", "--resume-logging"]);
        all_is_defined(&place);
    }
}

#[test]
fn of_fewer_customers_what_can_not_be_done_says_why() {
    for customers in [1, 3] {
        let place = Workplace::new(PROGRAM).unwrap();
        place.write("config.yaml", &format!("generate: {{customers: {customers}}}{MODEL}")).unwrap();
        done(&place, &["generate"]);
        done(&place, &["features"]);
        for arguments in [
            &["eda"][..],
            &["doctor"],
            &["train"],
            &["evaluate"],
            &["export"],
            &["score"],
            &["monitor"],
            &["run"],
        ] {
            run(&place, arguments);
        }
    }
}

/// A table whose first rows have the one class and whose last ones the other, and its like.
#[test]
fn a_table_whose_parts_have_one_class_stops_no_later_training() {
    type Case = (&'static str, fn(usize) -> &'static str);
    let cases: [Case; 4] = [
        ("the test", |row| if row < 80 && row % 2 == 0 { "a" } else { "b" }),
        ("the validation", |row| if (60..80).contains(&row) || row % 2 == 0 { "a" } else { "b" }),
        ("the training", |row| if row < 70 || row % 2 == 0 { "a" } else { "b" }),
        ("all but one row", |row| if row == 3 { "a" } else { "b" }),
    ];
    for (what, class) in cases {
        let place = Workplace::new(PROGRAM).unwrap();
        place.write("config.yaml", MODEL).unwrap();
        let rows: String = (0..100)
            .map(|row| {
                format!("2023-{:02}-{:02},{},{}\n", 1 + row / 28, 1 + row % 28, row * 37 % 11, class(row))
            })
            .collect();
        place.write("t.csv", &format!("day,x,y\n{rows}")).unwrap();
        let other: String = (0..60).map(|row| format!("{row},{}\n", row % 2)).collect();
        place.write("other.csv", &format!("x,y\n{other}")).unwrap();
        for algorithm in ["gradient_boosting", "logistic_regression"] {
            let train = ["train", "--algorithm", algorithm, "--table"];
            let first = run(&place, &[&train[..], &["t.csv", "--target", "y", "--time", "day"]].concat());
            assert!(first.code == 0 || first.stderr.contains("class"), "{what}: {}", first.stderr);
            done(&place, &[&train[..], &["other.csv", "--target", "y"]].concat());
            done(&place, &["train", "--resume-logging"]);
        }
        all_is_defined(&place);
    }
}
