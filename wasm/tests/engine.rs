//! The engine as JavaScript sees it, in a real browser: `make test-wasm`.

#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use js_sys::{Array, Float32Array, Reflect, WebAssembly};
use nextbest_wasm::Engine;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const BUNDLE: &[u8] = include_bytes!("../../tests/fixtures/bank.bundle");
const PLAIN: &[u8] = include_bytes!("../../tests/fixtures/label.bundle");

const CUSTOMER: &str = r#"{
    "customer": {"DATEOFBIRTH": "1990-05-01", "CUSTOMERESTABLISHEDDATE": "2015-03-02"},
    "accounts": [{"PRODUCTID": "SAVINGS_ACCOUNT", "ORIGINATIONDATE": "2016-03-02", "PRINCIPALAMOUNT": 1200}],
    "transactions": [{"TRANSACTIONINITIATEDTIMESTAMP": "2026-06-20 09:00:00", "TRANSACTIONAMOUNT": 2900,
                      "TRANSACTIONTYPEID": "SALARY", "BALANCEAFTER": 3100.5}]
}"#;

fn engine() -> Engine {
    Engine::new(BUNDLE, None).unwrap()
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap()
}

fn about(engine: &Engine) -> JsValue {
    engine.ask("about", "null", "{}").unwrap()
}

/// The names in a list of `about`.
fn names(engine: &Engine, key: &str) -> Vec<String> {
    Array::from(&get(&about(engine), key)).iter().map(|name| name.as_string().unwrap()).collect()
}

/// The code and message of an error.
fn refused<T>(result: Result<T, js_sys::Error>) -> (String, String) {
    match result {
        Ok(_) => (String::from("no error"), String::new()),
        Err(error) => (get(&error, "code").as_string().unwrap(), error.message().into()),
    }
}

/// The options of a question.
const AS_OF: &str = r#"{"asOf": "2026-07-01"}"#;

#[wasm_bindgen_test]
fn the_golden_rows_score_here_as_where_the_bundle_was_made() {
    engine().self_test().unwrap();
}

#[wasm_bindgen_test]
fn whatever_its_numbers_a_bundles_card_and_validity_are_read() {
    let engine = engine();
    // Doubles hold integers up to 2⁵³.
    let about = about(&engine);
    let seed = get(&get(&about, "card"), "seed");
    assert_eq!(seed.as_string().as_deref(), Some("18446744073709551615"));
    assert_eq!(get(&get(&about, "validity"), "number").as_f64(), Some(0.0));
}

#[wasm_bindgen_test]
fn a_customer_gets_offers_with_reasons() {
    let engine = engine();
    let recommendation = engine.ask("recommend", CUSTOMER, AS_OF).unwrap();
    let offers = Array::from(&get(&recommendation, "offers"));
    assert_eq!(offers.length(), 3);
    let probabilities: Vec<f64> =
        offers.iter().map(|offer| get(&offer, "probability").as_f64().unwrap()).collect();
    assert!(probabilities.is_sorted_by(|a, b| a >= b) && probabilities[0] < 1.0, "{probabilities:?}");
    let withheld = Array::from(&get(&recommendation, "withheld"));
    let owned = withheld.iter().find(|it| get(it, "product") == "Savings Account").unwrap();
    assert_eq!(get(&owned, "rule"), "already owned");
    assert_eq!(get(&recommendation, "modelVersion"), get(&about(&engine), "modelVersion"));
}

