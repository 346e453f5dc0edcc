//! Sketches on the command line: added up in any order, whatever lies among them, and compared like the rows
//! that they count.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::PathBuf;
use std::sync::LazyLock;

use nextbest_core::customers::read_customer;
use nextbest_core::monitor::observer::Observer;
use nextbest_core::time;
use nextbest_core::{Bundle, Recommender};
use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

const CONFIG: &str = "
generate: {customers: 700, seed: 8}
model:
  algorithm: random_forest
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 10, max_depth: 5}}
evaluation: {bootstrap_draws: 50}
monitoring: {sketches: {minimum_rows: 10}}
";
const BUNDLE: &str = "outputs/bundle/nextbest.bundle";

/// The rows of all customers that were exported beside the bundle.
fn rows(place: &Workplace, recommender: &Recommender) -> Vec<Vec<f32>> {
    let samples = place.read("outputs/bundle/customers.json").unwrap();
    let samples: Value = serde_json::from_slice(&samples).unwrap();
    let row = |sample: &Value| {
        let customer = serde_json::to_string(&sample["customer"]).unwrap();
        let customers = read_customer(recommender.schema(), &customer).unwrap();
        let as_of = time::parse(sample["asOf"].as_str().unwrap()).unwrap();
        recommender.features(&customers.get(0).unwrap(), as_of)
    };
    samples.as_array().unwrap().iter().map(row).collect()
}

/// A bank with its bundle, all its customers, and their rows in sketches of eleven.
static MADE: LazyLock<Workplace> = LazyLock::new(|| {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    for arguments in
        [&["generate"][..], &["features"], &["train"], &["evaluate"], &["export", "--samples", "700"]]
    {
        done(&place, arguments);
    }
    let recommender = Recommender::load(&place.read(BUNDLE).unwrap()).unwrap();
    let mut observer = Observer::new(&recommender).unwrap();
    std::fs::create_dir_all(place.path("collected/2026-07-01")).unwrap();
    let rows = rows(&place, &recommender);
    for (number, row) in rows.iter().enumerate() {
        assert!(observer.observe(&recommender, row, true, [0; 16]).unwrap());
        if observer.rows() == 11 && rows.len() - number > 11 || number + 1 == rows.len() {
            let sketch = observer.hand_out(&recommender, 1 + number as u64).unwrap();
            std::fs::write(place.path(format!("collected/2026-07-01/{number}.sk")), sketch).unwrap();
        }
    }
    place
});

fn done(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert!(finished.code == 0, "{arguments:?}: {}", finished.stderr);
    finished
}

/// What monitoring finds; few rows may well have drifted.
fn monitored(place: &Workplace, arguments: &[&str]) -> Value {
    let finished = place.run(&[&["monitor", "--json"], arguments].concat()).unwrap();
    assert!(finished.code == 0 || finished.code == 3, "{arguments:?}: {}", finished.stderr);
    json(&finished)
}

