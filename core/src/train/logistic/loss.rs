//! The mean log-loss of a logistic regression with its penalty, and its gradient.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::model::linear::Linear;
use crate::train::chunks::sum_rows;
use crate::train::dataset::Dataset;
use crate::train::softmax::errors;

/// The number of rows per matrix: small enough to stay in the processor's cache.
const BLOCK: usize = 256;
/// Bins fit into a byte.
const BINS: usize = 256;

/// The loss as a function of a point, which holds the weights of the ranks, class by class; then for each
/// category's bins the weights of the classes; then the intercepts.
pub(super) struct Loss<'d> {
    data: &'d Dataset,
    /// The classes that occur.
    present: &'d [usize],
    /// Those of them that have weights. With two classes, the first has none: a second set of weights would
    /// be redundant.
    described: &'d [usize],
    /// The position among `present` of each class.
    places: Vec<usize>,
    ranks: Vec<Rank<'d>>,
    categories: Vec<Category<'d>>,
    /// The factor of half the squared weights.
    penalty: f64,
    total_weight: f64,
}

/// A feature that enters as its standardised rank.
struct Rank<'d> {
    feature: usize,
    column: &'d [u8],
    /// The standardised rank of each bin.
    values: [f64; BINS],
}

/// A feature with a weight for each bin.
struct Category<'d> {
    column: &'d [u8],
    /// Where its weights begin in the point, and its number of bins.
    start: usize,
    bins: usize,
}

impl<'d> Loss<'d> {
    /// The loss of a model with the shape of `model`.
    pub(super) fn new(data: &'d Dataset, model: &Linear, present: &'d [usize], alpha: f64) -> Self {
        let described = match present {
            [_, second @ ..] if present.len() == 2 => second,
            _ => present,
        };
        let mut places = vec![0; data.class_count()];
        for (place, class) in present.iter().enumerate() {
            places.iter_mut().skip(*class).take(1).for_each(|slot| *slot = place);
        }
        let columns = || data.columns().iter().enumerate();
        let varies = |feature: &usize| model.inverse_deviations.get(*feature).is_some_and(|it| *it > 0.0);
        let ranks: Vec<Rank<'d>> = columns()
            .filter(|(feature, _)| varies(feature))
            .map(|(feature, column)| Rank {
                feature,
                column,
                values: std::array::from_fn(|bin| f64::from(model.standardise(feature, bin as u8))),
            })
            .collect();
        let mut start = ranks.len() * described.len();
        let categories = model.categories.iter().filter_map(|category| {
            let feature = usize::from(category.feature);
            let bins = data.bins().count(feature);
            let category = Category { column: data.columns().get(feature)?, start, bins };
            start += bins * described.len();
            Some(category)
        });
        let categories = categories.collect();
        let total_weight: f64 = data.class_weights().iter().sum();
        Self {
            data,
            present,
            described,
            places,
            ranks,
            categories,
            penalty: alpha / total_weight,
            total_weight,
        }
    }

    fn intercepts_at(&self) -> usize {
        let bins: usize = self.categories.iter().map(|category| category.bins).sum();
        (self.ranks.len() + bins) * self.described.len()
    }

    /// All weights 0, with the intercepts that give the class frequencies.
    pub(super) fn start(&self, class_weights: &[f64]) -> Vec<f64> {
        let log = |class: &usize| class_weights.get(*class).map_or(0.0, |weight| weight.ln());
        // With two classes, the score of the first is always 0.
        let zero = match self.described.len() < self.present.len() {
            true => self.present.first().map_or(0.0, log),
            false => (self.total_weight / self.present.len() as f64).ln(),
        };
        let mut start = vec![0.0; self.intercepts_at()];
        start.extend(self.described.iter().map(|class| log(class) - zero));
        start
    }

