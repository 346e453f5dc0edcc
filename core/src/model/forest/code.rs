//! A forest as the bundle stores it; checks it and lays it out for scoring.

mod meanings;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::columns::{Column, ColumnKind};
use super::leaves::{Codes, LANES, Leaves};
use super::trees::{Placed, StoredNode, Trees, Unfit};
use super::{BinSet, Forest, Layout, Link, MAX_SETS, MAX_TREES, Node, Tree, TreeNode};
use crate::decode::bounded::{at_most, list};
use crate::decode::bytes;
use crate::decode::memory::{Memory, TooMuch};
use crate::model::bins::MAX_FEATURES;
use meanings::{Meanings, Seen};

/// A forest as stored. Node numbers and thresholds are below 65,536 and stored as byte strings: a number
/// below 255 in one byte, any other as 255 and two bytes. The strings are borrowed if the forest is read from
/// a file.
#[derive(Serialize, Deserialize)]
pub(crate) struct ForestCode<'f> {
    pub(in crate::model) class_count: u16,
    pub(in crate::model) link: Link,
    /// The sets of the features that are split by sets, in feature order.
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    pub(in crate::model) sets: Vec<SetSplits>,
    pub(in crate::model) tree_count: u16,
    /// For each node, tree after tree and each tree breadth-first: 0 for a leaf, otherwise 1 + 2 × feature +
    /// (1 if missing goes right).
    #[serde(borrow, with = "bytes")]
    pub(in crate::model) nodes: Cow<'f, [u8]>,
    /// For each split, in the same order: the greatest bin that goes left, or the number of its set if the
    /// feature is split by sets.
    #[serde(borrow, with = "bytes")]
    pub(in crate::model) thresholds: Cow<'f, [u8]>,
    #[serde(borrow)]
    pub(in crate::model) leaves: LeafCode<'f>,
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
pub(in crate::model) struct LeafCode<'f> {
    #[serde(deserialize_with = "list")]
    pub(in crate::model) lows: Vec<f32>,
    #[serde(deserialize_with = "list")]
    pub(in crate::model) steps: Vec<f32>,
    /// Whether a code takes two bytes instead of one.
    pub(in crate::model) wide: bool,
    #[serde(borrow, with = "bytes")]
    pub(in crate::model) codes: Cow<'f, [u8]>,
}

const ESCAPE: u8 = 255;

/// Writes a number in the encoding of nodes and thresholds.
fn write_number(number: u16, bytes: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(byte) if byte != ESCAPE => bytes.push(byte),
        _ => {
            bytes.push(ESCAPE);
            bytes.extend(number.to_le_bytes());
        }
    }
}

/// Reads numbers in the encoding of nodes and thresholds.
#[derive(Clone)]
struct Numbers<'b>(&'b [u8]);

impl Iterator for Numbers<'_> {
    type Item = Result<u16, &'static str>;

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
            None => Some(Err("a node's number is cut off")),
        }
    }
}

