//! What all parts of a forest go by: what its leaves hold, and how large it may be.

use serde::{Deserialize, Serialize};

use crate::decode::bounded::list;

/// How the leaves of a row become its probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Link {
    /// A leaf holds a distribution over the classes; the answer is the mean of the trees'. A random forest.
    Mean,
    /// A leaf holds one number, which is added to the score of one class: the n-th tree (from 0) is of class
    /// n modulo the number of classes. The scores start at these, and the answer is their softmax. Boosted
    /// trees.
    Softmax(#[serde(deserialize_with = "list")] Vec<f32>),
}

/// No forest has more trees.
pub const MAX_TREES: usize = 10_000;
/// No way from a root to a leaf has more splits: scoring a row takes no longer than this warrants.
pub const MAX_DEPTH: u32 = 64;
/// No forest has more different sets.
pub const MAX_SETS: usize = 1 << 16;
