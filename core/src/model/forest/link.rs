//! What a forest's leaves hold, and the limits of a forest's size.

use serde::{Deserialize, Serialize};

use crate::decode::bounded::list;

/// How the leaves that a row reaches become probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Link {
    /// A leaf holds a distribution over the classes; the result is the mean over the trees. A random forest.
    Mean,
    /// A leaf holds one number, which is added to the score of one class: the n-th tree (from 0) belongs to
    /// class n modulo the number of classes. The scores start at these values; the result is their softmax.
    /// Boosted trees.
    Softmax(#[serde(deserialize_with = "list")] Vec<f32>),
}

/// The most trees of a forest.
pub const MAX_TREES: usize = 10_000;
/// The most splits on a path from the root to a leaf; it bounds the time to score a row.
pub const MAX_DEPTH: u32 = 64;
/// The most different sets of a forest.
pub const MAX_SETS: usize = 1 << 16;
