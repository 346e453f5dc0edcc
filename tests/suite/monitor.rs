//! `nextbest monitor`: what it finds, what it tells, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::LazyLock;

use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

/// One test cut-off, whose rows the bundle's profile is of.
const CONFIG: &str = "
generate: {customers: 1500, seed: 3}
snapshots: {test_from: 2026-04-01}
model:
  algorithm: random_forest
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 20, max_depth: 6}}
evaluation: {bootstrap_draws: 100}
";

/// A bank, its features, and a model that was evaluated and exported; made once.
static MADE: LazyLock<Workplace> = LazyLock::new(|| {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    for arguments in [&["generate"][..], &["features"], &["train"], &["evaluate"], &["export"]] {
        done(&place, arguments);
    }
    place
});

fn done(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}", finished.stderr);
    finished
}

/// A folder of its own with the bundle, and nothing of what it was trained on.
fn workplace(config: &str) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", &format!("{CONFIG}{config}")).unwrap();
    std::fs::create_dir_all(place.path("outputs/bundle")).unwrap();
    let bundle = "outputs/bundle/nextbest.bundle";
    std::fs::copy(MADE.path(bundle), place.path(bundle)).unwrap();
    place
}

/// What is found, and the exit code.
fn monitor(place: &Workplace, arguments: &[&str]) -> (Value, i32) {
    let finished = place.run(&[&["monitor", "--json"], arguments].concat()).unwrap();
    assert!(finished.stdout.starts_with('{'), "{arguments:?}: {}", finished.stderr);
    (serde_json::from_str(&finished.stdout).unwrap(), finished.code)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn feature<'f>(found: &'f Value, name: &str) -> &'f Value {
    let features = found["features"].as_array().unwrap();
    features.iter().find(|it| it["name"] == name).unwrap()
}

fn drifted(found: &Value) -> Vec<&str> {
    let features = found["features"].as_array().unwrap().iter();
    features.filter(|it| it["verdict"] != "stable").map(|it| it["name"].as_str().unwrap()).collect()
}

fn rules(found: &Value) -> Vec<&str> {
    found["alerts"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap()).collect()
}

/// The rows that the model was tested on, beside what the bundle remembers of them.
#[test]
fn the_rows_of_the_profile_have_not_moved_and_measure_as_in_the_test() {
    let place = workplace("");
    done(&place, &["generate"]);
    let (found, code) = monitor(&place, &["--current", "2026-04-01"]);
    assert_eq!((code, rules(&found)), (0, vec![]));
    assert_eq!(found["reference"]["rows"], found["current"]["rows"]);
    assert_eq!((&found["reference"]["whole"], &found["current"]["whole"]), (&false.into(), &true.into()));
    let all = found["features"].as_array().unwrap().iter().chain(found["scores"].as_array().unwrap());
    let mut tested = 0;
    for it in all {
        assert!(number(&it["psi"]).abs() < 1e-12 && number(&it["jensen_shannon"]) < 1e-6, "{it}");
        assert_eq!(it["verdict"], "stable");
        tested += usize::from(it["p_value"].as_f64() == Some(1.0));
    }
    assert!(tested > 60, "{tested}");
    // What was measured is what `evaluate` measured on the same rows.
    let evaluation: Value =
        serde_json::from_slice(&MADE.read("outputs/models/evaluation.json").unwrap()).unwrap();
    let model = &evaluation["contestants"][0];
    for metric in found["performance"]["metrics"].as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        let expected = match name.strip_suffix("_without_none") {
            Some(name) => &model["without_none"][name],
            None => &model["all"][name],
        };
        assert!((number(&metric["today"]) - number(expected)).abs() < 1e-6, "{name}");
        assert_eq!(metric["change"], "not_shown");
    }
    // What its cells expect is what its rows expect.
    for metric in found["estimate"]["metrics"].as_array().unwrap() {
        let (expected, before) = (number(&metric["expected"]), number(&metric["in_reference"]));
        assert!((expected - before).abs() < 1e-5, "{metric}");
        let (low, high) = (number(&metric["interval"][0]), number(&metric["interval"][1]));
        // A good calibration is not off by more than four standard errors.
        let error = (high - low) / 3.92;
        assert!((number(&metric["observed"]) - expected).abs() < 4.0 * error, "{metric}");
    }
}

