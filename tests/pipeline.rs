//! The whole way on a small synthetic bank, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use nextbest_tests::Workplace;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nextbest-under-test");

const CONFIG: &str = "
generate: {customers: 1500, seed: 5}
model:
  hyperparameters: {random_forest: {n_estimators: 40}}
";

fn finished_run(arguments: &[&str]) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    let run = place.run(&[&["run"], arguments].concat()).unwrap();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    place
}

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    let finished = place.run(&[arguments, &["--json"]].concat()).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.is_empty(), "--json is quiet: {}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
fn from_raw_tables_to_offers() {
    let place = finished_run(&[]);
    for file in [
        "data/raw/TRANSACTION.csv",
        "data/processed/customer_product_features.parquet",
        "data/processed/customer_product_features.csv",
        "outputs/models/model.bundle",
        "outputs/models/evaluation.json",
        "outputs/models/evaluation.txt",
        "outputs/models/feature_importance.csv",
        "outputs/models/confusion_matrix.csv",
        "outputs/models/report.html",
        "outputs/models/feature_importance.png",
        "outputs/bundle/nextbest.bundle",
        "outputs/bundle/customers.json",
        "outputs/predictions/recommendations.csv",
    ] {
        assert!(place.path(file).metadata().unwrap().len() > 0, "{file}");
    }

    // The model knows more than the prior, on customers at cut-offs that it never saw.
    let evaluation = json(&place, &["evaluate"]);
    let of = |contestant: usize, group: &str, metric: &str| {
        evaluation["contestants"][contestant][group][metric].as_f64().unwrap()
    };
    assert!(of(0, "all", "log_loss") < of(1, "all", "log_loss"), "{evaluation}");
    assert!(of(0, "all", "roc_auc_ovr") > 0.6 && of(1, "all", "roc_auc_ovr") == 0.5);
    assert!(of(0, "without_none", "log_loss") < of(2, "without_none", "log_loss"));

    let inspected = json(&place, &["inspect"]);
    assert_eq!(inspected["selfTest"], "passed");
    assert_eq!(inspected["card"]["testMetrics"][0][0], "rows");
    assert!(inspected["card"]["trainingCutoffs"].as_array().unwrap().len() == 8);
}

#[test]
fn the_feature_table_has_each_customer_once_at_each_cut_off() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "generate: {customers: 300}").unwrap();
    assert_eq!(place.run(&["generate"]).unwrap().code, 0);
    assert_eq!(place.run(&["features"]).unwrap().code, 0);
    let text =
        String::from_utf8(place.read("data/processed/customer_product_features.csv").unwrap()).unwrap();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("CUSTOMERID,CUTOFF,NEXT_PRODUCT,HELD_PRODUCTS,age_years,"));
    let mut seen = std::collections::HashSet::new();
    for line in lines {
        let mut cells = line.split(',');
        let (id, cutoff) = (cells.next().unwrap(), cells.next().unwrap());
        assert!(!id.is_empty() && seen.insert((id, cutoff)), "{line}");
    }
    assert!(seen.len() > 2000);
}

#[test]
fn threads_and_repetition_change_no_byte() {
    let (one, three) = (finished_run(&["--threads", "1"]), finished_run(&["--threads", "3"]));
    for file in [
        "data/raw/TRANSACTION.csv",
        "data/raw/CUSTOMER_ACCOUNT.csv",
        "data/processed/customer_product_features.parquet",
        "outputs/models/evaluation.json",
        "outputs/bundle/nextbest.bundle",
        "outputs/predictions/recommendations.csv",
    ] {
        assert!(
            one.read(file).unwrap() == three.read(file).unwrap(),
            "{file} depends on the number of threads"
        );
    }
}

#[test]
fn sample_customers_score_from_json_as_from_the_tables() {
    let place = finished_run(&[]);
    let answers = json(&place, &["score", "--customers", "outputs/bundle/customers.json", "--bits"]);
    let predictions =
        String::from_utf8(place.read("outputs/predictions/recommendations.csv").unwrap()).unwrap();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 12);
    for answer in answers {
        let id = answer["id"].as_str().unwrap();
        let best = &answer["recommendation"]["offers"][0];
        let expected = format!(
            "{id},{},1,{},{},",
            answer["asOf"].as_str().unwrap(),
            best["product"].as_str().unwrap(),
            best["probability"].as_f64().unwrap() as f32
        );
        assert!(predictions.contains(&expected), "{expected} is not in the table");
    }
}

#[test]
fn algorithms_can_be_chosen_and_auto_takes_the_better() {
    let place = finished_run(&[]);
    let trained = json(&place, &["train", "--algorithm", "auto"]);
    let candidates = trained["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    let best = candidates
        .iter()
        .min_by(|a, b| {
            let loss = |candidate: &Value| candidate["validation_log_loss"].as_f64().unwrap();
            loss(a).total_cmp(&loss(b))
        })
        .unwrap();
    assert_eq!(trained["algorithm"], best["algorithm"]);
    for candidate in candidates {
        let loss = |key: &str| candidate[key].as_f64().unwrap();
        assert!(loss("validation_log_loss") < loss("prior_log_loss"), "{candidate}");
    }
    assert_eq!(
        json(&place, &["train", "--algorithm", "logistic_regression"])["algorithm"],
        "logistic_regression"
    );
    let evaluated = json(&place, &["evaluate"]);
    assert_eq!(evaluated["algorithm"], "logistic_regression");
}

#[test]
fn predictions_can_be_parquet() {
    let place = finished_run(&[]);
    place.write("config.yaml", "deployment: {batch_inference: {output_format: parquet}}").unwrap();
    let scored = json(&place, &["score"]);
    assert_eq!(scored["file"], "outputs/predictions/recommendations.parquet");
    assert!(place.read("outputs/predictions/recommendations.parquet").unwrap().starts_with(b"PAR1"));
}
