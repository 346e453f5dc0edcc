//! The best split of a leaf, found in its histogram.

use super::BoostParams;
use super::gradients::Pair;
use super::histogram::FeatureSums;
use crate::model::bins::MISSING_BIN;
use crate::model::forest::{BinSet, TreeNode};

/// Smoothing of categories while they are sorted by effect: this much second derivative with no first
/// derivative is added to each, so that rare categories are drawn towards no effect.
const CATEGORY_SMOOTHING: f64 = 10.0;
/// Added to the L2 penalty of splits of categories, because there are many more ways to split these.
const CATEGORY_L2: f64 = 10.0;

/// A split of a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    pub(super) node: TreeNode,
    /// The decrease of the penalised loss, times two, in units of the derivatives' scale.
    pub(super) gain: f64,
    /// The sums of the rows that go left.
    pub(super) left: Pair,
}

/// Penalties and limits in units of the derivatives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    l1: f64,
    l2: f64,
    category_l2: f64,
    category_smoothing: f64,
    least_weight: f64,
}

impl Rules {
    /// The rules for derivatives in which `scale` represents 1.
    pub(super) fn new(params: &BoostParams, scale: f64) -> Self {
        Self {
            l1: params.reg_alpha * scale,
            l2: params.reg_lambda * scale,
            category_l2: (params.reg_lambda + CATEGORY_L2) * scale,
            category_smoothing: CATEGORY_SMOOTHING * scale,
            // No side may be empty, even if any weight is allowed.
            least_weight: (params.min_child_weight * scale).max(1.0),
        }
    }

    /// The leaf value that minimises the loss: −G / (H + λ), with G drawn to 0 by the L1 penalty.
    pub(super) fn leaf_value(&self, sums: Pair) -> f64 {
        let weight = sums.second() + self.l2;
        if weight > 0.0 { -self.shrink(sums.first()) / weight } else { 0.0 }
    }

    fn shrink(&self, first: f64) -> f64 {
        if self.l1 == 0.0 { first } else { (first.abs() - self.l1).max(0.0).copysign(first) }
    }

    /// The loss saved by the optimal leaf value, times two.
    fn saved(&self, sums: Pair, l2: f64) -> f64 {
        let first = self.shrink(sums.first());
        first * first / (sums.second() + l2)
    }

    /// The loss saved by two leaves, times two; `None` if one has too little weight.
    fn saved_by(&self, left: Pair, right: Pair, l2: f64) -> Option<f64> {
        let (left_weight, right_weight) = (left.second(), right.second());
        if left_weight < self.least_weight || right_weight < self.least_weight {
            return None;
        }
        let (left, right) = (self.shrink(left.first()), self.shrink(right.first()));
        let (left_weight, right_weight) = (left_weight + l2, right_weight + l2);
        // One division instead of two.
        Some((left * left * right_weight + right * right * left_weight) / (left_weight * right_weight))
    }

    /// The best split of a number: a threshold, and the side to which missing values go.
    pub(super) fn best_threshold(&self, feature: u16, sums: &FeatureSums, total: Pair) -> Option<Split> {
        let [missing, known @ ..] = sums;
        let without_split = self.saved(total, self.l2);
        let mut best: Option<Split> = None;
        let has_missing = *missing != Pair::default();
        let mut try_split = |threshold: u8, missing_right: bool, left: Pair| {
            let Some(saved) = self.saved_by(left, total.less(left), self.l2) else { return };
            let gain = saved - without_split;
            if gain > best.as_ref().map_or(0.0, |best| best.gain) {
                let node = TreeNode::Split { feature, threshold, missing_right };
                best = Some(Split { node, gain, left });
            }
        };
        // Only missing values on the right is a split too; on the left it would be the same one.
        let (mut low, mut below) = (None, Pair::default());
        for (bin, sum) in (1..=u8::MAX).zip(known).filter(|(_, sum)| **sum != Pair::default()) {
            if let Some(low) = low {
                // Halfway between two bins that have rows here.
                let threshold = low + (bin - low) / 2;
                if has_missing {
                    try_split(threshold, true, below);
                    let mut left = below;
                    left.add(*missing);
                    try_split(threshold, false, left);
                } else {
                    // If no row here is missing, missing values go with the greater weight.
                    try_split(threshold, 2.0 * below.second() < total.second(), below);
                }
            }
            below.add(*sum);
            low = Some(bin);
        }
        if let Some(low) = low.filter(|_| has_missing) {
            try_split(low, true, below);
        }
        best
    }

    /// The best split of a category: categories sorted by their leaf values, divided at one point (Fisher,
    /// 1958). Missing is a category like others; categories without rows here go right.
    pub(super) fn best_set(&self, feature: u16, sums: &FeatureSums, total: Pair) -> Option<Split> {
        let effect = |sum: &Pair| sum.first() / (sum.second() + self.category_smoothing);
        let mut order: Vec<(f64, u8, Pair)> = (MISSING_BIN..=u8::MAX)
            .zip(sums)
            .filter(|(_, sum)| **sum != Pair::default())
            .map(|(bin, sum)| (effect(sum), bin, *sum))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let without_split = self.saved(total, self.category_l2);
        let (mut left, mut left_bins) = (Pair::default(), BinSet::default());
        let mut best: Option<Split> = None;
        for (_, bin, sum) in &order {
            left.add(*sum);
            left_bins.insert(*bin);
            let Some(saved) = self.saved_by(left, total.less(left), self.category_l2) else { continue };
            let gain = saved - without_split;
            if gain > best.as_ref().map_or(0.0, |best| best.gain) {
                best = Some(Split { node: TreeNode::SetSplit { feature, left: left_bins }, gain, left });
            }
        }
        best
    }
}
