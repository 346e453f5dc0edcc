//! The meaning of a forest's node numbers: the feature that a split tests, and how.

use super::{Numbers, SetSplits};
use crate::decode::memory::Memory;
use crate::model::bins::MAX_FEATURES;
use crate::model::forest::MAX_SETS;
use crate::model::forest::columns::{Column, ColumnKind};
use crate::model::forest::trees::StoredNode;

/// The node numbers that occur in a forest.
pub(super) struct Seen {
    pub(super) node_count: usize,
    pub(super) leaf_count: usize,
    /// One bit per number: a byte each would be more memory than a small file warrants.
    numbers: [u64; (1 << 16) / 64],
}

impl Seen {
    pub(super) fn new(nodes: &[u8]) -> Result<Self, &'static str> {
        let mut seen = Self { node_count: 0, leaf_count: 0, numbers: [0; (1 << 16) / 64] };
        for number in Numbers(nodes) {
            let number = number?;
            seen.node_count += 1;
            seen.leaf_count += usize::from(number == 0);
            if let Some(word) = seen.numbers.get_mut(usize::from(number / 64)) {
                *word |= 1 << (number % 64);
            }
        }
        Ok(seen)
    }

    /// The numbers of splits, ascending.
    fn splits(&self) -> impl Iterator<Item = u16> {
        let occurs = self.numbers.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1));
        (0..=u16::MAX).zip(occurs).skip(1).filter_map(|(number, occurs)| occurs.then_some(number))
    }
}

/// Maps the numbers of splits to columns.
pub(super) struct Meanings {
    /// For each split number that occurs, ascending: the first column that it may mean, and the number of
    /// sets (0 if it has a threshold).
    meanings: Vec<Meaning>,
    /// The position in `meanings` of small numbers, which need no search.
    small: Box<[u16; SMALL]>,
}

type Meaning = (u16, u32, u32);

const SMALL: usize = 1024;

/// The columns of a forest, and the meanings of its node numbers.
pub(super) fn of(
    sets: &[SetSplits],
    seen: &Seen,
    memory: &Memory,
) -> Result<(Vec<Column>, Meanings), String> {
    if !sets.is_sorted_by(|a, b| a.feature < b.feature) {
        return Err("the features that are split by sets are not in order".into());
    }
    if sets.iter().map(|of| of.sets.len()).sum::<usize>() > MAX_SETS {
        return Err(format!("more than {MAX_SETS} sets"));
    }
    let (number_count, column_count) = seen.splits().fold((0, 0), |(numbers, columns), number| {
        (numbers + 1, columns + sets_of(number, sets).map_or(1, |of| of.sets.len()))
    });
    memory.take::<Meaning>(number_count)?;
    memory.take::<Column>(column_count)?;
    memory.take::<[u16; SMALL]>(1)?;
    let mut columns = Vec::with_capacity(column_count);
    let mut meanings = Meanings { meanings: Vec::with_capacity(number_count), small: Box::new([0; SMALL]) };
    for number in seen.splits() {
        meanings.add(number, sets_of(number, sets), &mut columns)?;
    }
    Ok((columns, meanings))
}

/// The sets of the feature of a split with this number, if it is split by sets.
fn sets_of(number: u16, sets: &[SetSplits]) -> Option<&SetSplits> {
    let feature = number.saturating_sub(1) / 2;
    sets.binary_search_by_key(&feature, |of| of.feature).ok().and_then(|at| sets.get(at))
}

impl Meanings {
    /// Gives back the memory that the meanings took.
    pub(super) fn give_back(self, memory: &Memory) {
        memory.give_back::<Meaning>(self.meanings.len());
        memory.give_back::<[u16; SMALL]>(1);
    }

    fn add(
        &mut self,
        number: u16,
        of_feature: Option<&SetSplits>,
        columns: &mut Vec<Column>,
    ) -> Result<(), String> {
        let (feature, missing_right) = ((number - 1) / 2, (number - 1) % 2 == 1);
        if usize::from(feature) >= MAX_FEATURES {
            return Err(format!("a split of feature {feature}, beyond {MAX_FEATURES}"));
        }
        if let Some(slot) = self.small.get_mut(usize::from(number)) {
            *slot = self.meanings.len() as u16;
        }
        let set_count = of_feature.map_or(0, |of| of.sets.len());
        self.meanings.push((number, columns.len() as u32, set_count as u32));
        match of_feature {
            None if missing_right => columns.push(Column { feature, kind: ColumnKind::MissingRight }),
            None => columns.push(Column { feature, kind: ColumnKind::MissingLeft }),
            Some(_) if missing_right => {
                return Err("a split by a set sends missing values to the right".into());
            }
            Some(of) if of.sets.is_empty() => return Err("a split by a set that is not there".into()),
            Some(of) => {
                columns.extend(of.sets.iter().map(|set| Column { feature, kind: ColumnKind::Set(*set) }));
            }
        }
        Ok(())
    }

    /// The split with a number and a threshold.
    #[inline(always)]
    pub(super) fn split(&self, number: u16, threshold: u16) -> Result<StoredNode, &'static str> {
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
                false => Err("a split by a set that is not there"),
            };
        }
        // In such columns the bins are lowered by one, and so is the threshold.
        let missing_right = (number - 1) % 2;
        let threshold = threshold.checked_sub(missing_right).and_then(|lowered| u8::try_from(lowered).ok());
        let threshold =
            threshold.filter(|threshold| *threshold < u8::MAX).ok_or("a split separates nothing")?;
        Ok(StoredNode::Split { column: column as usize, threshold })
    }
}
