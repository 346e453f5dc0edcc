//! Counts of rows in the cells of a distribution: exact, or estimated from randomised reports.

use super::randomised_response::RandomisedResponse;

/// The number of rows in each cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// The counts; estimates, and so possibly negative, if rows were randomised.
    pub counts: Vec<f64>,
    /// The number of rows that reported each cell.
    pub reported: Vec<f64>,
    response: Option<RandomisedResponse>,
}

impl Tally {
    /// Counts of rows that were not randomised.
    pub fn counted(counts: Vec<f64>) -> Self {
        Self { reported: counts.clone(), counts, response: None }
    }

    /// Counts estimated from rows that were randomised before they were counted.
    pub fn randomised(reported: Vec<f64>, epsilon: f64) -> Self {
        let response = RandomisedResponse::new(epsilon, reported.len());
        Self { counts: response.estimate(&reported), reported, response: Some(response) }
    }

    /// The number of rows that reported.
    pub fn reports(&self) -> f64 {
        self.reported.iter().sum()
    }

    /// Whether the rows were randomised.
    pub fn is_randomised(&self) -> bool {
        self.response.is_some()
    }

    /// What exactly counted rows would have reported on average, had they been randomised like these.
    pub fn as_reported(&self, counts: &[f64]) -> Vec<f64> {
        match &self.response {
            Some(response) => response.reported(counts),
            None => counts.to_vec(),
        }
    }

    /// The variance that randomisation (including which rows reported here) adds to the mean of a number that
    /// depends on a row's cell; 0 if the rows were not randomised.
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
