//! The bank's clock: the same moment gives the same answer, however it is written and wherever it comes in.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use std::fmt::Write as _;

use nextbest_core::Bundle;
use nextbest_core::schema::Schema;
use nextbest_core::time::{Clock, format, parse, read};
use nextbest_tests::{Finished, Workplace};
use serde_json::{Value, json};

use crate::PROGRAM;

const BUNDLE: &str = "outputs/bundle/nextbest.bundle";

fn done(place: &Workplace, arguments: &[&str]) -> String {
    let Finished { code, stdout, stderr } = place.run(arguments).unwrap();
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

fn refused(place: &Workplace, arguments: &[&str]) -> String {
    let Finished { code, stderr, .. } = place.run(arguments).unwrap();
    assert_ne!(code, 0, "{arguments:?}");
    stderr
}

fn bundle(place: &Workplace) -> Bundle {
    Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap()
}

/// Ways to write a moment, given what the clock of a place shows: with the place's offset, with others, and
/// without any.
fn written(clock: &Clock, shown: i64) -> Vec<String> {
    let instant = clock.instant(shown);
    assert_eq!(clock.local(instant), shown, "a moment that the clock shows once");
    let full = |time: i64| {
        let text = format(time);
        if text.len() == 10 { text + " 00:00:00" } else { text }
    };
    let own = shown - instant;
    vec![
        full(shown),
        full(instant).replace(' ', "T") + "Z",
        full(instant) + ".250 UTC",
        format!("{}+{:02}{:02}", full(shown), own / 3600, own / 60 % 60),
        full(instant + 19_800) + "+05:30",
        full(instant - 25_200) + " -07",
    ]
}

/// Rows that were signed some hours before they were seen, which decides everything: who reads a time wrongly
/// by an hour or two answers otherwise.
#[test]
fn a_plain_table_is_read_alike_however_its_times_are_written() {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = "
data_source: {time_zone: Europe/Prague}
model: {selection: {budget: 0}, hyperparameters: {random_forest: {n_estimators: 10}}}
evaluation: {bootstrap_draws: 20}
";
    place.write("config.yaml", config).unwrap();
    let start = parse("2025-01-07 12:00").unwrap();
    // Every 31 hours for more than a year, so that both changes of the clock lie between some.
    let rows: Vec<(i64, i64)> = (0..360).map(|row| (start + row * 31 * 3600, 1 + row % 24)).collect();
    let class = |hours: i64| ["left", "stayed"][usize::from(hours % 4 < 2)];
    let mut table = "SEEN,SIGNED,Y\n".to_owned();
    for (seen, hours) in &rows {
        writeln!(table, "{},{},{}", format(*seen), format(seen - hours * 3600), class(*hours)).unwrap();
    }
    place.write("t.csv", &table).unwrap();
    done(
        &place,
        &["train", "--table", "t.csv", "--target", "Y", "--time", "SEEN", "--algorithm", "random_forest"],
    );
    let bundle = bundle(&place);
    let clock = bundle.schema.clock();
    assert_eq!(clock.zone, "Europe/Prague");

    let scores = |name: &str, text: &str| -> String {
        place.write(name, text).unwrap();
        done(&place, &["score", "--table", name, "--out", "scores.csv"]);
        String::from_utf8(place.read("scores.csv").unwrap()).unwrap()
    };
    let once = |shown: &i64| clock.local(clock.instant(*shown)) == *shown;
    let asked: Vec<(i64, i64)> = rows
        .iter()
        .map(|(seen, hours)| (*seen, seen - hours * 3600))
        .filter(|(seen, signed)| once(seen) && once(signed))
        .collect();
    let file = |write: &dyn Fn(usize, i64) -> String| {
        let mut text = "SEEN,SIGNED\n".to_owned();
        for (row, (seen, signed)) in asked.iter().enumerate() {
            writeln!(text, "{},{}", write(row, *seen), write(row + 1, *signed)).unwrap();
        }
        text
    };
    let local = scores("local.csv", &file(&|_, time| format(time)));
    let forms = written(clock, start).len();
    for form in 0..forms {
        let text = file(&|_, time| written(clock, time)[form].clone());
        assert_eq!(scores("form.csv", &text), local, "{text}");
    }
    // One row like this, the next like that, and the two times of a row in two ways.
    let mixed = file(&|row, time| written(clock, time)[row % forms].clone());
    assert_eq!(scores("mixed.csv", &mixed), local, "{mixed}");
    // It can be told: taken as they stand, times of another zone give other answers.
    let wall = file(&|row, time| written(clock, time)[4 * (row % 2)].chars().take(19).collect());
    assert_ne!(scores("wall.csv", &wall), local);

    let said = refused(&place, &["score", "--table", "form.csv", "--out", "scores.json"]);
    assert!(!said.is_empty());
    place.write("odd.csv", "SEEN,SIGNED\n2026-01-01 00:00 CET,2025-12-31\n").unwrap();
    let said = refused(&place, &["score", "--table", "odd.csv", "--out", "scores.csv"]);
    assert!(said.contains("odd.csv:2: column SEEN: expected a date") && said.contains("CET"), "{said}");

    // What the zone costs on the way to a browser.
    let utc = Bundle { schema: with_clock(&bundle.schema, Clock::default()), ..bundle.clone() };
    let bytes = brotli(&bundle.encode().unwrap()) - brotli(&utc.encode().unwrap());
    assert!((100..COST).contains(&bytes), "{bytes} bytes, docs/FORMAT.md says fewer than {COST}");
}

/// As docs/FORMAT.md has it.
const COST: usize = 300;

fn with_clock(schema: &Schema, clock: Clock) -> Schema {
    let mut definition = schema.definition().clone();
    definition.clock = clock;
    definition.try_into().unwrap()
}

fn brotli(bytes: &[u8]) -> usize {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters).unwrap();
    compressed.len()
}

