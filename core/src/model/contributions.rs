//! What each feature contributes to what a model gives a row, against a reference row: exact Shapley values.
//!
//! The game: every feature is a player; a coalition's worth is what the model gives the row in which the
//! features of the coalition are the row's and all others the reference's (interventional, with one reference
//! row). How trees are attributed without going through the coalitions: `forest/shapley.rs`.

/// The parts of a model's outputs that features contribute: for each class, the base and the values of all
/// features sum to the output.
///
/// The outputs of a random forest are its probabilities; those of boosted trees and linear models are the
/// classes' scores, of which the probabilities are the softmax. Both are before calibration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contributions {
    /// The classes, in the order of all that follows.
    pub classes: Vec<usize>,
    /// The outputs for the reference row, one a class.
    pub base: Vec<f64>,
    /// The outputs for the row, one a class.
    pub outputs: Vec<f64>,
    /// Feature by feature, one value a class.
    pub values: Vec<f64>,
}

impl Contributions {
    /// What each feature contributes to a class, feature by feature; nothing where the class is not among
    /// those computed.
    pub fn of(&self, class: usize) -> impl Iterator<Item = f64> {
        let place = self.classes.iter().position(|other| *other == class);
        let rows = self.values.chunks_exact(self.classes.len().max(1));
        rows.filter_map(move |values| values.get(place?).copied())
    }
}