impl ForestCode<'_> {
    /// Encodes trees, rounding their leaves.
    ///
    /// # Errors
    /// If there are too many trees or sets, or the leaves do not fit the link.
    pub(super) fn new(
        class_count: usize,
        link: Link,
        trees: &[Tree],
        steps: u16,
    ) -> Result<ForestCode<'static>, String> {
        let leaf_counts: Vec<usize> = trees.iter().map(Tree::leaf_count).collect();
        let values: Vec<f32> = trees.iter().flat_map(|tree| tree.leaves.iter().copied()).collect();
        let leaves = Leaves::encode(class_count, &link, &leaf_counts, &values, steps)?;
        let leaves = LeafCode::new(leaves.lows, leaves.steps, leaves.codes);
        ForestCode::with_leaves(class_count, link, trees, leaves)
    }

    /// Encodes trees with leaves that are already encoded.
    pub(super) fn with_leaves(
        class_count: usize,
        link: Link,
        trees: &[Tree],
        leaves: LeafCode<'static>,
    ) -> Result<ForestCode<'static>, String> {
        if trees.len() > MAX_TREES {
            return Err(format!("{} trees, more than {MAX_TREES}", trees.len()));
        }
        let sets = SetNumbers::new(trees.iter().flat_map(|tree| &tree.nodes).copied())?;
        let mut code = ForestCode {
            class_count: u16::try_from(class_count).map_err(|_| "too many classes")?,
            link,
            sets: sets.of_features(),
            tree_count: trees.len() as u16,
            nodes: Cow::default(),
            thresholds: Cow::default(),
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
                write_number(0, self.nodes.to_mut());
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
        write_number(1 + 2 * feature + u16::from(missing_right), self.nodes.to_mut());
        write_number(threshold, self.thresholds.to_mut());
        Ok(())
    }

    /// Checks the forest and lays it out for scoring.
    ///
    /// # Errors
    /// If it is invalid, or the memory budget does not suffice.
    pub(in crate::model) fn forest(mut self, memory: &Memory) -> Result<Forest, String> {
        let (class_count, tree_count) = (usize::from(self.class_count), usize::from(self.tree_count));
        if tree_count == 0 || tree_count > MAX_TREES {
            return Err(format!("{tree_count} trees, not 1 to {MAX_TREES}"));
        }
        let empty = LeafCode { lows: Vec::new(), steps: Vec::new(), wide: false, codes: Cow::default() };
        let mut leaves = std::mem::replace(&mut self.leaves, empty).leaves(memory)?;
        let seen = Seen::new(&self.nodes)?;
        // The check's counters.
        memory.take::<bool>(class_count)?;
        leaves.check(class_count, &self.link, tree_count, seen.leaf_count)?;
        memory.give_back::<bool>(class_count);
        let (columns, meanings) = meanings::of(&self.sets, &seen, memory)?;
        let sets = std::mem::take(&mut self.sets);
        sets.iter().for_each(|of| memory.give_back::<BinSet>(of.sets.len()));
        memory.give_back::<SetSplits>(sets.len());
        drop(sets);
        let layout = match self.lay_out(&meanings, seen.node_count, &leaves.codes, memory) {
            Ok(trees) => Layout::Compact(trees),
            Err(Unfit::Unsound(reason)) => return Err(reason),
            Err(Unfit::TooSmall) => match self.lay_out(&meanings, seen.node_count, &leaves.codes, memory) {
                Ok(trees) => Layout::Wide(trees),
                Err(Unfit::Unsound(reason)) => return Err(reason),
                Err(Unfit::TooSmall) => return Err("the forest is too large".into()),
            },
        };
        meanings.give_back(memory);
        match self.link {
            // Codes are added in groups, the last of which may read past the last code.
            Link::Mean => leaves.codes.resize(leaves.codes.len() + LANES),
            Link::Softmax(_) => {
                match &leaves.codes {
                    Codes::Bytes(codes) => memory.give_back::<u8>(codes.capacity()),
                    Codes::Words(codes) => memory.give_back::<u16>(codes.capacity()),
                }
                leaves.codes = Codes::Bytes(Vec::new());
            }
        }
        Ok(Forest { class_count, link: self.link, columns, layout, leaves })
    }

    /// Lays the trees out with nodes of this type.
    fn lay_out<N: Node>(
        &self,
        meanings: &Meanings,
        node_count: usize,
        codes: &Codes,
        memory: &Memory,
    ) -> Result<Trees<N>, Unfit> {
        let mut thresholds = Numbers(&self.thresholds);
        let stored = Numbers(&self.nodes).map(|node| match node? {
            0 => Ok(StoredNode::Leaf),
            node => {
                let threshold = thresholds.next().ok_or("there are fewer thresholds than splits")??;
                meanings.split(node, threshold)
            }
        });
        let code_of = (self.link != Link::Mean).then_some(|leaf| codes.get(leaf));
        let (trees, classes) = (usize::from(self.tree_count), usize::from(self.class_count));
        memory.take::<Placed>(trees)?;
        memory.take::<N>(node_count)?;
        memory.take::<N::Holds>(node_count)?;
        let laid_out = Trees::new(trees, classes, node_count, stored, code_of);
        if laid_out.is_err() {
            memory.give_back::<Placed>(trees);
            memory.give_back::<N>(node_count);
            memory.give_back::<N::Holds>(node_count);
        }
        match thresholds.next() {
            Some(_) if laid_out.is_ok() => Err("there are more thresholds than splits".into()),
            _ => laid_out,
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

/// The different sets of each feature, in the order of their numbers.
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

impl LeafCode<'_> {
    fn new(lows: Vec<f32>, steps: Vec<f32>, codes: Codes) -> LeafCode<'static> {
        let (wide, codes) = match codes {
            Codes::Bytes(codes) => (false, codes),
            Codes::Words(codes) => (true, codes.iter().flat_map(|code| code.to_le_bytes()).collect()),
        };
        LeafCode { lows, steps, wide, codes: codes.into() }
    }

    /// The leaves, with room for padding after the last code.
    fn leaves(self, memory: &Memory) -> Result<Leaves, String> {
        let codes = match self.wide {
            false => Codes::Bytes(copy(self.codes.iter().copied(), memory)?),
            true => match self.codes.as_chunks() {
                (codes, []) => {
                    Codes::Words(copy(codes.iter().map(|code| u16::from_le_bytes(*code)), memory)?)
                }
                _ => return Err("half a leaf's code is left over".into()),
            },
        };
        if let Cow::Owned(codes) = self.codes {
            // Codes that were copied while decoding, which were paid for.
            memory.give_back::<u8>(codes.len());
        }
        Ok(Leaves { lows: self.lows, steps: self.steps, codes })
    }
}

fn copy<T>(codes: impl ExactSizeIterator<Item = T>, memory: &Memory) -> Result<Vec<T>, TooMuch> {
    let room = codes.len().saturating_add(LANES);
    memory.take::<T>(room)?;
    let mut copied = Vec::with_capacity(room);
    copied.extend(codes);
    Ok(copied)
}

impl From<Forest> for ForestCode<'_> {
    fn from(forest: Forest) -> Self {
        let mut sets: Vec<SetSplits> = Vec::new();
        // The number of each column's set among the sets of its feature.
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
        let numbered: Vec<(&Column, u16)> = forest.columns.iter().zip(numbers).collect();
        let (mut nodes, mut thresholds, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for (node, holds) in forest.stored() {
            let StoredNode::Split { column, threshold } = node else {
                write_number(0, &mut nodes);
                codes.push(holds as u16);
                continue;
            };
            let Some((Column { feature, kind }, number)) = numbered.get(column) else { continue };
            let missing_right = u16::from(*kind == ColumnKind::MissingRight);
            write_number(1 + 2 * feature + missing_right, &mut nodes);
            match kind {
                ColumnKind::Set(_) => {
                    write_number(*number, &mut thresholds);
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
            nodes: nodes.into(),
            thresholds: thresholds.into(),
            leaves: LeafCode::new(lows, steps, codes),
        }
    }
}
