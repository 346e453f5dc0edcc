//! How many rows lie in the cells of a distribution: counted as they are, or told by rows that were
//! randomised.

use super::randomised_response::RandomisedResponse;

/// The rows in each cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// How many there are; estimated, and so perhaps below 0, where rows were randomised.
    pub counts: Vec<f64>,
    /// How many said so.
    pub reported: Vec<f64>,
    response: Option<RandomisedResponse>,
}

impl Tally {
    /// Rows that were counted as they are.
    pub fn counted(counts: Vec<f64>) -> Self {
        Self { reported: counts.clone(), counts, response: None }
    }

    /// Rows that were randomised before they were counted.
    pub fn randomised(reported: Vec<f64>, epsilon: f64) -> Self {
        let response = RandomisedResponse::new(epsilon, reported.len());
        Self { counts: response.estimate(&reported), reported, response: Some(response) }
    }

    /// How many rows were counted.
    pub fn reports(&self) -> f64 {
        self.reported.iter().sum()
    }

    /// Whether the rows were randomised.
    pub fn is_randomised(&self) -> bool {
        self.response.is_some()
    }

    /// What rows of another tally, counted as they are, would have reported if they had been randomised like
    /// these.
    pub fn as_reported(&self, counts: &[f64]) -> Vec<f64> {
        match &self.response {
            Some(response) => response.reported(counts),
            None => counts.to_vec(),
        }
    }

    /// The variance that randomising (and which rows happened to be counted here) gives to a mean over the
    /// rows, where a row in a cell has that cell's number; 0 where they were counted as they are.
    pub(super) fn variance_of_mean(&self, numbers: &[f64]) -> f64 {
        let Some(response) = &self.response else { return 0.0 };
        let reports = self.reports();
        let mean_of = |of: fn(f64) -> f64| {
            let sum: f64 = self.reported.iter().zip(numbers).map(|(count, it)| count * of(*it)).sum();
            sum / reports
        };
        let (mean, square) = (mean_of(|it| it), mean_of(|it| it * it));
        (square - mean * mean).max(0.0) / (reports * response.strength() * response.strength())
    }
}