#[test]
fn injected_drifts_are_found_named_and_told() {
    let place = workplace("");
    done(
        &place,
        &["generate", "--customers", "1500..3000", "--drift", "mean_shift=1", "--drift", "missingness=0.5"],
    );
    let (found, code) = monitor(&place, &["--current", "2026-04-01"]);
    assert_eq!(code, 3, "{:?}", rules(&found));
    assert!(
        rules(&found).contains(&"data_drift") && rules(&found).contains(&"missing_rise"),
        "{:?}",
        rules(&found)
    );
    let names = drifted(&found);
    for name in ["card_spend_180d", "salary_90d", "mean_balance_180d"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    // What no drift touched.
    for name in ["holds_current_account", "month_of_year"] {
        assert!(!names.contains(&name), "{name}");
    }
    let city = feature(&found, "city");
    let missing = number(&city["missing"]["current"]) - number(&city["missing"]["reference"]);
    assert!((missing - 0.5).abs() < 0.06, "{missing}");
    // All files are there, and the alert says what the exit code says.
    let folder = "outputs/monitoring";
    let alert: Value = serde_json::from_slice(&place.read(&format!("{folder}/alert.json")).unwrap()).unwrap();
    assert_eq!(alert["alerts"], found["alerts"]);
    let csv = String::from_utf8(place.read(&format!("{folder}/drift.csv")).unwrap()).unwrap();
    assert_eq!(
        csv.lines().count() - 1,
        found["features"].as_array().unwrap().len() + found["scores"].as_array().unwrap().len()
    );
    let html = String::from_utf8(place.read(&format!("{folder}/monitoring.html")).unwrap()).unwrap();
    assert!(html.contains("card_") && html.contains("data_drift"), "{}", html.len());
    // A later run without an alert leaves none behind.
    done(&place, &["generate"]);
    let (_, code) = monitor(&place, &["--current", "2026-04-01"]);
    assert!(code == 0 && place.read(&format!("{folder}/alert.json")).is_err());
}

/// The cells' shares and distances, computed again from the tables' own numbers.
#[test]
fn numbers_are_those_of_the_rows() {
    let place = workplace("");
    done(&place, &["generate"]);
    let table = MADE.path("data/processed/customer_product_features.parquet");
    let table = table.to_str().unwrap();
    let bundle = "outputs/bundle/nextbest.bundle";
    let (whole, code) =
        monitor(&place, &["--reference", table, "--bundle", bundle, "--current", "2026-07-01"]);
    assert!(code == 0 || code == 3);
    assert_eq!((&whole["reference"]["whole"], &whole["performance"]), (&true.into(), &Value::Null));
    for it in whole["features"].as_array().unwrap() {
        let cells = it["cells"].as_array().unwrap();
        let shares = |side: &str| cells.iter().map(|cell| number(&cell[side])).collect::<Vec<f64>>();
        let (before, today) = (shares("reference"), shares("current"));
        assert!(
            (before.iter().sum::<f64>() - 1.0).abs() < 1e-9 && (today.iter().sum::<f64>() - 1.0).abs() < 1e-9
        );
        let pairs = || before.iter().zip(&today);
        if pairs().all(|(a, b)| *a > 1e-4 && *b > 1e-4) {
            let psi: f64 = pairs().map(|(a, b)| (a - b) * (a / b).ln()).sum();
            assert!((psi - number(&it["psi"])).abs() < 1e-9, "{it}");
        }
        // The distance of whole samples is at least that at the bins' edges.
        if let Some(distance) = it["kolmogorov_smirnov"]["distance"].as_f64() {
            let known = |shares: &[f64]| 1.0 - shares[0];
            let (mut a, mut b, mut greatest) = (0.0, 0.0, 0.0f64);
            for (before_share, today_share) in pairs().skip(1) {
                a += before_share / known(&before);
                b += today_share / known(&today);
                greatest = greatest.max((a - b).abs());
            }
            assert!(distance >= greatest - 1e-9 && distance <= 1.0, "{it}");
        }
    }
    // The same file on both sides.
    let (same, _) = monitor(&place, &["--reference", table, "--bundle", bundle, "--current", table]);
    for it in same["features"].as_array().unwrap() {
        let distance = it["kolmogorov_smirnov"]["distance"].as_f64().unwrap_or_default();
        assert!(number(&it["psi"]).abs() < 1e-12 && distance == 0.0, "{it}");
    }
}

#[test]
fn two_tables_are_compared_column_by_column() {
    let place = Workplace::new(PROGRAM).unwrap();
    let row =
        |it: usize, shift: usize, colour: &str| format!("{it},{},{colour},7\n", (it * 37 % 100) + shift);
    let mut before = "ID,AMOUNT,COLOUR,SAME,GONE\n".to_owned();
    let mut today = "ID,AMOUNT,COLOUR,SAME,NEW\n".to_owned();
    for it in 0..400 {
        let colours = ["red", "green", "blue"];
        before += &row(it, 0, colours[it % 3]).replace('\n', ",1\n");
        // Half of the rows are forty higher; a fifth has a new colour, and a tenth none.
        let colour = if it % 5 == 0 {
            "violet"
        } else if it % 10 == 1 {
            ""
        } else {
            colours[it % 3]
        };
        today += &row(it, if it % 2 == 0 { 40 } else { 0 }, colour).replace('\n', ",1\n");
    }
    today += today.lines().nth(3).unwrap().to_owned().as_str();
    place.write("before.csv", &before).unwrap();
    place.write("today.csv", &today).unwrap();
    let (found, code) = monitor(&place, &["--reference", "before.csv", "--current", "today.csv"]);
    assert_eq!((code, rules(&found)), (3, vec!["data_drift"]));
    let amount = feature(&found, "AMOUNT");
    // By brute force: the greatest distance of the two distribution functions.
    let values = |text: &str| -> Vec<f64> {
        text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect()
    };
    let (ours, theirs) = (values(&before), values(&today));
    let below =
        |values: &[f64], at: f64| values.iter().filter(|it| **it <= at).count() as f64 / values.len() as f64;
    let places = ours.iter().chain(&theirs);
    let expected = places.map(|at| (below(&ours, *at) - below(&theirs, *at)).abs()).fold(0.0, f64::max);
    let smirnov = &amount["kolmogorov_smirnov"];
    assert!((number(&smirnov["distance"]) - expected).abs() < 1e-12 && smirnov["of"] == "values");
    let beyond = theirs.iter().filter(|it| **it > 99.0).count() as f64 / theirs.len() as f64;
    assert!((number(&amount["beyond_range"]) - beyond).abs() < 1e-12);
    let colour = feature(&found, "COLOUR");
    assert_eq!(colour["new_words"], serde_json::json!([["violet", 80]]));
    assert!((number(&colour["missing"]["current"]) - 40.0 / 401.0).abs() < 1e-12, "{}", colour["missing"]);
    let names: Vec<&str> =
        colour["cells"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["missing", "blue", "green", "red", "new words"]);
    let quality = &found["quality"];
    assert_eq!((&quality["duplicate_rows"], &quality["absent"]), (&1.into(), &serde_json::json!(["GONE"])));
    assert!(quality["left_out"].to_string().contains("NEW"), "{quality}");
    assert_eq!((&found["model"], &found["estimate"]), (&Value::Null, &Value::Null));
    // Every twelfth row of it.
    let (same, code) = monitor(&place, &["--reference", "before.csv", "--current", "before.csv"]);
    assert!(code == 0 && drifted(&same).is_empty());
}

/// One stray cell, or another way to write numbers and truth values, does not make words of a column.
#[test]
fn a_column_is_of_one_kind_on_both_sides() {
    let place = Workplace::new(PROGRAM).unwrap();
    let rows = |point: &str, truth: [&str; 2], stray: &str, date: &str| -> String {
        let row = |it: usize| {
            let age = if it == 17 { stray.to_owned() } else { format!("{}{point}", 18 + it % 60) };
            let day = if it == 30 { date.to_owned() } else { format!("2024-01-{:02}", 1 + it % 28) };
            let code = if it.is_multiple_of(3) { format!("1{point}") } else { "A".to_owned() };
            format!("{age},{day},{},{code}\n", truth[it % 2])
        };
        "AGE,DAY,CLIENT,CODE\n".to_owned() + &(0..600).map(row).collect::<String>()
    };
    place.write("before.csv", &rows(".0", ["True", "False"], "", "")).unwrap();
    place.write("today.csv", &rows("", ["TRUE", "FALSE"], "n/a?", "soon")).unwrap();
    let both = ["--reference", "before.csv", "--current", "today.csv"];
    let failed = place.run(&[&["monitor"], both.as_slice()].concat()).unwrap();
    for told in [
        "today.csv:19: column AGE: expected a number, got \"n/a?\"",
        "today.csv:32: column DAY: expected a date",
    ] {
        assert!(failed.code == 1 && failed.stderr.contains(told), "{}", failed.stderr);
    }
    let (found, code) = monitor(&place, &[both.as_slice(), &["--skip-bad-rows"]].concat());
    assert_eq!((code, drifted(&found)), (0, vec![]));
    for name in ["CLIENT", "CODE"] {
        assert_eq!(number(&feature(&found, name)["psi"]), 0.0, "{name}");
    }
    assert!(number(&feature(&found, "AGE")["psi"]) < 1e-3);
    assert_eq!(found["quality"]["warnings"].as_array().unwrap().len(), 2, "{}", found["quality"]);
}

#[test]
fn another_model_is_compared_on_the_same_rows() {
    let place = workplace("");
    for arguments in [&["generate"][..], &["features"], &["train", "--algorithm", "logistic_regression"]] {
        done(&place, arguments);
    }
    let other = "outputs/models/model.bundle";
    let (found, _) = monitor(&place, &["--current", "2026-04-01", "--against", other]);
    let differences = found["against"]["differences"].as_array().unwrap();
    assert!(differences.len() >= 6);
    for it in differences {
        let metrics = found["performance"]["metrics"].as_array().unwrap().iter();
        let own = metrics.clone().find(|metric| metric["name"] == it["metric"]).unwrap();
        assert!((number(&own["today"]) - number(&it["model"])).abs() < 1e-12, "{it}");
        assert!((number(&it["model"]) - number(&it["other"]) - number(&it["difference"])).abs() < 1e-12);
        let (low, high) = (number(&it["interval"]["low"]), number(&it["interval"]["high"]));
        assert!(low <= number(&it["difference"]) && number(&it["difference"]) <= high, "{it}");
    }
    // Nobody knows yet what becomes of today's customers.
    let refused = place.run(&["monitor", "--against", other]).unwrap();
    assert!(refused.code == 1 && refused.stderr.contains("the outcomes of"), "{}", refused.stderr);
}

#[test]
fn a_plain_tables_rows_are_compared_by_its_model() {
    let place = Workplace::new(PROGRAM).unwrap();
    let table = |shift: f64, colours: [&str; 2]| {
        let mut text = "SIZE,COLOUR,KIND\n".to_owned();
        for it in 0..600 {
            let size = f64::from((it * 37) % 101) / 10.0;
            let kind = if size > 5.0 && it % 7 != 0 { "large" } else { "small" };
            text += &format!("{},{},{kind}\n", size + shift, colours[it as usize % 2]);
        }
        text
    };
    place.write("train.csv", &table(0.0, ["red", "blue"])).unwrap();
    place.write("today.csv", &table(3.0, ["red", "mauve"])).unwrap();
    place
        .write("config.yaml", "model: {selection: {budget: 0}}\nevaluation: {bootstrap_draws: 50}\n")
        .unwrap();
    done(&place, &["train", "--table", "train.csv", "--target", "KIND", "--algorithm", "random_forest"]);
    let (found, code) = monitor(&place, &["--current", "today.csv"]);
    assert_eq!(code, 3);
    assert_eq!(feature(&found, "COLOUR")["new_words"], serde_json::json!([["mauve", 300]]));
    assert!(drifted(&found).contains(&"SIZE"));
    // The kinds are known, and no longer what the sizes say.
    let losses: BTreeMap<&str, &Value> = found["performance"]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it))
        .collect();
    assert_eq!(losses["log_loss"]["change"], "worse", "{losses:?}");
    assert!(rules(&found).contains(&"log_loss_rise"), "{:?}", rules(&found));
}

