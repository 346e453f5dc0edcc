//! A forest's trees as plain columns of numbers, for the peers: its splits ask for values rather than bins.
//!
//! Of every node, tree after tree: `feature.i32` (-1: a leaf), `threshold.f32` (a value of at most it goes
//! left) and `left.i32` (the left child's position in its tree; the right one follows it). `nodes.i32` has
//! each tree's number of nodes, `values.f32` what the leaves hold in their order, and `base.f32` where
//! boosted scores start.

use std::path::Path;

use nextbest_bench::shared_task::Failure;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::forest::{Forest, Link, TreeNode};

use super::write;

pub(super) fn write_all(folder: &Path, forest: &Forest, bins: &Bins) -> Result<(), Failure> {
    let (mut nodes, mut features, mut thresholds, mut left) = (vec![], vec![], vec![], vec![]);
    let mut values = Vec::new();
    for tree in forest.trees() {
        nodes.push(i32::try_from(tree.nodes.len())?);
        values.extend(tree.leaves);
        let mut splits = 0;
        for node in tree.nodes {
            match node {
                TreeNode::Split { feature, threshold, .. } => {
                    features.push(i32::from(feature));
                    thresholds.push(greatest_left(bins.edges(feature.into()), threshold));
                    left.push(2 * splits + 1);
                    splits += 1;
                }
                TreeNode::Leaf => {
                    features.push(-1);
                    thresholds.push(0.0);
                    left.push(-1);
                }
                TreeNode::SetSplit { .. } => return Err("a split by a set, which not all peers know".into()),
            }
        }
    }
    let base = match forest.link() {
        Link::Mean => &[],
        Link::Softmax(base) => base.as_slice(),
    };
    write(&folder.join("nodes.i32"), &nodes, i32::to_le_bytes)?;
    write(&folder.join("feature.i32"), &features, i32::to_le_bytes)?;
    write(&folder.join("threshold.f32"), &thresholds, f32::to_le_bytes)?;
    write(&folder.join("left.i32"), &left, i32::to_le_bytes)?;
    write(&folder.join("values.f32"), &values, f32::to_le_bytes)?;
    write(&folder.join("base.f32"), base, f32::to_le_bytes)
}

/// The greatest value in the bins up to a threshold. Bin 1 ends at the first edge; in bin 0 are missing
/// values alone.
fn greatest_left(edges: &[f32], threshold: u8) -> f32 {
    match usize::from(threshold).checked_sub(1) {
        None => f32::NEG_INFINITY,
        Some(edge) => edges.get(edge).copied().unwrap_or(f32::INFINITY),
    }
}
