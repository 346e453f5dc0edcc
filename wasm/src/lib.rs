//! The JavaScript interface of nextbest: converts and forwards, nothing else.
//!
//! Every fallible path throws a typed error. A trap would leave the instance unusable, so input can't reach
//! one; should one happen all the same, the package around this module recreates the instance.
//!
//! Customers and options arrive as JSON text: for the hundreds of small rows of a customer, that is several
//! times faster than asking JavaScript for each value of each object.

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
    /// Rows of features, which JavaScript writes, and their probabilities, which it reads. Both keep their
    /// place between calls, so that nothing is allocated per row.
    buffers: Buffers,
    /// Counts rows for the bank's monitoring; created when the first row is to be counted.
    observer: Option<Observer>,
}

#[wasm_bindgen]
impl Engine {
    /// Decodes a bundle and checks everything except the golden rows. `hash` is the SHA-256 of all but the
    /// last 32 bytes, which the platform computes many times faster for large bundles.
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

    /// The customer's features; missing ones are NaN.
    pub fn features(&self, customer: &str, options: &str) -> Result<Vec<f32>, JsError> {
        let options = RequestOptions::parse(options, ROW_OPTIONS).map_err(throw)?;
        self.recommender.features_of(&Value::Written(customer), &options).map_err(throw)
    }

    /// Answers a question about a customer, given by name with options; see
    /// [`Recommender::ask`](nextbest_core::Recommender::ask).
    pub fn ask(&self, question: &str, customer: &str, options: &str) -> Result<JsValue, JsError> {
        let options = fields(options).map_err(throw)?;
        to_js(&self.recommender.ask(question, &Value::Written(customer), &options).map_err(throw)?)
    }

    /// The contribution of each feature of a row to each class: first the classes' outputs for the reference
    /// row, then those for this row, then the contributions, feature by feature with one per class.
    pub fn contributions(&self, row: &[f32]) -> Result<Vec<f64>, JsError> {
        let bundle = self.recommender.bundle();
        bundle.check_rows(row).map_err(throw)?;
        let found = explain::contributions(bundle, row).map_err(throw)?;
        Ok([found.base, found.outputs, found.values].concat())
    }

    /// Makes room for `count` rows of features, or for as many as are scored together if those are fewer, and
    /// for their probabilities, at [`Engine::rows_at`] and [`Engine::probabilities_at`] in the module's
    /// memory. Returns the number of rows that there is room for.
    #[wasm_bindgen(js_name = makeRoom)]
    pub fn make_room(&mut self, count: usize) -> usize {
        self.buffers.make_room(&self.recommender.bundle().scorer(), count)
    }

    /// The address of the room for rows.
    #[wasm_bindgen(getter, js_name = rowsAt)]
    pub fn rows_at(&self) -> usize {
        self.buffers.rows.as_ptr() as usize
    }

    /// The address of the room for probabilities.
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

    /// Checks that the bundle may be used at an instant (seconds since 1970-01-01 00:00 UTC) by a caller that
    /// has used versions up to `minimum_number` before.
    #[wasm_bindgen(js_name = checkValidity)]
    pub fn check_validity(&self, now: f64, minimum_number: f64) -> Result<(), JsError> {
        // The JavaScript side has refused numbers that are not integers, so nothing is cut off.
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
    // Setting a property of an error object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error
}
