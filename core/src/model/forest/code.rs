//! A forest as the bundle has it, and how it is checked and laid out for scoring.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::columns::{Column, ColumnKind};
use super::leaves::{Codes, LANES, Leaves};
use super::trees::{StoredNode, Trees, Unfit};
use super::{BinSet, Forest, Layout, Link, MAX_SETS, MAX_TREES, Node, Tree, TreeNode};
use crate::model::bins::MAX_FEATURES;
use crate::model::bounded::at_most;
use crate::model::bytes;

/// A forest as it is stored. Its nodes are numbers below 65,536 in strings of bytes: those below 255 in one byte, any other as
/// 255 and two bytes.
#[derive(Serialize, Deserialize)]
pub(in crate::model) struct ForestCode {
    pub(in crate::model) class_count: u16,
    pub(in crate::model) link: Link,
    /// The sets of the features that are split by sets, feature after feature.
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    pub(in crate::model) sets: Vec<SetSplits>,
    pub(in crate::model) tree_count: u16,
    /// For each node, tree after tree and each tree breadth-first: 0 for a leaf, else 1 + 2 × feature + (missing goes
    /// right).
    #[serde(with = "bytes")]
    pub(in crate::model) nodes: Vec<u8>,
    /// For each split, in the same order, the greatest bin that goes left; of a feature that is split by sets, which of
    /// them it is.
    #[serde(with = "bytes")]
    pub(in crate::model) thresholds: Vec<u8>,
    pub(in crate::model) leaves: LeafCode,
}

/// The sets of a feature.
#[derive(Serialize, Deserialize)]
pub(in crate::model) struct SetSplits {
    pub(in crate::model) feature: u16,
    #[serde(deserialize_with = "at_most::<MAX_SETS, _, _>")]
    pub(in crate::model) sets: Vec<BinSet>,
}

/// The leaves' values.
#[derive(Serialize, Deserialize)]
pub(in crate::model) struct LeafCode {
    pub(in crate::model) lows: Vec<f32>,
    pub(in crate::model) steps: Vec<f32>,
    /// Whether a code takes two bytes.
    pub(in crate::model) wide: bool,
    #[serde(with = "bytes")]
    pub(in crate::model) codes: Vec<u8>,
}

const ESCAPE: u8 = 255;

/// Writes a number as nodes and thresholds are.
pub(in crate::model) fn write_number(number: u16, bytes: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(byte) if byte != ESCAPE => bytes.push(byte),
        _ => {
            bytes.push(ESCAPE);
            bytes.extend(number.to_le_bytes());
        }
    }
}

/// Reads such numbers.
#[derive(Clone)]
struct Numbers<'b>(&'b [u8]);

impl Iterator for Numbers<'_> {
    type Item = Result<u16, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        if *first != ESCAPE {
            return Some(Ok(u16::from(*first)));
        }
        match rest.split_first_chunk() {
            Some((number, rest)) => {
                self.0 = rest;
                Some(Ok(u16::from_le_bytes(*number)))
            }
            None => Some(Err("a node's number is cut off".into())),
        }
    }
}

impl ForestCode {
    /// The code of trees whose leaves are not rounded yet.
    ///
    /// # Errors
    /// When there are too many trees or sets, or the leaves do not fit the link.
    pub(super) fn new(class_count: usize, link: Link, trees: &[Tree], steps: u16) -> Result<Self, String> {
        let leaf_counts: Vec<usize> = trees.iter().map(Tree::leaf_count).collect();
        let values: Vec<f32> = trees.iter().flat_map(|tree| tree.leaves.iter().copied()).collect();
        let leaves = Leaves::encode(class_count, &link, &leaf_counts, &values, steps)?;
        let leaves = LeafCode::new(leaves.lows, leaves.steps, leaves.codes);
        Self::with_leaves(class_count, link, trees, leaves)
    }

