//! Models: bins, the two kinds of model over them, and their calibration.

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

/// A trained model: maps a row of bins to a probability for each class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Model {
    /// Trees.
    Forest(Forest),
    /// Multinomial logistic regression.
    Linear(Linear),
}

/// A model as stored.
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
    /// The number of classes.
    pub fn class_count(&self) -> usize {
        match self {
            Model::Forest(forest) => forest.class_count(),
            Model::Linear(linear) => linear.class_count(),
        }
    }

    /// Writes the probabilities for one row of bins to `probabilities`, one per class; they sum to 1.
    pub fn predict(&self, bins: &[u8], scratch: &mut Scratch, probabilities: &mut [f32]) {
        match self {
            Model::Forest(forest) => forest.predict(bins, scratch, probabilities),
            Model::Linear(linear) => linear.predict(bins, probabilities),
        }
    }

    /// Writes the probabilities for many rows, with the same bits as row by row. `bins` has one row per
    /// feature and one column per row; the probabilities are written row by row.
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

    /// For each feature, the bins that the model distinguishes from the bin before.
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

    /// The contributions of each feature to the outputs of some classes, from the bins of a row and of a
    /// reference row. Classes that the model does not have are left out; `None` if the bins do not fit the
    /// model.
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

    /// Whether its outputs are class scores rather than probabilities.
    pub fn adds_scores(&self) -> bool {
        match self {
            Model::Forest(forest) => *forest.link() != Link::Mean,
            Model::Linear(_) => true,
        }
    }

    /// Checks that the model fits these bins and `class_count` classes.
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