#[wasm_bindgen_test]
fn features_rows_and_batches_agree() {
    let mut engine = engine();
    let row = engine.features(CUSTOMER, AS_OF).unwrap();
    assert_eq!(row.len(), names(&engine, "features").len());
    let age = names(&engine, "features").iter().position(|name| name == "age_years").unwrap();
    assert!((row[age] - 36.17).abs() < 0.01, "{}", row[age]);
    let single = score(&mut engine, &row, 1);
    assert_eq!(single.len(), names(&engine, "classes").len());
    assert!((single.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    let batch = score(&mut engine, &row.repeat(300), 300);
    assert_eq!(batch, single.repeat(300));
    assert_eq!(score(&mut engine, &row, 1), single, "the room may be larger than what is in it");
}

/// Scores rows as the package does: through views of the module's memory.
fn score(engine: &mut Engine, rows: &[f32], count: usize) -> Vec<f32> {
    engine.make_room(count);
    let memory = engine.module_memory().unchecked_into::<WebAssembly::Memory>();
    let view = |at: usize, length: usize| {
        Float32Array::new_with_byte_offset_and_length(&memory.buffer(), at as u32, length as u32)
    };
    view(engine.rows_at(), rows.len()).copy_from(rows);
    let at = engine.probabilities_at();
    let classes = names(engine, "classes").len();
    engine.score_rows(count).unwrap();
    view(at, count * classes).to_vec()
}

#[wasm_bindgen_test]
fn a_row_of_a_plain_table_gets_its_classes() {
    let engine = Engine::new(PLAIN, None).unwrap();
    engine.self_test().unwrap();
    let row = r#"{"AGE": 30, "MEMBER": "no", "CITY": "Atlantis", "SIGNED": "2022-01-01", "NOTE": [1]}"#;
    let prediction = engine.ask("predict", row, "{}").unwrap();
    let classes = Array::from(&get(&prediction, "classes"));
    let probabilities: Vec<f64> =
        classes.iter().map(|class| get(&class, "probability").as_f64().unwrap()).collect();
    assert!(probabilities.is_sorted_by(|a, b| a >= b), "{probabilities:?}");
    let mut found: Vec<String> =
        classes.iter().map(|class| get(&class, "name").as_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, names(&engine, "classes"));
    assert_eq!(refused(engine.ask("recommend", row, "{}")).0, "recommender/task");
    assert_eq!(refused(self::engine().ask("predict", CUSTOMER, AS_OF)).0, "recommender/task");
    let (code, message) = refused(engine.ask("predict", r#"{"AGE": "old"}"#, "{}"));
    assert_eq!((code.as_str(), message.as_str()), ("customer/value", "AGE: expected a number, got \"old\""));
}

#[wasm_bindgen_test]
fn everything_wrong_is_an_error_with_a_code_and_no_trap() {
    let mut damaged = BUNDLE.to_vec();
    damaged[5000] ^= 1;
    assert_eq!(refused(Engine::new(&damaged, None)).0, "bundle/hash-mismatch");
    assert_eq!(refused(Engine::new(b"something else", None)).0, "bundle/magic");
    let mut engine = engine();
    let wrong =
        r#"{"customer": {}, "accounts": [{"ORIGINATIONDATE": "2020-01-01", "PRINCIPALAMOUNT": "abc"}]}"#;
    let (code, message) = refused(engine.features(wrong, AS_OF));
    assert_eq!(code, "customer/value");
    assert!(message.contains("accounts[0].PRINCIPALAMOUNT: expected a number, got \"abc\""), "{message}");
    for (options, code) in [
        (r#"{"asOf": "tomorrow"}"#, "options/as-of"),
        (r#"{"asOf": "2026-07-01", "top": 3}"#, "options/unknown"),
        ("[]", "options/type"),
        ("{", "customer/json"),
    ] {
        assert_eq!(refused(engine.features(CUSTOMER, options)).0, code);
    }
    assert_eq!(refused(engine.ask("guess", "{}", "{}")).0, "request/question");
    let mut row = engine.features(CUSTOMER, AS_OF).unwrap();
    row[1] = f32::INFINITY;
    assert_eq!(refused(engine.contributions(&row)).0, "row/infinite");
    assert_eq!(refused(engine.score_rows(1)).0, "row/length");
    assert_eq!(refused(engine.score_rows(usize::MAX)).0, "row/length");
    engine.self_test().unwrap();
}

#[wasm_bindgen_test]
fn without_a_profile_nothing_is_counted() {
    // Counting rows needs a bundle with a profile, so it is tested in tests/e2e/sketch.test.mjs.
    let mut engine = engine();
    let row = engine.features(CUSTOMER, AS_OF).unwrap();
    assert!(get(&about(&engine), "sketchRules").is_null());
    assert_eq!(refused(engine.observe(&row, true, &[0; 16])).0, "sketch/no-profile");
    assert_eq!(refused(engine.hand_out_sketch(&[0; 8])).0, "sketch/no-profile");
    assert_eq!(refused(engine.check_sketch(b"NBSK")).0, "sketch/no-profile");
    assert_eq!(engine.observed_rows(), 0.0);
}