    /// The code of trees with leaves of their own.
    pub(super) fn with_leaves(
        class_count: usize,
        link: Link,
        trees: &[Tree],
        leaves: LeafCode,
    ) -> Result<Self, String> {
        if trees.len() > MAX_TREES {
            return Err(format!("{} trees, more than {MAX_TREES}", trees.len()));
        }
        let sets = SetNumbers::new(trees.iter().flat_map(|tree| &tree.nodes).copied())?;
        let mut code = Self {
            class_count: u16::try_from(class_count).map_err(|_| "too many classes")?,
            link,
            sets: sets.of_features(),
            tree_count: trees.len() as u16,
            nodes: Vec::new(),
            thresholds: Vec::new(),
            leaves,
        };
        for tree in trees {
            if !is_complete(tree) {
                return Err("a tree has more or fewer nodes than its splits lead to".into());
            }
            tree.nodes.iter().try_for_each(|node| code.push(*node, &sets))?;
        }
        Ok(code)
    }

    fn push(&mut self, node: TreeNode, sets: &SetNumbers) -> Result<(), String> {
        let (feature, missing_right, threshold) = match node {
            TreeNode::Leaf => {
                write_number(0, &mut self.nodes);
                return Ok(());
            }
            TreeNode::Split { feature, threshold, missing_right } => {
                (feature, missing_right, u16::from(threshold))
            }
            TreeNode::SetSplit { feature, left } => (feature, false, sets.number(feature, left)?),
        };
        if usize::from(feature) >= MAX_FEATURES {
            return Err(format!("a split of feature {feature}, beyond {MAX_FEATURES}"));
        }
        write_number(1 + 2 * feature + u16::from(missing_right), &mut self.nodes);
        write_number(threshold, &mut self.thresholds);
        Ok(())
    }

    /// Lays the trees out with nodes of this size.
    fn lay_out<N: Node>(&self, columns: &Columns, codes: &Codes) -> Result<Trees<N>, Unfit> {
        let mut thresholds = Numbers(&self.thresholds);
        let stored = Numbers(&self.nodes).map(|node| match node? {
            0 => Ok(StoredNode::Leaf),
            node => {
                let threshold = thresholds.next().ok_or("there are fewer thresholds than splits")??;
                columns.split(node, threshold)
            }
        });
        let code_of = (self.link != Link::Mean).then_some(|leaf| codes.get(leaf));
        let (trees, classes) = (usize::from(self.tree_count), usize::from(self.class_count));
        let node_count = Numbers(&self.nodes).count();
        let trees = Trees::new(trees, classes, node_count, stored, code_of)?;
        match thresholds.next() {
            None => Ok(trees),
            Some(_) => Err("there are more thresholds than splits".into()),
        }
    }
}

/// Whether a tree's splits announce exactly its other nodes, each before it comes.
fn is_complete(tree: &Tree) -> bool {
    let mut expected = 1;
    let in_order = tree.nodes.iter().enumerate().all(|(position, node)| {
        let announced = position < expected;
        expected += if *node == TreeNode::Leaf { 0 } else { 2 };
        announced
    });
    in_order && expected == tree.nodes.len()
}

/// The different sets of each feature, numbered.
struct SetNumbers(BTreeMap<u16, Vec<BinSet>>);

impl SetNumbers {
    fn new(nodes: impl Iterator<Item = TreeNode>) -> Result<Self, String> {
        let mut sets: BTreeMap<u16, BTreeSet<BinSet>> = BTreeMap::new();
        for node in nodes {
            if let TreeNode::SetSplit { feature, left } = node {
                sets.entry(feature).or_default().insert(left);
            }
        }
        if sets.values().map(BTreeSet::len).sum::<usize>() > MAX_SETS {
            return Err(format!("more than {MAX_SETS} sets"));
        }
        Ok(Self(sets.into_iter().map(|(feature, sets)| (feature, sets.into_iter().collect())).collect()))
    }

    fn number(&self, feature: u16, set: BinSet) -> Result<u16, String> {
        let number = self.0.get(&feature).and_then(|sets| sets.binary_search(&set).ok());
        number.and_then(|number| u16::try_from(number).ok()).ok_or_else(|| "a set is not there".into())
    }

    fn of_features(&self) -> Vec<SetSplits> {
        self.0.iter().map(|(feature, sets)| SetSplits { feature: *feature, sets: sets.clone() }).collect()
    }
}