#[test]
fn the_history_keeps_every_run() {
    let place = workplace("");
    done(&place, &["generate"]);
    for (run, date) in ["2025-10-01", "2026-01-01", "2026-04-01"].iter().enumerate() {
        let (found, _) = monitor(&place, &["--current", date, "--history"]);
        let series = found["history"].as_array().unwrap();
        let of = |metric: &str, name: &str| {
            let found = series.iter().find(|it| it["metric"] == metric && it["name"] == name);
            found.unwrap_or_else(|| panic!("{metric} {name}"))["points"].as_array().unwrap().clone()
        };
        for points in
            [of("drifted_share", ""), of("psi", "age_years"), of("log_loss", ""), of("expected_log_loss", "")]
        {
            assert_eq!(points.len(), run + 1);
        }
        let last = of("psi", "age_years").last().unwrap()["value"].clone();
        assert_eq!(last, feature(&found, "age_years")["psi"]);
    }
    // What is no history is not written over.
    place.write("outputs/monitoring/history.parquet", "something else").unwrap();
    let refused = place.run(&["monitor", "--current", "2026-04-01", "--history"]).unwrap();
    assert!(
        refused.code == 1 && refused.stderr.contains("history.parquet: is not the history"),
        "{}",
        refused.stderr
    );
    assert_eq!(place.read("outputs/monitoring/history.parquet").unwrap(), b"something else");
}

