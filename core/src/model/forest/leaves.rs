//! The values of a forest's leaves as small integers.
//!
//! Scoring adds integers and multiplies once, at the end. So sums do not depend on the order in which trees
//! are walked, and every way of walking gives the same bits.

use super::Link;

/// The limit of boosted trees' scores: forests that could exceed it are refused. It is far below the range of
/// `f32`.
const MAX_SCORE: f64 = 1e30;

/// Codes added per step. As much padding follows the last code, so that reads of full width stay in bounds.
pub(super) const LANES: usize = 8;

/// Leaf values as multiples of a step above a lowest value, both per class.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct Leaves {
    /// The value of code 0, by class; 0 if leaves hold distributions.
    pub(in crate::model) lows: Vec<f32>,
    /// The value of one step, by class.
    pub(in crate::model) steps: Vec<f32>,
    pub(in crate::model) codes: Codes,
}

/// The codes, leaf after leaf: one per class, or a single one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) enum Codes {
    /// No code is above 255.
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Codes {
    /// Stores codes in bytes if they fit.
    pub(in crate::model) fn new(codes: Vec<u16>) -> Self {
        match codes.iter().all(|code| *code <= 255) {
            true => Codes::Bytes(codes.iter().map(|code| *code as u8).collect()),
            false => Codes::Words(codes),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Codes::Bytes(codes) => codes.len(),
            Codes::Words(codes) => codes.len(),
        }
    }

    pub(super) fn get(&self, position: usize) -> u16 {
        debug_assert!(position < self.len(), "a code behind the last");
        match self {
            Codes::Bytes(codes) => codes.get(position).map_or(0, |code| u16::from(*code)),
            Codes::Words(codes) => codes.get(position).copied().unwrap_or_default(),
        }
    }

    pub(super) fn resize(&mut self, length: usize) {
        match self {
            Codes::Bytes(codes) => {
                codes.reserve_exact(length.saturating_sub(codes.len()));
                codes.resize(length, 0);
            }
            Codes::Words(codes) => {
                codes.reserve_exact(length.saturating_sub(codes.len()));
                codes.resize(length, 0);
            }
        }
    }
}

/// Adds the codes of a leaf, starting at a position, to the classes' sums, in groups of [`LANES`]; sums past
/// the last class collect meaningless values.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "constant bounds, as the compiler proves: all lanes become one addition"
)]
pub(super) fn add<C: Copy + Into<u32>>(codes: &[C], start: usize, sums: &mut [[u32; LANES]]) {
    debug_assert!(start < codes.len(), "a leaf behind the last");
    let mut rest = codes.get(start..).unwrap_or_default();
    for sums in sums {
        let Some((codes, behind)) = rest.split_first_chunk::<LANES>() else { return };
        for lane in 0..LANES {
            sums[lane] = sums[lane].wrapping_add(codes[lane].into());
        }
        rest = behind;
    }
}

impl Leaves {
    /// Rounds the leaf values of trees, given their numbers of leaves, to multiples of a step.
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
        // The rounding error of a class's value is carried to its value in the next leaf, so that errors do
        // not add up over many trees: many small probabilities would all become 0.
        let mut carried = vec![0.0; class_count];
        let mut codes = Vec::with_capacity(values.len());
        for (class, value) in classes(class_count, link, leaf_counts).zip(values) {
            let (Some(low), Some(step), Some(carried)) =
                (lows.get(class), steps.get(class), carried.get_mut(class))
            else {
                continue;
            };
            let exact = if *step > 0.0 { (value - low) / step + *carried } else { 0.0 };
            let code = libm::roundf(exact).clamp(0.0, greatest);
            *carried = (exact - code).clamp(-0.5, 0.5);
            codes.push(code as u16);
        }
        if *link == Link::Mean {
            keep_greatest(class_count, values, &mut codes);
        }
        Ok(Self { lows, steps, codes: Codes::new(codes) })
    }

    /// Checks that the codes fit the trees, and that the probabilities of every row are defined.
    pub(super) fn check(
        &self,
        class_count: usize,
        link: &Link,
        tree_count: usize,
        leaf_count: usize,
    ) -> Result<(), String> {
        if class_count == 0
            || self.lows.len() != class_count
            || self.steps.len() != class_count
            || Some(self.codes.len()) != leaf_count.checked_mul(link.values_a_leaf(class_count))
        {
            return Err("the leaves do not fit the trees and classes".into());
        }
        self.check_range(class_count, link, tree_count)?;
        if *link == Link::Mean {
            let counts: Vec<bool> = self.steps.iter().map(|step| *step > 0.0).collect();
            let empty = match &self.codes {
                Codes::Bytes(codes) => {
                    codes.chunks_exact(class_count).fold(false, |any, leaf| any | is_empty(leaf, &counts))
                }
                Codes::Words(codes) => {
                    codes.chunks_exact(class_count).fold(false, |any, leaf| any | is_empty(leaf, &counts))
                }
            };
            if empty {
                return Err("a leaf gives every class the probability 0".into());
            }
        }
        Ok(())
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

    /// The value of a class's code.
    pub(super) fn value(&self, class: usize, code: u32) -> f32 {
        match (self.lows.get(class), self.steps.get(class)) {
            (Some(low), Some(step)) => low + code as f32 * step,
            _ => 0.0,
        }
    }
}

/// Branchless: the position of the first code above 0 is unpredictable.
fn is_empty<C: Copy + Into<u32>>(leaf: &[C], counts: &[bool]) -> bool {
    leaf.iter().zip(counts).fold(0, |any, (code, counts)| any | ((*code).into() * u32::from(*counts))) == 0
}

/// In a distribution over very many classes all values may be small: the greatest one of a leaf stays above
/// 0.
fn keep_greatest(class_count: usize, values: &[f32], codes: &mut [u16]) {
    for (values, codes) in values.chunks_exact(class_count).zip(codes.chunks_exact_mut(class_count)) {
        if codes.iter().any(|code| *code > 0) {
            continue;
        }
        let likeliest = codes.iter_mut().zip(values).max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((code, _)) = likeliest {
            *code = 1;
        }
    }
}

/// The class of each leaf value, given the trees' numbers of leaves.
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
