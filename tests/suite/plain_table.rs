//! `nextbest train --table` and `score --table`: any table with numbers and words, from CSV to probabilities.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use std::fmt::Write;

use nextbest_core::Recommender;
use nextbest_core::customers::read_customer;
use nextbest_tests::{Finished, Workplace};
use serde_json::{Map, Value, json};

use crate::PROGRAM;

mod cells;

/// A passenger of a ship, as JSON knows them; `null` is missing.
fn passengers(count: u64) -> Vec<Map<String, Value>> {
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut passenger = |number: u64| {
        let sex = ["male", "female"][random(2) as usize];
        let class = 1 + random(3);
        let age = 1 + random(70);
        let chance = 8 + 70 * u64::from(sex == "female") + 5 * (3 - class) + 10 * u64::from(age < 12);
        let survived = random(100) < chance;
        let missing = |value: Value, one_in: u64, random: &mut dyn FnMut(u64) -> u64| {
            if random(one_in) == 0 { Value::Null } else { value }
        };
        let fare = 5.25 * (4 - class) as f64 + random(40) as f64 / 4.0;
        let boarded = format!("1912-04-{:02} {:02}:30", 10 + random(5), random(24));
        let port = ["Southampton", "Cherbourg", "Cobh; Queenstown"][random(3) as usize];
        let row = json!({
            "PassengerId": number,
            "Name": format!("O\"Leary, Mr; no. {number}\n(second line)"),
            "Class": class,
            "Sex": sex,
            "Age": missing(age.into(), 5, &mut random),
            "Fare": fare,
            "Port": missing(port.into(), 20, &mut random),
            "Boarded": missing(boarded.into(), 10, &mut random),
            "Ship": "Titanic",
            "Survived": missing(u64::from(survived).into(), 50, &mut random),
        });
        row.as_object().unwrap().clone()
    };
    (1..=count).map(&mut passenger).collect()
}

/// As a spreadsheet would export it.
struct Dialect {
    delimiter: char,
    decimal_comma: bool,
    missing: &'static str,
    line_end: &'static str,
    start: &'static str,
}

const EUROPEAN: Dialect =
    Dialect { delimiter: ';', decimal_comma: true, missing: "", line_end: "\r\n", start: "\u{feff}" };
const PLAIN: Dialect =
    Dialect { delimiter: ',', decimal_comma: false, missing: "NA", line_end: "\n", start: "" };
const TABBED: Dialect =
    Dialect { delimiter: '\t', decimal_comma: false, missing: "?", line_end: "\n", start: "" };
const BARRED: Dialect =
    Dialect { delimiter: '|', decimal_comma: true, missing: "null", line_end: "\n", start: "" };

impl Dialect {
    fn write(&self, rows: &[Map<String, Value>]) -> String {
        let mut text = self.start.to_owned();
        let names: Vec<String> = rows[0].keys().map(|name| self.quoted(name)).collect();
        write!(text, "{}{}", names.join(&self.delimiter.to_string()), self.line_end).unwrap();
        for row in rows {
            let cells: Vec<String> = row.values().map(|value| self.cell(value)).collect();
            write!(text, "{}{}", cells.join(&self.delimiter.to_string()), self.line_end).unwrap();
        }
        text
    }

    fn cell(&self, value: &Value) -> String {
        match value {
            Value::Null => self.missing.to_owned(),
            Value::String(text) => self.quoted(text),
            number if self.decimal_comma => self.quoted(&number.to_string().replace('.', ",")),
            number => number.to_string(),
        }
    }

    fn quoted(&self, text: &str) -> String {
        match text.contains([self.delimiter, '"', '\n']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        }
    }
}

fn place_with(file: &str, text: &str) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write(file, text).unwrap();
    place
}

fn fails(place: &Workplace, arguments: &[&str], code: i32, parts: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, code, "{}{}", finished.stdout, finished.stderr);
    for part in parts {
        assert!(finished.stderr.contains(part), "{part:?} is not in: {}", finished.stderr);
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    finished
}