    /// The value and the gradient at a point.
    pub(super) fn at(&self, point: &[f64]) -> (f64, Vec<f64>) {
        let zero = (0.0, vec![0.0; point.len()]);
        let (mut value, mut gradient) = sum_rows(self.data.row_count(), zero, |rows, (loss, gradient)| {
            let mut block = Block::new(self);
            let mut start = rows.start;
            while start < rows.end {
                let end = rows.end.min(start + BLOCK);
                *loss += self.add_block(&mut block, start..end, point, gradient);
                start = end;
            }
        });
        value /= self.total_weight;
        gradient.iter_mut().for_each(|sum| *sum /= self.total_weight);
        for (slope, weight) in gradient.iter_mut().zip(point).take(self.intercepts_at()) {
            value += 0.5 * self.penalty * weight * weight;
            *slope += self.penalty * weight;
        }
        (value, gradient)
    }
}

/// The buffers of a block of rows.
struct Block {
    /// The standardised ranks: one line per feature.
    ranks: Array2<f64>,
    /// The scores, then the errors: one line per row, with one value per class that occurs.
    scores: Array2<f64>,
}

impl Block {
    fn new(loss: &Loss<'_>) -> Self {
        Self {
            ranks: Array2::zeros((loss.ranks.len(), BLOCK)),
            scores: Array2::zeros((BLOCK, loss.present.len())),
        }
    }
}

