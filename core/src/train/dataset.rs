//! Training rows, binned: one column of small integers per feature, and a label and a weight per row.

use rayon::prelude::*;

use crate::Error;
use crate::matrix::{Column, Matrix};
use crate::model::bins::Bins;

/// Binned rows with their labels.
#[derive(Debug, Clone)]
pub struct Dataset {
    bins: Bins,
    /// For each feature, the bin of each row.
    columns: Vec<Vec<u8>>,
    labels: Vec<u8>,
    class_count: usize,
    /// The weight of each row; without weights, each row counts 1.
    weights: Option<Vec<f32>>,
    /// For each feature, whether it is a category, whose codes have no meaningful order.
    categories: Vec<bool>,
}

impl Dataset {
    /// Bins rows stored one after the other, one value per feature.
    ///
    /// # Errors
    /// If there are no rows, or rows and labels do not fit each other.
    pub fn new(bins: &Bins, rows: &[f32], labels: &[usize], class_count: usize) -> Result<Self, Error> {
        let width = bins.feature_count();
        if labels.is_empty() || width == 0 {
            return Err(Error::Training("there are no rows or no features to learn from".into()));
        }
        if rows.len() != labels.len() * width || u32::try_from(labels.len()).is_err() {
            return Err(Error::RowLength { expected: labels.len() * width, actual: rows.len() });
        }
        let of_features: Vec<Column<'_, f32>> = Matrix::new(rows, width)?.columns().collect();
        let small = |label: &usize| u8::try_from(*label).ok().filter(|_| *label < class_count);
        let labels: Option<Vec<u8>> = labels.iter().map(small).collect();
        let labels =
            labels.ok_or_else(|| Error::Training(format!("a label is not one of {class_count} classes")))?;
        let columns = of_features
            .into_par_iter()
            .enumerate()
            .map(|(feature, values)| values.map(|value| bins.bin(feature, value)).collect())
            .collect();
        Ok(Self {
            bins: bins.clone(),
            columns,
            labels,
            class_count,
            weights: None,
            categories: vec![false; width],
        })
    }

    /// Weights the rows: a row of weight 2 counts as two equal rows.
    ///
    /// # Errors
    /// Unless there is a finite weight of at least 0 for each row, and one above 0.
    pub fn with_weights(mut self, weights: Vec<f32>) -> Result<Self, Error> {
        let sound = |weight: &f32| weight.is_finite() && *weight >= 0.0;
        if weights.len() != self.row_count() || !weights.iter().all(sound) {
            return Err(Error::Training(
                "weights are not one finite number of at least 0 for each row".into(),
            ));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(Error::Training("every row has the weight 0".into()));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// Balances the classes, on top of the rows' own weights: each row is multiplied by the mean class weight
    /// divided by the weight of its class.
    #[expect(clippy::indexing_slicing, reason = "every label is one of the classes")]
    pub fn with_balanced_classes(mut self) -> Self {
        let of_classes = self.class_weights();
        let present = of_classes.iter().filter(|weight| **weight > 0.0).count();
        let mean = of_classes.iter().sum::<f64>() / present.max(1) as f64;
        let factors: Vec<f32> = of_classes
            .iter()
            .map(|weight| if *weight > 0.0 { (mean / weight) as f32 } else { 0.0 })
            .collect();
        let weight = |(row, label): (usize, &u8)| self.weight(row) * factors[usize::from(*label)];
        self.weights = Some(self.labels.iter().enumerate().map(weight).collect());
        self
    }

    /// Declares which features are categories, in feature order; others are numbers.
    pub fn with_categories(mut self, categories: &[bool]) -> Self {
        for (slot, category) in self.categories.iter_mut().zip(categories) {
            *slot = *category;
        }
        self
    }

    /// The bins of the features.
    pub fn bins(&self) -> &Bins {
        &self.bins
    }

    /// For each feature, the bin of each row.
    pub(super) fn columns(&self) -> &[Vec<u8>] {
        &self.columns
    }

    /// The class of each row.
    pub(super) fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The weight of each row, if rows are weighted.
    pub(super) fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The weight of a row.
    #[expect(clippy::indexing_slicing, reason = "there is a weight for each row")]
    pub(super) fn weight(&self, row: usize) -> f32 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// For each feature, whether it is a category.
    pub(super) fn categories(&self) -> &[bool] {
        &self.categories
    }

    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.labels.len()
    }

    /// The number of classes, including those that do not occur.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// The total weight of each class.
    pub fn class_weights(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.class_count];
        for (row, label) in self.labels.iter().enumerate() {
            if let Some(sum) = sums.get_mut(usize::from(*label)) {
                *sum += f64::from(self.weight(row));
            }
        }
        sums
    }

    /// The number of rows of each class.
    pub fn class_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.class_count];
        for label in &self.labels {
            if let Some(count) = counts.get_mut(usize::from(*label)) {
                *count += 1;
            }
        }
        counts
    }
}
