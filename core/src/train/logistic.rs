//! Multinomial logistic regression over standardised bin ranks and the bins of categories, fitted by L-BFGS.

mod loss;

use super::dataset::Dataset;
use super::minimise::minimise;
use super::params::{Parameters, parameters};
use crate::Error;
use crate::matrix::{Column, Matrix};
use crate::model::bins::MISSING_BIN;
use crate::model::linear::{CategoryWeights, Linear};
use loss::Loss;

parameters! {
    /// Parameters of a logistic regression.
    pub struct LogisticParams, GivenLogistic of "logistic_regression";
    recorded {
        /// Strength of the L2 penalty, as a multiple of half the squared weights. Intercepts are not
        /// penalised.
        alpha: f64 = 30.0, 0.0..=1e12;
        /// Most iterations of L-BFGS.
        max_iter: u64 = 300, 1.0..=u32::MAX as f64;
        /// Length of the mean log-loss's gradient at which the weights are good enough.
        tolerance: f64 = 1e-5, 1e-12..=1.0;
    }
    besides {}
    grid {
        alpha: bank ["30", "3", "300", "3000"], table ["1", "0.1", "10", "100"];
    }
}

/// A fitted logistic regression.
#[derive(Debug, Clone)]
pub struct FittedLogistic {
    /// The model.
    pub model: Linear,
    /// For each feature, how much the scores vary with it; sums to 1 unless every weight is 0.
    pub importance: Vec<f32>,
    /// The number of iterations.
    pub iterations: u64,
    /// Whether the gradient became as short as the tolerance.
    pub converged: bool,
}

impl LogisticParams {
    /// Fits a model. The result is the same bits for any number of threads.
    ///
    /// # Errors
    /// If a parameter is out of its range, or the data has fewer than two classes.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::Scorer;
    /// use nextbest_core::model::{Model, calibration::Calibration};
    /// use nextbest_core::train::{Dataset, LogisticParams, fit_bins};
    ///
    /// # // One feature, income: class 1 takes the product from 50 on.
    /// # let rows: Vec<f32> = (0..200).map(|row| (row % 100) as f32).collect();
    /// # let labels: Vec<usize> = rows.iter().map(|income| usize::from(*income >= 50.0)).collect();
    /// # let bins = fit_bins(nextbest_core::matrix::Matrix::new(&rows, 1)?, 32)?;
    /// # let data = Dataset::new(&bins, &rows, &labels, 2)?;
    /// let fitted = LogisticParams { alpha: 1.0, ..LogisticParams::default() }.fit(&data)?;
    /// assert!(fitted.converged);
    /// let model = Model::Linear(fitted.model);
    /// let mut scorer = Scorer::new(&bins, &model, &Calibration::None);
    /// assert!(scorer.score(&[10.0])?[0] > 0.9);
    /// assert!(scorer.score(&[90.0])?[1] > 0.9);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn fit(&self, data: &Dataset) -> Result<FittedLogistic, Error> {
        self.check_ranges()?;
        let weights = data.class_weights();
        let present: Vec<usize> =
            weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0).map(|(class, _)| class).collect();
        if present.len() < 2 {
            return Err(Error::Training("logistic regression needs rows of at least two classes".into()));
        }
        let mut model = empty_model(data);
        let loss = Loss::new(data, &model, &present, self.alpha);
        let found = minimise(|point| loss.at(point), loss.start(&weights), self.max_iter, self.tolerance)?;
        loss.store(&found.point, &mut model);
        give_absent_classes_little(&weights, &mut model.intercepts);
        if !model.numbers().all(f32::is_finite) {
            return Err(Error::Training("logistic regression did not converge to finite weights".into()));
        }
        let importance = importance(data, &model)?;
        Ok(FittedLogistic { model, importance, iterations: found.iterations, converged: found.converged })
    }
}

