//! Grows one tree over bins, breadth-first, by Gini impurity.
//!
//! Histogram splitting after LightGBM (Ke et al., 2017): a node counts its rows once for each sampled feature, by bin
//! and class, and reads every split off the counts.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::dataset::Dataset;
use super::forest::ValidForestParams;
use crate::model::bins::MISSING_BIN;
use crate::model::forest::{Tree, TreeNode};

/// A grown tree and what each feature did for it.
pub(super) struct GrownTree {
    pub(super) tree: Tree,
    /// The impurity that each feature's splits removed, weighted by rows.
    pub(super) importance: Vec<f64>,
}

/// Some rows of a tree under construction: a range of the partitioned row list.
struct Node {
    start: usize,
    end: usize,
    depth: u32,
}

struct Split {
    feature: usize,
    threshold: u8,
    missing_right: bool,
    /// Σ class counts² / rows, over both sides.
    score: f64,
}

/// The state of growing one tree.
struct Grower<'a> {
    data: &'a Dataset,
    params: &'a ValidForestParams,
    rng: ChaCha8Rng,
    /// The distinct rows of the bootstrap sample, partitioned as the tree grows.
    rows: Vec<u32>,
    /// How often each row of the data was drawn.
    draws: Vec<u32>,
    /// Class counts by bin: `class_count` counts a bin.
    histogram: Vec<u32>,
    /// The features, in the order in which they were last sampled.
    features: Vec<usize>,
    /// Rows of the node that go right, while it is partitioned.
    right: Vec<u32>,
}

/// Grows a tree on a bootstrap sample of the data, drawn from `rng`.
pub(super) fn grow(data: &Dataset, params: &ValidForestParams, mut rng: ChaCha8Rng) -> GrownTree {
    let row_count = data.row_count();
    let mut draws = vec![0u32; row_count];
    for _ in 0..row_count {
        if let Some(count) = draws.get_mut(rng.random_range(0..row_count)) {
            *count += 1;
        }
    }
    let rows =
        (0..row_count as u32).zip(&draws).filter(|(_, draws)| **draws > 0).map(|(row, _)| row).collect();
    let features: Vec<usize> = (0..data.bins().feature_count()).collect();
    let widest = features.iter().map(|feature| data.bins().count(*feature)).max().unwrap_or_default();
    Grower {
        data,
        params,
        rng,
        rows,
        draws,
        histogram: vec![0; widest * data.class_count()],
        right: Vec::new(),
        features,
    }
    .grow()
}

