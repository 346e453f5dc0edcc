//! The contribution of each feature to a model's output for a row, relative to a reference row: exact Shapley
//! values.
//!
//! The game: the players are the features; the worth of a coalition is the model's output for the row whose
//! features in the coalition have the row's values and all others the reference's (interventional, with one
//! reference row). `forest/shapley.rs` computes this for trees without enumerating coalitions.

/// A decomposition of a model's outputs: for each class, the base plus the values of all features is the
/// output.
///
/// The outputs of a random forest are its probabilities; those of boosted trees and linear models are the
/// class scores, whose softmax gives the probabilities. Both are before calibration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contributions {
    /// The classes, in the order of all other fields.
    pub classes: Vec<usize>,
    /// The outputs for the reference row, one per class.
    pub base: Vec<f64>,
    /// The outputs for the row, one per class.
    pub outputs: Vec<f64>,
    /// Feature by feature, one value per class.
    pub values: Vec<f64>,
}

impl Contributions {
    /// The contributions to a class, feature by feature; empty if the class was not computed.
    pub fn of(&self, class: usize) -> impl Iterator<Item = f64> {
        let place = self.classes.iter().position(|other| *other == class);
        let rows = self.values.chunks_exact(self.classes.len().max(1));
        rows.filter_map(move |values| values.get(place?).copied())
    }
}
