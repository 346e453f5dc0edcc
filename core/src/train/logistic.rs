//! Multinomial logistic regression, fitted by `smartcore` (L-BFGS) on standardised bin ranks.
//!
//! smartcore's optimiser has no limit on its iterations that can be set and passes over the rows several times in each,
//! so the rows of the largest class (NONE) are thinned out first. Thinning a class changes nothing but its intercept,
//! which is corrected by the logarithm of the share that was kept (Prentice & Pyke, 1979; King & Zeng, 2001).

use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use super::dataset::Dataset;
use crate::Error;
use crate::model::linear::Linear;

/// Parameters of a logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticParams {
    /// The strength of the L2 penalty, as a multiple of half the squared weights (at least 0).
    pub alpha: f64,
    /// The most rows of the largest class that are learned from (at least 1).
    pub max_majority_rows: usize,
    /// The seed of the choice of those.
    pub seed: u64,
}

impl Default for LogisticParams {
    fn default() -> Self {
        Self { alpha: 30.0, max_majority_rows: 10_000, seed: 42 }
    }
}

impl LogisticParams {
    /// Fits a model.
    ///
    /// # Errors
    /// Where a parameter is out of range, or the data has fewer than two classes.
    pub fn fit(&self, data: &Dataset) -> Result<Linear, Error> {
        if !(self.alpha.is_finite() && self.alpha >= 0.0) || self.max_majority_rows == 0 {
            return Err(Error::Training("alpha must be at least 0 and max_majority_rows at least 1".into()));
        }
        let counts = data.class_counts();
        if counts.iter().filter(|count| **count > 0).count() < 2 {
            return Err(Error::Training("logistic regression needs rows of at least two classes".into()));
        }
        let mut model = Linear {
            means: Vec::new(),
            inverse_deviations: Vec::new(),
            weights: vec![0.0; counts.len() * data.bins().feature_count()],
            intercepts: vec![0.0; counts.len()],
        };
        for column in data.columns() {
            let (mean, inverse_deviation) = standardisation(column);
            model.means.push(mean);
            model.inverse_deviations.push(inverse_deviation);
        }
        let (rows, majority, kept) = self.thin_out(data, &counts);
        self.fit_weights(data, &rows, &mut model)?;
        if let Some(intercept) = model.intercepts.get_mut(majority) {
            *intercept -= (kept as f32).ln();
        }
        give_absent_classes_little(&counts, &mut model.intercepts);
        Ok(model)
    }

    /// The rows to learn from, the class that was thinned out, and the share of it that was kept.
    fn thin_out(&self, data: &Dataset, counts: &[u32]) -> (Vec<usize>, usize, f64) {
        let largest = counts.iter().enumerate().max_by_key(|(_, count)| **count);
        let (majority, count) = largest.map_or((0, 0), |(class, count)| (class, *count as usize));
        let is_majority =
            |row: &usize| data.labels().get(*row).is_some_and(|label| usize::from(*label) == majority);
        let (mut rows, mut rest): (Vec<usize>, Vec<usize>) = (0..data.row_count()).partition(is_majority);
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed));
        rows.truncate(self.max_majority_rows);
        let kept = rows.len() as f64 / count.max(1) as f64;
        rows.append(&mut rest);
        rows.sort_unstable();
        (rows, majority, kept)
    }

    fn fit_weights(&self, data: &Dataset, rows: &[usize], model: &mut Linear) -> Result<(), Error> {
        let features = data.bins().feature_count();
        let value = |(row, feature): (usize, usize)| {
            let row = rows.get(row).copied().unwrap_or_default();
            let bin =
                data.columns().get(feature).and_then(|column| column.get(row)).copied().unwrap_or_default();
            f64::from(model.standardise(feature, bin))
        };
        let x = Array2::from_shape_fn((rows.len(), features), value);
        let y: Vec<u32> =
            rows.iter().map(|row| u32::from(data.labels().get(*row).copied().unwrap_or_default())).collect();
        let parameters = LogisticRegressionParameters::default().with_alpha(self.alpha);
        let fitted = LogisticRegression::fit(&x, &y, parameters)
            .map_err(|failure| Error::Training(format!("logistic regression: {failure}")))?;
        let mut classes: Vec<usize> = y.iter().map(|class| *class as usize).collect();
        classes.sort_unstable();
        classes.dedup();
        // Of two classes smartcore gives the second one's weights against the first's zeros.
        let described =
            if classes.len() == 2 { classes.get(1..).unwrap_or_default() } else { classes.as_slice() };
        for (class, (weights, intercept)) in
            described.iter().zip(fitted.coefficients().rows().into_iter().zip(fitted.intercept()))
        {
            let start = class * features;
            if let Some(slots) = model.weights.get_mut(start..start + features) {
                slots.iter_mut().zip(weights).for_each(|(slot, weight)| *slot = *weight as f32);
            }
            if let Some(slot) = model.intercepts.get_mut(*class) {
                *slot = *intercept as f32;
            }
        }
        match model.weights.iter().chain(&model.intercepts).all(|number| number.is_finite()) {
            true => Ok(()),
            false => Err(Error::Training("logistic regression did not converge to finite weights".into())),
        }
    }
}

/// The mean of the known bins of a column, and 1 / their standard deviation (0 for a constant column).
fn standardisation(column: &[u8]) -> (f32, f32) {
    let known =
        || column.iter().filter(|bin| **bin != crate::model::bins::MISSING_BIN).map(|bin| f64::from(*bin));
    let count = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / count;
    let variance = known().map(|bin| (bin - mean).powi(2)).sum::<f64>() / count;
    (mean as f32, if variance > 0.0 { (1.0 / variance.sqrt()) as f32 } else { 0.0 })
}

/// A class that never occurred gets an intercept far below all others: a chance, but hardly one.
fn give_absent_classes_little(counts: &[u32], intercepts: &mut [f32]) {
    let present =
        counts.iter().zip(intercepts.iter()).filter(|(count, _)| **count > 0).map(|(_, value)| *value);
    let least = present.fold(f32::INFINITY, f32::min);
    for (count, intercept) in counts.iter().zip(intercepts) {
        if *count == 0 {
            *intercept = least - 10.0;
        }
    }
}