#[test]
fn an_alert_is_sent_where_the_config_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!("monitoring: {{alerts: {{stale_days: 1, webhook: \"http://{address}/alerts\"}}}}\n");
    let place = workplace(&config);
    done(&place, &["generate"]);
    let told = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        // The whole of it ends with the JSON's last bracket.
        while !request.ends_with(b"}") {
            let count = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap()
    });
    let (found, code) = monitor(&place, &["--current", "2026-04-01"]);
    assert_eq!((code, rules(&found)), (3, vec!["stale_days"]));
    let request = told.join().unwrap();
    assert!(request.starts_with("POST /alerts HTTP/1.1"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["alerts"], found["alerts"]);
    // Nobody listens any more: the exit code stays, and a warning names no address.
    let again = place.run(&["monitor", "--current", "2026-04-01"]).unwrap();
    assert!(again.code == 3 && again.stderr.contains("the alert could not be sent"), "{}", again.stderr);
    assert!(!again.stderr.contains("/alerts"), "{}", again.stderr);
    place.write("config.yaml", "monitoring: {alerts: {webhook: \"http://example.org\"}}\n").unwrap();
    let refused = place.run(&["monitor"]).unwrap();
    assert!(refused.code == 2 && refused.stderr.contains("expected https://"), "{}", refused.stderr);
}