fn json_of(place: &Workplace, arguments: &[&str]) -> Value {
    let finished = place.run(&[arguments, &["--json"]].concat()).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

const TRAIN: [&str; 7] = ["train", "--table", "ship.csv", "--target", "Survived", "--id", "PassengerId"];

#[test]
fn a_mixed_table_goes_from_a_spreadsheet_to_probabilities() {
    let rows = passengers(900);
    let place = place_with("ship.csv", &EUROPEAN.write(&rows));
    let trained = json_of(&place, &TRAIN);
    let training = &trained["training"];
    let left_out: Vec<&str> = training["left_out_columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["column"].as_str().unwrap())
        .collect();
    assert_eq!(left_out, ["Name", "Ship"]);
    assert_eq!(training["classes"], json!(["0", "1"]));
    assert_eq!(training["features"], 6);
    let unlabelled = rows.iter().filter(|row| row["Survived"].is_null()).count();
    assert!(unlabelled > 5 && training["rows_without_target"] == unlabelled, "{training}");
    let all = &trained["evaluation"]["contestants"];
    let loss = |contestant: usize| all[contestant]["all"]["log_loss"].as_f64().unwrap();
    // There is nothing that could be owned; the kinds of models that were not chosen stand behind the
    // baseline.
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names[..2], ["model", "class prior"], "{names:?}");
    let chosen = training["algorithm"].as_str().unwrap();
    assert!(names.len() == 4 && !names.contains(&chosen), "{names:?} beside {chosen}");
    assert_eq!(all[0]["without_none"], Value::Null);
    assert!(loss(0) < 0.9 * loss(1), "{} against {}", loss(0), loss(1));
    assert_eq!(all[0]["all"]["rows"], training["test_rows"]);

    // The same rows through the file and as JSON get the same bits.
    let scored = json_of(&place, &["score", "--table", "ship.csv", "--id", "PassengerId"]);
    assert_eq!((&scored["file"], &scored["rows"]), (&json!("outputs/predictions/ship.csv"), &json!(900)));
    let written = String::from_utf8(place.read("outputs/predictions/ship.csv").unwrap()).unwrap();
    let mut lines = written.lines();
    assert_eq!(lines.next(), Some("PassengerId,PREDICTED,PROBABILITY_0,PROBABILITY_1"));
    let recommender = Recommender::load(&place.read("outputs/bundle/nextbest.bundle").unwrap()).unwrap();
    recommender.bundle().self_test().unwrap();
    assert!(recommender.bundle().goldens.len() >= 16 && recommender.bundle().card.test_metrics.len() > 5);
    assert!(recommender.model_version().starts_with("ship."));
    for (line, row) in lines.zip(&rows) {
        let text = Value::Object(row.clone()).to_string();
        let read = read_customer(recommender.schema(), &text).unwrap();
        let prediction = recommender.predict(&read.get(0).unwrap(), 0).unwrap();
        let probability = |class: &str| {
            prediction.classes.iter().find(|it| it.name == class).unwrap().probability.to_string()
        };
        let expected = [
            &row["PassengerId"].to_string(),
            &prediction.classes[0].name,
            &probability("0"),
            &probability("1"),
        ];
        assert_eq!(line, expected.map(String::as_str).join(","));
    }
    assert_eq!(written.lines().count(), 901);

    let inspected = place.run(&["inspect"]).unwrap().stdout;
    for part in ["classes of Survived", "trained     without dates", "licence     not stated"] {
        assert!(inspected.contains(part), "{part}: {inspected}");
    }
}

#[test]
fn how_the_file_is_written_changes_nothing() {
    let rows = passengers(300);
    let evaluations: Vec<Value> = [EUROPEAN, PLAIN, TABBED, BARRED]
        .iter()
        .map(|dialect| {
            let place = place_with("ship.csv", &dialect.write(&rows));
            json_of(&place, &TRAIN)["evaluation"]["contestants"].clone()
        })
        .collect();
    assert!(evaluations.windows(2).all(|pair| pair[0] == pair[1]), "{evaluations:#?}");
}

#[test]
fn threads_and_repetition_change_no_byte() {
    let text = PLAIN.write(&passengers(400));
    let files = |threads: &str| {
        let place = place_with("ship.csv", &text);
        json_of(&place, &[&TRAIN[..], &["--threads", threads]].concat());
        json_of(&place, &["score", "--table", "ship.csv", "--threads", threads]);
        let files = [
            "outputs/bundle/nextbest.bundle",
            "outputs/models/evaluation.json",
            "outputs/predictions/ship.csv",
        ];
        files.map(|file| place.read(file).unwrap())
    };
    let one = files("1");
    assert!(one == files("1") && one == files("3"));
}

#[test]
fn with_a_time_the_last_rows_test_and_dates_are_days_before_it() {
    let mut text = "day,opened,amount,closed\n".to_owned();
    for row in 0..500u64 {
        // In no order; those who opened long before close.
        let day = (row * 37) % 100;
        let age = (row * 91) % 60;
        let date =
            |days: u64| format!("20{:02}-{:02}-{:02}", 20 + days / 336, 1 + days / 28 % 12, 1 + days % 28);
        let closed = if row % 71 == 0 { "" } else { ["no", "yes"][usize::from(age > 30)] };
        let seen = if row % 83 == 0 { String::new() } else { date(day + 100) };
        writeln!(text, "{seen},{},{},{closed}", date(day + 100 - age), row % 7).unwrap();
    }
    let place = place_with("accounts.csv", &text);
    let arguments = ["train", "--table", "accounts.csv", "--target", "closed", "--time", "day"];
    let trained = json_of(&place, &arguments);
    let training = &trained["training"];
    assert_eq!((&training["rows_without_time"], &training["rows_without_target"]), (&json!(6), &json!(8)));
    let tested = trained["evaluation"]["test_cutoffs"].as_array().unwrap();
    let bundle = Recommender::load(&place.read("outputs/bundle/nextbest.bundle").unwrap()).unwrap();
    let card = &bundle.bundle().card;
    assert!(card.training_cutoffs[1] < card.test_cutoffs[0] && tested[0] == card.test_cutoffs[0]);
    assert!(card.training_cutoffs[1] == card.validation_cutoffs[1]);
    assert_eq!(bundle.bundle().features[0].label, "days since opened");
    let metrics = &trained["evaluation"]["contestants"][0]["all"];
    assert!(metrics["accuracy"].as_f64().unwrap() > 0.95, "{metrics}");
    // A file to be scored needs the time too, since days are counted to it.
    place.write("new.csv", "opened,amount\n2020-01-01,3\n").unwrap();
    fails(
        &place,
        &["score", "--table", "new.csv"],
        1,
        &["new.csv: the model reads columns that are not there: day"],
    );
}

#[test]
fn files_are_scored_by_the_names_of_their_columns() {
    let rows = passengers(400);
    let place = place_with("ship.csv", &PLAIN.write(&rows));
    json_of(&place, &TRAIN);
    // Another order, another delimiter, a column more, the target and the id not there, words never seen.
    let new = "Fare;more;Sex;Class;Port;Age;Boarded\n7,25;x;male;3;Southampton;;1912-04-10 08:30\n\
               7,25;x;other;3;Belfast;;1912-04-10 08:30\n7,25;x;NA;3;NULL;NaN;1912-04-10 08:30\n";
    place.write("new.csv", new).unwrap();
    let finished = place.run(&["score", "--table", "new.csv", "--out", "scores.csv"]).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    for part in
        ["column Sex: 1 cells have words that the bundle does not know", "\"Belfast\"", "count as unknown"]
    {
        assert!(finished.stderr.contains(part), "{part}: {}", finished.stderr);
    }
    let scores = String::from_utf8(place.read("scores.csv").unwrap()).unwrap();
    let cells: Vec<Vec<&str>> = scores.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(cells[0], ["ROW", "PREDICTED", "PROBABILITY_0", "PROBABILITY_1"]);
    assert_eq!((cells[1][0], cells[3][0], cells.len()), ("1", "3", 4));
    assert_eq!(cells[2][1..], cells[3][1..], "an unknown word is a missing one");
    assert_ne!(cells[1][2], cells[2][2]);
    let json = json_of(&place, &["score", "--table", "new.csv", "--out", "scores.parquet"]);
    let unknown = json["unknown_words"].as_array().unwrap();
    assert!(
        unknown.contains(&json!({"column": "Sex", "cells": 1, "withheld": 0, "first": "other"}))
            && unknown.len() == 2
    );
    assert!(place.read("scores.parquet").unwrap().starts_with(b"PAR1"));
    // What was written can be read again.
    let again = ["score", "--table", "scores.parquet"];
    fails(
        &place,
        &again,
        1,
        &["scores.parquet: the model reads columns that are not there: Age, Boarded, Class, Fare, Port, \
             Sex; there are ROW, PREDICTED"],
    );

    for (text, parts) in [
        ("Class,Sex,Age,Fare,Port\n", &["new.csv: there are no rows below the header"][..]),
        (
            "Class,Sex\n1,male\n",
            &["the model reads columns that are not there: Age, Boarded, Fare, Port; there are Class, Sex"],
        ),
        (
            "Class,Sex,Age,Fare,Port,Boarded\n1,male,3,4,x,1912-04-10\n1,male,old,4,x,1912-04-10\n",
            &["new.csv:3: column Age: expected a number, got \"old\""],
        ),
        (
            "Class,Sex,Age,Fare,Port,Boarded\n1,male,3,4,x,10.4.1912\n",
            &["new.csv:2: column Boarded: expected a date such as 2024-05-03", "got \"10.4.1912\""],
        ),
    ] {
        place.write("new.csv", text).unwrap();
        fails(&place, &["score", "--table", "new.csv"], 1, parts);
    }
    fails(
        &place,
        &["score", "--table", "ship.csv", "--out", "scores.txt"],
        2,
        &["end it in .csv or .parquet"],
    );
    fails(&place, &["score", "--table", "ship.csv", "--id", "Nobody"], 2, &["--id", "no column `Nobody`"]);
    fails(&place, &["score"], 2, &["the bundle is of a plain table", "--table FILE"]);
    fails(&place, &["evaluate"], 1, &["model.bundle: is a model of a plain table", "has measured"]);
    fails(&place, &["export"], 1, &["is a model of a plain table", "exported already"]);
    place.write("customers.json", r#"[{"id": "1", "asOf": "2026-01-01", "customer": {"Age": 3}}]"#).unwrap();
    fails(&place, &["score", "--customers", "customers.json"], 2, &["the bundle is of a plain table"]);
}

#[test]
fn tables_that_nothing_can_be_learned_from_are_refused() {
    let many = |of: &dyn Fn(usize) -> String| (0..200).map(of).collect::<Vec<_>>().join("\n");
    let table = |header: &str, of: &dyn Fn(usize) -> String| format!("{header}\n{}\n", many(of));
    let good = table("a,y", &|row| format!("{},{}", row % 7, ["no", "yes"][row % 2]));
    let cases: Vec<(String, &[&str], i32, &[&str])> = vec![
        (
            good.clone(),
            &["--target", "z"],
            2,
            &["--target", "no column `z` stands in the header; there are a, y"],
        ),
        (good.clone(), &["--target", "y", "--id", "x"], 2, &["--id", "no column `x`"]),
        (good.clone(), &["--target", "y", "--id", "y"], 2, &["a column can be only one of them"]),
        (
            good.clone(),
            &["--target", "y", "--time", "a"],
            1,
            &["t.csv:2: column a: expected a date", "got \"0\""],
        ),
        (good.clone(), &[], 2, &["--target"]),
        (
            table("a,y", &|row| format!("{row},same")),
            &["--target", "y"],
            1,
            &["column y: every row is \"same\"", "nothing to tell apart"],
        ),
        (table("a,y", &|row| format!("{row},")), &["--target", "y"], 1, &["column y: every cell is missing"]),
        (
            table("a,y", &|row| format!("{row},w{row}")),
            &["--target", "y"],
            1,
            &["column y: 200 different values are more than the 64 classes"],
        ),
        (
            table("a,y", &|row| format!("{row},{row}")),
            &["--target", "y"],
            1,
            &["200 different values", "amounts"],
        ),
        (
            table("a,y", &|row| format!("{row},{}", row as f64 / 2.0)),
            &["--target", "y"],
            1,
            &["column y: 0.5 is no class: numbers with fractions"],
        ),
        (
            table("a,y", &|row| format!("word{row},{}", row % 2)),
            &["--target", "y"],
            1,
            &["no column to learn from", "a (160 different words"],
        ),
        ("a,y\n1,0\n2,1\n3,0\n".into(), &["--target", "y"], 1, &["t.csv: 3 rows are too few"]),
        ("a,,y\n1,2,3\n".into(), &["--target", "y"], 1, &["t.csv: column 2 has no name"]),
        ("a,y,a\n1,2,3\n".into(), &["--target", "y"], 1, &["columns 1 and 3 are both called `a`"]),
        (good.clone() + "1,no,more\n", &["--target", "y"], 1, &["t.csv:202: expected 2 columns, got 3"]),
        ("a,y\n".into(), &["--target", "y"], 1, &["there are no rows below the header"]),
        (String::new(), &["--target", "y"], 1, &["t.csv"]),
        (
            table("day,a,y", &|row| format!("2024-01-0{},{row},{}", 1 + row / 150, row % 2)),
            &["--target", "y", "--time", "day"],
            1,
            &["can't be split by time: too many stand at 2024-01-01"],
        ),
        (
            table("i,a,y", &|row| format!("{},{row},{}", if row == 5 { "" } else { "x" }, row % 2)),
            &["--target", "y", "--id", "i"],
            1,
            &["t.csv:7: column i: the id is missing"],
        ),
    ];
    for (text, arguments, code, parts) in cases {
        let place = place_with("t.csv", &text);
        fails(&place, &[&["train", "--table", "t.csv"], arguments].concat(), code, parts);
        assert!(!place.path("outputs").exists(), "nothing is written");
    }
    let place = place_with("t.csv", &good);
    fails(&place, &["train", "--table", "nowhere.csv", "--target", "y"], 1, &["nowhere.csv"]);
    fails(&place, &["train", "--target", "y"], 2, &["--table"]);
    fails(&place, &["train", "--table", "t.csv", "--target", "y", "--table", "u.csv"], 2, &["--table"]);
}

#[test]
fn what_knows_too_much_is_named() {
    let mut text = "honest,leak,y\n".to_owned();
    for row in 0..300 {
        writeln!(text, "{},{},{}", (row * 7) % 100, row % 2 * 50 + row % 3, ["no", "yes"][row % 2]).unwrap();
    }
    let place = place_with("t.csv", &text);
    let finished = place.run(&["train", "--table", "t.csv", "--target", "y"]).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("column leak alone tells class"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("column honest"), "{}", finished.stderr);
}

#[test]
fn a_bundle_of_a_bank_scores_no_plain_table() {
    let place = place_with("t.csv", "a\n1\n");
    let bundle = std::fs::read(nextbest_tests::repository().join("tests/fixtures/bank.bundle")).unwrap();
    std::fs::write(place.path("bank.bundle"), bundle).unwrap();
    let arguments = ["score", "--table", "t.csv", "--bundle", "bank.bundle"];
    fails(&place, &arguments, 1, &["offers products to customers", "without --table"]);
}

#[test]
fn the_sample_bundle_scores_the_table_that_it_was_made_of() {
    let fixtures = nextbest_tests::repository().join("tests/fixtures").canonicalize().unwrap();
    let (table, bundle) = (fixtures.join("contracts.csv"), fixtures.join("label.bundle"));
    let place = Workplace::new(PROGRAM).unwrap();
    let (table, bundle) = (table.to_str().unwrap(), bundle.to_str().unwrap());
    let scored = json_of(&place, &["score", "--table", table, "--bundle", bundle, "--id", "CONTRACT"]);
    assert_eq!((&scored["rows"], &scored["unknown_words"]), (&json!(240), &json!([])));
    let inspected = place.run(&["inspect", bundle]).unwrap().stdout;
    assert!(inspected.contains("tested      from 2023-07-27 to 2023-11-27"), "{inspected}");
}

/// Every command in docs/TABLES.md runs on the sample.
#[test]
fn the_documents_commands_run() {
    let document = std::fs::read_to_string(nextbest_tests::repository().join("docs/TABLES.md")).unwrap();
    let (_, rest) = document.split_once("```sh\n").unwrap();
    let (commands, _) = rest.split_once("```").unwrap();
    let table = nextbest_tests::repository().join("tests/fixtures/contracts.csv");
    let place = place_with("contracts.csv", &std::fs::read_to_string(table).unwrap());
    assert!(commands.lines().count() >= 4);
    for command in commands.lines() {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let finished = place.run(&arguments).unwrap();
        assert_eq!(finished.code, 0, "{command}: {}", finished.stderr);
    }
}
