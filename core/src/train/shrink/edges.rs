//! Drops the bin edges that no split separates by. It changes no probability, not even in its last bit.

use crate::Error;
use crate::model::bins::{Bins, MAX_BINS, MISSING_BIN};
use crate::model::forest::{BinSet, Forest, Link, Tree, TreeNode};

/// So many neighbours of a leaf's value are tried, on either side.
const NUDGES: i32 = 12;

/// The bins and forest without the edges that no split needs. Where the forest can't be written down again with the very
/// leaves that it has, it stays as it is, with its edges.
///
/// # Errors
/// Where the forest does not fit the bins.
pub fn drop_unused_edges(bins: &Bins, forest: &Forest) -> Result<(Bins, Forest), Error> {
    let mut trees: Vec<Tree> = forest.trees().collect();
    let fewer = compact_edges(bins, &mut trees)?;
    let rebuilt = if fewer == *bins { None } else { with_same_leaves(forest, trees)? };
    Ok(rebuilt.map_or_else(|| (bins.clone(), forest.clone()), |forest| (fewer, forest)))
}

/// The bins without the edges that no split needs; the splits are changed to fit them.
///
/// # Errors
/// Where a split is of a feature that the bins do not have.
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

/// Marks the edges on whose sides a split sends values different ways. The n-th edge (from 0) lies above the bin n + 1.
fn mark_used(node: &TreeNode, used: &mut [bool]) {
    for (used, bin) in used.iter_mut().zip(1u8..) {
        *used |= node.goes_right(bin) != node.goes_right(bin.saturating_add(1));
    }
}

/// The new number of each bin, from that of missing values on.
fn renumbered(used: &[bool]) -> Vec<u8> {
    let mut bins = vec![MISSING_BIN, MISSING_BIN + 1];
    for used in used {
        bins.push(bins.last().copied().unwrap_or_default() + u8::from(*used));
    }
    bins
}

fn with_bins(node: &TreeNode, bins: &[u8]) -> TreeNode {
    // A threshold beyond the last bin separates as one at the last bin does.
    let bin = |old: u8| bins.get(usize::from(old)).or(bins.last()).copied().unwrap_or_default();
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

/// A forest of these trees whose leaves are, to the last bit, those of another. What is stored are steps between each
/// class's least and greatest leaf, and the greatest is itself rounded to a step: so a neighbour of it is looked for that
/// gives the same steps again.
fn with_same_leaves(forest: &Forest, trees: Vec<Tree>) -> Result<Option<Forest>, Error> {
    let class_count = forest.class_count().max(1);
    let mut settled: Vec<Option<i32>> = vec![None; class_count];
    let tried = (0..=NUDGES).flat_map(|nudge| [nudge, -nudge]);
    let classes = Classes { one_a_tree: *forest.link() != Link::Mean, class_count };
    let greatest = classes.greatest(&trees);
    for nudge in tried {
        let mut nudged = trees.clone();
        classes.each_leaf(&mut nudged, |class, value| {
            let own = settled.get(class).copied().flatten().unwrap_or(nudge);
            if greatest.get(class) == Some(value) {
                *value = neighbour(*value, own);
            }
        });
        let rebuilt = Forest::new(forest.class_count(), forest.link().clone(), &nudged);
        let rebuilt = rebuilt.map_err(Error::Training)?;
        let mut same = vec![true; class_count];
        let mut stored: Vec<Tree> = rebuilt.trees().collect();
        let mut expected = trees.iter().flat_map(|tree| &tree.leaves);
        classes.each_leaf(&mut stored, |class, value| {
            let is_same = expected.next().is_some_and(|expected| expected.to_bits() == value.to_bits());
            same.get_mut(class).into_iter().for_each(|slot| *slot &= is_same);
        });
        if same.iter().all(|same| *same) {
            return Ok(Some(rebuilt));
        }
        for (settled, same) in settled.iter_mut().zip(same) {
            if same && settled.is_none() {
                *settled = Some(nudge);
            }
        }
    }
    Ok(None)
}

/// Which class a leaf's values are of.
struct Classes {
    /// Whether a tree is of one class (n modulo their number), rather than a leaf of all.
    one_a_tree: bool,
    class_count: usize,
}

impl Classes {
    fn each_leaf(&self, trees: &mut [Tree], mut visit: impl FnMut(usize, &mut f32)) {
        for (position, tree) in trees.iter_mut().enumerate() {
            for (place, value) in tree.leaves.iter_mut().enumerate() {
                visit(if self.one_a_tree { position } else { place } % self.class_count, value);
            }
        }
    }

    fn greatest(&self, trees: &[Tree]) -> Vec<f32> {
        let mut greatest = vec![f32::NEG_INFINITY; self.class_count];
        self.each_leaf(&mut trees.to_vec(), |class, value| {
            greatest.get_mut(class).into_iter().for_each(|slot| *slot = slot.max(*value));
        });
        greatest
    }
}

/// The number so many places further up, or down.
fn neighbour(value: f32, places: i32) -> f32 {
    let step = |value: f32| if places > 0 { value.next_up() } else { value.next_down() };
    (0..places.abs()).fold(value, |value, _| step(value))
}
