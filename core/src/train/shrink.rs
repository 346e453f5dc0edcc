//! Makes a trained forest smaller, at the least cost.
//!
//! What is left of it is said by a [`Recipe`]: which share of its trees, which share of their leaves, and how
//! finely leaves are rounded. A recipe is searched ([`search()`]) on a forest that did not learn from the
//! rows that judge it, and then applied to the final one, which did: the log-loss is honest, and the size is
//! that of what is shipped. [`drop_unused_edges`] costs nothing and is done to every forest.

mod edges;
mod judge;
mod prune;
mod recipe;
mod search;
mod walk;
mod weigh;

pub use edges::{compact_edges, drop_unused_edges};
pub use judge::Judge;
pub use prune::{Prunable, Pruned};
pub use recipe::Recipe;
pub use search::{Point, Sizes, frontier, search};

use crate::model::forest::Link;

/// How many values a leaf has.
fn values_a_leaf(link: &Link, class_count: usize) -> usize {
    match link {
        Link::Mean => class_count.max(1),
        Link::Softmax(_) => 1,
    }
}
