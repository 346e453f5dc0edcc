//! What is left of a forest.

use serde::Serialize;

/// How much of a forest is left. Shares rather than numbers or costs, so that it means the same for two
/// forests that learned from different rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recipe {
    /// The share of the trees that stay, above 0 and at most 1: the first ones, in boosting whole rounds.
    pub trees: f64,
    /// The share of those trees' leaves that stay, of 0 to 1; each tree keeps at least one.
    pub leaves: f64,
    /// To how many steps the leaves' values are rounded.
    pub leaf_steps: u16,
}

/// What a step takes away.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Trees,
    Leaves,
    LeafSteps,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Trees, Self::Leaves, Self::LeafSteps];
}

/// A step leaves this share of the trees or leaves.
const STEP: f64 = 0.9;
/// No fewer trees or leaves are tried.
const LEAST: f64 = 0.01;
/// 255 steps are the most that a byte holds. Below seven the sign of a boosted leaf is hardly told.
const LEAF_STEPS: [u16; 6] = [255, 127, 63, 31, 15, 7];

impl Recipe {
    /// Everything stays.
    pub const WHOLE: Self = Self { trees: 1.0, leaves: 1.0, leaf_steps: u16::MAX };

    /// One step smaller in a way; nothing where that is at its end.
    pub(super) fn smaller(&self, way: Way) -> Option<Self> {
        let less = |share: f64| Some(share * STEP).filter(|share| *share >= LEAST);
        match way {
            Way::Trees => less(self.trees).map(|trees| Self { trees, ..*self }),
            Way::Leaves => less(self.leaves).map(|leaves| Self { leaves, ..*self }),
            Way::LeafSteps => {
                let steps = LEAF_STEPS.into_iter().find(|steps| *steps < self.leaf_steps);
                steps.map(|leaf_steps| Self { leaf_steps, ..*self })
            }
        }
    }

    /// Half way to a smaller recipe; nothing where only the leaves' steps differ.
    pub fn half_way(&self, other: &Self) -> Option<Self> {
        let half = Self {
            trees: (self.trees + other.trees) / 2.0,
            leaves: (self.leaves + other.leaves) / 2.0,
            leaf_steps: self.leaf_steps.min(other.leaf_steps),
        };
        (half != *self && half != *other).then_some(half)
    }
}
