//! The values of a forest's leaves as 16-bit integers.

use serde::{Deserialize, Serialize};

use super::Link;

/// Boosted trees whose scores might grow beyond this are refused: far below what `f32` can hold.
const MAX_SCORE: f64 = 1e30;

/// Values as multiples of a step above a lowest value, both of which each class has for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::model) struct Leaves {
    /// What the code 0 means, for each class; 0 where leaves hold distributions.
    pub(in crate::model) lows: Vec<f32>,
    /// What one step means, for each class.
    pub(in crate::model) steps: Vec<f32>,
    pub(in crate::model) codes: Vec<u16>,
}

impl Leaves {
    /// Rounds the values of leaves, of which each tree has so many, to multiples of a step.
    pub(super) fn encode(
        class_count: usize,
        link: &Link,
        leaf_counts: &[usize],
        values: &[f32],
        steps: u16,
    ) -> Result<Self, String> {
        let greatest = f32::from(steps.max(1));
        let leaf_count: usize = leaf_counts.iter().sum();
        if values.len() != leaf_count * link.values_a_leaf(class_count) {
            return Err("the trees have more or fewer leaves than their splits need".into());
        }
        let sound = |value: &f32| value.is_finite() && (*value >= 0.0 || *link != Link::Mean);
        if !values.iter().all(sound) {
            return Err("a leaf is not a distribution over the classes, or not a finite number".into());
        }
        let start = if *link == Link::Mean { (0.0, 0.0) } else { (f32::INFINITY, f32::NEG_INFINITY) };
        let mut ranges = vec![start; class_count];
        for (class, value) in classes(class_count, link, leaf_counts).zip(values) {
            if let Some((low, high)) = ranges.get_mut(class) {
                (*low, *high) = (low.min(*value), high.max(*value));
            }
        }
        let lows: Vec<f32> = ranges.iter().map(|(low, _)| if low.is_finite() { *low } else { 0.0 }).collect();
        let steps: Vec<f32> = ranges.iter().map(|(low, high)| (high - low).max(0.0) / greatest).collect();
        let code = |(class, value): (usize, &f32)| match (lows.get(class), steps.get(class)) {
            // Ties and overflow don't matter: the value is at most so many steps above the lowest.
            (Some(low), Some(step)) if *step > 0.0 => {
                libm::roundf((value - low) / step).clamp(0.0, greatest) as u16
            }
            _ => 0,
        };
        let codes = classes(class_count, link, leaf_counts).zip(values).map(code).collect();
        Ok(Self { lows, steps, codes })
    }

    /// The rounded values.
    pub(super) fn decode(
        &self,
        class_count: usize,
        link: &Link,
        leaf_counts: &[usize],
    ) -> Result<Vec<f32>, String> {
        let leaf_count: usize = leaf_counts.iter().sum();
        if class_count == 0
            || self.lows.len() != class_count
            || self.steps.len() != class_count
            || Some(self.codes.len()) != leaf_count.checked_mul(link.values_a_leaf(class_count))
        {
            return Err("the leaves do not fit the trees and classes".into());
        }
        self.check_range(class_count, link, leaf_counts.len())?;
        let value = |(class, code): (usize, &u16)| {
            let low = self.lows.get(class).copied().unwrap_or_default();
            low + f32::from(*code) * self.steps.get(class).copied().unwrap_or_default()
        };
        let mut values = Vec::with_capacity(self.codes.len());
        values.extend(classes(class_count, link, leaf_counts).zip(&self.codes).map(value));
        let empty = |leaf: &[f32]| leaf.iter().sum::<f32>() <= 0.0;
        if *link == Link::Mean && values.chunks_exact(class_count).any(empty) {
            return Err("a leaf gives every class the probability 0".into());
        }
        Ok(values)
    }

    fn check_range(&self, class_count: usize, link: &Link, tree_count: usize) -> Result<(), String> {
        match link {
            Link::Mean => {
                let sound = self.lows.iter().all(|low| *low == 0.0)
                    && self.steps.iter().all(|step| (0.0..=1.0).contains(step));
                sound.then_some(()).ok_or_else(|| "the leaves are no distributions".into())
            }
            Link::Softmax(base) => {
                let greatest = |((base, low), step): ((&f32, &f32), &f32)| {
                    let leaf = f64::from(low.abs()) + f64::from(u16::MAX) * f64::from(step.abs());
                    f64::from(base.abs()) + tree_count as f64 * leaf
                };
                // A sum keeps a NaN, a maximum would lose it.
                let greatest: f64 = base.iter().zip(&self.lows).zip(&self.steps).map(greatest).sum();
                let sound = base.len() == class_count
                    && tree_count.is_multiple_of(class_count)
                    && greatest <= MAX_SCORE;
                sound.then_some(()).ok_or_else(|| {
                    "the boosted trees' scores are not finite or do not fit the classes".into()
                })
            }
        }
    }
}

/// The class of each value of the leaves of trees that have so many each.
fn classes<'c>(
    class_count: usize,
    link: &Link,
    leaf_counts: &'c [usize],
) -> Box<dyn Iterator<Item = usize> + 'c> {
    match link {
        Link::Mean => Box::new((0..class_count).cycle()),
        Link::Softmax(_) => Box::new(
            leaf_counts
                .iter()
                .enumerate()
                .flat_map(move |(tree, leaves)| core::iter::repeat_n(tree % class_count.max(1), *leaves)),
        ),
    }
}
