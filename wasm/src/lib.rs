//! The JavaScript face of nextbest: converts and forwards, nothing else.
//!
//! Every fallible path throws a typed error. A trap would leave the instance unusable, so none is reachable
//! from input; the package around this module recreates the instance should one happen all the same.
//!
//! A customer comes in as JSON text, as the options do: for the hundreds of small rows that one has, that is
//! several times faster than asking JavaScript for every value of every object.

mod sketches;

use js_sys::{Error as JsError, Reflect};
use nextbest_core::Error;
use nextbest_core::customers::json::Value;
use nextbest_core::explain;
use nextbest_core::monitor::observer::Observer;
use nextbest_core::recommend::Recommender;
use nextbest_core::request::{ROW_OPTIONS, RequestOptions, fields};
use nextbest_core::score::Buffers;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

/// A loaded bundle.
#[wasm_bindgen]
pub struct Engine {
    recommender: Recommender,
    /// Rows of features that JavaScript writes, and their probabilities that it reads: both stay where they
    /// are from call to call, so that nothing is allocated for a row.
    buffers: Buffers,
    /// Counts rows for the bank's monitoring, from the first one on that is to be counted.
    observer: Option<Observer>,
}

#[wasm_bindgen]
impl Engine {
    /// Decodes a bundle and checks everything about it but the golden rows. The SHA-256 of all but its last
    /// 32 bytes may be given: of large bundles, the platform computes it many times faster.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8], hash: Option<Vec<u8>>) -> Result<Engine, JsError> {
        Ok(Engine {
            recommender: Recommender::load_hashed(bytes, hash.as_deref()).map_err(throw)?,
            buffers: Buffers::default(),
            observer: None,
        })
    }

    /// Scores the bundle's golden rows and compares every bit.
    #[wasm_bindgen(js_name = selfTest)]
    pub fn self_test(&self) -> Result<(), JsError> {
        self.recommender.bundle().self_test().map_err(throw)
    }

    /// The customer's features, missing ones NaN.
    pub fn features(&self, customer: &str, options: &str) -> Result<Vec<f32>, JsError> {
        let options = RequestOptions::parse(options, ROW_OPTIONS).map_err(throw)?;
        self.recommender.features_of(&Value::Written(customer), &options).map_err(throw)
    }

    /// Answers a question by its name, about a customer, with options: all of them are in the core
    /// ([`Recommender::ask`](nextbest_core::Recommender::ask)).
    pub fn ask(&self, question: &str, customer: &str, options: &str) -> Result<JsValue, JsError> {
        let options = fields(options).map_err(throw)?;
        to_js(&self.recommender.ask(question, &Value::Written(customer), &options).map_err(throw)?)
    }

    /// What each feature of a row contributes to each class: the classes' outputs of the reference row, those
    /// of this row, then the contributions, feature by feature one a class.
    pub fn contributions(&self, row: &[f32]) -> Result<Vec<f64>, JsError> {
        let bundle = self.recommender.bundle();
        bundle.check_rows(row).map_err(throw)?;
        let found = explain::contributions(bundle, row).map_err(throw)?;
        Ok([found.base, found.outputs, found.values].concat())
    }

    /// Makes room for `count` rows of features and their probabilities, but for no more rows than are scored
    /// together, and returns for how many. The next two tell where that is in the module's memory.
    #[wasm_bindgen(js_name = makeRoom)]
    pub fn make_room(&mut self, count: usize) -> usize {
        self.buffers.make_room(&self.recommender.bundle().scorer(), count)
    }

    /// Where the room for rows begins.
    #[wasm_bindgen(getter, js_name = rowsAt)]
    pub fn rows_at(&self) -> usize {
        self.buffers.rows.as_ptr() as usize
    }

    /// Where the room for probabilities begins.
    #[wasm_bindgen(getter, js_name = probabilitiesAt)]
    pub fn probabilities_at(&self) -> usize {
        self.buffers.probabilities().as_ptr() as usize
    }

    /// The module's memory.
    #[wasm_bindgen(getter, js_name = moduleMemory)]
    pub fn module_memory(&self) -> JsValue {
        wasm_bindgen::memory()
    }

    /// Scores the first `count` rows of the room.
    #[wasm_bindgen(js_name = scoreRows)]
    pub fn score_rows(&mut self, count: usize) -> Result<(), JsError> {
        let bundle = self.recommender.bundle();
        bundle.check_rows(self.buffers.first(count, bundle.features.len()).map_err(throw)?).map_err(throw)?;
        self.buffers.score(bundle.scorer(), count).map_err(throw)?;
        Ok(())
    }

    /// The SHA-256 of the bundle's content, in hexadecimal digits.
    #[wasm_bindgen(getter, js_name = contentHash)]
    pub fn content_hash(&self) -> String {
        self.recommender.content_hash().to_owned()
    }

    /// Checks that the bundle may be used at an instant (seconds since 1970-01-01 00:00 UTC) by someone who
    /// has met versions up to a number.
    #[wasm_bindgen(js_name = checkValidity)]
    pub fn check_validity(&self, now: f64, minimum_number: f64) -> Result<(), JsError> {
        // Both are whole numbers that JavaScript can hold: what is cut off here has been refused there.
        let checked = self.recommender.bundle().check_validity(now as i64, minimum_number as u64);
        checked.map_err(|refused| throw(refused.into()))
    }
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    let serializer = Serializer::new().serialize_missing_as_null(true).serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|failure| error("internal/serialize", &failure.to_string()))
}

fn throw(failure: Error) -> JsError {
    error(failure.code(), &failure.to_string())
}

fn error(code: &str, message: &str) -> JsError {
    let error = JsError::new(message);
    error.set_name("NextbestError");
    // An error object takes any property.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error
}