#[expect(
    clippy::indexing_slicing,
    reason = "rows, labels and bins were validated by Dataset; this is the hot loop"
)]
impl Grower<'_> {
    fn grow(mut self) -> GrownTree {
        let class_count = self.data.class_count();
        let mut tree = Tree::default();
        let mut importance = vec![0.0; self.features.len()];
        let mut queue = std::collections::VecDeque::from([Node { start: 0, end: self.rows.len(), depth: 0 }]);
        let prior = self.class_counts(0, self.rows.len());
        let all: u32 = prior.iter().sum();
        while let Some(node) = queue.pop_front() {
            let counts = self.class_counts(node.start, node.end);
            match self.best_split(&node, &counts) {
                Some(split) => {
                    importance[split.feature] += split.score - score(&counts);
                    let middle = self.partition(&node, &split);
                    tree.nodes.push(TreeNode::Split {
                        feature: split.feature as u16,
                        threshold: split.threshold,
                        missing_right: split.missing_right,
                    });
                    queue.push_back(Node { start: node.start, end: middle, depth: node.depth + 1 });
                    queue.push_back(Node { start: middle, end: node.end, depth: node.depth + 1 });
                }
                None => {
                    tree.nodes.push(TreeNode::Leaf);
                    let total: u32 = counts.iter().sum();
                    let smoothing = self.params.leaf_smoothing();
                    tree.leaves.extend((0..class_count).map(|class| {
                        let prior = f64::from(prior[class]) / f64::from(all);
                        let count = f64::from(counts[class]) + smoothing * prior;
                        (count / (f64::from(total) + smoothing)) as f32
                    }));
                }
            }
        }
        GrownTree { tree, importance }
    }

    fn class_counts(&self, start: usize, end: usize) -> Vec<u32> {
        let mut counts = vec![0; self.data.class_count()];
        for &row in &self.rows[start..end] {
            counts[usize::from(self.data.labels()[row as usize])] += self.draws[row as usize];
        }
        counts
    }

    /// The best split of a node among the sampled features, or `None` where it stays a leaf.
    fn best_split(&mut self, node: &Node, counts: &[u32]) -> Option<Split> {
        let total: u32 = counts.iter().sum();
        let pure = counts.iter().filter(|count| **count > 0).count() < 2;
        if pure || node.depth >= self.params.max_depth() || total < self.params.min_samples_split() {
            return None;
        }
        let mut best: Option<Split> = None;
        let mut features = std::mem::take(&mut self.features);
        let mut tried = 0;
        for position in 0..features.len() {
            // Features that are constant here do not count as tried, so that a split is found where there is one.
            if tried >= self.params.features_per_split(features.len()) {
                break;
            }
            let sampled = self.rng.random_range(position..features.len());
            features.swap(position, sampled);
            let feature = features[position];
            if let Some((low, high)) = self.fill_histogram(node, feature) {
                tried += 1;
                self.scan(feature, low, high, counts, &mut best);
                let class_count = self.data.class_count();
                self.histogram[..class_count].fill(0);
                self.histogram[usize::from(low) * class_count..(usize::from(high) + 1) * class_count].fill(0);
            }
        }
        self.features = features;
        // A split that gains nothing but rounding is none.
        best.filter(|split| split.score > score(counts) * (1.0 + 1e-12))
    }

    /// Counts the node's rows by bin and class. Gives the least and greatest known bin, or `None` (and leaves the
    /// histogram empty) where all rows are in one bin.
    fn fill_histogram(&mut self, node: &Node, feature: usize) -> Option<(u8, u8)> {
        let class_count = self.data.class_count();
        let column = &self.data.columns()[feature];
        let labels = self.data.labels();
        let (mut low, mut high, mut missing) = (u8::MAX, 0u8, false);
        for &row in &self.rows[node.start..node.end] {
            let row = row as usize;
            let bin = column[row];
            if bin == MISSING_BIN {
                missing = true;
            } else {
                low = low.min(bin);
                high = high.max(bin);
            }
            self.histogram[usize::from(bin) * class_count + usize::from(labels[row])] += self.draws[row];
        }
        if low < high || (missing && low == high) {
            return Some((low, high));
        }
        // One bin holds everything; it is the missing one where no known bin was met.
        let only = if missing { MISSING_BIN } else { low };
        self.histogram[usize::from(only) * class_count..(usize::from(only) + 1) * class_count].fill(0);
        None
    }

    /// Tries every threshold between the least and the greatest bin, with missing values on either side.
    fn scan(&self, feature: usize, low: u8, high: u8, counts: &[u32], best: &mut Option<Split>) {
        let class_count = self.data.class_count();
        let bin_counts = |bin: u8| &self.histogram[usize::from(bin) * class_count..][..class_count];
        let missing = bin_counts(MISSING_BIN);
        let missing_total: u32 = missing.iter().sum();
        let total: u32 = counts.iter().sum();
        let least = self.params.min_samples_leaf();
        let directions: &[bool] = if missing_total > 0 { &[false, true] } else { &[false] };
        for &missing_right in directions {
            let mut left = if missing_right { vec![0; class_count] } else { missing.to_vec() };
            let mut left_total = if missing_right { 0 } else { missing_total };
            let mut right: Vec<u32> = counts.iter().zip(&left).map(|(all, left)| all - left).collect();
            // Missing alone on the left is a split too: its threshold lies below every known bin.
            let first = if missing_right || missing_total == 0 { low } else { low - 1 };
            // With missing on the right, everything known may stand on the left.
            let last = if missing_right { high } else { high - 1 };
            for threshold in first..=last {
                if threshold >= low {
                    for ((left, right), count) in left.iter_mut().zip(&mut right).zip(bin_counts(threshold)) {
                        *left += count;
                        *right -= count;
                        left_total += count;
                    }
                }
                let right_total = total - left_total;
                if left_total < least || right_total < least {
                    continue;
                }
                let score = score(&left) + score(&right);
                if best.as_ref().is_none_or(|best| score > best.score) {
                    // Where no row here is missing, a later missing one goes with the majority.
                    let missing_right = missing_right || (missing_total == 0 && right_total > left_total);
                    *best = Some(Split { feature, threshold, missing_right, score });
                }
            }
        }
    }

    /// Moves the rows that go left to the front of the node's range, keeping the order on both sides; gives where the
    /// right ones start.
    fn partition(&mut self, node: &Node, split: &Split) -> usize {
        let column = &self.data.columns()[split.feature];
        let mut middle = node.start;
        self.right.clear();
        for position in node.start..node.end {
            let row = self.rows[position];
            let bin = column[row as usize];
            let goes_right = if bin == MISSING_BIN { split.missing_right } else { bin > split.threshold };
            if goes_right {
                self.right.push(row);
            } else {
                self.rows[middle] = row;
                middle += 1;
            }
        }
        self.rows[middle..node.end].copy_from_slice(&self.right);
        middle
    }
}