impl Loss<'_> {
    /// Adds the gradient of some rows (at most a block) and returns the sum of their losses.
    #[expect(clippy::indexing_slicing, reason = "rows of the data, and bins, of which each fits into a byte")]
    fn add_block(&self, block: &mut Block, rows: Range<usize>, point: &[f64], gradient: &mut [f64]) -> f64 {
        let (described, without_weights) = (self.described.len(), self.present.len() - self.described.len());
        let weight_count = self.ranks.len() * described;
        let shape = (described, self.ranks.len());
        let (point_weights, point_rest) = point.split_at(weight_count.min(point.len()));
        let (gradient_weights, gradient_rest) = gradient.split_at_mut(weight_count.min(gradient.len()));
        let Ok(weights) = ArrayView2::from_shape(shape, point_weights) else { return 0.0 };
        let Ok(mut weights_gradient) = ArrayViewMut2::from_shape(shape, gradient_weights) else { return 0.0 };

        for (mut line, rank) in block.ranks.outer_iter_mut().zip(&self.ranks) {
            for (slot, bin) in line.iter_mut().zip(&rank.column[rows.clone()]) {
                *slot = rank.values[usize::from(*bin)];
            }
        }
        let ranks = block.ranks.slice_axis(Axis(1), Slice::from(..rows.len()));
        let mut scores = block.scores.slice_axis_mut(Axis(0), Slice::from(..rows.len()));
        let with_weights = Slice::from(without_weights..);
        scores.fill(0.0);
        let mut weighted = scores.slice_axis_mut(Axis(1), with_weights);
        general_mat_mul(1.0, &ranks.t(), &weights.t(), 0.0, &mut weighted);

        let mut sum = 0.0;
        for (mut scores, row) in scores.outer_iter_mut().zip(rows) {
            let Some(scores) = scores.as_slice_mut() else { continue };
            sum += self.add_row(scores, row, point_rest, gradient_rest);
        }
        let errors = scores.slice_axis(Axis(1), with_weights);
        general_mat_mul(1.0, &errors.t(), &ranks.t(), 1.0, &mut weights_gradient);
        sum
    }

    /// Adds categories and intercepts to a row's scores, turns the scores into errors, adds the gradient of
    /// these weights, and returns the row's loss. `point` and `gradient` begin after the weights of the
    /// ranks.
    #[expect(
        clippy::indexing_slicing,
        reason = "a row of the data, and weights whose places come from its bins and classes"
    )]
    fn add_row(&self, scores: &mut [f64], row: usize, point: &[f64], gradient: &mut [f64]) -> f64 {
        let described = self.described.len();
        let without_weights = self.present.len() - described;
        let start = self.ranks.len() * described;
        let of_bin = |category: &Category<'_>| {
            let bin = usize::from(category.column[row]);
            let first = category.start - start + bin * described;
            first..first + described
        };
        let intercepts = self.intercepts_at() - start..self.intercepts_at() - start + described;
        let parts = || self.categories.iter().map(of_bin).chain([intercepts.clone()]);
        for part in parts() {
            scores
                .iter_mut()
                .skip(without_weights)
                .zip(&point[part])
                .for_each(|(score, weight)| *score += weight);
        }
        let weight = f64::from(self.data.weight(row));
        let label = self.data.labels()[row];
        let loss = weight * errors(scores, self.places[usize::from(label)]);
        scores.iter_mut().for_each(|error| *error *= weight);
        for part in parts() {
            gradient[part]
                .iter_mut()
                .zip(scores.iter().skip(without_weights))
                .for_each(|(sum, error)| *sum += error);
        }
        loss
    }

    /// Writes the weights at a point into a model of the same shape.
    pub(super) fn store(&self, point: &[f64], model: &mut Linear) {
        let (features, classes) = (model.means.len(), model.intercepts.len());
        let mut numbers = point.iter().map(|number| *number as f32);
        for class in self.described {
            for (rank, weight) in self.ranks.iter().zip(&mut numbers) {
                model
                    .weights
                    .iter_mut()
                    .skip(class * features + rank.feature)
                    .take(1)
                    .for_each(|it| *it = weight);
            }
        }
        for category in &mut model.categories {
            for of_bin in category.weights.chunks_exact_mut(classes.max(1)) {
                for (class, weight) in self.described.iter().zip(&mut numbers) {
                    of_bin.iter_mut().skip(*class).take(1).for_each(|it| *it = weight);
                }
            }
        }
        for (class, intercept) in self.described.iter().zip(&mut numbers) {
            model.intercepts.iter_mut().skip(*class).take(1).for_each(|it| *it = intercept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::model::linear::CategoryWeights;
    use crate::train::fit_bins;

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        // Three rows more than a block: a number, a category with missing values, and classes that do not
        // occur.
        let count = BLOCK + 3;
        let value = |row: usize| {
            [(row * row % 7) as f32, if row.is_multiple_of(5) { f32::NAN } else { (row % 3) as f32 }]
        };
        let rows: Vec<f32> = (0..count).flat_map(value).collect();
        for classes in [vec![0, 1, 3], vec![1, 3]] {
            let labels: Vec<usize> =
                (0..count).map(|row| classes[(row * row * row / 5) % classes.len()]).collect();
            let bins = fit_bins(Matrix::new(&rows, 2).unwrap(), 255).unwrap();
            let weights = (0..count).map(|row| (row % 4) as f32 / 2.0).collect();
            let data = Dataset::new(&bins, &rows, &labels, 4).unwrap().with_categories(&[false, true]);
            let data = data.with_weights(weights).unwrap();
            let model = Linear {
                means: vec![3.0, 0.0],
                inverse_deviations: vec![0.5, 0.0],
                weights: vec![0.0; 8],
                categories: vec![CategoryWeights { feature: 1, weights: vec![0.0; 16] }],
                intercepts: vec![0.0; 4],
            };
            let loss = Loss::new(&data, &model, &classes, 2.0);
            let length = loss.start(&data.class_weights()).len();
            assert_eq!(length, if classes.len() == 3 { 3 * (1 + 4 + 1) } else { 1 + 4 + 1 });
            let point: Vec<f64> = (0..length).map(|n| (n * 7 % 5) as f64 / 4.0 - 0.5).collect();
            let (_, gradient) = loss.at(&point);
            for position in 0..length {
                let moved = |step: f64| {
                    let mut point = point.clone();
                    point[position] += step;
                    loss.at(&point).0
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((difference - gradient[position]).abs() < 1e-8, "{position}: {difference}");
            }
        }
    }
}
