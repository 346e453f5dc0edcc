//! The contributions of features to a forest's outputs: exact interventional Shapley values against one
//! reference row.
//!
//! Row and reference walk down a tree together. Where they part, the row's child is for coalitions that
//! contain the split's feature and the reference's child for those that do not; below, the feature is decided
//! and its later splits follow its side. So each leaf reached requires p features to be the row's and q to be
//! the reference's. It adds its value times (p − 1)! q! / (p + q)! to each of the former and subtracts its
//! value times p! (q − 1)! / (p + q)! from each of the latter (Laberge and Pequignot 2022, Understanding
//! Interventional TreeSHAP). Both sums over the leaves below a node are accumulated on the way back, so each
//! node is visited at most once and costs the same at any depth.

use super::leaves::LANES;
use super::nodes::Node;
use super::trees::{Placed, Trees};
use super::{Forest, Layout, Link, goes_right};
use crate::model::contributions::Contributions;

/// The number of outputs of a distribution that are attributed in one walk.
const WIDTH: usize = 4;

/// An output of a leaf that holds a distribution.
#[derive(Clone, Copy)]
enum Output {
    /// The code of a class.
    Code(usize),
    /// The sum of all classes' values, which is not exactly 1: leaves are rounded.
    Total,
}

/// A class whose outputs are attributed. Invariant: the forest has it.
#[derive(Clone, Copy)]
struct Attributed {
    class: usize,
    /// The value of one step of its codes.
    step: f64,
    /// The value of the codes of the row's leaves together.
    row: f64,
    /// The value of the codes of the reference's leaves together.
    reference: f64,
}

/// The bytes of the row and the reference in a column.
#[derive(Clone, Copy)]
struct Seen {
    feature: u16,
    row: u8,
    reference: u8,
}

/// Whose value a feature has on the path to a node.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Undecided,
    Row,
    Reference,
}

/// What the leaves below a node add to each feature that is the row's, and subtract from each that is the
/// reference's.
struct Below<const N: usize> {
    added: [f64; N],
    taken: [f64; N],
}

impl Forest {
    /// The contributions of the features to the outputs of some classes, from the bins of a row and of a
    /// reference row.
    pub(in crate::model) fn contributions(
        &self,
        row: &[u8],
        reference: &[u8],
        classes: &[usize],
    ) -> Contributions {
        match &self.layout {
            Layout::Compact(trees) => self.attribute(trees, row, reference, classes),
            Layout::Wide(trees) => self.attribute(trees, row, reference, classes),
        }
    }

    fn attribute<N: Node>(
        &self,
        trees: &Trees<N>,
        row: &[u8],
        reference: &[u8],
        classes: &[usize],
    ) -> Contributions {
        let bytes = [row, reference].map(|bins| {
            let mut bytes = Vec::new();
            self.fill_bytes(bins, &mut bytes);
            bytes
        });
        let sums = bytes.each_ref().map(|bytes| self.sums(trees, bytes));
        let [row_bytes, reference_bytes] = bytes;
        let bytes = self.columns.iter().zip(row_bytes).zip(reference_bytes);
        let seen: Vec<Seen> = bytes
            .map(|((column, row), reference)| Seen { feature: column.feature, row, reference })
            .collect();
        let parting = Parting::new(trees, &seen, row.len());
        let [row, reference] = sums;
        let steps = self.leaves.steps.iter().zip(row).zip(reference);
        let all: Vec<Attributed> = steps
            .enumerate()
            .map(|(class, ((step, row), reference))| {
                let step = f64::from(*step);
                Attributed { class, step, row: step * row, reference: step * reference }
            })
            .collect();
        let classes: Vec<Attributed> = classes.iter().filter_map(|class| all.get(*class).copied()).collect();
        match &self.link {
            Link::Mean => {
                let total = |part: fn(&Attributed) -> f64| all.iter().map(part).sum::<f64>();
                self.attribute_mean(parting, &classes, [total(|it| it.row), total(|it| it.reference)])
            }
            Link::Softmax(base) => self.attribute_scores(parting, &classes, base),
        }
    }

    /// The sums of the codes of a row's leaves, class by class.
    #[inline(never)]
    fn sums<N: Node>(&self, trees: &Trees<N>, bytes: &[u8]) -> Vec<f64> {
        let mut sums = vec![[0; LANES]; self.class_count.div_ceil(LANES)];
        self.add_leaves(trees, |node| goes_right(node, bytes), &mut sums);
        sums.into_flattened().into_iter().map(f64::from).collect()
    }

