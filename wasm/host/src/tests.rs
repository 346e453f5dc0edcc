//! Calls as a host makes them, except that the buffers are reached without pointers.

use serde_json::{Value, json};

use super::*;

const CUSTOMERS: &[u8] = include_bytes!("../../../tests/fixtures/policy.bundle");
const PLAIN: &[u8] = include_bytes!("../../../tests/fixtures/label.bundle");

/// The answer of a function to bytes, or the failure's code and message.
fn call(function: extern "C" fn() -> i64, input: &[u8]) -> Result<Vec<u8>, (String, String)> {
    assert_ne!(nextbest_input(input.len()), 0);
    STATE.with_borrow_mut(|state| state.input.copy_from_slice(input));
    answered(function())
}

fn answered(length: i64) -> Result<Vec<u8>, (String, String)> {
    let output = STATE.with_borrow(|state| state.output.clone());
    assert_eq!(length.unsigned_abs() as usize, output.len());
    if length >= 0 {
        return Ok(output);
    }
    let failure: Value = serde_json::from_slice(&output).unwrap();
    Err((failure["code"].as_str().unwrap().into(), failure["message"].as_str().unwrap().into()))
}

fn json_of(answer: Result<Vec<u8>, (String, String)>) -> Value {
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn nothing_is_answered_before_a_bundle_is_loaded() {
    for function in [nextbest_about, nextbest_score, nextbest_features, nextbest_ask, nextbest_predict] {
        assert_eq!(call(function, b"").unwrap_err().0, "host/not-loaded");
    }
    assert_eq!(answered(nextbest_check_validity(0, 0)).unwrap_err().0, "host/not-loaded");
}

#[test]
fn a_loaded_bundle_tells_what_it_is() {
    let about = json_of(call(nextbest_load, CUSTOMERS));
    assert_eq!(about, json_of(call(nextbest_about, b"")));
    assert_eq!((&about["task"], &about["classes"][0]), (&json!("nextProduct"), &json!("NONE")));
    assert_eq!(about["classes"].as_array().unwrap().len(), about["products"].as_array().unwrap().len() + 1);
    assert_eq!((&about["features"][0], &about["columns"]), (&json!("age_years"), &json!([])));
    assert_eq!(about["schema"]["customer"]["name"], "customer");
    let about = json_of(call(nextbest_load, PLAIN));
    assert_eq!(about["task"], json!({"label": {"column": "OUTCOME"}}));
    let columns = about["columns"].as_array().unwrap();
    assert!(columns.contains(&json!({"name": "CITY", "kind": "word"})), "{columns:?}");
    assert!(columns.contains(&json!({"name": "SEEN", "kind": "time"})), "{columns:?}");
    assert!(columns.iter().all(|column| column["name"] != "OUTCOME"), "{columns:?}");
}

#[test]
fn a_bundle_that_is_refused_leaves_the_one_before() {
    let before = json_of(call(nextbest_load, CUSTOMERS));
    assert_eq!(call(nextbest_load, b"no bundle").unwrap_err().0, "bundle/magic");
    let mut damaged = PLAIN.to_vec();
    damaged[500] ^= 1;
    assert_eq!(call(nextbest_load, &damaged).unwrap_err().0, "bundle/hash-mismatch");
    assert_eq!(json_of(call(nextbest_about, b"")), before);
}

#[test]
fn rows_of_features_have_the_cores_bits() {
    call(nextbest_load, CUSTOMERS).unwrap();
    let recommender = nextbest_core::recommend::Recommender::load(CUSTOMERS).unwrap();
    let golden = &recommender.bundle().goldens;
    let rows: Vec<f32> = golden.iter().flat_map(|golden| golden.row.clone()).collect();
    let expected: Vec<f32> = golden.iter().flat_map(|golden| golden.probabilities.clone()).collect();
    assert!(!expected.is_empty());
    assert_eq!(call(nextbest_score, &bytes(&rows)).unwrap(), bytes(&expected));
    assert!(call(nextbest_score, b"").unwrap().is_empty());
    let mut infinite = rows.clone();
    infinite[golden[0].row.len()] = f32::NEG_INFINITY;
    let (code, message) = call(nextbest_score, &bytes(&infinite)).unwrap_err();
    assert_eq!(code, "row/infinite");
    assert!(message.starts_with("row 1, feature `age_years`"), "{message}");
    for input in [&bytes(&rows)[1..], &bytes(&rows[1..])] {
        let (code, message) = call(nextbest_score, input).unwrap_err();
        assert_eq!(code, "row/length");
        assert!(message.contains(&format!("{} bytes", input.len())), "{message}");
    }
}

#[test]
fn a_customer_gets_features_and_offers() {
    call(nextbest_load, CUSTOMERS).unwrap();
    let question = json!({
        "customer": {"customer": {"CUSTOMERID": "C1", "CUSTOMERESTABLISHEDDATE": "2020-01-01", "DATEOFBIRTH": "1980-05-06"}},
        "asOf": "2026-01-01",
    });
    let features = floats(&call(nextbest_features, question.to_string().as_bytes()).unwrap());
    assert!((45.0..46.0).contains(&features[0]), "{}", features[0]);
    let mut asked = question;
    asked["question"] = json!("recommend");
    let answer = json_of(call(nextbest_ask, asked.to_string().as_bytes()));
    assert_eq!(answer["asOf"], "2026-01-01");
    let probabilities = floats(&call(nextbest_score, &bytes(&features)).unwrap());
    // serde_json reads a double to within its last bit: as a float it is the same.
    assert_eq!(answer["noneProbability"].as_f64().map(|none| none as f32), Some(probabilities[0]));
}

#[test]
fn rows_of_a_plain_table_are_named_where_they_do_not_fit() {
    call(nextbest_load, PLAIN).unwrap();
    let rows = json!([{"AGE": 30, "CITY": "Roma"}, {"AGE": null, "CITY": "Oslo"}]);
    let probabilities = floats(&call(nextbest_predict, rows.to_string().as_bytes()).unwrap());
    let about = json_of(call(nextbest_about, b""));
    assert_eq!(probabilities.len(), 2 * about["classes"].as_array().unwrap().len());
    let wrong = json!([{"AGE": 30}, {"AGE": "x"}]).to_string();
    let (code, message) = call(nextbest_predict, wrong.as_bytes()).unwrap_err();
    assert_eq!(code, "customer/value");
    assert_eq!(message, "row 1: AGE: expected a number, got \"x\"");
}

#[test]
fn questions_that_make_no_sense_are_errors() {
    call(nextbest_load, CUSTOMERS).unwrap();
    for (question, code, message) in [
        ("[]", "host/request", "expected an object with a customer"),
        (r#"{"asOf": "2026-01-01"}"#, "host/request", "expected a customer"),
        (
            r#"{"customer": {}, "asOf": "2026-01-01", "tops": 3}"#,
            "options/unknown",
            "unknown option \"tops\"",
        ),
        (r#"{"customer": {}, "asOf": "2026-01-01", "top": 0.5}"#, "options/top", "got 0.5"),
        (r#"{"customer": {}}"#, "options/as-of", "asOf: expected a date"),
        (r#"{"customer": {}, "asOf": "soon"}"#, "options/as-of", "asOf: expected a date"),
        (r#"{"customer": {}, "asOf": "2026-01-01"}"#, "customer/type", "customer: missing"),
        (r#"{"customer": 3, "asOf": "2026-01-01"}"#, "customer/type", "customer: expected an object"),
    ] {
        let question = question.replacen('{', r#"{"question": "recommend", "#, 1);
        let failed = call(nextbest_ask, question.as_bytes()).unwrap_err();
        assert_eq!(failed.0, code);
        assert!(failed.1.contains(message), "{failed:?}");
    }
    for (question, code) in [
        ("{", "customer/json"),
        (r#"{"question": "guess", "customer": {}}"#, "request/question"),
        (r#"{"customer": {}}"#, "request/question"),
        (r#"{"question": 3, "customer": {}}"#, "host/request"),
    ] {
        assert_eq!(call(nextbest_ask, question.as_bytes()).unwrap_err().0, code, "{question}");
    }
    assert_eq!(call(nextbest_predict, b"[]").unwrap_err().0, "recommender/task");
    call(nextbest_load, PLAIN).unwrap();
    let question = br#"{"question": "recommend", "customer": {"AGE": 3}, "asOf": "2026-01-01"}"#;
    assert_eq!(call(nextbest_ask, question).unwrap_err().0, "recommender/task");
}

/// The plain table's bank is in Prague.
#[test]
fn the_same_moment_has_the_same_features_however_it_is_written() {
    json_of(call(nextbest_load, PLAIN));
    let features = |signed: &str, seen: &str| {
        let question = json!({"customer": {"SIGNED": signed, "SEEN": seen, "AGE": 40}});
        call(nextbest_features, question.to_string().as_bytes()).unwrap()
    };
    let expected = features("2023-06-30 23:30", "2023-07-02 00:15");
    for (signed, seen) in [
        ("2023-06-30T21:30:00Z", "2023-07-01T22:15:00.000Z"),
        ("2023-06-30 23:30:00+02:00", "2023-07-02 00:15:00 +0200"),
        ("2023-07-01 03:00:00+05:30", "2023-07-01 15:15:00-07"),
        ("2023-06-30 23:30", "2023-07-01 22:15:00 UTC"),
    ] {
        assert_eq!(features(signed, seen), expected, "{signed}, {seen}");
    }
    assert_ne!(features("2023-06-30 21:30", "2023-07-02 00:15"), expected);
    let question = json!({"customer": {"SIGNED": "2023-06-30 21:30 CET", "SEEN": "2023-07-02"}});
    let (code, message) = call(nextbest_features, question.to_string().as_bytes()).unwrap_err();
    assert_eq!(code, "customer/value");
    assert!(message.contains("SIGNED: expected a date such as"), "{message}");
}

/// A text of `{}` the size of a bundle would be gigabytes of features.
#[test]
fn rows_that_take_little_room_as_text_are_counted() {
    call(nextbest_load, PLAIN).unwrap();
    let about = json_of(call(nextbest_about, b""));
    let length = |name: &str| about[name].as_array().unwrap().len();
    let most = (64 << 20) / 4 / length("features").max(length("classes"));
    let rows = format!("[{}{{}}]", "{},".repeat(most));
    let (code, message) = call(nextbest_predict, rows.as_bytes()).unwrap_err();
    assert_eq!(code, "host/too-large");
    assert!(message.contains(&format!("at most {most} rows at once, got {}", most + 1)), "{message}");
}

#[test]
fn there_is_no_room_for_more_than_a_bundle() {
    assert_eq!(nextbest_input(MAX_BYTES + 1), 0);
    assert_ne!(nextbest_input(0), 0);
    assert_eq!(call(nextbest_load, b"").unwrap_err().0, "bundle/magic");
}