const BANK: &str = "
data_source: {time_zone: Europe/Prague}
generate: {customers: 400, seed: 5}
model:
  algorithm: random_forest
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 5}}
evaluation: {bootstrap_draws: 20}
trust: {not_before: 2026-01-01, expires: 2090-07-01}
";

#[test]
fn a_banks_clock_goes_with_its_tables_and_its_bundle() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", BANK).unwrap();
    for command in [&["generate"][..], &["features"], &["train"], &["evaluate"], &["export"]] {
        done(&place, command);
    }
    let bundle = bundle(&place);
    let clock = bundle.schema.clock();

    // Midnight of the bank's clock, in winter and in summer.
    let instant = |text: &str| read(text).map(|_| parse(text.trim_end_matches('Z')).unwrap() as u64);
    assert_eq!(bundle.validity.not_before, instant("2025-12-31 23:00Z"));
    assert_eq!(bundle.validity.expires, instant("2090-06-30 22:00Z"));
    let shown = done(&place, &["inspect"]);
    assert!(shown.contains("from 2026-01-01 until 2090-07-01") && shown.contains("Europe/Prague"), "{shown}");
    let early = bundle.check_validity(instant("2025-12-31 22:59:59Z").unwrap() as i64, 0).unwrap_err();
    assert!(early.to_string().contains("2026-01-01"), "{early}");
    assert_eq!(bundle.check_validity(instant("2025-12-31 23:00Z").unwrap() as i64, 0), Ok(()));

    objections(&place, clock);

    // A cut-off is a midnight of the clock, too.
    let as_of = |text: &str| -> Value {
        serde_json::from_str(&done(&place, &["features", "--as-of", text, "--json"])).unwrap()
    };
    let cutoff = "2026-04-01";
    let newest = |answer: &Value| {
        let file =
            answer["files"].as_array().unwrap().iter().find(|file| file.as_str().unwrap().ends_with("csv"));
        let text = String::from_utf8(place.read(file.unwrap().as_str().unwrap()).unwrap()).unwrap();
        text.contains(cutoff)
    };
    for (text, is_in) in [(cutoff, true), ("2026-03-31T22:00:00Z", true), ("2026-03-31T21:59:59Z", false)] {
        assert_eq!(newest(&as_of(text)), is_in, "{text}");
    }

    // With another clock, neither table nor bundle is used.
    place.write("utc.yaml", &BANK.replace("Europe/Prague", "UTC")).unwrap();
    for command in [&["score"][..], &["monitor"], &["features", "--as-of", cutoff], &["train"], &["evaluate"]]
    {
        let said = refused(&place, &[command, &["--config", "utc.yaml"]].concat());
        let expected = "data_source.time_zone: the config says UTC, but";
        assert!(said.contains(expected) && said.contains("Europe/Prague"), "{command:?}: {said}");
    }
    place.write("odd.yaml", &BANK.replace("Europe/Prague", "Europe/Prag")).unwrap();
    let said = refused(&place, &["features", "--config", "odd.yaml"]);
    assert!(said.contains(
        "data_source.time_zone: there is no time zone \"Europe/Prag\" (did you mean Europe/Prague?)"
    ));
}