/// The columns, and which of them a node's number means.
struct Columns {
    columns: Vec<Column>,
    /// For each number of a split that occurs, ascending, the first column that it may mean, and how many sets it has: 0
    /// where it has a threshold.
    meanings: Vec<(u16, u32, u32)>,
    /// Where in `meanings` small numbers stand, so that these need not be searched for.
    small: Box<[u16; SMALL]>,
}

const SMALL: usize = 1024;

impl Columns {
    fn new(code: &ForestCode) -> Result<Self, String> {
        if !code.sets.is_sorted_by(|a, b| a.feature < b.feature) {
            return Err("the features that are split by sets are not in order".into());
        }
        if code.sets.iter().map(|of| of.sets.len()).sum::<usize>() > MAX_SETS {
            return Err(format!("more than {MAX_SETS} sets"));
        }
        // A byte for each number there can be would be more than a small file should take.
        let mut seen = [0u64; (1 << 16) / 64];
        for number in Numbers(&code.nodes) {
            let number = number?;
            if let Some(word) = seen.get_mut(usize::from(number / 64)) {
                *word |= 1 << (number % 64);
            }
        }
        let is_seen =
            |number: u16| seen.get(usize::from(number / 64)).is_some_and(|w| w >> (number % 64) & 1 == 1);
        let mut columns = Self { columns: Vec::new(), meanings: Vec::new(), small: Box::new([0; SMALL]) };
        for number in (1..=u16::MAX).filter(|number| is_seen(*number)) {
            columns.add(number, &code.sets)?;
        }
        Ok(columns)
    }

    fn add(&mut self, number: u16, sets: &[SetSplits]) -> Result<(), String> {
        let (feature, missing_right) = ((number - 1) / 2, (number - 1) % 2 == 1);
        if usize::from(feature) >= MAX_FEATURES {
            return Err(format!("a split of feature {feature}, beyond {MAX_FEATURES}"));
        }
        let of_feature =
            sets.binary_search_by_key(&feature, |of| of.feature).ok().and_then(|at| sets.get(at));
        let first = self.columns.len() as u32;
        let kinds: Vec<ColumnKind> = match of_feature {
            None if missing_right => vec![ColumnKind::MissingRight],
            None => vec![ColumnKind::MissingLeft],
            Some(_) if missing_right => {
                return Err("a split by a set sends missing values to the right".into());
            }
            Some(of) => of.sets.iter().map(|set| ColumnKind::Set(*set)).collect(),
        };
        if let Some(slot) = self.small.get_mut(usize::from(number)) {
            *slot = self.meanings.len() as u16;
        }
        let set_count = of_feature.map_or(0, |of| of.sets.len() as u32);
        if of_feature.is_some() && set_count == 0 {
            return Err("a split by a set that is not there".into());
        }
        self.meanings.push((number, first, set_count));
        self.columns.extend(kinds.into_iter().map(|kind| Column { feature, kind }));
        Ok(())
    }

    /// A split with this number and threshold.
    #[inline(always)]
    fn split(&self, number: u16, threshold: u16) -> Result<StoredNode, String> {
        let at = match self.small.get(usize::from(number)) {
            Some(at) => usize::from(*at),
            None => self.meanings.partition_point(|(other, ..)| *other < number),
        };
        let (_, column, set_count) = *self.meanings.get(at).ok_or("a split of no feature")?;
        if set_count > 0 {
            return match u32::from(threshold) < set_count {
                true => {
                    Ok(StoredNode::Split { column: (column + u32::from(threshold)) as usize, threshold: 0 })
                }
                false => Err("a split by a set that is not there".into()),
            };
        }
        // The bin is lowered by one where missing goes right, and so is the threshold.
        let missing_right = (number - 1) % 2;
        let threshold = threshold.checked_sub(missing_right).and_then(|lowered| u8::try_from(lowered).ok());
        let threshold =
            threshold.filter(|threshold| *threshold < u8::MAX).ok_or("a split separates nothing")?;
        Ok(StoredNode::Split { column: column as usize, threshold })
    }
}

impl LeafCode {
    fn new(lows: Vec<f32>, steps: Vec<f32>, codes: Codes) -> Self {
        let (wide, codes) = match codes {
            Codes::Bytes(codes) => (false, codes),
            Codes::Words(codes) => (true, codes.iter().flat_map(|code| code.to_le_bytes()).collect()),
        };
        Self { lows, steps, wide, codes }
    }