    /// A probability is S / T: a class's sum over the sum of all classes, where T differs slightly between
    /// rows because leaves are rounded. Shapley values are known for S and for T separately, since both are
    /// sums over trees. With (φ(S) T(r) − S(r) φ(T)) / (T(x) T(r)), the contributions of x against r still
    /// add up to S(x) / T(x) − S(r) / T(r), and those of a feature to all classes to 0. Where T is the same
    /// for both rows, it is φ(S) / T: the Shapley value of the probability, up to rounding.
    fn attribute_mean<N: Node>(
        &self,
        mut parting: Parting<'_, N>,
        classes: &[Attributed],
        [row_total, reference_total]: [f64; 2],
    ) -> Contributions {
        let of_classes = classes.iter().map(|it| Output::Code(it.class));
        let outputs: Vec<Output> = [Output::Total].into_iter().chain(of_classes).collect();
        let stride = outputs.len().next_multiple_of(WIDTH);
        parting.make_room(stride);
        let trees = parting.trees;
        for (group, outputs) in outputs.chunks(WIDTH).enumerate() {
            for tree in &trees.placed {
                parting.tree(tree, group * WIDTH, &|leaf| self.leaf(tree, leaf, outputs));
            }
        }
        let features = parting.sums.chunks_exact(stride).filter_map(<[f64]>::split_first);
        let values = features.flat_map(|(of_total, of_classes)| {
            classes.iter().zip(of_classes).map(move |(it, of_class)| {
                (it.step * of_class * reference_total - it.reference * of_total)
                    / (row_total * reference_total)
            })
        });
        Contributions {
            values: values.collect(),
            base: classes.iter().map(|it| it.reference / reference_total).collect(),
            outputs: classes.iter().map(|it| it.row / row_total).collect(),
            classes: classes.iter().map(|it| it.class).collect(),
        }
    }

    /// The outputs of a tree's leaf.
    #[inline(always)]
    fn leaf(&self, tree: &Placed, leaf: u32, outputs: &[Output]) -> [f64; WIDTH] {
        let first = (tree.first_leaf as usize + leaf as usize) * self.class_count;
        let code = |class: usize| f64::from(self.leaves.codes.get(first + class));
        let mut values = [0.0; WIDTH];
        for (value, output) in values.iter_mut().zip(outputs) {
            *value = match output {
                Output::Code(class) => code(*class),
                Output::Total => {
                    let steps = self.leaves.steps.iter().enumerate();
                    steps.map(|(class, step)| f64::from(*step) * code(class)).sum()
                }
            };
        }
        values
    }

    /// The contributions for boosted trees, each of which adds to the score of one class.
    fn attribute_scores<N: Node>(
        &self,
        mut parting: Parting<'_, N>,
        classes: &[Attributed],
        base: &[f32],
    ) -> Contributions {
        let stride = classes.len().max(1);
        parting.make_room(stride);
        let trees = parting.trees;
        for tree in &trees.placed {
            // A class may be listed twice.
            for (place, _) in classes.iter().enumerate().filter(|(_, it)| it.class == usize::from(tree.class))
            {
                parting.tree(tree, place, &|code| [f64::from(code)]);
            }
        }
        let rounds = (self.tree_count() / self.class_count.max(1)) as f64;
        let lows: Vec<f64> = base
            .iter()
            .zip(&self.leaves.lows)
            .map(|(base, low)| f64::from(*base) + rounds * f64::from(*low))
            .collect();
        let scored = classes.iter().filter_map(|it| Some((it, lows.get(it.class)?)));
        let (base, outputs) = scored.map(|(it, lows)| (lows + it.reference, lows + it.row)).unzip();
        let values = parting
            .sums
            .chunks_exact(stride)
            .flat_map(|sums| classes.iter().zip(sums).map(|(it, of_class)| it.step * of_class));
        let values = values.collect();
        Contributions { values, base, outputs, classes: classes.iter().map(|it| it.class).collect() }
    }
}

/// A walk of row and reference down the trees.
struct Parting<'t, N: Node> {
    trees: &'t Trees<N>,
    /// Column by column.
    seen: &'t [Seen],
    /// Feature by feature.
    sides: Vec<Side>,
    weights: Weights,
    /// The contributions of each feature to `stride` outputs.
    sums: Vec<f64>,
    stride: usize,
}

impl<'t, N: Node> Parting<'t, N> {
    fn new(trees: &'t Trees<N>, seen: &'t [Seen], feature_count: usize) -> Self {
        let mut differ = vec![false; feature_count];
        for seen in seen.iter().filter(|seen| seen.row != seen.reference) {
            if let Some(differs) = differ.get_mut(usize::from(seen.feature)) {
                *differs = true;
            }
        }
        let features = differ.iter().filter(|differs| **differs).count();
        let depth = trees.placed.iter().map(|tree| tree.depth).max().unwrap_or_default() as usize;
        Self {
            trees,
            seen,
            sides: vec![Side::Undecided; feature_count],
            weights: Weights::new(features.min(depth)),
            sums: Vec::new(),
            stride: 0,
        }
    }

