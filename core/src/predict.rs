//! Predictions of a plain table's model: the classes of one row, the most probable first.

use serde::Serialize;

use crate::Error;
use crate::customers::Customer;
use crate::recommend::Recommender;
use crate::schema::Task;

/// The prediction for one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// Every class, the most probable first; ties are in class order.
    pub classes: Vec<ClassProbability>,
    /// The version of the model that answered.
    pub model_version: String,
    /// Columns of the row that the model does not know; only filled for rows that came as JSON
    /// ([`request`](crate::request)).
    pub ignored: Vec<String>,
}

/// A class and its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassProbability {
    /// The class: a word of the label column.
    pub name: String,
    /// Its probability; the probabilities of all classes sum to 1.
    pub probability: f32,
}

impl Recommender {
    /// Predicts the label of a row of a plain table. If the table has a time column and the row has no time,
    /// the row is seen at `as_of` (seconds since 1970-01-01).
    ///
    /// # Errors
    /// [`Error::Task`] if the model does not predict a label.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::Recommender;
    /// use nextbest_core::customers::read_customer;
    ///
    /// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/label.bundle"));
    /// let recommender = Recommender::load(bytes)?;
    /// let row = r#"{"SEEN": "2023-04-09", "AGE": 53, "CITY": "Roma"}"#;
    /// let rows = read_customer(recommender.schema(), row)?;
    /// let prediction = recommender.predict(&rows.get(0).unwrap(), 0)?;
    /// assert_eq!(prediction.classes[0].name, "kept");
    /// let sum: f32 = prediction.classes.iter().map(|class| class.probability).sum();
    /// assert!((sum - 1.0).abs() < 1e-5);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn predict(&self, row: &Customer<'_>, as_of: i64) -> Result<Prediction, Error> {
        if let Task::NextProduct = self.schema().task() {
            return Err(Error::Task(
                "the model predicts a customer's next product, not a column of a plain table: use recommend",
            ));
        }
        let features = self.features(row, as_of);
        let mut scorer = self.scorer();
        let probabilities = scorer.score(&features)?;
        let mut classes: Vec<ClassProbability> = Vec::with_capacity(probabilities.len());
        for (name, &probability) in self.schema().class_names().into_iter().zip(probabilities) {
            // Inserted in order: a sort of this few would only enlarge the module.
            let place = classes.iter().position(|other| other.probability < probability);
            let class = ClassProbability { name: name.to_owned(), probability };
            classes.insert(place.unwrap_or(classes.len()), class);
        }
        Ok(Prediction { classes, model_version: self.model_version(), ignored: Vec::new() })
    }
}