#[test]
fn retraining_waits_until_it_is_needed_and_does_not_learn_from_broken_data() {
    let place = workplace("");
    done(&place, &["generate"]);
    let arguments = ["retrain-if-needed", "--current", "2026-04-01"];
    let kept = done(&place, &arguments);
    assert!(kept.stdout.contains("no new model is needed"), "{}", kept.stdout);
    done(
        &place,
        &["generate", "--customers", "1500..3000", "--drift", "mean_shift=1", "--drift", "missingness=0.5"],
    );
    let broken = place.run(&arguments).unwrap();
    assert!(
        broken.code == 3 && broken.stdout.contains("look at the data first"),
        "{}{}",
        broken.stdout,
        broken.stderr
    );
    // Nothing was trained either time.
    assert!(place.read("outputs/models/model.bundle").is_err());
}

#[test]
fn what_can_not_be_compared_is_refused_with_what_to_do() {
    let place = workplace("");
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let finished = place.run(&[&["monitor"], arguments].concat()).unwrap();
        assert!(
            finished.code == code && finished.stderr.contains(words),
            "{arguments:?}: {}",
            finished.stderr
        );
        assert!(!place.path("outputs/monitoring").exists(), "{arguments:?}");
    };
    place.write("a.csv", "A,B\n1,2\n3,4\n").unwrap();
    place.write("b.csv", "C\n1\n").unwrap();
    refused(&["--current", "nowhere.parquet"], 1, "neither a file that can be read nor a date");
    refused(&["--current", "2026-13-45"], 1, "neither a file that can be read nor a date");
    refused(&["--reference", "a.csv", "--current", "b.csv"], 1, "no column in common");
    refused(&["--reference", "a.csv"], 2, "only two tables can be compared without a model");
    refused(&["--current", "a.csv"], 1, "the model reads feature tables");
    refused(&["--sketches", "nowhere"], 1, "nowhere: is no folder of sketches");
    refused(&["--reference", "outputs/bundle/nextbest.bundle", "--bundle", "b.csv"], 2, "give one of them");
    refused(&["--sketches", ".", "--current", "a.csv"], 2, "cannot be used with");
    // A bundle that was exported without.
    let without = nextbest_tests::repository().join("tests/fixtures/bank.bundle");
    refused(
        &["--reference", without.to_str().unwrap(), "--sketches", "."],
        1,
        "no profile to count rows against",
    );
}