/// Who objected ten minutes ago is not scored, however both moments are written; also within the hour that is
/// shown twice.
fn objections(place: &Workplace, clock: &Clock) {
    let customer = |at: &str| {
        json!({"customer": {"DATEOFBIRTH": "1980-01-01", "CUSTOMERESTABLISHEDDATE": "2015-01-01"},
               "consents": [{"PURPOSE": "PROFILING", "GRANTED": "Y", "TIMESTAMP": "2020-01-01"},
                            {"PURPOSE": "PROFILING", "GRANTED": "N", "TIMESTAMP": at}]})
    };
    let stopped = |moments: &[(String, String)]| -> Vec<bool> {
        let questions: Vec<Value> = moments
            .iter()
            .map(|(at, as_of)| json!({"id": "C1", "asOf": as_of, "customer": customer(at)}))
            .collect();
        place.write("questions.json", &Value::from(questions).to_string()).unwrap();
        let answers = done(place, &["score", "--customers", "questions.json", "--json"]);
        let answers: Vec<Value> = serde_json::from_str(&answers).unwrap();
        answers.iter().map(|answer| !answer["recommendation"]["stopped"].is_null()).collect()
    };
    let mut moments = Vec::new();
    for now in ["2026-01-15 12:00", "2026-07-15 00:05", "2026-03-29 03:05", "2025-10-26 03:05"] {
        let now = parse(now).unwrap();
        let objected = if now % 86_400 == 11_100 && clock.local(clock.instant(now) - 600) != now - 600 {
            // The clock was put on or back meanwhile.
            clock.local(clock.instant(now) - 600)
        } else {
            now - 600
        };
        if clock.local(clock.instant(objected)) != objected
            || clock.instant(objected) + 600 != clock.instant(now)
        {
            continue;
        }
        for at in written(clock, objected) {
            moments.extend(written(clock, now).into_iter().map(|as_of| (at.clone(), as_of)));
        }
    }
    assert!(moments.len() >= 3 * 36);
    let answers = stopped(&moments);
    let missed: Vec<_> = moments.iter().zip(&answers).filter(|(_, stopped)| !**stopped).collect();
    assert!(missed.is_empty(), "{missed:?}");
    // Ten minutes before it, the objection is not known.
    let sooner: Vec<_> = moments.iter().map(|(at, as_of)| (as_of.clone(), at.clone())).collect();
    assert!(stopped(&sooner).iter().all(|stopped| !stopped));
    // 02:50 is shown before 02:10 here.
    let twice =
        [("2025-10-26T00:50:00Z", "2025-10-26T01:10:00Z"), ("2025-10-26T01:50:00Z", "2025-10-26T02:00:00Z")];
    assert_eq!(stopped(&twice.map(|(at, as_of)| (at.into(), as_of.into()))), [true, true]);
}
