//! Computes drift statistics of the cases that drift.py made up (JSON, from standard input) and prints them
//! as JSON.

use std::io::{Read as _, Write as _};

use nextbest_core::matrix::Matrix;
use nextbest_core::monitor::Sample;
use nextbest_core::monitor::chi_square::chi_square;
use nextbest_core::monitor::distance::{jensen_shannon, population_stability_index, wasserstein};
use nextbest_core::monitor::estimate::{Expected, expected_metrics};
use nextbest_core::monitor::false_discovery::benjamini_hochberg;
use nextbest_core::monitor::kolmogorov_smirnov::kolmogorov_smirnov;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let cases: Value = serde_json::from_str(&text)?;
    let each = |key: &str, compute: fn(&Value) -> Result<Value, Failure>| {
        let cases = cases.get(key).and_then(Value::as_array).ok_or_else(|| format!("no {key}"))?;
        cases.iter().map(compute).collect::<Result<Vec<_>, _>>()
    };
    let found = json!({
        "numbers": each("numbers", numbers)?,
        "categories": each("categories", categories)?,
        "bins": each("bins", distances)?,
        "words": each("words", distances)?,
        "known": each("known", categories)?,
        "tests": each("tests", |case| Ok(json!(benjamini_hochberg(&values(case)?))))?,
        "probabilities": each("probabilities", probabilities)?,
    });
    Ok(writeln!(std::io::stdout(), "{found}")?)
}

fn numbers(case: &Value) -> Result<Value, Failure> {
    let (reference, current) = (Sample::new(values(&case[0])?), Sample::new(values(&case[1])?));
    let test = kolmogorov_smirnov(&reference, &current).ok_or("an empty sample")?;
    Ok(json!({
        "distance": test.distance,
        "p_value": test.p_value,
        "wasserstein": wasserstein(&reference, &current),
        "deviation": reference.standard_deviation(),
    }))
}

fn categories(case: &Value) -> Result<Value, Failure> {
    let (reference, current) = (values(&case[0])?, values(&case[1])?);
    let test = chi_square(&reference, &current).ok_or("nothing to compare")?;
    Ok(json!({
        "statistic": test.statistic,
        "degrees": test.degrees_of_freedom,
        "p_value": test.p_value,
        "cramers_v": test.cramers_v,
        "jensen_shannon": jensen_shannon(&reference, &current),
        "stability": population_stability_index(&reference, &current),
    }))
}

fn distances(case: &Value) -> Result<Value, Failure> {
    let (reference, current) = (values(&case[0])?, values(&case[1])?);
    Ok(json!({
        "jensen_shannon": jensen_shannon(&reference, &current),
        "stability": population_stability_index(&reference, &current),
    }))
}

fn probabilities(case: &Value) -> Result<Value, Failure> {
    let rows: Vec<f32> = values(&case["rows"])?.into_iter().map(|value| value as f32).collect();
    let classes = case["classes"].as_u64().ok_or("no classes")? as usize;
    let found = expected_metrics(Matrix::new(&rows, classes)?).ok_or("no rows")?;
    let pair = |expected: Expected| [expected.value, expected.standard_error];
    Ok(json!({
        "log_loss": pair(found.log_loss),
        "accuracy": pair(found.accuracy),
        "brier": pair(found.brier),
        "roc_auc": found.roc_auc.into_iter().map(|area| area.map(pair)).collect::<Vec<_>>(),
    }))
}

fn values(case: &Value) -> Result<Vec<f64>, Failure> {
    let values =
        case.as_array().ok_or("expected a list")?.iter().map(|value| value.as_f64().ok_or("no number"));
    Ok(values.collect::<Result<_, _>>()?)
}
