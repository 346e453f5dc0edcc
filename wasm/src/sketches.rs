//! Counts rows for the bank's monitoring, and hands out sketches.

use js_sys::Error as JsError;
use nextbest_core::monitor::observer::{Observer, layout};
use nextbest_core::recommend::Recommender;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{Engine, error, throw, to_js};

/// The result of checking a sketch.
#[derive(Serialize)]
struct Checked {
    /// A double: JavaScript has no other numbers.
    rows: f64,
    identity: String,
    merged: bool,
    randomised: bool,
}

#[wasm_bindgen]
impl Engine {
    /// Counts a row of features if its customer consents, and returns whether it was counted. `random` is 16
    /// unpredictable bytes.
    pub fn observe(&mut self, row: &[f32], consent: bool, random: &[u8]) -> Result<bool, JsError> {
        let observer = begun(&mut self.observer, &self.recommender)?;
        observer.observe(&self.recommender, row, consent, exactly(random)?).map_err(throw)
    }

    /// The number of rows counted since the last sketch was handed out.
    #[wasm_bindgen(getter, js_name = observedRows)]
    pub fn observed_rows(&self) -> f64 {
        self.observer.as_ref().map_or(0.0, |observer| observer.rows() as f64)
    }

    /// Hands out the sketch of the counted rows, with 8 random bytes as its identity, and begins another one.
    #[wasm_bindgen(js_name = handOutSketch)]
    pub fn hand_out_sketch(&mut self, identity: &[u8]) -> Result<Vec<u8>, JsError> {
        let observer = begun(&mut self.observer, &self.recommender)?;
        observer.hand_out(&self.recommender, u64::from_le_bytes(exactly(identity)?)).map_err(throw)
    }

    /// Checks that bytes are a sketch made with this bundle, and describes it.
    #[wasm_bindgen(js_name = checkSketch)]
    pub fn check_sketch(&self, bytes: &[u8]) -> Result<JsValue, JsError> {
        let sketch = layout(&self.recommender)
            .and_then(|layout| layout.read(bytes).map_err(Into::into))
            .map_err(throw)?;
        let profile = self.recommender.bundle().profile.as_ref();
        to_js(&Checked {
            rows: sketch.rows as f64,
            identity: format!("{:016x}", sketch.identity),
            merged: sketch.merged,
            // A sketch that is not as the bundle asks would have been refused.
            randomised: profile.is_some_and(|profile| profile.sketches.epsilon.is_some()),
        })
    }
}

fn begun<'o>(
    observer: &'o mut Option<Observer>,
    recommender: &Recommender,
) -> Result<&'o mut Observer, JsError> {
    match observer {
        Some(observer) => Ok(observer),
        None => Ok(observer.insert(Observer::new(recommender).map_err(throw)?)),
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], JsError> {
    bytes
        .try_into()
        .map_err(|_| error("sketch/random", &format!("expected {N} random bytes, got {}", bytes.len())))
}