    fn leaves(self) -> Result<Leaves, String> {
        let codes = match self.wide {
            false => Codes::Bytes(self.codes),
            true => match self.codes.as_chunks() {
                (codes, []) => Codes::Words(codes.iter().map(|code| u16::from_le_bytes(*code)).collect()),
                _ => return Err("half a leaf's code is left over".into()),
            },
        };
        Ok(Leaves { lows: self.lows, steps: self.steps, codes })
    }
}

impl TryFrom<ForestCode> for Forest {
    type Error = String;

    fn try_from(mut code: ForestCode) -> Result<Self, String> {
        let (class_count, tree_count) = (usize::from(code.class_count), usize::from(code.tree_count));
        if tree_count == 0 || tree_count > MAX_TREES {
            return Err(format!("{tree_count} trees, not 1 to {MAX_TREES}"));
        }
        let empty = LeafCode { lows: Vec::new(), steps: Vec::new(), wide: false, codes: Vec::new() };
        let mut leaves = std::mem::replace(&mut code.leaves, empty).leaves()?;
        let leaf_count = Numbers(&code.nodes).filter(|number| *number == Ok(0)).count();
        leaves.check(class_count, &code.link, tree_count, leaf_count)?;
        let columns = Columns::new(&code)?;
        let layout = match code.lay_out(&columns, &leaves.codes) {
            Ok(trees) => Layout::Compact(trees),
            Err(Unfit::Unsound(reason)) => return Err(reason),
            Err(Unfit::TooSmall) => match code.lay_out(&columns, &leaves.codes) {
                Ok(trees) => Layout::Wide(trees),
                Err(Unfit::Unsound(reason)) => return Err(reason),
                Err(Unfit::TooSmall) => return Err("the forest is too large".into()),
            },
        };
        match code.link {
            // Sums are taken in groups, of which the last may look behind the last code.
            Link::Mean => leaves.codes.resize(leaves.codes.len() + LANES),
            Link::Softmax(_) => leaves.codes = Codes::Bytes(Vec::new()),
        }
        Ok(Self { class_count, link: code.link, columns: columns.columns, layout, leaves })
    }
}

impl From<Forest> for ForestCode {
    fn from(forest: Forest) -> Self {
        let mut sets: Vec<SetSplits> = Vec::new();
        // Which of its feature's sets each column is.
        let mut numbers = Vec::with_capacity(forest.columns.len());
        for column in &forest.columns {
            let ColumnKind::Set(set) = column.kind else {
                numbers.push(0);
                continue;
            };
            if sets.last().is_none_or(|last| last.feature != column.feature) {
                sets.push(SetSplits { feature: column.feature, sets: Vec::new() });
            }
            if let Some(last) = sets.last_mut() {
                numbers.push(last.sets.len() as u16);
                last.sets.push(set);
            }
        }
        let (mut nodes, mut thresholds, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for (node, holds) in forest.stored() {
            let StoredNode::Split { column, threshold } = node else {
                write_number(0, &mut nodes);
                codes.push(holds as u16);
                continue;
            };
            let Some(Column { feature, kind }) = forest.columns.get(column) else { continue };
            let missing_right = u16::from(*kind == ColumnKind::MissingRight);
            write_number(1 + 2 * feature + missing_right, &mut nodes);
            match kind {
                ColumnKind::Set(_) => {
                    write_number(numbers.get(column).copied().unwrap_or_default(), &mut thresholds);
                }
                _ => write_number(u16::from(threshold) + missing_right, &mut thresholds),
            }
        }
        let tree_count = forest.tree_count() as u16;
        let Leaves { lows, steps, codes: mut of_classes } = forest.leaves;
        let codes = match forest.link {
            Link::Mean => {
                of_classes.resize(codes.len() * forest.class_count);
                of_classes
            }
            Link::Softmax(_) => Codes::new(codes),
        };
        Self {
            class_count: forest.class_count as u16,
            link: forest.link,
            sets,
            tree_count,
            nodes,
            thresholds,
            leaves: LeafCode::new(lows, steps, codes),
        }
    }
}