/// Σ count² / Σ count: what is left of the rows after their Gini impurity is taken away.
fn score(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    let squares: u64 = counts.iter().map(|count| u64::from(*count) * u64::from(*count)).sum();
    if total == 0 { 0.0 } else { squares as f64 / f64::from(total) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;
    use crate::model::bins::Bins;
    use crate::train::{ForestParams, MaxFeatures};

    const CLASSES: usize = 3;

    /// Rows as the grower sees them: bins, class, how often it was drawn.
    type Rows = Vec<(Vec<u8>, usize, u32)>;

    fn side(rows: &Rows, feature: usize, threshold: u8, missing_right: bool, right: bool) -> Rows {
        let goes_right = |bin: u8| if bin == MISSING_BIN { missing_right } else { bin > threshold };
        rows.iter().filter(|(bins, ..)| goes_right(bins[feature]) == right).cloned().collect()
    }

    fn drawn(rows: &Rows) -> u32 {
        rows.iter().map(|(.., draws)| draws).sum()
    }

    fn shares(rows: &Rows) -> Vec<f64> {
        let of_class = |class| rows.iter().filter(|row| row.1 == class).map(|row| row.2).sum::<u32>();
        (0..CLASSES).map(|class| f64::from(of_class(class)) / f64::from(drawn(rows))).collect()
    }

    /// How many rows' worth of Gini impurity there is.
    fn impurity(rows: &Rows) -> f64 {
        let squares: f64 = shares(rows).iter().map(|share| share * share).sum();
        if rows.is_empty() { 0.0 } else { f64::from(drawn(rows)) * (1.0 - squares) }
    }

    /// The least impurity that any split leaves, and `impurity(rows)` where none is allowed.
    fn least_impurity(rows: &Rows, least: u32) -> f64 {
        let mut best = impurity(rows);
        for feature in 0..rows[0].0.len() {
            for threshold in 0..=u8::MAX {
                for missing_right in [false, true] {
                    let [left, right] =
                        [false, true].map(|right| side(rows, feature, threshold, missing_right, right));
                    if drawn(&left) >= least && drawn(&right) >= least {
                        best = best.min(impurity(&left) + impurity(&right));
                    }
                }
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// With every feature tried at every split, brute force finds nothing better anywhere in the tree.
        #[test]
        fn every_split_is_the_best_there_is(
            values in vec((vec(0..4u8, 2..=2), 0..CLASSES), 2..14),
            min_samples_leaf in 1..4u32,
            min_samples_split in 2..6u32,
            max_depth in 1..4u32,
            leaf_smoothing in 0.0..3.0,
            seed in any::<u64>(),
        ) {
            let bins = Bins::new(vec![vec![1.5, 2.5]; 2]).unwrap();
            // 0 is missing, 1 to 3 are bins.
            let value = |bin: &u8| if *bin == 0 { f32::NAN } else { f32::from(*bin) };
            let rows: Vec<f32> = values.iter().flat_map(|(bins, _)| bins.iter().map(value)).collect();
            let labels: Vec<usize> = values.iter().map(|(_, label)| *label).collect();
            let data = Dataset::new(&bins, &rows, &labels, CLASSES).unwrap();
            let params = ForestParams {
                trees: 1,
                max_depth,
                min_samples_split,
                min_samples_leaf,
                max_features: MaxFeatures::Share(1.0),
                leaf_smoothing,
                seed,
            };
            let rng = || ChaCha8Rng::seed_from_u64(seed);
            let grown = grow(&data, &params.clone().check().unwrap(), rng());

            // The bootstrap sample is the first that is drawn.
            let mut draws = vec![0; values.len()];
            let mut rng = rng();
            values.iter().for_each(|_| draws[rng.random_range(0..values.len())] += 1);
            let sample: Rows =
                values.iter().zip(draws).map(|((bins, label), draws)| (bins.clone(), *label, draws)).collect();
            let sample: Rows = sample.into_iter().filter(|row| row.2 > 0).collect();
            let prior = shares(&sample);

            let mut importance = vec![0.0; 2];
            let mut nodes = vec![(sample, 0)];
            let mut leaves = grown.tree.leaves.chunks(CLASSES);
            for (position, node) in grown.tree.nodes.iter().enumerate() {
                let (rows, depth) = nodes[position].clone();
                let least = least_impurity(&rows, min_samples_leaf);
                match *node {
                    TreeNode::Split { feature, threshold, missing_right } => {
                        let feature = usize::from(feature);
                        let [left, right] =
                            [false, true].map(|right| side(&rows, feature, threshold, missing_right, right));
                        prop_assert!(drawn(&left) >= min_samples_leaf && drawn(&right) >= min_samples_leaf);
                        prop_assert!((impurity(&left) + impurity(&right) - least).abs() < 1e-9);
                        if rows.iter().all(|(bins, ..)| bins[feature] != MISSING_BIN) {
                            prop_assert_eq!(missing_right, drawn(&right) > drawn(&left));
                        }
                        importance[feature] += impurity(&rows) - least;
                        nodes.extend([(left, depth + 1), (right, depth + 1)]);
                    }
                    TreeNode::Leaf => {
                        let forced = depth >= max_depth || drawn(&rows) < min_samples_split;
                        prop_assert!(forced || least > impurity(&rows) - 1e-9, "a split was missed");
                        let total = f64::from(drawn(&rows));
                        for ((actual, share), prior) in leaves.next().unwrap().iter().zip(shares(&rows)).zip(&prior) {
                            let expected = (share * total + leaf_smoothing * prior) / (total + leaf_smoothing);
                            prop_assert!((f64::from(*actual) - expected).abs() < 1e-6);
                        }
                    }
                }
            }
            prop_assert_eq!(nodes.len(), grown.tree.nodes.len());
            prop_assert!(leaves.next().is_none());
            for (actual, expected) in grown.importance.iter().zip(importance) {
                prop_assert!((actual - expected).abs() < 1e-9);
            }
        }
    }
}
