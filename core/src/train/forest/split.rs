//! The best split of some rows by Gini impurity (Breiman et al., 1984).
//!
//! Histogram splitting as in LightGBM (Ke et al., 2017): for each sampled feature, rows are counted once by
//! bin and class, and every split is evaluated on the counts. Sibling histograms are not derived by
//! subtraction: each node samples a few features of its own, of which hardly any was sampled by both its
//! parent and its sibling.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::ValidForestParams;
use super::sample::{Entry, Sample};
use crate::model::bins::MISSING_BIN;
use crate::train::dataset::Dataset;

/// A split of some rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    pub(super) feature: usize,
    /// The greatest bin that goes left.
    pub(super) threshold: u8,
    pub(super) missing_right: bool,
    /// The impurity that it removes, times the rows' weight.
    pub(super) gain: f64,
}

/// The number of features counted in one pass over the rows: while one count waits for the previous one in
/// the same bin, the others proceed.
const TOGETHER: usize = 4;

/// Finds splits; holds the buffers for it.
pub(super) struct SplitFinder<'a> {
    data: &'a Dataset,
    params: &'a ValidForestParams,
    /// The features, in the order of the last sampling.
    features: Vec<usize>,
    histograms: [Histogram; TOGETHER],
    left: Side,
    right: Side,
}

/// Rows counted by bin and class.
struct Histogram {
    class_count: usize,
    /// The weight of each class in each bin.
    counts: Vec<u32>,
    /// Whether a bin has rows.
    seen: [bool; 256],
    /// The bins that have rows, ascending.
    bins: Vec<u8>,
}

/// The rows on one side of a split.
struct Side {
    counts: Vec<u32>,
    total: u32,
    /// Σ counts².
    squares: u64,
}

#[expect(
    clippy::indexing_slicing,
    reason = "rows, labels and bins were validated by Dataset; this is the hot loop"
)]
impl<'a> SplitFinder<'a> {
    pub(super) fn new(data: &'a Dataset, params: &'a ValidForestParams) -> Self {
        let class_count = data.class_count();
        Self {
            data,
            params,
            features: (0..data.columns().len()).collect(),
            histograms: core::array::from_fn(|_| Histogram::new(class_count)),
            left: Side::new(class_count),
            right: Side::new(class_count),
        }
    }

    /// The best split of some rows, given the weight of each class, among sampled features.
    pub(super) fn best(
        &mut self,
        entries: &[Entry],
        counts: &[u32],
        sample: &Sample,
        rng: &mut ChaCha8Rng,
    ) -> Option<Split> {
        let mut best: Option<Split> = None;
        let parent = score(counts);
        // A gain within rounding errors is none.
        let mut least_score = parent * (1.0 + 1e-12);
        let wanted = self.params.features_per_split(self.features.len());
        let (mut tried, mut position) = (0, 0);
        // Features that are constant here do not count as tried, so that a split is found if there is one.
        while tried < wanted && position < self.features.len() {
            let together = TOGETHER.min(wanted - tried).min(self.features.len() - position);
            for slot in position..position + together {
                let sampled = rng.random_range(slot..self.features.len());
                self.features.swap(slot, sampled);
            }
            self.fill(entries, position, together);
            for slot in 0..together {
                self.histograms[slot].find_bins();
                if self.histograms[slot].bins.len() > 1 {
                    tried += 1;
                    let found = self.best_threshold(slot, counts, sample.least_leaf, &mut least_score, rng);
                    if let Some((threshold, missing_right)) = found {
                        let (feature, gain) = (self.features[position + slot], least_score - parent);
                        best = Some(Split { feature, threshold, missing_right, gain });
                    }
                }
                self.histograms[slot].clear();
            }
            position += together;
        }
        best
    }

    /// Fills the histograms of `together` features from a position on.
    fn fill(&mut self, entries: &[Entry], position: usize, together: usize) {
        let Self { histograms: [a, b, c, d], features, data, .. } = self;
        let column = |slot: usize| data.columns()[features[position + slot]].as_slice();
        match together {
            1 => fill([a], [column(0)], entries),
            2 => fill([a, b], [column(0), column(1)], entries),
            3 => fill([a, b, c], [column(0), column(1), column(2)], entries),
            _ => fill([a, b, c, d], [column(0), column(1), column(2), column(3)], entries),
        }
    }

