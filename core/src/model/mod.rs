//! Models: bins, the two kinds of model over them, their calibration, and the bundle that carries everything
//! a scorer needs.

pub mod bins;
pub mod calibration;
pub mod contributions;
pub mod forest;
pub mod linear;
pub(crate) mod softmax;

use serde::{Deserialize, Serialize};

use crate::decode::memory::Memory;
use crate::matrix::Matrix;
use contributions::Contributions;
use forest::{BinSet, Forest, ForestCode, Link, Scratch};
use linear::Linear;

/// A trained model: reads a row of bins, gives a probability for each class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Model {
    /// Trees.
    Forest(Forest),
    /// Multinomial logistic regression.
    Linear(Linear),
}

/// A model as it is stored.
#[derive(Deserialize)]
pub(crate) enum ModelCode<'f> {
    #[serde(borrow)]
    Forest(ForestCode<'f>),
    Linear(Linear),
}

impl ModelCode<'_> {
    pub(crate) fn model(self, memory: &Memory) -> Result<Model, String> {
        match self {
            Self::Forest(code) => code.forest(memory).map(Model::Forest),
            Self::Linear(linear) => Ok(Model::Linear(linear)),
        }
    }
}

impl Model {
    /// How many classes it knows.
    pub fn class_count(&self) -> usize {
        match self {
            Model::Forest(forest) => forest.class_count(),
            Model::Linear(linear) => linear.class_count(),
        }
    }

    /// Probabilities for one row of bins, written over `probabilities` (one a class; they sum to 1).
    pub fn predict(&self, bins: &[u8], scratch: &mut Scratch, probabilities: &mut [f32]) {
        match self {
            Model::Forest(forest) => forest.predict(bins, scratch, probabilities),
            Model::Linear(linear) => linear.predict(bins, probabilities),
        }
    }

    /// Probabilities for many rows, to the same bits. The bins stand feature by feature, a column a row; the
    /// probabilities are written row by row.
    pub(crate) fn predict_block(
        &self,
        bins: Matrix<'_, u8>,
        scratch: &mut Scratch,
        probabilities: &mut [f32],
    ) {
        match self {
            Model::Forest(forest) => forest.predict_block(bins, scratch, probabilities),
            Model::Linear(linear) => {
                let mut row = Vec::new();
                let rows = bins.columns().zip(probabilities.chunks_exact_mut(linear.class_count()));
                for (bins, probabilities) in rows {
                    row.clear();
                    row.extend(bins);
                    linear.predict(&row, probabilities);
                }
            }
        }
    }

    /// For each feature, the bins that the model tells from the ones before them.
    pub(crate) fn told_apart(&self, feature_count: usize) -> Vec<BinSet> {
        match self {
            Model::Forest(forest) => forest.told_apart(feature_count),
            Model::Linear(_) => {
                let mut all = BinSet::default();
                (0..=u8::MAX).for_each(|bin| all.insert(bin));
                vec![all; feature_count]
            }
        }
    }

    /// What each feature contributes to these classes' outputs, from the bins of a row and of a reference
    /// row.
    pub(crate) fn contributions(
        &self,
        row: &[u8],
        reference: &[u8],
        classes: &[usize],
    ) -> Option<Contributions> {
        match self {
            Model::Forest(forest) => Some(forest.contributions(row, reference, classes)),
            Model::Linear(linear) => linear.contributions(row, reference, classes),
        }
    }

    /// Whether what it adds up are the classes' scores, and not their probabilities.
    pub fn adds_scores(&self) -> bool {
        match self {
            Model::Forest(forest) => *forest.link() != Link::Mean,
            Model::Linear(_) => true,
        }
    }

    /// Checks that the model fits `feature_count` features with these bins and `class_count` classes.
    pub(crate) fn check(&self, bins: &bins::Bins, class_count: usize) -> Result<(), String> {
        if self.class_count() != class_count {
            return Err(format!("the model has {} classes, the schema {class_count}", self.class_count()));
        }
        match self {
            Model::Forest(forest) => forest.check(bins),
            Model::Linear(linear) => linear.check(bins),
        }
    }
}