    fn make_room(&mut self, stride: usize) {
        self.stride = stride;
        self.sums = vec![0.0; stride * self.sides.len()];
    }

    /// Adds the contributions of the features to a tree's value to the outputs from `first` on.
    fn tree<const O: usize>(&mut self, tree: &Placed, first: usize, leaf: &impl Fn(u32) -> [f64; O]) {
        self.below(tree.root, (0, 0), first, leaf);
    }

    /// `parted` holds the number of features on the path to this node that are the row's, and the number that
    /// are the reference's. The recursion is no deeper than the tree.
    fn below<const O: usize>(
        &mut self,
        node: u32,
        parted: (usize, usize),
        first: usize,
        leaf: &impl Fn(u32) -> [f64; O],
    ) -> Below<O> {
        let (mut position, (own, others)) = (node, parted);
        loop {
            let node = self.trees.nodes.get(position as usize).filter(|node| node.offset() > 0);
            let Some(node) = node else {
                let (values, [added, taken]) =
                    (leaf(self.trees.leaf(position)), self.weights.of(own, others));
                return Below {
                    added: values.map(|value| value * added),
                    taken: values.map(|value| value * taken),
                };
            };
            let left = position + node.offset();
            let Some(seen) = self.seen.get(node.column()).copied() else {
                position = left;
                continue;
            };
            let goes_right = |byte: u8| u32::from(byte > node.threshold());
            let (row, reference) = (left + goes_right(seen.row), left + goes_right(seen.reference));
            let feature = usize::from(seen.feature);
            position = match self.sides.get(feature) {
                _ if row == reference => row,
                Some(Side::Reference) => reference,
                Some(Side::Undecided) => {
                    return self.part(feature, (row, reference), parted, first, leaf);
                }
                _ => row,
            };
        }
    }

    /// Follows both children of a split of an undecided feature.
    fn part<const O: usize>(
        &mut self,
        feature: usize,
        (row, reference): (u32, u32),
        (own, others): (usize, usize),
        first: usize,
        leaf: &impl Fn(u32) -> [f64; O],
    ) -> Below<O> {
        self.decide(feature, Side::Row);
        let mut with = self.below(row, (own + 1, others), first, leaf);
        self.decide(feature, Side::Reference);
        let without = self.below(reference, (own, others + 1), first, leaf);
        self.decide(feature, Side::Undecided);
        // `below` has found the feature's side, so the feature has sums.
        let sums = self.sums.get_mut(feature * self.stride + first..).unwrap_or_default();
        for ((sum, added), taken) in sums.iter_mut().zip(&with.added).zip(&without.taken) {
            *sum += added - taken;
        }
        with.added.iter_mut().zip(without.added).for_each(|(sum, added)| *sum += added);
        with.taken.iter_mut().zip(without.taken).for_each(|(sum, taken)| *sum += taken);
        with
    }

    fn decide(&mut self, feature: usize, side: Side) {
        if let Some(slot) = self.sides.get_mut(feature) {
            *slot = side;
        }
    }
}

/// The weights of a leaf with p features of the row and q of the reference: (p − 1)! q! / (p + q)! and p! (q
/// − 1)! / (p + q)!.
struct Weights {
    order: usize,
    weights: Vec<[f64; 2]>,
}

impl Weights {
    /// Precomputes the weights for up to `order` features.
    fn new(order: usize) -> Self {
        // a! b! / (a + b + 1)!, starting from 1 / (b + 1).
        let weight = |a: usize, b: usize| {
            (1..=a).fold(1.0 / (b + 1) as f64, |weight, i| weight * i as f64 / (i + b + 1) as f64)
        };
        let pair = |own: usize, others: usize| {
            let added = own.checked_sub(1).map_or(0.0, |own| weight(own, others));
            let taken = others.checked_sub(1).map_or(0.0, |others| weight(own, others));
            [added, taken]
        };
        let weights = (0..=order).flat_map(|own| (0..=order).map(move |others| pair(own, others)));
        Self { order, weights: weights.collect() }
    }

    #[inline(always)]
    fn of(&self, own: usize, others: usize) -> [f64; 2] {
        debug_assert!(own.max(others) <= self.order, "more features on a way than differ");
        self.weights.get(own * (self.order + 1) + others).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
