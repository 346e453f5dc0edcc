//! `nextbest evaluate`: the report and its files, other models beside the model, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::sync::LazyLock;

use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

const CONFIG: &str = "
generate: {customers: 1200, seed: 11}
model:
  hyperparameters: {random_forest: {n_estimators: 20}}
evaluation: {bootstrap_draws: 200}
";

/// What all tests start from: tables, features and a model of each kind, made once.
static MADE: LazyLock<Workplace> = LazyLock::new(|| {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    done(&place, &["generate"]);
    done(&place, &["features"]);
    done(&place, &["train", "--algorithm", "logistic_regression"]);
    std::fs::copy(place.path("outputs/models/model.bundle"), place.path("logistic.bundle")).unwrap();
    done(&place, &["train", "--algorithm", "random_forest"]);
    place
});

fn done(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}", finished.stderr);
    finished
}

/// A folder of its own with what was made.
fn workplace() -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    for file in
        ["data/processed/customer_product_features.parquet", "outputs/models/model.bundle", "logistic.bundle"]
    {
        std::fs::create_dir_all(place.path(file).parent().unwrap()).unwrap();
        std::fs::copy(MADE.path(file), place.path(file)).unwrap();
    }
    place
}

fn evaluation(place: &Workplace, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(place, &[&["evaluate", "--json"], arguments].concat()).stdout).unwrap()
}

fn text(place: &Workplace, name: &str) -> String {
    String::from_utf8(place.read(&format!("outputs/models/{name}")).unwrap()).unwrap()
}

