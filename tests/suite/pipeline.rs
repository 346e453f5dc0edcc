//! The whole way on a small synthetic bank, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use nextbest_core::Bundle;
use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

const CONFIG: &str = "
generate: {customers: 1500, seed: 5}
model:
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 40}, gradient_boosting: {n_estimators: 40}}
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
    assert_eq!(inspected["card"]["testMetrics"][0]["name"], "rows");
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
    let mut offered = 0;
    for answer in answers {
        let id = answer["id"].as_str().unwrap();
        let best = &answer["recommendation"]["offers"][0];
        if best.is_null() {
            // Someone without offers is among the samples, and not in the table.
            assert!(!predictions.contains(&format!("{id},")), "{id}");
            continue;
        }
        offered += 1;
        let expected = format!(
            "{id},{},1,{},{},",
            answer["asOf"].as_str().unwrap(),
            best["product"].as_str().unwrap(),
            best["probability"].as_f64().unwrap() as f32
        );
        assert!(predictions.contains(&expected), "{expected} is not in the table");
    }
    assert!((6..12).contains(&offered), "{offered}");
}

#[test]
fn algorithms_can_be_chosen_and_auto_takes_the_best() {
    let place = finished_run(&[]);
    let trained = json(&place, &["train", "--algorithm", "auto"]);
    let trials = trained["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 3, "with no time to tune each kind is tried once");
    let loss = |trial: &Value| trial["validation_log_loss"].as_f64().unwrap();
    let best = trials.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap();
    assert_eq!(trained["algorithm"], best["algorithm"]);
    for trial in trials {
        assert!(loss(trial) < trial["prior_log_loss"].as_f64().unwrap(), "{trial}");
    }
    // The others stand beside the chosen one, and are measured too.
    let finalists: Vec<&str> = trained["finalists"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finalist| finalist["algorithm"].as_str().unwrap())
        .collect();
    assert_eq!(finalists[0], best["algorithm"]);
    let evaluated = json(&place, &["evaluate"]);
    let contestants: Vec<&str> = evaluated["contestants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contestant| contestant["name"].as_str().unwrap())
        .collect();
    for other in &finalists[1..] {
        assert!(place.path(format!("outputs/models/candidates/{other}.bundle")).exists(), "{other}");
        assert!(contestants.contains(other), "{contestants:?}");
    }
    for algorithm in ["logistic_regression", "gradient_boosting", "random_forest"] {
        let trained = json(&place, &["train", "--algorithm", algorithm]);
        assert_eq!(trained["algorithm"], algorithm);
        assert_eq!(trained["finalists"].as_array().unwrap().len(), 1);
        assert!(!place.path("outputs/models/candidates").exists(), "those of the earlier training are gone");
    }
    assert_eq!(json(&place, &["evaluate"])["algorithm"], "random_forest");
}

#[test]
fn the_same_trials_choose_the_same_bytes_on_any_number_of_threads() {
    let place = finished_run(&[]);
    // So few trials that time never runs out.
    let config = CONFIG.replace("budget: 0", "budget: 1h, trials: 6");
    place.write("config.yaml", &config).unwrap();
    let train = |threads: &str| {
        let trained = json(&place, &["train", "--threads", threads]);
        (trained, place.read("outputs/models/model.bundle").unwrap())
    };
    let (trained, one) = train("1");
    let trials = trained["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 6);
    assert!(trials[3..].iter().all(|trial| !trial["changed"].as_array().unwrap().is_empty()), "{trials:?}");
    assert!(one == train("3").1, "threads change no byte");
}

#[test]
fn what_the_config_gives_is_not_tuned() {
    let place = finished_run(&[]);
    let config = "
model:
  algorithm: gradient_boosting
  selection: {budget: 1h}
  hyperparameters:
    gradient_boosting: {n_estimators: 10, num_leaves: 5, learning_rate: 0.2, min_child_weight: 2, reg_lambda: 3, subsample: 0.8}
";
    place.write("config.yaml", config).unwrap();
    let trained = json(&place, &["train"]);
    let changed: Vec<&Value> =
        trained["trials"].as_array().unwrap().iter().map(|trial| &trial["changed"]).collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert_eq!(*changed[1], serde_json::json!([["colsample_bytree", "0.5"]]), "all that was left open");
    let model = Bundle::decode(&place.read("outputs/models/model.bundle").unwrap()).unwrap();
    let parameter = |name: &str| {
        let found = model.card.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!((parameter("num_leaves"), parameter("reg_lambda")), ("5".into(), "3".into()));
    assert!(parameter("n_estimators").parse::<usize>().unwrap() <= 10);
}

#[test]
fn balanced_classes_and_a_wrong_budget() {
    let place = finished_run(&[]);
    place.write("config.yaml", &format!("{CONFIG}  class_weight: balanced\n  calibration: none\n")).unwrap();
    let balanced = json(&place, &["train", "--algorithm", "random_forest"]);
    let loss = balanced["trials"][0]["validation_log_loss"].as_f64().unwrap();
    assert!(
        loss > balanced["trials"][0]["prior_log_loss"].as_f64().unwrap(),
        "as if all classes were as frequent: {loss}"
    );
    let wrong = place.run(&["train", "--budget", "5 days"]).unwrap();
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("60s"), "{}", wrong.stderr);
}

#[test]
fn predictions_can_be_parquet() {
    let place = finished_run(&[]);
    place.write("config.yaml", "deployment: {batch_inference: {output_format: parquet}}").unwrap();
    let scored = json(&place, &["score"]);
    assert_eq!(scored["file"], "outputs/predictions/recommendations.parquet");
    assert!(place.read("outputs/predictions/recommendations.parquet").unwrap().starts_with(b"PAR1"));
}
