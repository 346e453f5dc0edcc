//! Questions as JSON: one set of options, with the same types, defaults and errors in the command line, the
//! npm package, the edge worker and hosts in other languages.

use std::borrow::Cow;

use serde::Serialize;

use crate::Error;
use crate::about::About;
use crate::customers::json::Value;
use crate::customers::{Read, read};
use crate::predict::Prediction;
use crate::recommend::{Options, Recommendation, Recommender};
use crate::schema::Task;

/// What to answer, as options in JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestOptions {
    /// The moment of the question. The core has no clock: callers that have one fill in the present when it
    /// is absent.
    pub as_of: Option<String>,
    /// The most offers to return.
    pub top: usize,
    /// Whether offers come with reasons.
    pub explain: bool,
    /// Whether to look for the smallest change that would change the first offer.
    pub counterfactual: bool,
    /// Where the offers will be shown.
    pub channel: Option<String>,
    /// Whether names that the model does not know are errors; otherwise they are reported.
    pub strict: bool,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self { as_of: None, top: 3, explain: true, counterfactual: false, channel: None, strict: false }
    }
}

/// The options of `recommend`.
pub const OPTIONS: &[&str] = &["asOf", "top", "explain", "counterfactual", "channel", "strict"];

/// The options of `predict`, and of computing features.
pub const ROW_OPTIONS: &[&str] = &["asOf", "strict"];

impl RequestOptions {
    /// Reads options from a JSON object; `known` lists the names that are allowed.
    ///
    /// # Errors
    /// [`Error::Option`] for an unknown name or a value of the wrong type.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::request::{OPTIONS, RequestOptions};
    ///
    /// let options = RequestOptions::parse(r#"{"asOf": "2026-07-01", "explain": false}"#, OPTIONS)?;
    /// assert_eq!((options.top, options.explain), (3, false));
    /// let error = RequestOptions::parse(r#"{"top": "3"}"#, OPTIONS).unwrap_err();
    /// assert_eq!(error.to_string(), "top: expected an integer from 1, got \"3\"");
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn parse(json: &str, known: &[&str]) -> Result<Self, Error> {
        let mut options = Self::default();
        options.set(&fields(json)?, known)?;
        Ok(options)
    }

    /// Sets the options that are given; null leaves the default.
    ///
    /// # Errors
    /// As [`RequestOptions::parse`].
    pub fn set<'j>(
        &mut self,
        given: impl IntoIterator<Item = &'j (Cow<'j, str>, Value<'j>)>,
        known: &[&str],
    ) -> Result<(), Error> {
        for (name, value) in given {
            if !known.contains(&name.as_ref()) {
                let message = format!("there is no option {name:?}; there are {}", known.join(", "));
                return Err(Error::Option { code: "options/unknown", message });
            }
            match (name.as_ref(), value) {
                (_, Value::Null) => {}
                ("asOf", Value::Text(text)) => self.as_of = Some(text.clone().into_owned()),
                ("asOf", value) => return Err(no_moment(value)),
                ("top", value) => {
                    let number =
                        value.number().filter(|top| top.fract() == 0.0 && (1.0..=MOST).contains(top));
                    let number =
                        number.ok_or_else(|| mistyped("options/top", "top", "an integer from 1", value))?;
                    self.top = number as usize;
                }
                ("channel", Value::Text(text)) => self.channel = Some(text.clone().into_owned()),
                ("channel", value) => return Err(mistyped("options/channel", name, "a string", value)),
                ("explain", value) => self.explain = flag("options/explain", name, value)?,
                ("counterfactual", value) => {
                    self.counterfactual = flag("options/counterfactual", name, value)?;
                }
                (_, value) => self.strict = flag("options/strict", name, value)?,
            }
        }
        Ok(())
    }
}

/// The fields of a JSON object of options, unchecked.
///
/// # Errors
/// [`Error::Option`] if it is not an object.
pub fn fields(json: &str) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, Error> {
    match Value::parse(json, 1)? {
        Value::Object(fields) => Ok(fields),
        value => Err(mistyped("options/type", "options", "an object", &value)),
    }
}

/// More offers than any model could make.
const MOST: f64 = u32::MAX as f64;