/// A model whose weights are all 0.
fn empty_model(data: &Dataset) -> Linear {
    let classes = data.class_count();
    let mut model = Linear {
        means: Vec::new(),
        inverse_deviations: Vec::new(),
        weights: vec![0.0; classes * data.bins().feature_count()],
        categories: Vec::new(),
        intercepts: vec![0.0; classes],
    };
    for (feature, (column, is_category)) in (0u16..).zip(data.columns().iter().zip(data.categories())) {
        let (mean, inverse_deviation) = standardisation(column, data);
        let is_constant = inverse_deviation == 0.0 && !column.contains(&MISSING_BIN);
        model.means.push(mean);
        model.inverse_deviations.push(if *is_category { 0.0 } else { inverse_deviation });
        if *is_category && !is_constant {
            let weights = vec![0.0; classes * data.bins().count(feature.into())];
            model.categories.push(CategoryWeights { feature, weights });
        }
    }
    model
}

/// The mean of the known bins of a column, and 1 / their standard deviation (0 for a constant column).
fn standardisation(column: &[u8], data: &Dataset) -> (f32, f32) {
    let known = || {
        let rows = column.iter().enumerate().filter(|(_, bin)| **bin != MISSING_BIN);
        rows.map(|(row, bin)| (f64::from(*bin), f64::from(data.weight(row))))
    };
    let total: f64 = known().map(|(_, weight)| weight).sum();
    if total == 0.0 {
        return (0.0, 0.0);
    }
    let mean = known().map(|(bin, weight)| bin * weight).sum::<f64>() / total;
    let variance = known().map(|(bin, weight)| (bin - mean).powi(2) * weight).sum::<f64>() / total;
    (mean as f32, if variance > 0.0 { (1.0 / variance.sqrt()) as f32 } else { 0.0 })
}

/// Gives classes that never occurred an intercept far below all others: a probability close to 0, but not 0.
fn give_absent_classes_little(weights: &[f64], intercepts: &mut [f32]) {
    let present =
        weights.iter().zip(intercepts.iter()).filter(|(weight, _)| **weight > 0.0).map(|(_, value)| *value);
    let least = present.fold(f32::INFINITY, f32::min);
    for (weight, intercept) in weights.iter().zip(intercepts) {
        if *weight == 0.0 {
            *intercept = least - 10.0;
        }
    }
}

/// For each feature, the standard deviation over the rows of its term in a score, summed over the classes;
/// for a standardised rank, that is the absolute weight.
fn importance(data: &Dataset, model: &Linear) -> Result<Vec<f32>, Error> {
    let features = model.means.len();
    let mut sums = vec![0f64; features];
    for weights in Matrix::new(&model.weights, features)?.rows() {
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += f64::from(weight.abs()));
    }
    let classes = model.class_count();
    for category in &model.categories {
        let Some(column) = data.columns().get(usize::from(category.feature)) else { continue };
        let weights = Matrix::new(&category.weights, classes)?;
        let mut frequencies = vec![0f64; weights.height()];
        for (row, bin) in column.iter().enumerate() {
            let slot = frequencies.iter_mut().skip((*bin).into()).take(1);
            slot.for_each(|frequency| *frequency += f64::from(data.weight(row)));
        }
        let total: f64 = frequencies.iter().sum();
        let deviation = |of_class: Column<'_, f32>| {
            let of_class = of_class.map(f64::from);
            let mean = |power: i32| {
                let terms =
                    of_class.clone().zip(&frequencies).map(|(weight, count)| weight.powi(power) * count);
                terms.sum::<f64>() / total
            };
            (mean(2) - mean(1).powi(2)).max(0.0).sqrt()
        };
        if let Some(sum) = sums.get_mut(usize::from(category.feature)) {
            *sum = weights.columns().map(deviation).sum();
        }
    }
    let total: f64 = sums.iter().sum();
    Ok(sums.iter().map(|sum| if total > 0.0 { (sum / total) as f32 } else { 0.0 }).collect())
}