    /// The threshold and direction of missing values with the best score, if it is above `least_score`, which
    /// it then raises.
    fn best_threshold(
        &mut self,
        slot: usize,
        counts: &[u32],
        least: u32,
        least_score: &mut f64,
        rng: &mut ChaCha8Rng,
    ) -> Option<(u8, bool)> {
        let Self { histograms, left, right, params, .. } = self;
        let histogram = &histograms[slot];
        let has_missing = histogram.bins[0] == MISSING_BIN;
        let known = if has_missing { &histogram.bins[1..] } else { &histogram.bins };
        let (low, high) = (*known.first()?, *known.last()?);
        // For extra-trees one threshold is drawn, among those that separate known bins.
        let drawn = (params.0.extra_trees && low < high).then(|| rng.random_range(low..high));
        let mut best = None;
        let directions: &[bool] = if has_missing { &[false, true] } else { &[false] };
        for &missing_right in directions {
            left.clear();
            right.fill(counts);
            if has_missing && !missing_right {
                left.take(right, histogram.of(MISSING_BIN));
            }
            // Only missing values on the right is a split too; on the left it would be the same one.
            for (position, bin) in known.iter().enumerate() {
                left.take(right, histogram.of(*bin));
                let next = known.get(position + 1);
                let threshold = match (next, drawn) {
                    (None, _) if !missing_right => break,
                    (None, _) => *bin,
                    (Some(_), None) => *bin,
                    (Some(next), Some(drawn)) if (*bin..*next).contains(&drawn) => drawn,
                    (Some(_), Some(_)) => continue,
                };
                if left.total < least || right.total < least {
                    continue;
                }
                let score = left.score() + right.score();
                if score > *least_score {
                    *least_score = score;
                    // If no row here is missing, missing values go with the majority.
                    let missing_right = if has_missing { missing_right } else { right.total > left.total };
                    best = Some((threshold, missing_right));
                }
            }
        }
        best
    }
}

/// Counts rows by each of some features.
#[expect(clippy::indexing_slicing, reason = "bins are u8 and labels below class_count; this is the hot loop")]
fn fill<const N: usize>(histograms: [&mut Histogram; N], columns: [&[u8]; N], entries: &[Entry]) {
    let mut histograms =
        histograms.map(|histogram| (&mut histogram.counts, &mut histogram.seen, histogram.class_count));
    for entry in entries {
        for ((counts, seen, class_count), column) in histograms.iter_mut().zip(columns) {
            let bin = usize::from(column[entry.row as usize]);
            seen[bin] = true;
            counts[bin * *class_count + usize::from(entry.label)] += entry.weight;
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "bins are u8 and labels below class_count; this is the hot loop")]
impl Histogram {
    fn new(class_count: usize) -> Self {
        Self { class_count, counts: vec![0; 256 * class_count], seen: [false; 256], bins: Vec::new() }
    }

    /// Finds the bins that have rows.
    fn find_bins(&mut self) {
        self.bins.clear();
        // Most nodes have rows in few bins: eight empty bins are skipped at a time.
        for (seen, first) in self.seen.chunks_exact(8).zip((0..=u8::MAX).step_by(8)) {
            if seen != [false; 8] {
                self.bins.extend((first..=first + 7).filter(|bin| self.seen[usize::from(*bin)]));
            }
        }
    }

    fn of(&self, bin: u8) -> &[u32] {
        &self.counts[usize::from(bin) * self.class_count..][..self.class_count]
    }

    fn clear(&mut self) {
        for bin in &self.bins {
            let bin = usize::from(*bin);
            self.seen[bin] = false;
            self.counts[bin * self.class_count..][..self.class_count].fill(0);
        }
    }
}

impl Side {
    fn new(class_count: usize) -> Self {
        Self { counts: vec![0; class_count], total: 0, squares: 0 }
    }

    fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.squares) = (0, 0);
    }

    fn fill(&mut self, counts: &[u32]) {
        self.counts.copy_from_slice(counts);
        self.total = counts.iter().sum();
        self.squares = squares(counts);
    }

    /// Takes rows over from the other side.
    fn take(&mut self, from: &mut Side, counts: &[u32]) {
        let mut moved = 0;
        for ((own, other), count) in self.counts.iter_mut().zip(&mut from.counts).zip(counts) {
            let wide = u64::from(*count);
            self.squares += wide * (2 * u64::from(*own) + wide);
            from.squares -= wide * (2 * u64::from(*other) - wide);
            *own += count;
            *other -= count;
            moved += count;
        }
        self.total += moved;
        from.total -= moved;
    }

    fn score(&self) -> f64 {
        self.squares as f64 / f64::from(self.total)
    }
}

/// Σ count² / Σ count: the weight of the rows minus their Gini impurity.
fn score(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    squares(counts) as f64 / f64::from(total)
}

fn squares(counts: &[u32]) -> u64 {
    counts.iter().map(|count| u64::from(*count) * u64::from(*count)).sum()
}