fn flag(code: &'static str, name: &str, value: &Value<'_>) -> Result<bool, Error> {
    match value {
        Value::Bool(value) => Ok(*value),
        value => Err(mistyped(code, name, "true or false", value)),
    }
}

fn no_moment(value: &Value<'_>) -> Error {
    let expected = "a date such as \"2024-05-03\" or \"2024-05-03 12:30:00\"";
    mistyped("options/as-of", "asOf", expected, value)
}

fn mistyped(code: &'static str, name: &str, expected: &str, value: &Value<'_>) -> Error {
    Error::Option { code, message: format!("{name}: expected {expected}, got {value}") }
}

/// The answer to a question ([`Recommender::ask`]), serialised the same way everywhere.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer<'r> {
    /// To `about`.
    About(Box<About<'r>>),
    /// To `recommend`.
    Recommendation(Box<Recommendation>),
    /// To `predict`.
    Prediction(Prediction),
}

impl Recommender {
    /// Answers a question by name. Each takes its own options:
    ///
    /// - `about`: what is loaded; ignores the customer,
    /// - `recommend`: what to offer to a customer,
    /// - `predict`: the probabilities of the classes for a row of a plain table.
    ///
    /// # Errors
    /// [`Error::Option`] for an unknown question; otherwise as [`Recommender::answer`] and
    /// [`Recommender::predict_row`].
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::customers::json::Value;
    /// use nextbest_core::request::fields;
    ///
    /// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
    /// # let recommender = nextbest_core::Recommender::load(bytes)?;
    /// # let rows = r#"{
    /// #     "customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02", "DATEOFBIRTH": "1990-05-01"},
    /// #     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]
    /// # }"#;
    /// let options = fields(r#"{"asOf": "2026-07-01", "top": 1}"#)?;
    /// let answer = recommender.ask("recommend", &Value::Written(rows), &options)?;
    /// let json = serde_json::to_value(&answer).unwrap();
    /// assert_eq!(json["asOf"], "2026-07-01");
    /// assert_eq!(json["offers"].as_array().unwrap().len(), 1);
    ///
    /// let unknown = recommender.ask("recomend", &Value::Null, &[]).unwrap_err();
    /// assert_eq!(unknown.code(), "request/question");
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn ask<'r, 'j>(
        &'r self,
        question: &str,
        customer: &Value<'j>,
        given: impl IntoIterator<Item = &'j (Cow<'j, str>, Value<'j>)>,
    ) -> Result<Answer<'r>, Error> {
        let mut options = RequestOptions::default();
        match question {
            "about" => {
                options.set(given, &[])?;
                Ok(Answer::About(Box::new(About::new(self))))
            }
            "recommend" => {
                options.set(given, OPTIONS)?;
                Ok(Answer::Recommendation(Box::new(self.answer(customer, &options)?)))
            }
            "predict" => {
                options.set(given, ROW_OPTIONS)?;
                Ok(Answer::Prediction(self.predict_row(customer, &options)?))
            }
            _ => {
                let message =
                    format!("there is no question {question:?}; there are about, recommend, predict");
                Err(Error::Option { code: "request/question", message })
            }
        }
    }

    /// Chooses what to offer to a customer whose rows are JSON.
    ///
    /// # Errors
    /// As [`read`] and [`Recommender::recommend`]; [`Error::Option`] for a moment that can't be read.
    pub fn answer(&self, customer: &Value<'_>, options: &RequestOptions) -> Result<Recommendation, Error> {
        let as_of = self.moment_of(options)?;
        let Read { customers, id, ignored } =
            read(self.schema(), self.customer_key(), options.strict, customer)?;
        let customer = customers.get(0).ok_or_else(none_read)?;
        let &RequestOptions { top, explain, counterfactual, .. } = options;
        let channel = options.channel.as_deref();
        let options = Options { as_of, top, explain, counterfactual, channel, customer: id.as_deref() };
        Ok(Recommendation { ignored, ..self.recommend(&customer, options)? })
    }

    /// The features of a customer, or of a row of a plain table, given as JSON.
    ///
    /// # Errors
    /// As [`Recommender::answer`].
    pub fn features_of(&self, customer: &Value<'_>, options: &RequestOptions) -> Result<Vec<f32>, Error> {
        let as_of = self.moment_of(options)?;
        let read = read(self.schema(), self.customer_key(), options.strict, customer)?;
        Ok(self.features(&read.customers.get(0).ok_or_else(none_read)?, as_of))
    }

    /// The probability of each class for a row of a plain table, given as JSON.
    ///
    /// # Errors
    /// As [`read`] and [`Recommender::predict`]; [`Error::Option`] for a moment that can't be read.
    pub fn predict_row(&self, row: &Value<'_>, options: &RequestOptions) -> Result<Prediction, Error> {
        let as_of = self.moment_of(options)?;
        let Read { customers, ignored, .. } = read(self.schema(), None, options.strict, row)?;
        Ok(Prediction { ignored, ..self.predict(&customers.get(0).ok_or_else(none_read)?, as_of)? })
    }

    /// The moment of the question. A row of a plain table needs none: without a time of its own, none of its
    /// dates is known to be past.
    fn moment_of(&self, options: &RequestOptions) -> Result<i64, Error> {
        match (&options.as_of, self.schema().task()) {
            (Some(text), _) => {
                self.schema().clock().as_of(text).ok_or_else(|| no_moment(&Value::Text(text.as_str().into())))
            }
            (None, Task::Label { .. }) => Ok(i64::MIN),
            (None, Task::NextProduct) => Err(no_moment(&Value::Other("nothing".into()))),
        }
    }
}