fn json(finished: &Finished) -> Value {
    assert!(finished.stdout.starts_with('{'), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

fn sketches() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(MADE.path("collected/2026-07-01")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// A folder with the bundle and some files in `collected`.
fn workplace(files: &[(&str, &[u8])]) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    for folder in ["outputs/bundle", "collected"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    std::fs::copy(MADE.path(BUNDLE), place.path(BUNDLE)).unwrap();
    for (name, bytes) in files {
        std::fs::write(place.path("collected").join(name), bytes).unwrap();
    }
    place
}

#[test]
fn sketches_say_what_the_rows_say() {
    let rows = monitored(&MADE, &["--output", "of_rows"]);
    let counted = monitored(&MADE, &["--sketches", "collected", "--output", "of_sketches"]);
    assert_eq!(counted["current"]["rows"], rows["current"]["rows"]);
    assert_eq!(counted["sketches"]["counted"], sketches().len());
    for kind in ["features", "scores"] {
        let of = |found: &Value| {
            let mut found = found[kind].as_array().unwrap().clone();
            found.sort_by_key(|it| it["name"].to_string());
            found
        };
        let (rows, counted) = (of(&rows), of(&counted));
        assert!(rows.len() == counted.len() && rows.len() >= 9);
        for (row, counted) in rows.iter().zip(&counted) {
            for key in ["psi", "jensen_shannon", "cells", "missing", "chi_square", "p_value", "verdict"] {
                assert_eq!(row[key], counted[key], "{} {key}", row["name"]);
            }
        }
    }
    let metrics = |found: &Value| found["estimate"]["metrics"].as_array().unwrap().clone();
    for (row, counted) in metrics(&rows).iter().zip(&metrics(&counted)) {
        let [row, counted] = [row, counted].map(|it| it["expected"].as_f64().unwrap());
        // As far as the means of ten cells can tell.
        assert!((row / counted - 1.0).abs() < 0.02, "{row} {counted}");
    }
}

#[test]
fn what_is_wrong_is_refused_counted_and_adds_nothing() {
    let good: Vec<Vec<u8>> = sketches().iter().take(3).map(|file| std::fs::read(file).unwrap()).collect();
    let clean = workplace(&[("a.sk", &good[0]), ("b.sk", &good[1]), ("c.sk", &good[2])]);
    let expected = monitored(&clean, &["--sketches", "collected"]);

    let mut damaged = good[0].clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 4;
    let mut foreign = good[1].clone();
    foreign[8] ^= 1;
    let place = workplace(&[
        ("a.sk", &good[0]),
        ("b.sk", &good[1]),
        ("c.sk", &good[2]),
        ("again.sk", &good[2]),
        ("damaged.sk", &damaged),
        ("foreign.sk", &foreign),
        ("half.sk", &good[0][..middle]),
        ("empty.sk", b""),
        ("huge.sk", &vec![b'N'; 3 << 20]),
        ("notes.txt", b"no sketch"),
    ]);
    let found = monitored(&place, &["--sketches", "collected"]);
    let counts = &found["sketches"];
    assert_eq!((&counts["counted"], &counts["twice"], &counts["refused"]), (&3.into(), &1.into(), &5.into()));
    let refused: u64 = counts["reasons"].as_object().unwrap().values().map(|it| it.as_u64().unwrap()).sum();
    assert!(refused == 5 && counts["reasons"]["sketch/damaged"] == 3, "{counts}");
    for key in ["features", "scores", "estimate"] {
        assert_eq!(found[key], expected[key], "{key}");
    }
    // Nothing but wrong ones.
    let place = workplace(&[("damaged.sk", &damaged)]);
    let none = place.run(&["monitor", "--sketches", "collected"]).unwrap();
    assert!(none.code == 1 && none.stderr.contains("every sketch was refused (1)"), "{}", none.stderr);
    let none = place.run(&["sketch", "merge", "collected", "--out", "sum.sk"]).unwrap();
    assert!(none.code == 1 && place.read("sum.sk").is_err(), "{}", none.stderr);
}

#[test]
fn merging_has_no_order_and_no_grouping() {
    let files = sketches();
    let names: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let merge = |sketches: &[&str], out: &str| {
        let finished = done(&MADE, &[&["sketch", "merge", "--json", "--out", out], sketches].concat());
        (json(&finished), MADE.read(out).unwrap())
    };
    let (counts, whole) = merge(&names, "whole.sk");
    assert_eq!(counts["counted"], names.len());
    let backwards: Vec<&str> = names.iter().rev().copied().collect();
    assert_eq!(merge(&backwards, "backwards.sk").1, whole);
    assert_eq!(merge(&["collected"], "folder.sk").1, whole);
    let (left, right) = names.split_at(names.len() / 3);
    merge(left, "left.sk");
    merge(right, "right.sk");
    let [left, right] = ["left.sk", "right.sk"].map(|name| MADE.path(name).display().to_string());
    assert_eq!(merge(&[&right, &left], "sum.sk").1, whole);
    // The sum is compared like its parts.
    std::fs::create_dir_all(MADE.path("sums")).unwrap();
    std::fs::write(MADE.path("sums/whole.sk"), &whole).unwrap();
    let of = |folder: &str| monitored(&MADE, &["--sketches", folder, "--output", "of_sums"]);
    assert_eq!(of("sums")["features"], of("collected")["features"]);
}

/// Each row says one thing, and not always the truth: together they say what the rows say.
#[test]
fn randomised_rows_are_compared_too() {
    let place = workplace(&[]);
    let mut bundle = Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap();
    bundle.profile.as_mut().unwrap().sketches.epsilon = Some(4.0);
    std::fs::write(place.path("randomised.bundle"), bundle.encode().unwrap()).unwrap();
    let recommender = Recommender::load(&place.read("randomised.bundle").unwrap()).unwrap();
    let mut observer = Observer::new(&recommender).unwrap();
    let hand_out = |observer: &mut Observer, name: u64| {
        let sketch = observer.hand_out(&recommender, name).unwrap();
        std::fs::write(place.path(format!("collected/{name}.sk")), sketch).unwrap();
    };
    // Many customers like each of ours.
    let (rows, times) = (rows(&MADE, &recommender), 300u64);
    for time in 0..times {
        for (number, row) in rows.iter().enumerate() {
            let random = <sha2::Sha256 as sha2::Digest>::digest(format!("{time} {number}"));
            let random = random[..16].try_into().unwrap();
            if !observer.observe(&recommender, row, true, random).unwrap() {
                hand_out(&mut observer, time);
                assert!(observer.observe(&recommender, row, true, random).unwrap());
            }
        }
    }
    hand_out(&mut observer, times);
    // A single row may leave.
    observer.observe(&recommender, &rows[0], true, [7; 16]).unwrap();
    hand_out(&mut observer, times + 1);
    let exact = monitored(&MADE, &["--output", "of_exact_rows"]);
    let found = monitored(&place, &["--bundle", "randomised.bundle", "--sketches", "collected"]);
    assert_eq!(found["sketches"]["randomised"], true);
    assert_eq!(found["current"]["rows"], rows.len() as u64 * times + 1);
    let of = |found: &Value, name: &str| {
        let features = found["features"].as_array().unwrap().iter();
        features.clone().find(|it| it["name"] == name).unwrap().clone()
    };
    let (mut furthest, mut compared) = (0.0f64, 0);
    for it in exact["features"].as_array().unwrap() {
        let randomised = of(&found, it["name"].as_str().unwrap());
        for (a, b) in it["cells"].as_array().unwrap().iter().zip(randomised["cells"].as_array().unwrap()) {
            furthest = furthest.max((a["current"].as_f64().unwrap() - b["current"].as_f64().unwrap()).abs());
            compared += 1;
        }
    }
    // Some 2,200 reports a distribution: a share is off by 0.012 at most on average, and of 700 cells one by
    // four times as much.
    assert!(compared > 500 && furthest < 0.06, "{compared} {furthest}");
    assert!(furthest > 1e-4, "nothing was randomised");
    let metric = |found: &Value| found["estimate"]["metrics"][0].clone();
    let (exact, found) = (metric(&exact), metric(&found));
    let [low, high] = [0, 1].map(|end| found["interval"][end].as_f64().unwrap());
    let (expected, error) = (exact["expected"].as_f64().unwrap(), (high - low) / 3.92);
    assert!(
        (found["expected"].as_f64().unwrap() - expected).abs() < 4.0 * error + 0.02 * expected,
        "{found} {exact}"
    );
}