/// A CSV file's rows without its header.
fn rows(place: &Workplace, name: &str) -> Vec<Vec<String>> {
    let text = text(place, name);
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn everything_is_written_and_agrees() {
    let place = workplace();
    let evaluation = evaluation(&place, &[]);
    let model = &evaluation["contestants"][0];
    for metric in ["log_loss", "roc_auc_ovr", "accuracy", "top_3_accuracy", "map_at_3", "brier"] {
        let (value, interval) = (number(&model["all"][metric]), &model["intervals"][metric]);
        let (low, high) = (number(&interval["low"]), number(&interval["high"]));
        assert!(low < value && value < high, "{metric}: {low} {value} {high}");
    }
    let (top_3, map) = (number(&model["all"]["top_3_accuracy"]), number(&model["all"]["map_at_3"]));
    assert!(number(&model["all"]["accuracy"]) <= map && map <= top_3);

    let page = text(&place, "report.html");
    assert!(page.len() < 1_000_000 && !page.contains("NaN") && !page.contains("<script"), "{}", page.len());
    for heading in ["Who predicts better", "Product by product", "For whom", "How it was measured"] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    for name in ["feature_importance", "confusion_matrix", "roc_curves", "gain", "lift", "reliability"] {
        let svg = text(&place, &format!("{name}.svg"));
        // XML, with colours of its own: attributes in quotes, tags closed, no variables.
        assert!(svg.starts_with("<svg xmlns=") && !svg.contains("var(") && svg.contains("fill:#"), "{name}");
        let opened =
            svg.matches("<path").count() + svg.matches("<text").count() + svg.matches("<title").count();
        let closed =
            svg.matches("</path>").count() + svg.matches("</text>").count() + svg.matches("</title>").count();
        let at_once = svg.split('<').filter(|tag| tag.starts_with("path") && tag.contains("/>")).count();
        assert_eq!(opened, closed + at_once, "{name}");
    }
    assert!(place.read("outputs/models/feature_importance.png").unwrap().starts_with(b"\x89PNG"));

    // The confusion matrix counts each test row once, and reliability's bins of each class do.
    let test_rows = number(&model["all"]["rows"]) as usize;
    let counted: usize = rows(&place, "confusion_matrix.csv")
        .iter()
        .flat_map(|row| row[1..].to_vec())
        .map(|n| n.parse::<usize>().unwrap())
        .sum();
    assert_eq!(counted, test_rows);
    let bins = rows(&place, "reliability.csv");
    let in_bins = |of: &str, whose: &str| -> usize {
        let rows = bins.iter().filter(|row| row[0] == of && row[1] == whose);
        rows.map(|row| row[4].parse::<usize>().unwrap()).sum()
    };
    assert_eq!(in_bins("NONE", "model"), test_rows);
    assert_eq!(in_bins("any product", "model"), test_rows);
    // Gain ends where all are asked.
    let last: Vec<_> = rows(&place, "gain.csv").into_iter().filter(|row| row[1] == "1").collect();
    assert!(!last.is_empty() && last.iter().all(|row| row[2] == "1" && row[3] == "1"), "{last:?}");
}

#[test]
fn calibrated_probabilities_are_shown_before_and_after() {
    let place = workplace();
    place.write("config.yaml", &CONFIG.replace("model:\n", "model:\n  calibration: temperature\n")).unwrap();
    done(&place, &["train", "--algorithm", "random_forest"]);
    let evaluation = evaluation(&place, &[]);
    let before = &evaluation["uncalibrated"];
    assert_eq!(before["calibration"], "temperature");
    let after = &evaluation["contestants"][0]["all"];
    assert!(number(&before["all"]["log_loss"]) != number(&after["log_loss"]));
    // A temperature changes how sure a row is, not which of its classes come first.
    assert_eq!(before["all"]["top_3_accuracy"], after["top_3_accuracy"]);
    let bins = rows(&place, "reliability.csv");
    for whose in ["model", "before calibration"] {
        assert!(bins.iter().any(|row| row[0] == "each product" && row[1] == whose), "{whose}");
    }
    assert!(text(&place, "reliability.svg").contains(">before its calibration</text>"));
    assert!(text(&place, "report.html").contains("The probabilities are calibrated (temperature)"));
}

#[test]
fn segments_are_parts_of_the_customers() {
    let place = workplace();
    let evaluation = evaluation(&place, &[]);
    let test_rows = number(&evaluation["contestants"][0]["all"]["rows"]);
    let names: Vec<&str> =
        evaluation["segments"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["age", "tenure", "channel"]);
    for segmentation in evaluation["segments"].as_array().unwrap() {
        let segments = segmentation["segments"].as_array().unwrap();
        assert!(segments.len() > 1, "{segmentation}");
        assert_eq!(segments.iter().map(|it| number(&it["rows"])).sum::<f64>(), test_rows);
        // The whole's log-loss is the parts' mean.
        let loss: f64 = segments.iter().map(|it| number(&it["log_loss"]) * number(&it["rows"])).sum();
        let whole = number(&evaluation["contestants"][0]["all"]["log_loss"]);
        assert!((loss / test_rows - whole).abs() < 1e-9);
        for it in segments {
            let few = number(&it["rows"]) < 200.0 || number(&it["takers"]["observed"]) < 20.0;
            assert_eq!(it["warning"].is_string(), few, "{it}");
        }
    }
    let words: Vec<&str> = evaluation["segments"][2]["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert!(
        words.contains(&"BRANCH") || words.iter().any(|word| word.chars().all(char::is_uppercase)),
        "{words:?}"
    );

    // Other segments can be asked for; one whose feature there is not is a remark.
    let segments = "  segments: [{name: type, feature: customer_type}, {name: mood, feature: mood}]\n";
    let config = CONFIG.replace("evaluation: {bootstrap_draws: 200}\n", &format!("evaluation:\n{segments}"));
    place.write("config.yaml", &config).unwrap();
    let evaluation = self::evaluation(&place, &[]);
    assert_eq!(evaluation["segments"].as_array().unwrap().len(), 1);
    assert_eq!(evaluation["remarks"][0], "no segments by mood: the feature table has no mood");
    assert!(text(&place, "report.html").contains("the feature table has no mood"));
}

#[test]
fn importance_by_permutation_is_measured_for_what_the_model_reads() {
    let place = workplace();
    done(&place, &["evaluate"]);
    let rows = rows(&place, "feature_importance.csv");
    let numbers: Vec<[f64; 2]> =
        rows.iter().map(|row| [row[1].parse().unwrap(), row[2].parse().unwrap()]).collect();
    assert!(numbers.windows(2).all(|pair| pair[0][0] >= pair[1][0]), "ordered by the share");
    assert!((numbers.iter().map(|it| it[0]).sum::<f64>() - 1.0).abs() < 1e-4);
    assert!(numbers.iter().all(|it| it[0] > 0.0 || it[1] == 0.0), "unused features can't matter");
    let best: f64 = numbers.iter().take(10).map(|it| it[1]).sum();
    assert!(best > 0.0, "what was learned most from matters on the test rows: {best}");
}

#[test]
fn finalists_of_the_same_training_are_contestants() {
    let place = workplace();
    let candidates = place.path("outputs/models/candidates");
    std::fs::create_dir_all(&candidates).unwrap();
    std::fs::copy(place.path("logistic.bundle"), candidates.join("logistic_regression.bundle")).unwrap();
    // The chosen model itself is no second contestant.
    std::fs::copy(place.path("outputs/models/model.bundle"), candidates.join("random_forest.bundle"))
        .unwrap();
    let found = evaluation(&place, &[]);
    let names: Vec<&str> =
        found["contestants"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["model", "class prior", "popular, not owned", "logistic_regression"]);
    assert!(found["contestants"][3]["intervals"]["log_loss"]["low"].is_number());

    // One of another table is left out, with a warning; a broken one is an error.
    let other = Workplace::new(PROGRAM).unwrap();
    other.write("config.yaml", &CONFIG.replace("seed: 11", "seed: 12").replace("1200", "600")).unwrap();
    for command in ["generate", "features", "train"] {
        done(&other, &[command]);
    }
    std::fs::copy(other.path("outputs/models/model.bundle"), candidates.join("logistic_regression.bundle"))
        .unwrap();
    let finished = done(&place, &["evaluate", "--quiet"]);
    assert!(finished.stderr.contains("was not trained on the rows"), "{}", finished.stderr);
    std::fs::write(candidates.join("logistic_regression.bundle"), b"not one").unwrap();
    let finished = place.run(&["evaluate"]).unwrap();
    assert!(
        finished.code == 1 && finished.stderr.contains("logistic_regression.bundle"),
        "{}",
        finished.stderr
    );
}

#[test]
fn against_another_model() {
    let place = workplace();
    let found = evaluation(&place, &["--against", "logistic.bundle"]);
    let against = &found["against"];
    assert_eq!(against["algorithm"], "logistic_regression");
    for it in against["differences"].as_array().unwrap() {
        let (low, high) = (number(&it["interval"]["low"]), number(&it["interval"]["high"]));
        let difference = number(&it["difference"]);
        assert!((number(&it["model"]) - number(&it["other"]) - difference).abs() < 1e-12);
        assert!(low <= difference && difference <= high, "{it}");
        let beside_zero = low > 0.0 || high < 0.0;
        assert_eq!(it["verdict"] == "no difference that this data can show", !beside_zero, "{it}");
    }
    // As a contestant it has the same numbers.
    std::fs::create_dir_all(place.path("outputs/models/candidates")).unwrap();
    std::fs::copy(place.path("logistic.bundle"), place.path("outputs/models/candidates/a.bundle")).unwrap();
    let both = evaluation(&place, &["--against", "logistic.bundle"]);
    assert_eq!(both["contestants"][3]["all"], against["contestant"]["all"]);
    assert!(text(&place, "report.html").contains("<h2>Against another model</h2>"));

    // A model is no better than itself.
    let found = evaluation(&place, &["--against", "outputs/models/model.bundle"]);
    for it in found["against"]["differences"].as_array().unwrap() {
        assert_eq!((number(&it["difference"]), number(&it["interval"]["high"])), (0.0, 0.0));
        assert_eq!(it["verdict"], "no difference that this data can show");
    }
}

/// Runs `features` and `train` in the folder with the tables but another config, and gives the model away.
fn model_of(config: &str, to: &Workplace) {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", config).unwrap();
    done(&place, &["generate"]);
    done(&place, &["features"]);
    done(&place, &["train"]);
    std::fs::copy(place.path("outputs/models/model.bundle"), to.path("other.bundle")).unwrap();
}

#[test]
fn features_in_another_order_are_mapped_and_others_refused() {
    let place = workplace();
    let features = |list: &str| format!("{CONFIG}feature_engineering:\n  features:\n{list}");
    let age = "    - {name: age_years, group: a, label: b, attribute: DATEOFBIRTH, transform: years_since}\n";
    let tenure = "    - {name: tenure_days, group: a, label: b, attribute: CUSTOMERESTABLISHEDDATE, transform: days_since}\n";
    model_of(&features(&[tenure, age].concat()), &place);
    let found = evaluation(&place, &["--against", "other.bundle"]);
    assert_eq!(found["against"]["differences"][0]["verdict"], "better", "two features know less than all");

    let refused = |list: &str| {
        model_of(&features(list), &place);
        let finished = place.run(&["evaluate", "--against", "other.bundle"]).unwrap();
        assert_eq!(finished.code, 1);
        finished.stderr
    };
    let missing = refused(&[tenure, &age.replace("age_years", "age")].concat());
    assert!(missing.contains("the feature table has no age, which it reads"), "{missing}");
    let different = refused(&[tenure, &age.replace("years_since", "days_since")].concat());
    assert!(different.contains("computes age_years in another way"), "{different}");
}

#[test]
fn a_model_that_has_seen_the_test_rows_is_refused() {
    let place = workplace();
    // Trained until the cut-off before the first of the test, whose outcomes reach into the test period.
    model_of(
        &format!(
            "{CONFIG}snapshots: {{every_months: 3, test_from: 2026-04-01, validation_from: 2025-10-01}}\n"
        ),
        &place,
    );
    let finished = place.run(&["evaluate", "--against", "other.bundle"]).unwrap();
    assert_eq!(finished.code, 1);
    for part in
        ["was trained on customers at 2026-01-01", "the test rows begin at 2026-01-01", "until 2025-10-03"]
    {
        assert!(finished.stderr.contains(part), "{part}: {}", finished.stderr);
    }
    let finished = place.run(&["evaluate", "--against", "nothing.bundle"]).unwrap();
    assert!(
        finished.code == 1 && finished.stderr.contains("--against takes a bundle: nothing.bundle"),
        "{}",
        finished.stderr
    );
}

#[test]
fn threads_change_no_byte_of_the_report() {
    let (one, three) = (workplace(), workplace());
    done(&one, &["evaluate", "--threads", "1", "--against", "logistic.bundle"]);
    done(&three, &["evaluate", "--threads", "3", "--against", "logistic.bundle"]);
    for file in
        ["evaluation.json", "report.html", "feature_importance.csv", "segments.csv", "feature_importance.png"]
    {
        let path = format!("outputs/models/{file}");
        assert!(
            one.read(&path).unwrap() == three.read(&path).unwrap(),
            "{file} depends on the number of threads"
        );
    }
}