fn none_read() -> Error {
    Error::Shape { path: "customer".into(), message: "expected an object".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<RequestOptions, Error> {
        RequestOptions::parse(json, OPTIONS)
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let nothing = r#"{"asOf": null, "top": null, "explain": null, "counterfactual": null, "channel": null, "strict": null}"#;
        for json in ["{}", nothing] {
            assert_eq!(parse(json), Ok(RequestOptions::default()));
        }
        let all = r#"{"asOf": "2026-07-01", "top": 5.0, "explain": false, "counterfactual": true, "channel": "web", "strict": true}"#;
        let expected = RequestOptions {
            as_of: Some("2026-07-01".into()),
            top: 5,
            explain: false,
            counterfactual: true,
            channel: Some("web".into()),
            strict: true,
        };
        assert_eq!(parse(all), Ok(expected));
    }

    #[test]
    fn what_is_none_is_refused_by_its_name() {
        for (json, code, message) in [
            (
                r#"{"chanel": "web"}"#,
                "options/unknown",
                "there is no option \"chanel\"; there are asOf, top, explain",
            ),
            ("[]", "options/type", "options: expected an object, got a list"),
            (r#"{"top": 3.5}"#, "options/top", "top: expected an integer from 1, got 3.5"),
            (r#"{"top": 0}"#, "options/top", "got 0"),
            (r#"{"top": -1}"#, "options/top", "got -1"),
            (r#"{"top": 5e9}"#, "options/top", "got 5e9"),
            (r#"{"top": NaN}"#, "options/top", "got NaN"),
            (r#"{"top": Infinity}"#, "options/top", "got Infinity"),
            (r#"{"top": "3"}"#, "options/top", "got \"3\""),
            (r#"{"top": true}"#, "options/top", "got true"),
            (r#"{"top": [3]}"#, "options/top", "got a list"),
            (r#"{"top": !"a function"}"#, "options/top", "got a function"),
            (r#"{"asOf": 20240503}"#, "options/as-of", "asOf: expected a date such as \"2024-05-03\""),
            (r#"{"channel": 1}"#, "options/channel", "channel: expected a string, got 1"),
            (r#"{"explain": "yes"}"#, "options/explain", "explain: expected true or false, got \"yes\""),
            (r#"{"counterfactual": 1}"#, "options/counterfactual", "got 1"),
            (r#"{"strict": {}}"#, "options/strict", "got an object"),
        ] {
            let error = parse(json).unwrap_err();
            assert_eq!(error.code(), code, "{json}");
            assert!(error.to_string().contains(message), "{error}");
        }
        let of_a_row = RequestOptions::parse(r#"{"top": 3}"#, ROW_OPTIONS).unwrap_err();
        assert_eq!(of_a_row.to_string(), "there is no option \"top\"; there are asOf, strict");
    }
}
