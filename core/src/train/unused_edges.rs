//! Drops bin edges at which no split separates. No probability changes, not even in its last bit.

use crate::Error;
use crate::model::bins::{Bins, MAX_BINS, MISSING_BIN};
use crate::model::forest::{BinSet, Forest, Tree, TreeNode};

/// The bins without the edges that no split needs, and the forest over them.
///
/// # Errors
/// If the forest does not fit the bins.
pub fn drop_unused_edges(bins: &Bins, forest: &Forest) -> Result<(Bins, Forest), Error> {
    let mut trees: Vec<Tree> = forest.trees().collect();
    let fewer = compact_edges(bins, &mut trees)?;
    Ok((fewer, forest.with_splits(&trees).map_err(Error::Training)?))
}

/// The bins without the edges that no split needs; the splits are renumbered to fit them.
///
/// # Errors
/// If a split tests a feature that the bins do not have.
pub fn compact_edges(bins: &Bins, trees: &mut [Tree]) -> Result<Bins, Error> {
    let mut used: Vec<Vec<bool>> =
        (0..bins.feature_count()).map(|feature| vec![false; bins.edges(feature).len()]).collect();
    for node in trees.iter().flat_map(|tree| &tree.nodes) {
        if let Some(feature) = node.feature() {
            let used = used.get_mut(usize::from(feature));
            let used = used.ok_or_else(|| Error::Training(format!("a tree splits feature {feature}")))?;
            mark_used(node, used);
        }
    }
    let renumbered: Vec<Vec<u8>> = used.iter().map(|used| renumbered(used)).collect();
    for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
        let of_feature = node.feature().and_then(|feature| renumbered.get(usize::from(feature)));
        if let Some(bins) = of_feature {
            *node = with_bins(node, bins);
        }
    }
    let edges = used.iter().enumerate().map(|(feature, used)| {
        let edges = bins.edges(feature).iter().zip(used);
        edges.filter(|(_, used)| **used).map(|(edge, _)| *edge).collect()
    });
    Bins::new(edges.collect()).map_err(Error::Training)
}

/// Marks the edges that a split separates, i.e. whose two sides go different ways. The n-th edge (from 0) is
/// the upper end of bin n + 1.
fn mark_used(node: &TreeNode, used: &mut [bool]) {
    for (used, bin) in used.iter_mut().zip(1u8..) {
        *used |= node.goes_right(bin) != node.goes_right(bin.saturating_add(1));
    }
}

/// The new number of each bin, starting with the missing bin.
fn renumbered(used: &[bool]) -> Vec<u8> {
    let known = used.iter().scan(MISSING_BIN + 1, |bin, used| {
        *bin += u8::from(*used);
        Some(*bin)
    });
    [MISSING_BIN, MISSING_BIN + 1].into_iter().chain(known).collect()
}

fn with_bins(node: &TreeNode, bins: &[u8]) -> TreeNode {
    // A threshold past the last bin separates like one at the last bin.
    let bin = |old: u8| bins.iter().take(usize::from(old) + 1).next_back().map_or(MISSING_BIN, |bin| *bin);
    match *node {
        TreeNode::Split { feature, threshold, missing_right } => {
            TreeNode::Split { feature, threshold: bin(threshold), missing_right }
        }
        TreeNode::SetSplit { feature, left } => {
            let mut set = BinSet::default();
            let olds = (0..MAX_BINS as u8).zip(bins).filter(|(old, _)| left.contains(*old));
            olds.for_each(|(_, new)| set.insert(*new));
            TreeNode::SetSplit { feature, left: set }
        }
        TreeNode::Leaf => TreeNode::Leaf,
    }
}
